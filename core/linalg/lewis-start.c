/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before the iteration: AᵀA, the columns that do not depend on others, how well conditioned they
 * are, and so whether products in float32 do; and a start from a sample of the rows.
 *
 * Columns are compared at one length, so that units change nothing. A column counts as dependent
 * where others give it to within what rounding leaves of AᵀA: pivots of Cholesky's factorisation up
 * to max (n, d) ε, and for features stored as float32 up to the square of 16 of their ε.
 */
#include "error.h"
#include "linalg/factor.h"
#include "linalg/lewis-private.h"

#include <float.h>
#include <lode/rng.h>
#include <math.h>
#include <string.h>

/* Products in float32 lose about ε κ. */
#define NARROW_CONDITION 3000.0
#define NARROW_PIVOT 1e-4 /* below, AᵀA in float32 does not tell the rank */
#define NARROW_TOLERANCE 1e-4
#define LEAST_P 0.5 /* below, w^(1/2−1/p) leaves the range of float32 */
#define LEAST_LENGTH 1e-15
#define MOST_LENGTH 1e15
#define SAMPLE_BLEND 0.1
#define SAMPLE_RESIDUAL 0.03

enum { SAMPLE_PASSES = 20 };

double
lode_lewis_flat (const LodeLewis *state)
{
  return (double) (state->rows->d + (state->intercept ? 1 : 0)) / state->rows->n;
}

/* Without times, so that a start depends on n and d alone. */
static void
draw_sample (LodeLewis *state, uint32_t samples)
{
  uint32_t n = state->rows->n;
  LodeRng rng = { .key = UINT64_C (0x6c65776973), .n = 0 };

  state->samples = samples;
  state->sampled = g_new (uint32_t, samples);
  state->sample = g_new (float, (size_t) samples * state->rows->d);
  for (uint32_t i = 0; i < samples; i++) {
    uint32_t from = (uint32_t) ((uint64_t) n * i / samples);
    uint32_t to = (uint32_t) ((uint64_t) n * (i + 1) / samples);

    state->sampled[i] = from + lode_rng_below (&rng, MAX (to - from, 1));
  }
}

static bool
gram (LodeLewis *state, bool wide, GError **error)
{
  uint32_t width = state->rows->d + (state->intercept ? 1 : 0);

  lode_lewis_room (state, width, wide);
  state->plain = !state->intercept;
  if (!lode_lewis_pass (state, LODE_PASS_GRAM, error))
    return false;
  if (state->bad == UINT64_MAX)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "%s: row %" G_GUINT64_FORMAT ", column %" G_GUINT64_FORMAT
               " (from 0) is NaN or infinite; expected finite features",
               state->rows->name, state->bad / width, state->bad % width);
  return false;
}

/* Whether lengths of columns and their products are in float32's range. */
static bool
fits_narrow (const LodeLewis *state)
{
  for (uint32_t j = 0; j < state->r; j++) {
    double square = state->n[(size_t) j * state->r + j];
    double length = sqrt (square / state->rows->n);

    if (!isfinite (square) || (square > 0 && (length < LEAST_LENGTH || length > MOST_LENGTH)))
      return false;
  }
  return true;
}

/* M for w = flat, in place of AᵀA; its columns' lengths: [r], 0 for columns of zeros. */
static bool
add_flat (LodeLewis *state, const LodeLewisSpec *spec, double *ridge, double *length,
          GError **error)
{
  uint32_t r = state->r;
  double trace = 0, share = pow (lode_lewis_flat (state), 1 - 2 / state->p);

  for (uint32_t j = 0; j < r; j++)
    trace += state->n[(size_t) j * r + j];
  if (!(trace > 0)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "%s: every feature of every row is zero; expected features that differ",
                 state->rows->name);
    return false;
  }
  *ridge = spec->ridge + spec->ridge_share * trace / r;
  for (size_t i = 0; i < (size_t) r * r; i++)
    state->n[i] *= share;
  for (uint32_t j = 0; j < r; j++) {
    double *square = &state->n[(size_t) j * r + j];

    *square = *square > 0 ? *square + *ridge : 0;
    length[j] = sqrt (*square);
  }
  return true;
}

/* Columns in use: [rank] ascending; those of zeros are never among them. */
static uint32_t
find_rank (const LodeLewis *state, const double *length, double cut, uint32_t *keep)
{
  uint32_t r = state->r;
  g_autofree double *square = g_new (double, (size_t) r *r);

  for (uint32_t i = 0; i < r; i++)
    for (uint32_t j = i; j < r; j++) {
      double lengths = length[i] * length[j];

      square[(size_t) i * r + j] = square[(size_t) j * r + i] =
          lengths > 0 ? state->n[(size_t) i * r + j] / lengths : 0;
    }
  return lode_factor_rank (r, square, cut, keep);
}

/* t and the condition, from M of the columns kept. false: M of them is singular. */
static bool
find_t (LodeLewis *state, const double *length, uint32_t rank, double *condition)
{
  g_autofree double *a = g_new0 (double, (size_t) rank *rank);
  double squares = 0;

  g_free (state->flat);
  state->flat = g_new0 (double, (size_t) rank *rank);
  for (uint32_t i = 0; i < rank; i++)
    for (uint32_t j = i; j < rank; j++) {
      uint32_t row = state->keep[i], column = state->keep[j];
      double value = state->n[(size_t) row * state->r + column];

      state->flat[(size_t) i * rank + j] = value;
      a[(size_t) i * rank + j] = value / (length[row] * length[column]);
    }
  if (!lode_factor (rank, a) || !lode_factor_invert (rank, a))
    return false;
  for (uint32_t i = 0; i < rank; i++)
    for (uint32_t j = i; j < rank; j++) {
      squares += a[(size_t) i * rank + j] * a[(size_t) i * rank + j];
      a[(size_t) i * rank + j] /= length[state->keep[i]];
    }
  *condition = sqrt (squares * rank);
  g_free (state->t);
  state->t = g_steal_pointer (&a);
  return true;
}

static void
add_penalty (LodeLewis *state, double ridge)
{
  if (!(ridge > 0))
    return;
  state->penalty = g_new0 (double, (size_t) state->r * state->r);
  for (uint32_t j = 0; j < state->r; j++)
    state->penalty[(size_t) j * state->r + j] = ridge;
}

static double
rank_cut (const LodeLewis *state)
{
  double rounding = MAX (state->rows->n, state->r) * DBL_EPSILON;
  double stored = state->rows->wide ? 0 : 256.0 * FLT_EPSILON * FLT_EPSILON;

  return MAX (rounding, stored);
}

/* AᵀA in float32 where that says enough, else in float64. */
static bool
begin_with (LodeLewis *state, const LodeLewisSpec *spec, bool wide, double *ridge,
            LodeLewisFacts *facts, bool *enough, GError **error)
{
  g_autofree double *length = NULL;
  uint32_t rank, columns = 0;

  if (!gram (state, wide, error))
    return false;
  *enough = wide || fits_narrow (state);
  if (!*enough)
    return true;
  length = g_new (double, state->r);
  if (!add_flat (state, spec, ridge, length, error))
    return false;
  for (uint32_t j = 0; j < state->r; j++)
    columns += length[j] > 0;
  g_free (state->keep);
  state->keep = g_new (uint32_t, state->r);
  rank = find_rank (state, length, wide ? rank_cut (state) : NARROW_PIVOT, state->keep);
  *enough = wide || rank == columns;
  if (!*enough)
    return true;
  facts->rank = rank;
  if (find_t (state, length, rank, &facts->condition))
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
               "%s: AᵀA of %u columns is singular by rounding; use a ridge", state->rows->name,
               rank);
  return false;
}

bool
lode_lewis_begin (LodeLewis *state, const LodeLewisSpec *spec, LodeLewisFacts *facts,
                  GError **error)
{
  double tolerance = spec->tolerance > 0 ? spec->tolerance : 1e-3, ridge = 0;
  bool wide = spec->wide || state->rows->wide || state->p < LEAST_P || tolerance < NARROW_TOLERANCE;
  uint32_t width = state->rows->d + (state->intercept ? 1 : 0);
  uint64_t samples = (uint64_t) LODE_SAMPLE_SHARE * width;
  bool enough;

  if (spec->sample && !wide && state->p != 2 && samples <= state->rows->n)
    draw_sample (state, (uint32_t) samples);
  if (!begin_with (state, spec, wide, &ridge, facts, &enough, error))
    return false;
  if (!enough && !begin_with (state, spec, true, &ridge, facts, &enough, error))
    return false;
  facts->wide = wide || facts->condition > NARROW_CONDITION || !fits_narrow (state);
  state->plain = !state->intercept && facts->rank == state->rows->d;
  lode_lewis_room (state, facts->rank, facts->wide);
  add_penalty (state, ridge);
  return true;
}

/* For a sample, M is blended with that of flat weights: directions that it misses stay bounded. */
static void
blend (LodeLewis *small, const LodeLewis *state)
{
  uint32_t r = state->r;

  small->blend = 1 - SAMPLE_BLEND;
  small->penalty = g_new (double, (size_t) r *r);
  for (uint32_t i = 0; i < r; i++)
    for (uint32_t j = i; j < r; j++) {
      size_t at = (size_t) i * r + j;
      double ridge = state->penalty ? small->blend * state->penalty[at] : 0;

      small->penalty[at] = small->penalty[(size_t) j * r + i] =
          SAMPLE_BLEND * state->flat[at] + ridge;
    }
}

bool
lode_lewis_presolve (LodeLewis *state, GError **error)
{
  g_autoptr (LodeRows) rows =
      lode_rows_memory (state->rows->name, state->samples, state->rows->d, false, state->sample);
  g_autofree double *w = g_new (double, state->samples);
  LodeLewis small = { .rows = lode_source_of (rows),
                      .every = (double) state->rows->n / state->samples,
                      .p = state->p,
                      .step = state->step,
                      .intercept = state->intercept,
                      .threads = state->threads,
                      .w = w,
                      .plain = state->plain,
                      .keep = g_memdup2 (state->keep, state->r * sizeof (uint32_t)),
                      .t = g_memdup2 (state->t, (size_t) state->r * state->r * sizeof (double)) };
  double flat = lode_lewis_flat (state) * small.every;
  bool ok = true;

  for (uint32_t i = 0; i < state->samples; i++)
    w[i] = flat;
  lode_lewis_room (&small, state->r, state->wide);
  blend (&small, state);
  do
    ok = lode_lewis_pass (&small, LODE_PASS_STEP, error) && lode_lewis_refactor (&small, error);
  while (ok && small.residual > SAMPLE_RESIDUAL && small.passes < SAMPLE_PASSES);
  if (ok)
    memcpy (state->t, small.t, (size_t) state->r * state->r * sizeof (double));
  lode_lewis_clear (&small);
  return ok;
}
