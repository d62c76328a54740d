/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode doctor`: what this installation finds on this machine, and what is missing.
 */
#include "doctor.h"

#include "verbs.h"

#include <unistd.h>

static gboolean as_json, full, plugins, author, digest;

static const GOptionEntry options[] = {
  { "full", 0, 0, G_OPTION_ARG_NONE, &full,
    "Also check every plugin and train a small network, whose weights are compared with those "
    "recorded for this level of the processor; takes a minute or more",
    NULL },
  { "plugins", 0, 0, G_OPTION_ARG_NONE, &plugins,
    "Only plugins, one by one: what does not load and why, what is hidden or left behind", NULL },
  { "author", 0, 0, G_OPTION_ARG_NONE, &author,
    "Only what writing a plugin takes: compiler, pkg-config, GLib, lode.pc, Meson", NULL },
  { "digest", 0, 0, G_OPTION_ARG_NONE, &digest, "Only the training of --full", NULL },
  { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json, "Print JSON instead of text", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  NULL,
  "Looks at this machine and this installation: version and compiler, the level of the processor\n"
  "that the kernels use, BLAS, threads and what limits them, plugins, configurations, data sets,\n"
  "graphviz, locale. Says what is missing and what to do about it. Changes nothing.",
  "Environment: LODE_ISA names a lower level (portable, x86-64-v3, x86-64-v4, reference),\n"
  "LODE_PLUGIN_PATH, LODE_CONF_PATH and LODE_DATA_PATH further folders (with ':' between them),\n"
  "LODE_SITE another file of the site than site.cfg, LODE_NO_SITE=1 none.\n\n"
  "Exit codes: 0, also where something is missing that Lode works without; 1 where a training "
  "gave\n"
  "other bits than recorded, or a plugin cannot be built; 2 for a wrong LODE_ISA or a broken\n"
  "site.cfg; 4 where plugins are missing, do not load or fail their checks.\n\n"
  "Examples:\n"
  "  lode doctor\n"
  "  lode doctor --full           after an installation\n"
  "  lode doctor --plugins        after an upgrade\n"
  "  lode doctor --json > machine.json",
  options, true
};

void
doctor_line (Doctor *doctor, const char *title, const char *format, ...)
{
  va_list list;

  va_start (list, format);
  g_ptr_array_add (doctor->cells, g_strdup (title));
  g_ptr_array_add (doctor->cells, g_strdup_vprintf (format, list));
  va_end (list);
}

void
doctor_advise (Doctor *doctor, int code, const char *format, ...)
{
  va_list list;

  va_start (list, format);
  g_ptr_array_add (doctor->advice, g_strdup_vprintf (format, list));
  va_end (list);
  if (doctor->code == LODE_EXIT_DONE)
    doctor->code = code;
}

void
doctor_number (Doctor *doctor, const char *name, gint64 value)
{
  json_builder_set_member_name (doctor->json, name);
  json_builder_add_int_value (doctor->json, value);
}

void
doctor_flag (Doctor *doctor, const char *name, bool value)
{
  json_builder_set_member_name (doctor->json, name);
  json_builder_add_boolean_value (doctor->json, value);
}

void
doctor_texts (Doctor *doctor, const char *name, char *const *texts)
{
  json_builder_set_member_name (doctor->json, name);
  json_builder_begin_array (doctor->json);
  for (; *texts; texts++)
    json_builder_add_string_value (doctor->json, *texts);
  json_builder_end_array (doctor->json);
}

void
doctor_say (const Doctor *doctor, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  if (!doctor->loud)
    return;
  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  lode_say ("%s", text);
}

static void
look_version (Doctor *doctor)
{
  g_autofree char *abi = g_strdup_printf ("%d.%d", LODE_ABI_MAJOR, LODE_ABI_MINOR);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);

  lode_json_text (doctor->json, "version", LODE_VERSION);
  lode_json_text (doctor->json, "plugin_interface", abi);
  lode_json_text (doctor->json, "compiler", __VERSION__);
  lode_json_text (doctor->json, "program", program);
  doctor_line (doctor, "lode", "%s, plugin interface %s, built by compiler %s", LODE_VERSION, abi,
               __VERSION__);
  doctor_line (doctor, "program", "%s", program ? program : "unknown");
}

static void
look_site (Doctor *doctor, const GPtrArray *errors)
{
  const LodeSite *site = doctor->site;

  lode_json_text (doctor->json, "site", site ? site->file : NULL);
  if (!site) {
    doctor_line (doctor, "site", "broken");
    for (guint i = 0; i < errors->len; i++)
      doctor_advise (doctor, LODE_EXIT_USAGE, "%s", (const char *) g_ptr_array_index (errors, i));
  } else
    doctor_line (doctor, "site", "%s", site->file ? site->file : "no configuration of the site");
}

static void
print_text (const Doctor *doctor)
{
  lode_columns_print (2, doctor->cells);
  if (doctor->advice->len == 0) {
    puts ("\nNothing is missing.");
    return;
  }
  puts ("\nWhat to do:");
  for (guint i = 0; i < doctor->advice->len; i++)
    printf ("  - %s\n", (const char *) doctor->advice->pdata[i]);
}

static void
examine (Doctor *doctor, const GPtrArray *site_errors)
{
  json_builder_begin_object (doctor->json);
  look_version (doctor);
  look_site (doctor, site_errors);
  if (!plugins && !author && !digest) {
    doctor_look_machine (doctor);
    doctor_look_tree (doctor);
  }
  if (plugins)
    doctor_look_plugins (doctor);
  if (author)
    doctor_look_author (doctor);
  if (full)
    doctor_check (doctor);
  if (full || digest)
    doctor_train (doctor);
  g_ptr_array_add (doctor->advice, NULL);
  doctor_texts (doctor, "advice", (char *const *) doctor->advice->pdata);
  g_ptr_array_set_size (doctor->advice, (gint) doctor->advice->len - 1);
  json_builder_end_object (doctor->json);
}

int
lode_verb_doctor (int argc, char **argv)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeSite) site = NULL;
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (JsonBuilder) json = NULL;
  g_autoptr (GPtrArray) cells = NULL, advice = NULL;
  Doctor doctor = { 0 };
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc > 1)
    return lode_usage_error ("doctor takes no words, found \"%s\"", argv[1]);
  site = lode_site_load (errors);
  if (site)
    lode_site_apply (site);
  doctor.site = site;
  doctor.loud = isatty (STDERR_FILENO);
  doctor.registry = registry = lode_command_registry ();
  doctor.json = json = json_builder_new ();
  doctor.cells = cells = g_ptr_array_new_with_free_func (g_free);
  doctor.advice = advice = g_ptr_array_new_with_free_func (g_free);
  examine (&doctor, errors);
  if (as_json)
    lode_json_print (json_builder_get_root (json));
  else
    print_text (&doctor);
  return doctor.code;
}
