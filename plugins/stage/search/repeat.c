/* SPDX-License-Identifier: Apache-2.0 */
#include "repeat.h"

#include <string.h>

enum { MOST_NAMES = 1 << 16, MOST_WIDTH = 1000 };

void
search_repeats_init (Repeats *repeats, uint32_t decisions)
{
  *repeats = (Repeats){ .decisions = decisions,
                        .names = g_string_new (NULL),
                        .figures = g_array_new (FALSE, TRUE, sizeof (double)),
                        .archs = g_byte_array_new () };
}

void
search_repeats_clear (Repeats *repeats)
{
  if (repeats->names)
    g_string_free (repeats->names, TRUE);
  repeats->names = NULL;
  g_clear_pointer (&repeats->figures, g_array_unref);
  g_clear_pointer (&repeats->archs, g_byte_array_unref);
}

static void
put (Repeats *repeats, const char *name, double value)
{
  if (repeats->n == 0) {
    g_string_append_printf (repeats->names, "%s\n", name);
    repeats->width++;
  }
  g_array_append_val (repeats->figures, value);
}

bool
search_repeats_add (Repeats *repeats, const LodeHost *host, const uint8_t *arch, GError **error)
{
  g_autofree uint8_t *scored = g_new0 (uint8_t, (gsize) repeats->decisions + 1);
  LodeScore score = { .size = sizeof score, .value = NAN };
  LodeSpent spent = { .size = sizeof spent };
  LodeQuotes quotes = { .size = sizeof quotes };
  uint64_t macs, params;

  if (!lode_cost (host, arch, &macs, &params, error)
      || !lode_stage_quote (host, arch, &quotes, error))
    return false;
  lode_best (host, scored, &score);
  lode_spent (host, &spent);
  put (repeats, "best_score", score.value);
  put (repeats, "scores", (double) spent.scores);
  put (repeats, "seconds", spent.seconds);
  put (repeats, "macs", (double) macs);
  put (repeats, "params", (double) params);
  for (uint32_t i = 0; i < quotes.n; i++)
    put (repeats, quotes.name[i], quotes.value[i]);
  g_byte_array_append (repeats->archs, arch, repeats->decisions);
  repeats->n++;
  return true;
}

static double
figure (const Repeats *repeats, uint32_t i, uint32_t which)
{
  return g_array_index (repeats->figures, double, (gsize) i * repeats->width + which);
}

static void
write_line (const Repeats *repeats, const LodeHost *host, uint32_t i, GString *text)
{
  const uint8_t *arch = repeats->archs->data + (gsize) i * repeats->decisions;
  g_autofree char *words = lode_arch_write (host, arch);
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (text, "%u", i);
  for (uint32_t f = 0; f < repeats->width; f++) {
    double value = figure (repeats, i, f);

    g_string_append_printf (text, ",%s",
                            isfinite (value) ? g_ascii_dtostr (digits, sizeof digits, value) : "");
  }
  g_string_append_printf (text, ",\"%s\"\n", words);
}

static void
result (const LodeHost *host, const char *name, const char *what, double value)
{
  g_autofree char *whole = g_strconcat (name, what, NULL);

  lode_result (host, whole, value);
}

/* Mean over the repetitions, half the width of its 95 % interval, and standard deviation. */
static void
summarise (const Repeats *repeats, const LodeHost *host, uint32_t which, const char *name)
{
  g_autofree double *value = g_new (double, (gsize) repeats->n + 1);
  double sum = 0, half, sd;

  for (uint32_t i = 0; i < repeats->n; i++)
    sum += value[i] = figure (repeats, i, which);
  if (!isfinite (sum))
    return;
  result (host, name, "_mean", sum / repeats->n);
  if (repeats->n < 2)
    return;
  half = lode_interval (host, repeats->n, value, 0.95, &sd);
  result (host, name, "_ci", half);
  result (host, name, "_sd", sd);
}

bool
search_repeats_write (const Repeats *repeats, const LodeHost *host, GError **error)
{
  g_autoptr (GString) text = g_string_new ("repetition");
  g_auto (GStrv) name = g_strsplit (repeats->names->str, "\n", -1);

  for (uint32_t f = 0; f < repeats->width; f++) {
    g_string_append_printf (text, ",%s", name[f]);
    if (strcmp (name[f], "macs") && strcmp (name[f], "params"))
      summarise (repeats, host, f, name[f]);
  }
  g_string_append (text, ",architecture\n");
  for (uint32_t i = 0; i < repeats->n; i++)
    write_line (repeats, host, i, text);
  return lode_text_save (host, "repeats", text->str, error);
}

void
search_repeats_save (const Repeats *repeats, LodeStore *store)
{
  const uint64_t counts[] = { repeats->n, repeats->width, repeats->names->len };

  lode_store_put (store, "repeats", LODE_TYPE_U64, G_N_ELEMENTS (counts), counts);
  lode_store_put (store, "names", LODE_TYPE_U8, repeats->names->len, repeats->names->str);
  lode_store_put (store, "figures", LODE_TYPE_F64, repeats->figures->len, repeats->figures->data);
  lode_store_put (store, "archs", LODE_TYPE_U8, repeats->archs->len, repeats->archs->data);
}

static bool
refuse (GError **error, const char *what)
{
  g_set_error (error, g_quark_from_static_string ("lode-search"), 0,
               "stage search: its checkpoint %s", what);
  return false;
}

/* As many lines as there are figures. */
static bool
load_names (Repeats *repeats, const LodeStore *store, const uint64_t *counts, GError **error)
{
  g_autofree char *names = g_new0 (char, counts[2] + 1);
  uint64_t lines = 0;

  if (!lode_store_get (store, "names", LODE_TYPE_U8, counts[2], names, error))
    return false;
  for (uint64_t i = 0; i < counts[2]; i++)
    lines += names[i] == '\n';
  if (lines != counts[1] || strlen (names) != counts[2])
    return refuse (error, "does not name the figures that it holds");
  g_string_assign (repeats->names, names);
  return true;
}

bool
search_repeats_load (Repeats *repeats, const LodeStore *store, GError **error)
{
  g_autofree double *figures = NULL;
  g_autofree uint8_t *archs = NULL;
  uint64_t counts[3], room;

  if (!lode_store_get (store, "repeats", LODE_TYPE_U64, G_N_ELEMENTS (counts), counts, error))
    return false;
  room = G_MAXINT32 / (8 * (MIN (counts[1], MOST_WIDTH) + repeats->decisions + 1));
  if (counts[0] > room || counts[1] > MOST_WIDTH || counts[2] > MOST_NAMES)
    return refuse (error, "counts more than there can be");
  figures = g_new0 (double, counts[0] * counts[1] + 1);
  archs = g_new0 (uint8_t, counts[0] * repeats->decisions + 1);
  if (!lode_store_get (store, "figures", LODE_TYPE_F64, counts[0] * counts[1], figures, error)
      || !lode_store_get (store, "archs", LODE_TYPE_U8, counts[0] * repeats->decisions, archs,
                          error)
      || !load_names (repeats, store, counts, error))
    return false;
  g_array_set_size (repeats->figures, 0);
  g_byte_array_set_size (repeats->archs, 0);
  g_array_append_vals (repeats->figures, figures, (guint) (counts[0] * counts[1]));
  g_byte_array_append (repeats->archs, archs, (guint) (counts[0] * repeats->decisions));
  repeats->n = (uint32_t) counts[0];
  repeats->width = (uint32_t) counts[1];
  return true;
}
