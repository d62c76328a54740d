/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plugins of a stage hold open. An object that is made for a plugin gets a table whose
 * `free` also strikes it off the list; everything else in that table is the object's own.
 */
#include "run/host.h"

#include "error.h"
#include "run/plan.h"
#include "train/fit.h"

/* Objects of this process that are kept, by address. [main] */
static GHashTable *kept;

/* The head of every such object. */
typedef struct Object {
  const void *calls;
} Object;

static LodeOpen *
take_off (void *object)
{
  LodeOpen *open = g_hash_table_lookup (kept, object);

  g_hash_table_remove (kept, object);
  g_ptr_array_remove (open->host->open, open);
  ((Object *) object)->calls = open->calls;
  return open;
}

static void
net_free (LodeNet *net)
{
  LodeOpen *open = take_off (net);
  const LodeUse *use = open->host->spec->use;

  if (open->host->given == net)
    open->host->given = NULL;
  net->calls->free (net);
  ((const LodeLossOps *) use[LODE_USE_LOSS].loaded->ops)->destroy (open->loss);
  if (open->arch_loss)
    ((const LodeLossOps *) use[LODE_USE_ARCH_LOSS].loaded->ops)->destroy (open->arch_loss);
  g_free (open);
}

static void
optim_free (LodeOptim *optim)
{
  g_free (take_off (optim));
  optim->calls->free (optim);
}

static void
stream_close (LodeStream *stream)
{
  g_free (take_off (stream));
  stream->calls->close (stream);
}

static void
fit_free (LodeFit *fit)
{
  LodeOpen *open = take_off (fit);

  fit->calls->free (fit);
  lode_stream_close (open->stream);
  g_free (open);
}

/* Under a plan a loop makes only some of its steps. */
static bool
fit_step (LodeFit *fit, LodeProgress *progress, GError **error)
{
  LodeOpen *open = g_hash_table_lookup (kept, fit);

  if (open->host->shared->plan)
    return lode_plan_fit_step (open, progress, error);
  return ((const LodeFitCalls *) open->calls)->step (fit, progress, error);
}

/* The object's table with another `free`. Objects of a kind share one table, so one copy serves. */
static const void *
guarded (uint32_t what, const void *calls)
{
  static LodeNetCalls net;
  static LodeOptimCalls optim;
  static LodeStreamCalls stream;
  static LodeFitCalls fit;

  switch (what) {
  case LODE_OPEN_NET:
    net = *(const LodeNetCalls *) calls;
    net.free = net_free;
    return &net;
  case LODE_OPEN_OPTIM:
    optim = *(const LodeOptimCalls *) calls;
    optim.free = optim_free;
    return &optim;
  case LODE_OPEN_STREAM:
    stream = *(const LodeStreamCalls *) calls;
    stream.close = stream_close;
    return &stream;
  default:
    fit = *(const LodeFitCalls *) calls;
    fit.free = fit_free;
    fit.step = fit_step;
    return &fit;
  }
}

LodeOpen *
lode_open_keep (LodeStageHost *host, uint32_t what, void *object)
{
  LodeOpen *open = g_new0 (LodeOpen, 1);

  if (!kept)
    kept = g_hash_table_new (NULL, NULL);
  open->host = host;
  open->what = what;
  open->object = object;
  open->calls = ((Object *) object)->calls;
  ((Object *) object)->calls = guarded (what, open->calls);
  g_hash_table_insert (kept, object, open);
  g_ptr_array_add (host->open, open);
  return open;
}

static const char *const words[] = { "net", "optim", "stream", "fit" };

/* "net.0.", the next one of its kind. */
static char *
next_prefix (const LodeOpen *open, uint32_t count[4])
{
  return g_strdup_printf ("%s.%u.", words[open->what], count[open->what]++);
}

void
lode_open_save (const LodeStageHost *host, LodeStore *store)
{
  uint32_t count[4] = { 0 };

  for (guint i = 0; i < host->open->len; i++) {
    const LodeOpen *open = g_ptr_array_index (host->open, i);
    g_autofree char *prefix = NULL;

    if (open->object == host->given || open->object == host->teacher)
      continue;
    prefix = next_prefix (open, count);
    if (open->what == LODE_OPEN_NET)
      lode_net_store (open->object, prefix, store);
    else if (open->what == LODE_OPEN_OPTIM)
      lode_optim_store (open->object, prefix, store);
    else if (open->what == LODE_OPEN_STREAM)
      lode_stream_save (open->object, prefix, store);
    else
      lode_fit_store (open->object, prefix, store);
  }
  lode_store_put (store, "open", LODE_TYPE_U32, 4, count);
}

static bool
load_one (const LodeOpen *open, const char *prefix, const LodeStore *store, GError **error)
{
  if (open->what == LODE_OPEN_NET)
    return lode_net_restore (open->object, prefix, store, error);
  if (open->what == LODE_OPEN_OPTIM)
    return lode_optim_restore (open->object, prefix, store, error);
  if (open->what == LODE_OPEN_STREAM)
    return lode_stream_load (open->object, prefix, store, error);
  return lode_fit_restore (open->object, prefix, store, error);
}

bool
lode_open_load (LodeStageHost *host, const LodeStore *store, GError **error)
{
  uint32_t count[4] = { 0 }, saved[4];

  if (!lode_store_get (store, "open", LODE_TYPE_U32, 4, saved, error))
    return false;
  for (guint i = 0; i < host->open->len; i++) {
    const LodeOpen *open = g_ptr_array_index (host->open, i);
    g_autofree char *prefix = NULL;

    if (open->object == host->given || open->object == host->teacher)
      continue;
    prefix = next_prefix (open, count);
    if (count[open->what] <= saved[open->what] && !load_one (open, prefix, store, error))
      return false;
  }
  for (int what = 0; what < 4; what++)
    if (count[what] != saved[what]) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                   "stage %s holds %u of kind %s open, its checkpoint has %u: the checkpoint is of "
                   "another version of a plugin",
                   host->spec->name, count[what], words[what], saved[what]);
      return false;
    }
  return true;
}
