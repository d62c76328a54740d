/* SPDX-License-Identifier: Apache-2.0 */
#include "gates.h"

#include <string.h>

void
gates_restart (Gates *gates, LodeRng *rng, double spread)
{
  uint32_t options = gates->space->options;

  memset (gates->adam, 0, (2 * (size_t) options + 1) * sizeof *gates->adam);
  for (uint32_t i = 0, at = 0; i < gates->space->n; i++)
    for (uint32_t o = 0; o < lode_space_at (gates->space, i)->n; o++, at++)
      gates->alpha[at] = gates->mask[i] >> o & 1 ? spread * lode_rng_normal (rng) : 0;
  gates_set (gates);
}

void
gates_init (Gates *gates, const LodeSpace *space, LodeRng *rng, double spread)
{
  size_t n = (size_t) space->options + 1;

  *gates = (Gates){ .space = space,
                    .mask = g_new0 (uint64_t, (size_t) space->n + 1),
                    .alpha = g_new0 (double, n),
                    .adam = g_new0 (double, 2 * n),
                    .dalpha = g_new0 (double, n),
                    .mix = g_new0 (float, n),
                    .gate = g_new0 (float, n),
                    .dgate = g_new0 (float, n) };
  lode_space_all (space, gates->mask);
  gates_restart (gates, rng, spread);
}

void
gates_clear (Gates *gates)
{
  g_free (gates->mask);
  g_free (gates->alpha);
  g_free (gates->adam);
  g_free (gates->dalpha);
  g_free (gates->mix);
  g_free (gates->gate);
  g_free (gates->dgate);
  *gates = (Gates){ 0 };
}

/* Softmax over the bits of a mask, 0 elsewhere. x, p: [n] */
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
    p[o] = sum > 0 ? p[o] / sum : 0;
}

void
gates_set (Gates *gates)
{
  for (uint32_t i = 0, at = 0; i < gates->space->n; i++) {
    const LodeDecision *decision = lode_space_at (gates->space, i);
    double p[64];

    softmax (decision->n, gates->mask[i], gates->alpha + at, p);
    for (uint32_t o = 0; o < decision->n; o++, at++) {
      bool aided = gates->mask[i] >> o & 1 && lode_space_trait (decision, o) == LODE_TRAIT_SKIP;

      gates->mix[at] = (float) p[o];
      gates->gate[at] = (float) (aided ? p[o] + gates->aid : p[o]);
    }
  }
}

void
gates_pull (Gates *gates, double lambda)
{
  for (uint32_t i = 0, first = 0; i < gates->space->n; i++) {
    uint32_t n = lode_space_at (gates->space, i)->n;
    double p[64], mean = 0;

    softmax (n, gates->mask[i], gates->alpha + first, p);
    for (uint32_t o = 0; o < n; o++)
      mean += p[o] * (double) gates->dgate[first + o];
    for (uint32_t o = 0; o < n; o++)
      gates->dalpha[first + o] =
          p[o] * ((double) gates->dgate[first + o] - mean) + lambda * p[o] / gates->space->n;
    first += n;
  }
}

void
gates_stand (const Gates *gates, LodeChoice *choice)
{
  choice->mask = gates->mask;
  choice->gate = gates->mix;
  choice->drop = NULL;
}

double
gates_entropy (const Gates *gates)
{
  double sum = 0;

  for (uint32_t i = 0; i < gates->space->options; i++)
    if (gates->mix[i] > 0)
      sum -= (double) gates->mix[i] * log ((double) gates->mix[i]);
  return sum / gates->space->n;
}

void
gates_save (const Gates *gates, LodeStore *store)
{
  uint32_t n = gates->space->options;

  lode_store_put (store, "mask", LODE_TYPE_U64, gates->space->n, gates->mask);
  lode_store_put (store, "alpha", LODE_TYPE_F64, n, gates->alpha);
  lode_store_put (store, "adam", LODE_TYPE_F64, 2 * (size_t) n + 1, gates->adam);
}

/* α that the weights would run away with, or options that the space lacks. */
static bool
check (const LodeSpace *space, const uint64_t *mask, const double *alpha, const double *adam,
       GError **error)
{
  const char *wrong = NULL;

  for (uint32_t i = 0; i < space->n; i++) {
    uint32_t n = lode_space_at (space, i)->n;

    if (mask[i] == 0 || (n < 64 && mask[i] >> n))
      wrong = "a mask of options that its space does not have";
  }
  for (uint32_t o = 0; o < space->options; o++)
    if (!isfinite (alpha[o]) || fabs (alpha[o]) > 1e6)
      wrong = "architecture parameters that are not finite";
  for (size_t i = 0; i < 2 * (size_t) space->options + 1; i++)
    if (!isfinite (adam[i]) || (i >= space->options && adam[i] < 0))
      wrong = "moments that are not finite";
  if (wrong)
    g_set_error (error, g_quark_from_static_string ("lode-gates"), 0,
                 "the checkpoint holds %s; it is damaged, or of another search space", wrong);
  return !wrong;
}

bool
gates_load (Gates *gates, const LodeStore *store, GError **error)
{
  uint32_t n = gates->space->options, decisions = gates->space->n;
  g_autofree uint64_t *mask = g_new0 (uint64_t, (size_t) decisions + 1);
  g_autofree double *alpha = g_new0 (double, n), *adam = g_new0 (double, 2 * (size_t) n + 1);

  if (!lode_store_get (store, "mask", LODE_TYPE_U64, decisions, mask, error)
      || !lode_store_get (store, "alpha", LODE_TYPE_F64, n, alpha, error)
      || !lode_store_get (store, "adam", LODE_TYPE_F64, 2 * (size_t) n + 1, adam, error)
      || !check (gates->space, mask, alpha, adam, error))
    return false;
  memcpy (gates->mask, mask, decisions * sizeof *mask);
  memcpy (gates->alpha, alpha, n * sizeof *alpha);
  memcpy (gates->adam, adam, (2 * (size_t) n + 1) * sizeof *adam);
  gates_set (gates);
  return true;
}
