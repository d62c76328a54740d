/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "path.to.value=text": one setting of the command line, laid over a tree.
 */
#include "run/config-private.h"

#include <string.h>

typedef struct Override {
  const char *origin, *text; /* text: of the value */
  GStrv path;
  GPtrArray *errors;
} Override;

static void complain (const Override *override, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
complain (const Override *override, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_ptr_array_add (override->errors, g_strdup_printf ("%s: %s", override->origin, text));
}

static bool
check_path (const Override *override)
{
  for (char **name = override->path; *name; name++)
    if (!lode_config_is_name (*name)) {
      g_autofree char *shown = lode_token_shown (*name);

      complain (override, "\"%s\" is no name; expected path.to.value=…", shown);
      return false;
    }
  return true;
}

/* Whether a text is written as a value. A number that does not fit is, a word is not. */
static bool
is_value (const GArray *tokens)
{
  const LodeToken *token = (const LodeToken *) (const void *) tokens->data;
  guint n = tokens->len;

  if (n && strchr ("{[(", token[0].kind))
    return true;
  if (n && (token[0].kind == LODE_TOKEN_TEXT))
    return true;
  if (n == 2 && token[0].kind == LODE_TOKEN_MISTAKE && strchr ("irt", token[1].kind))
    return true;
  return n == 1 && strchr ("bir", token[0].kind);
}

static void
add_token (GArray *tokens, const Override *override, char kind, const char *text)
{
  LodeToken token = { .kind = kind, .file = override->origin, .text = text };

  g_array_append_val (tokens, token);
}

/* Tokens of the value, or one text where it is written as none. */
static void
add_value (GArray *tokens, const Override *override, GStringChunk *strings)
{
  g_autoptr (GArray) value = g_array_new (FALSE, FALSE, sizeof (LodeToken));

  lode_config_scan (value, strings, override->origin, 0, override->text);
  if (!is_value (value)) {
    add_token (tokens, override, LODE_TOKEN_TEXT, override->text);
    return;
  }
  for (guint i = 0; i < value->len; i++) {
    LodeToken *token = &g_array_index (value, LodeToken, i);

    if (token->kind == LODE_TOKEN_INCLUDE)
      add_token (tokens, override, LODE_TOKEN_MISTAKE, "@include stands in files only");
    else
      g_array_append_val (tokens, *token);
  }
}

/* The value in the groups of its path, read as if a file said a = { b = { c = text } }. */
static LodeNode *
read_tree (const Override *override, GArray *tokens, GStringChunk *strings)
{
  g_autoptr (LodeNode) root = NULL;
  const LodeNode *group;

  for (char **name = override->path; *name; name++) {
    add_token (tokens, override, LODE_TOKEN_NAME, *name);
    add_token (tokens, override, '=', "=");
    if (name[1])
      add_token (tokens, override, '{', "{");
  }
  add_value (tokens, override, strings);
  for (char **name = override->path; name[1]; name++)
    add_token (tokens, override, '}', "}");
  add_token (tokens, override, LODE_TOKEN_END, NULL);
  if (!lode_config_check ((const LodeToken *) (const void *) tokens->data, override->errors))
    return NULL;
  root = lode_config_build ((const LodeToken *) (const void *) tokens->data, override->errors);
  group = root;
  for (char **name = override->path; group && *name; name++)
    group = group->children->len == 1 ? lode_node_child (group, *name) : NULL;
  if (root && !group)
    complain (override, "expected one value after the =");
  return group ? g_steal_pointer (&root) : NULL;
}

static bool
is_decimal_comma (const char *text)
{
  size_t sign = *text == '-' || *text == '+', whole = strspn (text + sign, "0123456789"),
         part = text[sign + whole] == ',' ? strspn (text + sign + whole + 1, "0123456789") : 0;

  return whole && part && !text[sign + whole + 1 + part];
}

/* Whether every group on the way is one, or not there yet. */
static bool
check_way (const LodeNode *root, const Override *override)
{
  const LodeNode *target = root;

  for (char **name = override->path; name[1] && target; name++) {
    target = lode_node_child (target, *name);
    if (target && target->type != LODE_VALUE_GROUP) {
      complain (override, "%s is not a group (%s), so nothing can be set in it", *name,
                target->origin ? target->origin : "");
      return false;
    }
  }
  return true;
}

bool
lode_config_override (LodeNode *root, const char *assignment, GPtrArray *errors)
{
  g_autofree char *shown = NULL, *origin = NULL, *left = NULL;
  g_auto (GStrv) path = NULL;
  const char *sign = strchr (assignment, '=');
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (LodeToken));
  g_autoptr (LodeNode) tree = NULL;
  GStringChunk *strings;

  if (!g_utf8_validate (assignment, -1, NULL)) {
    g_ptr_array_add (errors, g_strdup ("command line: a setting is not UTF-8"));
    return false;
  }
  shown = lode_token_shown (assignment);
  origin = g_strdup_printf ("command line: %s", shown);
  left = g_strndup (assignment, sign ? (gsize) (sign - assignment) : strlen (assignment));
  path = g_strsplit (left, ".", -1);

  Override override = { origin, sign ? sign + 1 : NULL, path, errors };

  if (!sign || !*left) {
    complain (&override, "expected path.to.value=…");
    return false;
  }
  if (!check_path (&override) || !check_way (root, &override))
    return false;
  if (is_decimal_comma (override.text)) {
    g_autofree char *point = g_strdelimit (g_strdup (override.text), ",", '.');

    complain (&override, "%s is no number; expected a decimal point (%s) or a list ([ %s ])",
              override.text, point, override.text);
    return false;
  }
  strings = g_string_chunk_new (256);
  tree = read_tree (&override, tokens, strings);
  g_string_chunk_free (strings);
  if (!tree)
    return false;
  lode_node_merge (root, tree); /* so a group changes what it names, as one in a file does */
  return true;
}
