/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/value.h"

#include <string.h>

LodeNode *
lode_node_new (LodeValueType type, const char *name, const char *origin)
{
  LodeNode *node = g_new0 (LodeNode, 1);

  node->type = type;
  node->name = g_strdup (name);
  node->origin = g_strdup (origin);
  if (type == LODE_VALUE_GROUP || type == LODE_VALUE_LIST)
    node->children = g_ptr_array_new_with_free_func ((GDestroyNotify) lode_node_free);
  return node;
}

LodeNode *
lode_node_copy (const LodeNode *node)
{
  LodeNode *copy = lode_node_new (node->type, node->name, node->origin);

  copy->flag = node->flag;
  copy->integer = node->integer;
  copy->real = node->real;
  copy->text = g_strdup (node->text);
  for (guint i = 0; node->children && i < node->children->len; i++)
    g_ptr_array_add (copy->children, lode_node_copy (g_ptr_array_index (node->children, i)));
  return copy;
}

void
lode_node_free (LodeNode *node)
{
  if (!node)
    return;
  if (node->children)
    g_ptr_array_unref (node->children);
  g_free (node->name);
  g_free (node->text);
  g_free (node->origin);
  g_free (node);
}

static gint
position (const LodeNode *group, const char *name)
{
  if (!group || group->type != LODE_VALUE_GROUP)
    return -1;
  for (guint i = 0; i < group->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (group->children, i);

    if (!g_strcmp0 (child->name, name))
      return (gint) i;
  }
  return -1;
}

LodeNode *
lode_node_child (const LodeNode *group, const char *name)
{
  gint i = position (group, name);

  return i < 0 ? NULL : g_ptr_array_index (group->children, i);
}

LodeNode *
lode_node_find (const LodeNode *root, const char *path)
{
  g_auto (GStrv) part = g_strsplit (path, ".", -1);
  LodeNode *node = (LodeNode *) root;

  for (char **name = part; *name && node; name++)
    node = lode_node_child (node, *name);
  return node;
}

void
lode_node_set (LodeNode *group, LodeNode *child)
{
  gint i = position (group, child->name);

  if (i < 0) {
    g_ptr_array_add (group->children, child);
    return;
  }
  lode_node_free (group->children->pdata[i]);
  group->children->pdata[i] = child;
}

void
lode_node_merge (LodeNode *into, const LodeNode *from)
{
  for (guint i = 0; i < from->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (from->children, i);
    LodeNode *target = lode_node_child (into, child->name);

    if (target && target->type == LODE_VALUE_GROUP && child->type == LODE_VALUE_GROUP)
      lode_node_merge (target, child);
    else
      lode_node_set (into, lode_node_copy (child));
  }
}

const char *
lode_node_text (const LodeNode *group, const char *name, const char *otherwise)
{
  LodeNode *node = lode_node_child (group, name);

  if (!node || node->type != LODE_VALUE_TEXT)
    return otherwise;
  node->used = true;
  return node->text;
}
