/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `state`: what a checkpoint keeps of a plugin is all that it needs, and a damaged checkpoint
 * does no harm. A plugin without lode.state/1 is taken at its word: it has nothing to save.
 */
#include "world.h"

#include "run/store.h"

#define KINDS "sampler search evaluator stage"
#define SUBJECT "subject."

enum { ROUNDS = 40 };

static const LodeStateOps *
state_of (const World *world)
{
  return world->check->loaded->state;
}

static bool
do_work (World *world, uint32_t n, Trace *trace)
{
  GError *error = NULL;

  return world_work (world, n, trace, &error) || check_fail_error (world->check, "work", error);
}

/* Names, types and contents of all arrays. */
static void
trace_store (Trace *trace, const LodeStore *store)
{
  g_autofree const char **names = lode_store_names (store);

  for (const char **name = names; *name; name++) {
    uint32_t type;
    size_t n;
    g_autofree void *data = NULL;

    lode_store_count (store, *name, &type, &n);
    data = g_malloc0 (8 * n + 1);
    lode_store_get (store, *name, type, n, data, NULL);
    trace_add (trace, type, n, data, "array %s", *name);
  }
}

static bool
load_into (World *world, const LodeStore *store)
{
  GError *error = NULL;

  return world_load (world, store, &error)
         || check_fail_error (world->check, "load of what it saved", error);
}

/* Saved after `before` units and loaded into a fresh world: the rest is the same. */
static bool
continue_after (Check *check, uint32_t before)
{
  g_autoptr (World) whole = world_ready (check, 1);
  g_autoptr (World) part = whole ? world_ready (check, 1) : NULL;
  g_autoptr (Trace) expected = trace_new ();
  g_autoptr (Trace) found = trace_new ();
  g_autoptr (LodeStore) store = lode_store_new ();
  g_autoptr (LodeStore) second = lode_store_new ();
  g_autofree char *differs = NULL;
  uint32_t rest;

  if (!part || !do_work (whole, before, NULL))
    return false;
  rest = whole->driver->units;
  world_save (whole, store);
  if (!load_into (part, store))
    return false;
  part->unit = whole->unit;
  part->done = whole->done;
  part->ended = whole->ended;
  world_save (part, second);
  trace_store (expected, store);
  trace_store (found, second);
  if (!do_work (whole, rest, expected) || !do_work (part, rest, found))
    return false;
  differs = trace_compare (expected, found);
  return !differs
         || check_fail (check,
                        "expected it to go on alike after save and load behind %u units of work, "
                        "found %s%s",
                        before, differs,
                        state_of (whole) ? "" : "; it has state and no " LODE_STATE_ID);
}

static void
test_continue (Check *check)
{
  uint32_t units = world_driver (check->kind)->units;

  for (uint32_t before = 0; before <= units; before += MAX (units / 3, 1))
    if (!continue_after (check, before))
      return;
}

/* A world some way on, its twin, and the plugin's own part of what was saved. */
typedef struct Pair {
  World *world, *twin;
  LodeStore *store;
  char **names; /* of the plugin's arrays, without the prefix */
} Pair;

static void
pair_clear (Pair *pair)
{
  world_free (pair->world);
  world_free (pair->twin);
  lode_store_free (pair->store);
  g_strfreev (pair->names);
}

static char **
own_names (const LodeStore *store)
{
  g_autofree const char **names = lode_store_names (store);
  GPtrArray *own = g_ptr_array_new ();

  for (const char **name = names; *name; name++)
    if (g_str_has_prefix (*name, SUBJECT))
      g_ptr_array_add (own, g_strdup (*name + strlen (SUBJECT)));
  g_ptr_array_add (own, NULL);
  return (char **) g_ptr_array_free (own, FALSE);
}

static bool
pair_open (Pair *pair, Check *check)
{
  memset (pair, 0, sizeof *pair);
  if (!check->loaded->state)
    return check_skip (check, "it has no " LODE_STATE_ID);
  pair->world = world_ready (check, 1);
  pair->twin = pair->world ? world_ready (check, 1) : NULL;
  if (!pair->twin || !do_work (pair->world, 1, NULL) || !do_work (pair->twin, 1, NULL))
    return false;
  pair->store = lode_store_new ();
  world_save (pair->world, pair->store);
  pair->names = own_names (pair->store);
  return *pair->names || check_skip (check, "it saves nothing");
}

/* A copy of the plugin's arrays, as it sees them, but for one that `change` makes up. */
typedef void (*ChangeFunc) (LodeStore *, const char *name, uint32_t type, size_t n, void *data,
                            LodeRng *);

static LodeStore *
copy_with (const Pair *pair, const char *which, ChangeFunc change, LodeRng *rng)
{
  g_autoptr (LodeStore) from = lode_store_view (pair->store, SUBJECT);
  LodeStore *to = lode_store_new ();

  for (char **name = pair->names; *name; name++) {
    g_autofree void *data = NULL;
    uint32_t type;
    size_t n;

    lode_store_count (from, *name, &type, &n);
    data = g_malloc0 (8 * n + 8);
    lode_store_get (from, *name, type, n, data, NULL);
    if (which && strcmp (which, *name))
      lode_store_put (to, *name, type, n, data);
    else
      change (to, *name, type, n, data, rng);
  }
  return to;
}

static void
leave_out (LodeStore *to, const char *name, uint32_t type, size_t n, void *data, LodeRng *rng)
{
  (void) to;
  (void) name;
  (void) type;
  (void) n;
  (void) data;
  (void) rng;
}

static void
mistype (LodeStore *to, const char *name, uint32_t type, size_t n, void *data, LodeRng *rng)
{
  (void) rng;
  lode_store_put (to, name, type == LODE_TYPE_U8 ? LODE_TYPE_F64 : LODE_TYPE_U8,
                  type == LODE_TYPE_U8 ? (n + 7) / 8 : n, data);
}

static void
shorten (LodeStore *to, const char *name, uint32_t type, size_t n, void *data, LodeRng *rng)
{
  (void) rng;
  lode_store_put (to, name, type, n - (n > 0), data);
}

static void
scramble (LodeStore *to, const char *name, uint32_t type, size_t n, void *data, LodeRng *rng)
{
  static const uint8_t width[] = { 8, 1, 4, 4, 8, 4, 8, 8 };
  uint8_t *bytes = data;

  for (size_t i = 0; i < n * width[type < sizeof width ? type : 0]; i++)
    bytes[i] = (uint8_t) lode_rng_bits (rng);
  lode_store_put (to, name, type, n, data);
}

/* Loads; refused: it must have been, with a message. */
static bool
load_damaged (Pair *pair, const LodeStore *store, const char *what, bool must, bool *accepted)
{
  Check *check = pair->world->check;
  GError *error = NULL;

  *accepted = state_of (pair->world)->load (pair->world->instance, store, &error);
  if (*accepted && error) {
    check_fail (check, "load of %s: expected true without an error, found: %s", what,
                error->message);
    g_error_free (error);
    return false;
  }
  if (!*accepted)
    return check_refusal (check, what, error);
  return !must || check_fail (check, "load of %s: expected a refusal, found it accepted", what);
}

/* A refused state has changed nothing: world and twin go on alike. */
static void
compare_twins (Pair *pair)
{
  g_autoptr (Trace) expected = trace_new ();
  g_autoptr (Trace) found = trace_new ();
  g_autofree char *differs = NULL;
  uint32_t rest = pair->world->driver->units;

  if (!do_work (pair->twin, rest, expected) || !do_work (pair->world, rest, found))
    return;
  differs = trace_compare (expected, found);
  if (differs)
    check_fail (pair->world->check,
                "expected a refused state to change nothing, found afterwards %s", differs);
}

static bool
damage (Pair *pair, const char *name, ChangeFunc change, const char *how, bool must)
{
  g_autoptr (LodeStore) store = copy_with (pair, name, change, NULL);
  g_autofree char *what = g_strdup_printf ("a state whose array %s %s", name, how);
  bool accepted;

  return load_damaged (pair, store, what, must, &accepted);
}

static void
test_damaged (Check *check)
{
  g_auto (GStrv) none = NULL;
  Pair pair;
  bool ok = pair_open (&pair, check), accepted;

  for (char **name = ok ? pair.names : NULL; ok && *name; name++)
    ok = damage (&pair, *name, leave_out, "is missing", true)
         && damage (&pair, *name, mistype, "has another type", true);
  if (ok) {
    g_autoptr (LodeStore) empty = lode_store_new ();

    ok = load_damaged (&pair, empty, "an empty state", true, &accepted);
  }
  if (ok)
    compare_twins (&pair);
  pair_clear (&pair);
}

/* A shorter array may be one of any length; then what came of it must work. */
static void
test_short (Check *check)
{
  Pair pair;
  bool ok = pair_open (&pair, check);

  for (char **name = ok ? pair.names : NULL; ok && *name; name++) {
    g_autoptr (LodeStore) store = copy_with (&pair, *name, shorten, NULL);
    bool accepted = false;

    ok = load_damaged (&pair, store, "a state with a shorter array", false, &accepted);
    if (ok && accepted)
      ok = do_work (pair.world, 1, NULL);
  }
  pair_clear (&pair);
}

/* Numbers that no run would write: refused, or worked with until an error says what is wrong. */
static bool
try_random (Check *check, const Pair *pair, uint64_t round)
{
  g_autoptr (World) world = world_ready (check, 1);
  LodeRng rng = check_rng (check, "state", round);
  const char *which =
      round % 2 ? pair->names[lode_rng_below (&rng, g_strv_length (pair->names))] : NULL;
  g_autoptr (LodeStore) store = copy_with (pair, which, scramble, &rng);
  GError *error = NULL;

  if (!world)
    return false;
  if (!state_of (world)->load (world->instance, store, &error))
    return check_refusal (check, "load of random numbers", error);
  world->lost = true;
  if (world_work (world, 2, NULL, &error))
    return true;
  if (error && error->domain == WORLD_ERROR)
    return check_fail_error (check, "work after load accepted random numbers", error);
  return check_refusal (check, "work after load accepted random numbers", error);
}

static void
test_random (Check *check)
{
  Pair pair;
  bool ok = pair_open (&pair, check);

  for (uint64_t round = 0; ok && round < ROUNDS; round++)
    ok = try_random (check, &pair, round);
  pair_clear (&pair);
}

const CheckTest check_state_tests[] = {
  { "state/continue", KINDS, "goes on with the same bits after save and load", test_continue },
  { "state/damaged", KINDS, "refuses a state with arrays missing or mistyped, and is unharmed",
    test_damaged },
  { "state/short", KINDS, "survives a state with an array cut short", test_short },
  { "state/random", KINDS, "survives a state of random numbers", test_random },
  { NULL },
};
