/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net's life: made from a description, its head replaced, parts of it frozen, its sets copied.
 *
 * A head of another size is a layout of its own: sets made before keep the old one and are refused
 * by passes from then on. The net's own set keeps its address.
 */
#include "train/private.h"

#include "error.h"
#include <string.h>

static const LodeNetCalls net_calls;

static uint32_t
outputs_of (const LodeNetSpec *spec, const LodeNetIn *in)
{
  uint32_t targets = lode_data_targets (spec->data);

  return targets ? targets : in->classes ? in->classes : lode_data_classes (spec->data);
}

static bool
check_classes (const LodeNetSpec *spec, uint32_t classes, GError **error)
{
  uint32_t targets = lode_data_targets (spec->data);

  if (!targets || classes == targets)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "net: a head for %u classes, but the data have %u real targets; leave classes out",
               classes, targets);
  return false;
}

double *
lode_net_counts (const LodeNetSpec *spec, uint32_t k, const double *count)
{
  double *out;

  if (lode_data_targets (spec->data))
    return NULL;
  if (!count && lode_data_classes (spec->data) == k)
    count = lode_data_class_counts (spec->data);
  out = g_new (double, k);
  for (uint32_t i = 0; i < k; i++)
    out[i] = count ? count[i] : 1;
  return out;
}

void
lode_net_assemble (const LodeNetSpec *spec, const LodeNetIn *in, const LodeCriterion *criterion,
                   LodeAssembly *assembly)
{
  *assembly = (LodeAssembly){ .family = { spec->backbone_ops, spec->backbone },
                              .input = lode_data_shape (spec->data),
                              .outputs = criterion->k,
                              .examples = lode_data_count (spec->data, LODE_ROLE_WEIGHTS),
                              .depth = in->depth,
                              .width = in->width,
                              .cosine = criterion->table.cosine,
                              .shared = in->shared,
                              .drop_path = in->drop_path };
}

static bool
prepare_loss (const LodeNetSpec *spec, uint32_t k, const double *count, LodeCriterion *criterion,
              GError **error)
{
  if (k > 0) {
    bool ok = lode_criterion_prepare (criterion, spec->loss_ops, spec->loss, k, count, error);

    if (ok)
      lode_criterion_reweight (criterion, &spec->reweight, count);
    return ok;
  }
  g_set_error_literal (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
      "net: a head for 0 classes, since the data carry no labels; label some of them, or "
      "name the classes they may have");
  return false;
}

/* The architecture's loss is content with a linear head, or with the one that the loss asks for. */
static bool
check_heads (const LodeCriterion *own, const LodeCriterion *arch, GError **error)
{
  if (!(arch->table.cosine > 0) || arch->table.cosine == own->table.cosine)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "net: arch_loss asks for a cosine head of scale %g, loss for %s%.6g; give both the "
               "same head",
               (double) arch->table.cosine,
               own->table.cosine > 0 ? "one of scale " : "a linear one, ",
               (double) own->table.cosine);
  return false;
}

/* Both losses of a net; what was prepared before stays if either fails. */
static bool
prepare_losses (const LodeNetSpec *spec, uint32_t k, const double *count, LodeCriterion *own,
                LodeCriterion *arch, GError **error)
{
  LodeCriterion first = { 0 }, second = { 0 };
  LodeForce force = own->force;
  bool ok = prepare_loss (spec, k, count, &first, error)
            && (!spec->arch_loss_ops
                || (lode_criterion_prepare (&second, spec->arch_loss_ops, spec->arch_loss, k, count,
                                            error)
                    && check_heads (&first, &second, error)));

  if (!ok) {
    lode_criterion_clear (&first);
    lode_criterion_clear (&second);
    return false;
  }
  if (own->memory)
    lode_criterion_force (&first, &force);
  lode_criterion_clear (own);
  lode_criterion_clear (arch);
  *own = first;
  *arch = second;
  return true;
}

bool
lode_net_assembly (const LodeNetSpec *spec, const LodeNetIn *in, LodeAssembly *assembly,
                   GError **error)
{
  uint32_t k = outputs_of (spec, in);
  g_autofree double *count = lode_net_counts (spec, k, NULL);
  LodeCriterion criterion = { 0 };

  if ((in->classes && !check_classes (spec, in->classes, error))
      || !prepare_loss (spec, k, count, &criterion, error))
    return false;
  lode_net_assemble (spec, in, &criterion, assembly);
  lode_criterion_clear (&criterion);
  return true;
}

bool
lode_net_cost (const LodeNetSpec *spec, const LodeNetIn *in, uint64_t *macs, uint64_t *params,
               GError **error)
{
  LodeAssembly assembly;
  g_autoptr (LodeCost) cost = NULL;

  if (!lode_net_assembly (spec, in, &assembly, error))
    return false;
  cost = lode_cost_new (&assembly);
  return lode_cost_mask (cost, in->choice ? in->choice->mask : NULL, macs, params, error);
}

/* Records the whole net into fresh layouts of weights (and of statistics, where there are none
 * yet), which then are complete. */
static bool
learn_layout (Net *net, GError **error)
{
  const LodeSpace *space = net_space_of (net);

  net->weights = lode_layout_new ();
  if (!net->norms)
    net->norms = lode_layout_new ();
  net->record = lode_record_new (net->weights, net->norms, space, net->mask);
  net->ready = false;
  if (!lode_net_record (net, NULL, net->in.aux ? LODE_WITH_AUX : 0, error))
    return false;
  if (net->in.aux && net->outputs.aux < 0) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                         "net: the backbone has no auxiliary output; set aux = false");
    return false;
  }
  lode_layout_seal (net->weights, true);
  lode_layout_seal (net->norms, true);
  return true;
}

static bool
build (Net *net, GError **error)
{
  net->count = lode_net_counts (&net->spec, net->in.classes, NULL);
  if (!prepare_losses (&net->spec, net->in.classes, net->count, &net->criterion, &net->arch, error))
    return false;
  lode_net_assemble (&net->spec, &net->in, &net->criterion, &net->assembly);
  if (!learn_layout (net, error))
    return false;
  net->params = lode_params_new (net->weights, NULL);
  lode_params_init (net->params, net->spec.seed, net->in.id);
  net->stats = lode_statset_new (net->norms);
  return true;
}

LodeNet *
lode_net_make (const LodeNetSpec *spec, const LodeNetIn *in, GError **error)
{
  const LodeSpace *space = spec->backbone_ops->space (spec->backbone);
  Net *net;

  if (in->classes && !check_classes (spec, in->classes, error))
    return NULL;
  net = g_new0 (Net, 1);
  net->base.calls = &net_calls;
  net->spec = *spec;
  net->in = *in;
  net->in.from = NULL;
  net->in.choice = NULL;
  net->in.classes = outputs_of (spec, in);
  net->assembly.family = (LodeArchFamily){ spec->backbone_ops, spec->backbone };
  net->recorded = g_new0 (uint64_t, (size_t) space->n + 1);
  if (in->choice && in->choice->mask) {
    net->mask = g_new0 (uint64_t, (size_t) space->n + 1);
    memcpy (net->mask, in->choice->mask, space->n * sizeof (uint64_t));
  }
  if (build (net, error))
    return &net->base;
  lode_net_free (&net->base);
  return NULL;
}

static void
net_free (LodeNet *base)
{
  Net *net = (Net *) base;

  lode_params_free (net->params);
  lode_stats_free (net->stats);
  lode_stats_free (net->spare);
  lode_record_free (net->record);
  lode_layout_unref (net->weights);
  lode_layout_unref (net->norms);
  lode_criterion_clear (&net->criterion);
  lode_criterion_clear (&net->arch);
  g_free (net->mask);
  g_free (net->count);
  g_free (net->recorded);
  g_free (net->touched);
  g_free (net->value);
  g_free (net->prob);
  g_free (net);
}

static LodeParams *
net_params (LodeNet *base)
{
  return ((Net *) base)->params;
}

static const LodeSpace *
net_space (const LodeNet *base)
{
  return net_space_of ((const Net *) base);
}

/* Weights that the old set has keep their values and stay frozen; the head's are drawn. */
static LodeParams *
carry_over (const Net *net, const LodeParamSet *old)
{
  LodeParams *params = lode_params_new (net->weights, NULL);
  LodeParamSet *set = (LodeParamSet *) params;
  g_autofree bool *fresh = g_new0 (bool, (size_t) set->slots + 1);
  LodeParams *head;

  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    int32_t from = lode_layout_find (old->layout, slot->name);

    fresh[i] = from < 0 || g_str_has_prefix (slot->name, "head.");
    if (from >= 0)
      lode_layout_freeze_slot (net->weights, i,
                               lode_layout_slot (old->layout, (uint32_t) from)->frozen);
    if (!fresh[i])
      memcpy (set->at[i], old->at[from], lode_slot_size (slot) * sizeof (float));
    set->touched[i] = true;
  }
  head = lode_params_new (net->weights, fresh);
  lode_params_init (head, net->spec.seed, net->in.id);
  lode_params_copy (params, head);
  lode_params_free (head);
  return params;
}

/* The new contents under the address that callers know. */
static void
take_place (LodeParams *own, LodeParams *fresh)
{
  LodeParamSet *a = (LodeParamSet *) own, *b = (LodeParamSet *) fresh, old = *a;

  *a = *b;
  *b = old;
  lode_params_free (fresh);
}

/* Everything that a head determines, in a copy of the net; the net itself only changes at the end.
 */
static bool
replace_head (Net *net, uint32_t k, GError **error)
{
  Net next = *net;

  next.in.classes = k;
  next.touched = NULL;
  next.weights = NULL;
  next.record = NULL;
  lode_net_assemble (&next.spec, &next.in, &next.criterion, &next.assembly);
  if (!learn_layout (&next, error)) {
    lode_record_free (next.record);
    lode_layout_unref (next.weights);
    g_free (next.touched);
    net->ready = false;
    return false;
  }
  take_place (net->params, carry_over (&next, (const LodeParamSet *) net->params));
  lode_record_free (net->record);
  lode_layout_unref (net->weights);
  g_free (net->touched);
  *net = next;
  return true;
}

static bool
net_head (LodeNet *base, uint32_t classes, const double *count, GError **error)
{
  Net *net = (Net *) base;
  g_autofree double *counts = NULL;

  if (!check_classes (&net->spec, classes, error))
    return false;
  counts = lode_net_counts (&net->spec, classes, count);
  if (!prepare_losses (&net->spec, classes, counts, &net->criterion, &net->arch, error))
    return false;
  if (!replace_head (net, classes, error)) {
    prepare_losses (&net->spec, net->in.classes, net->count, &net->criterion, &net->arch, NULL);
    return false;
  }
  g_free (net->count);
  net->count = g_steal_pointer (&counts);
  return true;
}

static void
net_freeze (LodeNet *base, const char *prefix, bool frozen)
{
  lode_layout_freeze (((Net *) base)->weights, prefix, frozen);
}

static LodeStats *
net_stats (LodeNet *base)
{
  return lode_statset_new (((Net *) base)->norms);
}

/* All of the set where the choice cannot be recorded: more than asked for, never less. */
static LodeParams *
net_dup (LodeNet *base, const LodeParams *params, const LodeChoice *choice)
{
  Net *net = (Net *) base;
  const LodeParamSet *set = (const LodeParamSet *) params;
  g_autofree bool *want = g_new0 (bool, (size_t) set->slots + 1);
  bool part = choice && set->layout == net->weights
              && lode_net_record (net, choice->mask, net->in.aux ? LODE_WITH_AUX : 0, NULL);
  LodeParams *copy;

  for (uint32_t i = 0; i < set->slots; i++)
    want[i] = set->at[i] && (!part || net->touched[i]);
  copy = lode_params_new (set->layout, want);
  lode_params_copy (copy, params);
  return copy;
}

const uint64_t *
lode_net_mask (const LodeNet *base)
{
  return ((const Net *) base)->mask;
}

LodeNetIn
lode_net_in (const LodeNet *base)
{
  return ((const Net *) base)->in;
}

LodeStats *
lode_net_stats (LodeNet *base)
{
  return ((Net *) base)->stats;
}

void
lode_net_force (LodeNet *base, const LodeForce *force)
{
  lode_criterion_force (&((Net *) base)->criterion, force);
}

LodeEngine *
lode_net_engine (const LodeNet *base)
{
  return ((const Net *) base)->spec.engine;
}

uint32_t
lode_net_outputs (const LodeNet *base)
{
  return ((const Net *) base)->criterion.k;
}

bool
lode_net_footprint (LodeNet *base, uint32_t batch, uint32_t grad, size_t *bytes, uint64_t *macs,
                    GError **error)
{
  Net *net = (Net *) base;
  LodeProgram *program;

  if (!lode_net_record (net, NULL, net->in.aux && grad ? LODE_WITH_AUX : 0, error))
    return false;
  program = lode_engine_program (net->spec.engine, net->record, batch, grad, error);
  if (!program)
    return false;
  *bytes = lode_program_bytes (program);
  *macs = lode_record_macs (net->record);
  return true;
}

static const LodeNetCalls net_calls = {
  .size = sizeof (LodeNetCalls),
  .free = net_free,
  .params = net_params,
  .space = net_space,
  .head = net_head,
  .freeze = net_freeze,
  .pass = lode_net_run_pass,
  .stats = net_stats,
  .recalibrate = lode_net_run_recalibrate,
  .measure = lode_net_run_measure,
  .dup = net_dup,
  .score = lode_net_run_score,
  .logits = lode_net_outputs,
};
