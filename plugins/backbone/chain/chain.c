/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of slots, each a choice of a block's kind and kernel, of its width, and, where asked for,
 * of an identity around it: the space of single-path one-shot methods (Guo et al. 2020, §3.4) and,
 * with four slots that halve by pooling, one around the network of few-shot learning (Vinyals et
 * al. 2016, §4.1).
 *
 * In a super-network a slot runs every kind that a choice keeps at the widest of its widths, on
 * the leading channels of the weights, and mixes the leading channels of the result by
 * interpolation; a width has no weights of its own. So a path through it is the network of that
 * path.
 */
#include "slot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A recording under way. Names of weights are a prefix and a leaf. */
typedef struct Record {
  const LodeBackbone *chain;
  LodeGraph *graph;
  bool shared;
  char name[64];
  size_t prefix;
} Record;

static const char *
leaf (Record *record, const char *name)
{
  g_strlcpy (record->name + record->prefix, name, sizeof record->name - record->prefix);
  return record->name;
}

/* [h][w][c] → [1][1][h·w·c] */
static bool
flat_shape (const void *conf, uint32_t n, const LodeShape *in, LodeShape *out, uint32_t *weights)
{
  uint64_t size = (uint64_t) in->h * in->w * in->c;

  (void) conf;
  (void) weights;
  if (n != 1 || size > G_MAXINT32)
    return false;
  *out = (LodeShape){ 1, 1, (uint32_t) size };
  return true;
}

static size_t
flat_size (const LodeOpChunk *chunk)
{
  return (size_t) chunk->n * chunk->in_shape->h * chunk->in_shape->w * chunk->in_shape->c;
}

static void
flat_forward (const void *conf, const LodeOpChunk *chunk)
{
  (void) conf;
  memcpy (chunk->out, chunk->in[0], flat_size (chunk) * sizeof (float));
}

static void
flat_backward (const void *conf, const LodeOpChunk *chunk)
{
  (void) conf;
  for (size_t i = 0; chunk->din[0] && i < flat_size (chunk); i++)
    chunk->din[0][i] += chunk->dout[i];
}

static const LodeOp flat = {
  .size = sizeof (LodeOp),
  .name = "flat",
  .shape = flat_shape,
  .forward = flat_forward,
  .backward = flat_backward,
};

static LodeValue
conv_norm (Record *record, const char *conv_name, const char *norm_name, LodeValue x, LodeConv conv,
           bool relu)
{
  conv.size = sizeof conv;
  x = lode_conv (record->graph, leaf (record, conv_name), x, &conv);
  x = lode_norm (record->graph, leaf (record, norm_name), x, true);
  return relu ? lode_relu (record->graph, x) : x;
}

/* Depthwise, pointwise, norm, ReLU. */
static LodeValue
record_separable (Record *record, const Kind *kind, LodeValue x, uint32_t channels, uint32_t stride)
{
  LodeConv depth = { .size = sizeof depth,
                     .kernel = kind->kernel,
                     .stride = stride,
                     .dilation = kind->type == KIND_DIL ? 2 : 1,
                     .groups = LODE_DEPTHWISE };

  x = lode_conv (record->graph, leaf (record, "depth"), x, &depth);
  return conv_norm (record, "point", "norm", x, (LodeConv){ .channels = channels }, true);
}

/* An inverted bottleneck (Sandler et al. 2018, §3.3): wider, depthwise, narrow again without ReLU;
 * its input is added on the channels that both have, unless the image is halved. */
static LodeValue
record_inverted (Record *record, const Kind *kind, LodeValue x, uint32_t channels, uint32_t stride)
{
  LodeConv depth = { .kernel = kind->kernel, .stride = stride, .groups = LODE_DEPTHWISE };
  LodeValue sum[2] = { x, x };
  LodeShape shape;

  if (!lode_graph_shape (record->graph, x, &shape))
    return -1;
  sum[0] = conv_norm (record, "expand", "norm_0", x,
                      (LodeConv){ .channels = kind->expand * shape.c }, true);
  sum[0] = conv_norm (record, "depth", "norm_1", sum[0], depth, true);
  sum[0] = conv_norm (record, "point", "norm_2", sum[0], (LodeConv){ .channels = channels }, false);
  if (stride > 1)
    return sum[0];
  if (channels < shape.c)
    sum[1] = lode_shortcut (record->graph, x, channels, 1);
  return lode_add (record->graph, 2, sum);
}

static LodeValue
record_skip (Record *record, uint32_t slot, LodeValue x, uint32_t channels, uint32_t stride)
{
  LodeShape shape;

  if (skip_projects (record->chain, slot))
    return conv_norm (record, "conv", "norm", x,
                      (LodeConv){ .channels = channels, .stride = stride }, false);
  if (stride == 1 && lode_graph_shape (record->graph, x, &shape) && shape.c == channels)
    return x;
  return lode_shortcut (record->graph, x, channels, stride);
}

static LodeValue
record_kind (Record *record, uint32_t slot, uint32_t which, LodeValue x, uint32_t channels)
{
  const Kind *kind = &record->chain->kind[which];
  uint32_t stride = slot_stride (record->chain, &record->chain->slot[slot]);

  record->prefix =
      (size_t) g_snprintf (record->name, sizeof record->name, "slot.%u.%s.", slot, kind->name);
  switch (kind->type) {
  case KIND_CONV:
    return conv_norm (record, "conv", "norm", x,
                      (LodeConv){ .channels = channels, .kernel = kind->kernel, .stride = stride },
                      true);
  case KIND_MB:
    return record_inverted (record, kind, x, channels, stride);
  case KIND_SKIP:
    return record_skip (record, slot, x, channels, stride);
  default:
    return record_separable (record, kind, x, channels, stride);
  }
}

/* Whether the choice keeps an option; where nothing is to decide there is one. */
static bool
keeps (const Record *record, const Slot *slot, uint32_t about, uint32_t option)
{
  return slot->decision[about] < 0
         || lode_graph_wants (record->graph, (uint32_t) slot->decision[about], option);
}

/* Absent parts were not kept. A net of its own needs no gate where one is left. */
static LodeValue
mix (Record *record, const Slot *slot, uint32_t about, uint32_t n, const LodeValue *part)
{
  uint32_t kept = 0, last = 0;

  for (uint32_t i = 0; i < n; i++)
    if (part[i] >= 0) {
      kept++;
      last = i;
    }
  if (!kept)
    return -1;
  if (slot->decision[about] < 0 || (kept == 1 && !record->shared))
    return part[last];
  return lode_mix (record->graph, (uint32_t) slot->decision[about], part);
}

static LodeValue
mix_kinds (Record *record, uint32_t i, LodeValue x, uint32_t widest)
{
  const Slot *slot = &record->chain->slot[i];
  LodeValue part[MOST];

  for (uint32_t k = 0; k < record->chain->kinds; k++)
    part[k] = keeps (record, slot, ABOUT_KIND, k) ? record_kind (record, i, k, x, widest) : -1;
  return mix (record, slot, ABOUT_KIND, record->chain->kinds, part);
}

/* Without and with the slot's input added, on the channels that both have. */
static LodeValue
mix_pass (Record *record, const Slot *slot, LodeValue x, LodeValue y)
{
  uint32_t stride = slot_stride (record->chain, slot);
  LodeValue part[2] = { y, -1 }, sum[2] = { y, x };
  LodeShape in, out;

  if (slot->decision[ABOUT_PASS] < 0 || !lode_graph_shape (record->graph, x, &in)
      || !lode_graph_shape (record->graph, y, &out))
    return y;
  if (!keeps (record, slot, ABOUT_PASS, 0))
    part[0] = -1;
  if (stride > 1 || out.c < in.c)
    sum[1] = lode_shortcut (record->graph, x, MIN (in.c, out.c), stride);
  if (keeps (record, slot, ABOUT_PASS, 1))
    part[1] = lode_add (record->graph, 2, sum);
  return mix (record, slot, ABOUT_PASS, 2, part);
}

static LodeValue
mix_widths (Record *record, const Slot *slot, LodeValue y, uint32_t widest)
{
  LodeValue part[MOST];

  if (slot->decision[ABOUT_WIDTH] < 0)
    return y;
  for (uint32_t w = 0; w < slot->n; w++) {
    part[w] = keeps (record, slot, ABOUT_WIDTH, w) ? y : -1;
    if (part[w] >= 0 && slot->width[w] < widest)
      part[w] = lode_shortcut (record->graph, y, slot->width[w], 1);
  }
  return mix (record, slot, ABOUT_WIDTH, slot->n, part);
}

static LodeValue
record_slot (Record *record, uint32_t i, LodeValue x)
{
  const Slot *slot = &record->chain->slot[i];
  LodeWindow window = { .size = sizeof window, .kernel = 2, .stride = 2, .pad = LODE_PAD_NONE };
  uint32_t widest = 0;
  LodeShape shape;
  LodeValue y;

  for (uint32_t w = 0; w < slot->n; w++)
    if (keeps (record, slot, ABOUT_WIDTH, w))
      widest = slot->width[w];
  y = mix_kinds (record, i, x, widest);
  y = mix_pass (record, slot, x, y);
  y = mix_widths (record, slot, y, widest);
  if (!slot->halves || record->chain->conf.halve == HALVE_STRIDE
      || !lode_graph_shape (record->graph, y, &shape) || MIN (shape.h, shape.w) < 2)
    return y;
  return lode_max_pool (record->graph, y, &window);
}

static bool
chain_build (const LodeBackbone *chain, LodeGraph *graph, LodeBuild *build, GError **error)
{
  Record record = { .chain = chain, .graph = graph, .shared = build->shared };
  LodeConv stem = { .channels = (uint32_t) chain->conf.stem,
                    .kernel = 3,
                    .stride = (uint32_t) chain->conf.stem_stride };
  LodeValue x = build->image;
  LodeShape shape;

  (void) error;
  if (chain->conf.stem)
    x = conv_norm (&record, "stem.conv", "stem.norm", x, stem, true);
  for (uint32_t i = 0; i < chain->slots; i++)
    x = record_slot (&record, i, x);
  record.prefix = 0;
  if (chain->conf.last)
    x = conv_norm (&record, "last.conv", "last.norm", x,
                   (LodeConv){ .channels = (uint32_t) chain->conf.last }, true);
  if (lode_graph_shape (graph, x, &shape) && shape.h * shape.w > 1)
    x = chain->conf.features == FEATURES_MEAN ? lode_global_pool (graph, x)
                                              : lode_op (graph, &flat, NULL, 1, &x, NULL);
  build->features = x;
  return true;
}

/* A skip has no identity around it. */
static void
chain_repair (const LodeBackbone *chain, uint8_t *arch, LodeRng *rng)
{
  (void) rng;
  for (uint32_t i = 0; i < chain->slots; i++) {
    const Slot *slot = &chain->slot[i];

    if (slot->decision[ABOUT_PASS] >= 0
        && chain->kind[slot_option (slot, arch, ABOUT_KIND)].type == KIND_SKIP)
      arch[slot->decision[ABOUT_PASS]] = 0;
  }
}

static void
chain_derive (const LodeBackbone *chain, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  for (uint32_t d = 0; d < chain->space.n; d++) {
    uint32_t n = chain->decision[d].n, best = n;

    for (uint32_t o = 0; o < n; o++)
      if ((!mask || mask[d] >> o & 1) && (best == n || mix[o] > mix[best] || isnan (mix[best])))
        best = o;
    arch[d] = (uint8_t) (best < n ? best : 0);
    mix += n;
  }
  chain_repair (chain, arch, NULL);
}

/* "conv3", "sep5", "dil3", "mb6_5" or "skip". */
static bool
parse_kind (const char *text, Kind *kind)
{
  static const struct {
    const char *word;
    uint32_t type;
  } word[] = { { "conv", KIND_CONV }, { "sep", KIND_SEP }, { "dil", KIND_DIL }, { "mb", KIND_MB } };

  *kind = (Kind){ .type = KIND_SKIP, .trait = LODE_TRAIT_SKIP };
  if (g_strlcpy (kind->name, text, sizeof kind->name) >= sizeof kind->name)
    return false;
  if (!strcmp (text, "skip"))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS (word); i++) {
    unsigned long kernel, expand = 1;
    char *end = (char *) text + strlen (word[i].word);

    if (!g_str_has_prefix (text, word[i].word) || !g_ascii_isdigit (*end))
      continue;
    if (word[i].type == KIND_MB) {
      expand = strtoul (end, &end, 10);
      if (*end++ != '_' || !g_ascii_isdigit (*end))
        return false;
    }
    kernel = strtoul (end, &end, 10);
    *kind = (Kind){ word[i].type,
                    (uint32_t) MIN (kernel, 99),
                    (uint32_t) MIN (expand, 99),
                    LODE_TRAIT_PLAIN,
                    { 0 } };
    g_strlcpy (kind->name, text, sizeof kind->name);
    return !*end && *text != '0' && kernel % 2 && kernel < 16 && expand && expand < 33;
  }
  return false;
}

static bool refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, g_quark_from_static_string ("lode-chain"), 0, "backbone chain: %s", text);
  return false;
}

static bool
fill_kinds (LodeBackbone *chain, GError **error)
{
  const LodeTexts *kinds = &chain->conf.kinds;

  if (!kinds->n || kinds->n > MOST)
    return refuse (error, "kinds has %zu entries; give 1 to %d", kinds->n, MOST);
  for (size_t i = 0; i < kinds->n; i++) {
    if (!parse_kind (kinds->at[i], &chain->kind[i]))
      return refuse (error,
                     "kinds has \"%s\"; a kind is conv3, sep5, dil3 (with any odd kernel up to "
                     "15), mb6_3 (expansion up to 32, kernel) or skip",
                     kinds->at[i]);
    for (size_t j = 0; j < i; j++)
      if (!strcmp (kinds->at[j], kinds->at[i]))
        return refuse (error, "kinds has \"%s\" twice", kinds->at[i]);
    chain->kind_name[i] = chain->kind[i].name;
    chain->kind_trait[i] = chain->kind[i].trait;
  }
  chain->kinds = (uint32_t) kinds->n;
  return true;
}

static bool
fill_widths (LodeBackbone *chain, uint32_t i, GError **error)
{
  const LodeReals *widths = &chain->conf.widths, *growth = &chain->conf.growth;
  Slot *slot = &chain->slot[i];

  for (size_t w = 0; w < widths->n; w++) {
    double width = round (widths->at[w] * growth->at[MIN (i, growth->n - 1)]);

    if (width < 1 || width > 65536)
      return refuse (error, "slot %u would be %g channels wide; give 1 to 65536", i, width);
    if (w && width <= slot->width[w - 1])
      return refuse (error, "widths gives slot %u %g channels behind %u; they have to rise", i,
                     width, slot->width[w - 1]);
    slot->width[w] = (uint32_t) width;
    g_snprintf (slot->text[w], sizeof slot->text[w], "%u", slot->width[w]);
    slot->option[w] = slot->text[w];
  }
  slot->n = (uint32_t) widths->n;
  return true;
}

static bool
fill_slots (LodeBackbone *chain, GError **error)
{
  const Conf *conf = &chain->conf;

  if (!conf->widths.n || conf->widths.n > MOST || !conf->growth.n)
    return refuse (error,
                   "widths has %zu entries, growth %zu; give 1 to %d widths and at least "
                   "one factor",
                   conf->widths.n, conf->growth.n, MOST);
  for (uint32_t i = 0; i < chain->slots; i++)
    if (!fill_widths (chain, i, error))
      return false;
  for (size_t i = 0; i < conf->halve_at.n; i++) {
    double at = conf->halve_at.at[i];

    if (at < 0 || at >= chain->slots || floor (at) < at)
      return refuse (error, "halve_at names slot %g of %u; slots are counted from 0", at,
                     chain->slots);
    chain->slot[(uint32_t) at].halves = true;
  }
  return true;
}

static void
add_decision (LodeBackbone *chain, uint32_t slot, uint32_t about, uint32_t n,
              const char *const *option, const uint32_t *trait)
{
  static const char *const group[ABOUTS] = { "kind", "width", "pass" };
  uint32_t i = chain->space.n;

  chain->slot[slot].decision[about] = -1;
  if (n < 2)
    return;
  chain->slot[slot].decision[about] = (int32_t) i;
  g_snprintf (chain->name[i], NAME, "%s.%u", group[about], slot);
  chain->decision[i] = (LodeDecision){ .name = chain->name[i],
                                       .group = group[about],
                                       .n = n,
                                       .option = option,
                                       .trait = trait,
                                       .from = -1,
                                       .to = -1 };
  chain->space.n++;
  chain->space.options += n;
}

static void
fill_space (LodeBackbone *chain)
{
  static const char *const pass[] = { "off", "on" };

  chain->space = (LodeSpace){ .size = sizeof (LodeSpace),
                              .stride = sizeof (LodeDecision),
                              .at = chain->decision };
  for (uint32_t i = 0; i < chain->slots; i++) {
    Slot *slot = &chain->slot[i];

    add_decision (chain, i, ABOUT_KIND, chain->kinds, chain->kind_name, chain->kind_trait);
    add_decision (chain, i, ABOUT_WIDTH, slot->n, slot->option, NULL);
    add_decision (chain, i, ABOUT_PASS, chain->conf.passes ? 2 : 0, pass, NULL);
  }
}

static LodeBackbone *
chain_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  LodeBackbone *chain = g_new0 (LodeBackbone, 1);

  (void) host;
  chain->conf = *(const Conf *) conf;
  chain->input = input ? *input : (LodeShape){ 32, 32, 3 };
  chain->slots = (uint32_t) chain->conf.slots;
  if (!fill_kinds (chain, error) || !fill_slots (chain, error)) {
    g_free (chain);
    return NULL;
  }
  fill_space (chain);
  return chain;
}

static void
chain_destroy (LodeBackbone *chain)
{
  g_free (chain);
}

static const LodeSpace *
chain_space (const LodeBackbone *chain)
{
  return &chain->space;
}

static const char *const halves[] = { "pool", "stride", NULL };
static const char *const skips[] = { "project", "pad", NULL };
static const char *const features[] = { "mean", "flat", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, slots, .number = 4, .min = 1, .max = MOST_SLOTS, .unit = "slots",
               .doc = "slots of the chain"),
  LODE_OPTION (Conf, kinds, .text = "conv3, conv5, sep3, sep5, dil3, skip",
               .doc = "what a slot may be: conv3, sep5, dil3, mb6_3 (expansion 6, kernel 3), skip"),
  LODE_OPTION (Conf, widths, .text = "16, 32, 48", .min = 1, .max = 65536, .unit = "channels",
               .doc = "widths a slot may have, rising; one leaves nothing to choose"),
  LODE_OPTION (Conf, growth, .text = "1", .min = 0, .max = 1024, .above_min = true,
               .doc = "factor on the widths of each slot; the last one holds for the rest"),
  LODE_OPTION (Conf, passes, .number = 0,
               .doc = "a slot also chooses whether its input is added to its output"),
  LODE_OPTION (Conf, halve, .text = "pool", .choices = halves,
               .doc = "how the image is halved: 2x2 maximum behind the slot, or stride in it"),
  LODE_OPTION (Conf, halve_at, .text = "0, 1, 2, 3", .min = 0, .max = MOST_SLOTS - 1,
               .doc = "slots that halve the image, counted from 0"),
  LODE_OPTION (Conf, skip, .text = "project", .choices = skips,
               .doc = "a skip where shapes may differ: 1x1 convolution with norm, or leading "
                      "channels, zeros behind them"),
  LODE_OPTION (Conf, stem, .number = 0, .min = 0, .max = 4096, .unit = "channels",
               .doc = "3x3 convolution before the first slot; 0: none"),
  LODE_OPTION (Conf, stem_stride, .number = 1, .min = 1, .max = 4, .unit = "pixels",
               .doc = "stride of the stem"),
  LODE_OPTION (Conf, last, .number = 0, .min = 0, .max = 65536, .unit = "channels",
               .doc = "1x1 convolution behind the last slot; 0: none"),
  LODE_OPTION (Conf, features, .text = "mean", .choices = features,
               .doc = "the features: mean over the image, or all of its values"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE | LODE_MIX,
  .create = chain_create,
  .destroy = chain_destroy,
  .space = chain_space,
  .build = chain_build,
  .derive = chain_derive,
  .repair = chain_repair,
  .write = chain_write,
  .read = chain_read,
  .expect = chain_expect,
  .draw = chain_draw,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "chain",
  .version = "1.0",
  .summary = "chain of blocks that choose kind, kernel and width",
  .license = "Apache-2.0",
  .reference = "Z. Guo, X. Zhang, H. Mu, W. Heng, Z. Liu, Y. Wei, J. Sun. Single Path One-Shot "
               "Neural Architecture Search with Uniform Sampling. ECCV 2020",
  .bibtex = "@inproceedings{guo2020spos,\n"
            "  title = {Single Path One-Shot Neural Architecture Search with Uniform Sampling},\n"
            "  author = {Guo, Zichao and Zhang, Xiangyu and Mu, Haoyuan and Heng, Wen and Liu, "
            "Zechun and Wei, Yichen and Sun, Jian},\n"
            "  booktitle = {European Conference on Computer Vision},\n"
            "  year = {2020},\n"
            "  url = {https://arxiv.org/abs/1904.00420}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
