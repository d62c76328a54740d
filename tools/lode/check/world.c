/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "error.h"
#include "options.h"
#include "run/config.h"
#include "run/engine.h"
#include "run/store.h"

/* Small enough for a test, and yet with every role, a space of decisions, and all that a plugin of
 * some other kind may ask for. */
static const char companions[] =
    "experiment = \"check\";\n"
    "data = {\n"
    "  type = \"noise\";\n"
    "  noise = { side = 16; channels = 3; classes = 4; train = 112; test = 24; };\n"
    "  valid = 16; arch = 0.5;\n"
    "};\n"
    "backbone = { type = \"nb201\"; nb201 = { channels = 4; cells = 1; stem_stride = 2; }; };\n"
    "loss = { type = \"ce\"; };\n"
    "sampler = { type = \"full\"; };\n"
    "search = { type = \"random\"; random = { trials = 6; batch = 2; }; };\n"
    "evaluator = { type = \"train\"; };\n"
    "executor = { type = \"here\"; };\n"
    "fit = { epochs = 1; batch = 16; rate = 0.05; };\n"
    "stages = { find = { type = \"search\"; }; };\n";

static const Driver *const drivers[] = { &check_dataset_driver,  &check_backbone_driver,
                                         &check_loss_driver,     &check_sampler_driver,
                                         &check_search_driver,   &check_evaluator_driver,
                                         &check_executor_driver, &check_stage_driver };

/* The groups of the configuration in which the kinds stand. */
static const char *const group_of[LODE_USES] = { "data",     "backbone",  "loss",
                                                 "sampler",  "search",    "evaluator",
                                                 "executor", "arch_loss", "stages" };

const Driver *
world_driver (const char *kind)
{
  for (size_t i = 0; i < G_N_ELEMENTS (drivers); i++)
    if (!strcmp (drivers[i]->kind, kind))
      return drivers[i];
  return NULL;
}

bool
world_wrong (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error_literal (error, WORLD_ERROR, 0, text);
  return false;
}

static void G_GNUC_PRINTF (3, 4) put (LodeNode *root, GPtrArray *errors, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  lode_config_override (root, text, errors);
}

/* A stage under test comes last, behind a search and a training that give it what it asks for. */
static void
put_stage (const Check *check, LodeNode *root, GPtrArray *errors)
{
  const LodeStageOps *ops = check->loaded->ops;

  put (root, errors, "stages.grow.type=\"train\"");
  put (root, errors, "stages.grow.arch=\"find\"");
  put (root, errors, "stages.subject.type=\"%s\"", check->name);
  for (const LodePort *port = ops->in; port && port->name; port++)
    if (port->art == LODE_ART_ARCH)
      put (root, errors, "stages.subject.%s=\"find\"", port->name);
    else if (port->art == LODE_ART_NET && port->required)
      put (root, errors, "stages.subject.%s=\"grow\"", port->name);
}

/* A loss that hears a teacher is that of a training behind the one that gives the teacher. */
static void
put_taught (const Check *check, LodeNode *root, GPtrArray *errors)
{
  put (root, errors, "stages.grow.type=\"train\"");
  put (root, errors, "stages.grow.arch=\"find\"");
  put (root, errors, "stages.subject.type=\"train\"");
  put (root, errors, "stages.subject.arch=\"find\"");
  put (root, errors, "stages.subject.teacher=\"grow\"");
  put (root, errors, "stages.subject.loss.type=\"%s\"", check->name);
}

static bool
is_taught (const World *world)
{
  return world->driver->use == LODE_USE_LOSS
         && ((const LodeLossOps *) world->check->loaded->ops)->needs & LODE_TEACHER;
}

/* An evaluator by shared weights stands beside a search that trains some. */
static void
put_search (const Check *check, LodeNode *root, GPtrArray *errors)
{
  g_auto (GStrv) names = lode_registry_names (check->registry, "search");

  for (char **name = names; *name; name++) {
    const LodeLoaded *loaded = lode_registry_load (check->registry, "search", *name, NULL);
    uint32_t needs = loaded ? ((const LodeSearchOps *) loaded->ops)->needs : 0;

    if (needs & LODE_SHARE && !(needs & ~(uint32_t) (LODE_SHARE | LODE_MIX))) {
      put (root, errors, "search.type=\"%s\"", *name);
      return;
    }
  }
}

static LodeNode *
configure (const World *world, uint32_t threads, GPtrArray *errors)
{
  const Check *check = world->check;
  const char *group = is_taught (world) ? "stages.subject.loss" : group_of[world->driver->use];
  LodeNode *root = lode_config_parse_text ("check", companions, errors);

  put (root, errors, "seed=%" G_GINT64_FORMAT, check->seed);
  put (root, errors, "threads=%u", threads);
  if (world->driver->use == LODE_USE_STAGE)
    put_stage (check, root, errors);
  else if (is_taught (world))
    put_taught (check, root, errors);
  else
    put (root, errors, "%s.type=\"%s\"", group, check->name);
  if (world->driver->use == LODE_USE_EVALUATOR
      && ((const LodeEvaluatorOps *) check->loaded->ops)->needs & LODE_SHARE)
    put_search (check, root, errors);
  for (const char *const *set = check->set; set && *set; set++)
    put (root, errors, "%s.%s.%s", group,
         world->driver->use == LODE_USE_STAGE ? "subject" : check->name, *set);
  return root;
}

static bool
load_experiment (World *world, uint32_t threads)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeNode) root = configure (world, threads, errors);

  if (errors->len == 0)
    world->experiment = lode_experiment_new (world->check->registry, root, errors);
  return world->experiment
         || check_skip (world->check, "there is no experiment to try it in: %s",
                        (const char *) errors->pdata[0]);
}

/* What the plugin asks for is looked at, then the host answers. */
static World *
world_of (const LodeHost *host)
{
  return lode_host_of (host)->shared->watch.data;
}

static bool
legal (const LodeHost *host, const char *what, const uint8_t *arch, GError **error)
{
  World *world = world_of (host);
  g_autoptr (GError) failure = NULL;

  if (lode_arch_check (lode_host_space (host), arch, &failure))
    return true;
  if (!world->wrong)
    world->wrong = g_strdup_printf ("expected legal architectures, found one at %s: %s", what,
                                    failure->message);
  return world_wrong (error, "%s", world->wrong);
}

/* A score that failed, or with FAIL_SOME every other one that did not. */
static LodeScore
made_up (WorldScores scores, uint64_t which)
{
  bool failed = scores == SCORES_FAIL || which % 2 == 0;
  LodeScore score = { .size = sizeof score, .macs = 1000, .params = 1000, .failed = failed };

  score.value = failed ? -INFINITY : 0.25 + 0.001 * (double) (which % 97);
  return score;
}

static bool
looked_score (const LodeHost *host, uint32_t n, const uint8_t *const *arch, double fidelity,
              LodeScore *score, GError **error)
{
  World *world = world_of (host);

  for (uint32_t i = 0; i < n; i++) {
    if (!legal (host, "lode_score", arch[i], error))
      return false;
    trace_add (world->trace, LODE_TYPE_U8, lode_host_space (host)->n, arch[i],
               "architecture scored in unit %" G_GUINT64_FORMAT, world->unit);
  }
  if (world->scores == SCORES_BREAK) {
    g_set_error (error, g_quark_from_static_string ("lode-check-scores"), 0,
                 "scoring is made to break down");
    return false;
  }
  if (world->scores == SCORES_HONEST) {
    /* What the evaluator reports is not the plugin's; a score of the journal reports nothing. */
    Trace *trace = g_steal_pointer (&world->trace);
    bool ok = lode_host_score (host, n, arch, fidelity, score, error);

    world->trace = trace;
    world->scored += n;
    return ok;
  }
  for (uint32_t i = 0; i < n; i++)
    score[i] = made_up (world->scores, world->scored++);
  return true;
}

static bool
looked_cost (const LodeHost *host, const uint8_t *arch, uint64_t *macs, uint64_t *params,
             GError **error)
{
  return legal (host, "lode_cost", arch, error) && lode_host_cost (host, arch, macs, params, error);
}

static void
looked_metric (const LodeHost *host, const char *name, double value)
{
  World *world = world_of (host);

  trace_add (world->trace, LODE_TYPE_F64, 1, &value, "metric %s of unit %" G_GUINT64_FORMAT, name,
             world->unit);
}

static LodeStageHost *
new_host (World *world, uint32_t stage)
{
  return lode_host_new (&world->shared, lode_experiment_stage (world->experiment, stage));
}

/* A stage before the one under test, to its end. */
static bool
run_stage (World *world, uint32_t stage, GError **error)
{
  LodeStageHost *host = new_host (world, stage);
  const LodeUse *use = &host->spec->use[LODE_USE_STAGE];
  const LodeStageOps *ops = use->loaded->ops;
  LodeProgress progress = { .size = sizeof progress };
  bool ok = (host->stage = ops->create (&host->base, use->conf, error)) != NULL;

  while (ok && !progress.end)
    ok = ops->step (host->stage, &progress, error);
  lode_host_free (host);
  return ok;
}

static bool
open_shared (World *world, GError **error)
{
  static const volatile int never = 0;
  Check *check = world->check;
  g_autofree char *leaf = g_strdup_printf ("world%u", check->folders++);
  g_autofree char *path = g_build_filename (check->scratch, leaf, NULL);

  world->shared = (LodeShared){ .experiment = world->experiment, .stop = &never };
  world->shared.watch.data = world;
  world->shared.engine = lode_run_engine (world->experiment, 0, error);
  if (world->shared.engine)
    world->shared.folder = lode_folder_take (path, error);
  return world->shared.folder != NULL;
}

/* The last stage is where the plugin under test is. */
static bool
open_host (World *world, GError **error)
{
  uint32_t stages = world->experiment->stages->len;

  for (uint32_t i = 0; i + 1 < stages; i++)
    if (!run_stage (world, i, error))
      return false;
  world->host = new_host (world, stages - 1);
  world->calls = *world->host->base.calls;
  world->calls.score = looked_score;
  world->calls.cost = looked_cost;
  world->calls.metric = looked_metric;
  world->host->base.calls = &world->calls;
  world->conf = world->host->spec->use[world->driver->use].conf;
  if (!world->conf && world->check->loaded->table.n > 0) {
    g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);

    world->owner = g_ptr_array_new_with_free_func (g_free);
    world->conf = world->own = options_fill (world->check, NULL, world->owner, errors);
    if (!world->own)
      return world_wrong (error, "%s", (const char *) errors->pdata[0]);
  }
  return true;
}

World *
world_new (Check *check, uint32_t threads)
{
  g_autoptr (World) world = g_new0 (World, 1);
  g_autoptr (GError) error = NULL;

  world->check = check;
  world->driver = world_driver (check->kind);
  world->ops = check->loaded->ops;
  if (!load_experiment (world, threads))
    return NULL;
  if (open_shared (world, &error) && open_host (world, &error))
    return g_steal_pointer (&world);
  check_skip (check, "the experiment to try it in fails: %s", error->message);
  return NULL;
}

void
world_free (World *world)
{
  if (!world)
    return;
  world_destroy (world);
  lode_host_free (world->host);
  lode_folder_release (world->shared.folder);
  lode_engine_free (world->shared.engine);
  lode_experiment_free (world->experiment);
  g_free (world->wrong);
  g_free (world->own);
  g_clear_pointer (&world->owner, g_ptr_array_unref);
  g_free (world);
}

bool
world_create (World *world, const void *conf, GError **error)
{
  GError *failure = NULL;

  world->unit = world->done = 0;
  world->ended = false;
  world->instance = world->driver->create (world, conf ? conf : world->conf, &failure);
  if (!world->instance && !failure)
    return world_wrong (error, "create gave NULL: expected an error that says why, found none set");
  if (world->instance && failure) {
    world_wrong (error, "create gave an instance: expected no error, found: %s", failure->message);
    g_error_free (failure);
    return false;
  }
  if (failure)
    g_propagate_error (error, failure);
  return world->instance != NULL;
}

void
world_destroy (World *world)
{
  if (!world->instance)
    return;
  world->driver->destroy (world->ops, world->instance);
  world->instance = NULL;
  if (world->host)
    world->host->search = NULL;
}

bool
world_names_files (const LodeOption *option)
{
  return option->type == LODE_OPTION_TEXT
         && (strstr (option->name, "folder") || strstr (option->name, "file")
             || strstr (option->name, "path"));
}

/* Whether it lacks files that nobody has said where to find. */
static bool
lacks_files (const Check *check)
{
  const LodeTable *table = &check->loaded->table;

  if ((strcmp (check->kind, "dataset") && strcmp (check->kind, "evaluator"))
      || (check->set && *check->set))
    return false;
  for (uint32_t i = 0; i < table->n; i++)
    if (world_names_files (lode_table_at (table, i)))
      return true;
  return false;
}

World *
world_ready (Check *check, uint32_t threads)
{
  g_autoptr (World) world = world_new (check, threads);
  GError *error = NULL;

  if (!world)
    return NULL;
  if (world_create (world, NULL, &error))
    return g_steal_pointer (&world);
  if (lacks_files (check)) {
    check_skip (check, "its files are not here; give them by --set OPTION=VALUE (%s)",
                error->message);
    g_error_free (error);
  } else
    check_fail_error (check, "create with its options as they come", error);
  return NULL;
}

bool
world_work (World *world, uint32_t n, Trace *trace, GError **error)
{
  bool ok = true;

  world->trace = trace;
  for (uint32_t i = 0; ok && i < n && !world->ended; i++, world->unit++)
    ok = world->driver->work (world, world->unit, error);
  world->trace = NULL;
  if (ok && world->wrong)
    return world_wrong (error, "%s", world->wrong);
  return ok;
}

bool
world_progress (World *world, const LodeProgress *progress, GError **error)
{
  uint64_t before = world->done;

  world->done = progress->done;
  world->ended = progress->end;
  if (world->lost)
    return true;
  if (progress->of && progress->done > progress->of)
    return world_wrong (error,
                        "expected progress up to %" G_GUINT64_FORMAT ", found %" G_GUINT64_FORMAT,
                        progress->of, progress->done);
  if (progress->done < before)
    return world_wrong (
        error, "expected progress to grow, found %" G_GUINT64_FORMAT " behind %" G_GUINT64_FORMAT,
        progress->done, before);
  return true;
}

LodeData *
world_data (World *world)
{
  GError *error = NULL;
  LodeData *data = lode_host_data (world->host, &error);

  if (!data)
    check_fail_error (world->check, "the data", error);
  return data;
}

/* Whoever of the host's plugins has state, as in a checkpoint. */
static void
instances (const World *world, void *instance[LODE_USES])
{
  const LodeStageHost *host = world->host;

  memset (instance, 0, LODE_USES * sizeof *instance);
  instance[LODE_USE_SEARCH] = host->search;
  instance[LODE_USE_SAMPLER] = host->sampler;
  instance[LODE_USE_EVALUATOR] = host->evaluator;
  instance[world->driver->use] = world->instance;
}

static LodeStore *
view_of (const World *world, uint32_t use, const LodeStore *store)
{
  g_autofree char *prefix =
      g_strconcat (use == world->driver->use ? "subject" : lode_use_kinds[use], ".", NULL);

  return lode_store_view ((LodeStore *) (uintptr_t) store, prefix);
}

static const LodeStateOps *
state_of (const World *world, uint32_t use)
{
  const LodeLoaded *loaded = world->host->spec->use[use].loaded;

  return loaded ? loaded->state : NULL;
}

void
world_save (World *world, LodeStore *store)
{
  void *instance[LODE_USES];

  lode_memory_save (world->host, store);
  instances (world, instance);
  for (uint32_t use = 0; use < LODE_USES; use++)
    if (instance[use] && state_of (world, use)) {
      g_autoptr (LodeStore) view = view_of (world, use, store);

      state_of (world, use)->save (instance[use], view);
    }
  lode_open_save (world->host, store);
}

bool
world_load (World *world, const LodeStore *store, GError **error)
{
  void *instance[LODE_USES];

  if (!lode_memory_load (world->host, store, error))
    return false;
  instances (world, instance);
  for (uint32_t use = 0; use < LODE_USES; use++)
    if (instance[use] && state_of (world, use)) {
      g_autoptr (LodeStore) view = view_of (world, use, store);

      if (!state_of (world, use)->load (instance[use], view, error))
        return false;
    }
  return lode_open_load (world->host, store, error);
}
