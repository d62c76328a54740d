/* SPDX-License-Identifier: Apache-2.0 */
#include "run/pins.h"

#include <string.h>

typedef struct Pin {
  const char *version, *sha256;
} Pin;

static const LodeOption options[] = {
  LODE_OPTION (Pin, version, .text = "", .doc = "version that the plugin says it has; empty: any"),
  LODE_OPTION (Pin, sha256, .text = "", .doc = "sha256 of the plugin's file; empty: any"),
};

static const LodeTable table = { options, G_N_ELEMENTS (options), 0, sizeof (Pin) };

static bool
is_digest (const char *text)
{
  return strlen (text) == 64 && strspn (text, "0123456789abcdefABCDEF") == 64;
}

/* A pin of what there is not would hold nothing. */
static void
check_there (const LodeRegistry *registry, const char *kind, const LodeNode *node,
             GPtrArray *errors)
{
  g_autofree char *path = lode_registry_path (registry, kind, node->name);
  g_auto (GStrv) names = path ? NULL : lode_registry_names (registry, kind);
  const char *near = path ? NULL : lode_nearest (node->name, (const char *const *) names);

  if (!path)
    g_ptr_array_add (errors,
                     g_strdup_printf ("%s: plugins.%s.%s: there is no %s called \"%s\"%s%s%s",
                                      node->origin, kind, node->name, kind, node->name,
                                      near ? "; did you mean \"" : "", near ? near : "",
                                      near ? "\"?" : ""));
}

static void
read_pin (LodeRegistry *registry, const char *kind, LodeNode *node, GPtrArray *errors)
{
  g_autofree char *where = g_strdup_printf ("plugins.%s.%s", kind, node->name);
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  Pin pin = { 0 };

  if (node->type != LODE_VALUE_GROUP) {
    g_ptr_array_add (errors, g_strdup_printf ("%s: %s must be a group: { version = \"…\"; sha256 = "
                                              "\"…\"; };",
                                              node->origin, where));
    return;
  }
  check_there (registry, kind, node, errors);
  if (!lode_table_fill (&table, node, where, NULL, &pin, owner, errors))
    return;
  if (*pin.sha256 && !is_digest (pin.sha256))
    g_ptr_array_add (errors, g_strdup_printf ("%s: %s.sha256 = \"%s\" is no sha256; expected 64 "
                                              "hexadecimal digits (`lode show %s/%s` prints them)",
                                              lode_node_child (node, "sha256")->origin, where,
                                              pin.sha256, kind, node->name));
  else
    lode_registry_pin (registry, kind, node->name, *pin.version ? pin.version : NULL,
                       *pin.sha256 ? pin.sha256 : NULL);
}

static void
read_kind (LodeRegistry *registry, const LodeNode *group, GPtrArray *errors)
{
  g_autofree char *all = NULL;

  if (lode_kind_ops_size (group->name) && group->type == LODE_VALUE_GROUP) {
    for (guint i = 0; i < group->children->len; i++)
      read_pin (registry, group->name, group->children->pdata[i], errors);
    return;
  }
  all = g_strjoinv (", ", (char **) lode_kinds);
  g_ptr_array_add (errors,
                   g_strdup_printf ("%s: plugins.%s: expected a group named after a kind of "
                                    "plugin: %s",
                                    group->origin, group->name, all));
}

void
lode_pins_read (LodeRegistry *registry, const LodeNode *root, GPtrArray *errors)
{
  const LodeNode *plugins = lode_node_child (root, "plugins");

  lode_registry_unpin (registry);
  if (plugins && plugins->type != LODE_VALUE_GROUP)
    g_ptr_array_add (errors, g_strdup_printf ("%s: plugins must be a group: plugins = { <kind> = { "
                                              "<name> = { version = \"…\"; }; }; };",
                                              plugins->origin));
  for (guint i = 0; plugins && plugins->type == LODE_VALUE_GROUP && i < plugins->children->len; i++)
    read_kind (registry, plugins->children->pdata[i], errors);
}
