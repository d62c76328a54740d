/* SPDX-License-Identifier: Apache-2.0 */
#include "run/plan.h"

#include "error.h"
#include "run/engine.h"

#include <sys/resource.h>
#include <time.h>

/* Real steps of a loop: the first ones compile programs and touch memory. */
enum { WARM = 2, MEASURED = 6 };

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Adds `times` that which lies between two states of a ledger. */
static void
book (LodeLedger *ledger, const LodeLedger *before, double times)
{
  ledger->samples += (uint64_t) (times * (double) (ledger->samples - before->samples));
  ledger->macs += (uint64_t) (times * (double) (ledger->macs - before->macs));
}

/* Validations of a loop that are left out: forward only, about a third of a training pass. */
static double
validation_time (const LodeStageHost *host, double step)
{
  const LodeFitConf *fit = &host->spec->fit;
  double valid = lode_data_count (host->data, LODE_ROLE_VALID);

  if (fit->validate <= 0)
    return 0;
  return step / 3 * valid / (double) fit->batch * (double) (fit->epochs / fit->validate);
}

/* The rest of a loop: its samples, its time, and every example of the pool seen. */
static void
book_rest (LodeOpen *open, const LodeProgress *progress)
{
  LodeStageHost *host = open->host;
  double step = (now () - open->begun) / MEASURED;
  double rest = (double) progress->of - (double) progress->done;

  book (&host->ledger, &open->before, rest / MEASURED);
  host->ledger.distinct = lode_data_count (host->data, LODE_ROLE_WEIGHTS);
  host->booked += rest * step + validation_time (host, step);
}

bool
lode_plan_fit_step (LodeOpen *open, LodeProgress *progress, GError **error)
{
  const LodeFitCalls *calls = open->calls;

  if (open->steps == WARM) {
    open->begun = now ();
    open->before = open->host->ledger;
  }
  if (!calls->step (open->object, progress, error))
    return false;
  open->steps++;
  if (progress->end || open->steps < WARM + MEASURED)
    return true;
  book_rest (open, progress);
  progress->done = progress->of;
  progress->end = true;
  return true;
}

static void
note_params (const LodeStageHost *host, LodePlanStage *plan)
{
  for (guint i = 0; i < host->open->len; i++) {
    const LodeOpen *open = g_ptr_array_index (host->open, i);

    if (open->what == LODE_OPEN_NET)
      plan->params = MAX (plan->params, lode_params_count (lode_net_params (open->object)));
  }
}

/* Where a measurement of a stage's own steps stands. */
typedef struct Measured {
  LodeLedger ledger;
  double at; /* seconds, booked ones included */
  uint64_t done;
} Measured;

static Measured
measure (const LodeStageHost *host, const LodeProgress *progress)
{
  return (Measured){ host->ledger, now () + host->booked, progress->done };
}

/* The remaining units cost what those between `from` and now did. */
static void
extrapolate (LodeStageHost *host, const LodeProgress *progress, const Measured *from, double *wall)
{
  Measured to = measure (host, progress);
  double units = (double) (to.done - from->done);
  double rest = (double) progress->of - (double) to.done;

  if (units <= 0 || rest <= 0)
    return;
  book (&host->ledger, &from->ledger, rest / units);
  host->ledger.distinct = lode_data_count (host->data, LODE_ROLE_WEIGHTS);
  host->ledger.scores +=
      (uint64_t) (rest / units * (double) (to.ledger.scores - from->ledger.scores));
  *wall += rest / units * (to.at - from->at);
}

static bool
run_a_while (LodeStageHost *host, double seconds, LodePlanStage *plan, GError **error)
{
  const LodeStageOps *ops = host->spec->use[LODE_USE_STAGE].loaded->ops;
  LodeProgress progress = { .size = sizeof progress };
  double begun = now (), wall = 0;
  Measured from = measure (host, &progress);

  for (int steps = 0; !progress.end; steps++) {
    if (steps == WARM)
      from = measure (host, &progress);
    if (steps >= WARM + MEASURED && now () - begun > seconds)
      break;
    if (!ops->step (host->stage, &progress, error))
      return false;
    if (steps == 0)
      note_params (host, plan);
    if (now () - begun > 8 * seconds && progress.done > from.done)
      break;
  }
  if (!progress.end)
    extrapolate (host, &progress, &from, &wall);
  plan->steps = progress.of;
  host->ledger.wall = now () - begun + host->booked + wall;
  return true;
}

static bool
plan_stage (const LodeShared *shared, uint32_t stage, double seconds, LodePlanStage *plan,
            GError **error)
{
  const LodeStageSpec *spec = lode_experiment_stage (shared->experiment, stage);
  const LodeUse *use = &spec->use[LODE_USE_STAGE];
  LodeStageHost *host = lode_host_new (shared, spec);
  double begun = now ();
  struct rusage usage;
  bool ok;

  host->stage = ((const LodeStageOps *) use->loaded->ops)->create (&host->base, use->conf, error);
  begun = now () - begun;
  ok = host->stage && run_a_while (host, seconds, plan, error);
  if (ok) {
    plan->ledger = host->ledger;
    plan->ledger.wall += begun;
    plan->bytes = getrusage (RUSAGE_SELF, &usage) == 0 ? (uint64_t) usage.ru_maxrss * 1024 : 0;
  } else
    g_prefix_error (error, "stage %s: ", spec->name);
  lode_host_free (host);
  return ok;
}

bool
lode_plan_stage (const LodeExperiment *experiment, uint32_t stage, uint32_t threads, double seconds,
                 LodePlanStage *plan, GError **error)
{
  static const volatile int never = 0;
  LodeShared shared = { .experiment = experiment, .stop = &never, .plan = true };
  bool ok;

  *plan = (LodePlanStage){ 0 };
  shared.engine = lode_run_engine (experiment, threads, error);
  if (!shared.engine)
    return false;
  ok = plan_stage (&shared, stage, seconds, plan, error);
  lode_engine_free (shared.engine);
  return ok;
}
