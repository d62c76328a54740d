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
 *
 * Where the operations are restricted, an architecture counts those that are left, in the order of
 * the full list; `Cell` is the same by the numbers of the full list.
 */
#include "cell.h"

#include <string.h>

enum { STAGES = 3 };

enum { TEXT_STRING, TEXT_DIGITS };

typedef struct Conf {
  int64_t channels, cells, stem_stride;
  bool joined;
  LodeTexts operations;
  int32_t text;
} Conf;

struct LodeBackbone {
  Conf conf;
  uint32_t ops, op[OPS]; /* operations to choose from */
  uint32_t first;        /* of them that is not none */
  const char *name[OPS]; /* [ops] */
  uint32_t trait[OPS];   /* [ops] */
  LodeDecision decision[EDGES];
  LodeSpace space;
};

typedef struct Cell {
  uint8_t op[EDGES];
} Cell;

/* A recording under way. Names of weights are a prefix, changed with `enter`, and a leaf. */
typedef struct Record {
  const LodeBackbone *nb201;
  LodeGraph *graph;
  bool shared;
  char name[96];
  size_t prefix;
} Record;

static const uint32_t traits[OPS] = { LODE_TRAIT_NONE, LODE_TRAIT_SKIP, LODE_TRAIT_PLAIN,
                                      LODE_TRAIT_PLAIN, LODE_TRAIT_POOL };

static Cell
cell_of (const LodeBackbone *nb201, const uint8_t *arch)
{
  Cell cell;

  for (uint32_t edge = 0; edge < EDGES; edge++)
    cell.op[edge] = (uint8_t) nb201->op[arch[edge]];
  return cell;
}

/* The option of an operation, or `ops` where the space does not have it. */
static uint32_t
option_of (const LodeBackbone *nb201, uint32_t op)
{
  uint32_t option = 0;

  while (option < nb201->ops && nb201->op[option] != op)
    option++;
  return option;
}

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
  const LodeBackbone *nb201 = record->nb201;
  LodeValue part[OPS];
  uint32_t n = 0, last = 0;

  for (uint32_t o = 0; o < nb201->ops; o++)
    if (lode_graph_wants (record->graph, decision, o)) {
      n++;
      last = o;
    }
  if (n == 0 || (n == 1 && nb201->op[last] == OP_NONE))
    return -1;
  for (uint32_t o = 0; o < nb201->ops; o++) {
    size_t before = record->prefix;

    part[o] = -1;
    if (!lode_graph_wants (record->graph, decision, o))
      continue;
    record->prefix += (size_t) g_snprintf (record->name + before, sizeof record->name - before,
                                           "%s.", nb201->name[o]);
    part[o] = record_op (record, x, nb201->op[o], channels);
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
  Record record = { .nb201 = nb201, .graph = graph, .shared = build->shared };
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

/* The heaviest option of an edge from `first` on, the lowest of equals; `ops` where the mask leaves
 * none. mix: [ops] */
static uint32_t
heaviest (const LodeBackbone *nb201, const float *mix, uint64_t mask, uint32_t first)
{
  uint32_t best = nb201->ops;

  for (uint32_t o = first; o < nb201->ops; o++)
    if (mask >> o & 1 && !isnan (mix[o]) && (best == nb201->ops || mix[o] > mix[best]))
      best = o;
  return best;
}

/* What a path loses in weight where its edges at none (option 0) take their best other option
 * instead. */
static float
price (const LodeBackbone *nb201, const float *mix, const uint64_t *mask, const uint8_t *arch,
       uint32_t path)
{
  float sum = 0;

  for (uint32_t edge = 0; edge < EDGES; edge++) {
    const float *at = mix + edge * nb201->ops;
    uint32_t o;

    if (!(nb201_path[path] >> edge & 1) || nb201->op[arch[edge]] != OP_NONE)
      continue;
    o = heaviest (nb201, at, mask ? mask[edge] : UINT64_MAX, nb201->first);
    if (o == nb201->ops)
      return INFINITY;
    sum += (isnan (*at) ? 0 : *at) - at[o];
  }
  return sum;
}

/* Opens the path that costs least; the first of equals. */
static void
derive_joined (const LodeBackbone *nb201, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  uint32_t best = 0;

  for (uint32_t path = 1; path < PATHS; path++)
    if (price (nb201, mix, mask, arch, path) < price (nb201, mix, mask, arch, best))
      best = path;
  if (isinf (price (nb201, mix, mask, arch, best)))
    return;
  for (uint32_t edge = 0; edge < EDGES; edge++)
    if (nb201_path[best] >> edge & 1 && nb201->op[arch[edge]] == OP_NONE)
      arch[edge] = (uint8_t) heaviest (nb201, mix + edge * nb201->ops,
                                       mask ? mask[edge] : UINT64_MAX, nb201->first);
}

/* As in the benchmark's own one-shot searches, the heaviest option, `none` included. */
static void
nb201_derive (const LodeBackbone *nb201, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  Cell cell;

  for (uint32_t edge = 0; edge < EDGES; edge++) {
    uint64_t bits = mask ? mask[edge] : UINT64_MAX;
    uint32_t o = heaviest (nb201, mix + edge * nb201->ops, bits, 0);

    if (o == nb201->ops)
      o = (uint32_t) MAX (g_bit_nth_lsf ((gulong) bits, -1), 0);
    arch[edge] = (uint8_t) (o < nb201->ops ? o : 0);
  }
  cell = cell_of (nb201, arch);
  if (nb201->conf.joined && !nb201_joined (cell.op))
    derive_joined (nb201, mix, mask, arch);
}

/* Fills one of the paths that lack least, at random. */
static void
nb201_repair (const LodeBackbone *nb201, uint8_t *arch, LodeRng *rng)
{
  uint32_t least = EDGES, n = 0, pick, path = 0;
  Cell cell = cell_of (nb201, arch);

  if (!nb201->conf.joined || nb201_joined (cell.op))
    return;
  for (uint32_t i = 0; i < PATHS; i++)
    least = MIN (least, nb201_path_gaps (cell.op, i));
  for (uint32_t i = 0; i < PATHS; i++)
    n += nb201_path_gaps (cell.op, i) == least;
  pick = lode_rng_below (rng, n);
  while (nb201_path_gaps (cell.op, path) != least || pick-- > 0)
    path++;
  for (uint32_t edge = 0; edge < EDGES; edge++)
    if (nb201_path[path] >> edge & 1 && cell.op[edge] == OP_NONE)
      arch[edge] = (uint8_t) (nb201->first + lode_rng_below (rng, nb201->ops - nb201->first));
}

/* Uniform over the legal cells. */
static void
nb201_sample (const LodeBackbone *nb201, uint8_t *arch, LodeRng *rng)
{
  Cell cell;

  do {
    for (uint32_t edge = 0; edge < EDGES; edge++)
      arch[edge] = (uint8_t) lode_rng_below (rng, nb201->ops);
    cell = cell_of (nb201, arch);
  } while (nb201->conf.joined && !nb201_joined (cell.op));
}

static char *
nb201_write (const LodeBackbone *nb201, const uint8_t *arch)
{
  Cell cell = cell_of (nb201, arch);

  return nb201->conf.text == TEXT_DIGITS ? nb201_digits (cell.op) : nb201_text (cell.op);
}

static bool
nb201_read (const LodeBackbone *nb201, const char *text, uint8_t *arch, GError **error)
{
  uint8_t found[EDGES];
  Cell cell;

  if (!nb201_parse (text, cell.op, error))
    return false;
  for (uint32_t edge = 0; edge < EDGES; edge++) {
    uint32_t o = option_of (nb201, cell.op[edge]);

    if (o == nb201->ops) {
      g_set_error (error, g_quark_from_static_string ("lode-nb201"), 1,
                   "cell, edge %d to %d: %s is not among the option `operations`",
                   nb201->decision[edge].from, nb201->decision[edge].to,
                   nb201_op_names[cell.op[edge]]);
      return false;
    }
    found[edge] = (uint8_t) o;
  }
  memcpy (arch, found, sizeof found);
  return true;
}

/* Cells are alike that compute the same expression of their input: `none` and edges that carry
 * nothing are dropped, a skip is what it skips from, sums have no order. */
static char *
nb201_key (const LodeBackbone *nb201, const uint8_t *arch)
{
  Cell cell = cell_of (nb201, arch);

  return nb201_expression (cell.op);
}

static char *
nb201_draw (const LodeBackbone *nb201, const uint8_t *arch)
{
  Cell cell = cell_of (nb201, arch);

  return nb201_dot (cell.op);
}

/* Operations by the benchmark's name or by a short one; kept in the order of the full list. */
static bool
fill_ops (LodeBackbone *nb201, GError **error)
{
  static const char *const brief[OPS] = { "none", "skip", "conv1x1", "conv3x3", "avgpool" };
  const LodeTexts *list = &nb201->conf.operations;
  uint32_t wanted = 0;

  for (size_t i = 0; i < list->n; i++) {
    uint32_t op = 0;

    while (op < OPS && strcmp (list->at[i], brief[op]) && strcmp (list->at[i], nb201_op_names[op]))
      op++;
    if (op == OPS || wanted >> op & 1) {
      g_set_error (error, g_quark_from_static_string ("lode-nb201"), 0,
                   "backbone nb201: operations has \"%s\"%s; there are none, skip, conv1x1, "
                   "conv3x3 and avgpool",
                   list->at[i], op == OPS ? "" : " twice");
      return false;
    }
    wanted |= 1u << op;
  }
  for (uint32_t op = 0; op < OPS; op++)
    if (wanted >> op & 1) {
      nb201->op[nb201->ops] = op;
      nb201->name[nb201->ops] = nb201_op_names[op];
      nb201->trait[nb201->ops++] = traits[op];
    }
  nb201->first = wanted & 1;
  if (nb201->ops > nb201->first)
    return true;
  g_set_error (error, g_quark_from_static_string ("lode-nb201"), 0,
               "backbone nb201: operations has nothing but none; give one that does something");
  return false;
}

static void
fill_space (LodeBackbone *nb201)
{
  static const char *const name[EDGES] = { "cell.1.0", "cell.2.0", "cell.2.1",
                                           "cell.3.0", "cell.3.1", "cell.3.2" };

  for (uint32_t to = 1, edge = 0; to < NODES; to++)
    for (uint32_t from = 0; from < to; from++, edge++)
      nb201->decision[edge] = (LodeDecision){ .name = name[edge],
                                              .group = "cell",
                                              .n = nb201->ops,
                                              .option = nb201->name,
                                              .trait = nb201->trait,
                                              .from = (int32_t) from,
                                              .to = (int32_t) to };
  nb201->space = (LodeSpace){ sizeof (LodeSpace), sizeof (LodeDecision), EDGES, EDGES * nb201->ops,
                              nb201->decision };
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
  if (!fill_ops (nb201, error)) {
    g_free (nb201);
    return NULL;
  }
  fill_space (nb201);
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
  return &nb201->space;
}

static const char *const texts[] = { "string", "digits", NULL };

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
  LODE_OPTION (Conf, operations, .text = "none, skip, conv1x1, conv3x3, avgpool",
               .doc = "operations that an edge chooses from"),
  LODE_OPTION (Conf, text, .text = "string", .choices = texts,
               .doc = "how a cell is written, |nor_conv_3x3~0|+… or a digit an edge, 421211; both "
                      "are read"),
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
