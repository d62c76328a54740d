/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the input ports of stages are connected to: outputs of earlier stages, or files.
 */
#include "run/spec.h"

#include "run/config.h"
#include "run/store.h"

/* A search that trains no shared weights leaves its stage no net to hand on. */
static bool
is_given (const LodeStageSpec *spec, const LodePort *port)
{
  const LodeLoaded *search = spec->use[LODE_USE_SEARCH].loaded;

  return port->required || port->art != LODE_ART_NET || !search
         || ((const LodeSearchOps *) search->ops)->needs & LODE_SHARE;
}

static const LodePort *
output_of (const LodeStageSpec *spec, uint32_t art, const char *name)
{
  const LodeLoaded *loaded = spec->use[LODE_USE_STAGE].loaded;
  const LodePort *port = loaded ? ((const LodeStageOps *) loaded->ops)->out : NULL;

  for (; port && port->name; port++)
    if (port->art == art && (!name || !strcmp (port->name, name)) && is_given (spec, port))
      return port;
  return NULL;
}

/* A path has a slash; no name of a stage has what every text of an architecture has. */
bool
lode_link_is_text (const LodeLink *link, uint32_t i)
{
  const char *from = g_ptr_array_index (link->from, i);

  return link->port->art == LODE_ART_ARCH && !strchr (from, '/') && strpbrk (from, "(|=@ ");
}

static bool
is_file (const LodeLink *link, uint32_t i)
{
  const char *from = g_ptr_array_index (link->from, i);

  return !lode_link_is_text (link, i)
         && (strchr (from, '/') || g_str_has_suffix (from, ".txt")
             || g_str_has_suffix (from, ".csv") || g_str_has_suffix (from, ".safetensors"));
}

int
lode_link_source (const LodeExperiment *experiment, const LodeLink *link, uint32_t i,
                  const LodePort **port)
{
  const char *from = g_ptr_array_index (link->from, i);
  g_auto (GStrv) part = g_strsplit (from, ".", 2);
  int at;

  *port = NULL;
  if (lode_link_is_text (link, i) || is_file (link, i) || !part[0])
    return -1;
  at = lode_experiment_find (experiment, part[0]);
  if (at >= 0)
    *port = output_of (lode_experiment_stage (experiment, (uint32_t) at), link->port->art, part[1]);
  return at;
}

const LodeLink *
lode_stage_link (const LodeStageSpec *spec, const char *port)
{
  for (guint i = 0; i < spec->links->len; i++) {
    const LodeLink *link = g_ptr_array_index (spec->links, i);

    if (!strcmp (link->port->name, port))
      return link;
  }
  return NULL;
}

static const char *
art_word (uint32_t art)
{
  static const char *const words[] = { "nothing",  "an architecture", "a net",
                                       "a subset", "scores",          "features" };

  return art < G_N_ELEMENTS (words) ? words[art] : "an artefact";
}

static void
check_link (const LodeStageSpec *spec, const LodeExperiment *experiment, const LodeLink *link,
            guint i, const LodeNode *at, GPtrArray *errors)
{
  const char *from = g_ptr_array_index (link->from, i);
  const LodePort *port;
  int source = lode_link_source (experiment, link, i, &port);

  if (lode_link_is_text (link, i))
    return;
  if (is_file (link, i)) {
    if (!g_file_test (from, G_FILE_TEST_IS_REGULAR))
      g_ptr_array_add (errors, g_strdup_printf ("%s: stage %s: %s = \"%s\": there is no such file",
                                                at->origin, spec->name, at->name, from));
    return;
  }
  if (source < 0)
    g_ptr_array_add (errors,
                     g_strdup_printf ("%s: stage %s: %s = \"%s\": no stage before it has that "
                                      "name; expected one of them, or a path with a slash",
                                      at->origin, spec->name, at->name, from));
  else if (!port
           && lode_experiment_stage (experiment, (uint32_t) source)->use[LODE_USE_STAGE].loaded)
    g_ptr_array_add (errors, g_strdup_printf ("%s: stage %s: %s = \"%s\": that stage does not "
                                              "give %s",
                                              at->origin, spec->name, at->name, from,
                                              art_word (link->port->art)));
}

/* A file is kept with its full path: the run may be resumed from another folder. */
static void
take_name (LodeLink *link, const char *from)
{
  uint32_t last = link->from->len;

  g_ptr_array_add (link->from, g_strdup (from));
  if (!is_file (link, last))
    return;
  g_free (link->from->pdata[last]);
  link->from->pdata[last] = g_canonicalize_filename (from, NULL);
}

/* One name, or a list of names where the port takes many. */
static bool
read_names (const LodeNode *node, LodeLink *link)
{
  if (node->type == LODE_VALUE_TEXT) {
    take_name (link, node->text);
    return true;
  }
  if (node->type != LODE_VALUE_LIST || !link->port->many || node->children->len == 0)
    return false;
  for (guint i = 0; i < node->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (node->children, i);

    if (child->type != LODE_VALUE_TEXT)
      return false;
    take_name (link, child->text);
  }
  return true;
}

static void
read_link (LodeStageSpec *spec, const LodeExperiment *experiment, const LodePort *port,
           const LodeNode *node, GPtrArray *errors)
{
  LodeLink *link = g_new0 (LodeLink, 1);

  link->port = port;
  link->from = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (spec->links, link);
  if (!read_names (node, link)) {
    g_ptr_array_add (errors, g_strdup_printf ("%s: stage %s: %s must be the name of an earlier "
                                              "stage in quotes, or a file%s",
                                              node->origin, spec->name, port->name,
                                              port->many ? ", or a list of them" : ""));
    return;
  }
  for (guint i = 0; i < link->from->len; i++)
    check_link (spec, experiment, link, i, node, errors);
}

void
lode_spec_links (LodeStageSpec *spec, const LodeExperiment *experiment, LodeNode *group,
                 GPtrArray *errors)
{
  const LodeStageOps *ops = spec->use[LODE_USE_STAGE].loaded->ops;

  for (const LodePort *port = ops->in; port && port->name; port++) {
    const LodeNode *node = lode_node_child (group, port->name);

    if (node)
      read_link (spec, experiment, port, node, errors);
    else if (port->required)
      g_ptr_array_add (errors, g_strdup_printf ("%s: stage %s: %s is required: %s = \"<earlier "
                                                "stage that gives %s, or a file>\";",
                                                group->origin, spec->name, port->name, port->name,
                                                art_word (port->art)));
  }
}

/* The groups that describe a net; in their place are the experiment's where the net has none. */
static void
take_groups (const LodeNode *from, LodeNode *groups)
{
  static const char *const taken[] = { "data", "backbone", "loss", "fit" };

  for (size_t i = 0; i < G_N_ELEMENTS (taken); i++) {
    const LodeNode *group = lode_node_child (from, taken[i]);

    if (group)
      lode_node_set (groups, lode_node_copy (group));
  }
}

/* A net's file carries the groups that it was made with. */
static void
inherit_file (const char *path, LodeNode *groups, GPtrArray *errors)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (LodeStore) store = lode_store_read (path, &failure);
  const char *text = store ? lode_store_find_text (store, "groups") : NULL;
  g_autoptr (LodeNode) saved = NULL;

  if (!store) {
    g_ptr_array_add (errors, g_strdup (failure->message));
    return;
  }
  saved = text ? lode_config_parse_text (path, text, errors) : NULL;
  if (saved)
    take_groups (saved, groups);
  else if (!text)
    g_ptr_array_add (errors, g_strdup_printf ("%s is no net of a run: it does not say what it was "
                                              "made with",
                                              path));
}

void
lode_spec_inherit (const LodeStageSpec *spec, const LodeExperiment *experiment, LodeNode *groups,
                   GPtrArray *errors)
{
  for (guint l = 0; l < spec->links->len; l++) {
    const LodeLink *link = g_ptr_array_index (spec->links, l);
    const LodePort *port;
    const char *from;
    int source;

    if (link->port->art != LODE_ART_NET || link->from->len != 1
        || !strcmp (link->port->name, "teacher"))
      continue;
    from = g_ptr_array_index (link->from, 0);
    source = lode_link_source (experiment, link, 0, &port);
    if (source >= 0 && lode_experiment_stage (experiment, (uint32_t) source)->groups)
      take_groups (lode_experiment_stage (experiment, (uint32_t) source)->groups, groups);
    else if (source < 0 && is_file (link, 0) && g_file_test (from, G_FILE_TEST_IS_REGULAR))
      inherit_file (from, groups, errors);
  }
}
