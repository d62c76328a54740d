/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of configurations: trees compared bit for bit, texts parsed, a folder of their own.
 */
#ifndef LODE_TESTS_TREE_H
#define LODE_TESTS_TREE_H

#include "run/config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static inline bool
same_tree (const LodeNode *a, const LodeNode *b)
{
  if (a->type != b->type || g_strcmp0 (a->name, b->name) || g_strcmp0 (a->text, b->text)
      || a->flag != b->flag || a->integer != b->integer
      || memcmp (&a->real, &b->real, sizeof a->real) != 0)
    return false;
  if (!a->children)
    return true;
  if (a->children->len != b->children->len)
    return false;
  for (guint i = 0; i < a->children->len; i++)
    if (!same_tree (g_ptr_array_index (a->children, i), g_ptr_array_index (b->children, i)))
      return false;
  return true;
}

static inline GPtrArray *
errors_new (void)
{
  return g_ptr_array_new_with_free_func (g_free);
}

static inline void
no_errors (const GPtrArray *errors)
{
  for (guint i = 0; i < errors->len; i++)
    g_test_message ("%s", (const char *) errors->pdata[i]);
  g_assert_cmpuint (errors->len, ==, 0);
}

static inline LodeNode *
parse (const char *text)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  LodeNode *root = lode_config_parse_text ("x.cfg", text, errors);

  no_errors (errors);
  g_assert_nonnull (root);
  return root;
}

static inline void
write_bytes (const char *name, const char *text, gssize n)
{
  GError *error = NULL;

  g_file_set_contents (name, text, n, &error);
  g_assert_no_error (error);
}

static inline void
write_text (const char *name, const char *text)
{
  write_bytes (name, text, -1);
}

static inline double
real_at (const LodeNode *root, const char *path)
{
  const LodeNode *node = lode_node_find (root, path);

  g_assert_nonnull (node);
  g_assert_cmpint (node->type, ==, LODE_VALUE_REAL);
  return node->real;
}

static inline int64_t
integer_at (const LodeNode *root, const char *path)
{
  const LodeNode *node = lode_node_find (root, path);

  g_assert_nonnull (node);
  g_assert_cmpint (node->type, ==, LODE_VALUE_INT);
  return node->integer;
}

static inline const char *
text_at (const LodeNode *root, const char *path)
{
  const LodeNode *node = lode_node_find (root, path);

  g_assert_nonnull (node);
  g_assert_cmpint (node->type, ==, LODE_VALUE_TEXT);
  return node->text;
}

static inline void
check_origin (const LodeNode *node, const char *expected)
{
  g_assert_nonnull (node);
  g_assert_cmpstr (node->origin, ==, expected);
}

static inline int
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);

    remove_tree (below);
  }
  return g_remove (path);
}

/* Runs all tests in a folder of their own. */
static inline int
run_in_folder (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lode-run-XXXXXX", NULL);
  int result;

  g_assert_cmpint (chdir (folder), ==, 0);
  result = g_test_run ();
  g_assert_cmpint (chdir ("/"), ==, 0);
  remove_tree (folder);
  return result;
}

#endif
