/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Residual networks whose widths and depths are searched (TAS, Dong & Yang 2019): a 3 × 3 stem and
 * three stages of equal blocks, of two 3 × 3 convolutions or of a bottleneck's three. Every
 * convolution chooses its channels, every stage its blocks.
 *
 * In a super-network a convolution runs at the widest of the widths that a choice keeps, on the
 * leading channels of its weight; each width has a norm of its own, and the mixture brings them to
 * the widest by interpolation (§3.2). A residual sum of unequal widths is made on the leading
 * channels that both have. A stage's output is the mixture of what its blocks give at the depths
 * that the choice keeps. A network of its own is plain: where a block's input is not as wide as its
 * output a 1 × 1 convolution stands in the shortcut, with a norm unless it also halves the image.
 */
#include "shape.h"

/* A recording under way. Names of weights are a prefix and a leaf. */
typedef struct Record {
  const LodeBackbone *tas;
  LodeGraph *graph;
  bool shared;
  char name[64];
  size_t prefix;
} Record;

uint32_t
tas_width (const LodeBackbone *tas, const uint8_t *arch, uint32_t layer)
{
  const Candidates *widths = widths_of (tas, layer);
  int32_t decision = width_decision (tas, layer);

  return widths->at[decision < 0 ? widths->n - 1 : arch[decision]];
}

uint32_t
tas_blocks (const LodeBackbone *tas, const uint8_t *arch, uint32_t stage)
{
  int32_t decision = depth_decision (tas, stage);

  return tas->depth.at[decision < 0 ? tas->depth.n - 1 : arch[decision]];
}

/* Whether the choice keeps a candidate. decision −1: only the largest */
static bool
keeps (const Record *record, int32_t decision, const Candidates *candidates, uint32_t i)
{
  if (decision < 0)
    return i == candidates->n - 1;
  return lode_graph_wants (record->graph, (uint32_t) decision, i);
}

/* Candidates that the choice keeps, and the largest of them. */
static uint32_t
count_kept (const Record *record, int32_t decision, const Candidates *candidates, uint32_t *largest)
{
  uint32_t n = 0;

  *largest = 0;
  for (uint32_t i = 0; i < candidates->n; i++)
    if (keeps (record, decision, candidates, i)) {
      n++;
      *largest = candidates->at[i];
    }
  return n;
}

static const char *
leaf (Record *record, const char *format, const char *name, uint32_t number)
{
  g_snprintf (record->name + record->prefix, sizeof record->name - record->prefix, format, name,
              number);
  return record->name;
}

/* A norm for each width that the layer's choice keeps, mixed. y: at the widest of them */
static LodeValue
record_norms (Record *record, uint32_t layer, const char *name, LodeValue y)
{
  const Candidates *widths = widths_of (record->tas, layer);
  int32_t decision = width_decision (record->tas, layer);
  LodeValue part[MOST];
  uint32_t widest, n = count_kept (record, decision, widths, &widest), last = 0;

  for (uint32_t i = 0; i < widths->n; i++) {
    LodeValue x = y;

    part[i] = -1;
    if (!keeps (record, decision, widths, i))
      continue;
    if (widths->at[i] < widest)
      x = lode_shortcut (record->graph, y, widths->at[i], 1);
    part[i] = lode_norm (record->graph, leaf (record, "%s.norm.%u", name, widths->at[i]), x, true);
    last = i;
  }
  if (!n || decision < 0 || (n == 1 && !record->shared))
    return n ? part[last] : -1;
  return lode_mix (record->graph, (uint32_t) decision, part);
}

/* A convolution of a layer's width. conv: kernel and stride */
static LodeValue
record_conv (Record *record, uint32_t layer, const char *name, LodeValue x, LodeConv conv)
{
  conv.size = sizeof conv;
  count_kept (record, width_decision (record->tas, layer), widths_of (record->tas, layer),
              &conv.channels);
  return lode_conv (record->graph, leaf (record, "%s.conv", name, 0), x, &conv);
}

/* Half the image; where a side is odd 3 × 3 pixels, so that the last one counts. */
static LodeValue
record_halved (Record *record, LodeValue x)
{
  LodeWindow window = { .size = sizeof window, .stride = 2, .pad = LODE_PAD_SAME };
  LodeShape shape;

  if (!lode_graph_shape (record->graph, x, &shape))
    return -1;
  window.kernel = shape.h % 2 || shape.w % 2 ? 3 : 2;
  return lode_avg_pool (record->graph, x, &window);
}

/* The block's input in the shape of its output, which the layer decides. in: full or kept width */
static LodeValue
record_shortcut (Record *record, uint32_t layer, uint32_t in, LodeValue x, uint32_t stride)
{
  uint32_t out = full_width (record->tas, layer);

  if (!record->shared)
    count_kept (record, width_decision (record->tas, layer), widths_of (record->tas, layer), &out);
  if (stride == 1 && in == out)
    return x;
  if (stride > 1)
    x = record_halved (record, x);
  x = record_conv (record, layer, "short", x, (LodeConv){ .kernel = 1 });
  return stride == 1 || record->shared ? record_norms (record, layer, "short", x) : x;
}

/* in: the width of the full network's block before this one. */
static LodeValue
record_block (Record *record, uint32_t stage, uint32_t block, uint32_t in, LodeValue x)
{
  const LodeBackbone *tas = record->tas;
  uint32_t stride = stage && !block ? 2 : 1, first = layer_of (tas, stage, block, 0);
  uint32_t wide = tas->parts - 2; /* the 3 × 3 of a bottleneck, the first of a basic block */
  LodeValue sum[2] = { x, x };
  LodeShape shape;

  if (!record->shared && lode_graph_shape (record->graph, x, &shape))
    in = shape.c;
  record->prefix =
      (size_t) g_snprintf (record->name, sizeof record->name, "stage.%u.%u.", stage, block);
  for (uint32_t part = 0; part < tas->parts; part++) {
    static const char *const name[MOST_PARTS] = { "0", "1", "2" };
    LodeConv conv = { .kernel = tas->parts == 2 || part == 1 ? 3 : 1,
                      .stride = part == wide ? stride : 1 };

    sum[0] = record_conv (record, first + part, name[part], sum[0], conv);
    sum[0] = record_norms (record, first + part, name[part], sum[0]);
    if (part < tas->parts - 1)
      sum[0] = lode_relu (record->graph, sum[0]);
  }
  sum[1] = record_shortcut (record, last_layer (tas, stage, block), in, x, stride);
  return lode_relu (record->graph, lode_add (record->graph, 2, sum));
}

/* The blocks down to the deepest that the choice keeps, and the mixture of the depths. */
static LodeValue
record_stage (Record *record, uint32_t stage, uint32_t in, LodeValue x)
{
  const LodeBackbone *tas = record->tas;
  int32_t decision = depth_decision (tas, stage);
  LodeValue part[MOST];
  uint32_t deepest, n = count_kept (record, decision, &tas->depth, &deepest), next = 0;

  for (uint32_t i = 0; i < tas->depth.n; i++)
    part[i] = -1;
  for (uint32_t block = 0; block < deepest; block++) {
    x = record_block (record, stage, block, in, x);
    in = full_width (tas, last_layer (tas, stage, block));
    if (tas->depth.at[next] > block + 1)
      continue;
    if (keeps (record, decision, &tas->depth, next))
      part[next] = x;
    next++;
  }
  if (!n)
    return -1;
  return decision < 0 || (n == 1 && !record->shared)
             ? x
             : lode_mix (record->graph, (uint32_t) decision, part);
}

/* More than one option of a decision makes it a mixture, whatever the host calls it. */
static bool
is_mixture (const LodeBackbone *tas, const LodeGraph *graph)
{
  for (uint32_t d = 0; d < tas->space.n; d++) {
    uint32_t n = 0;

    for (uint32_t o = 0; o < tas->decision[d].n; o++)
      n += lode_graph_wants (graph, d, o);
    if (n > 1)
      return true;
  }
  return false;
}

static bool
tas_resnet_build (const LodeBackbone *tas, LodeGraph *graph, LodeBuild *build, GError **error)
{
  Record record = { .tas = tas,
                    .graph = graph,
                    .shared = build->shared || is_mixture (tas, graph) };
  uint32_t in = full_width (tas, 0);
  LodeValue x = record_conv (&record, 0, "stem", build->image, (LodeConv){ .kernel = 3 });

  (void) error;
  x = lode_relu (graph, record_norms (&record, 0, "stem", x));
  for (uint32_t stage = 0; stage < STAGES; stage++) {
    x = record_stage (&record, stage, in, x);
    in = full_width (tas, last_layer (tas, stage, tas->blocks - 1));
  }
  build->features = lode_global_pool (graph, x);
  return true;
}

static void
add_candidate (Candidates *candidates, uint32_t value)
{
  uint32_t i = candidates->n;

  if (!value || (i && candidates->at[i - 1] == value))
    return;
  g_snprintf (candidates->text[i], sizeof candidates->text[i], "%u", value);
  candidates->name[i] = candidates->text[i];
  candidates->at[i] = value;
  candidates->n++;
}

/* ⌊fraction · channels⌋, each width once; rounding of the fraction loses no channel. */
static void
fill_widths (Candidates *widths, const LodeReals *fractions, uint32_t channels)
{
  for (size_t i = 0; i < fractions->n; i++)
    add_candidate (widths, (uint32_t) (fractions->at[i] * channels + 1e-9));
  if (!widths->n)
    add_candidate (widths, 1);
}

/* 1, 2, 3 of up to three blocks; 1, 3, 5 … and all of more. */
static void
fill_depths (Candidates *depth, uint32_t blocks)
{
  for (uint32_t n = 1; n <= blocks; n += blocks > 3 ? 2 : 1)
    add_candidate (depth, n);
  add_candidate (depth, blocks);
}

static void
fill_decision (LodeBackbone *tas, const char *group, const Candidates *candidates, uint32_t stage,
               uint32_t block, uint32_t part)
{
  uint32_t i = tas->space.n++;
  bool stem = stage == STAGES;

  if (stem)
    g_strlcpy (tas->name[i], "width.stem", sizeof *tas->name);
  else if (*group == 'w')
    g_snprintf (tas->name[i], sizeof *tas->name, "width.%u.%u.%u", stage, block, part);
  else
    g_snprintf (tas->name[i], sizeof *tas->name, "depth.%u", stage);
  tas->decision[i] = (LodeDecision){ .name = tas->name[i],
                                     .group = group,
                                     .n = candidates->n,
                                     .option = candidates->name,
                                     .from = -1,
                                     .to = -1 };
  tas->space.options += candidates->n;
}

static void
fill_space (LodeBackbone *tas)
{
  uint32_t room = tas->layers + STAGES;

  tas->decision = g_new0 (LodeDecision, room);
  tas->name = g_malloc0_n (room, sizeof *tas->name);
  tas->space = (LodeSpace){ .size = sizeof (LodeSpace),
                            .stride = sizeof (LodeDecision),
                            .at = tas->decision };
  for (uint32_t layer = 0; searches_widths (tas) && layer < tas->layers; layer++) {
    uint32_t block = layer ? (layer - 1) / tas->parts : 0;

    fill_decision (tas, "width", widths_of (tas, layer), layer ? block / tas->blocks : STAGES,
                   block % tas->blocks, layer ? (layer - 1) % tas->parts : 0);
  }
  for (uint32_t stage = 0; searches_depths (tas) && stage < STAGES; stage++)
    fill_decision (tas, "depth", &tas->depth, stage, 0, 0);
}

static bool
check_conf (const Conf *conf, GError **error)
{
  GQuark quark = g_quark_from_static_string ("lode-tas-resnet");
  int64_t a = conf->block == BLOCK_BASIC ? 6 : 9;
  const LodeReals *f = &conf->fractions;

  if (conf->depth % a != 2 || conf->depth < a || (conf->depth - 2) / a > MOST_BLOCKS) {
    g_set_error (error, quark, 0,
                 "backbone tas-resnet: depth = %" G_GINT64_FORMAT
                 "; with %s blocks a depth is %d n + 2, n = 1 … %d, for example %s",
                 conf->depth, a == 6 ? "basic" : "bottleneck", (int) a, MOST_BLOCKS,
                 a == 6 ? "20, 32, 56, 110" : "29, 56, 110, 164");
    return false;
  }
  if (!f->n || f->n > MOST) {
    g_set_error (error, quark, 0,
                 "backbone tas-resnet: fractions has %zu entries; give 1 to %d, for example "
                 "[0.5, 1.0]",
                 f->n, MOST);
    return false;
  }
  for (size_t i = 1; i < f->n; i++)
    if (f->at[i] <= f->at[i - 1]) {
      g_set_error (error, quark, 0,
                   "backbone tas-resnet: fractions has %g behind %g; they have to rise", f->at[i],
                   f->at[i - 1]);
      return false;
    }
  return true;
}

static LodeBackbone *
tas_resnet_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  const Conf *options = conf;
  LodeBackbone *tas;

  (void) host;
  if (!check_conf (options, error))
    return NULL;
  tas = g_new0 (LodeBackbone, 1);
  tas->conf = *options;
  tas->input = input ? *input : (LodeShape){ 32, 32, 3 };
  tas->parts = options->block == BLOCK_BASIC ? 2 : 3;
  tas->blocks = (uint32_t) (options->depth - 2) / (tas->parts * STAGES);
  tas->layers = 1 + STAGES * tas->blocks * tas->parts;
  for (uint32_t stage = 0; stage < STAGES; stage++) {
    uint32_t channels = (uint32_t) options->width << stage;

    fill_widths (&tas->inner[stage], &options->fractions, channels);
    fill_widths (&tas->outer[stage], &options->fractions, channels * (tas->parts == 3 ? 4 : 1));
  }
  fill_depths (&tas->depth, tas->blocks);
  fill_space (tas);
  return tas;
}

static void
tas_resnet_destroy (LodeBackbone *tas)
{
  if (!tas)
    return;
  g_free (tas->decision);
  g_free (tas->name);
  g_free (tas);
}

static const LodeSpace *
tas_resnet_space (const LodeBackbone *tas)
{
  return &tas->space;
}

static const char *const blocks[] = { "basic", "bottleneck", NULL };
static const char *const searches[] = { "both", "width", "depth", NULL };
static const char *const handed[] = { "kept", "last", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, depth, .number = 20, .min = 8, .max = 569, .unit = "layers",
               .doc = "layers with weights of the full network, 6 n + 2 (bottleneck: 9 n + 2)"),
  LODE_OPTION (Conf, width, .number = 16, .min = 1, .max = 1024, .unit = "channels",
               .doc =
                   "channels of the full network's first stage, doubled at each of the next two"),
  LODE_OPTION (Conf, block, .text = "basic", .choices = blocks,
               .doc = "two 3x3 convolutions, or 1x1, 3x3 and 1x1 at four times the width"),
  LODE_OPTION (Conf, fractions, .text = "0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1", .min = 0, .max = 1,
               .above_min = true,
               .doc = "widths to choose from, as fractions of the full ones; rounded down"),
  LODE_OPTION (Conf, search, .text = "both", .choices = searches,
               .doc = "what is searched; the other stays at its largest"),
  LODE_OPTION (Conf, handed, .text = "kept", .choices = handed,
               .doc =
                   "whose width a stage hands on in the expected cost: its last kept block's, as "
                   "in the network, or its last block's, as in the published estimates"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE | LODE_MIX,
  .create = tas_resnet_create,
  .destroy = tas_resnet_destroy,
  .space = tas_resnet_space,
  .build = tas_resnet_build,
  .write = tas_resnet_write,
  .read = tas_resnet_read,
  .key = tas_resnet_key,
  .expect = tas_resnet_expect,
  .draw = tas_resnet_draw,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "tas-resnet",
  .version = "1.0",
  .summary = "residual network whose widths and depths are searched",
  .license = "Apache-2.0",
  .reference = "X. Dong, Y. Yang. Network Pruning via Transformable Architecture Search. NeurIPS "
               "2019",
  .bibtex = "@inproceedings{dong2019tas,\n"
            "  title = {Network Pruning via Transformable Architecture Search},\n"
            "  author = {Dong, Xuanyi and Yang, Yi},\n"
            "  booktitle = {Advances in Neural Information Processing Systems},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1905.09717}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
