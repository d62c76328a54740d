/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multi-layer perceptron: linear layers with ReLU on the flattened sample. The last hidden
 * layer's output are the features.
 */
#include <lode/lode.h>

typedef struct Conf {
  LodeReals hidden;
} Conf;

struct LodeBackbone {
  size_t layers;
  uint32_t *width; /* [layers] */
};

static const LodeSpace one = { .size = sizeof (LodeSpace), .stride = sizeof (LodeDecision) };

static bool
mlp_build (const LodeBackbone *mlp, LodeGraph *graph, LodeBuild *build, GError **error)
{
  LodeValue x = build->image;

  (void) error;
  for (size_t i = 0; i < mlp->layers; i++) {
    char name[32];

    g_snprintf (name, sizeof name, "hidden.%zu", i);
    x = lode_relu (graph, lode_linear (graph, name, x, mlp->width[i], true));
  }
  build->features = x;
  return true;
}

static bool
check (const LodeReals *hidden, GError **error)
{
  if (hidden->n == 0) {
    g_set_error_literal (
        error, g_quark_from_static_string ("lode-mlp"), 0,
        "backbone mlp: hidden is empty; name at least one layer, as in hidden = [ 128 ];");
    return false;
  }
  for (size_t i = 0; i < hidden->n; i++)
    if (hidden->at[i] < 1 || floor (hidden->at[i]) < hidden->at[i]) {
      g_set_error (error, g_quark_from_static_string ("lode-mlp"), 0,
                   "backbone mlp: hidden[%zu] = %g; a width is a whole number above 0", i,
                   hidden->at[i]);
      return false;
    }
  return true;
}

static LodeBackbone *
mlp_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  const LodeReals *hidden = &((const Conf *) conf)->hidden;
  LodeBackbone *mlp;

  (void) host;
  (void) input;
  if (!check (hidden, error))
    return NULL;
  mlp = g_new0 (LodeBackbone, 1);
  mlp->layers = hidden->n;
  mlp->width = g_new (uint32_t, hidden->n);
  for (size_t i = 0; i < hidden->n; i++)
    mlp->width[i] = (uint32_t) hidden->at[i];
  return mlp;
}

static void
mlp_destroy (LodeBackbone *mlp)
{
  if (!mlp)
    return;
  g_free (mlp->width);
  g_free (mlp);
}

static const LodeSpace *
mlp_space (const LodeBackbone *mlp)
{
  (void) mlp;
  return &one;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, hidden, .text = "128, 64", .min = 1, .max = 65536, .unit = "units",
               .doc = "widths of the hidden layers, first to last"),
};

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE,
  .create = mlp_create,
  .destroy = mlp_destroy,
  .space = mlp_space,
  .build = mlp_build,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "backbone",
  .name = "mlp",
  .version = "1.0",
  .summary = "multi-layer perceptron with ReLU",
  .license = "Apache-2.0",
  .reference = "D. E. Rumelhart, G. E. Hinton, R. J. Williams. Learning representations by "
               "back-propagating errors. "
               "Nature 323, 1986",
  .bibtex = "@article{rumelhart1986learning,\n"
            "  title = {Learning representations by back-propagating errors},\n"
            "  author = {Rumelhart, David E. and Hinton, Geoffrey E. and Williams, Ronald J.},\n"
            "  journal = {Nature},\n"
            "  volume = {323},\n"
            "  pages = {533--536},\n"
            "  year = {1986}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
