/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of runs, one from each of two groups, that have everything else in common; differences of
 * pairs that share an independent seed are averaged, since they are not independent of each other.
 */
#include "groups.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_PAIRS = 8, ENOUGH = 5 };

static const double level = 0.95, most_p = 0.05;
static const uint64_t draws = 1; /* seed of what is drawn */

/* A run's value, and what it may be paired by. */
typedef struct Entry {
  const char *other; /* values of the factors that differ within groups, interned */
  uint64_t seed, search, train;
  double value, n; /* mean of n runs */
} Entry;

static int
compare_numbers (uint64_t a, uint64_t b)
{
  return (a > b) - (a < b);
}

/* By independent seed first. */
static int
compare_entries (const void *a, const void *b)
{
  const Entry *x = a, *y = b;
  int order = compare_numbers (x->seed, y->seed);

  order = order ? order : compare_numbers (x->search, y->search);
  order = order ? order : compare_numbers (x->train, y->train);
  return order ? order : strcmp (x->other, y->other);
}

static const char *
other_of (const Comparison *comparison, const CompareRun *run)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < comparison->others->len; i++) {
    const char *value = compare_value (run, g_ptr_array_index (comparison->others, i));

    g_string_append_printf (text, "%s\x1f", value ? value : "\x01");
  }
  return g_intern_string (text->str);
}

/* Runs that are paired alike differ in what the other group does not have: their mean counts. */
static void
merge (Entry *into, const Entry *from)
{
  into->value = (into->n * into->value + from->value) / (into->n + 1);
  into->n++;
}

/* Sorted entries of a group, of runs that have the metric. Transfer full (Entry). */
static GArray *
entries_of (const Comparison *comparison, const CompareGroup *group)
{
  GArray *entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  guint kept = 0;

  for (guint i = 0; i < group->runs->len; i++) {
    const CompareRun *run = g_ptr_array_index (group->runs, i);
    Entry entry = { other_of (comparison, run),
                    run->seed,
                    run->search_seed,
                    run->train_seed,
                    compare_run_figure (run, comparison->metric),
                    1 };

    if (isfinite (entry.value))
      g_array_append_val (entries, entry);
  }
  g_array_sort (entries, compare_entries); /* stable: GLib merges */
  for (guint i = 0; i < entries->len; i++) {
    Entry entry = g_array_index (entries, Entry, i);
    Entry *last = kept ? &g_array_index (entries, Entry, kept - 1) : NULL;

    if (last && !compare_entries (last, &entry))
      merge (last, &entry);
    else
      g_array_index (entries, Entry, kept++) = entry;
  }
  g_array_set_size (entries, kept);
  return entries;
}

/* The independent seeds of two entries: that of the search, or of the training without one. */
static bool
same_unit (const Comparison *comparison, const Entry *a, const Entry *b)
{
  return a->seed == b->seed
         && (comparison->searches ? a->search == b->search : a->train == b->train);
}

/* Differences by unit: [units], transfer full; entries are sorted, so one walk over both does. */
static GArray *
differences (const Comparison *comparison, const GArray *a, const GArray *b, guint *pairs)
{
  GArray *out = g_array_new (FALSE, FALSE, sizeof (double));
  const Entry *last = NULL;
  double sum = 0, n = 0;

  *pairs = 0;
  for (guint i = 0, k = 0; i < a->len && k < b->len;) {
    const Entry *x = &g_array_index (a, Entry, i), *y = &g_array_index (b, Entry, k);
    int order = compare_entries (x, y);

    i += order <= 0;
    k += order >= 0;
    if (order)
      continue;
    if (last && !same_unit (comparison, last, x)) {
      double mean = sum / n;

      g_array_append_val (out, mean);
      sum = n = 0;
    }
    last = x;
    sum += x->value - y->value;
    n++;
    ++*pairs;
  }
  if (n > 0) {
    double mean = sum / n;

    g_array_append_val (out, mean);
  }
  return out;
}

static void
judge (const Comparison *comparison, const GArray *differing, ComparePair *pair)
{
  const double *d = (const double *) (const void *) differing->data;
  double sign = comparison->larger ? 1 : -1;

  pair->units = differing->len;
  pair->mean = stat_mean (differing->len, d);
  pair->sd = stat_sd (differing->len, d);
  pair->effect = stat_effect (differing->len, d);
  pair->interval = stat_bootstrap (differing->len, d, level, true, draws);
  pair->p = comparison->wilcoxon ? stat_wilcoxon (differing->len, d, NULL)
                                 : stat_permutation (differing->len, d, draws);
  pair->first = sign * pair->mean > 0;
  for (guint i = 0; i < differing->len; i++) {
    pair->wins += sign * d[i] > 0;
    pair->ties += d[i] == 0;
  }
}

static void
decide (GArray *pairs)
{
  g_autofree double *p = g_new (double, pairs->len + 1), *adjusted = g_new (double, pairs->len + 1);

  for (guint i = 0; i < pairs->len; i++)
    p[i] = g_array_index (pairs, ComparePair, i).p;
  stat_holm (pairs->len, p, adjusted);
  for (guint i = 0; i < pairs->len; i++) {
    ComparePair *pair = &g_array_index (pairs, ComparePair, i);

    pair->p_holm = adjusted[i];
    if (pair->units < ENOUGH)
      pair->verdict = VERDICT_FEW;
    else if (!(pair->interval.low > 0 || pair->interval.high < 0))
      pair->verdict = VERDICT_NONE;
    else
      pair->verdict = pair->p_holm <= most_p ? VERDICT_BETTER : VERDICT_LEANS;
  }
}

static int
find_baseline (const Comparison *comparison, const char *name)
{
  for (guint g = 0; name && g < comparison->groups->len; g++) {
    const CompareGroup *group = g_ptr_array_index (comparison->groups, g);

    if (!strcmp (group->name, name) || g_str_has_suffix (group->name, name))
      return (int) g;
  }
  return -1;
}

static void
add_pair (Comparison *comparison, GPtrArray *entries, guint a, guint b)
{
  ComparePair pair = { .a = a, .b = b };
  g_autoptr (GArray) d = differences (comparison, g_ptr_array_index (entries, a),
                                      g_ptr_array_index (entries, b), &pair.pairs);

  judge (comparison, d, &pair);
  g_array_append_val (comparison->pairs, pair);
}

static bool
choose_baseline (Comparison *comparison, const char *name, int *baseline, GError **error)
{
  *baseline = find_baseline (comparison, name);
  if (name && *baseline < 0) {
    const CompareGroup *first = g_ptr_array_index (comparison->groups, 0);

    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "--baseline %s: no group is called so; the first is called \"%s\"", name,
                 first->name);
    return false;
  }
  if (*baseline < 0 && comparison->groups->len > ALL_PAIRS) {
    *baseline = 0;
    g_ptr_array_add (
        comparison->notes,
        g_strdup_printf ("%u groups: each is compared with the first alone; --baseline "
                         "NAME chooses another",
                         comparison->groups->len));
  }
  return true;
}

/* Statistics of each group over the entries that count. */
static void
describe (const Comparison *comparison, CompareGroup *group, const GArray *entries)
{
  guint n = entries->len;
  g_autofree double *y = g_new (double, n + 1);
  g_autofree uint64_t *a = g_new (uint64_t, n + 1), *b = g_new (uint64_t, n + 1);

  group->n = n;
  for (guint i = 0; i < n; i++) {
    const Entry *entry = &g_array_index (entries, Entry, i);

    y[i] = entry->value;
    a[i] = entry->search;
    b[i] = entry->train;
    group->seeds += i == 0 || !same_unit (comparison, entry - 1, entry);
  }
  group->metric = stat_mean (n, y);
  group->metric_sd = stat_sd (n, y);
  group->variance = stat_variance (n, y, a, b);
  for (int c = 0; c < RUN_COLUMNS; c++) {
    g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (double));

    for (guint i = 0; i < group->runs->len; i++) {
      double value = ((const CompareRun *) g_ptr_array_index (group->runs, i))->value[c];

      if (isfinite (value))
        g_array_append_val (values, value);
    }
    group->mean[c] = stat_mean (values->len, (const double *) (const void *) values->data);
    group->sd[c] = stat_sd (values->len, (const double *) (const void *) values->data);
  }
}

bool
compare_pairs (Comparison *comparison, const char *name, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  guint groups = comparison->groups->len;
  int baseline;

  if (!choose_baseline (comparison, name, &baseline, error))
    return false;
  for (guint g = 0; g < groups; g++) {
    CompareGroup *group = g_ptr_array_index (comparison->groups, g);
    GArray *of_group = entries_of (comparison, group);

    g_ptr_array_add (entries, of_group);
    describe (comparison, group, of_group);
  }
  for (guint a = 0; a < groups; a++)
    for (guint b = a + 1; baseline < 0 && b < groups; b++)
      add_pair (comparison, entries, b, a);
  for (guint a = 0; baseline >= 0 && a < groups; a++)
    if (a != (guint) baseline)
      add_pair (comparison, entries, a, (guint) baseline);
  decide (comparison->pairs);
  return true;
}
