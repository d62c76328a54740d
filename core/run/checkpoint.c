/* SPDX-License-Identifier: Apache-2.0 */
#include "run/checkpoint.h"

#include "error.h"

#define FILE_NAME "ckpt/state.safetensors"
#define CLOCK_NAME "ckpt/clock"

enum { CLOCK = 9 };

/* The plugins of a stage that may have state, by kind. */
static void
instances (const LodeStageHost *host, void *instance[LODE_USES])
{
  memset (instance, 0, LODE_USES * sizeof *instance);
  instance[LODE_USE_STAGE] = host->stage;
  instance[LODE_USE_SEARCH] = host->search;
  instance[LODE_USE_SAMPLER] = host->sampler;
  instance[LODE_USE_EVALUATOR] = host->evaluator;
}

static void
save_plugins (const LodeStageHost *host, LodeStore *store)
{
  void *instance[LODE_USES];

  instances (host, instance);
  for (uint32_t kind = 0; kind < LODE_USES; kind++) {
    const LodeStateOps *state =
        host->spec->use[kind].loaded ? host->spec->use[kind].loaded->state : NULL;
    g_autofree char *prefix = g_strconcat (lode_use_kinds[kind], ".", NULL);
    g_autoptr (LodeStore) view = NULL;

    if (!instance[kind] || !state || !state->save)
      continue;
    view = lode_store_view (store, prefix);
    state->save (instance[kind], view);
  }
}

static bool
load_plugins (LodeStageHost *host, const LodeStore *store, GError **error)
{
  void *instance[LODE_USES];

  instances (host, instance);
  for (uint32_t kind = 0; kind < LODE_USES; kind++) {
    const LodeStateOps *state =
        host->spec->use[kind].loaded ? host->spec->use[kind].loaded->state : NULL;
    g_autofree char *prefix = g_strconcat (lode_use_kinds[kind], ".", NULL);
    g_autoptr (LodeStore) view = NULL;

    if (!instance[kind] || !state || !state->load)
      continue;
    view = lode_store_view ((LodeStore *) (uintptr_t) store, prefix);
    if (!state->load (instance[kind], view, error)) {
      g_prefix_error (error, "%s %s: ", lode_use_kinds[kind],
                      host->spec->use[kind].loaded->plugin->name);
      return false;
    }
  }
  return true;
}

static void
save_stage (LodeStageHost *host, LodeStore *store)
{
  const LodeLedger *l = &host->ledger;
  const uint64_t clock[CLOCK] = {
    l->samples,     l->distinct,    l->labels,
    l->macs,        l->scores,      host->grown[0],
    host->grown[1], host->labelled, host->book ? lode_book_settled (host->book) : host->settled
  };

  const double simulated[] = { l->simulated, host->memory.seconds };

  lode_store_put (store, "run.ledger", LODE_TYPE_U64, CLOCK, clock);
  if (l->simulated > 0)
    lode_store_put (store, "run.simulated", LODE_TYPE_F64, 2, simulated);
  lode_store_text (store, "best", host->best);
  if (host->data) {
    lode_store_put (store, "run.seen", LODE_TYPE_U8,
                    lode_data_count (host->data, LODE_ROLE_WEIGHTS), host->seen);
    lode_store_text (store, "data", lode_data_digest (host->data));
  }
  for (guint i = 0; i < host->figures->len; i++) {
    const LodeFigure *figure = &g_array_index (host->figures, LodeFigure, i);
    g_autofree char *name = g_strconcat ("figure.", figure->name, NULL);

    lode_store_put (store, name, LODE_TYPE_F64, 1, &figure->value);
  }
  lode_memory_save (host, store);
  save_plugins (host, store);
  lode_open_save (host, store);
}

static bool
save_clock (const LodeShared *shared, const LodeStageHost *host, GError **error)
{
  g_autofree char *text =
      g_strdup_printf ("%.3f %.3f %.17g\n", host ? host->ledger.cpu : 0,
                       host ? host->ledger.wall : 0, host ? host->memory.seconds : 0);

  return lode_folder_write (shared->folder, CLOCK_NAME, text, strlen (text), error);
}

bool
lode_checkpoint_save (const LodeShared *shared, const LodePlace *place, LodeStageHost *host,
                      GError **error)
{
  g_autoptr (LodeStore) store = lode_store_new ();
  g_autofree char *path = lode_folder_file (shared->folder, FILE_NAME, error);
  uint64_t journal = place->journal;

  if (!path || (shared->journal && !lode_journal_sync (shared->journal, &journal, error))
      || (host && host->book && !lode_book_sync (host->book, error)))
    return false;
  {
    const uint64_t where[] = { place->stage, place->step, journal };

    lode_store_put (store, "run.place", LODE_TYPE_U64, G_N_ELEMENTS (where), where);
  }
  lode_store_text (store, "format", "1");
  if (host)
    save_stage (host, store);
  return save_clock (shared, host, error) && lode_store_write (store, path, error);
}

char *
lode_checkpoint_path (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, FILE_NAME, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

LodeStore *
lode_checkpoint_open (const LodeShared *shared, LodePlace *place, GError **error)
{
  g_autofree char *path = lode_folder_file (shared->folder, FILE_NAME, error);
  g_autoptr (LodeStore) store = NULL;
  uint64_t where[3];

  *place = (LodePlace){ 0 };
  if (!path || !g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  store = lode_store_read (path, error);
  if (!store || !lode_store_get (store, "run.place", LODE_TYPE_U64, 3, where, error))
    return NULL;
  if (where[0] > shared->experiment->stages->len) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s: is at stage %" G_GUINT64_FORMAT " of an experiment of %u", path, where[0],
                 shared->experiment->stages->len);
    return NULL;
  }
  *place = (LodePlace){ (uint32_t) where[0], where[1], where[2] };
  return g_steal_pointer (&store);
}

static void
load_figures (LodeStageHost *host, const LodeStore *store)
{
  g_autofree const char **names = lode_store_names (store);

  for (const char **name = names; *name; name++) {
    double value;

    if (g_str_has_prefix (*name, "figure.")
        && lode_store_get (store, *name, LODE_TYPE_F64, 1, &value, NULL))
      lode_result (&host->base, *name + strlen ("figure."), value);
  }
}

static void
load_clock (LodeStageHost *host)
{
  g_autofree char *path = lode_folder_file (host->shared->folder, CLOCK_NAME, NULL), *text = NULL;
  char *end;

  if (!path || !g_file_get_contents (path, &text, NULL, NULL))
    return;
  host->ledger.cpu = g_ascii_strtod (text, &end);
  host->ledger.wall = g_ascii_strtod (end, &end);
  host->memory.seconds = g_ascii_strtod (end, NULL);
}

/* Other data under the same name would give other bits. */
static bool
check_data (const LodeData *data, const LodeStore *store, GError **error)
{
  const char *was = lode_store_find_text (store, "data"), *is = lode_data_digest (data);

  if (!g_strcmp0 (was, is))
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "the data have changed since the checkpoint: sha256 was %.12s…, now it is %.12s…; "
               "put the files back, or begin another run",
               was ? was : "?", is);
  return false;
}

static bool
load_seen (LodeStageHost *host, const LodeStore *store, GError **error)
{
  LodeData *data;
  uint32_t type;
  size_t n;

  if (!lode_store_count (store, "run.seen", &type, &n))
    return true;
  data = lode_host_data (host, error);
  return data && check_data (data, store, error)
         && lode_store_get (store, "run.seen", LODE_TYPE_U8,
                            lode_data_count (data, LODE_ROLE_WEIGHTS), host->seen, error);
}

/* Simulated seconds are exact, unlike those of the clock. */
static void
load_simulated (LodeStageHost *host, const LodeStore *store)
{
  double simulated[2];

  if (!lode_store_get (store, "run.simulated", LODE_TYPE_F64, 2, simulated, NULL))
    return;
  host->ledger.simulated = simulated[0];
  host->memory.seconds = simulated[1];
}

bool
lode_checkpoint_load (LodeStageHost *host, const LodeStore *store, GError **error)
{
  LodeLedger *l = &host->ledger;
  uint64_t clock[CLOCK];

  if (!lode_store_get (store, "run.ledger", LODE_TYPE_U64, CLOCK, clock, error)
      || !load_seen (host, store, error))
    return false;
  *l = (LodeLedger){ .samples = clock[0],
                     .distinct = clock[1],
                     .labels = clock[2],
                     .macs = clock[3],
                     .scores = clock[4] };
  host->grown[0] = clock[5];
  host->grown[1] = clock[6];
  host->labelled = (uint32_t) clock[7];
  host->settled = clock[8];
  g_free (host->best);
  host->best = g_strdup (lode_store_find_text (store, "best"));
  load_clock (host);
  load_simulated (host, store);
  load_figures (host, store);
  return lode_memory_load (host, store, error) && load_plugins (host, store, error)
         && lode_open_load (host, store, error) && lode_grow_cut (host, error);
}
