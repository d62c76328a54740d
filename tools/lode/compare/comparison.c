/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison from beginning to end, but for its printing.
 */
#include "groups.h"

#include "error.h"

#include <math.h>
#include <string.h>

static void
group_free (gpointer data)
{
  CompareGroup *group = data;

  g_ptr_array_unref (group->runs);
  g_free (group->name);
  g_free (group);
}

void
compare_free (Comparison *comparison)
{
  if (!comparison)
    return;
  g_ptr_array_unref (comparison->factors);
  g_ptr_array_unref (comparison->others);
  g_ptr_array_unref (comparison->groups);
  g_ptr_array_unref (comparison->notes);
  g_array_unref (comparison->pairs);
  g_free (comparison);
}

static guint
count_with (const CompareRuns *runs, const char *metric)
{
  guint n = 0;

  for (guint i = 0; i < runs->runs->len; i++)
    n += isfinite (compare_run_figure (g_ptr_array_index (runs->runs, i), metric)) != 0;
  return n;
}

/* What was asked for, else what says most of those that a run has. */
static const char *
choose_metric (const CompareRuns *runs, const char *wished)
{
  static const char *const usual[] = { "test_accuracy", "valid_accuracy", "test_loss",
                                       "best_score_mean", "best_score" };

  for (size_t i = 0; !wished && i < G_N_ELEMENTS (usual); i++)
    if (count_with (runs, usual[i]))
      return usual[i];
  return wished ? wished : usual[0];
}

static bool
is_larger_better (const char *metric)
{
  return strstr (metric, "accuracy") || strstr (metric, "score");
}

static bool
check_metric (Comparison *comparison, GError **error)
{
  guint all = comparison->runs->runs->len, with = count_with (comparison->runs, comparison->metric);

  if (!with) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "none of the %u runs has a figure %s; --metric NAME chooses another", all,
                 comparison->metric);
    return false;
  }
  if (with < all)
    g_ptr_array_add (comparison->notes,
                     g_strdup_printf ("%u of %u runs have no %s and are left out of its statistics",
                                      all - with, all, comparison->metric));
  return true;
}

static bool
check_benchmarks (Comparison *comparison, GPtrArray *differing, bool force, GError **error)
{
  g_autofree char *mixed = compare_mixed (comparison->runs, differing, comparison->factors);

  if (!mixed)
    return true;
  if (force) {
    g_ptr_array_add (comparison->notes, g_strdup_printf ("mixed all the same: %s", mixed));
    return true;
  }
  g_set_error (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
      "these runs are not of one benchmark: %s; name what you compare by --by PATH, or mix "
      "them with --force",
      mixed);
  return false;
}

static void
note_runs (Comparison *comparison)
{
  const CompareRuns *runs = comparison->runs;

  if (runs->unfinished)
    g_ptr_array_add (comparison->notes,
                     g_strdup_printf ("%u runs are not done and left out", runs->unfinished));
  for (guint i = 0; i < runs->notes->len; i++)
    g_ptr_array_add (comparison->notes, g_strdup (g_ptr_array_index (runs->notes, i)));
  for (guint i = 0; i < runs->runs->len; i++)
    comparison->searches |= ((const CompareRun *) g_ptr_array_index (runs->runs, i))->searches;
}

Comparison *
compare_new (const CompareRuns *runs, const CompareWish *wish, GError **error)
{
  Comparison *comparison;
  g_autoptr (GPtrArray) differing = NULL;

  if (!runs->runs->len) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "there are no finished runs to compare%s",
                 runs->unfinished ? "; `lode status` says how they stand" : "");
    if (runs->notes->len)
      g_prefix_error (error, "%s: ", (const char *) g_ptr_array_index (runs->notes, 0));
    return NULL;
  }
  differing = compare_differing (runs);
  comparison = g_new0 (Comparison, 1);
  comparison->runs = runs;
  comparison->metric = choose_metric (runs, wish->metric);
  comparison->larger = is_larger_better (comparison->metric) && !wish->smaller;
  comparison->wilcoxon = wish->wilcoxon;
  comparison->factors = g_ptr_array_new ();
  comparison->others = g_ptr_array_new ();
  comparison->groups = g_ptr_array_new_with_free_func (group_free);
  comparison->notes = g_ptr_array_new_with_free_func (g_free);
  comparison->pairs = g_array_new (FALSE, TRUE, sizeof (ComparePair));
  note_runs (comparison);
  if (check_metric (comparison, error) && compare_group (comparison, differing, wish->by, error)
      && check_benchmarks (comparison, differing, wish->force, error)) {
    compare_name (comparison, differing);
    if (compare_pairs (comparison, wish->baseline, error))
      return comparison;
  }
  compare_free (comparison);
  return NULL;
}

char *
compare_verdict (const Comparison *comparison, const ComparePair *pair)
{
  const CompareGroup *a = g_ptr_array_index (comparison->groups, pair->a),
                     *b = g_ptr_array_index (comparison->groups, pair->b);
  const char *better = pair->first ? a->name : b->name;

  switch (pair->verdict) {
  case VERDICT_FEW:
    return g_strdup_printf ("no verdict: %u independent pair%s", pair->units,
                            pair->units == 1 ? "" : "s");
  case VERDICT_NONE:
    return g_strdup ("no difference shown");
  case VERDICT_LEANS:
    if (!comparison->wilcoxon && pair->p <= stat_permutation_least (pair->units) * 1.0001
        && pair->p_holm > 0.05)
      return g_strdup_printf ("leans to %s: %u pairs cannot tell more", better, pair->units);
    return g_strdup_printf ("leans to %s", better);
  default:
    return g_strdup_printf ("%s better", better);
  }
}
