/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weighted softmax regression by limited-memory BFGS (Nocedal and Wright, algorithm 7.5), with
 * steps halved until the loss falls enough (Armijo).
 */
#include "error.h"
#include "linalg/factor.h"
#include "linalg/heads-private.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { MEMORY = 20, MOST_ROUNDS = 5000, MOST_HALVES = 50 };

typedef struct Softmax {
  LodeDesign design;
  int size;                   /* of Θ */
  double *logit;              /* [n][k] */
  double *grad, *next, *step; /* [size] */
  double *trial;
  double *s[MEMORY], *y[MEMORY], rho[MEMORY];
  uint32_t kept;
  double log_loss;
} Softmax;

/* The row's log loss; logits become c (probabilities − one-hot). */
static double
finish_row (double *z, uint32_t k, uint32_t label, double c)
{
  double most = z[0], sum = 0, loss;

  for (uint32_t t = 1; t < k; t++)
    most = MAX (most, z[t]);
  loss = most - z[label];
  for (uint32_t t = 0; t < k; t++)
    sum += z[t] = exp (z[t] - most);
  for (uint32_t t = 0; t < k; t++)
    z[t] = c * (z[t] / sum - (t == label));
  return c * (loss + log (sum));
}

static double
evaluate (Softmax *fit, const double *theta, double *grad)
{
  const LodeDesign *design = &fit->design;
  int n = (int) design->n, m = (int) design->m, k = (int) design->in->k;
  double loss = 0, penalty = 0;

  cblas_dgemm (CblasRowMajor, CblasNoTrans, CblasNoTrans, n, k, m, 1, design->x, m, theta, k, 0,
               fit->logit, k);
  for (uint32_t i = 0; i < design->n; i++)
    loss += finish_row (fit->logit + (size_t) i * (size_t) k, (uint32_t) k,
                        (uint32_t) design->in->label[i], lode_design_weight (design, i));
  cblas_dgemm (CblasRowMajor, CblasTrans, CblasNoTrans, m, k, n, 1, design->x, m, fit->logit, k, 0,
               grad, k);
  for (int j = 0; j < fit->size; j++) {
    double ridge = lode_design_ridge (design, (uint32_t) (j / k));

    penalty += ridge * theta[j] * theta[j];
    grad[j] += 2 * ridge * theta[j];
  }
  fit->log_loss = loss;
  return loss + penalty;
}

/* step = −H grad, from the last changes of Θ and of the gradient. */
static void
direct (Softmax *fit)
{
  double a[MEMORY];
  uint32_t many = MIN (fit->kept, MEMORY);

  memcpy (fit->step, fit->grad, (size_t) fit->size * sizeof (double));
  for (uint32_t i = 0; i < many; i++) {
    uint32_t at = (fit->kept - 1 - i) % MEMORY;

    a[at] = fit->rho[at] * cblas_ddot (fit->size, fit->s[at], 1, fit->step, 1);
    cblas_daxpy (fit->size, -a[at], fit->y[at], 1, fit->step, 1);
  }
  if (many) {
    uint32_t at = (fit->kept - 1) % MEMORY;

    cblas_dscal (fit->size,
                 1 / (fit->rho[at] * cblas_ddot (fit->size, fit->y[at], 1, fit->y[at], 1)),
                 fit->step, 1);
  } else
    cblas_dscal (fit->size, 1 / (1 + cblas_dnrm2 (fit->size, fit->grad, 1)), fit->step, 1);
  for (uint32_t i = many; i-- > 0;) {
    uint32_t at = (fit->kept - 1 - i) % MEMORY;
    double b = fit->rho[at] * cblas_ddot (fit->size, fit->y[at], 1, fit->step, 1);

    cblas_daxpy (fit->size, a[at] - b, fit->s[at], 1, fit->step, 1);
  }
  cblas_dscal (fit->size, -1, fit->step, 1);
}

static void
remember (Softmax *fit, double by)
{
  uint32_t at = fit->kept % MEMORY;
  double along;

  for (int j = 0; j < fit->size; j++) {
    fit->s[at][j] = by * fit->step[j];
    fit->y[at][j] = fit->next[j] - fit->grad[j];
  }
  along = cblas_ddot (fit->size, fit->s[at], 1, fit->y[at], 1);
  if (!(along > 1e-300))
    return;
  fit->rho[at] = 1 / along;
  fit->kept++;
}

/* One step; false: no step lowers the loss any more. */
static bool
advance (Softmax *fit, double *theta, double *loss)
{
  double slope, by = 1;

  direct (fit);
  slope = cblas_ddot (fit->size, fit->grad, 1, fit->step, 1);
  for (int half = 0; half < MOST_HALVES; half++, by /= 2) {
    double value;

    memcpy (fit->trial, theta, (size_t) fit->size * sizeof (double));
    cblas_daxpy (fit->size, by, fit->step, 1, fit->trial, 1);
    value = evaluate (fit, fit->trial, fit->next);
    if (value <= *loss + 1e-4 * by * slope && value < *loss) {
      remember (fit, by);
      memcpy (theta, fit->trial, (size_t) fit->size * sizeof (double));
      memcpy (fit->grad, fit->next, (size_t) fit->size * sizeof (double));
      *loss = value;
      return true;
    }
  }
  return false;
}

static uint32_t
iterate (Softmax *fit, double *theta)
{
  double loss = evaluate (fit, theta, fit->grad), first = cblas_dnrm2 (fit->size, fit->grad, 1);
  uint32_t round = 0;

  while (round < MOST_ROUNDS && cblas_dnrm2 (fit->size, fit->grad, 1) > 1e-10 * first
         && advance (fit, theta, &loss))
    round++;
  evaluate (fit, theta, fit->grad);
  return round;
}

bool
lode_head_softmax (const LodeHeadIn *in, double *theta, LodeHeadOut *out, GError **error)
{
  Softmax fit = { 0 };
  LodeHeadIn classes = *in;
  size_t size;
  uint32_t rounds;

  classes.target = NULL;
  if (!in->label) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "softmax regression: there are no labels; expected a class for each row");
    return false;
  }
  if (!lode_design_init (&fit.design, &classes, "softmax regression", error))
    return false;
  size = (size_t) fit.design.m * in->k;
  fit.size = (int) size;
  fit.logit = g_new (double, (size_t) in->n * in->k);
  fit.grad = g_new (double, (4 + 2 * MEMORY) * size);
  fit.next = fit.grad + size;
  fit.step = fit.next + size;
  fit.trial = fit.step + size;
  for (uint32_t i = 0; i < MEMORY; i++) {
    fit.s[i] = fit.trial + (2 * i + 1) * size;
    fit.y[i] = fit.s[i] + size;
  }
  memset (theta, 0, size * sizeof *theta);
  lode_blas_prepare ();
  rounds = iterate (&fit, theta);
  if (out)
    *out = (LodeHeadOut){ fit.log_loss, rounds };
  g_free (fit.logit);
  g_free (fit.grad);
  lode_design_clear (&fit.design);
  return true;
}
