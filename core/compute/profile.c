/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a program's time goes: seconds by kind of operation and part of it (forward, gather …), one
 * row a worker, and what it took to have the program.
 */
#include "compute/step.h"

#include <time.h>

enum { PARTS = 6 };

struct LodeProfile {
  uint32_t workers;
  double *seconds; /* [workers][LODE_KINDS][PARTS] */
  double prepare[LODE_PREPARES];
};

static const char *const part_name[PARTS] = { "gather",      "settle",      "forward",
                                              "gather back", "settle back", "backward" };

LodeProfile *
lode_profile_new (uint32_t workers)
{
  LodeProfile *profile = g_new0 (LodeProfile, 1);

  profile->workers = workers;
  profile->seconds = g_new0 (double, (size_t) workers *LODE_KINDS *PARTS);
  return profile;
}

void
lode_profile_free (LodeProfile *profile)
{
  if (!profile)
    return;
  g_free (profile->seconds);
  g_free (profile);
}

static uint32_t
part_of (const LodeKind *kind, LodeStepFunc run)
{
  const LodeStepFunc part[PARTS] = { kind->gather,      kind->settle,      kind->forward,
                                     kind->gather_back, kind->settle_back, kind->backward };
  uint32_t i = 0;

  while (i < PARTS - 1 && part[i] != run)
    i++;
  return i;
}

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t); /* what other processes take does not count */
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

double
lode_profile_now (const LodeProfile *profile)
{
  return profile ? now () : 0;
}

void
lode_profile_prepared (LodeProfile *profile, LodePrepare what, double begun)
{
  if (profile)
    profile->prepare[what] += now () - begun;
}

void
lode_profile_run (LodeProfile *profile, uint32_t worker, const LodeStep *step, const LodeTask *task)
{
  const LodeNode *node = &task->program->node[step->node];
  double start;

  if (!profile) {
    step->run (task, node);
    return;
  }
  start = now ();
  step->run (task, node);
  profile->seconds[(worker * LODE_KINDS + node->kind) * PARTS
                   + part_of (lode_kind_of (node), step->run)] += now () - start;
}

static int
by_seconds (const void *a_, const void *b_)
{
  const LodeShare *a = a_, *b = b_;

  return (a->seconds < b->seconds) - (a->seconds > b->seconds);
}

uint32_t
lode_profile_shares (const LodeProfile *profile, LodeShare *share, uint32_t n)
{
  static const char *const prepare_name[LODE_PREPARES] = { "record", "find" };
  LodeShare all[LODE_KINDS * PARTS + LODE_PREPARES];
  uint32_t m = 0;

  for (uint32_t i = 0; i < LODE_PREPARES; i++)
    all[m++] = (LodeShare){ "program", prepare_name[i], profile->prepare[i] };
  for (uint32_t i = 0; i < LODE_KINDS * PARTS; i++) {
    LodeNode node = { .kind = i / PARTS };
    double seconds = 0;

    for (uint32_t w = 0; w < profile->workers; w++)
      seconds += profile->seconds[w * LODE_KINDS * PARTS + i];
    if (seconds > 0 && node.kind != LODE_KIND_PLUGIN)
      all[m++] = (LodeShare){ lode_kind_of (&node)->name, part_name[i % PARTS], seconds };
  }
  qsort (all, m, sizeof *all, by_seconds);
  memcpy (share, all, MIN (m, n) * sizeof *share);
  return MIN (m, n);
}
