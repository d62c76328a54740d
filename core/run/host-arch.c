/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architectures for the plugins of a stage: what they cost, how they read, and their artefacts.
 */
#include "run/host.h"

#include "error.h"
#include "run/picture.h"

#include <json-glib/json-glib.h>

/* The family is there once a stage has asked for its space or made a net. */
static LodeArchFamily
family_of (const LodeHost *base)
{
  LodeStageHost *host = lode_host_of (base);
  LodeArchFamily family = { host->spec->use[LODE_USE_BACKBONE].loaded->ops, host->backbone };

  return family;
}

const LodeSpace *
lode_host_space (const LodeHost *base)
{
  static const LodeSpace none = { .size = sizeof none };
  LodeArchFamily family;

  return lode_host_backbone (lode_host_of (base), &family, NULL) ? lode_arch_space (&family)
                                                                 : &none;
}

/* What a single network of this stage costs. */
static LodeCost *
cost_of (LodeStageHost *host, GError **error)
{
  const LodeNetIn in = { .size = sizeof in };
  LodeAssembly assembly;
  LodeNetSpec spec;
  bool ok;

  if (host->cost)
    return host->cost;
  if (!lode_host_net_spec (host, &spec, error))
    return NULL;
  ok = lode_net_assembly (&spec, &in, &assembly, error);
  lode_host_net_losses_free (&spec);
  return ok ? host->cost = lode_cost_new (&assembly) : NULL;
}

bool
lode_host_cost (const LodeHost *base, const uint8_t *arch, uint64_t *macs, uint64_t *params,
                GError **error)
{
  LodeCost *cost = cost_of (lode_host_of (base), error);

  return cost && lode_cost_of (cost, arch, macs, params, error);
}

double
lode_host_expect (const LodeHost *base, const float *prob, float *dprob)
{
  LodeCost *cost = cost_of (lode_host_of (base), NULL);

  return cost ? lode_cost_expect (cost, prob, dprob) : 0;
}

void
lode_host_derive (const LodeHost *base, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  LodeArchFamily family = family_of (base);

  lode_arch_derive (&family, mix, mask, arch);
}

void
lode_host_sample (const LodeHost *base, uint8_t *arch, LodeRng *rng)
{
  LodeArchFamily family = family_of (base);

  lode_arch_sample (&family, arch, rng);
}

void
lode_host_repair (const LodeHost *base, uint8_t *arch, LodeRng *rng)
{
  LodeArchFamily family = family_of (base);

  lode_arch_repair (&family, arch, rng);
}

char *
lode_host_arch_key (const LodeHost *base, const uint8_t *arch)
{
  LodeArchFamily family = family_of (base);

  return lode_arch_canonical (&family, arch);
}

char *
lode_host_arch_write (const LodeHost *base, const uint8_t *arch)
{
  LodeArchFamily family = family_of (base);

  return lode_arch_text (&family, arch);
}

/* An architecture that a plan draws, and its multiply-adds. */
typedef struct Drawn {
  uint8_t *arch;
  uint64_t macs;
} Drawn;

static int
by_macs (const void *a, const void *b)
{
  uint64_t x = ((const Drawn *) a)->macs, y = ((const Drawn *) b)->macs;

  return (x > y) - (x < y);
}

/* A plan has no architecture yet: of some drawn at random, the one that costs the median stands for
 * it. */
static bool
make_up (const LodeHost *base, uint8_t *arch, GError **error)
{
  enum { DRAWN = 15 };
  uint32_t n = lode_host_space (base)->n;
  g_autofree uint8_t *memory = g_new0 (uint8_t, (size_t) DRAWN * n + 1);
  Drawn drawn[DRAWN];
  uint64_t params;

  for (uint32_t i = 0; i < DRAWN; i++) {
    LodeRng rng = lode_rng (base, "plan", i, 0);

    drawn[i].arch = memory + (size_t) i * n;
    lode_host_sample (base, drawn[i].arch, &rng);
    if (!lode_host_cost (base, drawn[i].arch, &drawn[i].macs, &params, error))
      return false;
  }
  qsort (drawn, DRAWN, sizeof *drawn, by_macs);
  memcpy (arch, drawn[DRAWN / 2].arch, n);
  return true;
}

/* The text at an input port: the link itself, or what its file holds. Transfer full. */
static char *
port_text (const LodeHost *base, const char *port, uint32_t i, char **where, GError **error)
{
  const LodeLink *link = lode_stage_link (lode_host_of (base)->spec, port);
  g_autoptr (GError) failure = NULL;
  char *text = NULL;

  if (link && i < link->from->len && lode_link_is_text (link, i)) {
    *where = g_strdup (port);
    return g_strdup (g_ptr_array_index (link->from, i));
  }
  *where = lode_host_art_path (base, port, i, error);
  if (*where && !g_file_get_contents (*where, &text, NULL, &failure))
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s", failure->message);
  return text;
}

/* Whether a port leads to a stage, which under a plan has not run. */
static bool
is_open (const LodeStageHost *host, const char *port, uint32_t i)
{
  const LodeLink *link = lode_stage_link (host->spec, port);
  const LodePort *from;

  return !link || lode_link_source (host->shared->experiment, link, i, &from) >= 0;
}

bool
lode_host_arch_read (const LodeHost *base, const char *port, uint32_t i, uint8_t *arch,
                     GError **error)
{
  g_autofree char *where = NULL, *text = NULL;
  LodeArchFamily family;
  g_autoptr (GError) failure = NULL;

  if (!lode_host_backbone (lode_host_of (base), &family, error))
    return false;
  if (lode_host_of (base)->shared->plan && is_open (lode_host_of (base), port, i))
    return make_up (base, arch, error);
  text = port_text (base, port, i, &where, error);
  if (!text)
    return false;
  if (lode_arch_parse (&family, g_strstrip (text), arch, &failure))
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "%s: %s", where, failure->message);
  return false;
}

/* What arch.json holds: the text, the canonical key, what it costs, and each decision. */
static char *
describe (const LodeHost *base, const LodeArchFamily *family, const uint8_t *arch)
{
  const LodeSpace *space = lode_arch_space (family);
  g_autofree char *text = lode_arch_text (family, arch), *key = lode_arch_canonical (family, arch);
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  uint64_t macs = 0, params = 0;

  lode_host_cost (base, arch, &macs, &params, NULL);
  json_builder_begin_object (json);
  json_builder_add_string_value (json_builder_set_member_name (json, "text"), text);
  json_builder_add_string_value (json_builder_set_member_name (json, "key"), key);
  json_builder_add_int_value (json_builder_set_member_name (json, "macs"), (gint64) macs);
  json_builder_add_int_value (json_builder_set_member_name (json, "params"), (gint64) params);
  json_builder_begin_object (json_builder_set_member_name (json, "decisions"));
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);

    json_builder_add_string_value (json_builder_set_member_name (json, decision->name),
                                   decision->option[arch[i]]);
  }
  json_builder_end_object (json);
  json_builder_end_object (json);
  root = json_builder_get_root (json);
  return json_to_string (root, TRUE);
}

/* A file beside the artefact, with another ending. */
static bool
write_beside (const char *path, const char *ending, const char *text, GError **error)
{
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".txt"));
  g_autofree char *name = g_strconcat (stem, ending, NULL);
  g_autofree char *line = g_strconcat (text, g_str_has_suffix (text, "\n") ? "" : "\n", NULL);

  return lode_file_write (name, line, strlen (line), error);
}

/* The picture, as DOT always and as SVG where Graphviz is at hand. */
static bool
draw (const LodeHost *base, const LodeArchFamily *family, const uint8_t *arch, const char *path,
      GError **error)
{
  g_autofree char *dot = lode_arch_picture (family, arch), *svg = NULL;
  g_autoptr (GError) failure = NULL;

  if (!write_beside (path, ".dot", dot, error))
    return false;
  svg = lode_picture_svg (dot, &failure);
  if (svg)
    return write_beside (path, ".svg", svg, error);
  lode_log (base, LODE_LOG_WARNING, failure->message);
  return true;
}

bool
lode_host_arch_save (const LodeHost *base, const char *port, const uint8_t *arch, GError **error)
{
  g_autofree char *path = NULL, *text = NULL, *json = NULL;
  LodeArchFamily family;

  if (!lode_host_backbone (lode_host_of (base), &family, error))
    return false;
  if (!lode_host_of (base)->shared->folder)
    return true;
  path = lode_host_art_path (base, port, 0, error);
  if (!path)
    return false;
  text = lode_arch_text (&family, arch);
  json = describe (base, &family, arch);
  return write_beside (path, ".txt", text, error) && write_beside (path, ".json", json, error)
         && draw (base, &family, arch, path, error);
}
