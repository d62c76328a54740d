/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"

#include <string.h>

typedef struct Seen {
  const char *value; /* of the first kind that has it */
  guint kinds;
  bool differs;
} Seen;

static void
note (GHashTable *seen, const RunKind *kind)
{
  GHashTableIter iter;
  gpointer path, value;

  g_hash_table_iter_init (&iter, kind->value);
  while (g_hash_table_iter_next (&iter, &path, &value)) {
    Seen *entry = g_hash_table_lookup (seen, path);

    if (!entry) {
      entry = g_new0 (Seen, 1);
      entry->value = value;
      g_hash_table_insert (seen, path, entry);
    }
    entry->kinds++;
    entry->differs |= entry->value != value; /* interned */
  }
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
compare_differing (const CompareRuns *runs)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  GPtrArray *paths = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer path, entry;

  for (guint i = 0; i < runs->kinds->len; i++)
    note (seen, g_ptr_array_index (runs->kinds, i));
  g_hash_table_iter_init (&iter, seen);
  while (g_hash_table_iter_next (&iter, &path, &entry))
    if (((Seen *) entry)->differs || ((Seen *) entry)->kinds != runs->kinds->len)
      g_ptr_array_add (paths, path);
  g_ptr_array_sort (paths, by_name);
  return paths;
}

const char *
compare_short (const char *path)
{
  const char *stage = g_str_has_prefix (path, "stages.") ? strchr (path + 7, '.') : NULL;

  return stage ? stage + 1 : path;
}

const char *
compare_value (const CompareRun *run, const char *path)
{
  return strcmp (path, "label") ? g_hash_table_lookup (run->kind->value, path) : run->label;
}
