/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains a network from fresh weights by the `fit` group: of the architecture at the port `arch`,
 * or the one network of a backbone without decisions.
 */
#include <lode/lode.h>

typedef struct Conf {
  bool aux, drop_path;
} Conf;

struct LodeStage {
  const LodeHost *host;
  uint8_t *arch;  /* [space.n], or NULL: nothing to decide */
  uint64_t *mask; /* [space.n] its bits, or NULL */
  LodeNet *net;
  LodeFit *fit;
  bool validates, classes; /* classes: targets are */
};

static LodeChoice
choice_of (const LodeStage *stage)
{
  return (LodeChoice){ .size = sizeof (LodeChoice), .mask = stage->mask };
}

static void
train_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  lode_fit_free (stage->fit);
  lode_net_free (stage->net);
  g_free (stage->mask);
  g_free (stage->arch);
  g_free (stage);
}

/* Reads the architecture where the space has something to decide. */
static bool
read_choice (LodeStage *stage, GError **error)
{
  const LodeSpace *space = lode_stage_space (stage->host);
  g_autofree char *path = NULL;
  GError *failure = NULL;

  if (space->n == 0)
    return true;
  path = lode_art_path (stage->host, "arch", 0, &failure);
  if (!path && !failure)
    g_set_error_literal (
        &failure, g_quark_from_static_string ("lode-train"), 0,
        "stage train: the backbone has decisions; connect an architecture with arch = \"<stage or "
        "file>\";");
  if (failure) {
    g_propagate_error (error, failure);
    return false;
  }
  stage->arch = g_new0 (uint8_t, space->n);
  if (!lode_arch_read (stage->host, "arch", 0, stage->arch, error))
    return false;
  stage->mask = g_new0 (uint64_t, space->n);
  lode_space_one (space, stage->arch, stage->mask);
  return true;
}

static bool
open_all (LodeStage *stage, const Conf *conf, GError **error)
{
  LodeChoice choice;
  LodeNetIn in = { .size = sizeof in, .aux = conf->aux, .drop_path = conf->drop_path };

  if (!read_choice (stage, error))
    return false;
  choice = choice_of (stage);
  in.choice = stage->mask ? &choice : NULL;
  return (stage->net = lode_net_new (stage->host, &in, error))
         && (stage->fit = lode_fit_new (stage->host, stage->net, in.choice, error));
}

/* A run may train on everything: without a validation split there is no figure to report. */
static void
look_at_validation (LodeStage *stage)
{
  LodeStream *stream = lode_stream_open (stage->host, LODE_ROLE_VALID, NULL);
  const LodeBatch *batch = stream ? lode_stream_next (stream, NULL) : NULL;

  stage->validates = batch != NULL;
  stage->classes = batch && batch->label;
  if (batch)
    lode_stream_release (stream, batch);
  lode_stream_close (stream);
}

static LodeStage *
train_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  stage->host = host;
  if (!open_all (stage, conf, error)) {
    train_destroy (stage);
    return NULL;
  }
  look_at_validation (stage);
  return stage;
}

/* Real targets have a loss alone. */
static bool
validate (LodeStage *stage, const LodeChoice *choice, GError **error)
{
  double value;

  if (stage->classes)
    return lode_valid_figures (stage->host, stage->net, choice, error);
  if (!lode_net_measure (stage->net, choice, NULL, "loss", &value, error))
    return false;
  lode_result (stage->host, "valid_loss", value);
  return true;
}

/* The size of what was trained. */
static bool
report_cost (const LodeStage *stage, GError **error)
{
  const uint8_t none[1] = { 0 };
  uint64_t macs, params;

  if (!lode_cost (stage->host, stage->arch ? stage->arch : none, &macs, &params, error))
    return false;
  lode_result (stage->host, "macs", (double) macs);
  lode_result (stage->host, "params", (double) params);
  return true;
}

static bool
hand_on (LodeStage *stage, GError **error)
{
  LodeChoice choice = choice_of (stage);

  if (stage->validates && !validate (stage, &choice, error))
    return false;
  return report_cost (stage, error)
         && lode_net_save (stage->host, "net", stage->net, stage->mask ? &choice : NULL, error);
}

static bool
train_step (LodeStage *stage, LodeProgress *progress, GError **error)
{
  return lode_fit_step (stage->fit, progress, error) && (!progress->end || hand_on (stage, error));
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, aux, .number = 0,
               .doc = "with the backbone's auxiliary head; its weight is fit.aux_weight"),
  LODE_OPTION (Conf, drop_path, .number = 0,
               .doc = "with drop-path where the backbone has it, at fit.drop_path"),
};

static const LodePort in[] = { { "arch", LODE_ART_ARCH, false, false },
                               { "teacher", LODE_ART_NET, false, false },
                               { NULL } };
static const LodePort out[] = { { "net", LODE_ART_NET, true, false }, { NULL } };

static const LodeStageOps ops = {
  .size = sizeof (LodeStageOps),
  .gives = LODE_LABELS | LODE_SEEN | LODE_FEATURES | LODE_PROBS | LODE_EMBEDDING | LODE_VALID
           | LODE_TEACHER,
  .in = in,
  .out = out,
  .create = train_create,
  .destroy = train_destroy,
  .step = train_step,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "stage",
  .name = "train",
  .version = "1.0",
  .summary = "trains one network from fresh weights",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
