/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people read: numbers with as many digits as they mean something.
 */
#include "print.h"

#include "common.h"

#include <math.h>
#include <string.h>

/* Accuracies in per cent; other metrics as they are. */
static bool
is_share (const char *metric)
{
  return strstr (metric, "accuracy") != NULL;
}

static const CompareGroup *
group_at (const Comparison *comparison, guint g)
{
  return g_ptr_array_index (comparison->groups, g);
}

static bool
is_column (const char *metric)
{
  for (int c = 0; c < RUN_COLUMNS; c++)
    if (!strcmp (run_columns[c].key, metric))
      return true;
  return false;
}

/* The minus sign that is as wide as a plus. */
static char *
signed_number (double value, int decimals)
{
  g_autofree char *text = g_strdup_printf ("%.*f", decimals, fabs (value));

  return g_strconcat (value < 0 ? "−" : "+", text, NULL);
}

static void
add_mean (Table *table, double mean, double sd, double scale, int decimals)
{
  if (isnan (mean))
    table_take (table, NULL);
  else if (isnan (sd) && fabs (scale * mean) < 10)
    table_format (table, "%.3g", scale * mean);
  else if (isnan (sd))
    table_format (table, "%.*f", decimals, scale * mean);
  else
    table_format (table, "%.*f ± %.*f", decimals, scale * mean, decimals, scale * sd);
}

static Table *
group_table (const Comparison *comparison)
{
  Table *table = table_new ();
  bool own = !is_column (comparison->metric);

  table_head (table, "group");
  table_head (table, "runs");
  table_head (table, "seeds");
  if (own)
    table_head (table, comparison->metric);
  for (int c = 0; c < RUN_COLUMNS; c++)
    table_head (table, run_columns[c].head);
  for (guint g = 0; g < comparison->groups->len; g++) {
    const CompareGroup *group = group_at (comparison, g);

    table_cell (table, group->name);
    table_format (table, "%u", group->n);
    table_format (table, "%u", group->seeds);
    if (own)
      add_mean (table, group->metric, group->metric_sd, 1, 4);
    for (int c = 0; c < RUN_COLUMNS; c++)
      add_mean (table, group->mean[c], run_columns[c].spread ? group->sd[c] : NAN,
                run_columns[c].scale, run_columns[c].decimals);
  }
  table_drop_empty (table);
  return table;
}

static char *
p_word (double p)
{
  return p < 0.0001 ? g_strdup ("<0.0001") : g_strdup_printf ("%.4f", p);
}

static void
add_pair (Table *table, const Comparison *comparison, const ComparePair *pair)
{
  double scale = is_share (comparison->metric) ? 100 : 1;
  int decimals = is_share (comparison->metric) ? 2 : 4;
  g_autofree char *mean = signed_number (scale * pair->mean, decimals),
                  *low = signed_number (scale * pair->interval.low, decimals),
                  *high = signed_number (scale * pair->interval.high, decimals);

  table_format (table, "%s − %s", group_at (comparison, pair->a)->name,
                group_at (comparison, pair->b)->name);
  table_format (table, "%u", pair->pairs);
  table_format (table, "%u", pair->units);
  table_cell (table, pair->units ? mean : "–");
  if (isnan (pair->interval.low))
    table_cell (table, "–");
  else
    table_format (table, "[%s, %s]", low, high);
  table_take (table, pair->units ? p_word (pair->p) : g_strdup ("–"));
  table_take (table, pair->units ? p_word (pair->p_holm) : g_strdup ("–"));
  if (isfinite (pair->effect))
    table_take (table, signed_number (pair->effect, 2));
  else
    table_cell (table, "–");
  table_format (table, "%u/%u", pair->wins, pair->units);
  table_take (table, compare_verdict (comparison, pair));
}

static Table *
pair_table (const Comparison *comparison)
{
  Table *table = table_new ();
  g_autofree char *difference =
      g_strdup_printf ("difference%s", is_share (comparison->metric) ? " %" : "");

  table_head (table, "pair");
  table_head (table, "pairs");
  table_head (table, "seeds");
  table_head (table, difference);
  table_head (table, "95 % interval");
  table_head (table, comparison->wilcoxon ? "p Wilcoxon" : "p permutation");
  table_head (table, "p Holm");
  table_head (table, "effect");
  table_head (table, "wins");
  table_head (table, "verdict");
  for (guint i = 0; i < comparison->pairs->len; i++)
    add_pair (table, comparison, &g_array_index (comparison->pairs, ComparePair, i));
  return table;
}

static void
add_share (Table *table, double part, double whole)
{
  if (whole > 0)
    table_format (table, "%.0f %%", 100 * part / whole);
  else
    table_cell (table, "–");
}

/* Whose seed the results depend on; nothing where no group can tell. */
static Table *
variance_table (const Comparison *comparison)
{
  Table *table = table_new ();

  table_head (table, "variance of group");
  table_head (table, "sd");
  table_head (table, "search seeds");
  table_head (table, "search seed");
  table_head (table, "training seed");
  table_head (table, "both together");
  for (guint g = 0; g < comparison->groups->len; g++) {
    const CompareGroup *group = group_at (comparison, g);
    const StatVariance *v = &group->variance;
    double crossed = v->design == STAT_CROSSED, whole = v->between + v->across + v->within,
           scale = is_share (comparison->metric) ? 100 : 1;

    if (v->design == STAT_INSEPARABLE)
      continue;
    table_cell (table, group->name);
    table_format (table, "%.*f", scale > 1 ? 2 : 4, scale * sqrt (whole));
    table_format (table, "%u", v->groups);
    add_share (table, v->between, whole);
    add_share (table, crossed > 0 ? v->across : v->within, whole);
    if (crossed > 0)
      add_share (table, v->within, whole);
    else
      table_cell (table, "–");
  }
  return table;
}

static char *
names_of (GPtrArray *paths)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < paths->len; i++) {
    const char *name = compare_short (g_ptr_array_index (paths, i));

    if (!i || strcmp (name, compare_short (g_ptr_array_index (paths, i - 1))))
      g_string_append_printf (text, "%s%s", text->len ? ", " : "", name);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The sentence above the tables. */
static void
print_title (const Comparison *comparison)
{
  g_autofree char *others = names_of (comparison->others),
                  *factors = names_of (comparison->factors);
  guint groups = comparison->groups->len, runs = comparison->runs->runs->len;

  lode_say ("%u run%s in %u group%s%s%s; pairs have the same seeds%s%s; %s, %s is better", runs,
            runs == 1 ? "" : "s", groups, groups == 1 ? "" : "s", *factors ? " by " : "", factors,
            *others ? " and " : "", others, comparison->metric,
            comparison->larger ? "more" : "less");
  for (guint i = 0; i < comparison->notes->len; i++)
    lode_say ("%s", (const char *) g_ptr_array_index (comparison->notes, i));
}

void
compare_print (const Comparison *comparison, TableForm form)
{
  g_autoptr (Table) groups = group_table (comparison);
  g_autoptr (Table) pairs = pair_table (comparison);
  g_autoptr (Table) variance = variance_table (comparison);

  print_title (comparison);
  table_print (groups, form);
  if (comparison->pairs->len) {
    putchar ('\n');
    table_print (pairs, form);
  }
  if (variance->cells->len > variance->columns) {
    putchar ('\n');
    table_print (variance, form);
  } else if (comparison->searches && form == TABLE_TEXT)
    puts ("\nEach run has one seed for search and training, so what each of them brings to the "
          "variance\ncannot be told: set train_seed apart (train_seed=1,2) to see it.");
}
