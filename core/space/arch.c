/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architectures of a backbone: checks, and the defaults of what a backbone leaves out.
 */
#include "space/arch.h"

#include "error.h"
#include <lode/rng.h>

#include <math.h>
#include <string.h>

enum { MOST_OPTIONS = 64, BASES = 16 };

/* A name that "name=option …" can hold; NULL, or what is wrong with it. */
static char *
check_name (const char *name, const char *what)
{
  if (!name || !*name)
    return g_strdup_printf ("%s has no name", what);
  if (!g_utf8_validate (name, -1, NULL))
    return g_strdup_printf ("the name of %s is not UTF-8", what);
  for (const char *c = name; *c; c++)
    if (*c == '=' || g_ascii_isspace (*c) || g_ascii_iscntrl (*c))
      return g_strdup_printf ("the name \"%s\" of %s holds a blank or '='", name, what);
  return NULL;
}

static char *
check_decision (const LodeDecision *decision, uint32_t i)
{
  g_autofree char *what = g_strdup_printf ("decision %u", i);
  char *wrong = check_name (decision->name, what);

  if (wrong)
    return wrong;
  if (decision->n < 1 || decision->n > MOST_OPTIONS)
    return g_strdup_printf ("decision \"%s\" has %u options, expected 1 to %d", decision->name,
                            decision->n, MOST_OPTIONS);
  if (!decision->option)
    return g_strdup_printf ("decision \"%s\" does not name its options", decision->name);
  for (uint32_t o = 0; o < decision->n; o++) {
    g_autofree char *option = g_strdup_printf ("option %u of decision \"%s\"", o, decision->name);

    wrong = check_name (decision->option[o], option);
    if (wrong)
      return wrong;
    for (uint32_t p = 0; p < o; p++)
      if (!strcmp (decision->option[o], decision->option[p]))
        return g_strdup_printf ("decision \"%s\" has two options \"%s\"", decision->name,
                                decision->option[o]);
  }
  return NULL;
}

char *
lode_space_check (const LodeSpace *space)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  uint64_t options = 0;

  if (space->n && (!space->at || space->stride < sizeof (LodeDecision)))
    return g_strdup_printf ("the space of %u decisions has no list of them, or a stride of %zu; "
                            "expected at least %zu",
                            space->n, space->stride, sizeof (LodeDecision));
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);
    char *wrong = check_decision (decision, i);

    if (wrong)
      return wrong;
    if (!g_hash_table_add (names, (char *) decision->name))
      return g_strdup_printf ("two decisions are called \"%s\"", decision->name);
    options += decision->n;
  }
  if (options != space->options)
    return g_strdup_printf ("the decisions have %" G_GUINT64_FORMAT
                            " options in all, the space says %u",
                            options, space->options);
  return NULL;
}

bool
lode_arch_check (const LodeSpace *space, const uint8_t *arch, GError **error)
{
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);

    if (arch[i] >= decision->n) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                   "architecture: decision \"%s\" has no option %u, expected 0 to %u",
                   decision->name, arch[i], decision->n - 1);
      return false;
    }
  }
  return true;
}

/* Argmax over the options of a mask; where none has a weight the lowest of them. mix: [n] */
static uint8_t
best_option (const float *mix, uint32_t n, uint64_t mask)
{
  int32_t best = -1, lowest = -1;

  for (uint32_t o = 0; o < n; o++) {
    if (!(mask >> o & 1))
      continue;
    if (lowest < 0)
      lowest = (int32_t) o;
    if (!isnan (mix[o]) && (best < 0 || mix[o] > mix[best]))
      best = (int32_t) o;
  }
  return (uint8_t) MAX (best >= 0 ? best : lowest, 0);
}

void
lode_arch_derive (const LodeArchFamily *family, const float *mix, const uint64_t *mask,
                  uint8_t *arch)
{
  const LodeSpace *space = lode_arch_space (family);

  if (family->ops->derive) {
    family->ops->derive (family->backbone, mix, mask, arch);
    return;
  }
  for (uint32_t i = 0; i < space->n; i++) {
    uint32_t n = lode_space_at (space, i)->n;

    arch[i] = best_option (mix, n, mask ? mask[i] : UINT64_MAX);
    mix += n;
  }
}

void
lode_arch_sample (const LodeArchFamily *family, uint8_t *arch, LodeRng *rng)
{
  const LodeSpace *space = lode_arch_space (family);

  if (family->ops->sample) {
    family->ops->sample (family->backbone, arch, rng);
    return;
  }
  for (uint32_t i = 0; i < space->n; i++)
    arch[i] = (uint8_t) lode_rng_below (rng, lode_space_at (space, i)->n);
  lode_arch_repair (family, arch, rng);
}

void
lode_arch_repair (const LodeArchFamily *family, uint8_t *arch, LodeRng *rng)
{
  if (family->ops->repair)
    family->ops->repair (family->backbone, arch, rng);
}

char *
lode_arch_text (const LodeArchFamily *family, const uint8_t *arch)
{
  const LodeSpace *space = lode_arch_space (family);
  GString *text;

  if (family->ops->write)
    return family->ops->write (family->backbone, arch);
  text = g_string_new (NULL);
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);

    g_string_append_printf (text, "%s%s=%s", i ? " " : "", decision->name,
                            decision->option[arch[i]]);
  }
  return g_string_free (text, FALSE);
}

static int32_t
find_decision (const LodeSpace *space, const char *name)
{
  for (uint32_t i = 0; i < space->n; i++)
    if (!strcmp (lode_space_at (space, i)->name, name))
      return (int32_t) i;
  return -1;
}

static int32_t
find_option (const LodeDecision *decision, const char *name)
{
  for (uint32_t o = 0; o < decision->n; o++)
    if (!strcmp (decision->option[o], name))
      return (int32_t) o;
  return -1;
}

static void refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "architecture: %s", text);
}

static char *
option_names (const LodeDecision *decision)
{
  GString *names = g_string_new (NULL);

  for (uint32_t o = 0; o < decision->n; o++)
    g_string_append_printf (names, "%s%s", o ? ", " : "", decision->option[o]);
  return g_string_free (names, FALSE);
}

/* One "name=option". set: [space.n] decisions that were named already */
static bool
read_word (const LodeSpace *space, char *word, uint8_t *arch, bool *set, GError **error)
{
  char *equal = strchr (word, '=');
  g_autofree char *names = NULL;
  int32_t i, option;

  if (!equal) {
    refuse (error, "\"%s\" is not of the form decision=option", word);
    return false;
  }
  *equal = 0;
  i = find_decision (space, word);
  if (i < 0) {
    refuse (error, "there is no decision \"%s\"", word);
    return false;
  }
  if (set[i]) {
    refuse (error, "decision \"%s\" stands twice", word);
    return false;
  }
  option = find_option (lode_space_at (space, (uint32_t) i), equal + 1);
  if (option < 0) {
    names = option_names (lode_space_at (space, (uint32_t) i));
    refuse (error, "decision \"%s\" has no option \"%s\", expected one of %s", word, equal + 1,
            names);
    return false;
  }
  set[i] = true;
  arch[i] = (uint8_t) option;
  return true;
}

/* The default text, in any order of the decisions. */
static bool
read_text (const LodeSpace *space, const char *text, uint8_t *arch, GError **error)
{
  g_autofree bool *set = g_new0 (bool, MAX (space->n, 1));
  g_auto (GStrv) word = g_strsplit_set (text, " \t\r\n\v\f", -1);

  for (char **at = word; *at; at++)
    if (**at && !read_word (space, *at, arch, set, error))
      return false;
  for (uint32_t i = 0; i < space->n; i++)
    if (!set[i]) {
      refuse (error, "decision \"%s\" is missing, every one of %u must stand in the text once",
              lode_space_at (space, i)->name, space->n);
      return false;
    }
  return true;
}

bool
lode_arch_parse (const LodeArchFamily *family, const char *text, uint8_t *arch, GError **error)
{
  const LodeSpace *space = lode_arch_space (family);
  g_autofree uint8_t *found = g_new0 (uint8_t, MAX (space->n, 1));
  GError *own = NULL;
  bool ok;

  if (family->ops->read)
    ok = family->ops->read (family->backbone, text, found, &own);
  else
    ok = read_text (space, text, found, &own);
  if (ok)
    ok = lode_arch_check (space, found, &own);
  else if (!own)
    refuse (&own, "the backbone does not understand \"%s\"", text);
  if (!ok) {
    g_propagate_error (error, own);
    return false;
  }
  memcpy (arch, found, space->n);
  return true;
}

char *
lode_arch_canonical (const LodeArchFamily *family, const uint8_t *arch)
{
  if (family->ops->key)
    return family->ops->key (family->backbone, arch);
  return lode_arch_text (family, arch);
}

char *
lode_arch_picture (const LodeArchFamily *family, const uint8_t *arch)
{
  const LodeSpace *space = lode_arch_space (family);
  GString *dot;

  if (family->ops->draw)
    return family->ops->draw (family->backbone, arch);
  dot = g_string_new ("digraph architecture {\n  node [shape=plain fontname=\"sans-serif\"];\n"
                      "  decisions [label=<<table border=\"0\" cellborder=\"1\" "
                      "cellspacing=\"0\">\n");
  if (!space->n)
    g_string_append (dot, "    <tr><td>no decisions</td></tr>\n");
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);
    g_autofree char *row = g_markup_printf_escaped (
        "    <tr><td align=\"left\">%s</td><td align=\"left\">%s</td></tr>\n", decision->name,
        decision->option[arch[i]]);

    g_string_append (dot, row);
  }
  g_string_append (dot, "  </table>>];\n}\n");
  return g_string_free (dot, FALSE);
}

/* The architecture about which costs are expanded: the first options, made legal, or else one of a
 * few samples that can be built. Always the same one. */
static bool
find_base (const LodeArchFamily *family, LodeCostFunc cost, void *data, uint8_t *base,
           uint64_t *macs)
{
  LodeRng rng = { .key = 0 };

  memset (base, 0, lode_arch_space (family)->n);
  lode_arch_repair (family, base, &rng);
  for (uint32_t i = 0; i < BASES; i++) {
    if (cost (data, base, macs))
      return true;
    lode_arch_sample (family, base, &rng);
  }
  return false;
}

/* An option that cannot be built beside the others counts as the base's own. */
static double
expect_additive (const LodeArchFamily *family, const float *prob, float *dprob, LodeCostFunc cost,
                 void *data)
{
  const LodeSpace *space = lode_arch_space (family);
  g_autofree uint8_t *arch = g_new0 (uint8_t, MAX (space->n, 1));
  uint64_t base, macs;
  double sum;

  if (dprob && space->options)
    memset (dprob, 0, space->options * sizeof (float));
  if (!find_base (family, cost, data, arch, &base))
    return 0;
  sum = (double) base;
  for (uint32_t i = 0, at = 0; i < space->n; i++) {
    uint32_t n = lode_space_at (space, i)->n;
    uint8_t own = arch[i];

    for (uint32_t o = 0; o < n; o++, at++) {
      double more = 0;

      arch[i] = (uint8_t) o;
      if (o != own && cost (data, arch, &macs))
        more = (double) macs - (double) base;
      sum += (prob ? (double) prob[at] : 1.0 / n) * more;
      if (dprob)
        dprob[at] = (float) more;
    }
    arch[i] = own;
  }
  return sum;
}

double
lode_arch_expect (const LodeArchFamily *family, uint32_t outputs, const float *prob, float *dprob,
                  LodeCostFunc cost, void *data)
{
  if (family->ops->expect)
    return family->ops->expect (family->backbone, outputs, prob, dprob);
  return expect_additive (family, prob, dprob, cost, data);
}
