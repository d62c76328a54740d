/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches that score, on the landscape: means over 50 runs against published figures, each
 * architecture scored once, limits, batches, and spaces that run out.
 */
#include "landscape.h"
#include "toy-host.h"

enum { RUNS = 50, BUDGET = 1000 };

typedef struct Setting {
  const char *name;
  int64_t number;
} Setting;

typedef struct Case {
  const char *title, *search, *mode;
  Setting set[4];
  double mean; /* of best-of-run after 1000 scores, 200 seeds */
} Case;

static const Case cases[] = {
  { "random", "random", NULL, { { "trials", BUDGET } }, 17.06 },
  { "aging-50-10", "ea", "aging", { { "population", 50 }, { "sample", 10 } }, 21.90 },
  { "aging-100-25", "ea", "aging", { { "population", 100 }, { "sample", 25 } }, 22.06 },
  { "aging-20-5", "ea", "aging", { { "population", 20 }, { "sample", 5 } }, 21.50 },
  { "worst-50-10", "ea", "worst", { { "population", 50 }, { "sample", 10 } }, 21.97 },
  { "generations", "ea", "generations", { { "population", 50 }, { "parents", 10 } }, 21.84 },
};

static LodeNode *
group_of (const Case *at)
{
  LodeNode *group = test_group ();

  if (at->mode)
    test_set_text (group, "mode", at->mode);
  for (const Setting *set = at->set; set->name; set++)
    test_set (group, set->name, set->number);
  return group;
}

/* A search on a landscape. */
typedef struct Climb {
  Land *land;
  const LodeSearchOps *ops;
  const LodeStateOps *state;
  LodeSearch *search;
  GPtrArray *owner;
  LodeProgress progress;
} Climb;

static Climb
climb_new (const char *name, LodeNode *group, uint64_t seed)
{
  const LodeLoaded *loaded = test_load ("search", name);
  g_autoptr (GError) error = NULL;
  Climb climb = { .land = land_new (seed),
                  .ops = loaded->ops,
                  .state = loaded->state,
                  .owner = g_ptr_array_new_with_free_func (g_free),
                  .progress.size = sizeof climb.progress };

  climb.search = climb.ops->create (&climb.land->host, test_conf (loaded, group, climb.owner),
                                    land_get_space (), &error);
  g_assert_no_error (error);
  return climb;
}

static void
climb_steps (Climb *climb, uint32_t n)
{
  g_autoptr (GError) error = NULL;

  for (uint32_t i = 0; i < n && !climb->progress.end; i++) {
    climb->ops->step (climb->search, &climb->progress, &error);
    g_assert_no_error (error);
  }
}

static void
climb_free (Climb *climb)
{
  climb->ops->destroy (climb->search);
  land_free (climb->land);
  g_ptr_array_unref (climb->owner);
}

/* The optimum by dynamic programming, and the values that are known. */
static void
test_formula (void)
{
  double best[LAND_STATES] = { 0 };
  uint8_t arch[LAND_GENES] = { 0 },
          top[] = { 1, 3, 1, 3, 3, 1, 3, 1, 3, 1, 1, 3, 1, 3, 1, 1, 3, 1, 3, 1 };

  for (uint32_t i = 0; i < LAND_GENES; i++) {
    double next[LAND_STATES];

    for (uint32_t s = 0; s < LAND_STATES; s++) {
      next[s] = -INFINITY;
      for (uint32_t t = 0; t < LAND_STATES; t++)
        next[s] = MAX (next[s], best[t] + (i && (s + t) % 4 == 0 ? 0.5 : 0) + land_gene (i, s));
    }
    memcpy (best, next, sizeof best);
  }
  g_assert_cmpfloat_with_epsilon (MAX (MAX (best[0], best[1]), MAX (best[2], best[3])),
                                  22.2941176471, 1e-9);
  g_assert_cmpfloat_with_epsilon (land_value (top), 22.2941176471, 1e-9);
  g_assert_cmpfloat_with_epsilon (land_value (arch), 18.7352941176, 1e-9);
  memset (arch, 1, sizeof arch);
  g_assert_cmpfloat_with_epsilon (land_value (arch), 9.5294117647, 1e-9);
  for (uint8_t i = 0; i < LAND_GENES; i++)
    arch[i] = i % 4;
  g_assert_cmpfloat_with_epsilon (land_value (arch), 9.1764705882, 1e-9);
}

static void
test_mean (const void *data)
{
  const Case *at = data;
  double sum = 0, square = 0;

  for (uint64_t seed = 1; seed <= RUNS; seed++) {
    Climb climb = climb_new (at->search, group_of (at), seed);
    uint8_t arch[LAND_GENES];

    climb_steps (&climb, UINT32_MAX);
    climb.ops->best (climb.search, arch);
    g_assert_cmpuint (climb.land->scored, ==, BUDGET);
    g_assert_cmpuint (climb.land->asked, ==, BUDGET);
    g_assert_cmpfloat (land_value (arch), ==, climb.land->value);
    sum += climb.land->value;
    square += climb.land->value * climb.land->value;
    climb_free (&climb);
  }
  g_test_message ("%s: %.3f (%.3f), published %.2f", at->title, sum / RUNS,
                  sqrt ((square - sum * sum / RUNS) / (RUNS - 1)), at->mean);
  g_assert_cmpfloat_with_epsilon (sum / RUNS, at->mean, 0.2);
}

/* A policy that learns finds far more than chance does. */
static void
test_reinforce (void)
{
  double sum = 0;

  for (uint64_t seed = 1; seed <= RUNS; seed++) {
    LodeNode *group = test_group ();
    Climb climb;

    test_set (group, "trials", BUDGET);
    climb = climb_new ("reinforce", group, seed);
    climb_steps (&climb, UINT32_MAX);
    g_assert_cmpuint (climb.land->asked, ==, BUDGET);
    sum += climb.land->value;
    climb_free (&climb);
  }
  g_test_message ("reinforce: %.3f", sum / RUNS);
  g_assert_cmpfloat (sum / RUNS, >, 19);
}

/* The limits hold for every architecture that was scored, and cost nothing but draws. */
static void
test_limits (void)
{
  const Case at = {
    NULL, "ea", NULL, { { "max_macs", 25 }, { "max_params", 4 }, { "scores", 300 } }, 0
  };
  Climb climb = climb_new ("ea", group_of (&at), 3);
  GHashTableIter iter;
  gpointer key;

  climb_steps (&climb, UINT32_MAX);
  g_assert_cmpuint (climb.land->scored, ==, 300);
  g_hash_table_iter_init (&iter, climb.land->known);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    uint32_t sum = 0, threes = 0;

    for (const char *c = key; *c; c++) {
      sum += (uint32_t) (*c - '0');
      threes += *c == '3';
    }
    g_assert_cmpuint (sum, <=, 25);
    g_assert_cmpuint (threes, <=, 4);
  }
  climb_free (&climb);
}

static void
test_impossible (void)
{
  const Case at = { NULL, "ea", NULL, { { "max_macs", 1 } }, 0 };
  Climb climb = climb_new ("ea", group_of (&at), 3);
  g_autoptr (GError) error = NULL;

  g_assert_false (climb.ops->step (climb.search, &climb.progress, &error));
  g_assert_nonnull (strstr (error->message, "max_macs"));
  climb_free (&climb);
}

static bool
is_odd (const uint8_t *arch)
{
  return arch[0] & 1;
}

/* Architectures that fail are passed over, in every mode. */
static void
test_failures (void)
{
  static const char *const modes[] = { "aging", "worst", "generations" };

  for (size_t m = 0; m < G_N_ELEMENTS (modes); m++) {
    const Case at = { NULL, "ea", modes[m], { { "scores", 400 } }, 0 };
    Climb climb = climb_new ("ea", group_of (&at), 7);
    uint8_t arch[LAND_GENES];

    climb.land->fails = is_odd;
    climb_steps (&climb, UINT32_MAX);
    climb.ops->best (climb.search, arch);
    g_assert_false (is_odd (arch));
    g_assert_cmpfloat (land_value (arch), >, 17);
    climb_free (&climb);
  }
}

static ToyStore *
saved (const Climb *climb)
{
  ToyStore *store = toy_store_new ();

  climb->state->save (climb->search, &store->base);
  return store;
}

static void
carry_over (Land *to, const Land *from)
{
  GHashTableIter iter;
  gpointer key, score;

  g_hash_table_remove_all (to->known);
  g_hash_table_iter_init (&iter, from->known);
  while (g_hash_table_iter_next (&iter, &key, &score))
    g_hash_table_insert (to->known, g_strdup (key), g_memdup2 (score, sizeof (LodeScore)));
  memcpy (to->best, from->best, sizeof to->best);
  to->value = from->value;
}

/* Stopped anywhere and continued elsewhere: the same best, the same state. */
static void
test_resume (const void *data)
{
  const Case *at = data;

  for (uint32_t stop = 1; stop < 130; stop += 40) {
    Climb whole = climb_new (at->search, group_of (at), 5),
          part = climb_new (at->search, group_of (at), 5);
    Climb rest = climb_new (at->search, group_of (at), 5);
    ToyStore *store, *a, *b;
    g_autoptr (GError) error = NULL;
    GHashTableIter iter;
    gpointer name, bytes;

    climb_steps (&whole, 140);
    climb_steps (&part, stop);
    store = saved (&part);
    climb_steps (&rest, 3); /* what a load must overwrite */
    carry_over (rest.land, part.land);
    rest.state->load (rest.search, &store->base, &error);
    g_assert_no_error (error);
    climb_steps (&rest, 140 - stop);
    a = saved (&whole);
    b = saved (&rest);
    g_hash_table_iter_init (&iter, a->at);
    while (g_hash_table_iter_next (&iter, &name, &bytes))
      g_assert_true (g_bytes_equal (bytes, g_hash_table_lookup (b->at, name)));
    g_assert_cmpfloat (whole.land->value, ==, rest.land->value);
    toy_store_free (store);
    toy_store_free (a);
    toy_store_free (b);
    climb_free (&whole);
    climb_free (&part);
    climb_free (&rest);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/landscape/formula", test_formula);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *mean = g_strconcat ("/landscape/mean/", cases[i].title, NULL);
    g_autofree char *resume = g_strconcat ("/landscape/resume/", cases[i].title, NULL);

    g_test_add_data_func (mean, &cases[i], test_mean);
    g_test_add_data_func (resume, &cases[i], test_resume);
  }
  g_test_add_func ("/landscape/reinforce", test_reinforce);
  g_test_add_func ("/landscape/limits", test_limits);
  g_test_add_func ("/landscape/impossible", test_impossible);
  g_test_add_func ("/landscape/failures", test_failures);
  return g_test_run ();
}
