/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squared loss in rows, whose gradient and value the files beside this one spoil.
 */
#ifndef CHECK_BAD_LOSS_H
#define CHECK_BAD_LOSS_H

#include "bad.h"

static inline LodeLoss *
bad_create (const LodeHost *host, const void *conf, GError **error)
{
  (void) host;
  (void) conf;
  (void) error;
  return (LodeLoss *) g_malloc0 (40);
}

static inline void
bad_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static inline bool
bad_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  (void) loss;
  (void) k;
  (void) count;
  (void) table;
  (void) error;
  return true;
}

/* Σ_c (z_c − t_c)² of a row, its gradient times `factor`. */
static inline float
square (const LodeLossIn *in, uint32_t i, double factor, float *grad)
{
  double sum = 0;

  for (uint32_t c = 0; c < in->k; c++) {
    size_t at = (size_t) i * in->k + c;
    double t = in->target ? (double) in->target[at] : in->label[i] == (int32_t) c;
    double off = (double) in->logit[at] - t;

    sum += off * off;
    grad[at] = (float) (factor * 2 * off);
  }
  return (float) sum;
}

#endif
