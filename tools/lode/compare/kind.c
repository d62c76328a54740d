/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations, each distinct one read once: runs that differ by their seeds alone share it.
 */
#include "run/config.h"
#include "runs.h"

#include "error.h"

#include <string.h>

/* What sets no group apart: it names or places a run, or changes none of its results. */
static const char *const left_out[] = { "seed",    "search_seed", "train_seed", "label",
                                        "threads", "checkpoint",  "runs",       NULL };

/* Whether a line sets one of them; at the outermost level nothing stands before it. */
static bool
is_left_out (const char *line, size_t n)
{
  for (const char *const *name = left_out; *name; name++) {
    size_t length = strlen (*name);

    if (n > length && !strncmp (line, *name, length) && strchr (" =:", line[length]))
      return true;
  }
  return false;
}

/* The text without those lines. Transfer full. */
static char *
shorten (const char *text)
{
  GString *out = g_string_sized_new (strlen (text));

  while (*text) {
    size_t n = strcspn (text, "\n");

    if (!is_left_out (text, n))
      g_string_append_len (out, text, (gssize) n + (text[n] != 0));
    text += n + (text[n] != 0);
  }
  return g_string_free (out, FALSE);
}

static const char *
word_of (const LodeNode *node)
{
  g_autofree char *text = NULL;
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autoptr (GString) list = NULL;

  switch (node->type) {
  case LODE_VALUE_BOOL:
    return node->flag ? "true" : "false";
  case LODE_VALUE_INT:
    text = g_strdup_printf ("%" G_GINT64_FORMAT, node->integer);
    return g_intern_string (text);
  case LODE_VALUE_REAL:
    return g_intern_string (g_ascii_formatd (number, sizeof number, "%.15g", node->real));
  case LODE_VALUE_TEXT:
    return g_intern_string (node->text);
  default:
    list = g_string_new ("[");
    for (guint i = 0; i < node->children->len; i++)
      g_string_append_printf (list, "%s%s", i ? "," : "",
                              word_of (g_ptr_array_index (node->children, i)));
    g_string_append_c (list, ']');
    return g_intern_string (list->str);
  }
}

/* Executors change no result. */
static bool
is_idle (const char *path)
{
  return strstr (path, ".executor.") || g_str_has_suffix (path, ".executor");
}

static void
flatten (RunKind *kind, const LodeNode *node, const char *path)
{
  if (node->type != LODE_VALUE_GROUP) {
    if (!is_idle (path))
      g_hash_table_insert (kind->value, (gpointer) g_intern_string (path),
                           (gpointer) word_of (node));
    return;
  }
  for (guint i = 0; i < node->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (node->children, i);
    g_autofree char *below = *path ? g_strconcat (path, ".", child->name, NULL) : NULL;

    if (*path || !g_strv_contains (left_out, child->name))
      flatten (kind, child, below ? below : child->name);
  }
}

static void
note_stages (RunKind *kind, const LodeNode *stages)
{
  for (guint i = 0; stages && stages->type == LODE_VALUE_GROUP && i < stages->children->len; i++) {
    const LodeNode *stage = g_ptr_array_index (stages->children, i),
                   *type = stage->type == LODE_VALUE_GROUP ? lode_node_child (stage, "type") : NULL;

    g_hash_table_insert (kind->stage, (gpointer) g_intern_string (stage->name),
                         (gpointer) (type && type->text ? g_intern_string (type->text) : ""));
  }
}

const RunKind *
compare_kind_of (GHashTable *kinds, const char *text, GError **error)
{
  g_autofree char *key = shorten (text);
  RunKind *kind = g_hash_table_lookup (kinds, key);
  g_autoptr (GPtrArray) errors = NULL;
  g_autoptr (LodeNode) root = NULL;

  if (kind)
    return kind;
  errors = g_ptr_array_new_with_free_func (g_free);
  root = lode_config_parse_text ("config.cfg", key, errors);
  if (!root) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                         g_ptr_array_index (errors, 0));
    return NULL;
  }
  kind = g_new0 (RunKind, 1);
  kind->value = g_hash_table_new (g_str_hash, g_str_equal);
  kind->stage = g_hash_table_new (g_str_hash, g_str_equal);
  flatten (kind, root, "");
  note_stages (kind, lode_node_child (root, "stages"));
  g_hash_table_insert (kinds, g_steal_pointer (&key), kind);
  return kind;
}

void
compare_kind_free (void *data)
{
  RunKind *kind = data;

  g_hash_table_unref (kind->value);
  g_hash_table_unref (kind->stage);
  g_free (kind);
}
