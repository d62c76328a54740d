/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Examples with equal pixels: found by a hash of 128 bits, kept together where splits are drawn,
 * and looked for across splits that the data give. A copy of a test example among those trained on
 * makes the test easier than it says.
 */
#include "data/private.h"

#include "error.h"

#include <stdlib.h>

enum { NAMED = 3, UNSEEN = 255 };

/* An example by its hash. */
typedef struct Mark {
  uint64_t hash[2];
  uint32_t part, at;
} Mark;

static int
compare_marks (const void *a, const void *b)
{
  const Mark *x = a, *y = b;

  for (int k = 0; k < 2; k++)
    if (x->hash[k] != y->hash[k])
      return x->hash[k] < y->hash[k] ? -1 : 1;
  if (x->part != y->part)
    return x->part < y->part ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

static bool
same (const Mark *a, const Mark *b)
{
  return a->hash[0] == b->hash[0] && a->hash[1] == b->hash[1];
}

/* Appends those of a part that `side` (or NULL: all) does not leave out. */
static uint32_t
add_marks (Mark *mark, uint32_t n, const LodePart *part, uint32_t which, const uint8_t *side)
{
  for (uint32_t i = 0; part->hash && i < part->n; i++)
    if (!side || side[i] != UNSEEN)
      mark[n++] =
          (Mark){ { part->hash[2 * (size_t) i], part->hash[2 * (size_t) i + 1] }, which, i };
  return n;
}

static uint32_t
root_of (uint32_t *parent, uint32_t at)
{
  while (parent[at] != at)
    at = parent[at] = parent[parent[at]];
  return at;
}

/* Joins groups that share a copy: examples are nodes, joined to the first of their group and to the
 * first of their copies. */
static void
join_units (LodePart *part)
{
  g_autofree uint32_t *parent = g_new (uint32_t, (size_t) part->n + 1);
  g_autoptr (GHashTable) first = g_hash_table_new (NULL, NULL);

  for (uint32_t i = 0; i < part->n; i++)
    parent[i] = i;
  for (uint32_t i = 0; i < part->n; i++) {
    void *key = GINT_TO_POINTER (part->group[i]), *head;

    parent[root_of (parent, i)] = root_of (parent, part->copy[i]);
    if (part->group[i] < 0)
      continue;
    if (g_hash_table_lookup_extended (first, key, NULL, &head))
      parent[root_of (parent, i)] = root_of (parent, GPOINTER_TO_UINT (head));
    else
      g_hash_table_insert (first, key, GUINT_TO_POINTER (i));
  }
  part->unit = g_new (int32_t, (size_t) part->n + 1);
  for (uint32_t i = 0; i < part->n; i++)
    part->unit[i] = (int32_t) root_of (parent, i);
}

void
lode_copies_find (LodePart *part)
{
  g_autofree Mark *mark = g_new (Mark, (size_t) part->n + 1);
  g_autofree uint32_t *copy = g_new (uint32_t, (size_t) part->n + 1);
  uint32_t n = add_marks (mark, 0, part, 0, NULL), found = 0;

  qsort (mark, n, sizeof *mark, compare_marks);
  for (uint32_t i = 0, head = 0; i < n; i++) {
    head = i && same (&mark[i], &mark[i - 1]) ? head : i;
    copy[mark[i].at] = mark[head].at;
    found += head != i;
  }
  if (!found)
    return;
  part->copy = g_steal_pointer (&copy);
  if (part->group)
    join_units (part);
}

static void
set_side (const LodeSplit *split, uint8_t side, uint8_t *const *of)
{
  for (uint32_t i = 0; i < split->n; i++)
    of[split->part][split->at[i]] = side;
}

/* Where each example of both parts is used: 0 to train, 1 to validate, 2 to test. */
static void
find_sides (const LodeData *data, uint8_t **side)
{
  for (int p = 0; p < LODE_PARTS; p++) {
    side[p] = g_new (uint8_t, (size_t) data->part[p].n + 1);
    memset (side[p], UNSEEN, data->part[p].n);
  }
  set_side (&data->weights, 0, side);
  set_side (&data->arch, 0, side);
  set_side (&data->valid, 1, side);
  set_side (&data->test, 2, side);
}

static void
describe (const LodeData *data, const Mark *a, const Mark *b, uint8_t *const *side, GString *text)
{
  static const char *const names[] = { "training", "validation", "test" };
  g_autofree char *x = lode_data_example_name (data, a->part, a->at);
  g_autofree char *y = lode_data_example_name (data, b->part, b->at);

  g_string_append_printf (text, "%s%s (%s) and %s (%s)", text->len ? "; " : "", x,
                          names[side[a->part][a->at]], y, names[side[b->part][b->at]]);
}

/* Examples that equal one on another side; the first of them in words. */
static uint32_t
count_across (const LodeData *data, const Mark *mark, uint32_t n, uint8_t *const *side,
              GString *text)
{
  uint32_t found = 0;

  for (uint32_t i = 1, head = 0; i < n; i++) {
    if (!same (&mark[i], &mark[i - 1])) {
      head = i;
      continue;
    }
    if (side[mark[i].part][mark[i].at] == side[mark[head].part][mark[head].at])
      continue;
    if (found++ < NAMED)
      describe (data, &mark[head], &mark[i], side, text);
  }
  if (found > NAMED)
    g_string_append (text, "; …");
  return found;
}

bool
lode_copies_check (LodeData *data, GError **error)
{
  uint8_t *side[LODE_PARTS];
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree Mark *mark =
      g_new (Mark, (size_t) data->part[LODE_PART_TRAIN].n + data->part[LODE_PART_TEST].n + 1);
  uint32_t n = 0, found;

  find_sides (data, side);
  for (uint32_t p = 0; p < LODE_PARTS; p++)
    n = add_marks (mark, n, &data->part[p], p, side[p]);
  qsort (mark, n, sizeof *mark, compare_marks);
  found = count_across (data, mark, n, side, text);
  for (int p = 0; p < LODE_PARTS; p++)
    g_free (side[p]);
  if (found && data->conf.duplicates == LODE_COPIES_ERROR) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "%u example%s lie%s on both sides of a split: %s; remove one of each, or set "
                 "data.duplicates = \"warn\" if it is meant so",
                 found, found == 1 ? "" : "s", found == 1 ? "s" : "", text->str);
    return false;
  }
  if (found)
    lode_data_note (data, "%u example%s lie%s on both sides of a split: %s", found,
                    found == 1 ? "" : "s", found == 1 ? "s" : "", text->str);
  return true;
}
