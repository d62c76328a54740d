/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

double
tas_temperature (double share, double first, double last, bool line)
{
  static const double pi = 3.141592653589793;

  return last + (first - last) * (line ? 1 - share : (1 + cos (pi * share)) / 2);
}

/* Softmax of x over the bits of a mask; 0 elsewhere. x, p: [n] */
static void
softmax (uint32_t n, uint64_t mask, const double *x, double *p)
{
  double top = -INFINITY, sum = 0;

  for (uint32_t o = 0; o < n; o++)
    if (mask >> o & 1)
      top = MAX (top, x[o]);
  for (uint32_t o = 0; o < n; o++)
    sum += p[o] = mask >> o & 1 ? exp (x[o] - top) : 0;
  for (uint32_t o = 0; o < n; o++)
    p[o] /= sum;
}

/* One of the options that are not in the mask, by their chances. p: [n] */
static uint32_t
pick (uint32_t n, uint64_t mask, const double *p, LodeRng *rng)
{
  static const double least = 1e-7;
  double sum = 0, u;
  uint32_t last = 0;

  for (uint32_t o = 0; o < n; o++)
    sum += mask >> o & 1 ? 0 : p[o] + least;
  u = sum * lode_rng_uniform (rng);
  for (uint32_t o = 0; o < n; o++) {
    if (mask >> o & 1)
      continue;
    last = o;
    u -= p[o] + least;
    if (u < 0)
      break;
  }
  return last;
}

static void
draw_one (uint32_t n, const float *mix, uint32_t draws, double tau, LodeRng *rng, uint64_t *mask,
          float *gate)
{
  uint64_t all = n == 64 ? UINT64_MAX : (UINT64_C (1) << n) - 1;
  double noisy[64] = { 0 }, p[64];

  for (uint32_t o = 0; o < n; o++) {
    double u = 1 - lode_rng_uniform (rng); /* in (0, 1] */

    noisy[o] = (log (MAX ((double) mix[o], 1e-30)) - log (MAX (-log (u), 1e-300))) / tau;
  }
  softmax (n, all, noisy, p);
  *mask = draws >= n ? all : 0;
  for (uint32_t i = 0; draws < n && i < draws; i++)
    *mask |= UINT64_C (1) << pick (n, *mask, p, rng);
  softmax (n, *mask, noisy, p);
  for (uint32_t o = 0; o < n; o++)
    gate[o] = (float) p[o];
}

void
tas_draw (const LodeSpace *space, const float *mix, const char *whole, uint32_t draws, double tau,
          LodeRng *rng, uint64_t *mask, float *gate)
{
  for (uint32_t i = 0, first = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);
    bool all = !g_strcmp0 (decision->group, whole);

    draw_one (decision->n, mix + first, all ? decision->n : draws, tau, rng, &mask[i],
              gate + first);
    first += decision->n;
  }
}

void
tas_pull (const LodeSpace *space, const uint64_t *mask, const float *gate, const float *dgate,
          double tau, double *dalpha)
{
  for (uint32_t i = 0, first = 0; i < space->n; i++) {
    uint32_t n = lode_space_at (space, i)->n;
    double mean = 0;

    for (uint32_t o = first; o < first + n; o++)
      mean += mask[i] >> (o - first) & 1 ? (double) gate[o] * (double) dgate[o] : 0;
    for (uint32_t o = first; o < first + n; o++)
      dalpha[o] =
          mask[i] >> (o - first) & 1 ? (double) gate[o] * ((double) dgate[o] - mean) / tau : 0;
    first += n;
  }
}
