/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The space of DARTS (Liu, Simonyan & Yang 2019, §2): a chain of cells, each a graph of four nodes
 * whose edges choose among eight operations; one choice for the normal cells, one for the two
 * reduction cells.
 *
 * A super-network (LodeBuild.shared) mixes the options of every edge; its cells normalise without
 * scale and offset and put a norm behind each pool. A derived network has affine norms and bare
 * pools. An architecture keeps two inputs a node; the other edges stand at `none` and are not
 * recorded.
 *
 * For images of 224 × 224 pixels the stem divides a side by eight, and gives the first cell two
 * inputs as a reduction cell would.
 */
#include "cell.h"

#include <string.h>

typedef struct Conf {
  int64_t channels, cells, nodes, stem_multiplier;
  int32_t stem;
} Conf;

enum { STEM_CIFAR, STEM_IMAGENET };

struct LodeBackbone {
  Conf conf;
  uint32_t nodes, edges; /* of one cell */
  LodeSpace space;
  LodeDecision *decision; /* [2 · edges] */
  char (*name)[16];       /* [2 · edges] */
};

/* A recording under way. Names of weights are a prefix, changed with `enter`, and a leaf. */
typedef struct Record {
  const LodeBackbone *backbone;
  LodeGraph *graph;
  bool shared, drop_path, affine;
  char name[96];
  size_t prefix;
} Record;

const char *const darts_op_names[OPS] = { "none",         "max_pool_3x3", "avg_pool_3x3",
                                          "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                          "dil_conv_3x3", "dil_conv_5x5" };
const char *const darts_cell_names[CELLS] = { "normal", "reduce" };

static const uint32_t traits[OPS] = { LODE_TRAIT_NONE, LODE_TRAIT_POOL, LODE_TRAIT_POOL,
                                      LODE_TRAIT_SKIP };
/* A skip that halves the image is a convolution, not an identity. */
static const uint32_t strided_traits[OPS] = { LODE_TRAIT_NONE, LODE_TRAIT_POOL, LODE_TRAIT_POOL };

static bool
is_reduction (uint32_t cell, uint32_t cells)
{
  return cell == cells / 3 || cell == 2 * cells / 3;
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
relu_conv_norm (Record *record, LodeValue x, uint32_t channels)
{
  LodeConv conv = { .size = sizeof conv, .channels = channels };

  x = lode_conv (record->graph, leaf (record, "conv"), lode_relu (record->graph, x), &conv);
  return lode_norm (record->graph, leaf (record, "norm"), x, record->affine);
}

/* Half the pixels twice: the second convolution sees the image shifted by (1, 1). */
static LodeValue
factorized_reduce (Record *record, LodeValue x, uint32_t channels)
{
  LodeConv conv = { .size = sizeof conv, .channels = channels / 2, .stride = 2 };
  LodeValue half[2];

  x = lode_relu (record->graph, x);
  half[0] = lode_conv (record->graph, leaf (record, "conv_0"), x, &conv);
  conv.offset = 1;
  half[1] = lode_conv (record->graph, leaf (record, "conv_1"), x, &conv);
  return lode_norm (record->graph, leaf (record, "norm"), lode_concat (record->graph, 2, half),
                    record->affine);
}

/* ReLU, depthwise, pointwise, norm. */
static LodeValue
separable (Record *record, LodeValue x, uint32_t channels, const LodeConv *depthwise, uint32_t part)
{
  LodeConv point = { .size = sizeof point, .channels = channels };
  size_t before = enter (record, "", part);

  x = lode_conv (record->graph, leaf (record, "depth"), lode_relu (record->graph, x), depthwise);
  x = lode_conv (record->graph, leaf (record, "point"), x, &point);
  x = lode_norm (record->graph, leaf (record, "norm"), x, record->affine);
  record->prefix = before;
  return x;
}

static LodeValue
record_conv (Record *record, LodeValue x, uint32_t op, uint32_t channels, uint32_t stride)
{
  bool dilated = op == OP_DIL_3 || op == OP_DIL_5;
  LodeConv depthwise = { .size = sizeof depthwise,
                         .kernel = op == OP_SEP_3 || op == OP_DIL_3 ? 3 : 5,
                         .stride = stride,
                         .dilation = dilated ? 2 : 1,
                         .groups = LODE_DEPTHWISE };

  x = separable (record, x, channels, &depthwise, 0);
  if (dilated)
    return x;
  depthwise.stride = 1;
  return separable (record, x, channels, &depthwise, 1);
}

static LodeValue
record_pool (Record *record, LodeValue x, uint32_t op, uint32_t stride)
{
  LodeWindow window = {
    .size = sizeof window, .kernel = 3, .stride = stride, .pad = LODE_PAD_SAME
  };

  x = op == OP_MAX_POOL ? lode_max_pool (record->graph, x, &window)
                        : lode_avg_pool (record->graph, x, &window);
  return record->shared ? lode_norm (record->graph, leaf (record, "norm"), x, false) : x;
}

static LodeValue
record_op (Record *record, LodeValue x, uint32_t op, uint32_t channels, uint32_t stride)
{
  if (op == OP_NONE)
    return lode_zero (record->graph, x, stride);
  if (op == OP_SKIP && stride == 1)
    return x;
  if (op == OP_SKIP)
    x = factorized_reduce (record, x, channels);
  else if (op == OP_MAX_POOL || op == OP_AVG_POOL)
    x = record_pool (record, x, op, stride);
  else
    x = record_conv (record, x, op, channels, stride);
  return record->drop_path ? lode_drop_path (record->graph, x) : x;
}

/* The options that the choice keeps. An edge at `none` alone is absent; a net of its own needs no
 * gate where one option is left. */
static LodeValue
record_edge (Record *record, uint32_t decision, LodeValue x, uint32_t channels, uint32_t stride)
{
  LodeValue part[OPS];
  uint32_t n = 0, last = 0;

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
                                           "%s.", darts_op_names[op]);
    part[op] = record_op (record, x, op, channels, stride);
    record->prefix = before;
  }
  return n == 1 && !record->shared ? part[last] : lode_mix (record->graph, decision, part);
}

/* Sum of the node's edges. state: outputs of the nodes before it. */
static LodeValue
record_node (Record *record, uint32_t node, const LodeValue *state, uint32_t channels,
             bool reduction)
{
  uint32_t first = first_edge (node) + (reduction ? record->backbone->edges : 0), n = 0;
  LodeValue in[MOST_NODES + 2];

  for (uint32_t from = 0; from < node; from++) {
    size_t before = enter (record, "", node);
    LodeValue x;

    enter (record, "", from);
    x = record_edge (record, first + from, state[from], channels, reduction && from < 2 ? 2 : 1);
    if (x >= 0)
      in[n++] = x;
    record->prefix = before;
  }
  if (n == 0)
    return lode_zero (record->graph, state[0], reduction ? 2 : 1);
  return n == 1 ? in[0] : lode_add (record->graph, n, in);
}

/* One cell on the outputs of the two before it; the nodes' outputs side by side. */
static LodeValue
record_cell (Record *record, LodeValue before_last, LodeValue last, uint32_t channels,
             bool reduction, bool after_reduction)
{
  LodeValue state[MOST_NODES + 2];
  uint32_t nodes = record->backbone->nodes;
  size_t before = enter (record, "pre", 0);

  state[0] = after_reduction ? factorized_reduce (record, before_last, channels)
                             : relu_conv_norm (record, before_last, channels);
  record->prefix = before;
  enter (record, "pre", 1);
  state[1] = relu_conv_norm (record, last, channels);
  record->prefix = before;
  for (uint32_t node = 2; node < nodes + 2; node++)
    state[node] = record_node (record, node, state, channels, reduction);
  return lode_concat (record->graph, nodes, state + 2);
}

/* The auxiliary head's features: 5 × 5 average, 128, 768. Windows shrink with images smaller than 8
 * × 8. The form for ImageNet has no norm behind the last convolution, as published. */
static LodeValue
record_auxiliary (Record *record, LodeValue x)
{
  LodeGraph *graph = record->graph;
  bool large = record->backbone->conf.stem == STEM_IMAGENET;
  LodeWindow window = { .size = sizeof window, .stride = large ? 2 : 3, .pad = LODE_PAD_NONE };
  LodeConv narrow = { .size = sizeof narrow, .channels = 128 };
  LodeConv wide = { .size = sizeof wide, .channels = 768, .pad = LODE_PAD_NONE };
  LodeShape shape;

  if (!lode_graph_shape (graph, x, &shape))
    return -1;
  record->prefix = (size_t) g_snprintf (record->name, sizeof record->name, "auxiliary.");
  window.kernel = MIN (5, MIN (shape.h, shape.w));
  x = lode_avg_pool (graph, lode_relu (graph, x), &window);
  x = lode_conv (graph, leaf (record, "conv_0"), x, &narrow);
  x = lode_relu (graph, lode_norm (graph, leaf (record, "norm_0"), x, true));
  if (!lode_graph_shape (graph, x, &shape))
    return -1;
  wide.kernel = MIN (2, MIN (shape.h, shape.w));
  x = lode_conv (graph, leaf (record, "conv_1"), x, &wide);
  if (!large)
    x = lode_norm (graph, leaf (record, "norm_1"), x, true);
  x = lode_relu (graph, x);
  if (!lode_graph_shape (graph, x, &shape))
    return -1;
  record->prefix = 0;
  return shape.h * shape.w > 1 ? lode_global_pool (graph, x) : x;
}

/* 3 × 3 convolution and norm of the stem; name: "" or a number. */
static LodeValue
record_stem_conv (Record *record, const char *name, LodeValue x, uint32_t channels, uint32_t stride)
{
  LodeConv conv = { .size = sizeof conv, .channels = channels, .kernel = 3, .stride = stride };
  g_autofree char *conv_name = g_strdup_printf ("stem.conv%s", name),
                  *norm_name = g_strdup_printf ("stem.norm%s", name);

  x = lode_conv (record->graph, conv_name, x, &conv);
  return lode_norm (record->graph, norm_name, x, true);
}

/* The inputs of the first cell, from the image; true where the first has twice the side of the
 * second. */
static bool
record_stem (Record *record, LodeValue image, uint32_t channels, LodeValue *before_last,
             LodeValue *last)
{
  const Conf *conf = &record->backbone->conf;
  LodeValue x;

  if (conf->stem == STEM_CIFAR) {
    *before_last = *last =
        record_stem_conv (record, "", image, channels * (uint32_t) conf->stem_multiplier, 1);
    return false;
  }
  x = lode_relu (record->graph, record_stem_conv (record, "_0", image, channels / 2, 2));
  *before_last = record_stem_conv (record, "_1", x, channels, 2);
  *last = record_stem_conv (record, "_2", lode_relu (record->graph, *before_last), channels, 2);
  return true;
}

static bool
darts_build (const LodeBackbone *backbone, LodeGraph *graph, LodeBuild *build, GError **error)
{
  Record record = { .backbone = backbone,
                    .graph = graph,
                    .shared = build->shared,
                    .affine = !build->shared,
                    .drop_path = build->drop_path };
  uint32_t cells = build->depth ? build->depth : (uint32_t) backbone->conf.cells;
  uint32_t channels = build->width ? build->width : (uint32_t) backbone->conf.channels;
  LodeValue before_last, last;
  bool after_reduction;

  if (channels % 2) {
    g_set_error (
        error, g_quark_from_static_string ("lode-darts"), 0,
        "backbone darts: %u channels asked for; the halves of a reduction need an even number",
        channels);
    return false;
  }
  after_reduction = record_stem (&record, build->image, channels, &before_last, &last);
  for (uint32_t i = 0; i < cells; i++) {
    bool reduction = is_reduction (i, cells);
    LodeValue x;

    channels *= reduction ? 2 : 1;
    record.prefix = 0;
    enter (&record, "cell.", i);
    x = record_cell (&record, before_last, last, channels, reduction, after_reduction);
    before_last = last;
    last = x;
    after_reduction = reduction;
    if (build->aux && i == 2 * cells / 3)
      build->auxiliary = record_auxiliary (&record, x);
  }
  build->features = lode_global_pool (graph, last);
  return true;
}

/* The best operation of an edge that is not none, and its weight; OP_NONE where the mask leaves
 * none. */
static uint32_t
best_op (const float *mix, const uint64_t *mask, uint32_t edge, float *weight)
{
  uint32_t best = OP_NONE;

  *weight = -INFINITY;
  for (uint32_t op = OP_NONE + 1; op < OPS; op++)
    if ((!mask || mask[edge] >> op & 1) && (best == OP_NONE || mix[edge * OPS + op] > *weight)) {
      best = op;
      *weight = mix[edge * OPS + op];
    }
  return best;
}

/* §2.4: a node keeps the two inputs whose best operation weighs most; ties go to the lower index.
 */
static void
derive_node (const float *mix, const uint64_t *mask, uint32_t first, uint32_t inputs, uint8_t *arch)
{
  uint32_t op[MOST_NODES + 2];
  float weight[MOST_NODES + 2];

  for (uint32_t i = 0; i < inputs; i++) {
    op[i] = best_op (mix, mask, first + i, &weight[i]);
    arch[first + i] = OP_NONE;
  }
  for (uint32_t kept = 0; kept < KEPT; kept++) {
    int32_t best = -1;

    for (uint32_t i = 0; i < inputs; i++)
      if (op[i] != OP_NONE && (best < 0 || weight[i] > weight[best]))
        best = (int32_t) i;
    if (best < 0)
      return;
    arch[first + (uint32_t) best] = (uint8_t) op[best];
    op[best] = OP_NONE;
  }
}

static void
darts_derive (const LodeBackbone *backbone, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  for (uint32_t cell = 0; cell < CELLS; cell++)
    for (uint32_t node = 2; node < backbone->nodes + 2; node++)
      derive_node (mix, mask, cell * backbone->edges + first_edge (node), node, arch);
}

/* Drops or adds inputs at random until there are two. arch: [inputs] of one node */
static void
repair_node (uint8_t *arch, uint32_t inputs, LodeRng *rng)
{
  uint32_t used = 0;

  for (uint32_t i = 0; i < inputs; i++)
    used += arch[i] != OP_NONE;
  while (used != KEPT) {
    bool drop = used > KEPT;
    uint32_t pick = lode_rng_below (rng, drop ? used : inputs - used), i = 0;

    while ((arch[i] != OP_NONE) != drop || pick-- > 0)
      i++;
    arch[i] = (uint8_t) (drop ? OP_NONE : 1 + lode_rng_below (rng, OPS - 1));
    used = drop ? used - 1 : used + 1;
  }
}

static void
darts_repair (const LodeBackbone *backbone, uint8_t *arch, LodeRng *rng)
{
  for (uint32_t cell = 0; cell < CELLS; cell++)
    for (uint32_t node = 2; node < backbone->nodes + 2; node++)
      repair_node (arch + cell * backbone->edges + first_edge (node), node, rng);
}

/* Uniform over the legal cells: repairing an empty one adds two inputs a node, each pair alike. */
static void
darts_sample (const LodeBackbone *backbone, uint8_t *arch, LodeRng *rng)
{
  memset (arch, OP_NONE, backbone->space.n);
  darts_repair (backbone, arch, rng);
}

static char *
darts_write (const LodeBackbone *backbone, const uint8_t *arch)
{
  return darts_text (backbone->nodes, arch);
}

static bool
darts_read (const LodeBackbone *backbone, const char *text, uint8_t *arch, GError **error)
{
  return darts_parse (backbone->nodes, text, arch, error);
}

static char *
darts_draw (const LodeBackbone *backbone, const uint8_t *arch)
{
  return darts_dot (backbone->nodes, arch);
}

static void
fill_space (LodeBackbone *backbone)
{
  uint32_t i = 0;

  for (uint32_t cell = 0; cell < CELLS; cell++)
    for (uint32_t node = 2; node < backbone->nodes + 2; node++)
      for (uint32_t from = 0; from < node; from++, i++) {
        const char *group = darts_cell_names[cell];

        g_snprintf (backbone->name[i], sizeof backbone->name[i], "%s.%u.%u", group, node, from);
        backbone->decision[i] =
            (LodeDecision){ .name = backbone->name[i],
                            .group = group,
                            .n = OPS,
                            .option = darts_op_names,
                            .trait = cell == CELL_REDUCE && from < 2 ? strided_traits : traits,
                            .from = (int32_t) from,
                            .to = (int32_t) node };
      }
  backbone->space =
      (LodeSpace){ sizeof (LodeSpace), sizeof (LodeDecision), i, i * OPS, backbone->decision };
}

static LodeBackbone *
darts_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  const Conf *options = conf;
  LodeBackbone *backbone;

  (void) host;
  (void) input;
  if (options->channels % 2) {
    g_set_error (error, g_quark_from_static_string ("lode-darts"), 0,
                 "backbone darts: channels = %" G_GINT64_FORMAT
                 "; the halves of a reduction need an even number",
                 options->channels);
    return NULL;
  }
  backbone = g_new0 (LodeBackbone, 1);
  backbone->conf = *options;
  backbone->nodes = (uint32_t) options->nodes;
  backbone->edges = edges_of (backbone->nodes);
  backbone->decision = g_new0 (LodeDecision, CELLS * (size_t) backbone->edges);
  backbone->name = g_malloc0_n (CELLS * (size_t) backbone->edges, sizeof *backbone->name);
  fill_space (backbone);
  return backbone;
}

static void
darts_destroy (LodeBackbone *backbone)
{
  if (!backbone)
    return;
  g_free (backbone->decision);
  g_free (backbone->name);
  g_free (backbone);
}

static const LodeSpace *
darts_space (const LodeBackbone *backbone)
{
  return &backbone->space;
}

static const char *const stems[] = { "cifar", "imagenet", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, channels, .number = 16, .min = 2, .max = 4096, .unit = "channels",
               .doc = "channels of the first cells; even"),
  LODE_OPTION (Conf, cells, .number = 8, .min = 1, .max = 200, .unit = "cells",
               .doc = "cells in the chain; those at a third and two thirds halve the image"),
  LODE_OPTION (Conf, nodes, .number = 4, .min = 1, .max = MOST_NODES, .unit = "nodes",
               .doc = "nodes of a cell; a cell's output is all of them side by side"),
  LODE_OPTION (Conf, stem_multiplier, .number = 3, .min = 1, .max = 16,
               .doc = "channels of the stem, as a multiple of those of the first cells; cifar"),
  LODE_OPTION (Conf, stem, .text = "cifar", .choices = stems,
               .doc = "one 3x3 convolution, or three that divide a side by eight"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE | LODE_MIX | LODE_SCALE,
  .create = darts_create,
  .destroy = darts_destroy,
  .space = darts_space,
  .build = darts_build,
  .derive = darts_derive,
  .repair = darts_repair,
  .sample = darts_sample,
  .write = darts_write,
  .read = darts_read,
  .draw = darts_draw,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "darts",
  .version = "1.0",
  .summary = "chain of cells whose edges choose among eight operations",
  .license = "Apache-2.0",
  .reference = "H. Liu, K. Simonyan, Y. Yang. DARTS: Differentiable Architecture Search. ICLR 2019",
  .bibtex = "@inproceedings{liu2019darts,\n"
            "  title = {{DARTS}: Differentiable Architecture Search},\n"
            "  author = {Liu, Hanxiao and Simonyan, Karen and Yang, Yiming},\n"
            "  booktitle = {International Conference on Learning Representations},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1806.09055}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
