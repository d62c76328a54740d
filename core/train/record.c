/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a choice is recorded as, and whether weight sets have what it reads.
 */
#include "train/private.h"

#include "error.h"
#include <string.h>

static bool
is_recorded (const Net *net, const uint64_t *mask, uint32_t with)
{
  uint32_t n = net_space_of (net)->n;

  if (!net->ready || net->with != with || net->masked != (mask != NULL))
    return false;
  return !mask || n == 0 || memcmp (net->recorded, mask, n * sizeof *mask) == 0;
}

bool
lode_net_record (Net *net, const uint64_t *mask, uint32_t with, GError **error)
{
  const LodeSpace *space = net_space_of (net);

  if (!mask)
    mask = net->mask;
  if (is_recorded (net, mask, with))
    return true;
  net->ready = false;
  lode_record_reset (net->record, space, mask);
  if (!lode_assembly_record (&net->assembly, net->record, with, &net->outputs, error))
    return false;
  net->touched = g_renew (bool, net->touched, (size_t) lode_layout_count (net->weights) + 1);
  lode_record_touched (net->record, net->touched);
  if (mask && space->n)
    memcpy (net->recorded, mask, space->n * sizeof *mask);
  net->masked = mask != NULL;
  net->with = with;
  net->revision = UINT64_MAX;
  return net->ready = true;
}

static bool
trains_backbone (const Net *net)
{
  for (uint32_t i = 0; i < lode_layout_count (net->weights); i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);

    if (net->touched[i] && !slot->frozen && g_str_has_prefix (slot->name, "backbone."))
      return true;
  }
  return false;
}

bool
lode_net_is_deep (Net *net, uint32_t grad)
{
  if (grad & LODE_GRAD_GATES && net_space_of (net)->options)
    return true;
  if (!(grad & LODE_GRAD_WEIGHTS))
    return false;
  if (net->revision != lode_layout_revision (net->weights)) {
    net->deep = trains_backbone (net);
    net->revision = lode_layout_revision (net->weights);
  }
  return net->deep;
}

static bool
refuse_set (GError **error, const char *what)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "net: the %s set belongs to another net, or to this one before its head was "
               "replaced; make it anew",
               what);
  return false;
}

bool
lode_net_check_sets (const Net *net, const LodeParams *at, const LodeParams *grad,
                     const LodeStats *stats, GError **error)
{
  const LodeParamSet *weights = (const LodeParamSet *) at;

  if (weights && weights->layout != net->weights)
    return refuse_set (error, "weight");
  if (grad && ((const LodeParamSet *) grad)->layout != net->weights)
    return refuse_set (error, "gradient");
  if (stats && ((const LodeStatSet *) stats)->layout != net->norms)
    return refuse_set (error, "statistics");
  for (uint32_t i = 0; weights && i < weights->slots; i++)
    if (net->touched[i] && !weights->at[i]) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                   "net: the weight set lacks \"%s\", which the choice uses; copy the weights of "
                   "this choice, or all of them",
                   lode_layout_slot (net->weights, i)->name);
      return false;
    }
  return true;
}
