/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in memory: two ordered trees, of arrays and of texts, and windows on them.
 */
#include "run/store-private.h"

#include "error.h"

#include <string.h>

typedef struct Root {
  GTree *arrays; /* name → LodeStoreArray */
  GTree *texts;  /* key → text */
  char *wrong;
} Root;

typedef struct Store {
  LodeStore base; /* first */
  Root *root;
  char *prefix;
  bool owner; /* of the root */
} Store;

static const LodeStoreType types[] = {
  { LODE_TYPE_U8, 1, "U8" },   { LODE_TYPE_I32, 4, "I32" }, { LODE_TYPE_U32, 4, "U32" },
  { LODE_TYPE_U64, 8, "U64" }, { LODE_TYPE_F32, 4, "F32" }, { LODE_TYPE_F64, 8, "F64" },
  { LODE_TYPE_I64, 8, "I64" },
};

const LodeStoreType *
lode_store_type (uint32_t type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == type)
      return &types[i];
  return NULL;
}

const LodeStoreType *
lode_store_type_named (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (!strcmp (types[i].name, name))
      return &types[i];
  return NULL;
}

static const Store *
of (const LodeStore *store)
{
  return (const Store *) (const void *) store;
}

static void
array_free (void *data)
{
  g_free (((LodeStoreArray *) data)->data);
  g_free (data);
}

static int
order (const void *a, const void *b, G_GNUC_UNUSED void *data)
{
  return strcmp (a, b);
}

static void
refuse (Root *root, const char *name, const char *why)
{
  g_autofree char *shown = g_strescape (name, NULL);

  if (!root->wrong)
    root->wrong = g_strdup_printf ("\"%s\" %s", shown, why);
}

static bool
name_fits (Root *root, const char *name)
{
  if (!*name)
    refuse (root, name, "is an empty name");
  else if (!g_utf8_validate (name, -1, NULL))
    refuse (root, name, "is not a name in UTF-8");
  else if (!strcmp (name, LODE_STORE_METADATA))
    refuse (root, name, "is the name of a store's texts; call the array otherwise");
  else
    return true;
  return false;
}

void
lode_store_take (LodeStore *base, const char *name, LodeStoreArray array)
{
  const Store *store = of (base);

  g_tree_replace (store->root->arrays, g_strconcat (store->prefix, name, NULL),
                  g_memdup2 (&array, sizeof array));
}

static void
store_put (LodeStore *base, const char *name, uint32_t type, size_t n, const void *data)
{
  const Store *store = of (base);
  LodeStoreArray array = { lode_store_type (type), n, NULL };
  g_autofree char *full = g_strconcat (store->prefix, name, NULL);

  if (!name_fits (store->root, full))
    return;
  if (!array.type || n > SIZE_MAX / array.type->size) {
    refuse (store->root, full,
            array.type ? "has more bytes than there are addresses" : "has an unknown type");
    return;
  }
  array.data = g_memdup2 (data, n * array.type->size);
  lode_store_take (base, name, array);
}

const LodeStoreArray *
lode_store_array (const LodeStore *base, const char *name)
{
  const Store *store = of (base);
  g_autofree char *full = g_strconcat (store->prefix, name, NULL);

  return g_tree_lookup (store->root->arrays, full);
}

static bool
store_count (const LodeStore *base, const char *name, uint32_t *type, size_t *n)
{
  const LodeStoreArray *array = lode_store_array (base, name);

  if (!array)
    return false;
  *type = array->type->type;
  *n = array->n;
  return true;
}

static bool
store_get (const LodeStore *base, const char *name, uint32_t type, size_t n, void *data,
           GError **error)
{
  const LodeStoreArray *array = lode_store_array (base, name);
  const LodeStoreType *wanted = lode_store_type (type);

  if (!array)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "no array \"%s%s\" in the store: it was saved by another version or component",
                 of (base)->prefix, name);
  else if (array->type != wanted || array->n != n)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "array \"%s%s\" of the store: expected %s[%zu], found %s[%zu]; it was saved with"
                 " other settings",
                 of (base)->prefix, name, wanted ? wanted->name : "an unknown type ", n,
                 array->type->name, array->n);
  else {
    if (n)
      memcpy (data, array->data, n * wanted->size);
    return true;
  }
  return false;
}

static const LodeStoreCalls calls = {
  .size = sizeof calls, .put = store_put, .get = store_get, .count = store_count
};

static LodeStore *
make (Root *root, char *prefix, bool owner)
{
  Store *store = g_new0 (Store, 1);

  *store = (Store){ { &calls }, root, prefix, owner };
  return &store->base;
}

LodeStore *
lode_store_new (void)
{
  Root *root = g_new0 (Root, 1);

  root->arrays = g_tree_new_full (order, NULL, g_free, array_free);
  root->texts = g_tree_new_full (order, NULL, g_free, g_free);
  return make (root, g_strdup (""), true);
}

LodeStore *
lode_store_view (LodeStore *parent, const char *prefix)
{
  return make (of (parent)->root, g_strconcat (of (parent)->prefix, prefix, NULL), false);
}

void
lode_store_free (LodeStore *base)
{
  Store *store = (Store *) (void *) base;

  if (!store)
    return;
  if (store->owner) {
    g_tree_unref (store->root->arrays);
    g_tree_unref (store->root->texts);
    g_free (store->root->wrong);
    g_free (store->root);
  }
  g_free (store->prefix);
  g_free (store);
}

void
lode_store_text (LodeStore *base, const char *key, const char *text)
{
  const Store *store = of (base);
  g_autofree char *full = g_strconcat (store->prefix, key, NULL);

  if (!text)
    g_tree_remove (store->root->texts, full);
  else if (!g_utf8_validate (full, -1, NULL) || !g_utf8_validate (text, -1, NULL))
    refuse (store->root, full, "is not a text in UTF-8");
  else
    g_tree_replace (store->root->texts, g_steal_pointer (&full), g_strdup (text));
}

const char *
lode_store_find_text (const LodeStore *base, const char *key)
{
  const Store *store = of (base);
  g_autofree char *full = g_strconcat (store->prefix, key, NULL);

  return g_tree_lookup (store->root->texts, full);
}

/* Keys that begin with the prefix, without it. */
static const char **
list (GTree *tree, const char *prefix)
{
  GPtrArray *names = g_ptr_array_new ();
  GTreeNode *node = g_tree_lower_bound (tree, prefix);

  for (; node && g_str_has_prefix (g_tree_node_key (node), prefix); node = g_tree_node_next (node))
    g_ptr_array_add (names, (char *) g_tree_node_key (node) + strlen (prefix));
  g_ptr_array_add (names, NULL);
  return (const char **) g_ptr_array_free (names, FALSE);
}

const char **
lode_store_names (const LodeStore *base)
{
  return list (of (base)->root->arrays, of (base)->prefix);
}

const char **
lode_store_keys (const LodeStore *base)
{
  return list (of (base)->root->texts, of (base)->prefix);
}

const char *
lode_store_wrong (const LodeStore *base)
{
  return of (base)->root->wrong;
}
