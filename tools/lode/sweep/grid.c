/* SPDX-License-Identifier: Apache-2.0 */
#include "grid.h"

#include "plugin/option.h"
#include "run/config.h"

#include <string.h>

#define MOST_POINTS 100000

/* A setting that is removed from its group (transfer full), or NULL. */
static LodeNode *
steal (LodeNode *group, const char *name)
{
  LodeNode *child = lode_node_child (group, name), *copy;

  if (!child)
    return NULL;
  copy = lode_node_copy (child);
  g_ptr_array_remove (group->children, child);
  return copy;
}

static char *
names_of (const LodeNode *group)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < group->children->len; i++)
    g_string_append_printf (text, "%s%s", i ? ", " : "",
                            ((LodeNode *) g_ptr_array_index (group->children, i))->name);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The settings of one size over base and sweep; a size may change the sweep itself too. */
static void
apply_size (LodeNode *base, LodeNode **sweep, const char *size, GPtrArray *errors)
{
  LodeNode *sizes = lode_node_child (*sweep, "sizes"), *chosen;
  g_autofree char *names = NULL;

  if (!sizes || sizes->type != LODE_VALUE_GROUP) {
    if (size)
      g_ptr_array_add (errors, g_strdup_printf ("--size %s: this sweep has no sizes", size));
    return;
  }
  names = names_of (sizes);
  chosen = size ? lode_node_child (sizes, size) : NULL;
  if (!chosen || chosen->type != LODE_VALUE_GROUP) {
    g_ptr_array_add (errors, size ? g_strdup_printf ("--size %s: there are %s", size, names)
                                  : g_strdup_printf ("this sweep comes in sizes: choose one of %s "
                                                     "with --size",
                                                     names));
    return;
  }
  {
    g_autoptr (LodeNode) settings = lode_node_copy (chosen);
    g_autoptr (LodeNode) inner = steal (settings, "sweep");

    lode_node_merge (base, settings);
    if (inner && inner->type == LODE_VALUE_GROUP)
      lode_node_merge (*sweep, inner);
  }
}

/* In the place of an axis of the same path, else behind all. */
static void
put_axis (GPtrArray *axes, SweepAxis *axis)
{
  for (guint i = 0; i < axes->len; i++) {
    SweepAxis *there = g_ptr_array_index (axes, i);

    if (strcmp (there->path, axis->path))
      continue;
    g_ptr_array_index (axes, i) = axis;
    sweep_axis_free (there);
    return;
  }
  g_ptr_array_add (axes, axis);
}

/* One value of a path that a file varies: an axis of one. */
static bool
is_of_axis (const SweepGrid *grid, const char *word)
{
  for (guint i = 0; i < grid->axes->len; i++) {
    const char *path = ((const SweepAxis *) g_ptr_array_index (grid->axes, i))->path;
    size_t n = strlen (path);

    if (!strncmp (path, word, n) && word[n] == '=')
      return true;
  }
  return false;
}

static void
read_words (SweepGrid *grid, GPtrArray *words, GPtrArray *errors)
{
  for (guint i = 0; i < words->len; i++) {
    char *word = g_ptr_array_index (words, i);
    SweepAxis *axis;

    if (!sweep_word_is_axis (word) && !is_of_axis (grid, word)) {
      g_ptr_array_add (grid->words, word);
      continue;
    }
    axis = sweep_axis_from_word (word, errors);
    if (!axis)
      continue;
    axis->typed = true;
    put_axis (grid->axes, axis);
  }
}

/* Whether an axis advances with the others. */
static bool
is_zipped (const SweepGrid *grid, const SweepAxis *axis)
{
  return grid->zip && axis->typed && !g_str_has_suffix (axis->path, "seed");
}

static void
count_points (SweepGrid *grid, GPtrArray *errors)
{
  double points = 1;
  guint zipped = 0;

  for (guint i = 0; i < grid->axes->len; i++) {
    const SweepAxis *axis = g_ptr_array_index (grid->axes, i);
    guint n = axis->choices->len;

    if (!is_zipped (grid, axis) || !zipped)
      points *= n;
    if (!is_zipped (grid, axis))
      continue;
    if (zipped && zipped != n)
      g_ptr_array_add (errors, g_strdup_printf ("--zip: %s has %u values, the axes before it have "
                                                "%u; expected as many",
                                                axis->path, n, zipped));
    zipped = n;
  }
  if (points > MOST_POINTS)
    g_ptr_array_add (errors, g_strdup_printf ("the sweep has %.0f points, expected at most %d",
                                              points, MOST_POINTS));
  grid->points = points > MOST_POINTS ? 0 : (guint) points;
}

static SweepGrid *
build (LodeNode *base, GPtrArray *words, const char *size, bool zip, GPtrArray *errors)
{
  SweepGrid *grid = g_new0 (SweepGrid, 1);
  LodeNode *sweep = steal (base, "sweep");

  grid->base = base;
  grid->zip = zip;
  grid->axes = g_ptr_array_new_with_free_func (sweep_axis_free);
  grid->words = g_ptr_array_new ();
  if (sweep) {
    if (sweep->type == LODE_VALUE_GROUP)
      apply_size (base, &sweep, size, errors);
    sweep_axes_from_group (sweep, grid->axes, errors);
  } else if (size)
    g_ptr_array_add (errors, g_strdup_printf ("--size %s: this sweep has no sizes", size));
  lode_node_free (sweep);
  read_words (grid, words, errors);
  count_points (grid, errors);
  return grid;
}

SweepGrid *
sweep_grid_new (GPtrArray *files, GPtrArray *words, const char *size, bool zip, GPtrArray *errors)
{
  guint before = errors->len;
  g_autoptr (GPtrArray) names = g_ptr_array_copy (files, NULL, NULL);
  LodeNode *base;
  SweepGrid *grid;

  g_ptr_array_add (names, NULL);
  base = lode_config_load ((const char *const *) names->pdata, NULL, errors);
  if (!base)
    return NULL;
  grid = build (base, words, size, zip, errors);
  if (errors->len == before)
    return grid;
  sweep_grid_free (grid);
  return NULL;
}

void
sweep_grid_free (SweepGrid *grid)
{
  if (!grid)
    return;
  lode_node_free (grid->base);
  g_ptr_array_unref (grid->axes);
  g_ptr_array_unref (grid->words);
  g_free (grid);
}

/* Calls f with the choice of every axis at a point; the last axis varies fastest. */
static void
visit (const SweepGrid *grid, guint point,
       void (*f) (void *, const SweepAxis *, const SweepChoice *), void *data)
{
  g_autofree guint *at = g_new0 (guint, grid->axes->len + 1);
  guint together = G_MAXUINT;

  for (guint i = grid->axes->len; i-- > 0;) {
    const SweepAxis *axis = g_ptr_array_index (grid->axes, i);
    guint n = axis->choices->len;

    if (is_zipped (grid, axis) && together != G_MAXUINT) {
      at[i] = together;
      continue;
    }
    at[i] = point % n;
    point /= n;
    if (is_zipped (grid, axis))
      together = at[i];
  }
  for (guint i = 0; i < grid->axes->len; i++) {
    const SweepAxis *axis = g_ptr_array_index (grid->axes, i);

    f (data, axis, g_ptr_array_index (axis->choices, at[i]));
  }
}

typedef struct Applied {
  LodeNode *root;
  GPtrArray *errors;
} Applied;

static void
apply (void *data, const SweepAxis *axis, const SweepChoice *choice)
{
  const Applied *applied = data;

  (void) axis;
  if (choice->group)
    lode_node_merge (applied->root, choice->group);
  else
    lode_config_override (applied->root, choice->word, applied->errors);
}

LodeNode *
sweep_grid_tree (const SweepGrid *grid, guint point, GPtrArray *errors)
{
  g_autoptr (LodeNode) root = lode_node_copy (grid->base);
  guint before = errors->len;
  Applied applied = { root, errors };

  visit (grid, point, apply, &applied);
  for (guint i = 0; i < grid->words->len; i++)
    lode_config_override (root, g_ptr_array_index (grid->words, i), errors);
  return errors->len == before ? g_steal_pointer (&root) : NULL;
}

static void
describe (void *data, const SweepAxis *axis, const SweepChoice *choice)
{
  GString *text = data;

  g_string_append_printf (text, "%s%s=%s", text->len ? " " : "", axis->path, choice->shown);
}

char *
sweep_grid_words (const SweepGrid *grid, guint point)
{
  GString *text = g_string_new (NULL);

  visit (grid, point, describe, text);
  if (!text->len)
    g_string_append (text, "the only run");
  return g_string_free (text, FALSE);
}
