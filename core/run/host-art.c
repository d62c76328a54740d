/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artefacts of stages on disk: where ports lead, nets written and opened.
 */
#include "run/host.h"

#include "error.h"
#include "run/config.h"
#include "run/file.h"
#include "run/store.h"

/* "<stage>/<port>.<ending of the kind>" in the run. */
static char *
output_path (const LodeStageHost *host, const LodeStageSpec *stage, const LodePort *port,
             GError **error)
{
  static const char *const endings[] = { "", ".txt", ".safetensors", ".csv", ".csv", ".npy" };
  g_autofree char *file = g_strconcat (port->name, endings[port->art], NULL);
  g_autofree char *name = g_build_filename (stage->name, file, NULL);

  if (host->shared->folder)
    return lode_folder_file (host->shared->folder, name, error);
  return g_steal_pointer (&name);
}

static const LodePort *
find_port (const LodePort *port, const char *name)
{
  for (; port && port->name; port++)
    if (!strcmp (port->name, name))
      return port;
  return NULL;
}

static char *
input_path (const LodeStageHost *host, const LodeLink *link, uint32_t i, GError **error)
{
  const LodePort *port;
  int source;

  if (i >= link->from->len)
    return NULL;
  source = lode_link_source (host->shared->experiment, link, i, &port);
  if (source < 0)
    return g_strdup (g_ptr_array_index (link->from, i));
  return output_path (host, lode_experiment_stage (host->shared->experiment, (uint32_t) source),
                      port, error);
}

char *
lode_host_art_path (const LodeHost *base, const char *port, uint32_t i, GError **error)
{
  const LodeStageHost *host = lode_host_of (base);
  const LodeStageOps *ops = host->spec->use[LODE_USE_STAGE].loaded->ops;
  const LodeLink *link = lode_stage_link (host->spec, port);
  const LodePort *out;

  if (link)
    return input_path (host, link, i, error);
  if (find_port (ops->in, port))
    return NULL;
  out = find_port (ops->out, port);
  if (out)
    return output_path (host, host->spec, out, error);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
               "stage %s asked for a port \"%s\" that it does not have", host->spec->name, port);
  return NULL;
}

/* The groups that a net was made with, for whoever opens its file without the run. */
static char *
groups_text (const LodeStageSpec *spec)
{
  static const char *const kept[] = { "data", "backbone", "loss", "fit" };
  g_autoptr (LodeNode) root = lode_node_new (LODE_VALUE_GROUP, NULL, NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (kept); i++) {
    const LodeNode *group = lode_node_child (spec->resolved, kept[i]);

    if (group)
      lode_node_set (root, lode_node_copy (group));
  }
  return lode_config_write (root);
}

/* The architecture of a choice of one option each, as text, or NULL. */
static char *
choice_text (LodeStageHost *host, const LodeChoice *choice)
{
  LodeArchFamily family;
  const LodeSpace *space;
  g_autofree uint8_t *arch = NULL;

  if (!choice || !choice->mask || !lode_host_backbone (host, &family, NULL))
    return NULL;
  space = lode_arch_space (&family);
  arch = g_new0 (uint8_t, space->n + 1);
  for (uint32_t i = 0; i < space->n; i++) {
    if (choice->mask[i] == 0 || (choice->mask[i] & (choice->mask[i] - 1)))
      return NULL;
    arch[i] = (uint8_t) __builtin_ctzll (choice->mask[i]);
  }
  return lode_arch_text (&family, arch);
}

bool
lode_host_text_save (const LodeHost *base, const char *port, const char *text, GError **error)
{
  g_autofree char *path = NULL;

  if (!lode_host_of (base)->shared->folder)
    return true;
  path = lode_host_art_path (base, port, 0, error);
  return path && lode_file_write (path, text, strlen (text), error);
}

bool
lode_host_net_save (const LodeHost *base, const char *port, LodeNet *net, const LodeChoice *choice,
                    GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  g_autofree char *path = NULL, *groups = NULL, *arch = NULL;
  g_autoptr (LodeStore) store = NULL;

  if (!host->shared->folder)
    return true;
  path = lode_host_art_path (base, port, 0, error);
  if (!path)
    return false;
  store = lode_store_new ();
  lode_net_store (net, "net.", store);
  groups = groups_text (host->spec);
  arch = choice_text (host, choice);
  lode_store_text (store, "groups", groups);
  lode_store_text (store, "arch", arch);
  return lode_store_write (store, path, error);
}

static LodeNet *
open_store (LodeStageHost *host, const LodeStore *store, GError **error)
{
  LodeNetIn in = { .size = sizeof in };
  g_autofree uint64_t *mask = NULL;
  LodeChoice choice = { .size = sizeof choice };
  LodeArchFamily family;
  LodeNet *net;

  if (!lode_host_backbone (host, &family, error))
    return NULL;
  mask = g_new0 (uint64_t, lode_arch_space (&family)->n + 1);
  if (!lode_net_describe (store, "net.", lode_arch_space (&family), &in, mask, error))
    return NULL;
  choice.mask = mask;
  in.choice = &choice;
  net = lode_host_net (host, &in, error);
  if (!net || lode_net_restore (net, "net.", store, error))
    return net;
  lode_net_free (net);
  return NULL;
}

/* Whether the net at a port is one that a search trained for all architectures. */
static bool
is_of_search (const LodeStageHost *host, const char *name)
{
  const LodeLink *link = lode_stage_link (host->spec, name);
  const LodePort *port;
  int source = link ? lode_link_source (host->shared->experiment, link, 0, &port) : -1;

  return source >= 0
         && lode_experiment_stage (host->shared->experiment, (uint32_t) source)
                ->use[LODE_USE_SEARCH]
                .loaded;
}

/* A plan has no trained net yet: a fresh one, of any architecture or of all, stands for it. */
static LodeNet *
make_up (LodeStageHost *host, const char *port, GError **error)
{
  LodeNetIn in = { .size = sizeof in };
  LodeChoice choice = { .size = sizeof choice };
  g_autofree uint64_t *mask = NULL;
  g_autofree uint8_t *arch = NULL;
  LodeArchFamily family;
  const LodeSpace *space;

  if (!lode_host_backbone (host, &family, error))
    return NULL;
  in.shared = is_of_search (host, port);
  if (in.shared)
    return lode_host_net (host, &in, error);
  space = lode_arch_space (&family);
  mask = g_new0 (uint64_t, space->n + 1);
  arch = g_new0 (uint8_t, space->n + 1);
  if (space->n > 0 && lode_host_arch_read (&host->base, "arch", 0, arch, error))
    lode_space_one (space, arch, mask);
  choice.mask = mask;
  in.choice = space->n > 0 ? &choice : NULL;
  return lode_host_net (host, &in, error);
}

LodeNet *
lode_host_net_open (const LodeHost *base, const char *port, uint32_t i, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  g_autofree char *path = NULL;
  g_autoptr (LodeStore) store = NULL;
  g_autoptr (GError) failure = NULL;
  LodeNet *net;

  if (host->shared->plan)
    return make_up (host, port, error);
  path = lode_host_art_path (base, port, i, &failure);
  store = path ? lode_store_read (path, &failure) : NULL;
  if (!path && !failure)
    g_set_error (&failure, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "stage %s: no net is connected to its port %s", host->spec->name, port);
  if (failure) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  net = open_store (host, store, &failure);
  if (failure)
    g_propagate_prefixed_error (error, g_steal_pointer (&failure), "%s: ", path);
  return net;
}
