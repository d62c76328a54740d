/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include "error.h"

#include <string.h>
#include <unistd.h>

static char **plugin_folders; /* of --plugin-folder */
static LodeUsageFunc tell;    /* set while usages are told */
static void *tell_data;

static const GOptionEntry plugin_options[] = {
  { "plugin-folder", 'P', 0, G_OPTION_ARG_FILENAME_ARRAY, &plugin_folders,
    "Look for plugins in FOLDER before all others; may be repeated", "FOLDER" },
  G_OPTION_ENTRY_NULL
};

void
lode_say (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  fflush (stdout);
  fprintf (stderr, "lode: %s\n", text);
}

int
lode_usage_error (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  lode_say ("%s", text);
  return LODE_EXIT_USAGE;
}

int
lode_exit_code (const GError *error)
{
  if (error->domain == LODE_PLUGIN_ERROR)
    return LODE_EXIT_PLUGIN;
  if (error->domain == G_OPTION_ERROR)
    return LODE_EXIT_USAGE;
  if (error->domain != LODE_RUN_ERROR)
    return LODE_EXIT_FAILED;
  switch ((LodeRunError) error->code) {
  case LODE_RUN_ERROR_CONFIG:
    return LODE_EXIT_USAGE;
  case LODE_RUN_ERROR_DATA:
    return LODE_EXIT_DATA;
  case LODE_RUN_ERROR_STOPPED:
    return LODE_EXIT_STOPPED;
  default:
    return LODE_EXIT_FAILED;
  }
}

int
lode_fail (GError *error)
{
  int code = lode_exit_code (error);

  lode_say ("%s", error->message);
  g_error_free (error);
  return code;
}

/* The long option nearest to the first one of the command line that is none, or NULL. */
static const char *
nearest_option (const LodeUsage *usage, char *const *words)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  g_ptr_array_add (names, (char *) "help");
  for (const GOptionEntry *option = usage->options; option && option->long_name; option++)
    g_ptr_array_add (names, (char *) option->long_name);
  if (usage->plugins)
    g_ptr_array_add (names, (char *) plugin_options[0].long_name);
  g_ptr_array_add (names, NULL);
  for (; *words && strcmp (*words, "--"); words++) {
    g_autofree char *name = NULL;

    if (!g_str_has_prefix (*words, "--"))
      continue;
    name = g_strndup (*words + 2, strcspn (*words + 2, "="));
    if (!g_strv_contains ((const char *const *) names->pdata, name))
      return lode_nearest (name, (const char *const *) names->pdata);
  }
  return NULL;
}

static int
option_error (const LodeUsage *usage, const GError *error, char *const *words)
{
  const char *near = g_error_matches (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
                         ? nearest_option (usage, words)
                         : NULL;

  if (near)
    return lode_usage_error ("%s; did you mean --%s?", error->message, near);
  return lode_usage_error ("%s; `%s --help` names the options", error->message, g_get_prgname ());
}

/* GLib's own --help would end the process here; main has the last word on stdout. */
static bool
help_asked (GOptionContext *context, char *const *words)
{
  for (; *words && strcmp (*words, "--"); words++)
    if (!strcmp (*words, "--help") || !strcmp (*words, "-h")) {
      g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);

      fputs (help, stdout);
      return true;
    }
  return false;
}

void
lode_usage_tell (LodeUsageFunc function, void *data)
{
  tell = function;
  tell_data = data;
}

bool
lode_usage_is_told (void)
{
  return tell != NULL;
}

const GOptionEntry *
lode_usage_plugins (void)
{
  return plugin_options;
}

bool
lode_usage_parse (const LodeUsage *usage, int *argc, char ***argv, int *code)
{
  g_autoptr (GOptionContext) context = g_option_context_new (usage->words);
  g_autofree char *program = g_strdup_printf ("lode %s", (*argv)[0]);
  g_autofree char **words = g_memdup2 (*argv, sizeof (char *) * (gsize) (*argc + 1));
  g_autoptr (GError) error = NULL;

  *code = LODE_EXIT_DONE;
  if (tell) {
    tell (tell_data, (*argv)[0], usage, usage->plugins ? plugin_options : NULL);
    return false;
  }
  g_set_prgname (program);
  g_option_context_set_summary (context, usage->summary);
  g_option_context_set_description (context, usage->more);
  if (usage->options)
    g_option_context_add_main_entries (context, usage->options, NULL);
  if (usage->plugins)
    g_option_context_add_main_entries (context, plugin_options, NULL);
  if (help_asked (context, words + 1))
    return false;
  if (g_option_context_parse (context, argc, argv, &error))
    return true;
  *code = option_error (usage, error, words + 1);
  return false;
}

LodeSite *
lode_command_site (void)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeSite *site = lode_site_load (errors);

  for (guint i = 0; i < errors->len; i++)
    lode_say ("%s", (const char *) g_ptr_array_index (errors, i));
  if (site)
    lode_site_apply (site);
  return site;
}

LodeRegistry *
lode_command_registry (void)
{
  LodeRegistry *registry = lode_registry_default ((const char *const *) plugin_folders);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeSite) site = lode_site_load (errors); /* a broken one trusts nobody */

  if (site)
    lode_registry_trust (registry, site->trusted_groups.at);
  return registry;
}

static bool
wants_colour (FILE *to)
{
  const char *no = g_getenv ("NO_COLOR"), *terminal = g_getenv ("TERM");

  return !(no && *no) && terminal && strcmp (terminal, "dumb") && isatty (fileno (to));
}

char *
lode_paint (FILE *to, int sgr, const char *text)
{
  return wants_colour (to) ? g_strdup_printf ("\033[%dm%s\033[0m", sgr, text) : g_strdup (text);
}

/* Columns that a terminal uses for a text; colours take none. */
static guint
width_of (const char *text)
{
  guint width = 0;

  while (*text) {
    gunichar letter = g_utf8_get_char_validated (text, -1);

    if (g_str_has_prefix (text, "\033[")) {
      text += strcspn (text, "m");
      text += *text == 'm';
      continue;
    }
    if (letter >= (gunichar) -2) {
      text++;
      width++;
      continue;
    }
    width += g_unichar_iszerowidth (letter) ? 0 : g_unichar_iswide (letter) ? 2 : 1;
    text = g_utf8_next_char (text);
  }
  return width;
}

static const char *
cell_at (guint n, GPtrArray *cells, guint row, guint column)
{
  const char *text = g_ptr_array_index (cells, row * n + column);

  return text ? text : "";
}

void
lode_columns_print (guint n, GPtrArray *cells)
{
  g_autofree guint *width = g_new0 (guint, n);
  guint rows = cells->len / n;

  for (guint row = 0; row < rows; row++)
    for (guint i = 0; i < n; i++)
      width[i] = MAX (width[i], width_of (cell_at (n, cells, row, i)));
  for (guint row = 0; row < rows; row++) {
    guint last = n;

    while (last > 1 && !*cell_at (n, cells, row, last - 1))
      last--;
    for (guint i = 0; i < last; i++) {
      const char *text = cell_at (n, cells, row, i);

      fputs (text, stdout);
      if (i + 1 < last)
        printf ("%*s", (int) (width[i] - width_of (text) + 2), "");
    }
    putchar ('\n');
  }
}

void
lode_json_print (JsonNode *root)
{
  g_autofree char *text = json_to_string (root, TRUE);

  puts (text);
  json_node_unref (root);
}

void
lode_json_text (JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  if (text)
    json_builder_add_string_value (json, text);
  else
    json_builder_add_null_value (json);
}
