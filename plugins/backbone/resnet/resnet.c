/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Residual networks for small images (He et al. 2016, §4.2): a 3 × 3 convolution, three stages of n
 * blocks at 1, 2 and 4 times the width, each of two 3 × 3 convolutions around which the input is
 * added back.
 */
#include <lode/lode.h>

enum { SHORTCUT_A, SHORTCUT_B, STAGES = 3 };

typedef struct Conf {
  int64_t depth, width;
  int32_t shortcut;
} Conf;

struct LodeBackbone {
  Conf conf;
};

static const LodeSpace one = { .size = sizeof (LodeSpace), .stride = sizeof (LodeDecision) };

static LodeValue
conv_norm (LodeGraph *graph, const char *prefix, const char *leaf, LodeValue x,
           const LodeConv *conv)
{
  char name[64];

  g_snprintf (name, sizeof name, "%s.conv%s", prefix, leaf);
  x = lode_conv (graph, name, x, conv);
  g_snprintf (name, sizeof name, "%s.norm%s", prefix, leaf);
  return lode_norm (graph, name, x, true);
}

/* The block's input in the shape of its output: A without weights, B by a 1 × 1 convolution. */
static LodeValue
record_shortcut (const LodeBackbone *resnet, LodeGraph *graph, const char *name, LodeValue x,
                 uint32_t channels, uint32_t stride)
{
  LodeConv project = { .size = sizeof project, .channels = channels, .stride = stride };

  if (resnet->conf.shortcut == SHORTCUT_A)
    return lode_shortcut (graph, x, channels, stride);
  return conv_norm (graph, name, "_short", x, &project);
}

static LodeValue
record_block (const LodeBackbone *resnet, LodeGraph *graph, const char *name, LodeValue x,
              uint32_t channels, uint32_t stride)
{
  LodeConv conv = { .size = sizeof conv, .channels = channels, .kernel = 3, .stride = stride };
  LodeValue sum[2] = { -1, x };

  sum[0] = lode_relu (graph, conv_norm (graph, name, "_0", x, &conv));
  conv.stride = 1;
  sum[0] = conv_norm (graph, name, "_1", sum[0], &conv);
  if (stride > 1)
    sum[1] = record_shortcut (resnet, graph, name, x, channels, stride);
  return lode_relu (graph, lode_add (graph, 2, sum));
}

static bool
resnet_build (const LodeBackbone *resnet, LodeGraph *graph, LodeBuild *build, GError **error)
{
  uint32_t blocks = (uint32_t) (resnet->conf.depth - 2) / 6, width = (uint32_t) resnet->conf.width;
  LodeConv stem = { .size = sizeof stem, .channels = width, .kernel = 3 };
  LodeValue x = lode_relu (graph, conv_norm (graph, "stem", "", build->image, &stem));

  (void) error;
  for (uint32_t stage = 0; stage < STAGES; stage++)
    for (uint32_t block = 0; block < blocks; block++) {
      char name[32];

      g_snprintf (name, sizeof name, "stage.%u.%u", stage, block);
      x = record_block (resnet, graph, name, x, width << stage, stage && !block ? 2 : 1);
    }
  build->features = lode_global_pool (graph, x);
  return true;
}

static LodeBackbone *
resnet_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  const Conf *options = conf;
  LodeBackbone *resnet;

  (void) host;
  (void) input;
  if (options->depth % 6 != 2) {
    int64_t near = MAX (8, options->depth / 6 * 6 + 2);

    g_set_error (error, g_quark_from_static_string ("lode-resnet"), 0,
                 "backbone resnet: depth = %" G_GINT64_FORMAT
                 "; a depth is 6 n + 2, for example %" G_GINT64_FORMAT,
                 options->depth, near);
    return NULL;
  }
  resnet = g_new0 (LodeBackbone, 1);
  resnet->conf = *options;
  return resnet;
}

static void
resnet_destroy (LodeBackbone *resnet)
{
  g_free (resnet);
}

static const LodeSpace *
resnet_space (const LodeBackbone *resnet)
{
  (void) resnet;
  return &one;
}

static const char *const shortcuts[] = { "A", "B", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, depth, .number = 20, .min = 8, .max = 1202, .unit = "layers",
               .doc = "layers with weights, 6 n + 2: 8, 14, 20, 32, 44, 56, 110 …"),
  LODE_OPTION (Conf, width, .number = 16, .min = 1, .max = 1024, .unit = "channels",
               .doc = "channels of the first stage, doubled at each of the next two"),
  LODE_OPTION (Conf, shortcut, .text = "A", .choices = shortcuts,
               .doc = "where the shape changes: A subsamples and appends zeros, B is a 1x1 "
                      "convolution with norm"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE,
  .create = resnet_create,
  .destroy = resnet_destroy,
  .space = resnet_space,
  .build = resnet_build,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "resnet",
  .version = "1.0",
  .summary = "residual network for small images, 8 to 110 layers and more",
  .license = "Apache-2.0",
  .reference =
      "K. He, X. Zhang, S. Ren, J. Sun. Deep Residual Learning for Image Recognition. CVPR 2016",
  .bibtex = "@inproceedings{he2016resnet,\n"
            "  title = {Deep Residual Learning for Image Recognition},\n"
            "  author = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},\n"
            "  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},\n"
            "  pages = {770--778},\n"
            "  year = {2016}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
