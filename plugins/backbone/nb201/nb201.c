/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The space of NAS-Bench-201 (Dong & Yang 2020, §2.1): three stages of equal cells at 1, 2 and 4
 * times the width, a residual block that halves the image before the second and the third. All
 * cells share one choice: an operation for each edge between four nodes, a node being the sum of
 * its edges.
 *
 * A super-network (LodeBuild.shared) mixes the options of every edge, and the norms of its cells
 * have neither scale nor offset. A network of its own records every edge that is not `none`, those
 * that lead nowhere too: so the published sizes count them. Where a side is odd the shortcut of the
 * halving block averages 3 × 3 pixels; the published 2 × 2 would lose the last one.
 */
#include "cell.h"

enum { STAGES = 3 };

typedef struct Conf {
  int64_t channels, cells, stem_stride;
  bool joined;
} Conf;

struct LodeBackbone {
  Conf conf;
};

/* A recording under way. Names of weights are a prefix, changed with `enter`, and a leaf. */
typedef struct Record {
  LodeGraph *graph;
  bool shared;
  char name[96];
  size_t prefix;
} Record;

static const uint32_t traits[OPS] = { LODE_TRAIT_NONE, LODE_TRAIT_SKIP, LODE_TRAIT_PLAIN,
                                      LODE_TRAIT_PLAIN, LODE_TRAIT_POOL };

#define EDGE(to_, from_)                                                                           \
  {                                                                                                \
    .name = "cell." #to_ "." #from_, .group = "cell", .n = OPS, .option = nb201_op_names,          \
    .trait = traits, .from = from_, .to = to_                                                      \
  }

static const LodeDecision decisions[EDGES] = { EDGE (1, 0), EDGE (2, 0), EDGE (2, 1),
                                               EDGE (3, 0), EDGE (3, 1), EDGE (3, 2) };
static const LodeSpace space = { sizeof (LodeSpace), sizeof (LodeDecision), EDGES, EDGES *OPS,
                                 decisions };

static const char *
leaf (Record *record, const char *name)
{
  g_strlcpy (record->name + record->prefix, name, sizeof record->name - record->prefix);
  return record->name;
}

/* Lengthens the prefix; returns the old length, to go back to. */
static size_t
enter (Record *record, const char *name, uint32_t number)
{
  size_t before = record->prefix, room = sizeof record->name - before;

  record->prefix += (size_t) g_snprintf (record->name + before, room, "%s%u.", name, number);
  return before;
}

static LodeValue
relu_conv_norm (Record *record, LodeValue x, const LodeConv *conv, bool affine)
{
  x = lode_conv (record->graph, leaf (record, "conv"), lode_relu (record->graph, x), conv);
  return lode_norm (record->graph, leaf (record, "norm"), x, affine);
}

static LodeValue
record_op (Record *record, LodeValue x, uint32_t op, uint32_t channels)
{
  LodeConv conv = { .size = sizeof conv, .channels = channels, .kernel = op == OP_CONV_3 ? 3 : 1 };
  LodeWindow window = { .size = sizeof window, .kernel = 3, .stride = 1, .pad = LODE_PAD_SAME };

  if (op == OP_NONE)
    return lode_zero (record->graph, x, 1);
  if (op == OP_SKIP)
    return x;
  if (op == OP_AVG_POOL)
    return lode_avg_pool (record->graph, x, &window);
  return relu_conv_norm (record, x, &conv, !record->shared);
}

/* The options that the choice keeps. An edge at `none` alone is absent; a net of its own needs no
 * gate where one option is left. */
static LodeValue
record_edge (Record *record, uint32_t decision, LodeValue x, uint32_t channels)
{
  LodeValue part[OPS];
  uint32_t n = 0, last = OP_NONE;

  for (uint32_t op = 0; op < OPS; op++)
    if (lode_graph_wants (record->graph, decision, op)) {
      n++;
      last = op;
    }
  if (n == 0 || (n == 1 && last == OP_NONE))
    return -1;
  for (uint32_t op = 0; op < OPS; op++) {
    size_t before = record->prefix;

    part[op] = -1;
    if (!lode_graph_wants (record->graph, decision, op))
      continue;
    record->prefix += (size_t) g_snprintf (record->name + before, sizeof record->name - before,
                                           "%s.", nb201_op_names[op]);
    part[op] = record_op (record, x, op, channels);
    record->prefix = before;
  }
  return n == 1 && !record->shared ? part[last] : lode_mix (record->graph, decision, part);
}

/* Sum of the node's edges. state: [node] outputs of the nodes before it */
static LodeValue
record_node (Record *record, uint32_t node, const LodeValue *state, uint32_t channels)
{
  LodeValue in[NODES];
  uint32_t n = 0;

  for (uint32_t from = 0; from < node; from++) {
    size_t before = enter (record, "", node);
    LodeValue x;

    enter (record, "", from);
    x = record_edge (record, first_edge (node) + from, state[from], channels);
    if (x >= 0)
      in[n++] = x;
    record->prefix = before;
  }
  if (n == 0)
    return lode_zero (record->graph, state[0], 1);
  return n == 1 ? in[0] : lode_add (record->graph, n, in);
}

static LodeValue
record_cell (Record *record, LodeValue x, uint32_t channels)
{
  LodeValue state[NODES] = { x };

  for (uint32_t node = 1; node < NODES; node++)
    state[node] = record_node (record, node, state, channels);
  return state[NODES - 1];
}

/* Half the side and twice the channels: two convolutions, around which the input is averaged and
 * projected without a norm. Even sides: 2 × 2, as published. */
static LodeValue
record_halving (Record *record, LodeValue x, uint32_t channels)
{
  LodeConv conv = { .size = sizeof conv, .channels = channels, .kernel = 3, .stride = 2 };
  LodeConv project = { .size = sizeof project, .channels = channels };
  LodeWindow window = { .size = sizeof window, .stride = 2, .pad = LODE_PAD_SAME };
  LodeValue sum[2] = { x, x };
  LodeShape shape;

  if (!lode_graph_shape (record->graph, x, &shape))
    return -1;
  window.kernel = shape.h % 2 || shape.w % 2 ? 3 : 2;
  for (uint32_t i = 0; i < 2; i++) {
    size_t before = enter (record, "", i);

    sum[0] = relu_conv_norm (record, sum[0], &conv, true);
    record->prefix = before;
    conv.stride = 1;
  }
  sum[1] = lode_avg_pool (record->graph, x, &window);
  sum[1] = lode_conv (record->graph, leaf (record, "short"), sum[1], &project);
  return lode_add (record->graph, 2, sum);
}

static bool
nb201_build (const LodeBackbone *nb201, LodeGraph *graph, LodeBuild *build, GError **error)
{
  Record record = { .graph = graph, .shared = build->shared };
  uint32_t cells = build->depth ? build->depth : (uint32_t) nb201->conf.cells;
  uint32_t channels = build->width ? build->width : (uint32_t) nb201->conf.channels;
  LodeConv stem = { .size = sizeof stem,
                    .channels = channels,
                    .kernel = 3,
                    .stride = (uint32_t) nb201->conf.stem_stride };
  LodeValue x = lode_conv (graph, "stem.conv", build->image, &stem);

  (void) error;
  x = lode_norm (graph, "stem.norm", x, true);
  for (uint32_t stage = 0; stage < STAGES; stage++) {
    size_t before = enter (&record, "halving.", stage);

    if (stage)
      x = record_halving (&record, x, channels << stage);
    record.prefix = before;
    enter (&record, "stage.", stage);
    for (uint32_t cell = 0; cell < cells; cell++) {
      size_t prefix = enter (&record, "", cell);

      x = record_cell (&record, x, channels << stage);
      record.prefix = prefix;
    }
    record.prefix = before;
  }
  x = lode_relu (graph, lode_norm (graph, "last.norm", x, true));
  build->features = lode_global_pool (graph, x);
  return true;
}

/* The heaviest option of an edge from `op` on, the lowest of equals; OPS where the mask leaves
 * none. mix: [OPS] */
static uint32_t
heaviest (const float *mix, uint64_t mask, uint32_t op)
{
  uint32_t best = OPS;

  for (; op < OPS; op++)
    if (mask >> op & 1 && !isnan (mix[op]) && (best == OPS || mix[op] > mix[best]))
      best = op;
  return best;
}

/* What a path loses in weight where its edges at none take their best other option instead. */
static float
price (const float *mix, const uint64_t *mask, const uint8_t *arch, uint32_t path)
{
  float sum = 0;

  for (uint32_t edge = 0; edge < EDGES; edge++) {
    const float *at = mix + edge * OPS;
    uint32_t op;

    if (!(nb201_path[path] >> edge & 1) || arch[edge] != OP_NONE)
      continue;
    op = heaviest (at, mask ? mask[edge] : UINT64_MAX, OP_NONE + 1);
    if (op == OPS)
      return INFINITY;
    sum += (isnan (at[OP_NONE]) ? 0 : at[OP_NONE]) - at[op];
  }
  return sum;
}

/* Opens the path that costs least; the first of equals. */
static void
derive_joined (const float *mix, const uint64_t *mask, uint8_t *arch)
{
  uint32_t best = 0;

  for (uint32_t path = 1; path < PATHS; path++)
    if (price (mix, mask, arch, path) < price (mix, mask, arch, best))
      best = path;
  if (isinf (price (mix, mask, arch, best)))
    return;
  for (uint32_t edge = 0; edge < EDGES; edge++)
    if (nb201_path[best] >> edge & 1 && arch[edge] == OP_NONE)
      arch[edge] = (uint8_t) heaviest (mix + edge * OPS, mask ? mask[edge] : UINT64_MAX, 1);
}

/* As in the benchmark's own one-shot searches, the heaviest option, `none` included. */
static void
nb201_derive (const LodeBackbone *nb201, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  for (uint32_t edge = 0; edge < EDGES; edge++) {
    uint64_t bits = mask ? mask[edge] : UINT64_MAX;
    uint32_t op = heaviest (mix + edge * OPS, bits, 0);

    arch[edge] = (uint8_t) (op < OPS ? op : (uint32_t) MAX (g_bit_nth_lsf ((gulong) bits, -1), 0));
  }
  if (nb201->conf.joined && !nb201_joined (arch))
    derive_joined (mix, mask, arch);
}

/* Fills one of the paths that lack least, at random. */
static void
nb201_repair (const LodeBackbone *nb201, uint8_t *arch, LodeRng *rng)
{
  uint32_t least = EDGES, n = 0, pick, path = 0;

  if (!nb201->conf.joined || nb201_joined (arch))
    return;
  for (uint32_t i = 0; i < PATHS; i++)
    least = MIN (least, nb201_path_gaps (arch, i));
  for (uint32_t i = 0; i < PATHS; i++)
    n += nb201_path_gaps (arch, i) == least;
  pick = lode_rng_below (rng, n);
  while (nb201_path_gaps (arch, path) != least || pick-- > 0)
    path++;
  for (uint32_t edge = 0; edge < EDGES; edge++)
    if (nb201_path[path] >> edge & 1 && arch[edge] == OP_NONE)
      arch[edge] = (uint8_t) (1 + lode_rng_below (rng, OPS - 1));
}

/* Uniform over the legal cells. */
static void
nb201_sample (const LodeBackbone *nb201, uint8_t *arch, LodeRng *rng)
{
  do
    for (uint32_t edge = 0; edge < EDGES; edge++)
      arch[edge] = (uint8_t) lode_rng_below (rng, OPS);
  while (nb201->conf.joined && !nb201_joined (arch));
}

static char *
nb201_write (const LodeBackbone *nb201, const uint8_t *arch)
{
  (void) nb201;
  return nb201_text (arch);
}

static bool
nb201_read (const LodeBackbone *nb201, const char *text, uint8_t *arch, GError **error)
{
  (void) nb201;
  return nb201_parse (text, arch, error);
}

/* Cells are alike that compute the same expression of their input: `none` and edges that carry
 * nothing are dropped, a skip is what it skips from, sums have no order. */
static char *
nb201_key (const LodeBackbone *nb201, const uint8_t *arch)
{
  (void) nb201;
  return nb201_expression (arch);
}

static char *
nb201_draw (const LodeBackbone *nb201, const uint8_t *arch)
{
  (void) nb201;
  return nb201_dot (arch);
}

static LodeBackbone *
nb201_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  const Conf *options = conf;
  uint32_t least = 4 * (uint32_t) options->stem_stride;
  LodeBackbone *nb201;

  (void) host;
  if (input && (input->h < least || input->w < least)) {
    g_set_error (error, g_quark_from_static_string ("lode-nb201"), 0,
                 "backbone nb201: the input has %u x %u pixels, but with stem_stride = "
                 "%" G_GINT64_FORMAT " the network divides a side by %u; take images of at least "
                 "%u x %u, or a smaller stem_stride",
                 input->h, input->w, options->stem_stride, least, least, least);
    return NULL;
  }
  nb201 = g_new0 (LodeBackbone, 1);
  nb201->conf = *options;
  return nb201;
}

static void
nb201_destroy (LodeBackbone *nb201)
{
  g_free (nb201);
}

static const LodeSpace *
nb201_space (const LodeBackbone *nb201)
{
  (void) nb201;
  return &space;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, channels, .number = 16, .min = 1, .max = 4096, .unit = "channels",
               .doc = "channels of the first stage, doubled at each of the next two"),
  LODE_OPTION (Conf, cells, .number = 5, .min = 1, .max = 100, .unit = "cells",
               .doc = "cells of each of the three stages"),
  LODE_OPTION (Conf, stem_stride, .number = 1, .min = 1, .max = 4, .unit = "pixels",
               .doc = "stride of the first convolution; 2 makes everything behind it four times "
                      "cheaper"),
  LODE_OPTION (Conf, joined, .number = 0,
               .doc = "only cells with a path from input to output are legal: 15,284 of the "
                      "15,625"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE | LODE_MIX | LODE_SCALE,
  .create = nb201_create,
  .destroy = nb201_destroy,
  .space = nb201_space,
  .build = nb201_build,
  .derive = nb201_derive,
  .repair = nb201_repair,
  .sample = nb201_sample,
  .write = nb201_write,
  .read = nb201_read,
  .key = nb201_key,
  .draw = nb201_draw,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "nb201",
  .version = "1.0",
  .summary = "NAS-Bench-201: cells whose six edges choose among five operations",
  .license = "Apache-2.0",
  .reference = "X. Dong, Y. Yang. NAS-Bench-201: Extending the Scope of Reproducible Neural "
               "Architecture Search. ICLR 2020",
  .bibtex = "@inproceedings{dong2020nasbench201,\n"
            "  title = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture "
            "Search},\n"
            "  author = {Dong, Xuanyi and Yang, Yi},\n"
            "  booktitle = {International Conference on Learning Representations},\n"
            "  year = {2020},\n"
            "  url = {https://arxiv.org/abs/2001.00326}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
