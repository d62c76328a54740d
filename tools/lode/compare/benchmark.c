/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs must have in common to be compared: the data and the recipe of what is measured in the
 * end, and the space that is searched. How the search itself goes about it is the method's affair.
 */
#include "groups.h"

#include <string.h>

enum { SHOWN = 6 };

/* The stage of "stages.<stage>.<rest>", interned, and the rest; NULL: another path. */
static const char *
split (const char *path, const char **rest)
{
  const char *begin = path + strlen ("stages."), *dot;
  g_autofree char *stage = NULL;

  if (!g_str_has_prefix (path, "stages.") || !(dot = strchr (begin, '.')))
    return NULL;
  *rest = dot + 1;
  stage = g_strndup (begin, (gsize) (dot - begin));
  return g_intern_string (stage);
}

/* What kind of benchmark a path is part of, or NULL. */
static const char *
part_of (const CompareRuns *runs, const char *path)
{
  const char *rest, *stage = split (path, &rest), *type = NULL;

  for (guint i = 0; stage && i < runs->kinds->len && !type; i++)
    type =
        g_hash_table_lookup (((const RunKind *) g_ptr_array_index (runs->kinds, i))->stage, stage);
  if (!type)
    return NULL;
  if (!strcmp (type, "search"))
    return !strcmp (rest, "backbone.type") ? "space" : NULL;
  if (g_str_has_prefix (rest, "data."))
    return "data";
  if (!strcmp (type, "evaluate"))
    return NULL;
  return g_str_has_prefix (rest, "fit.") || g_str_has_prefix (rest, "backbone.")
                 || !strcmp (rest, "aux") || !strcmp (rest, "drop_path")
             ? "recipe"
             : NULL;
}

/* "train.data.sha256" of a stage that does not search, "search.space.decisions". */
static const char *
fact_of (const CompareRun *run, const char *fact)
{
  g_auto (GStrv) part = g_strsplit (fact, ".", 3);
  const char *type = g_hash_table_lookup (run->kind->stage, part[0]);

  if (!type || g_strv_length (part) < 3)
    return NULL;
  if (!strcmp (part[1], "space"))
    return "space";
  return strcmp (type, "search") ? "data" : NULL;
}

typedef struct Mixed {
  GString *text;
  guint n;
} Mixed;

static void
add (Mixed *mixed, const char *part, const char *name, const char *one, const char *other)
{
  if (mixed->n++ < SHOWN)
    g_string_append_printf (mixed->text, "%s%s %s (%s, %s)", mixed->n > 1 ? "; " : "", part, name,
                            one ? one : "none", other ? other : "none");
}

static bool
is_chosen (GPtrArray *chosen, const char *path)
{
  return chosen && g_ptr_array_find_with_equal_func (chosen, path, g_str_equal, NULL);
}

/* Whether a path of that part of the benchmark was chosen, so that its facts differ rightly. */
static bool
is_part_chosen (const CompareRuns *runs, GPtrArray *chosen, const char *part)
{
  for (guint i = 0; chosen && i < chosen->len; i++)
    if (!g_strcmp0 (part_of (runs, g_ptr_array_index (chosen, i)), part))
      return true;
  return false;
}

/* Two values of a path that differ. */
static void
add_path (Mixed *mixed, const CompareRuns *runs, const char *part, const char *path)
{
  const RunKind *first = g_ptr_array_index (runs->kinds, 0);
  const char *one = g_hash_table_lookup (first->value, path), *other = one;

  for (guint i = 1; i < runs->kinds->len && other == one; i++)
    other =
        g_hash_table_lookup (((const RunKind *) g_ptr_array_index (runs->kinds, i))->value, path);
  add (mixed, part, path + strlen ("stages."), one, other);
}

static void
add_facts (Mixed *mixed, const CompareRuns *runs, GPtrArray *chosen)
{
  const CompareRun *first = g_ptr_array_index (runs->runs, 0);
  g_autoptr (GHashTable) told = g_hash_table_new (g_direct_hash, g_direct_equal);

  for (guint i = 1; i < runs->runs->len; i++) {
    const CompareRun *run = g_ptr_array_index (runs->runs, i);
    GHashTableIter iter;
    gpointer fact, value;

    g_hash_table_iter_init (&iter, run->facts);
    while (g_hash_table_iter_next (&iter, &fact, &value)) {
      const char *there = g_hash_table_lookup (first->facts, fact), *part;

      if (!there || there == value || g_hash_table_contains (told, fact))
        continue;
      g_hash_table_add (told, fact);
      part = fact_of (run, fact);
      if (part && !is_part_chosen (runs, chosen, part))
        add (mixed, part, fact, there, value);
    }
  }
}

char *
compare_mixed (const CompareRuns *runs, GPtrArray *differing, GPtrArray *chosen)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Mixed mixed = { text, 0 };

  for (guint i = 0; i < differing->len; i++) {
    const char *path = g_ptr_array_index (differing, i), *part = part_of (runs, path);

    if (part && !is_chosen (chosen, path))
      add_path (&mixed, runs, part, path);
  }
  add_facts (&mixed, runs, chosen);
  if (!mixed.n)
    return NULL;
  if (mixed.n > SHOWN)
    g_string_append_printf (text, "; and %u more", mixed.n - SHOWN);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
