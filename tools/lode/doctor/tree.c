/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "data/find.h"
#include "plugin/probe.h"
#include "run/config.h"

#include <string.h>

/* Data sets that the configurations of this project name, and how one comes by them. The first
 * example wants the first of them. */
static const struct {
  const char *title, *names[3], *how;
} sets[] = {
  { "Fashion-MNIST", { "fashion-mnist" }, "apt-get install dataset-fashion-mnist" },
  { "MNIST", { "mnist" }, "put its four IDX files, plain or .gz, into a folder mnist" },
  { "CIFAR-10",
    { "cifar10", "cifar-10-batches-bin" },
    "unpack the folder cifar-10-batches-bin of its binary version there" },
  { "CIFAR-100",
    { "cifar100", "cifar-100-binary" },
    "unpack the folder cifar-100-binary of its binary version there" },
};

static void
add_folder (Doctor *doctor, const char *path, guint found, guint load)
{
  json_builder_begin_object (doctor->json);
  lode_json_text (doctor->json, "path", path);
  doctor_flag (doctor, "exists", g_file_test (path, G_FILE_TEST_IS_DIR));
  doctor_number (doctor, "found", found);
  doctor_number (doctor, "load", load);
  json_builder_end_object (doctor->json);
  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    doctor_line (doctor, "plugins", "%s: no such folder", path);
  else if (found == load)
    doctor_line (doctor, "plugins", "%s: %u", path, found);
  else
    doctor_line (doctor, "plugins", "%s: %u, of which %u do not load", path, found, found - load);
}

static void
count_folder (Doctor *doctor, const char *path, GPtrArray *probed)
{
  guint found = 0, load = 0;

  for (guint i = 0; i < probed->len; i++) {
    const LodeProbed *one = probed->pdata[i];
    g_autofree char *folder = one->path ? g_path_get_dirname (one->path) : NULL;
    g_autofree char *plain = g_canonicalize_filename (path, NULL);

    if (folder && !strcmp (folder, plain)) {
      found++;
      load += !one->error;
    }
  }
  add_folder (doctor, path, found, load);
}

static void
look_plugins (Doctor *doctor)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) probed = lode_registry_probe (doctor->registry, NULL, &error);

  json_builder_set_member_name (doctor->json, "plugin_folders");
  json_builder_begin_array (doctor->json);
  for (const char *const *path = lode_registry_folders (doctor->registry); probed && *path; path++)
    count_folder (doctor, *path, probed);
  json_builder_end_array (doctor->json);
  if (!probed)
    doctor_advise (doctor, LODE_EXIT_FAILED, "%s", error->message);
  else if (probed->len == 0)
    doctor_advise (doctor, LODE_EXIT_PLUGIN,
                   "no plugin was found: install Lode whole, or name the folder of its plugins in "
                   "LODE_PLUGIN_PATH");
  for (guint i = 0; probed && i < probed->len; i++) {
    const LodeProbed *one = probed->pdata[i];

    if (one->error)
      doctor_advise (doctor, LODE_EXIT_PLUGIN, "%s", one->error->message);
  }
}

static guint
count_configurations (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;
  guint n = 0;

  while (dir && (file = g_dir_read_name (dir)))
    n += g_str_has_suffix (file, ".cfg");
  return n;
}

static void
look_configurations (Doctor *doctor)
{
  g_autoptr (GPtrArray) folders = lode_config_folders ();
  guint all = 0;

  json_builder_set_member_name (doctor->json, "conf_folders");
  json_builder_begin_array (doctor->json);
  for (guint i = 0; i < folders->len; i++) {
    const char *folder = folders->pdata[i];
    guint n = count_configurations (folder);

    json_builder_begin_object (doctor->json);
    lode_json_text (doctor->json, "path", folder);
    doctor_number (doctor, "found", n);
    json_builder_end_object (doctor->json);
    doctor_line (doctor, "conf", "%s: %u", folder, n);
    all += n;
  }
  json_builder_end_array (doctor->json);
  if (all == 0)
    doctor_advise (doctor, LODE_EXIT_DONE,
                   "no example configuration was found: name its folder in LODE_CONF_PATH, or give "
                   "`lode run` the path of a file");
}

static void
look_folders (Doctor *doctor)
{
  g_auto (GStrv) folders = lode_data_folders ();

  doctor_texts (doctor, "data_folders", folders);
  for (char **folder = folders; *folder; folder++)
    doctor_line (doctor, "data", "%s%s", *folder,
                 g_file_test (*folder, G_FILE_TEST_IS_DIR) ? "" : ": no such folder");
}

static void
look_sets (Doctor *doctor)
{
  json_builder_set_member_name (doctor->json, "data_sets");
  json_builder_begin_array (doctor->json);
  for (size_t i = 0; i < G_N_ELEMENTS (sets); i++) {
    g_autofree char *path = NULL;

    for (const char *const *name = sets[i].names; *name && !path; name++)
      path = lode_data_find (*name, NULL);
    json_builder_begin_object (doctor->json);
    lode_json_text (doctor->json, "name", sets[i].title);
    lode_json_text (doctor->json, "path", path);
    json_builder_end_object (doctor->json);
    doctor_line (doctor, sets[i].title, "%s%s",
                 path ? path : "in no data folder: ", path ? "" : sets[i].how);
    if (!path && i == 0)
      doctor_advise (doctor, LODE_EXIT_DONE,
                     "%s, which conf/quickstart.cfg wants, is in no data folder: %s", sets[i].title,
                     sets[i].how);
  }
  json_builder_end_array (doctor->json);
}

void
doctor_look_tree (Doctor *doctor)
{
  look_plugins (doctor);
  look_configurations (doctor);
  look_folders (doctor);
  look_sets (doctor);
}
