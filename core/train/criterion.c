/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Class tables: asked of a loss, checked, weighted anew, and as much of them in force as a schedule
 * says.
 */
#include "train/losses.h"

#include "error.h"
#include <lode/classes.h>

#include <math.h>
#include <string.h>

enum { SCALE, SHIFT, MARGIN, WEIGHT, ROWS };

static const LodeForce full = { 1, 1, 1 };

static const char *const row_names[ROWS] = { "scale", "shift", "margin", "weight" };

static LodeClassTable
table_over (float *memory, uint32_t k)
{
  return (LodeClassTable){ .size = sizeof (LodeClassTable),
                           .scale = memory + (size_t) SCALE * k,
                           .shift = memory + (size_t) SHIFT * k,
                           .margin = memory + (size_t) MARGIN * k,
                           .weight = memory + (size_t) WEIGHT * k };
}

/* memory: [4][k], as the table's arrays lie */
static bool
check_table (const LodeClassTable *table, const float *memory, uint32_t k, GError **error)
{
  for (uint32_t row = 0; row < ROWS; row++)
    for (uint32_t c = 0; c < k; c++) {
      float x = memory[(size_t) row * k + c];

      if (!isfinite (x)) {
        g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
                     "loss: the %s of class %u is %g, expected a finite number; check the loss's "
                     "options and the class counts",
                     row_names[row], c, (double) x);
        return false;
      }
      if (row == WEIGHT && x < 0) {
        g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                     "loss: the weight of class %u is %g, expected at least 0; check the loss's "
                     "options",
                     c, (double) x);
        return false;
      }
    }
  if (!isfinite (table->cosine) || table->cosine < 0) {
    g_set_error (error, LODE_RUN_ERROR,
                 isfinite (table->cosine) ? LODE_RUN_ERROR_CONFIG : LODE_RUN_ERROR_NUMBER,
                 "loss: the scale of the cosine head is %g, expected a number of at least 0; check "
                 "the loss's options",
                 (double) table->cosine);
    return false;
  }
  return true;
}

bool
lode_criterion_prepare (LodeCriterion *criterion, const LodeLossOps *ops, LodeLoss *loss,
                        uint32_t k, const double *count, GError **error)
{
  size_t size = (size_t) ROWS * MAX (k, 1);
  g_autofree float *memory = g_new0 (float, 2 * size);
  LodeClassTable table = table_over (memory, k), own;
  GError *failed = NULL;

  for (uint32_t c = 0; c < k; c++)
    table.scale[c] = table.weight[c] = 1;
  own = table;
  if (!ops->prepare (loss, k, count, &table, &failed)) {
    if (!failed)
      g_set_error (&failed, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                   "loss: it cannot be prepared for %u outputs, and does not say why", k);
    g_propagate_error (error, failed);
    return false;
  }
  own.by_label = table.by_label;
  own.cosine = table.cosine;
  if (!check_table (&own, memory, k, error))
    return false;
  lode_criterion_clear (criterion);
  *criterion = (LodeCriterion){ ops, loss, k, own, full, g_steal_pointer (&memory) };
  memcpy (criterion->memory + size, criterion->memory, size * sizeof (float));
  return true;
}

/* What the loss asked for: [4][k], behind the table in force. */
static float *
asked (const LodeCriterion *criterion)
{
  return criterion->memory + (size_t) ROWS * MAX (criterion->k, 1);
}

/* x = plain + t (own − plain), exact at both ends. */
static void
blend (uint32_t k, double plain, double t, const float *own, float *x)
{
  for (uint32_t c = 0; c < k; c++)
    x[c] = t < 1 ? (float) (plain + t * ((double) own[c] - plain)) : own[c];
}

static void
apply (LodeCriterion *criterion)
{
  const LodeForce *force = &criterion->force;
  const float *own = asked (criterion);
  LodeClassTable *table = &criterion->table;
  size_t k = criterion->k;

  blend (criterion->k, 1, force->scale, own + SCALE * k, table->scale);
  blend (criterion->k, 0, force->shift, own + SHIFT * k, table->shift);
  blend (criterion->k, 1, force->weight, own + WEIGHT * k, table->weight);
}

void
lode_criterion_force (LodeCriterion *criterion, const LodeForce *force)
{
  if (!memcmp (&criterion->force, force, sizeof *force))
    return;
  criterion->force = *force;
  apply (criterion);
}

void
lode_criterion_reweight (LodeCriterion *criterion, const LodeReweight *by, const double *count)
{
  uint32_t k = criterion->k;
  float *own = asked (criterion) + (size_t) WEIGHT * k;
  g_autofree double *weight = g_new (double, (size_t) k + 1);

  if (by->kind == LODE_REWEIGHT_NONE || !count)
    return;
  if (by->kind == LODE_REWEIGHT_INVERSE)
    lode_class_inverse (k, count, by->power, weight);
  else
    lode_class_inverse_effective (k, count, by->beta, weight);
  for (uint32_t c = 0; c < k; c++)
    weight[c] *= (double) own[c];
  lode_class_mean_one (k, weight);
  lode_class_put (k, weight, own);
  apply (criterion);
}

void
lode_criterion_clear (LodeCriterion *criterion)
{
  g_free (criterion->memory);
  *criterion = (LodeCriterion){ 0 };
}
