/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for configurations: any bytes end in a tree or in messages, and a tree that is
 * written reads back as it was.
 */
#include "tree.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

static void
check_messages (const GPtrArray *errors)
{
  for (guint i = 0; i < errors->len; i++) {
    const char *text = g_ptr_array_index (errors, i);

    g_assert_true (g_utf8_validate (text, -1, NULL));
    g_assert_null (strchr (text, '\n'));
  }
}

/* Whether libconfig had to say what is wrong, though the check had passed it: "input:3: libconfig
 * …".
 */
static bool
by_libconfig (const char *message)
{
  const char *line = message + strcspn (message, ":") + 1;

  return g_str_has_prefix (line + strspn (line, "0123456789"), ": libconfig finds");
}

static void
check_tree (const LodeNode *root)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autofree char *text = lode_config_write (root), *origins = lode_config_origins (root),
                  *again = NULL;
  g_autoptr (LodeNode) read = lode_config_parse_text ("again", text, errors);

  g_assert_true (read && errors->len == 0 && origins);
  g_assert_true (same_tree (root, read));
  again = lode_config_write (read);
  g_assert_cmpstr (text, ==, again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autofree char *text = g_strndup ((const char *) data, n);
  g_autoptr (GPtrArray) errors = errors_new (), wrong = errors_new ();
  g_autoptr (LodeNode) root = lode_config_parse_text ("input", text, errors),
                       tree = lode_node_new (LODE_VALUE_GROUP, NULL, NULL);

  g_assert_true ((root == NULL) == (errors->len > 0));
  check_messages (errors);
  for (guint i = 0; i < errors->len; i++)
    g_assert_false (by_libconfig (errors->pdata[i]));
  if (root)
    check_tree (root);
  g_assert_true (lode_config_override (tree, text, wrong) == (wrong->len == 0));
  check_messages (wrong);
  check_tree (tree);
  return 0;
}
