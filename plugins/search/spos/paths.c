/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

enum { SOUNDINGS = 64, BANDS = 10 };

/* The range that costs of drawn paths have. */
static bool
sound (Paths *paths, GError **error)
{
  paths->low = INFINITY;
  paths->high = 0;
  for (uint32_t i = 0; i < SOUNDINGS; i++) {
    LodeRng rng = lode_rng (paths->host, "cost", i, 0);
    uint64_t macs, params;

    lode_sample (paths->host, paths->arch, &rng);
    if (!lode_cost (paths->host, paths->arch, &macs, &params, error))
      return false;
    paths->low = MIN (paths->low, (double) macs);
    paths->high = MAX (paths->high, (double) macs);
  }
  return true;
}

bool
spos_paths_init (Paths *paths, const LodeHost *host, const LodeSpace *space, GError **error)
{
  uint32_t most = 1;

  for (uint32_t i = 0; i < space->n; i++)
    most = MAX (most, lode_space_at (space, i)->n);
  paths->host = host;
  paths->space = space;
  paths->n = paths->kind == PATHS_FAIR ? most : 1;
  paths->arch = g_new0 (uint8_t, (gsize) paths->n * space->n + 1);
  return paths->kind != PATHS_COST || sound (paths, error);
}

void
spos_paths_clear (Paths *paths)
{
  g_clear_pointer (&paths->arch, g_free);
}

/* Options of one decision for all paths: shuffled, over again where there are fewer than paths. */
static void
deal (const Paths *paths, uint32_t decision, LodeRng *rng)
{
  uint32_t n = lode_space_at (paths->space, decision)->n, stride = paths->space->n;
  uint8_t card[64];

  for (uint32_t p = 0; p < paths->n; p++) {
    uint32_t left = n - p % n, at;

    for (uint8_t o = 0; left == n && o < n; o++)
      card[o] = o;
    at = lode_rng_below (rng, left);
    paths->arch[(gsize) p * stride + decision] = card[at];
    card[at] = card[left - 1];
  }
}

/* Strict fairness (Chu et al. 2021, §3): a batch activates each option as often as any other. */
static void
draw_fair (const Paths *paths, LodeRng *rng)
{
  for (uint32_t i = 0; i < paths->space->n; i++)
    deal (paths, i, rng);
  for (uint32_t p = 0; p < paths->n; p++)
    lode_repair (paths->host, paths->arch + (gsize) p * paths->space->n, rng);
}

/* Draws until the cost lies between two bounds; the last draw where none does. */
static bool
draw_between (const Paths *paths, double low, double high, LodeRng *rng, GError **error)
{
  for (uint32_t i = 0; i < paths->tries; i++) {
    uint64_t macs, params;

    lode_sample (paths->host, paths->arch, rng);
    if (!lode_cost (paths->host, paths->arch, &macs, &params, error))
      return false;
    if ((double) macs >= low && (double) macs <= high)
      break;
  }
  return true;
}

bool
spos_paths_draw (Paths *paths, uint64_t batch, GError **error)
{
  LodeRng rng = lode_rng (paths->host, "search", batch, 0);
  double most = paths->max_macs > 0 ? paths->max_macs : INFINITY, width, low;

  if (paths->kind == PATHS_FAIR) {
    draw_fair (paths, &rng);
    return true;
  }
  if (paths->kind == PATHS_COST) {
    width = (MIN (paths->high, most) - paths->low) / BANDS;
    low = paths->low + width * lode_rng_below (&rng, BANDS);
    return draw_between (paths, low, low + width, &rng, error);
  }
  if (isfinite (most))
    return draw_between (paths, 0, most, &rng, error);
  lode_sample (paths->host, paths->arch, &rng);
  return true;
}
