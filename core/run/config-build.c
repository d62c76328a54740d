/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From checked tokens to a tree, through libconfig. It is given a text with every value and every
 * setting's name on a line of its own, so that the line it reports of a setting tells the token; in
 * which integers have an L where they need one and arrays are lists, which may mix integers and
 * reals; and without @include, which it would look for in the current folder.
 */
#include "run/config-private.h"

#include <inttypes.h>
#include <libconfig.h>
#include <locale.h>
#include <string.h>

typedef struct Build {
  const LodeToken *tokens;
  GArray *lines; /* guint: the token that begins line i + 1 */
  GPtrArray *errors;
} Build;

char *
lode_config_quoted (const char *text)
{
  static const char from[] = "\n\r\t\f\\\"", to[] = "nrtf\\\"";
  GString *quoted = g_string_new ("\"");

  for (; *text; text++) {
    const char *known = strchr (from, *text);

    if (known)
      g_string_append_printf (quoted, "\\%c", to[known - from]);
    else if (g_ascii_iscntrl (*text))
      g_string_append_printf (quoted, "\\x%02x", (unsigned) *text);
    else
      g_string_append_c (quoted, *text);
  }
  g_string_append_c (quoted, '"');
  return g_string_free (quoted, FALSE);
}

static void
append_token (GString *text, const LodeToken *token)
{
  if (token->kind == '[')
    g_string_append_c (text, '(');
  else if (token->kind == ']')
    g_string_append_c (text, ')');
  else if (token->kind == LODE_TOKEN_TEXT) {
    g_autofree char *quoted = lode_config_quoted (token->text);

    g_string_append (text, quoted);
  } else if (token->kind == LODE_TOKEN_INT) {
    int64_t value = lode_config_integer (token->text);

    g_string_append_printf (text, "%" PRId64 "%s", value, value == (int32_t) value ? "" : "L");
  } else
    g_string_append (text, token->text);
}

static char *
text_of (Build *build)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; build->tokens[i].kind; i++) {
    const LodeToken *token = &build->tokens[i];

    if (i == 0 || token->kind == LODE_TOKEN_NAME || strchr ("([,", token[-1].kind)) {
      g_string_append_c (text, '\n');
      g_array_append_val (build->lines, i);
    } else
      g_string_append_c (text, ' ');
    append_token (text, token);
  }
  return g_string_free (text, FALSE);
}

/* libconfig's lines begin with 1, and the first of the text is empty. */
static char *
origin_of (const Build *build, unsigned line)
{
  guint last = build->lines->len, at = CLAMP (line, 2, last + 1) - 2;

  return lode_token_origin (&build->tokens[g_array_index (build->lines, guint, at)]);
}

static LodeValueType
type_of (const config_setting_t *setting)
{
  switch (config_setting_type (setting)) {
  case CONFIG_TYPE_GROUP:
    return LODE_VALUE_GROUP;
  case CONFIG_TYPE_BOOL:
    return LODE_VALUE_BOOL;
  case CONFIG_TYPE_INT:
  case CONFIG_TYPE_INT64:
    return LODE_VALUE_INT;
  case CONFIG_TYPE_FLOAT:
    return LODE_VALUE_REAL;
  case CONFIG_TYPE_STRING:
    return LODE_VALUE_TEXT;
  default:
    return LODE_VALUE_LIST;
  }
}

static LodeNode *
node_of (const Build *build, const config_setting_t *setting)
{
  g_autofree char *origin = origin_of (build, config_setting_source_line (setting));
  LodeNode *node = lode_node_new (type_of (setting), config_setting_name (setting), origin);

  if (node->type == LODE_VALUE_BOOL)
    node->flag = config_setting_get_bool (setting);
  else if (node->type == LODE_VALUE_INT)
    node->integer = config_setting_type (setting) == CONFIG_TYPE_INT
                        ? config_setting_get_int (setting)
                        : config_setting_get_int64 (setting);
  else if (node->type == LODE_VALUE_REAL)
    node->real = config_setting_get_float (setting);
  else if (node->type == LODE_VALUE_TEXT)
    node->text = g_strdup (config_setting_get_string (setting));
  for (int i = 0; node->children && i < config_setting_length (setting); i++)
    g_ptr_array_add (node->children,
                     node_of (build, config_setting_get_elem (setting, (unsigned) i)));
  return node;
}

LodeNode *
lode_config_build (const LodeToken *tokens, GPtrArray *errors)
{
  g_autoptr (GArray) lines = g_array_new (FALSE, FALSE, sizeof (guint));
  Build build = { tokens, lines, errors };
  g_autofree char *text = text_of (&build);
  locale_t before = uselocale ((locale_t) 0); /* libconfig leaves the thread in the global one */
  LodeNode *root = NULL;
  config_t config;

  if (!tokens->kind)
    return lode_node_new (LODE_VALUE_GROUP, NULL, tokens->file);
  config_init (&config);
  if (config_read_string (&config, text)) {
    root = node_of (&build, config_root_setting (&config));
    g_free (root->origin);
    root->origin = g_strdup (tokens->file);
  } else {
    g_autofree char *origin = origin_of (&build, (unsigned) MAX (config_error_line (&config), 0));

    g_ptr_array_add (errors, g_strdup_printf ("%s: libconfig finds a %s here; check brackets and "
                                              "separators",
                                              origin, config_error_text (&config)));
  }
  config_destroy (&config);
  uselocale (before);
  return root;
}
