/* SPDX-License-Identifier: Apache-2.0 */
#include "repeat.h"

void
search_repeats_init (Repeats *repeats, uint32_t decisions)
{
  *repeats = (Repeats){ .decisions = decisions,
                        .figures = g_array_new (FALSE, TRUE, sizeof (double)),
                        .archs = g_byte_array_new () };
}

void
search_repeats_clear (Repeats *repeats)
{
  g_clear_pointer (&repeats->figures, g_array_unref);
  g_clear_pointer (&repeats->archs, g_byte_array_unref);
}

void
search_repeats_add (Repeats *repeats, const LodeHost *host, const uint8_t *arch)
{
  g_autofree uint8_t *scored = g_new0 (uint8_t, (gsize) repeats->decisions + 1);
  LodeScore score = { .size = sizeof score, .value = NAN };
  LodeSpent spent = { .size = sizeof spent };
  double figures[REPEAT_FIGURES];

  lode_best (host, scored, &score);
  lode_spent (host, &spent);
  figures[REPEAT_SCORE] = score.value;
  figures[REPEAT_SCORES] = (double) spent.scores;
  figures[REPEAT_SECONDS] = spent.seconds;
  g_array_append_vals (repeats->figures, figures, REPEAT_FIGURES);
  g_byte_array_append (repeats->archs, arch, repeats->decisions);
  repeats->n++;
}

static double
figure (const Repeats *repeats, uint32_t i, uint32_t which)
{
  return g_array_index (repeats->figures, double, i *REPEAT_FIGURES + which);
}

static bool
write_line (const Repeats *repeats, const LodeHost *host, uint32_t i, GString *text, GError **error)
{
  const uint8_t *arch = repeats->archs->data + (gsize) i * repeats->decisions;
  g_autofree char *words = lode_arch_write (host, arch);
  char score[G_ASCII_DTOSTR_BUF_SIZE], seconds[G_ASCII_DTOSTR_BUF_SIZE];
  uint64_t macs, params;

  if (!lode_cost (host, arch, &macs, &params, error))
    return false;
  g_ascii_dtostr (score, sizeof score, figure (repeats, i, REPEAT_SCORE));
  g_ascii_dtostr (seconds, sizeof seconds, figure (repeats, i, REPEAT_SECONDS));
  g_string_append_printf (text,
                          "%u,%s,%.0f,%s,%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",\"%s\"\n", i,
                          score, figure (repeats, i, REPEAT_SCORES), seconds, macs, params, words);
  return true;
}

/* Mean and standard deviation over the repetitions. */
static void
summarise (const Repeats *repeats, const LodeHost *host, uint32_t which, const char *name)
{
  g_autofree char *mean_name = g_strconcat (name, "_mean", NULL);
  g_autofree char *sd_name = g_strconcat (name, "_sd", NULL);
  double mean = 0, square = 0;

  for (uint32_t i = 0; i < repeats->n; i++)
    mean += figure (repeats, i, which) / repeats->n;
  for (uint32_t i = 0; i < repeats->n; i++) {
    double off = figure (repeats, i, which) - mean;

    square += off * off;
  }
  if (!isfinite (mean))
    return;
  lode_result (host, mean_name, mean);
  if (repeats->n > 1)
    lode_result (host, sd_name, sqrt (square / (repeats->n - 1)));
}

bool
search_repeats_write (const Repeats *repeats, const LodeHost *host, GError **error)
{
  g_autofree char *path = lode_art_path (host, "repeats", 0, error);
  g_autoptr (GString) text =
      g_string_new ("repetition,best_score,scores,seconds,macs,params,architecture\n");

  if (!path)
    return false;
  for (uint32_t i = 0; i < repeats->n; i++)
    if (!write_line (repeats, host, i, text, error))
      return false;
  summarise (repeats, host, REPEAT_SCORE, "best_score");
  summarise (repeats, host, REPEAT_SCORES, "scores");
  summarise (repeats, host, REPEAT_SECONDS, "seconds");
  return g_file_set_contents (path, text->str, (gssize) text->len, error);
}

void
search_repeats_save (const Repeats *repeats, LodeStore *store)
{
  const uint64_t n = repeats->n;

  lode_store_put (store, "repeats", LODE_TYPE_U64, 1, &n);
  lode_store_put (store, "figures", LODE_TYPE_F64, repeats->figures->len, repeats->figures->data);
  lode_store_put (store, "archs", LODE_TYPE_U8, repeats->archs->len, repeats->archs->data);
}

bool
search_repeats_load (Repeats *repeats, const LodeStore *store, GError **error)
{
  g_autofree double *figures = NULL;
  g_autofree uint8_t *archs = NULL;
  uint64_t n;

  if (!lode_store_get (store, "repeats", LODE_TYPE_U64, 1, &n, error))
    return false;
  n = MIN (n, G_MAXUINT32 / (REPEAT_FIGURES * (repeats->decisions + 1)));
  figures = g_new0 (double, n *REPEAT_FIGURES + 1);
  archs = g_new0 (uint8_t, n * repeats->decisions + 1);
  if (!lode_store_get (store, "figures", LODE_TYPE_F64, n * REPEAT_FIGURES, figures, error)
      || !lode_store_get (store, "archs", LODE_TYPE_U8, n * repeats->decisions, archs, error))
    return false;
  g_array_set_size (repeats->figures, 0);
  g_byte_array_set_size (repeats->archs, 0);
  g_array_append_vals (repeats->figures, figures, (guint) n * REPEAT_FIGURES);
  g_byte_array_append (repeats->archs, archs, (guint) n * repeats->decisions);
  repeats->n = (uint32_t) n;
  return true;
}
