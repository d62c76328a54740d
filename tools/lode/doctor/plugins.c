/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins one by one: which of them load, what `lode check` says of them, and which were left
 * behind by an upgrade.
 */
#include "doctor.h"

#include "plugin/load.h"
#include "plugin/probe.h"

#include <string.h>

static void
add_plugin (Doctor *doctor, const char *id, const char *path, const char *version,
            const char *state, const char *why)
{
  json_builder_begin_object (doctor->json);
  lode_json_text (doctor->json, "plugin", id);
  lode_json_text (doctor->json, "path", path);
  lode_json_text (doctor->json, "version", version);
  lode_json_text (doctor->json, "state", state);
  lode_json_text (doctor->json, "why", why);
  json_builder_end_object (doctor->json);
}

static void
look_one (Doctor *doctor, const LodeProbed *one)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", one->kind, one->name);
  g_auto (GStrv) hidden = lode_registry_hidden (doctor->registry, one->kind, one->name);

  if (one->error) {
    add_plugin (doctor, id, one->path, NULL, "does not load", one->error->message);
    doctor_line (doctor, id, "does not load  %s", one->path ? one->path : "");
    doctor_advise (doctor, LODE_EXIT_PLUGIN, "%s", one->error->message);
  } else {
    add_plugin (doctor, id, one->path, one->version, "loads", NULL);
    doctor_line (doctor, id, "%s  %s", one->version, one->path);
  }
  for (char **path = hidden; *path; path++) {
    g_autofree char *why = g_strdup_printf ("%s comes first", one->path);

    add_plugin (doctor, id, *path, NULL, "hidden", why);
    doctor_line (doctor, id, "hidden  %s", *path);
    doctor_advise (doctor, LODE_EXIT_DONE, "%s is not used: %s", *path, why);
  }
}

/* Files that look like plugins but are not called as plugins are. */
static void
look_strays (Doctor *doctor, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;

  while (dir && (file = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, file, NULL), *kind = NULL, *name = NULL;

    if (!g_str_has_suffix (file, ".so") || lode_plugin_split (file, &kind, &name))
      continue;
    add_plugin (doctor, NULL, path, NULL, "not looked at", "its name is not <kind>_<name>.so");
    doctor_advise (
        doctor, LODE_EXIT_DONE,
        "%s is not looked at: its name is not <kind>_<name>.so with a kind of `lode help "
        "--names kinds`",
        path);
  }
}

/* Plugins of the user for another interface, which lie where this lode does not look. */
static void
look_left (Doctor *doctor, const char *folder, const char *interface)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;

  while (dir && (file = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, file, NULL), *kind = NULL, *name = NULL,
                    *id = NULL, *why = NULL;

    if (!lode_plugin_split (file, &kind, &name))
      continue;
    id = g_strdup_printf ("%s/%s", kind, name);
    why = g_strdup_printf ("it is for plugin interface %s, this lode has %d: rebuild it against "
                           "this lode's headers and install it again",
                           interface, LODE_ABI_MAJOR);
    add_plugin (doctor, id, path, NULL, "left behind", why);
    doctor_line (doctor, id, "left behind  %s", path);
    doctor_advise (doctor, LODE_EXIT_PLUGIN, "%s: %s", path, why);
  }
}

static void
look_other_interfaces (Doctor *doctor)
{
  g_autoptr (GDir) dir = g_dir_open (g_get_user_data_dir (), 0, NULL);
  g_autofree char *own = g_strdup_printf ("lode-%d", LODE_ABI_MAJOR);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *folder = g_build_filename (g_get_user_data_dir (), name, "plugins", NULL);

    if (g_str_has_prefix (name, "lode-") && strcmp (name, own) != 0)
      look_left (doctor, folder, name + strlen ("lode-"));
  }
}

void
doctor_look_plugins (Doctor *doctor)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) all = lode_registry_probe (doctor->registry, NULL, &error);

  json_builder_begin_array (json_builder_set_member_name (doctor->json, "plugins"));
  for (guint i = 0; all && i < all->len; i++)
    look_one (doctor, all->pdata[i]);
  for (const char *const *folder = lode_registry_folders (doctor->registry); *folder; folder++)
    look_strays (doctor, *folder);
  look_other_interfaces (doctor);
  json_builder_end_array (doctor->json);
  if (!all)
    doctor_advise (doctor, LODE_EXIT_FAILED, "%s", error->message);
  else if (all->len == 0)
    doctor_advise (doctor, LODE_EXIT_PLUGIN,
                   "no plugin was found: install Lode whole, or name the folder of its plugins in "
                   "LODE_PLUGIN_PATH");
}

/* What `lode check --json` printed about one plugin, into the report. */
static void
take_tests (Doctor *doctor, const char *id, JsonObject *report)
{
  JsonArray *plugins = json_object_get_array_member (report, "plugins"),
            *tests =
                json_object_get_array_member (json_array_get_object_element (plugins, 0), "tests");
  gint64 passed = json_object_get_int_member (report, "passed"),
         failed = json_object_get_int_member (report, "failed"),
         skipped = json_object_get_int_member (report, "skipped");

  doctor_number (doctor, "passed", passed);
  doctor_number (doctor, "failed", failed);
  doctor_number (doctor, "skipped", skipped);
  doctor_line (doctor, "check", "%s: %d passed, %d failed, %d skipped", id, (int) passed,
               (int) failed, (int) skipped);
  for (guint i = 0; i < json_array_get_length (tests); i++) {
    JsonObject *test = json_array_get_object_element (tests, i);
    const char *outcome = json_object_get_string_member (test, "outcome");

    if (strcmp (outcome, "pass") != 0 && strcmp (outcome, "skip") != 0)
      doctor_advise (doctor, LODE_EXIT_PLUGIN, "%s: %s: %s", id,
                     json_object_get_string_member (test, "test"),
                     json_object_get_null_member (test, "text")
                         ? outcome
                         : json_object_get_string_member (test, "text"));
  }
}

/* `lode check` in a process of its own, as a user would run it. */
static void
check_one (Doctor *doctor, const char *program, const LodeProbed *one)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", one->kind, one->name), *out = NULL, *said = NULL;
  const char *const words[] = { program, "check", "--json", one->path, NULL };
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GError) error = NULL;

  doctor_say (doctor, "checking %s …", id);
  json_builder_begin_object (doctor->json);
  lode_json_text (doctor->json, "plugin", id);
  if (g_spawn_sync (NULL, (char **) words, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &said, NULL,
                    &error))
    root = json_from_string (out, NULL);
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    take_tests (doctor, id, json_node_get_object (root));
  else {
    doctor_line (doctor, "check", "%s: not checked", id);
    doctor_advise (doctor, LODE_EXIT_PLUGIN, "%s cannot be checked: %s", id,
                   error ? error->message : g_strchomp (said));
  }
  json_builder_end_object (doctor->json);
}

void
doctor_check (Doctor *doctor)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GPtrArray) all = program ? lode_registry_probe (doctor->registry, NULL, NULL) : NULL;

  json_builder_begin_array (json_builder_set_member_name (doctor->json, "checks"));
  for (guint i = 0; all && i < all->len; i++) {
    const LodeProbed *one = all->pdata[i];

    if (!one->error) /* which has been told */
      check_one (doctor, program, one);
  }
  json_builder_end_array (doctor->json);
}
