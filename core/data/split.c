/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits by role: seeded, stratified by class; groups stay together; splits that the data give are
 * kept.
 *
 * Splits are taken one after another from what is left. Each gets its share of every class to
 * within one example, and at least one where a class must be in all of them. A smaller split of the
 * same seed is contained in a larger one, class by class.
 */
#include "data/private.h"

#include "compute/seed.h"
#include "error.h"

#include <math.h>
#include <string.h>

enum { NAMED = 20 /* classes in a message */ };

/* What is to be taken: `amount` of `from`. */
typedef struct Take {
  const LodeData *data;
  const LodePart *part;
  const char *key; /* the option behind it */
  uint32_t amount;
  uint32_t later; /* examples of each class that must stay behind */
  bool every;     /* every class must be in it */
  uint64_t seed;
  LodeSplit *from, *to;
  uint32_t classes; /* bins: unlabelled or real targets, then the classes */
  uint32_t *count;  /* [classes] in `from` */
} Take;

static uint32_t
bin (const LodePart *part, uint32_t example)
{
  return part->label ? (uint32_t) (part->label[example] + 1) : 0;
}

static const char *
bin_name (const LodeData *data, uint32_t c)
{
  return c ? lode_data_class_name (data, c - 1) : "(unlabelled)";
}

/* Examples of an option: a number, or a share of n. */
static bool
wanted (const char *key, double amount, uint32_t n, uint32_t *out, GError **error)
{
  bool share = amount <= 1;
  double exact = share ? amount * n : amount;

  *out = 0;
  if (!(amount > 0))
    return true;
  if (!share && amount != floor (amount)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "%s = %g: expected a share up to 1, or a whole number of examples", key, amount);
    return false;
  }
  if (exact > n) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "%s = %.0f: there are only %u examples to take from", key, amount, n);
    return false;
  }
  *out = (uint32_t) CLAMP (floor (exact + 0.5), n ? 1 : 0, n);
  return true;
}

/* Every class that is, in one message. */
static bool
too_small (const Take *take, GError **error)
{
  g_autoptr (GString) classes = g_string_new (NULL);
  uint32_t n = 0;

  for (uint32_t c = 1; c < take->classes; c++)
    if (take->count[c] && take->count[c] < 1 + take->later && n++ < NAMED)
      g_string_append_printf (classes, "%s\"%s\" has %u example%s", n > 1 ? ", " : "",
                              bin_name (take->data, c), take->count[c],
                              take->count[c] == 1 ? "" : "s");
  g_set_error (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
      "class %s%s, too few for a stratified %s and %u more split%s; add examples, merge or "
      "remove the class, or set %s to 0",
      classes->str, n > NAMED ? " …" : "", take->key, take->later, take->later == 1 ? "" : "s",
      take->key);
  return false;
}

/* Bounds of what may be taken of each class; false: no division meets them. low, high: [classes] */
static bool
bound (const Take *take, uint32_t *low, uint32_t *high, GError **error)
{
  uint64_t least = 0, most = 0;
  uint32_t present = 0;

  for (uint32_t c = 0; c < take->classes; c++)
    present += take->count[c] > 0;
  for (uint32_t c = 0; c < take->classes; c++) {
    if (take->every && c && take->count[c] && take->count[c] < 1 + take->later)
      return too_small (take, error);
    low[c] = take->count[c] && (take->every ? c > 0 : take->amount >= present);
    high[c] = take->count[c] - (take->every && c ? MIN (take->later, take->count[c]) : 0);
    least += low[c];
    most += high[c];
  }
  if (least <= take->amount && take->amount <= most)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "%s comes to %u of %u examples, which cannot hold every class and leave some of it; "
               "expected %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
               take->key, take->amount, take->from->n, least, most);
  return false;
}

/* Whole numbers near amount · count / n that sum to amount: largest remainders within the bounds.
 * quota: [classes] */
static bool
apportion (const Take *take, uint32_t *quota, GError **error)
{
  g_autofree uint32_t *low = g_new (uint32_t, take->classes),
                      *high = g_new (uint32_t, take->classes);
  double share = take->from->n ? (double) take->amount / take->from->n : 0;
  uint64_t sum = 0;

  if (!bound (take, low, high, error))
    return false;
  for (uint32_t c = 0; c < take->classes; c++) {
    quota[c] = CLAMP ((uint32_t) (share * take->count[c]), low[c], high[c]);
    sum += quota[c];
  }
  while (sum != take->amount) {
    bool more = sum < take->amount;
    uint32_t best = UINT32_MAX;
    double most = -INFINITY;

    for (uint32_t c = 0; c < take->classes; c++) {
      double gap = share * take->count[c] - quota[c];

      gap = more ? gap : -gap;
      if (gap > most && (more ? quota[c] < high[c] : quota[c] > low[c])) {
        most = gap;
        best = c;
      }
    }
    quota[best] = more ? quota[best] + 1 : quota[best] - 1;
    sum = more ? sum + 1 : sum - 1;
  }
  return true;
}

static void
shuffle (uint32_t *at, uint32_t n, LodeRng rng)
{
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = lode_rng_below (&rng, i), swap = at[i - 1];

    at[i - 1] = at[j];
    at[j] = swap;
  }
}

/* Equal examples among those to take from: they go together. */
typedef struct Copies {
  const uint32_t *copy; /* of the part */
  uint32_t *count;      /* [part's n] in `from`, at the first of each set */
  bool *stays;          /* [part's n] a set of more than one class */
} Copies;

static void
copies_free (Copies *copies)
{
  g_free (copies->count);
  g_free (copies->stays);
  g_free (copies);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Copies, copies_free)

static Copies *
copies_new (const Take *take)
{
  const LodePart *part = take->part;
  Copies *copies = g_new0 (Copies, 1);

  copies->copy = part->copy;
  copies->count = g_new0 (uint32_t, (size_t) part->n + 1);
  copies->stays = g_new0 (bool, (size_t) part->n + 1);
  for (uint32_t i = 0; i < take->from->n; i++) {
    uint32_t at = take->from->at[i], first = part->copy[at];

    copies->count[first]++;
    copies->stays[first] = copies->stays[first] || bin (part, at) != bin (part, first);
  }
  return copies;
}

/* Of a class in seeded order, up to `quota` examples in whole sets; a set too large for what is
 * left to take stays behind. list: [n] */
static void
choose_whole (const Copies *copies, const uint32_t *list, uint32_t n, uint32_t quota, bool *chosen)
{
  g_autofree bool *taken = g_new0 (bool, (size_t) n + 1);
  g_autoptr (GHashTable) sets = g_hash_table_new (NULL, NULL); /* first example → taken or not */

  for (uint32_t i = 0; i < n; i++) {
    uint32_t first = copies->copy[list[i]], size = copies->count[first];
    void *known = GUINT_TO_POINTER (first + 1);

    if (!g_hash_table_contains (sets, known)) {
      bool take = !copies->stays[first] && size <= quota;

      quota -= take ? size : 0;
      g_hash_table_insert (sets, known, GINT_TO_POINTER (take));
    }
    chosen[list[i]] = GPOINTER_TO_INT (g_hash_table_lookup (sets, known));
  }
}

/* Marks quota[c] examples of each class, the first of a seeded order of the class. */
static void
choose (const Take *take, const uint32_t *quota, bool *chosen)
{
  g_autofree uint32_t *start = g_new0 (uint32_t, take->classes + 1),
                      *list = g_new (uint32_t, take->from->n + 1);
  g_autofree uint32_t *fill = NULL;
  g_autoptr (Copies) copies = take->every && take->part->copy ? copies_new (take) : NULL;

  for (uint32_t c = 0; c < take->classes; c++)
    start[c + 1] = start[c] + take->count[c];
  fill = g_memdup2 (start, (take->classes + 1) * sizeof *start);
  for (uint32_t i = 0; i < take->from->n; i++)
    list[fill[bin (take->part, take->from->at[i])]++] = take->from->at[i];
  for (uint32_t c = 0; c < take->classes; c++) {
    shuffle (list + start[c], take->count[c], lode_seed_rng (take->seed, take->key, c, 0));
    if (copies)
      choose_whole (copies, list + start[c], take->count[c], quota[c], chosen);
    for (uint32_t i = 0; !copies && i < quota[c]; i++)
      chosen[list[start[c] + i]] = true;
  }
}

/* Whoever must stay together: a group, or one example without. */
typedef struct Unit {
  uint32_t first, n; /* in a list of examples */
  uint64_t tie;
} Unit;

static int
compare_units (const void *a, const void *b)
{
  const Unit *x = a, *y = b;

  return x->tie != y->tie ? (x->tie < y->tie ? -1 : 1)
                          : (x->first > y->first) - (x->first < y->first);
}

static int
compare_groups (const void *a, const void *b, void *data)
{
  const int32_t *unit = data;
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

  if (unit[x] != unit[y])
    return unit[x] < unit[y] ? -1 : 1;
  return (x > y) - (x < y);
}

/* list: [from->n] examples, groups side by side; units in seeded order, so that large groups are no
 * likelier. */
static Unit *
make_units (const Take *take, uint32_t *list, uint32_t *n)
{
  int32_t *group = take->part->unit ? take->part->unit : take->part->group;
  LodeRng rng = lode_seed_rng (take->seed, take->key, 0, 1);
  Unit *unit = g_new (Unit, take->from->n + 1);

  memcpy (list, take->from->at, take->from->n * sizeof *list);
  g_qsort_with_data (list, (gint) take->from->n, sizeof *list, compare_groups, group);
  *n = 0;
  for (uint32_t i = 0; i < take->from->n; i++)
    if (i && group[list[i]] >= 0 && group[list[i]] == group[list[i - 1]])
      unit[*n - 1].n++;
    else
      unit[(*n)++] = (Unit){ i, 1, lode_rng_bits (&rng) };
  qsort (unit, *n, sizeof *unit, compare_units);
  return unit;
}

/* By how much a unit brings the classes taken (got) nearer to their shares, as a sum of squares. */
static double
gain (const Take *take, const uint32_t *list, const Unit *unit, double share, double *got)
{
  double sum = 0;

  for (uint32_t i = 0; i < unit->n; i++) {
    uint32_t c = bin (take->part, list[unit->first + i]);

    sum += 2 * (share * take->count[c] - got[c]) - 1;
    got[c] += 1;
  }
  for (uint32_t i = 0; i < unit->n; i++)
    got[bin (take->part, list[unit->first + i])] -= 1;
  return sum;
}

/* Groups that bring the classes nearer to their shares, in seeded order: about `amount` examples.
 */
static void
choose_groups (const Take *take, bool *chosen)
{
  g_autofree uint32_t *list = g_new (uint32_t, take->from->n + 1);
  g_autofree double *got = g_new0 (double, take->classes);
  uint32_t n, taken = 0;
  g_autofree Unit *unit = make_units (take, list, &n);
  double share = take->from->n ? (double) take->amount / take->from->n : 0;

  for (uint32_t u = 0; u < n; u++) {
    bool last = u + 1 == n && taken == 0 && (n > 1 || !take->later);

    if (!last && gain (take, list, &unit[u], share, got) <= 0)
      continue;
    for (uint32_t i = 0; i < unit[u].n; i++, taken++) {
      chosen[list[unit[u].first + i]] = true;
      got[bin (take->part, list[unit[u].first + i])] += 1;
    }
  }
}

/* With groups or copies the shares are approximate, so a class may be on one side only. */
static bool
check_groups (const Take *take, GError **error)
{
  g_autofree uint32_t *got = g_new0 (uint32_t, take->classes);

  for (uint32_t i = 0; i < take->to->n; i++)
    got[bin (take->part, take->to->at[i])]++;
  for (uint32_t c = 1; take->every && c < take->classes; c++)
    if (take->count[c] && (got[c] == 0 || got[c] == take->count[c])) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                   "class \"%s\" has %u examples in too few or too large groups for %s, since "
                   "groups and equal examples stay together; take more data (data.train), or "
                   "change %s",
                   bin_name (take->data, c), take->count[c], take->key, take->key);
      return false;
    }
  return true;
}

/* Moves the chosen from `from` to `to`; both stay in order. */
static void
divide (Take *take, const bool *chosen)
{
  LodeSplit *from = take->from, *to = take->to;
  uint32_t left = 0;

  to->part = from->part;
  to->at = g_renew (uint32_t, to->at, from->n + 1);
  to->n = 0;
  for (uint32_t i = 0; i < from->n; i++)
    if (chosen[from->at[i]])
      to->at[to->n++] = from->at[i];
    else
      from->at[left++] = from->at[i];
  from->n = left;
}

static bool
take_from (Take take, GError **error)
{
  g_autofree bool *chosen = g_new0 (bool, (size_t) take.part->n + 1);
  g_autofree uint32_t *count = NULL, *quota = NULL;

  if (take.amount == 0)
    return true;
  take.classes = take.data->info.classes + 1;
  count = take.count = g_new0 (uint32_t, take.classes);
  quota = g_new0 (uint32_t, take.classes);
  for (uint32_t i = 0; i < take.from->n; i++)
    take.count[bin (take.part, take.from->at[i])]++;
  if (take.part->group) {
    choose_groups (&take, chosen);
    divide (&take, chosen);
    return check_groups (&take, error);
  }
  if (!apportion (&take, quota, error))
    return false;
  choose (&take, quota, chosen);
  divide (&take, chosen);
  return !take.part->copy || check_groups (&take, error);
}

void
lode_split_quota (const LodeData *data, const char *key, bool whole, const uint32_t *quota,
                  LodeSplit *from, LodeSplit *to)
{
  const LodePart *part = &data->part[from->part];
  g_autofree bool *chosen = g_new0 (bool, (size_t) part->n + 1);
  uint32_t classes = data->info.classes + 1;
  g_autofree uint32_t *count = g_new0 (uint32_t, classes);
  Take take = { data, part, key, 0, 0, whole, data->seed, from, to, classes, count };

  for (uint32_t i = 0; i < from->n; i++)
    count[bin (part, from->at[i])]++;
  choose (&take, quota, chosen);
  divide (&take, chosen);
}

/* Where no example has a label, there is nothing to prefer to those without. */
static bool
drops_unlabelled (const LodeData *data, const LodePart *part)
{
  for (uint32_t i = 0; data->conf.unlabelled == LODE_UNLABELLED_DROP && part->label && i < part->n;
       i++)
    if (part->label[i] >= 0)
      return true;
  return false;
}

static void
note_unlabelled (LodeData *data)
{
  const LodePart *part = &data->part[LODE_PART_TRAIN];
  uint32_t without = 0;

  for (uint32_t i = 0; part->label && i < part->n; i++)
    without += part->label[i] < 0;
  if (without && drops_unlabelled (data, part))
    lode_data_note (data,
                    "%u of %u examples have no label and are left out; data.unlabelled = \"keep\" "
                    "leaves them in the pool",
                    without, part->n);
}

/* Examples of a part: all, or those that the data's own split names. */
static LodeSplit
candidates (const LodeData *data, uint32_t which, int32_t split)
{
  const LodePart *part = &data->part[which];
  LodeSplit all = { .part = which, .at = g_new (uint32_t, (size_t) part->n + 1) };
  bool drop = drops_unlabelled (data, part);

  for (uint32_t i = 0; i < part->n; i++)
    if ((!part->split || which == LODE_PART_TEST || part->split[i] == split)
        && !(drop && part->label[i] < 0))
      all.at[all.n++] = i;
  return all;
}

/* Replaces a split by a seeded part of itself. */
static bool
reduce (const LodeData *data, const char *key, double amount, LodeSplit *split, GError **error)
{
  g_autofree uint32_t *rest = split->at;
  LodeSplit from = *split;
  Take take = { .data = data,
                .part = &data->part[split->part],
                .key = key,
                .from = &from,
                .to = split,
                .seed = data->seed };

  if (amount <= 0) {
    rest = NULL;
    return true;
  }
  split->at = NULL;
  split->n = 0;
  return wanted (key, amount, from.n, &take.amount, error) && take_from (take, error);
}

/* A test split of the training part, for data that come without one. It depends on nothing in which
 * stages of a run may differ, so that what one tests another has not trained on. */
static bool
take_test (LodeData *data, GError **error)
{
  Take take = { .data = data,
                .part = &data->part[LODE_PART_TRAIN],
                .key = "data.test",
                .from = &data->weights,
                .to = &data->test,
                .every = true,
                .later = 1,
                .seed = (uint64_t) data->conf.split_seed };

  data->drawn = data->conf.test > 0;
  return wanted (take.key, data->conf.test, data->weights.n, &take.amount, error)
         && take_from (take, error);
}

/* Before the profile of what is left, so that validation has the classes as the data have them. */
static bool
take_valid (LodeData *data, Take take, GError **error)
{
  if (!wanted (take.key, data->conf.valid, data->weights.n, &take.amount, error))
    return false;
  return data->conf.valid_balanced && take.amount
             ? lode_profile_valid (data, take.amount, take.later, error)
             : take_from (take, error);
}

static bool
split_train (LodeData *data, GError **error)
{
  const LodePart *part = &data->part[LODE_PART_TRAIN];
  bool arch = data->conf.arch > 0;
  Take take = {
    .data = data, .part = part, .from = &data->weights, .every = true, .seed = data->seed
  };

  data->weights = candidates (data, LODE_PART_TRAIN, LODE_SPLIT_TRAIN);
  if (part->split && !data->part[LODE_PART_TEST].n)
    data->test = candidates (data, LODE_PART_TRAIN, LODE_SPLIT_TEST);
  if (!data->part[LODE_PART_TEST].n && !data->test.n && !take_test (data, error))
    return false;
  if (!reduce (data, "data.train", data->conf.train, &data->weights, error))
    return false;
  if (part->split)
    data->valid = candidates (data, LODE_PART_TRAIN, LODE_SPLIT_VALID);
  take.key = "data.valid";
  take.later = arch ? 2 : 1;
  take.to = &data->valid;
  if (data->valid.n == 0 && !take_valid (data, take, error))
    return false;
  if (!lode_profile_apply (data, error))
    return false;
  take.key = "data.arch";
  take.later = 1;
  take.to = &data->arch;
  if (!wanted (take.key, MIN (data->conf.arch, 1), data->weights.n, &take.amount, error)
      || !take_from (take, error))
    return false;
  if (data->weights.n)
    return true;
  g_set_error_literal (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
      "no example is left for training; lower data.valid or data.arch, or take more data");
  return false;
}

static bool
split_test (LodeData *data, GError **error)
{
  if (data->part[LODE_PART_TEST].n)
    data->test = candidates (data, LODE_PART_TEST, LODE_SPLIT_TEST);
  return data->test.n == 0 || data->drawn
         || reduce (data, "data.test", data->conf.test, &data->test, error);
}

/* Mean of the examples' weights; all zero would leave nothing to learn from. */
static bool
weigh (const LodeData *data, LodeSplit *split, const char *name, GError **error)
{
  const float *weight = data->part[split->part].weight;
  double sum = 0;

  for (uint32_t i = 0; i < split->n; i++)
    sum += weight ? (double) weight[split->at[i]] : 1;
  split->weight = split->n ? sum / split->n : 1;
  if (split->weight > 0)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "all %u examples of the %s split have weight 0; expected at least one above",
               split->n, name);
  return false;
}

bool
lode_split_all (LodeData *data, GError **error)
{
  note_unlabelled (data);
  return split_train (data, error) && split_test (data, error)
         && weigh (data, &data->weights, "training", error)
         && weigh (data, &data->arch, "architecture", error)
         && weigh (data, &data->valid, "validation", error)
         && weigh (data, &data->test, "test", error);
}
