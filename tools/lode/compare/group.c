/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which paths make the groups, and the runs of each.
 */
#include "groups.h"

#include "error.h"

#include <math.h>
#include <string.h>

enum { SHOWN = 12 };

/* Whether a path is one, or ends like, the word of the user. */
static bool
is_meant (const char *path, const char *word)
{
  size_t n = strlen (path), m = strlen (word);

  return n >= m && !strcmp (path + n - m, word) && (n == m || path[n - m - 1] == '.');
}

static void
refuse_word (GPtrArray *differing, const char *word, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < differing->len && i < SHOWN; i++)
    g_string_append_printf (text, "%s%s", i ? ", " : "",
                            compare_short (g_ptr_array_index (differing, i)));
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "--by %s: that is the same in all of these runs; what differs is %s%s", word,
               differing->len ? text->str : "nothing but seeds and labels",
               differing->len > SHOWN ? " …" : "");
}

static bool
choose (Comparison *comparison, GPtrArray *differing, char **by, GError **error)
{
  for (; *by; by++) {
    guint before = comparison->factors->len;

    if (!strcmp (*by, "label"))
      g_ptr_array_add (comparison->factors, (gpointer) "label");
    for (guint i = 0; i < differing->len; i++)
      if (is_meant (g_ptr_array_index (differing, i), *by))
        g_ptr_array_add (comparison->factors, g_ptr_array_index (differing, i));
    if (comparison->factors->len == before) {
      refuse_word (differing, *by, error);
      return false;
    }
  }
  return true;
}

static void
put_value (GString *key, const CompareRun *run, const char *path)
{
  const char *value = compare_value (run, path);

  g_string_append (key, value ? value : "\x01");
  g_string_append_c (key, '\x1f');
}

/* A run of the same configuration and seeds as one before, in the same group: the later one counts.
 */
static bool
replace (GHashTable *seen, CompareGroup *group, CompareRun *run)
{
  char *key = g_strdup_printf (
      "%p %p %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, (const void *) group,
      (const void *) run->kind, run->seed, run->search_seed, run->train_seed);
  gpointer at = g_hash_table_lookup (seen, key);

  if (!at) {
    g_hash_table_insert (seen, key, GUINT_TO_POINTER (group->runs->len + 1));
    return false;
  }
  g_free (key);
  g_ptr_array_index (group->runs, GPOINTER_TO_UINT (at) - 1) = run;
  return true;
}

/* Runs with the same values of all factors; those of a kind share their key. */
static void
assign (Comparison *comparison, GPtrArray *factors)
{
  g_autoptr (GHashTable) groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint twice = 0;

  for (guint i = 0; i < comparison->runs->runs->len; i++) {
    CompareRun *run = g_ptr_array_index (comparison->runs->runs, i);
    g_autoptr (GString) key = g_string_new (NULL);
    CompareGroup *group;

    for (guint f = 0; f < factors->len; f++)
      put_value (key, run, g_ptr_array_index (factors, f));
    group = g_hash_table_lookup (groups, key->str);
    if (!group) {
      group = g_new0 (CompareGroup, 1);
      group->runs = g_ptr_array_new ();
      g_hash_table_insert (groups, g_strdup (key->str), group);
      g_ptr_array_add (comparison->groups, group);
    }
    if (replace (seen, group, run))
      twice++;
    else
      g_ptr_array_add (group->runs, run);
  }
  if (twice)
    g_ptr_array_add (comparison->notes,
                     g_strdup_printf ("%u runs repeat others of the same configuration and seeds; "
                                      "the last of each counts",
                                      twice));
}

/* Whether a path is a factor beside the groups: all groups have it, and it varies in one of them.
 * What is the same throughout each group goes along with what makes the group. */
static bool
may_pair (const Comparison *comparison, const char *path)
{
  bool varies = false;

  for (guint g = 0; g < comparison->groups->len; g++) {
    const GPtrArray *runs = ((CompareGroup *) g_ptr_array_index (comparison->groups, g))->runs;
    const char *first = compare_value (g_ptr_array_index (runs, 0), path);

    if (!first)
      return false;
    for (guint i = 1; i < runs->len; i++) {
      const char *value = compare_value (g_ptr_array_index (runs, i), path);

      if (!value)
        return false;
      varies |= value != first; /* interned */
    }
  }
  return varies;
}

/* Without a choice, groups are kinds of runs, which differ in every path that differs. */
bool
compare_group (Comparison *comparison, GPtrArray *differing, char **by, GError **error)
{
  if (by && *by) {
    if (!choose (comparison, differing, by, error))
      return false;
    assign (comparison, comparison->factors);
    for (guint i = 0; i < differing->len; i++)
      if (!g_ptr_array_find (comparison->factors, g_ptr_array_index (differing, i), NULL)
          && may_pair (comparison, g_ptr_array_index (differing, i)))
        g_ptr_array_add (comparison->others, g_ptr_array_index (differing, i));
  } else
    assign (comparison, differing);
  return true;
}
