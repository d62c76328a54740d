/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small training with this command as it is installed, and whether its weights are, bit for bit,
 * those that were recorded for this level of the processor.
 */
#include "doctor.h"

#include "compute/kernels/kernels.h"
#include "error.h"
#include "installed.h"
#include "run/store.h"

#include <glib/gstdio.h>
#include <gnu/libc-version.h>
#include <string.h>

/* What is told apart by its bits, in the order in which it is made. */
static const char *const outputs[] = { "search/arch.txt", "found/net.safetensors",
                                       "plain/net.safetensors" };

static const size_t widths[] = {
  [LODE_TYPE_U8] = 1,  [LODE_TYPE_I32] = 4, [LODE_TYPE_U32] = 4, [LODE_TYPE_U64] = 8,
  [LODE_TYPE_F32] = 4, [LODE_TYPE_F64] = 8, [LODE_TYPE_I64] = 8
};

/* Names and bytes of the arrays; what stands beside them (versions, options) may change. */
static bool
add_net (GChecksum *sum, const char *path, GError **error)
{
  g_autoptr (LodeStore) store = lode_store_read (path, error);
  g_autofree const char **names = store ? lode_store_names (store) : NULL;

  for (guint i = 0; names && names[i]; i++) {
    uint32_t type = 0;
    size_t n = 0;
    g_autofree guchar *data = NULL;

    lode_store_count (store, names[i], &type, &n);
    data = g_malloc0 (n * widths[type] + 1);
    if (!lode_store_get (store, names[i], type, n, data, error))
      return false;
    g_checksum_update (sum, (const guchar *) names[i], (gssize) strlen (names[i]) + 1);
    g_checksum_update (sum, data, (gssize) (n * widths[type]));
  }
  return names != NULL;
}

static bool
add_text (GChecksum *sum, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize n;

  if (!g_file_get_contents (path, &text, &n, error))
    return false;
  g_checksum_update (sum, (const guchar *) text, (gssize) n);
  return true;
}

/* The digest (transfer full) of what a run left behind. */
static char *
digest_of (const char *run, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint i = 0; i < G_N_ELEMENTS (outputs); i++) {
    g_autofree char *path = g_build_filename (run, outputs[i], NULL);

    if (!(g_str_has_suffix (path, ".txt") ? add_text : add_net) (sum, path, error))
      return NULL;
  }
  return g_strdup (g_checksum_get_string (sum));
}

/* Whatever the user and the site set, but the level: plugins and all else are those installed. */
static char **
clean_environment (const char *scratch)
{
  static const char *const unset[] = { "LODE_PLUGIN_PATH", "LODE_CONF_PATH", "LODE_RUNS",
                                       "LODE_SITE", "LODE_CACHE" };
  char **environment = g_get_environ ();

  for (guint i = 0; i < G_N_ELEMENTS (unset); i++)
    environment = g_environ_unsetenv (environment, unset[i]);
  environment = g_environ_setenv (environment, "LODE_NO_SITE", "1", TRUE);
  return g_environ_setenv (environment, "XDG_DATA_HOME", scratch, TRUE);
}

/* The run's directory: runs/selftest/main/<the only one>. Transfer full, or NULL. */
static char *
find_run (const char *scratch)
{
  g_autofree char *main = g_build_filename (scratch, "selftest", "main", NULL);
  g_autoptr (GDir) dir = g_dir_open (main, 0, NULL);
  const char *name = dir ? g_dir_read_name (dir) : NULL;

  return name ? g_build_filename (main, name, NULL) : NULL;
}

/* Runs the command's own `run` within scratch; the digest (transfer full). The plain loops of the
 * reference take a tenth of the examples: all would take half an hour. */
static char *
train (const char *scratch, const char *configuration, const char *isa, GError **error)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", error),
                  *runs = g_strconcat ("runs=", scratch, NULL), *said = NULL, *run = NULL;
  g_auto (GStrv) environment = clean_environment (scratch);
  const char *const few = strcmp (isa, "reference") ? NULL : "data.noise.train=96";
  const char *const words[] = { program, "run", "--quiet", configuration, runs, few, NULL };
  int status = 0;

  if (!program
      || !g_spawn_sync (scratch, (char **) words, environment, G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                        NULL, NULL, &said, &status, error))
    return NULL;
  run = find_run (scratch);
  if (g_spawn_check_wait_status (status, NULL) && run)
    return digest_of (run, error);
  g_strdelimit (g_strchomp (said), "\n", ';');
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "it did not end well: %s", said);
  return NULL;
}

/* The recorded digest (transfer full) of this build and level, or NULL. */
static char *
recorded (const char *isa)
{
  g_autofree char *folder = lode_installed_or_built (LODE_SELFTESTDIR, "tools/selftest"),
                  *path = folder ? g_build_filename (folder, "digests.json", NULL) : NULL,
                  *text = NULL;
  g_autoptr (JsonNode) root = NULL;
  JsonObject *all, *build = NULL;

  if (!path || !g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  root = json_from_string (text, NULL);
  all = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  if (all && json_object_has_member (all, LODE_SELFTEST_BUILD))
    build = json_object_get_object_member (all, LODE_SELFTEST_BUILD);
  return build && json_object_has_member (build, isa)
             ? g_strdup (json_object_get_string_member (build, isa))
             : NULL;
}

static void
compare (Doctor *doctor, const char *isa, const char *digest, double seconds)
{
  g_autofree char *known = recorded (isa);
  const char *verdict = !known                    ? "no digest recorded"
                        : !strcmp (known, digest) ? "equal to the recorded digest"
                                                  : "differs from the recorded digest";

  lode_json_text (doctor->json, "isa", isa);
  lode_json_text (doctor->json, "build", LODE_SELFTEST_BUILD);
  lode_json_text (doctor->json, "libc", gnu_get_libc_version ());
  lode_json_text (doctor->json, "digest", digest);
  lode_json_text (doctor->json, "recorded", known);
  lode_json_text (doctor->json, "verdict", verdict);
  json_builder_add_double_value (json_builder_set_member_name (doctor->json, "seconds"), seconds);
  doctor_line (doctor, "training", "%.1f s on %s (%s): %s", seconds, isa, LODE_SELFTEST_BUILD,
               verdict);
  doctor_line (doctor, "digest", "%s", digest);
  if (known && strcmp (known, digest) != 0)
    doctor_advise (doctor, LODE_EXIT_FAILED,
                   "a training gave other bits than were recorded for %s by %s: expected %.16s…, "
                   "found %.16s…; another libc or processor than those recorded with may round "
                   "otherwise: compare results only with those of this machine",
                   isa, LODE_SELFTEST_BUILD, known, digest);
}

static void
remove_all (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      remove_all (path);
    else
      g_remove (path);
  }
  g_rmdir (folder);
}

void
doctor_train (Doctor *doctor)
{
  const char *why = NULL;
  const LodeKernels *kernels = lode_kernels_choose (g_getenv ("LODE_ISA"), &why);
  g_autofree char *folder = lode_installed_or_built (LODE_SELFTESTDIR, "tools/selftest"),
                  *configuration = folder ? g_build_filename (folder, "selftest.cfg", NULL) : NULL,
                  *scratch = NULL, *digest = NULL;
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  if (!kernels) {
    doctor_advise (doctor, LODE_EXIT_USAGE, "LODE_ISA=%s: %s", g_getenv ("LODE_ISA"), why);
    return;
  }
  doctor_say (doctor, "training a small network …");
  json_builder_begin_object (json_builder_set_member_name (doctor->json, "training"));
  scratch = g_dir_make_tmp ("lode-doctor-XXXXXX", &error);
  digest = scratch && configuration ? train (scratch, configuration, kernels->isa, &error) : NULL;
  if (digest)
    compare (doctor, kernels->isa, digest, (double) (g_get_monotonic_time () - begun) / 1e6);
  else {
    lode_json_text (doctor->json, "verdict", "failed");
    doctor_line (doctor, "training", "failed");
    doctor_advise (doctor, LODE_EXIT_FAILED, "the training of %s failed: %s",
                   configuration ? configuration : "selftest.cfg",
                   error ? error->message : "the installation is not complete");
  }
  json_builder_end_object (doctor->json);
  if (scratch)
    remove_all (scratch);
}
