/* SPDX-License-Identifier: Apache-2.0 */
#include "train/update.h"

#include <math.h>

enum { GRAIN = 16384 }; /* values of a piece at most, of a chunk at least */

void
lode_spread_init (LodeSpread *spread)
{
  spread->piece = g_array_new (FALSE, FALSE, sizeof (LodePiece));
  spread->end = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  spread->filled = 0;
}

void
lode_spread_clear (LodeSpread *spread)
{
  g_array_unref (spread->piece);
  g_array_unref (spread->end);
}

void
lode_spread_reset (LodeSpread *spread)
{
  g_array_set_size (spread->piece, 0);
  g_array_set_size (spread->end, 0);
  spread->filled = 0;
}

/* The last element of `end` is the chunk being filled, until it holds enough. */
static void
add_piece (LodeSpread *spread, const LodePiece *piece)
{
  g_array_append_vals (spread->piece, piece, 1);
  if (!spread->end->len || spread->filled >= GRAIN) {
    g_array_append_vals (spread->end, &spread->piece->len, 1);
    spread->filled = 0;
  }
  g_array_index (spread->end, uint32_t, spread->end->len - 1) = spread->piece->len;
  spread->filled += piece->n;
}

void
lode_spread_add (LodeSpread *spread, uint32_t slot, size_t n)
{
  for (size_t from = 0; from < n; from += GRAIN) {
    LodePiece piece = { slot, from, MIN (n - from, GRAIN), 0 };

    add_piece (spread, &piece);
  }
}

typedef struct Run {
  LodeSpread *spread;
  LodePieceFunc f;
  void *data;
} Run;

static void
run_chunk (void *data, uint32_t chunk, uint32_t worker)
{
  const Run *run = data;
  const uint32_t *end = (const uint32_t *) (const void *) run->spread->end->data;

  (void) worker;
  for (uint32_t i = chunk ? end[chunk - 1] : 0; i < end[chunk]; i++)
    run->f (run->data, &g_array_index (run->spread->piece, LodePiece, i));
}

void
lode_spread_run (LodeSpread *spread, LodeThreads *threads, LodePieceFunc f, void *data)
{
  Run run = { spread, f, data };

  lode_threads_run (threads, spread->end->len, run_chunk, &run);
}

enum { SUMS = 16 }; /* that need not wait for each other */

static void
square_piece (void *data, LodePiece *piece)
{
  const LodeParamSet *set = data;
  const float *x = set->at[piece->slot] + piece->from;
  double sum[SUMS] = { 0 };
  size_t i = 0;

  for (; i + SUMS <= piece->n; i += SUMS)
    for (size_t j = 0; j < SUMS; j++)
      sum[j] += (double) x[i + j] * (double) x[i + j];
  for (; i < piece->n; i++)
    sum[0] += (double) x[i] * (double) x[i];
  piece->sum = 0;
  for (size_t j = 0; j < SUMS; j++)
    piece->sum += sum[j];
}

double
lode_spread_square (LodeSpread *spread, LodeThreads *threads, const LodeParamSet *x, int32_t *bad)
{
  double sum = 0;
  int32_t first = -1;

  lode_spread_run (spread, threads, square_piece, (void *) (uintptr_t) x);
  for (uint32_t i = 0; i < spread->piece->len; i++) {
    const LodePiece *piece = &g_array_index (spread->piece, LodePiece, i);

    if (first < 0 && !isfinite (piece->sum))
      first = (int32_t) piece->slot;
    sum += piece->sum;
  }
  if (bad)
    *bad = first;
  return sum;
}

static void
descend_plain (const LodeDescent *how, size_t n, const float *w, const float *g, float *out)
{
  float rate = (float) how->rate, scale = (float) how->scale, decay = (float) how->decay;

  for (size_t i = 0; i < n; i++)
    out[i] = w[i] - rate * (scale * g[i] + decay * w[i]);
}

void
lode_descend (const LodeDescent *how, size_t n, const float *w, const float *g, const float *v,
              float *keep, float *out)
{
  float rate = (float) how->rate, scale = (float) how->scale, decay = (float) how->decay;
  float momentum = (float) how->momentum;
  bool nesterov = how->nesterov;

  if (!v) {
    descend_plain (how, n, w, g, out);
    return;
  }
  /* v may be keep, w may be out: element by element that does not matter, and GCC is told so. */
#pragma GCC ivdep
  for (size_t i = 0; i < n; i++) {
    float d = scale * g[i] + decay * w[i];
    float moved = momentum * v[i] + d;

    if (keep)
      keep[i] = moved;
    out[i] = w[i] - rate * (nesterov ? d + momentum * moved : moved);
  }
}

void
lode_descend_adam (const LodeAdam *how, size_t n, const float *w, const float *g, float *m,
                   float *v, bool keep, float *out)
{
  double t = (double) how->step;
  float scale = (float) how->scale, decay = (float) how->decay;
  float beta1 = (float) how->beta1, beta2 = (float) how->beta2;
  float new1 = (float) (1 - how->beta1), new2 = (float) (1 - how->beta2);
  float rate = (float) (how->rate / (1 - pow (how->beta1, t)));
  float fix = (float) (1 / sqrt (1 - pow (how->beta2, t)));

#pragma GCC ivdep
  for (size_t i = 0; i < n; i++) {
    float d = scale * g[i] + decay * w[i];
    float first = beta1 * m[i] + new1 * d;
    float second = beta2 * v[i] + new2 * d * d;

    if (keep) {
      m[i] = first;
      v[i] = second;
    }
    out[i] = w[i] - rate * first / (sqrtf (second) * fix + 1e-8f);
  }
}
