/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an author of plugins needs beside Lode: a compiler, pkg-config that finds GLib and lode.pc,
 * Meson. In the end a plugin of a few lines is built and loaded, which is what all of it is for.
 */
#include "doctor.h"

#include "installed.h"
#include "plugin/probe.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define LEAST_GLIB "2.74"

/* The smallest plugin: cross-entropy under another name. */
static const char source[] =
    "#include <lode/lode.h>\n"
    "struct LodeLoss { uint32_t classes; };\n"
    "static LodeLoss *doctor_create (const LodeHost *host, const void *conf, GError **error)\n"
    "{ (void) host; (void) conf; (void) error; return g_new0 (LodeLoss, 1); }\n"
    "static void doctor_destroy (LodeLoss *loss) { g_free (loss); }\n"
    "static bool doctor_prepare (LodeLoss *loss, uint32_t k, const double *count,\n"
    "                            LodeClassTable *table, GError **error)\n"
    "{ (void) count; (void) table; (void) error; loss->classes = k; return true; }\n"
    "static const LodeLossOps ops = { .size = sizeof (LodeLossOps), .create = doctor_create,\n"
    "  .destroy = doctor_destroy, .prepare = doctor_prepare };\n"
    "LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, .kind = \"loss\",\n"
    "  .name = \"doctor\", .version = \"1\", .summary = \"a try\", .license = \"Apache-2.0\",\n"
    "  .ops = &ops };\n";

/* The first line that a program prints (transfer full), or NULL with what it says instead. */
static char *
ask (const char *const *words, char **trouble)
{
  g_autofree char *out = NULL, *said = NULL;
  g_autoptr (GError) error = NULL;
  int status = 0;

  if (!g_spawn_sync (NULL, (char **) words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &said,
                     &status, &error))
    said = g_strdup (error->message);
  else if (g_spawn_check_wait_status (status, NULL)) {
    out[strcspn (out, "\n")] = '\0';
    return g_steal_pointer (&out);
  }
  if (trouble)
    *trouble = g_strdup (g_strdelimit (g_strstrip (said), "\n", ';'));
  return NULL;
}

/* A program's first line in the report; advice where it is not there. */
static bool
look_program (Doctor *doctor, const char *title, const char *program, int code, const char *how)
{
  const char *const words[] = { program, "--version", NULL };
  g_autofree char *version = ask (words, NULL);

  lode_json_text (doctor->json, title, version);
  doctor_line (doctor, title, "%s", version ? version : "none");
  if (!version)
    doctor_advise (doctor, code, "there is no %s: %s", program, how);
  return version != NULL;
}

static char *
package (const char *tool, const char *question, const char *name)
{
  const char *const words[] = { tool, question, name, NULL };

  return ask (words, NULL);
}

static bool
look_glib (Doctor *doctor, const char *tool)
{
  g_autofree char *version = package (tool, "--modversion", "glib-2.0"),
                  *enough = package (tool, "--atleast-version=" LEAST_GLIB, "glib-2.0");

  lode_json_text (doctor->json, "glib", version);
  doctor_line (doctor, "glib", "%s", version ? version : "no glib-2.0.pc");
  if (!version)
    doctor_advise (
        doctor, LODE_EXIT_FAILED,
        "pkg-config finds no glib-2.0: apt-get install libglib2.0-dev, or name the folder "
        "of glib-2.0.pc in PKG_CONFIG_PATH");
  else if (!enough)
    doctor_advise (
        doctor, LODE_EXIT_FAILED,
        "the headers of GLib are of %s, expected %s or later: name the folder of a later "
        "glib-2.0.pc in PKG_CONFIG_PATH",
        version, LEAST_GLIB);
  return enough != NULL;
}

/* <libdir>/pkgconfig of this installation; NULL in a build tree. Transfer full. */
static char *
own_packages (void)
{
  g_autofree char *plugins = lode_installed (LODE_PLUGINDIR),
                  *packages =
                      g_build_filename (plugins ? plugins : "", "..", "..", "pkgconfig", NULL),
                  *folder = g_canonicalize_filename (packages, NULL),
                  *file = g_build_filename (folder, "lode.pc", NULL);

  return g_file_test (file, G_FILE_TEST_EXISTS) ? g_steal_pointer (&folder) : NULL;
}

static void
advise_lode (Doctor *doctor, const char *found, const char *expected)
{
  g_autofree char *own = own_packages (), *what = NULL;

  what = found ? g_strdup_printf (
             "the lode.pc that pkg-config finds is of interface %s, expected %s", found, expected)
               : g_strdup ("pkg-config finds no lode.pc");
  if (own)
    doctor_advise (doctor, LODE_EXIT_FAILED, "%s: export PKG_CONFIG_PATH=%s", what, own);
  else
    doctor_advise (
        doctor, LODE_EXIT_FAILED,
        "%s: install Lode (meson install), and name its lib/pkgconfig in PKG_CONFIG_PATH", what);
}

static bool
look_lode (Doctor *doctor, const char *tool)
{
  g_autofree char *version = package (tool, "--modversion", "lode"),
                  *abi = package (tool, "--variable=abi", "lode"),
                  *folder = package (tool, "--variable=plugindir", "lode"),
                  *expected = g_strdup_printf ("%d.%d", LODE_ABI_MAJOR, LODE_ABI_MINOR);
  bool same = version && !g_strcmp0 (abi, expected);

  lode_json_text (doctor->json, "lode_pc", version);
  lode_json_text (doctor->json, "lode_pc_abi", version ? abi : NULL);
  if (version)
    doctor_line (doctor, "lode.pc", "%s, interface %s, plugins in %s", version, abi, folder);
  else
    doctor_line (doctor, "lode.pc", "none");
  if (!same)
    advise_lode (doctor, version ? abi : NULL, expected);
  return same;
}

/* Where the author's own plugins go, or the nearest folder above it that is there. */
static void
look_own_folder (Doctor *doctor)
{
  g_autofree char *version = g_strdup_printf ("lode-%d", LODE_ABI_MAJOR),
                  *own = g_build_filename (g_get_user_data_dir (), version, "plugins", NULL),
                  *there = g_strdup (own);

  while (!g_file_test (there, G_FILE_TEST_EXISTS)) {
    char *above = g_path_get_dirname (there);

    g_free (there);
    there = above;
  }
  lode_json_text (doctor->json, "own_plugins", own);
  doctor_line (doctor, "own plugins", "%s", own);
  if (access (there, W_OK) != 0)
    doctor_advise (
        doctor, LODE_EXIT_DONE,
        "%s may not be written, where plugins of your own would go: set XDG_DATA_HOME, or "
        "name a folder in LODE_PLUGIN_PATH",
        there);
}

/* The words that build scratch/loss_doctor.so; NULL-ended, transfer full. */
static char **
build_words (const char *compiler, const char *tool, const char *scratch)
{
  g_autofree char *flags = package (tool, "--cflags", "lode"),
                  *line = g_strdup_printf ("%s -std=c17 -shared -fPIC -fvisibility=hidden "
                                           "-Wl,-z,nodelete %s",
                                           compiler, flags ? flags : "");
  g_auto (GStrv) words = NULL;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();

  if (!g_shell_parse_argv (line, NULL, &words, NULL))
    return NULL;
  for (char **word = words; *word; word++)
    g_ptr_array_add (all, g_strdup (*word));
  g_ptr_array_add (all, g_strdup ("-o"));
  g_ptr_array_add (all, g_build_filename (scratch, "loss_doctor.so", NULL));
  g_ptr_array_add (all, g_build_filename (scratch, "doctor.c", NULL));
  g_ptr_array_add (all, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&all), FALSE);
}

/* NULL, or what went wrong (transfer full). */
static char *
try_plugin (const char *compiler, const char *tool, const char *scratch)
{
  g_autofree char *file = g_build_filename (scratch, "doctor.c", NULL), *done = NULL;
  g_auto (GStrv) words = build_words (compiler, tool, scratch);
  g_autoptr (LodeRegistry) registry = lode_registry_new ((const char *[]){ scratch, NULL });
  g_autoptr (GPtrArray) probed = NULL;
  char *trouble = NULL;

  if (!words || !g_file_set_contents (file, source, -1, NULL))
    return g_strdup ("no source can be written");
  done = ask ((const char *const *) words, &trouble);
  if (!done)
    return trouble;
  probed = lode_registry_probe (registry, (const char *[]){ "loss/doctor", NULL }, NULL);
  if (!probed)
    return g_strdup ("no process can be started to load it");

  const LodeProbed *one = probed->pdata[0];

  return one->error ? g_strdup (one->error->message) : NULL;
}

static void
look_plugin (Doctor *doctor, const char *compiler, const char *tool)
{
  static const char *const files[] = { "doctor.c", "loss_doctor.so" };
  g_autofree char *scratch = g_dir_make_tmp ("lode-author-XXXXXX", NULL),
                  *trouble = scratch ? try_plugin (compiler, tool, scratch)
                                     : g_strdup ("no folder can be made for it");

  for (guint i = 0; scratch && i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (scratch, files[i], NULL);

    g_remove (path);
  }
  if (scratch)
    g_rmdir (scratch);
  doctor_flag (doctor, "plugin_builds", !trouble);
  doctor_line (doctor, "plugin", "%s", trouble ? "one does not build" : "one was built and loaded");
  if (trouble)
    doctor_advise (doctor, LODE_EXIT_FAILED, "a plugin of a few lines does not build: %s", trouble);
}

static const char *
tool_of (const char *variable, const char *otherwise)
{
  const char *named = g_getenv (variable);

  return named && *named ? named : otherwise;
}

void
doctor_look_author (Doctor *doctor)
{
  const char *compiler = tool_of ("CC", "cc"), *tool = tool_of ("PKG_CONFIG", "pkg-config");
  bool ready;

  json_builder_begin_object (json_builder_set_member_name (doctor->json, "author"));
  ready = look_program (doctor, "compiler", compiler, LODE_EXIT_FAILED,
                        "apt-get install gcc, or name one in CC");
  if (look_program (doctor, "pkg-config", tool, LODE_EXIT_FAILED,
                    "apt-get install pkg-config, or name one in PKG_CONFIG")) {
    ready &= look_glib (doctor, tool);
    ready &= look_lode (doctor, tool);
  } else
    ready = false;
  look_program (doctor, "meson", "meson", LODE_EXIT_DONE,
                "projects of plugins are built by it: apt-get install meson");
  look_program (doctor, "ninja", "ninja", LODE_EXIT_DONE,
                "projects of plugins are built by it: apt-get install ninja-build");
  look_own_folder (doctor);
  if (ready)
    look_plugin (doctor, compiler, tool);
  json_builder_end_object (doctor->json);
}
