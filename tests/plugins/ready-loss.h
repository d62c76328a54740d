/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loss plugin made ready, for the tests of losses.
 */
#ifndef TEST_READY_LOSS_H
#define TEST_READY_LOSS_H

#include "../train/near.h"
#include "plugins/family.h"
#include "run/config.h"
#include "train/losses.h"

#include <math.h>

enum { K = 4, N = 24 };

static const double counts[K] = { 1000, 300, 50, 10 }, even[K] = { 25, 25, 25, 25 };
static const float logits[K] = { 1.2f, -0.4f, 0.7f, 0.1f };

/* A loss with options, made ready for K classes or more. */
typedef struct Ready {
  const LodeLossOps *ops;
  LodeLoss *loss;
  LodeCriterion criterion;
  GPtrArray *owner;
} Ready;

static inline Ready
ready_for (const char *name, const char *options, uint32_t k, const double *count)
{
  const LodeLoaded *loaded = test_load ("loss", name);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeNode *group = *options ? lode_config_parse_text ("test", options, errors) : NULL;
  Ready ready = { .ops = loaded->ops, .owner = g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (errors->len, ==, 0);
  ready.loss = ready.ops->create (NULL, test_conf (loaded, group, ready.owner), &error);
  g_assert_no_error (error);
  g_assert_true (
      lode_criterion_prepare (&ready.criterion, ready.ops, ready.loss, k, count, &error));
  g_assert_no_error (error);
  return ready;
}

static inline void
ready_clear (Ready *ready)
{
  lode_criterion_clear (&ready->criterion);
  ready->ops->destroy (ready->loss);
  g_ptr_array_unref (ready->owner);
}

#endif
