/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `bounds`: every buffer that is handed to a plugin lies between pages that fault, once
 * against the one before it and once against the one behind it. What it may only read cannot be
 * written; labels that it did not declare cannot be read. Operations have theirs in op.c.
 */
#include "guard.h"
#include "world.h"

enum { K = 5, MOST = 24 };

/* A plugin's functions with one buffer after the other; false: the test has been told. */
typedef bool (*BoundsFunc) (World *, Guards *);

static void
for_sides (Check *check, BoundsFunc f)
{
  for (GuardSide side = GUARD_BEFORE; side < GUARD_SIDES; side++) {
    g_autoptr (World) world = world_ready (check, 1);
    g_autoptr (Guards) guards = guards_new (side);

    if (!world || !f (world, guards))
      return;
  }
}

static float *
randoms (Check *check, size_t n)
{
  LodeRng rng = check_rng (check, "bounds", n);
  float *x = g_new (float, n + 1);

  for (size_t i = 0; i < n; i++)
    x[i] = (float) (1.5 * lode_rng_normal (&rng));
  return x;
}

typedef struct LossCall {
  const LodeLossOps *ops;
  LodeLoss *loss;
  const double *count;
  LodeClassTable table;
  LodeLossIn in;
  float *value, *grad;
  GError *error;
} LossCall;

static void
call_prepare (void *data)
{
  LossCall *call = data;

  call->ops->prepare (call->loss, K, call->count, &call->table, &call->error);
}

static void
call_rows (void *data)
{
  const LossCall *call = data;

  call->ops->rows (call->loss, &call->in, call->value, call->grad);
}

static float *
preset (Guards *guards, size_t n, float x, const char *what)
{
  float *at = guards_take (guards, n * sizeof *at, what);

  for (size_t i = 0; i < n; i++)
    at[i] = x;
  return at;
}

static bool
loss_rows (World *world, Guards *guards, LossCall *call, uint32_t n)
{
  g_autofree float *logit = randoms (world->check, (size_t) n * K);
  int32_t label[MOST] = { 0 };
  size_t bytes = (size_t) n * K * sizeof *logit;

  for (uint32_t i = 0; i < n; i++)
    label[i] = (int32_t) (i % K);
  call->in = (LodeLossIn){ .size = sizeof (LodeLossIn), .n = n, .k = K };
  call->in.logit = guards_seal (guards, logit, bytes, "logits");
  call->in.teacher = guards_seal (guards, call->ops->needs & LODE_TEACHER ? logit : NULL, bytes,
                                  "teacher's logits");
  call->in.label = guards_seal (guards, call->count ? label : NULL, n * sizeof *label, "labels");
  call->in.target = guards_seal (guards, call->count ? NULL : logit, bytes, "targets");
  call->value = guards_take (guards, n * sizeof *call->value, "values");
  call->grad = guards_take (guards, bytes, "gradient");
  return guards_run (guards, world->check, call_rows, call);
}

static bool
bounds_loss (World *world, Guards *guards)
{
  static const uint32_t rows[] = { 1, 2, 7, MOST };
  static const double count[K] = { 50, 20, 10, 5, 2 };

  for (int real = 0; real < 2; real++) {
    LossCall call = { .ops = world->ops, .loss = world->instance };
    bool refused;

    call.count = guards_seal (guards, real ? NULL : count, sizeof count, "class counts");
    call.table = (LodeClassTable){ .size = sizeof (LodeClassTable) };
    call.table.scale = preset (guards, K, 1, "table of scales");
    call.table.shift = preset (guards, K, 0, "table of shifts");
    call.table.margin = preset (guards, K, 0, "table of margins");
    call.table.weight = preset (guards, K, 1, "table of weights");
    if (!guards_run (guards, world->check, call_prepare, &call))
      return false;
    refused = call.error != NULL;
    g_clear_error (&call.error);
    for (size_t i = 0; !refused && call.ops->rows && i < G_N_ELEMENTS (rows); i++)
      if (!loss_rows (world, guards, &call, rows[i]))
        return false;
  }
  return true;
}

typedef struct SamplerCall {
  const LodeSamplerOps *ops;
  LodeSampler *sampler;
  LodeAsk ask;
  LodePicks picks;
  LodeSeen seen;
  GError *error;
} SamplerCall;

static void
call_select (void *data)
{
  SamplerCall *call = data;

  call->ops->select (call->sampler, &call->ask, &call->picks, &call->error);
}

static void
call_observe (void *data)
{
  const SamplerCall *call = data;

  call->ops->observe (call->sampler, &call->seen);
}

static bool
sampler_select (World *world, Guards *guards, SamplerCall *call)
{
  uint32_t room = lode_data_count (world->host->data, LODE_ROLE_WEIGHTS);

  call->ask.size = sizeof call->ask;
  call->ask.phase = "search";
  call->picks = (LodePicks){ .size = sizeof (LodePicks), .room = room };
  call->picks.index = guards_take (guards, room * sizeof (uint32_t), "indices");
  call->picks.times = guards_take (guards, room * sizeof (uint32_t), "multiplicities");
  call->picks.weight = preset (guards, room, 1, "weights");
  for (uint32_t i = 0; i < room; i++)
    call->picks.times[i] = 1;
  if (!guards_run (guards, world->check, call_select, call))
    return false;
  return !call->error
         || check_refusal (world->check, "a selection", g_steal_pointer (&call->error));
}

static bool
sampler_observe (World *world, Guards *guards, SamplerCall *call)
{
  bool declared = call->ops->needs & (LODE_SEEN | LODE_LABELS);
  uint32_t k = lode_data_classes (world->host->data), n = MIN (call->picks.n, MOST);
  g_autofree float *prob = g_new (float, (size_t) n *k + 1);
  int32_t label[MOST] = { 0 };

  for (size_t i = 0; i < (size_t) n * k; i++)
    prob[i] = 1 / (float) k;
  for (uint32_t i = 0; i < n; i++)
    label[i] = (int32_t) (call->picks.index[i] % k);
  call->seen = (LodeSeen){ .size = sizeof (LodeSeen), .n = n, .k = k };
  call->seen.index = guards_seal (guards, call->picks.index, n * sizeof (uint32_t), "indices");
  call->seen.label = declared ? guards_seal (guards, label, n * sizeof *label, "labels")
                              : guards_hide (guards, n * sizeof *label,
                                             "labels that it did not declare (its needs have "
                                             "neither LODE_SEEN nor LODE_LABELS)");
  call->seen.prob = guards_seal (guards, prob, (size_t) n * k * sizeof *prob, "probabilities");
  call->seen.loss = guards_seal (guards, prob, n * sizeof *prob, "losses");
  return guards_run (guards, world->check, call_observe, call);
}

static bool
bounds_sampler (World *world, Guards *guards)
{
  SamplerCall call = { .ops = world->ops, .sampler = world->instance };

  for (uint32_t epoch = 0; epoch < 3; epoch++) {
    call.ask.epoch = call.ops->when == LODE_WHEN_EPOCH ? epoch : 0;
    call.ask.round = call.ops->when == LODE_WHEN_ROUND ? epoch : 0;
    call.ask.valid = epoch ? 0.5 : NAN;
    if (!sampler_select (world, guards, &call)
        || (call.ops->observe && !sampler_observe (world, guards, &call)))
      return false;
  }
  return true;
}

typedef struct ReadCall {
  const LodeDatasetOps *ops;
  const LodeDataset *set;
  uint32_t part;
  LodeExamples want;
  GError *error;
} ReadCall;

static void
call_read (void *data)
{
  ReadCall *call = data;

  call->ops->read (call->set, call->part, &call->want, &call->error);
}

static bool
read_some (World *world, Guards *guards, const LodeDataInfo *info, uint32_t part, uint32_t n)
{
  ReadCall call = { .ops = world->ops, .set = world->instance, .part = part };
  size_t pixel = (size_t) info->shape.h * info->shape.w * info->shape.c
                 * (info->pixel == LODE_PIXEL_F32 ? 4 : 1);
  uint32_t index[MOST], count = info->count[part];

  for (uint32_t i = 0; i < n; i++)
    index[i] = i % 2 ? i / 2 : count - 1 - i / 2;
  call.want = (LodeExamples){ .size = sizeof (LodeExamples), .n = n };
  call.want.index = guards_seal (guards, index, n * sizeof *index, "indices");
  call.want.pixel = guards_take (guards, n * pixel, "pixels");
  call.want.label = info->classes ? guards_take (guards, 4 * (size_t) n, "labels") : NULL;
  call.want.target =
      info->targets ? guards_take (guards, 4 * (size_t) n * info->targets, "targets") : NULL;
  if (info->has & LODE_HAS_WEIGHT)
    call.want.weight = guards_take (guards, 4 * (size_t) n, "weights");
  if (info->has & LODE_HAS_GROUP)
    call.want.group = guards_take (guards, 4 * (size_t) n, "groups");
  if (info->has & LODE_HAS_SPLIT)
    call.want.split = guards_take (guards, 4 * (size_t) n, "splits");
  if (!guards_run (guards, world->check, call_read, &call))
    return false;
  return !call.error || check_fail_error (world->check, "a read", call.error);
}

static bool
bounds_dataset (World *world, Guards *guards)
{
  LodeDataInfo info = { .size = sizeof info };
  static const uint32_t some[] = { 1, 2, 7 };

  ((const LodeDatasetOps *) world->ops)->info (world->instance, &info);
  for (uint32_t part = 0; part < LODE_PARTS; part++)
    for (size_t i = 0; i < G_N_ELEMENTS (some); i++)
      if (info.count[part] >= some[i] && !read_some (world, guards, &info, part, some[i]))
        return false;
  return true;
}

/* The functions of a backbone that are given arrays. */
typedef struct FamilyCall {
  const LodeBackboneOps *ops;
  const LodeBackbone *backbone;
  const float *mix;     /* [options] */
  const uint64_t *mask; /* [decisions] */
  const uint8_t *arch;  /* [decisions] */
  uint8_t *out;         /* [decisions] */
  float *slope;         /* [options] */
  char *text;           /* or NULL */
  const char *sealed;   /* text */
  LodeRng rng;
} FamilyCall;

static void
call_arrays (void *data)
{
  FamilyCall *call = data;

  if (call->ops->derive)
    call->ops->derive (call->backbone, call->mix, call->mask, call->out);
  if (call->ops->sample)
    call->ops->sample (call->backbone, call->out, &call->rng);
  if (call->ops->repair)
    call->ops->repair (call->backbone, call->out, &call->rng);
  if (call->ops->expect)
    call->ops->expect (call->backbone, K, call->mix, call->slope);
  if (call->ops->write)
    call->text = call->ops->write (call->backbone, call->arch);
  if (call->ops->key)
    g_free (call->ops->key (call->backbone, call->arch));
  if (call->ops->draw)
    g_free (call->ops->draw (call->backbone, call->arch));
}

static void
call_text (void *data)
{
  FamilyCall *call = data;

  call->ops->read (call->backbone, call->sealed, call->out, NULL);
}

static bool
bounds_backbone (World *world, Guards *guards)
{
  FamilyCall call = { .ops = world->ops, .backbone = world->instance };
  const LodeSpace *space = call.ops->space (call.backbone);
  LodeArchFamily family = { world->ops, world->instance };
  g_autofree float *mix = g_new (float, space->options + 1);
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n + 1);
  g_autofree uint8_t *arch = g_new0 (uint8_t, space->n + 1);
  bool ok;

  call.rng = check_rng (world->check, "arch", 0);
  lode_arch_sample (&family, arch, &call.rng);
  lode_space_all (space, mask);
  for (uint32_t o = 0; o < space->options; o++)
    mix[o] = 0.5f;
  call.mix = guards_seal (guards, mix, space->options * sizeof *mix, "probabilities");
  call.mask = guards_seal (guards, mask, space->n * sizeof *mask, "mask");
  call.arch = guards_seal (guards, arch, space->n, "architecture");
  call.out = guards_take (guards, space->n, "architecture");
  memcpy (call.out, arch, space->n);
  call.slope = guards_take (guards, space->options * sizeof *mix, "gradient of the cost");
  ok = guards_run (guards, world->check, call_arrays, &call);
  if (ok && call.text && call.ops->read) {
    call.sealed = guards_seal (guards, call.text, strlen (call.text) + 1, "text");
    ok = guards_run (guards, world->check, call_text, &call);
  }
  g_free (call.text);
  return ok;
}

typedef struct BestCall {
  const LodeSearchOps *ops;
  const LodeSearch *search;
  uint8_t *arch;
} BestCall;

static void
call_best (void *data)
{
  const BestCall *call = data;

  call->ops->best (call->search, call->arch);
}

static bool
bounds_search (World *world, Guards *guards)
{
  BestCall call = { .ops = world->ops, .search = world->instance };
  GError *error = NULL;

  for (int round = 0; round < 2; round++) {
    call.arch = guards_take (guards, lode_host_space (&world->host->base)->n, "best architecture");
    if (!guards_run (guards, world->check, call_best, &call))
      return false;
    if (!world_work (world, 2, NULL, &error))
      return check_fail_error (world->check, "a step", error);
  }
  return true;
}

typedef struct ScoreCall {
  const LodeEvaluatorOps *ops;
  LodeEvaluator *evaluator;
  const uint8_t *arch;
  LodeScore *score;
  GError *error;
} ScoreCall;

static void
call_score (void *data)
{
  ScoreCall *call = data;

  call->ops->score (call->evaluator, call->arch, 1, 1, call->score, &call->error);
}

static bool
bounds_evaluator (World *world, Guards *guards)
{
  ScoreCall call = { .ops = world->ops, .evaluator = world->instance };
  const LodeHost *host = &world->host->base;
  uint32_t n = lode_host_space (host)->n;
  g_autofree uint8_t *arch = g_new0 (uint8_t, n + 1);
  LodeRng rng = check_rng (world->check, "arch", 0);

  lode_sample (host, arch, &rng);
  call.arch = guards_seal (guards, arch, n, "architecture");
  call.score = guards_take (guards, sizeof (LodeScore), "score");
  *call.score = (LodeScore){ .size = sizeof (LodeScore) };
  if (!guards_run (guards, world->check, call_score, &call))
    return false;
  return !call.error || check_fail_error (world->check, "a score", call.error);
}

typedef struct MapCall {
  const LodeExecutorOps *ops;
  LodeExecutor *executor;
  uint32_t n;
  GBytes *const *job;
  GBytes **result;
  GError *error;
} MapCall;

static void
call_map (void *data)
{
  MapCall *call = data;

  call->ops->map (call->executor, call->n, call->job, call->result, &call->error);
}

static bool
bounds_executor (World *world, Guards *guards)
{
  MapCall call = { .ops = world->ops, .executor = world->instance, .n = 5 };
  GBytes *job[5];

  for (uint32_t i = 0; i < call.n; i++)
    job[i] = g_bytes_new (&i, sizeof i);
  call.job = guards_seal (guards, job, sizeof job, "jobs");
  call.result = guards_take (guards, sizeof job, "results");
  memset (call.result, 0, sizeof job);
  if (!guards_run (guards, world->check, call_map, &call))
    return false;
  for (uint32_t i = 0; i < call.n; i++) {
    g_bytes_unref (job[i]);
    g_clear_pointer (&call.result[i], g_bytes_unref);
  }
  return !call.error || check_fail_error (world->check, "map", call.error);
}

static void
test_bounds (Check *check)
{
  static const struct {
    const char *kind;
    BoundsFunc f;
  } all[] = { { "dataset", bounds_dataset },  { "backbone", bounds_backbone },
              { "loss", bounds_loss },        { "sampler", bounds_sampler },
              { "search", bounds_search },    { "evaluator", bounds_evaluator },
              { "executor", bounds_executor } };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    if (!strcmp (all[i].kind, check->kind))
      for_sides (check, all[i].f);
}

const CheckTest check_bounds_tests[] = {
  { "bounds/buffers", "dataset backbone loss sampler search evaluator executor",
    "stays within its buffers, between pages that fault; reads alone what is not its to write",
    test_bounds },
  { NULL },
};
