/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loss that fills its class table with what a test says, and criteria made of it.
 */
#ifndef TEST_TRAIN_FAKE_LOSS_H
#define TEST_TRAIN_FAKE_LOSS_H

#include "error.h"
#include "near.h"
#include "train/losses.h"

#include <math.h>
#include <string.h>

enum { MOST = 16 };

/* A loss that fills the table with what the test says. */
struct LodeLoss {
  uint32_t k;
  float scale[MOST], shift[MOST], margin[MOST], weight[MOST];
  bool by_label, fails;
  float cosine;
};

static inline LodeLoss
loss_new (uint32_t k)
{
  LodeLoss loss = { .k = k };

  for (uint32_t c = 0; c < k; c++)
    loss.scale[c] = loss.weight[c] = 1;
  return loss;
}

static inline bool
fake_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
              GError **error)
{
  (void) count, (void) error;
  if (!loss)
    return true;
  for (uint32_t c = 0; c < k; c++) {
    g_assert_true (table->scale[c] == 1 && table->weight[c] == 1);
    g_assert_true (table->shift[c] == 0 && table->margin[c] == 0);
  }
  memcpy (table->scale, loss->scale, k * sizeof (float));
  memcpy (table->shift, loss->shift, k * sizeof (float));
  memcpy (table->margin, loss->margin, k * sizeof (float));
  memcpy (table->weight, loss->weight, k * sizeof (float));
  table->by_label = loss->by_label;
  table->cosine = loss->cosine;
  return !loss->fails;
}

static const LodeLossOps table_ops = { .size = sizeof table_ops, .prepare = fake_prepare };

static inline LodeCriterion
prepare (LodeLoss *loss, const LodeLossOps *ops, uint32_t k)
{
  LodeCriterion criterion = { 0 };
  GError *error = NULL;

  g_assert_true (lode_criterion_prepare (&criterion, ops, loss, k, NULL, &error));
  g_assert_no_error (error);
  return criterion;
}

#endif
