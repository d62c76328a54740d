/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <string.h>

enum { WINDOW = 5, EARLIER = 4 }; /* evaluations */

void
guard_init (Guard *guard, const uint8_t *arch)
{
  gsize n = (gsize) guard->space->n;

  guard->before = g_memdup2 (arch, n + !n);
  guard->answer = g_memdup2 (arch, n + !n);
  guard->curvature = g_array_new (FALSE, TRUE, sizeof (double));
  guard->archs = g_byte_array_new ();
}

void
guard_clear (Guard *guard)
{
  g_free (guard->before);
  g_free (guard->answer);
  g_clear_pointer (&guard->curvature, g_array_unref);
  g_clear_pointer (&guard->archs, g_byte_array_unref);
}

uint32_t
guard_skips (const LodeSpace *space, const uint8_t *arch)
{
  uint32_t most = 0;

  for (uint32_t i = 0, end; i < space->n; i = end) {
    const char *group = lode_space_at (space, i)->group;
    uint32_t skips = 0;

    for (end = i; end < space->n && !g_strcmp0 (lode_space_at (space, end)->group, group); end++)
      skips += lode_space_trait (lode_space_at (space, end), arch[end]) == LODE_TRAIT_SKIP;
    most = MAX (most, skips);
  }
  return most;
}

static void
stop_with (Guard *guard, const uint8_t *arch)
{
  guard->stopped = true;
  memcpy (guard->answer, arch, guard->space->n);
}

const char *
guard_look (Guard *guard, const uint8_t *arch)
{
  if (!guard->stopped && guard->max_skips >= 0
      && guard_skips (guard->space, arch) > (uint64_t) guard->max_skips) {
    stop_with (guard, guard->before);
    return "stopped: more skips than max_skips; the architecture of the epoch before stands";
  }
  memcpy (guard->before, arch, guard->space->n);
  return NULL;
}

/* Of the five evaluations that end `back` before the newest. */
static double
mean_of (const Guard *guard, uint32_t back)
{
  double sum = 0;

  for (uint32_t i = 0; i < WINDOW; i++)
    sum += g_array_index (guard->curvature, double, guard->curvature->len - 1 - back - i);
  return sum / WINDOW;
}

const char *
guard_curvature (Guard *guard, double value, uint64_t epoch, const uint8_t *arch)
{
  gsize n = guard->space->n;
  double now, then;

  g_array_append_val (guard->curvature, value);
  g_byte_array_append (guard->archs, arch, (guint) n);
  if (guard->stopped || guard->ratio <= 0 || epoch < (uint64_t) guard->from
      || guard->curvature->len < WINDOW + EARLIER)
    return NULL;
  now = mean_of (guard, 0);
  then = mean_of (guard, EARLIER);
  if (!(then > 0) || now / then <= guard->ratio)
    return NULL;
  stop_with (guard, guard->archs->data + n * (guard->curvature->len - 1 - EARLIER - WINDOW / 2));
  return "stopped: the curvature of the validation loss grew; an earlier architecture stands";
}

void
guard_save (const Guard *guard, LodeStore *store)
{
  const uint64_t clock[] = { guard->curvature->len, guard->stopped };
  uint32_t n = guard->space->n;

  lode_store_put (store, "guard.clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock);
  lode_store_put (store, "guard.before", LODE_TYPE_U8, n, guard->before);
  lode_store_put (store, "guard.answer", LODE_TYPE_U8, n, guard->answer);
  lode_store_put (store, "guard.curvature", LODE_TYPE_F64, guard->curvature->len,
                  guard->curvature->data);
  lode_store_put (store, "guard.archs", LODE_TYPE_U8, guard->archs->len, guard->archs->data);
}

/* A checkpoint of another space has options that this one lacks. */
static bool
check_archs (const LodeSpace *space, uint64_t n, const uint8_t *arch, GError **error)
{
  for (uint64_t i = 0; i < n * space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, (uint32_t) (i % space->n));

    if (arch[i] < decision->n)
      continue;
    g_set_error (error, g_quark_from_static_string ("lode-darts"), 0,
                 "a saved architecture has option %u at %s, expected 0 to %u: the checkpoint is of "
                 "another search space",
                 arch[i], decision->name, decision->n - 1);
    return false;
  }
  return true;
}

bool
guard_load (Guard *guard, const LodeStore *store, GError **error)
{
  uint32_t n = guard->space->n;
  g_autofree uint8_t *two = g_new0 (uint8_t, 2 * (gsize) n + 1), *archs = NULL;
  g_autofree double *curvature = NULL;
  uint64_t clock[2];

  if (!lode_store_get (store, "guard.clock", LODE_TYPE_U64, 2, clock, error))
    return false;
  clock[0] = MIN (clock[0], 1u << 20);
  curvature = g_new0 (double, clock[0] + 1);
  archs = g_new0 (uint8_t, clock[0] * n + 1);
  if (!lode_store_get (store, "guard.before", LODE_TYPE_U8, n, two, error)
      || !lode_store_get (store, "guard.answer", LODE_TYPE_U8, n, two + n, error)
      || !lode_store_get (store, "guard.curvature", LODE_TYPE_F64, clock[0], curvature, error)
      || !lode_store_get (store, "guard.archs", LODE_TYPE_U8, clock[0] * n, archs, error)
      || !check_archs (guard->space, 2, two, error)
      || !check_archs (guard->space, clock[0], archs, error))
    return false;
  memcpy (guard->before, two, n);
  memcpy (guard->answer, two + n, n);
  guard->stopped = clock[1] != 0;
  g_array_set_size (guard->curvature, 0);
  g_byte_array_set_size (guard->archs, 0);
  g_array_append_vals (guard->curvature, curvature, (guint) clock[0]);
  g_byte_array_append (guard->archs, archs, (guint) (clock[0] * n));
  return true;
}
