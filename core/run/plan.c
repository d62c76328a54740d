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

/* Validations of a loop that has made so many of its steps. */
static uint64_t
validations (const LodeStageHost *host, uint64_t done, uint64_t of)
{
  const LodeFitConf *fit = &host->spec->fit;
  uint64_t epochs = (uint64_t) fit->epochs, every = (uint64_t) fit->validate;

  if (every == 0 || of == 0)
    return 0;
  return done >= of ? (epochs + every - 1) / every : done / (of / epochs) / every;
}

/* What a pass over the weights cost on the average, with what validations took kept apart: forward
 * only, they cost a third. */
typedef struct Rate {
  double samples; /* of a step */
  double macs;    /* of a sample, forward */
  double seconds; /* of a step */
} Rate;

static Rate
rate_of (const LodeOpen *open, const LodeProgress *progress, double valid)
{
  const LodeStageHost *host = open->host;
  double looked = valid
                  * (double) (validations (host, progress->done, progress->of)
                              - validations (host, progress->done - MEASURED, progress->of));
  double samples = (double) (host->ledger.samples - open->before.samples) - looked;
  double macs = (double) (host->ledger.macs - open->before.macs);
  double passes = MEASURED + looked / 3 / (double) host->spec->fit.batch;

  return (Rate){ samples / MEASURED, macs / MAX (3 * samples + looked, 1),
                 (now () - open->begun) / passes };
}

/* The rest of a loop: its samples, its time, and every example of the pool seen. */
static void
book_rest (LodeOpen *open, const LodeProgress *progress)
{
  LodeStageHost *host = open->host;
  double valid = lode_data_count (host->data, LODE_ROLE_VALID);
  Rate rate = rate_of (open, progress, valid);
  double steps = (double) progress->of - (double) progress->done;
  double trained = steps * rate.samples;
  double looked = valid
                  * (double) (validations (host, progress->of, progress->of)
                              - validations (host, progress->done, progress->of));

  host->ledger.samples += (uint64_t) (trained + looked);
  host->ledger.macs += (uint64_t) (rate.macs * (3 * trained + looked));
  host->ledger.distinct = lode_data_count (host->data, LODE_ROLE_WEIGHTS);
  host->booked += rate.seconds * (steps + looked / 3 / (double) host->spec->fit.batch);
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

static uint64_t
more (uint64_t measured, double times)
{
  return (uint64_t) (times * (double) measured);
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
  host->ledger.samples += more (to.ledger.samples - from->ledger.samples, rest / units);
  host->ledger.macs += more (to.ledger.macs - from->ledger.macs, rest / units);
  host->ledger.scores += more (to.ledger.scores - from->ledger.scores, rest / units);
  host->ledger.distinct = lode_data_count (host->data, LODE_ROLE_WEIGHTS);
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
    if (now () - begun > 8 * seconds && progress.done > from.done)
      break;
  }
  if (!progress.end)
    extrapolate (host, &progress, &from, &wall);
  plan->steps = progress.of;
  plan->params = host->weights;
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
