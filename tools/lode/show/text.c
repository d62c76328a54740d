/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <lode/lode.h>
#include <math.h>
#include <string.h>

static void
line (const char *word, const char *text)
{
  if (text && *text)
    printf ("  %-10s %s\n", word, text);
}

static void
print_claim (const LodeLoaded *loaded)
{
  LodeClaim claim = lode_show_claim (loaded);
  g_autofree const char **words = lode_ability_words (claim.set);
  g_autofree char *text = g_strjoinv ("; ", (char **) words);

  if (claim.word)
    line (claim.word, *text ? text : "nothing in particular");
}

static void
print_ports (const char *word, const LodePort *port)
{
  for (; port && port->name; port++) {
    g_autofree char *text =
        g_strdup_printf ("%s: %s%s%s", port->name, lode_show_artefact (port->art),
                         port->many ? ", one or more" : "", port->required ? "" : " (optional)");

    line (word, text);
  }
}

static void
print_stage (const LodeLoaded *loaded)
{
  const LodeStageOps *ops = loaded->ops;

  if (strcmp (loaded->plugin->kind, "stage"))
    return;
  print_ports ("reads", ops->in);
  print_ports ("writes", ops->out);
  line ("rights", ops->rights & LODE_RIGHT_TEST ? "opens the test split" : NULL);
}

/* "2 … 100000 individuals", "above 0, at most 1"; NULL: any value. Transfer full. */
static char *
range_text (const LodeOption *option)
{
  const char *unit = option->unit ? option->unit : "";
  const char *blank = option->unit ? " " : "";

  if (option->choices && option->type == LODE_OPTION_CHOICE) {
    g_autofree char *all = g_strjoinv (", ", (char **) option->choices);

    return g_strdup_printf ("one of %s", all);
  }
  if (!(option->min < option->max))
    return g_strdup (unit);
  if (isinf (option->max))
    return g_strdup_printf ("%s %.15g%s%s", option->above_min ? "above" : "at least", option->min,
                            blank, unit);
  if (option->above_min)
    return g_strdup_printf ("above %.15g, at most %.15g%s%s", option->min, option->max, blank,
                            unit);
  return g_strdup_printf ("%.15g … %.15g%s%s", option->min, option->max, blank, unit);
}

static void
print_options (const LodeLoaded *loaded)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);

  if (loaded->table.n == 0) {
    puts ("\nNo options.");
    return;
  }
  printf ("\nOptions, in the group %s:\n", loaded->plugin->name);
  for (uint32_t i = 0; i < loaded->table.n; i++) {
    const LodeOption *option = lode_table_at (&loaded->table, i);

    g_ptr_array_add (cells, g_strdup_printf ("  %s", option->name));
    g_ptr_array_add (cells, g_strdup (lode_show_type (option)));
    g_ptr_array_add (cells, option->required ? g_strdup ("required") : lode_show_default (option));
    g_ptr_array_add (cells, range_text (option));
    g_ptr_array_add (cells, g_strdup_printf ("%s%s", option->doc,
                                             !option->tunable    ? ""
                                             : option->log_scale ? " (tunable, on a log scale)"
                                                                 : " (tunable)"));
  }
  lode_columns_print (5, cells);
}

static void
print_source (const LodePlugin *plugin)
{
  if (plugin->reference)
    printf ("\nSource:\n  %s\n", plugin->reference);
  if (plugin->bibtex)
    printf ("\nBibTeX:\n%s%s", plugin->bibtex, g_str_has_suffix (plugin->bibtex, "\n") ? "" : "\n");
}

void
lode_show_text (const LodeLoaded *loaded, const char *sha256)
{
  const LodePlugin *plugin = loaded->plugin;
  g_autofree char *title = g_strdup_printf ("%s/%s", plugin->kind, plugin->name);
  g_autofree char *bold = lode_paint (stdout, 1, title);

  printf ("%s %s: %s\n", bold, plugin->version, plugin->summary);
  print_claim (loaded);
  line ("selects", lode_show_when (loaded));
  print_stage (loaded);
  line ("state", loaded->state ? "saved and restored" : NULL);
  line ("author", plugin->author);
  line ("license", plugin->license);
  line ("url", plugin->url);
  line ("path", loaded->path);
  line ("sha256", sha256);
  print_options (loaded);
  print_source (plugin);
}
