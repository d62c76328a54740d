/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weighted ℓp regression. Every round solves least squares with rows weighted by the loss's
 * curvature (p > 2: Newton's step, which is the reweighted solution's divided by p − 1) or by its
 * slope over the residual (p < 2: reweighting, which never raises the smoothed loss).
 */
#include "linalg/heads.h"

#include "error.h"
#include "linalg/factor.h"
#include "linalg/heads-private.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define SMOOTH_FIRST 0.5
#define SMOOTH_LAST 1e-9
#define SMOOTH_BY 0.5

enum { MOST_ROUNDS = 500, MOST_HALVES = 60 };

static bool
check_rows (const LodeHeadIn *in, const char *what, GError **error)
{
  for (uint32_t i = 0; i < in->n; i++) {
    double weight = in->weight ? in->weight[i] : 1;
    const char *wrong = NULL;

    for (uint32_t j = 0; j < in->d; j++)
      if (!isfinite (in->x[(size_t) i * in->d + j])) {
        g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                     "%s: row %u, column %u (from 0) is NaN or infinite; expected finite features",
                     what, i, j);
        return false;
      }
    if (!isfinite (weight) || weight < 0)
      wrong = "weight";
    for (uint32_t t = 0; in->target && t < in->k; t++)
      if (!isfinite (in->target[(size_t) i * in->k + t]))
        wrong = "target";
    if (!in->target && (in->label[i] < 0 || (uint32_t) in->label[i] >= in->k))
      wrong = "label";
    if (wrong) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                   "%s: the %s of row %u (from 0) is not a number in its range", what, wrong, i);
      return false;
    }
  }
  return true;
}

bool
lode_design_init (LodeDesign *design, const LodeHeadIn *in, const char *what, GError **error)
{
  if (!in->n || !in->d || !in->k || !isfinite (in->ridge) || in->ridge < 0) {
    g_set_error (
        error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
        "%s: %u rows, %u features, %u targets, ridge %g; expected some of each and a ridge "
        "of at least 0",
        what, in->n, in->d, in->k, in->ridge);
    return false;
  }
  if (!check_rows (in, what, error))
    return false;
  *design = (LodeDesign){ .in = in, .n = in->n, .m = in->d + (in->intercept ? 1 : 0) };
  design->x = g_new (double, (size_t) design->n * design->m);
  for (uint32_t i = 0; i < design->n; i++) {
    double *row = design->x + (size_t) i * design->m;

    for (uint32_t j = 0; j < in->d; j++)
      row[j] = (double) in->x[(size_t) i * in->d + j];
    if (in->intercept)
      row[in->d] = 1;
  }
  return true;
}

void
lode_design_clear (LodeDesign *design)
{
  g_free (design->x);
}

typedef struct Regression {
  LodeDesign design;
  double *gram;          /* [m][m] */
  double *scaled;        /* [n][m] */
  double *curve;         /* [n] what a row of the least squares weighs */
  double *y, *r, *trial; /* [n] target, residual */
  double *theta, *step;  /* [m] */
  uint32_t rounds;
} Regression;

static double
target_of (const LodeHeadIn *in, uint32_t row, uint32_t t)
{
  return in->target ? in->target[(size_t) row * in->k + t] : in->label[row] == (int32_t) t;
}

/* r = X θ − y */
static void
residuals (const Regression *fit, const double *theta, double *r)
{
  int n = (int) fit->design.n, m = (int) fit->design.m;

  memcpy (r, fit->y, fit->design.n * sizeof *r);
  cblas_dgemv (CblasRowMajor, CblasNoTrans, n, m, 1, fit->design.x, m, theta, 1, -1, r, 1);
}

static double
penalty (const Regression *fit, const double *theta)
{
  double sum = 0;

  for (uint32_t j = 0; j < fit->design.m; j++)
    sum += lode_design_ridge (&fit->design, j) * theta[j] * theta[j];
  return sum;
}

static double
loss_of (const Regression *fit, const double *r)
{
  double sum = 0;

  for (uint32_t i = 0; i < fit->design.n; i++)
    sum += lode_design_weight (&fit->design, i) * pow (fabs (r[i]), fit->design.in->p);
  return sum;
}

/* step = (Xᵀ C X + λI)⁻¹ rhs for C = curve; rhs in step. */
static bool
solve (Regression *fit, GError **error)
{
  uint32_t n = fit->design.n, m = fit->design.m;

  for (uint32_t i = 0; i < n; i++) {
    double root = sqrt (fit->curve[i]);

    for (uint32_t j = 0; j < m; j++)
      fit->scaled[(size_t) i * m + j] = root * fit->design.x[(size_t) i * m + j];
  }
  lode_blas_prepare ();
  cblas_dsyrk (CblasRowMajor, CblasUpper, CblasTrans, (int) m, (int) n, 1, fit->scaled, (int) m, 0,
               fit->gram, (int) m);
  for (uint32_t j = 0; j < m; j++)
    fit->gram[(size_t) j * m + j] += lode_design_ridge (&fit->design, j);
  if (lode_factor (m, fit->gram)) {
    lode_factor_solve (m, fit->gram, 1, fit->step);
    return true;
  }
  g_set_error (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
      "regression: %u weighted rows do not determine %u coefficients; use a ridge, or more "
      "rows",
      n, m);
  return false;
}

/* The weighted least squares solution for the curve: θ, r. */
static bool
least_squares (Regression *fit, GError **error)
{
  int n = (int) fit->design.n, m = (int) fit->design.m;

  for (uint32_t i = 0; i < fit->design.n; i++)
    fit->trial[i] = fit->curve[i] * fit->y[i];
  cblas_dgemv (CblasRowMajor, CblasTrans, n, m, 1, fit->design.x, m, fit->trial, 1, 0, fit->step,
               1);
  if (!solve (fit, error))
    return false;
  memcpy (fit->theta, fit->step, fit->design.m * sizeof (double));
  residuals (fit, fit->theta, fit->r);
  return true;
}

static void
weigh_squares (Regression *fit)
{
  for (uint32_t i = 0; i < fit->design.n; i++)
    fit->curve[i] = lode_design_weight (&fit->design, i);
}

/* Xᵀ g + 2 λ θ in step, g the loss's slope; its size against the solution's. */
static double
newton_gradient (Regression *fit)
{
  double p = fit->design.in->p, size = 0;
  int n = (int) fit->design.n, m = (int) fit->design.m;

  for (uint32_t i = 0; i < fit->design.n; i++) {
    double c = lode_design_weight (&fit->design, i), a = fabs (fit->r[i]);

    fit->trial[i] = copysign (c * p * pow (a, p - 1), fit->r[i]) / 2;
    fit->curve[i] = c * p * (p - 1) * pow (a, p - 2) / 2;
  }
  cblas_dgemv (CblasRowMajor, CblasTrans, n, m, 1, fit->design.x, m, fit->trial, 1, 0, fit->step,
               1);
  for (uint32_t j = 0; j < fit->design.m; j++) {
    fit->step[j] += lode_design_ridge (&fit->design, j) * fit->theta[j];
    size += fit->step[j] * fit->step[j];
  }
  return sqrt (size);
}

/* Goes along −step as far as the loss falls. false: it does not any more. */
static bool
descend (Regression *fit, double *loss)
{
  uint32_t m = fit->design.m;
  double by = 1, value;

  for (int half = 0; half < MOST_HALVES; half++, by /= 2) {
    cblas_daxpy ((int) m, -by, fit->step, 1, fit->theta, 1);
    residuals (fit, fit->theta, fit->trial);
    value = loss_of (fit, fit->trial) + penalty (fit, fit->theta);
    if (value < *loss) {
      *loss = value;
      memcpy (fit->r, fit->trial, fit->design.n * sizeof (double));
      return true;
    }
    cblas_daxpy ((int) m, by, fit->step, 1, fit->theta, 1);
  }
  return false;
}

/* p > 2, from least squares. */
static bool
newton (Regression *fit, GError **error)
{
  double loss = loss_of (fit, fit->r) + penalty (fit, fit->theta), first = 0, size;

  for (uint32_t round = 0; round < MOST_ROUNDS; round++) {
    double most = 0;

    size = newton_gradient (fit);
    first = round ? first : size;
    for (uint32_t i = 0; i < fit->design.n; i++)
      most = MAX (most, fit->curve[i]);
    for (uint32_t i = 0; i < fit->design.n; i++) /* residuals of zero have no curvature */
      fit->curve[i] = MAX (fit->curve[i], 1e-13 * most);
    fit->rounds = MAX (fit->rounds, round + 1);
    if (!(size > 1e-15 * first) || loss <= 0)
      return true;
    if (!solve (fit, error))
      return false;
    if (!descend (fit, &loss))
      return true; /* to the last digit */
  }
  return true;
}

/* 1 ≤ p < 2: the loss (r² + μ²)^(p/2), with μ falling to nothing. */
static bool
reweight (Regression *fit, GError **error)
{
  double p = fit->design.in->p, scale = 0, mu = SMOOTH_FIRST;

  for (uint32_t i = 0; i < fit->design.n; i++)
    scale = MAX (scale, fabs (fit->r[i]));
  if (!(scale > 0))
    return true;
  for (uint32_t round = 0; round < MOST_ROUNDS; round++) {
    double smooth = mu * scale, change = 0, size = 0;

    for (uint32_t i = 0; i < fit->design.n; i++)
      fit->curve[i] = lode_design_weight (&fit->design, i) * p / 2
                      * pow (fit->r[i] * fit->r[i] + smooth * smooth, p / 2 - 1);
    {
      g_autofree double *before = g_memdup2 (fit->theta, fit->design.m * sizeof (double));

      if (!least_squares (fit, error))
        return false;
      for (uint32_t j = 0; j < fit->design.m; j++) {
        change = MAX (change, fabs (fit->theta[j] - before[j]));
        size = MAX (size, fabs (fit->theta[j]));
      }
    }
    fit->rounds = MAX (fit->rounds, round + 1);
    if (mu <= SMOOTH_LAST && change <= 1e-12 * size)
      return true;
    if (change <= 0.01 * mu * size || round % 8 == 7)
      mu = MAX (mu * SMOOTH_BY, SMOOTH_LAST);
  }
  return true;
}

static bool
regress_target (Regression *fit, uint32_t t, GError **error)
{
  const LodeHeadIn *in = fit->design.in;

  for (uint32_t i = 0; i < in->n; i++)
    fit->y[i] = target_of (in, i, t);
  weigh_squares (fit);
  if (!least_squares (fit, error))
    return false;
  fit->rounds = MAX (fit->rounds, 1);
  if (in->p > 2)
    return newton (fit, error);
  return in->p >= 2 || reweight (fit, error);
}

bool
lode_head_regress (const LodeHeadIn *in, double *theta, LodeHeadOut *out, GError **error)
{
  Regression fit = { 0 };
  size_t n = in->n, m = (size_t) in->d + (in->intercept ? 1 : 0);
  double loss = 0;
  bool ok = true;

  if (!isfinite (in->p) || in->p < 1) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "regression: p is %g; expected at least 1", in->p);
    return false;
  }
  if (!lode_design_init (&fit.design, in, "regression", error))
    return false;
  fit.gram = g_new (double, m *m);
  fit.scaled = g_new (double, n *m);
  fit.curve = g_new (double, 4 * n);
  fit.y = fit.curve + n;
  fit.r = fit.y + n;
  fit.trial = fit.r + n;
  fit.theta = g_new0 (double, 2 * m);
  fit.step = fit.theta + m;
  lode_blas_prepare ();
  for (uint32_t t = 0; ok && t < in->k; t++) {
    ok = regress_target (&fit, t, error);
    loss += ok ? loss_of (&fit, fit.r) : 0;
    for (size_t j = 0; ok && j < m; j++)
      theta[j * in->k + t] = fit.theta[j];
  }
  if (ok && out)
    *out = (LodeHeadOut){ loss, fit.rounds };
  g_free (fit.gram);
  g_free (fit.scaled);
  g_free (fit.curve);
  g_free (fit.theta);
  lode_design_clear (&fit.design);
  return ok;
}
