/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of few-shot learning (Vinyals et al. 2016, §4.1; as in Finn et al. 2017, §5.2): four
 * blocks of 3 × 3 convolution, batch norm, ReLU, each halving the image, by a 2 × 2 max-pool behind
 * it (the form used on Mini-ImageNet) or by the convolution's stride (Omniglot).
 *
 * An image of less than 2 × 2 pixels is not pooled further, so images need not have 16 × 16.
 */
#include <lode/lode.h>

#include <string.h>

enum { HALVE_POOL, HALVE_STRIDE };
enum { FEATURES_FLAT, FEATURES_MEAN };
enum { BLOCKS = 4, LEAST = 8 };

typedef struct Conf {
  int64_t filters;
  int32_t halve, features;
} Conf;

struct LodeBackbone {
  Conf conf;
};

static const LodeSpace one = { .size = sizeof (LodeSpace), .stride = sizeof (LodeDecision) };

/* Values of a sample, of its one input. */
static size_t
chunk_size (const LodeOpChunk *chunk)
{
  return (size_t) chunk->n * chunk->in_shape->h * chunk->in_shape->w * chunk->in_shape->c;
}

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

static void
flat_forward (const void *conf, const LodeOpChunk *chunk)
{
  (void) conf;
  memcpy (chunk->out, chunk->in[0], chunk_size (chunk) * sizeof (float));
}

static void
flat_backward (const void *conf, const LodeOpChunk *chunk)
{
  size_t size = chunk_size (chunk);

  (void) conf;
  if (!chunk->din[0])
    return;
  for (size_t i = 0; i < size; i++)
    chunk->din[0][i] += chunk->dout[i];
}

/* [h][w][c] → [1][1][h·w·c]: features are a vector, so that any head fits. */
static const LodeOp flat = {
  .size = sizeof (LodeOp),
  .name = "flat",
  .shape = flat_shape,
  .forward = flat_forward,
  .backward = flat_backward,
};

static LodeValue
record_block (const LodeBackbone *conv4, LodeGraph *graph, uint32_t block, LodeValue x)
{
  bool pooled = conv4->conf.halve == HALVE_POOL;
  LodeConv conv = { .size = sizeof conv,
                    .channels = (uint32_t) conv4->conf.filters,
                    .kernel = 3,
                    .stride = pooled ? 1 : 2,
                    .bias = true };
  LodeWindow window = { .size = sizeof window, .kernel = 2, .stride = 2, .pad = LODE_PAD_NONE };
  LodeShape shape;
  char name[32];

  g_snprintf (name, sizeof name, "block.%u.conv", block);
  x = lode_conv (graph, name, x, &conv);
  g_snprintf (name, sizeof name, "block.%u.norm", block);
  x = lode_relu (graph, lode_norm (graph, name, x, true));
  if (!pooled || !lode_graph_shape (graph, x, &shape) || MIN (shape.h, shape.w) < 2)
    return x;
  return lode_max_pool (graph, x, &window);
}

static bool
conv4_build (const LodeBackbone *conv4, LodeGraph *graph, LodeBuild *build, GError **error)
{
  LodeValue x = build->image;
  LodeShape shape;

  (void) error;
  for (uint32_t block = 0; block < BLOCKS; block++)
    x = record_block (conv4, graph, block, x);
  if (lode_graph_shape (graph, x, &shape) && shape.h * shape.w > 1)
    x = conv4->conf.features == FEATURES_MEAN ? lode_global_pool (graph, x)
                                              : lode_op (graph, &flat, NULL, 1, &x, NULL);
  build->features = x;
  return true;
}

static LodeBackbone *
conv4_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  LodeBackbone *conv4;

  (void) host;
  if (input && (input->h < LEAST || input->w < LEAST)) {
    g_set_error (
        error, g_quark_from_static_string ("lode-conv4"), 0,
        "backbone conv4: the input has %u x %u pixels, too few to be halved by its blocks; "
        "take images of at least %d x %d",
        input->h, input->w, LEAST, LEAST);
    return NULL;
  }
  conv4 = g_new0 (LodeBackbone, 1);
  conv4->conf = *(const Conf *) conf;
  return conv4;
}

static void
conv4_destroy (LodeBackbone *conv4)
{
  g_free (conv4);
}

static const LodeSpace *
conv4_space (const LodeBackbone *conv4)
{
  (void) conv4;
  return &one;
}

static const char *const halvings[] = { "pool", "stride", NULL };
static const char *const feature_kinds[] = { "flat", "mean", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, filters, .number = 32, .min = 1, .max = 4096, .unit = "channels",
               .doc = "channels of every block: 32 on Mini-ImageNet, 64 on Omniglot"),
  LODE_OPTION (Conf, halve, .text = "pool", .choices = halvings,
               .doc = "what halves the image: a max-pool behind each block, or the stride of its "
                      "convolution"),
  LODE_OPTION (Conf, features, .text = "flat", .choices = feature_kinds,
               .doc = "what the head sees: every value of the last block, or each channel's mean"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE,
  .create = conv4_create,
  .destroy = conv4_destroy,
  .space = conv4_space,
  .build = conv4_build,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "conv4",
  .version = "1.0",
  .summary = "four convolutional blocks, the usual network of few-shot learning",
  .license = "Apache-2.0",
  .reference = "O. Vinyals, C. Blundell, T. Lillicrap, K. Kavukcuoglu, D. Wierstra. Matching "
               "Networks for One Shot Learning. NIPS 2016",
  .bibtex = "@inproceedings{vinyals2016matching,\n"
            "  title = {Matching Networks for One Shot Learning},\n"
            "  author = {Vinyals, Oriol and Blundell, Charles and Lillicrap, Timothy and "
            "Kavukcuoglu, Koray and Wierstra, Daan},\n"
            "  booktitle = {Advances in Neural Information Processing Systems},\n"
            "  volume = {29},\n"
            "  year = {2016},\n"
            "  url = {https://arxiv.org/abs/1606.04080}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
