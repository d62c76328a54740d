/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of groups: the label where it tells them apart, else the fewest values that do.
 */
#include "groups.h"

#include <string.h>

static const CompareRun *
first_of (const Comparison *comparison, guint group)
{
  return g_ptr_array_index (
      ((const CompareGroup *) g_ptr_array_index (comparison->groups, group))->runs, 0);
}

/* Whether all runs of a group have one label, and no two groups the same. */
static bool
labels_do (const Comparison *comparison)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint g = 0; g < comparison->groups->len; g++) {
    const CompareGroup *group = g_ptr_array_index (comparison->groups, g);
    const char *label = first_of (comparison, g)->label;

    if (!label || !g_hash_table_add (seen, (gpointer) label))
      return false;
    for (guint i = 0; i < group->runs->len; i++)
      if (g_strcmp0 (((const CompareRun *) g_ptr_array_index (group->runs, i))->label, label))
        return false;
  }
  return true;
}

/* Classes of groups that the paths chosen so far tell apart; class: [groups] */
typedef struct Classes {
  guint n;
  guint *of;
} Classes;

/* How many classes there are if a path splits them too; into: [groups] what they become. */
static guint
split (const Comparison *comparison, const Classes *classes, const char *path, guint *into)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint g = 0; g < comparison->groups->len; g++) {
    const char *value = compare_value (first_of (comparison, g), path);
    char *key = g_strdup_printf ("%u\x1f%s", classes->of[g], value ? value : "\x01");
    gpointer known = g_hash_table_lookup (seen, key);

    into[g] = known ? GPOINTER_TO_UINT (known) - 1 : g_hash_table_size (seen);
    if (known)
      g_free (key);
    else
      g_hash_table_insert (seen, key, GUINT_TO_POINTER (into[g] + 1));
  }
  return g_hash_table_size (seen);
}

/* The path that splits most, of those the one with the shortest name. */
static const char *
best_of (const Comparison *comparison, GPtrArray *paths, const Classes *classes, guint *into)
{
  const char *best = NULL;
  guint most = classes->n;

  for (guint i = 0; i < paths->len; i++) {
    const char *path = g_ptr_array_index (paths, i);
    guint n = split (comparison, classes, path, into);

    if (n > most
        || (n == most && best && strlen (compare_short (path)) < strlen (compare_short (best)))) {
      best = path;
      most = n;
    }
  }
  return best;
}

/* Transfer full. */
static GPtrArray *
telling_paths (const Comparison *comparison, GPtrArray *paths)
{
  guint groups = comparison->groups->len;
  g_autofree guint *of = g_new0 (guint, groups + 1), *into = g_new0 (guint, groups + 1);
  Classes classes = { 1, of };
  GPtrArray *chosen = g_ptr_array_new ();

  while (classes.n < groups) {
    const char *path = best_of (comparison, paths, &classes, into);

    if (!path)
      break;
    classes.n = split (comparison, &classes, path, into);
    memcpy (of, into, groups * sizeof *of);
    g_ptr_array_add (chosen, (gpointer) path);
  }
  return chosen;
}

static char *
words_of (const CompareRun *run, GPtrArray *paths)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < paths->len; i++) {
    const char *path = g_ptr_array_index (paths, i), *value = compare_value (run, path);

    g_string_append_printf (text, "%s%s=%s", i ? " " : "", compare_short (path),
                            value ? value : "–");
  }
  return g_string_free (text, FALSE);
}

void
compare_name (Comparison *comparison, GPtrArray *differing)
{
  bool chosen = comparison->factors->len > 0;
  g_autoptr (GPtrArray) paths = NULL;
  bool labels = !chosen && labels_do (comparison) && comparison->groups->len > 1;

  if (!labels)
    paths = telling_paths (comparison, chosen ? comparison->factors : differing);
  for (guint g = 0; g < comparison->groups->len; g++) {
    CompareGroup *group = g_ptr_array_index (comparison->groups, g);
    const CompareRun *run = first_of (comparison, g);

    group->name =
        labels || !paths->len ? g_strdup (run->label ? run->label : "all") : words_of (run, paths);
  }
}
