/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pass: forward at a weight set, the loss of the batch, backward for what is wanted.
 *
 * What comes out of the arena (logits, features, probabilities) is copied before anything else may
 * run. A loss or gradient that is not finite undoes what the pass wrote.
 */
#include "train/private.h"

#include "error.h"
#include "train/optim.h"
#include <math.h>
#include <string.h>

enum { NAMED = 8 }; /* examples that an error names */

void
lode_net_not_finite (const LodeBatch *batch, double loss, const char *what, GError **error)
{
  g_autoptr (GString) examples = g_string_new (NULL);

  for (uint32_t i = 0; i < batch->n && i < NAMED; i++)
    g_string_append_printf (examples, "%s%u", i ? ", " : "", batch->index[i]);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
               "%s not finite: loss %g on the batch of key %016" G_GINT64_MODIFIER
               "x with examples %s%s; lower the rate, bound the gradient (fit.clip), or look at "
               "these examples",
               what, loss, batch->key, examples->str, batch->n > NAMED ? " …" : "");
}

static bool
refuse_label (const LodeBatch *batch, uint32_t i, uint32_t k, GError **error)
{
  if (batch->label[i] < 0)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "net: example %u of the batch has no label, which a loss needs; leave unlabelled "
                 "examples out of this split",
                 batch->index[i]);
  else
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "net: example %u is of class %d, the head has %u; make a head for all classes of "
                 "the data",
                 batch->index[i], batch->label[i], k);
  return false;
}

bool
lode_net_labelled (const Net *net, const LodeBatch *batch, bool required, bool *labelled,
                   GError **error)
{
  int64_t k = net->criterion.k;

  *labelled = true;
  for (uint32_t i = 0; batch->label && i < batch->n; i++) {
    if (batch->label[i] >= k || (required && batch->label[i] < 0))
      return refuse_label (batch, i, (uint32_t) k, error);
    *labelled = *labelled && batch->label[i] >= 0;
  }
  return true;
}

static bool
check_batch (const Net *net, const LodeBatch *batch, GError **error)
{
  const LodeShape *want = &net->assembly.input, *have = &batch->shape;

  if (batch->n && have->h == want->h && have->w == want->w && have->c == want->c)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "net: a batch of %u samples of %u × %u × %u; expected at least one of %u × %u × %u",
               batch->n, have->h, have->w, have->c, want->h, want->w, want->c);
  return false;
}

/* A backbone fed by the example's index knows the pool's examples only. */
static bool
check_index (const Net *net, const LodeBatch *batch, GError **error)
{
  if (batch->role == LODE_ROLE_WEIGHTS || batch->role == LODE_ROLE_CALIBRATE
      || !lode_record_reads_index (net->record))
    return true;
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                       "net: the backbone is fed by the example's index, which only examples of "
                       "the training split have; validate and test nothing with it");
  return false;
}

static bool
record (Net *net, const NetRun *run, GError **error)
{
  double begun = lode_engine_now (net->spec.engine);
  bool ok = lode_net_record (net, run->mask, run->with, error);

  lode_engine_recorded (net->spec.engine, begun);
  return ok;
}

bool
lode_net_forward (Net *net, NetRun *run, GError **error)
{
  const LodeBatch *batch = run->batch;
  LodeBind *bind = &run->bind;

  if (!check_batch (net, batch, error) || !record (net, run, error)
      || !check_index (net, batch, error)
      || !lode_net_check_sets (net, bind->weights, bind->grad, bind->stats, error))
    return false;
  run->program = lode_engine_program (net->spec.engine, net->record, batch->n, run->grad, error);
  if (!run->program)
    return false;
  bind->image = batch->pixel;
  bind->index = batch->index;
  bind->key = batch->key;
  lode_program_forward (run->program, bind);
  run->logit = lode_program_output (run->program, 0, NULL);
  if (net->spec.count)
    net->spec.count (net->spec.data_, batch->n, lode_record_macs (net->record),
                     lode_net_is_deep (net, run->grad));
  return true;
}

float *
lode_net_value (Net *net, uint32_t n)
{
  if (n > net->value_room) {
    net->value_room = n;
    net->value = g_renew (float, net->value, n);
  }
  return net->value;
}

static bool
check_pass (const Net *net, const LodePass *pass, GError **error)
{
  const char *what = NULL;

  if (pass->want & LODE_WEIGHTS && !pass->grad)
    what = "the gradient of the weights is wanted, but no set to write it to is given";
  else if (pass->want & LODE_GATES && !pass->dgate)
    what = "the gradient of the gates is wanted, but no array to write it to is given";
  else if (pass->want & LODE_STORED && pass->want & LODE_TRACK)
    what = "the statistics can be used as stored or tracked, not both";
  else if (pass->want & LODE_AUX && !net->in.aux)
    what = "the auxiliary loss is wanted, but the net was made without that head; set aux";
  else if (pass->grad && pass->grad == (pass->at ? pass->at : net->params))
    what = "the gradient would overwrite the weights it is taken at";
  if (what)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "net: %s", what);
  return !what;
}

static void
set_run (Net *net, const LodeBatch *batch, const LodeChoice *choice, const LodePass *pass,
         NetRun *run)
{
  run->batch = batch;
  run->mask = choice ? choice->mask : NULL;
  run->with =
      (pass->want & LODE_AUX ? LODE_WITH_AUX : 0) | (pass->feature ? LODE_WITH_FEATURES : 0);
  run->grad = (pass->want & LODE_WEIGHTS ? LODE_GRAD_WEIGHTS : 0)
              | (pass->want & LODE_GATES ? LODE_GRAD_GATES : 0);
  run->bind = (LodeBind){
    .weights = pass->at ? pass->at : net->params,
    .stats = pass->stats ? pass->stats : net->stats,
    .mode = pass->want & LODE_STORED  ? LODE_STATS_STORED
            : pass->want & LODE_TRACK ? LODE_STATS_TRACK
                                      : LODE_STATS_BATCH,
    .gate = choice ? choice->gate : NULL,
    .drop = choice ? choice->drop : NULL,
    .drop_path = pass->drop_path,
    .grad = pass->want & LODE_WEIGHTS ? pass->grad : NULL,
    .dgate = pass->want & LODE_GATES ? pass->dgate : NULL,
  };
}

/* Rows without a class are no hits. */
static uint32_t
count_correct (const Net *net, const NetRun *run, uint8_t *hit)
{
  const int32_t *label = run->batch->label;
  uint32_t k = net->criterion.k, correct = 0;

  for (uint32_t i = 0; i < run->batch->n; i++) {
    bool right =
        label && label[i] >= 0 && lode_correct (1, k, run->logit + (size_t) i * k, label + i) > 0;

    correct += right;
    if (hit)
      hit[i] = right;
  }
  return correct;
}

/* What leaves the arena. */
static void
copy_out (Net *net, const NetRun *run, LodePass *pass)
{
  uint32_t n = run->batch->n, k = net->criterion.k, width;

  pass->n = n;
  pass->correct = count_correct (net, run, pass->hit);
  if (pass->logit)
    memcpy (pass->logit, run->logit, (size_t) n * k * sizeof (float));
  if (pass->feature) {
    const float *feature =
        lode_program_output (run->program, (uint32_t) net->outputs.feature, &width);

    memcpy (pass->feature, feature, (size_t) n * width * sizeof (float));
  }
}

/* The loss of the auxiliary logits, and its gradient, both times their weight. */
static double
auxiliary_loss (Net *net, const NetRun *run, const LodePass *pass, double smoothing)
{
  uint32_t at = (uint32_t) net->outputs.aux, k = net->criterion.k;
  size_t n = run->batch->n;
  float *grad = run->grad ? lode_program_output_grad (run->program, at) : NULL;
  g_autofree float *value = g_new (float, n);
  LodeReduced reduced = lode_criterion_run (
      net_criterion_of (net, run->batch->role), lode_engine_threads (net->spec.engine), run->batch,
      lode_program_output (run->program, at, NULL), NULL, smoothing, value, grad);

  for (size_t i = 0; grad && i < n * k; i++)
    grad[i] *= pass->aux_weight;
  return (double) pass->aux_weight * lode_reduced_mean (reduced);
}

/* Leaves the row losses in net->value and the gradients where backward begins. */
static double
batch_loss (Net *net, const NetRun *run, const LodePass *pass)
{
  double smoothing = run->grad ? net->spec.label_smoothing : 0, loss;
  float *grad = run->grad ? lode_program_output_grad (run->program, 0) : NULL;
  LodeReduced reduced = lode_criterion_run (
      net_criterion_of (net, run->batch->role), lode_engine_threads (net->spec.engine), run->batch,
      run->logit, pass->teacher, smoothing, lode_net_value (net, run->batch->n), grad);

  loss = lode_reduced_mean (reduced);
  if (net->outputs.aux >= 0)
    loss += auxiliary_loss (net, run, pass, smoothing);
  return loss;
}

/* Probabilities are made before backward takes the arena's place. */
static void
keep_probabilities (Net *net, const NetRun *run)
{
  size_t size = (size_t) run->batch->n * net->criterion.k;

  if (size > net->prob_room) {
    net->prob_room = size;
    net->prob = g_renew (float, net->prob, size);
  }
  lode_softmax (lode_engine_threads (net->spec.engine), run->batch->n, net->criterion.k, run->logit,
                net->prob);
}

static void
observe (const Net *net, const LodeBatch *batch)
{
  LodeSeen seen = { .size = sizeof seen,
                    .n = batch->n,
                    .k = net->criterion.k,
                    .index = batch->index,
                    .label = batch->label,
                    .prob = net->prob,
                    .loss = net->value };

  net->spec.observe (net->spec.data_, &seen);
}

static bool
check_gradient (const Net *net, const NetRun *run, double loss, GError **error)
{
  const LodeParams *grad = run->bind.grad;
  uint32_t options = net_space_of (net)->options;
  int32_t bad = -1;

  if (grad && !isfinite (lode_params_square (net->spec.engine, grad, &bad))) {
    const LodeSlot *slot = lode_layout_slot (net->weights, (uint32_t) MAX (bad, 0));
    g_autofree char *what = g_strdup_printf ("net: the gradient of \"%s\" is", slot->name);

    lode_net_not_finite (run->batch, loss, what, error);
    return false;
  }
  for (uint32_t o = 0; run->bind.dgate && o < options; o++)
    if (!isfinite (run->bind.dgate[o])) {
      lode_net_not_finite (run->batch, loss, "net: the gradient of a gate is", error);
      return false;
    }
  return true;
}

/* The loss, and backward; what was written is checked before anyone may use it. */
static bool
finish_pass (Net *net, NetRun *run, LodePass *pass, bool labelled, GError **error)
{
  bool observed = pass->want & LODE_OBSERVE && net->spec.observe && run->batch->label
                  && run->batch->role == LODE_ROLE_WEIGHTS;

  copy_out (net, run, pass);
  pass->loss = labelled ? batch_loss (net, run, pass) : NAN;
  if (!labelled)
    return true;
  if (!isfinite (pass->loss)) {
    lode_net_not_finite (run->batch, pass->loss, "net: the loss is", error);
    return false;
  }
  if (observed)
    keep_probabilities (net, run);
  if (run->grad) {
    lode_program_backward (run->program, &run->bind);
    if (!check_gradient (net, run, pass->loss, error))
      return false;
  }
  if (observed)
    observe (net, run->batch);
  return true;
}

bool
lode_net_run_pass (LodeNet *base, const LodeBatch *batch, const LodeChoice *choice, LodePass *pass,
                   GError **error)
{
  Net *net = (Net *) base;
  NetRun run = { 0 };
  bool labelled, tracks = pass->want & LODE_TRACK, ok;

  if (!check_pass (net, pass, error)
      || !lode_net_labelled (net, batch, pass->want & (LODE_WEIGHTS | LODE_GATES | LODE_OBSERVE),
                             &labelled, error))
    return false;
  set_run (net, batch, choice, pass, &run);
  if (!lode_net_check_sets (net, NULL, NULL, run.bind.stats, error))
    return false;
  if (tracks && !net->spare)
    net->spare = lode_statset_new (net->norms);
  if (tracks)
    lode_statset_copy (net->spare, run.bind.stats);
  ok = lode_net_forward (net, &run, error) && finish_pass (net, &run, pass, labelled, error);
  if (!ok && tracks)
    lode_statset_copy (run.bind.stats, net->spare);
  if (!ok && run.program && run.bind.grad)
    lode_params_clear (run.bind.grad);
  return ok;
}
