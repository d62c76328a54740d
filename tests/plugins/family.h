/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backbone plugin in use by a test: loaded by the registry, made with given options, recorded.
 */
#ifndef TEST_FAMILY_H
#define TEST_FAMILY_H

#include "compute/graph.h"
#include "plugin/registry.h"
#include <lode/lode.h>
#include <string.h>

typedef struct Family {
  const LodeBackboneOps *ops;
  LodeBackbone *backbone;
  const LodeSpace *space;
  GPtrArray *owner;
} Family;

/* What a recording came to. */
typedef struct Count {
  uint64_t params, macs;
  uint32_t ops, slots;
} Count;

static inline LodeRegistry *
test_registry (void)
{
  static LodeRegistry *registry;

  if (!registry)
    registry = lode_registry_default (NULL);
  return registry;
}

static inline const LodeLoaded *
test_load (const char *kind, const char *name)
{
  g_autoptr (GError) error = NULL;
  const LodeLoaded *loaded = lode_registry_load (test_registry (), kind, name, &error);

  g_assert_no_error (error);
  return loaded;
}

/* The options of a plugin, from a group (taken over) or by default. Transfer full. */
static inline void *
test_conf (const LodeLoaded *loaded, LodeNode *group, GPtrArray *owner)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  void *conf = g_malloc0 (loaded->table.conf_size + 1);
  bool ok = lode_table_fill (&loaded->table, group, "test", NULL, conf, owner, errors);

  for (guint i = 0; i < errors->len; i++)
    g_test_message ("%s", (char *) errors->pdata[i]);
  g_assert_true (ok);
  if (group)
    lode_node_free (group);
  g_ptr_array_add (owner, conf);
  return conf;
}

static inline LodeNode *
test_group (void)
{
  return lode_node_new (LODE_VALUE_GROUP, "test", "test");
}

static inline void
test_set (LodeNode *group, const char *name, int64_t value)
{
  LodeNode *node = lode_node_new (LODE_VALUE_INT, name, "test");

  node->integer = value;
  node->real = (double) value;
  lode_node_set (group, node);
}

static inline void
test_set_text (LodeNode *group, const char *name, const char *value)
{
  LodeNode *node = lode_node_new (LODE_VALUE_TEXT, name, "test");

  node->text = g_strdup (value);
  lode_node_set (group, node);
}

/* NULL with an error where the plugin refuses its options. group: taken over */
static inline Family *
family_try (const char *name, LodeNode *group, GError **error)
{
  const LodeLoaded *loaded = test_load ("backbone", name);
  Family *family = g_new0 (Family, 1);
  LodeShape shape = { 32, 32, 3 };

  family->owner = g_ptr_array_new_with_free_func (g_free);
  family->ops = loaded->ops;
  family->backbone =
      family->ops->create (NULL, test_conf (loaded, group, family->owner), &shape, error);
  if (family->backbone) {
    family->space = family->ops->space (family->backbone);
    return family;
  }
  g_ptr_array_unref (family->owner);
  g_free (family);
  return NULL;
}

static inline Family *
family_new (const char *name, LodeNode *group)
{
  g_autoptr (GError) error = NULL;
  Family *family = family_try (name, group, &error);

  g_assert_no_error (error);
  return family;
}

static inline void
family_free (Family *family)
{
  family->ops->destroy (family->backbone);
  g_ptr_array_unref (family->owner);
  g_free (family);
}

/* Features, then a linear head with bias; `auxiliary` counts a second head. */
static inline bool
family_count (const Family *family, LodeBuild build, LodeShape shape, uint32_t classes,
              const uint64_t *mask, Count *count, GError **error)
{
  LodeLayout *weights = lode_layout_new (), *norms = lode_layout_new ();
  LodeRecord *record = lode_record_new (weights, norms, family->space, mask);
  LodeGraph *graph = lode_record_graph (record);
  bool ok;

  build.size = sizeof build;
  build.features = build.auxiliary = -1;
  build.image = lode_record_image (record, &shape);
  build.index = -1;
  lode_record_scope (record, "backbone.");
  ok = family->ops->build (family->backbone, graph, &build, error);
  lode_record_scope (record, "head.");
  if (ok)
    lode_record_output (record, lode_linear (graph, "linear", build.features, classes, true));
  if (ok && build.auxiliary >= 0)
    lode_record_output (record, lode_linear (graph, "auxiliary", build.auxiliary, classes, true));
  ok = ok && lode_record_check (record, error);
  *count = (Count){ lode_record_params (record), lode_record_macs (record),
                    lode_record_ops (record), lode_layout_count (weights) };
  lode_record_free (record);
  lode_layout_unref (weights);
  lode_layout_unref (norms);
  return ok;
}

/* The network of an architecture (NULL: of every option) as a net of its own, or as a
 * super-network. */
static inline Count
family_cost (const Family *family, LodeBuild build, uint32_t side, const uint8_t *arch)
{
  g_autofree uint64_t *mask = g_new0 (uint64_t, family->space->n + 1);
  g_autoptr (GError) error = NULL;
  Count count;

  if (arch)
    lode_space_one (family->space, arch, mask);
  else
    lode_space_all (family->space, mask);
  family_count (family, build, (LodeShape){ side, side, 3 }, 10, mask, &count, &error);
  g_assert_no_error (error);
  return count;
}

#endif
