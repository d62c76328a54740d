/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The summary of a finished run, from its result.json and the architectures that its stages found.
 */
#include "go.h"

#include "common.h"
#include "error.h"
#include "watch.h"

#include <math.h>

static JsonObject *
member (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static double
number (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : NAN;
}

static const char *
text (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node)
                                                                  : "?";
}

/* 1234567 → "1.23 M". Transfer full. */
static char *
short_number (double value)
{
  static const char units[] = " kMGTP";
  int unit = 0;

  for (; value >= 1000 && units[unit + 1]; unit++)
    value /= 1000;
  if (unit == 0)
    return g_strdup_printf ("%.0f", value);
  return g_strdup_printf ("%.3g %c", value, units[unit]);
}

static void
print_searched (const char *name, JsonObject *stage)
{
  JsonObject *plugins = member (stage, "plugins"), *data = member (stage, "data"),
             *space = member (stage, "space");

  if (!space)
    return;
  printf ("searched   stage %s: %.0f decisions, 10^%.1f architectures of %s, by %s\n", name,
          number (space, "decisions"), number (space, "log10_architectures"),
          text (plugins, "backbone"), text (plugins, "search"));
  printf ("           on %.0f examples of %s, %.0f×%.0f×%.0f", number (data, "train"),
          text (data, "type"), number (data, "height"), number (data, "width"),
          number (data, "channels"));
  if (number (data, "arch") > 0)
    printf (", %.0f more for the architecture", number (data, "arch"));
  putchar ('\n');
}

static void
print_found (const char *path, const LodeStageSpec *spec, JsonObject *stage)
{
  JsonObject *figures = member (stage, "figures");
  g_autofree char *file = g_build_filename (path, spec->name, "arch.txt", NULL), *arch = NULL;

  if (!g_file_get_contents (file, &arch, NULL, NULL))
    return;
  printf ("found      %s\n", g_strchomp (arch));
  if (figures && json_object_has_member (figures, "params")) {
    g_autofree char *params = short_number (number (figures, "params")),
                    *macs = short_number (number (figures, "macs"));

    printf ("           %s parameters, %s multiply-adds an example, as searched\n", params, macs);
  }
}

static void
print_cost (const char *name, JsonObject *stage)
{
  JsonObject *cost = member (stage, "cost");
  g_autofree char *time = watch_time (number (cost, "wall_s")),
                  *samples = short_number (number (cost, "samples")),
                  *macs = short_number (number (cost, "macs"));

  printf ("cost       %-10s %s, %s samples, %s multiply-adds, %.0f distinct examples, %.0f labels, "
          "%.0f MB\n",
          name, time, samples, macs, number (cost, "distinct"), number (cost, "labels"),
          number (stage, "peak_memory_bytes") / 1e6);
}

/* "test_accuracy" as "test accuracy 91.02 %"; other figures with their digits; behind it the
 * interval where there is one. */
static void
print_figure (const char *name, JsonObject *figures)
{
  g_autofree char *words = g_strdelimit (g_strdup (name), "_", ' '),
                  *low = g_strconcat (name, "_low", NULL),
                  *high = g_strconcat (name, "_high", NULL);
  bool percent = g_str_has_suffix (name, "accuracy"),
       interval = json_object_has_member (figures, low) && json_object_has_member (figures, high);
  double scale = percent ? 100 : 1;
  int digits = percent ? 2 : 4;

  printf ("%s %.*f%s", words, digits, scale * number (figures, name), percent ? " %" : "");
  if (interval)
    printf (" [%.*f, %.*f]", digits, scale * number (figures, low), digits,
            scale * number (figures, high));
  printf ("\n");
}

/* The end of an interval, printed with its figure. */
static bool
is_end (const char *name, JsonObject *figures)
{
  g_autofree char *base = g_strdup (name);
  char *cut = g_str_has_suffix (name, "_low")    ? base + strlen (base) - 4
              : g_str_has_suffix (name, "_high") ? base + strlen (base) - 5
                                                 : NULL;

  if (cut)
    *cut = '\0';
  return cut && json_object_has_member (figures, base);
}

static void
print_figures (JsonObject *stage)
{
  JsonObject *figures = member (stage, "figures");
  g_autoptr (GList) names = figures ? json_object_get_members (figures) : NULL;

  for (GList *at = names; at; at = at->next)
    if (strcmp (at->data, "params") && strcmp (at->data, "macs") && !is_end (at->data, figures))
      print_figure (at->data, figures);
}

static void
print_next (const LodeExperiment *experiment, const char *path)
{
  g_autofree char *quoted = lode_file_word (path), *file = g_strconcat (path, "/config.cfg", NULL),
                  *config = lode_file_word (file);
  const LodeLoaded *search = NULL;

  for (guint i = 0; i < experiment->stages->len && !search; i++)
    search = lode_experiment_stage (experiment, i)->use[LODE_USE_SEARCH].loaded;
  printf ("\ntry next\n");
  printf ("  lode report %s\n", quoted);
  printf ("  lode run %s seed=%" G_GINT64_FORMAT "\n", config, experiment->conf.seed + 1);
  if (search)
    printf ("  lode show search/%s\n", search->plugin->name);
  else
    printf ("  lode list\n");
}

static void
print_all (const LodeExperiment *experiment, const char *path, JsonObject *stages)
{
  for (guint i = 0; i < experiment->stages->len; i++) {
    const LodeStageSpec *spec = lode_experiment_stage (experiment, i);

    print_searched (spec->name, member (stages, spec->name));
    print_found (path, spec, member (stages, spec->name));
  }
  for (guint i = 0; i < experiment->stages->len; i++)
    print_cost (lode_experiment_stage (experiment, i)->name,
                member (stages, lode_experiment_stage (experiment, i)->name));
  printf ("run        %s\n\n", path);
  for (guint i = 0; i < experiment->stages->len; i++)
    print_figures (member (stages, lode_experiment_stage (experiment, i)->name));
  print_next (experiment, path);
}

bool
run_summary (const LodeExperiment *experiment, const char *path, GError **error)
{
  g_autofree char *name = g_build_filename (path, "result.json", NULL), *contents = NULL;
  g_autoptr (JsonNode) root = NULL;

  if (!g_file_get_contents (name, &contents, NULL, error))
    return false;
  root = json_from_string (contents, error);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s holds no result", name);
    return false;
  }
  print_all (experiment, path, member (json_node_get_object (root), "stages"));
  return true;
}
