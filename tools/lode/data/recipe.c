/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An experiment that suits a data set: pictures get a small search and a training of what it found,
 * vectors and real targets a network of fixed form. Sizes are such that two cores need minutes.
 * What it cannot know (augmentation that fits the subject) it leaves off, or says.
 */
#include "look.h"

#include <math.h>
#include <string.h>

enum { NEEDED = 4 /* examples of a class: two halves to search, one to validate, one to test */ };

static const double work = 6e7; /* values seen in training */

static int64_t
epochs_for (const Opened *opened, uint32_t n)
{
  const LodeShape *shape = &opened->info.shape;
  double a_pass = (double) n * MAX (shape->h * shape->w, 200);

  return (int64_t) CLAMP (work / MAX (a_pass, 1), 4, 60);
}

static bool
check_classes (const Opened *opened, const uint32_t *counts, char **why)
{
  g_autoptr (GString) small = g_string_new (NULL);
  uint32_t classes = 0;

  for (uint32_t c = 0; c < opened->info.classes; c++) {
    const char *name = opened->ops->class_name ? opened->ops->class_name (opened->set, c) : NULL;

    classes += counts[c] > 0;
    if (counts[c] && counts[c] < NEEDED)
      g_string_append_printf (small, "%s\"%s\" has %u", small->len ? ", " : "", name ? name : "?",
                              counts[c]);
  }
  if (small->len)
    *why = g_strdup_printf ("class %s of the %d examples that training, validation and test need; "
                            "add examples, or merge or remove the class",
                            small->str, NEEDED);
  else if (classes < 2)
    *why = g_strdup ("there is only one class; put the pictures of each class into a folder of its "
                     "own, or name the column of the classes");
  return !*why;
}

static void put (LodeNode *root, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
put (LodeNode *root, const char *format, ...)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  lode_config_override (root, text, errors);
  g_assert (errors->len == 0);
}

/* At half the side on at most some thousands of examples, then what was found in full. */
static void
fit_search (LodeNode *root, const Opened *opened, uint32_t n)
{
  uint32_t side = MAX (opened->info.shape.h, opened->info.shape.w);

  put (root, "stages.search.data={ arch = 0.5; side = %u; }", CLAMP (side / 2, 12, 16));
  if (n > 4000)
    put (root, "stages.search.data.train=4000");
  put (root, "fit.epochs=%d", (int) CLAMP (32000 / MIN (n, 4000), 4, 30));
  put (root, "fit.batch=%u", n < 640 ? 16 : 64);
  put (root, "stages.train.fit.epochs=%d", (int) epochs_for (opened, n));
  put (root, "stages.train.fit.batch=%u", n < 640 ? 16 : 48);
}

static void
fit_training (LodeNode *root, const Opened *opened, uint32_t n)
{
  put (root, "fit.epochs=%d", (int) epochs_for (opened, n));
  put (root, "fit.batch=%u", n < 640 ? 16 : 64);
  if (!opened->info.targets)
    return;
  put (root, "loss={ type = \"mse\"; }");
  put (root, "fit.rate=0.01");
}

/* The experiment that comes with Lode for data of that kind. */
static LodeNode *
template_for (const Opened *opened, bool search, char **why)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  bool vector = opened->info.shape.h == 1 && opened->info.shape.w == 1;
  const char *files[] = { search ? "folder.cfg" : vector ? "table.cfg" : "manifest.cfg", NULL };
  const char *none[] = { NULL };
  LodeNode *root = lode_config_load (files, none, errors);

  if (!root)
    *why = g_strdup (errors->pdata[0]);
  return root;
}

/* A share of n examples that has room for each class. */
static double
share_of (double share, const Opened *opened, double n)
{
  double least = (opened->info.classes + 0.5) / MAX (n, 1);

  return ceil (100 * MAX (share, least)) / 100;
}

/* Shares of what the data do not split themselves. */
static void
put_splits (LodeNode *root, const Opened *opened, uint32_t n)
{
  bool given = opened->info.count[LODE_PART_TEST] > 0, valid = false;
  Carried carried;

  if (opened->info.has & LODE_HAS_SPLIT && data_carried (opened, LODE_PART_TRAIN, &carried, NULL)) {
    for (uint32_t i = 0; i < carried.n; i++) {
      given = given || carried.split[i] == LODE_SPLIT_TEST;
      valid = valid || carried.split[i] == LODE_SPLIT_VALID;
    }
    carried_clear (&carried);
  }
  if (!given && !lode_node_find (root, "data.test"))
    put (root, "data.test=%g", share_of (n < 5000 ? 0.2 : 0.1, opened, n));
  if (!valid && !lode_node_find (root, "data.valid")) {
    bool search = lode_node_find (root, "stages.search") != NULL;

    put (root, "%sdata.valid=%g", search ? "stages.train." : "",
         share_of (0.1, opened, given ? n : 0.75 * n));
  }
}

char *
data_recipe (const Opened *opened, const char *name, const uint32_t *counts, uint32_t labelled,
             char **why)
{
  g_autoptr (LodeNode) root = NULL;
  bool search = !opened->info.targets && (opened->info.shape.h > 1 || opened->info.shape.w > 1);

  *why = NULL;
  if (!labelled)
    *why = g_strdup ("nothing is labelled, so there is nothing to learn yet");
  if (*why || (opened->info.classes && !check_classes (opened, counts, why)))
    return NULL;
  root = template_for (opened, search, why);
  if (!root)
    return NULL;
  put (root, "experiment=\"%s\"", name);
  lode_node_set (root, lode_node_copy (lode_node_child (opened->root, "data")));
  if (search)
    fit_search (root, opened, labelled);
  else
    fit_training (root, opened, labelled);
  put_splits (root, opened, labelled);
  return lode_config_write (root);
}
