/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The iteration: passes until every row meets its equation, with the step that contracts both ends
 * of the spectrum alike. Its derivative has eigenvalues between 1 − η and 1 − ηp/2 (the map w ↦ τ
 * has a row-stochastic derivative with a real spectrum in [0, 1]), so η = 4 / (p + 2) gives the
 * rate |p − 2| / (p + 2) an iteration.
 */
#include "linalg/lewis.h"

#include "error.h"
#include "linalg/factor.h"
#include "linalg/lewis-private.h"

#include <cblas.h>
#include <float.h>
#include <math.h>

enum { MOST_PASSES = 1000, PATIENCE = 60 };

static bool
is_number (double value, double least)
{
  return isfinite (value) && value >= least;
}

static bool
check (const LodeSource *rows, const LodeLewisSpec *spec, GError **error)
{
  const char *wrong = NULL;
  uint64_t n = rows->n;

  if (!is_number (spec->p, 0) || spec->p <= 0)
    wrong = "p is not above 0";
  else if (!is_number (spec->tolerance, 0) || !is_number (spec->ridge, 0)
           || !is_number (spec->ridge_share, 0) || !is_number (spec->step, 0))
    wrong = "tolerance, ridge and step must be finite and not negative";
  for (uint64_t i = 0; !wrong && spec->times && i < n; i++)
    if (!is_number (spec->times[i], 0))
      wrong = "copies of rows must be finite and not negative";
  if (!wrong && (n == 0 || rows->d == 0))
    wrong = "there are no rows or no columns";
  if (!wrong)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "Lewis weights of %s: %s", rows->name,
               wrong);
  return false;
}

/*
 * For p < 4 the map w ↦ τ^(p/2) contracts the largest |log| by |p/2 − 1|, hence the first bound.
 * For p > 2 the second: with u = log w and F(u) = log τ − (2/p) u, along the path on which F falls
 * in proportion, (2/p + (1 − 2/p) M) du = dF, where M has its spectrum in [0, 1] in the scalar
 * product that leverages ℓ weight (Σ ℓ = rank), and |M x|∞ ≤ ‖x‖_ℓ.
 */
double
lode_lewis_certificate (double p, double rank, double residual)
{
  double contraction = p < 4 ? residual / (1 - fabs (p / 2 - 1)) : INFINITY;
  double path = p > 2 ? residual * (1 + (p / 2 - 1) * sqrt (rank)) : INFINITY;

  return MIN (contraction, path);
}

/* blend · n + tᵀ penalty t, upper triangle, in place. */
static void
penalise (LodeLewis *state)
{
  int r = (int) state->r;
  size_t square = (size_t) r * r;
  g_autofree double *half = g_new (double, square), *whole = g_new (double, square);

  cblas_dgemm (CblasRowMajor, CblasNoTrans, CblasNoTrans, r, r, r, 1, state->penalty, r, state->t,
               r, 0, half, r);
  cblas_dgemm (CblasRowMajor, CblasTrans, CblasNoTrans, r, r, r, 1, state->t, r, half, r, 0, whole,
               r);
  for (size_t i = 0; i < square; i++)
    state->n[i] = state->blend * state->n[i] + whole[i];
}

bool
lode_lewis_refactor (LodeLewis *state, GError **error)
{
  int r = (int) state->r;

  lode_blas_prepare ();
  if (state->penalty)
    penalise (state);
  if (!lode_factor (state->r, state->n) || !lode_factor_invert (state->r, state->n)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
                 "Lewis weights of %s, p = %g: the weighted rows lost their rank in pass %u; use a "
                 "ridge, or products in float64",
                 state->rows->name, state->p, state->passes);
    return false;
  }
  cblas_dtrmm (CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, r, r, 1, state->n,
               r, state->t, r);
  return true;
}

/* Chebyshev's weights for eigenvalues in [−ρ, ρ] (Golub and Varga 1961) turn the rate ρ into
 * ρ / (1 + √(1 − ρ²)). That holds near the solution: where the residual grows twice in a row the
 * plain step takes over, and where it does so again, a smaller one. */
typedef struct Control {
  double last, best;
  uint32_t grown, idle;
} Control;

static void
steer (LodeLewis *state, Control *control)
{
  control->grown = state->residual > control->last ? control->grown + 1 : 0;
  control->idle = state->residual < control->best ? 0 : control->idle + 1;
  control->last = state->residual;
  control->best = MIN (control->best, state->residual);
  if (control->grown < 2)
    return;
  control->grown = 0;
  if (!state->before)
    state->step = MIN (state->step, MIN (1, 2 / state->p));
  g_clear_pointer (&state->before, g_free);
}

static void
accelerate (LodeLewis *state)
{
  double rate = fabs (state->p - 2) / (state->p + 2);

  state->omega =
      state->omega > 1 ? 1 / (1 - rate * rate * state->omega / 4) : 1 / (1 - rate * rate / 2);
}

static bool
give_up (const LodeLewis *state, double tolerance, GError **error)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
               "Lewis weights of %s, p = %g: still off by %.3g after %u passes, expected %.3g; ask "
               "for less, or use a ridge or products in float64",
               state->rows->name, state->p, state->residual, state->passes, tolerance);
  return false;
}

static bool
iterate (LodeLewis *state, const LodeLewisSpec *spec, GError **error)
{
  double tolerance = spec->tolerance > 0 ? spec->tolerance : 1e-3;
  uint32_t most = spec->most ? spec->most : MOST_PASSES;
  Control control = { .last = INFINITY, .best = INFINITY };

  for (;;) {
    if (!lode_lewis_pass (state, LODE_PASS_STEP, error))
      return false;
    steer (state, &control);
    if (state->residual <= tolerance)
      return true;
    if (state->passes >= most || control.idle > PATIENCE || !isfinite (state->residual))
      return give_up (state, tolerance, error);
    if (!lode_lewis_refactor (state, error))
      return false;
    accelerate (state);
  }
}

static bool
start (LodeLewis *state, GError **error)
{
  if (state->p == 2) { /* τ does not depend on w */
    state->weigh_only = true;
    return lode_lewis_pass (state, LODE_PASS_JUMP, error);
  }
  if (state->sample && !state->wide)
    return lode_lewis_presolve (state, error) && lode_lewis_pass (state, LODE_PASS_JUMP, error)
           && lode_lewis_refactor (state, error);
  for (uint32_t i = 0; i < state->rows->n; i++)
    state->w[i] = lode_lewis_flat (state);
  return true;
}

/* The step that was taken after the residual was measured, and what products lose: log τ of a row
 * is off by about ε κ. */
static double
certify (const LodeLewis *state, const LodeLewisFacts *facts)
{
  double epsilon = facts->wide ? DBL_EPSILON : FLT_EPSILON;
  double residual = state->residual + state->p * epsilon * facts->condition;

  return state->moved + lode_lewis_certificate (state->p, facts->rank, residual);
}

bool
lode_lewis_weights (LodeRows *rows, const LodeLewisSpec *spec, LodeThreads *threads, double *w,
                    LodeLewisFacts *facts, GError **error)
{
  LodeLewis state = { .rows = lode_source_of (rows),
                      .times = spec->times,
                      .every = 1,
                      .p = spec->p,
                      .step = spec->step > 0 ? spec->step : 4 / (spec->p + 2),
                      .intercept = spec->intercept,
                      .threads = threads,
                      .w = w,
                      .blend = 1 };
  LodeLewisFacts own = { 0 };
  bool ok = check (state.rows, spec, error) && lode_lewis_begin (&state, spec, &own, error)
            && start (&state, error);

  if (ok && !(spec->step > 0)) {
    state.before = g_new0 (double, state.rows->n);
    state.omega = 1;
  }
  if (ok && spec->p != 2)
    ok = iterate (&state, spec, error);
  own.passes = state.passes;
  own.sum = state.total;
  own.residual = state.residual;
  own.certificate = certify (&state, &own);
  if (ok && facts)
    *facts = own;
  g_free (state.before);
  lode_lewis_clear (&state);
  return ok;
}

bool
lode_lewis_answer (LodeRows *rows, const LodeLewisIn *in, LodeThreads *threads, double *w,
                   LodeLewisOut *out, GError **error)
{
  LodeLewisSpec spec = {
    .p = in->p, .tolerance = in->tolerance, .ridge_share = in->ridge, .intercept = in->intercept
  };
  LodeLewisFacts facts;

  if (!lode_lewis_weights (rows, &spec, threads, w, &facts, error))
    return false;
  if (out)
    *out = (LodeLewisOut){ .size = sizeof *out,
                           .rank = facts.rank,
                           .passes = facts.passes,
                           .sum = facts.sum,
                           .residual = facts.residual,
                           .certificate = facts.certificate };
  return true;
}
