/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the rows: Z = A t by blocks, τ as the squared lengths of Z's rows, new weights, and
 * at once the weighted ZᵀZ that gives the next t. Because the products are taken of Z and not of A,
 * they stay well conditioned whatever A is: whitening costs no pass of its own.
 *
 * Rows are cut into panels, these into chunks; chunk c of a panel belongs to lane c, which adds up
 * its chunks in order, and lanes are added in order.
 */
#include "linalg/factor.h"
#include "linalg/lewis-private.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum {
  ALIGN = 64,
  LANES_MEMORY = 64 << 20,
  LEAST_LANES = 4,
  MOST_LANES = LODE_PANEL / LODE_CHUNK,
  STRIPE = 16
};

#define LEAST_LOG (-690.0) /* a weight of 1e-300 */

typedef struct Panel {
  LodeLewis *state;
  LodePassKind kind;
  const char *rows;
  uint32_t first, n;
} Panel;

static double
copies_of (const LodeLewis *state, uint32_t row)
{
  return state->times ? state->times[row] : state->every;
}

/* The new weight of a row from its τ; returns what its row of Z is scaled by: √k^(2/p) w^(1/2−1/p)
 * for a row that stands for k. */
static double
renew (LodeLewis *state, LodeLane *lane, LodePassKind kind, uint32_t row, double tau)
{
  double p = state->p, copies = copies_of (state, row), old = state->w[row], next, miss;

  if (!(tau > 0) || copies <= 0 || (kind == LODE_PASS_STEP && old <= 0)) {
    state->w[row] = 0;
    return 0;
  }
  next = log (copies) + p / 2 * log (tau);
  if (kind == LODE_PASS_STEP) {
    miss = next - log (old);
    lane->residual = MAX (lane->residual, fabs (miss));
    next = log (old) + state->step * miss;
    if (state->before) {
      next = state->before[row] + state->omega * (next - state->before[row]);
      state->before[row] = log (old);
    }
    lane->moved = MAX (lane->moved, fabs (next - log (old)));
  }
  next = MAX (next, LEAST_LOG);
  state->w[row] = exp (next);
  lane->total += state->w[row];
  return exp ((0.5 - 1 / p) * next) * (copies > 1 || copies < 1 ? pow (copies, 1 / p) : 1);
}

#define REAL float
#define NAME(f) f##_narrow
#define SYRK cblas_ssyrk
#define TRMM cblas_strmm
#include "linalg/lewis-pass.inc.h"

#define REAL double
#define NAME(f) f##_wide
#define SYRK cblas_dsyrk
#define TRMM cblas_dtrmm
#include "linalg/lewis-pass.inc.h"

/* Copies the rows of the sample that lie in this chunk. */
static void
pick_sample (LodeLewis *state, const char *rows, uint32_t row, uint32_t m)
{
  uint32_t d = state->rows->d, low = 0, high = state->samples;
  const float *narrow = (const float *) rows;
  const double *wide = (const double *) rows;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (state->sampled[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < state->samples && state->sampled[low] < row + m; low++) {
    size_t at = (size_t) (state->sampled[low] - row) * d;

    for (uint32_t j = 0; j < d; j++)
      state->sample[(size_t) low * d + j] =
          state->rows->wide ? (float) wide[at + j] : narrow[at + j];
  }
}

static void
run_chunk (void *data, uint32_t chunk, uint32_t worker)
{
  Panel *panel = data;
  LodeLewis *state = panel->state;
  LodeLane *lane = &state->lane[chunk];
  uint32_t from = chunk * LODE_CHUNK, m = MIN (panel->n - from, LODE_CHUNK);
  const char *rows =
      panel->rows
      + (size_t) from * state->rows->d * (state->rows->wide ? sizeof (double) : sizeof (float));
  void *scratch = state->scratch + worker * state->scratch_size;

  if (state->sample && panel->kind == LODE_PASS_GRAM)
    pick_sample (state, rows, panel->first + from, m);
  if (state->wide)
    chunk_wide (state, lane, panel->kind, rows, panel->first + from, m, scratch);
  else
    chunk_narrow (state, lane, panel->kind, rows, panel->first + from, m, scratch);
}

static void
clear_lanes (LodeLewis *state)
{
  for (uint32_t l = 0; l < state->lanes; l++) {
    LodeLane *lane = &state->lane[l];

    lane->begun = false;
    lane->residual = lane->moved = lane->total = 0;
    lane->bad = UINT64_MAX;
  }
}

/* Some rows of n, as the lanes' sums in order. */
static void
add_rows (void *data, uint32_t stripe)
{
  LodeLewis *state = data;
  uint32_t r = state->r, from = stripe * STRIPE, to = MIN (from + STRIPE, r);

  for (uint32_t i = from; i < to; i++) {
    double *n = state->n + (size_t) i * r;

    memset (n, 0, r * sizeof *n);
    for (uint32_t l = 0; l < state->lanes; l++)
      for (uint32_t j = i; j < r && state->lane[l].begun; j++)
        n[j] += state->lane[l].sum[(size_t) i * r + j];
  }
}

static void
add_lanes (LodeLewis *state)
{
  state->residual = state->moved = state->total = 0;
  state->bad = UINT64_MAX;
  for (uint32_t l = 0; l < state->lanes; l++) {
    state->residual = MAX (state->residual, state->lane[l].residual);
    state->moved = MAX (state->moved, state->lane[l].moved);
    state->total += state->lane[l].total;
    state->bad = MIN (state->bad, state->lane[l].bad);
  }
  if (!state->weigh_only)
    lode_threads_each (state->threads, (state->r + STRIPE - 1) / STRIPE, add_rows, state);
}

bool
lode_lewis_pass (LodeLewis *state, LodePassKind kind, GError **error)
{
  uint32_t n = state->rows->n, step = state->lanes * LODE_CHUNK;
  Panel panel = { .state = state, .kind = kind };

  lode_blas_prepare ();
  if (kind != LODE_PASS_GRAM) {
    if (state->wide)
      convert_wide (state);
    else
      convert_narrow (state);
  }
  clear_lanes (state);
  for (uint64_t first = 0; first < n; first += step) {
    panel.first = (uint32_t) first;
    panel.n = MIN (n - panel.first, step);
    panel.rows = state->rows->panel (state->rows, panel.first, panel.n, error);
    if (!panel.rows)
      return false;
    lode_threads_run (state->threads, (panel.n + LODE_CHUNK - 1) / LODE_CHUNK, run_chunk, &panel);
  }
  add_lanes (state);
  state->passes++;
  return true;
}

static void
free_lanes (LodeLewis *state)
{
  for (uint32_t l = 0; l < state->lanes; l++)
    g_free (state->lane[l].sum);
  g_free (state->lane);
  free (state->scratch);
  free (state->tr);
  g_free (state->n);
  state->lane = NULL;
  state->scratch = NULL;
  state->tr = NULL;
  state->n = NULL;
  state->lanes = 0;
}

void
lode_lewis_room (LodeLewis *state, uint32_t r, bool wide)
{
  size_t square = (size_t) r * r, value = wide ? sizeof (double) : sizeof (float);
  size_t lanes = LANES_MEMORY / (square * sizeof (double));

  free_lanes (state);
  state->r = r;
  state->wide = wide;
  state->lanes = (uint32_t) CLAMP (lanes, LEAST_LANES, MOST_LANES);
  state->lanes = MIN (state->lanes, (state->rows->n + LODE_CHUNK - 1) / LODE_CHUNK);
  state->lane = g_new0 (LodeLane, state->lanes);
  for (uint32_t l = 0; l < state->lanes; l++)
    state->lane[l].sum = g_new (double, square);
  state->n = g_new (double, square);
  state->tr = aligned_alloc (ALIGN, (square * value + ALIGN - 1) / ALIGN * ALIGN);
  state->scratch_size = (((square + 15) & ~(size_t) 15) + (size_t) LODE_BLOCK * r) * value + ALIGN;
  state->scratch_size = (state->scratch_size + ALIGN - 1) / ALIGN * ALIGN;
  state->scratch = aligned_alloc (ALIGN, lode_threads_count (state->threads) * state->scratch_size);
}

void
lode_lewis_clear (LodeLewis *state)
{
  free_lanes (state);
  g_free (state->keep);
  g_free (state->t);
  g_free (state->flat);
  g_free (state->penalty);
  g_free (state->sample);
  g_free (state->sampled);
}
