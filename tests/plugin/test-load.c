/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader against one broken plugin per way to fail: the code, and a message that says what
 * failed, where, what was expected and found, and what to do.
 */
#include "fixture.h"

#include <fenv.h>
#include <float.h>
#include <lode/lode.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Case {
  const char *name; /* loss_<name>.so */
  LodePluginError code;
  const char *words[5];
} Case;

static const Case cases[] = {
  { "magic", LODE_PLUGIN_ERROR_MAGIC, { "expected 0x45444f4c", "found 0x12345678", "HEAD" } },
  { "major", LODE_PLUGIN_ERROR_ABI, { "for plugin ABI 1.", "this lode has 0.", "rebuild" } },
  { "minor", LODE_PLUGIN_ERROR_ABI, { "for plugin ABI 0.", "this lode has 0.", "rebuild" } },
  { "short", LODE_PLUGIN_ERROR_ABI, { "16 bytes", "too few", "rebuild" } },
  { "entry", LODE_PLUGIN_ERROR_NO_ENTRY, { "no symbol lode_plugin", "define LODE_EXPORT" } },
  { "kind", LODE_PLUGIN_ERROR_NAME, { "promises loss/kind", "says sampler/kind", "agree" } },
  { "name", LODE_PLUGIN_ERROR_NAME, { "promises loss/name", "says loss/other", "agree" } },
  { "texts", LODE_PLUGIN_ERROR_NAME, { "lacks a license", "fill it in" } },
  { "under_score", LODE_PLUGIN_ERROR_NAME, { "\"under_score\"", "lower case", "rename it" } },
  { "members", LODE_PLUGIN_ERROR_OPS, { "kind loss: create, prepare;", "lode/loss.h" } },
  { "ops", LODE_PLUGIN_ERROR_OPS, { "kind loss: create, destroy, prepare;", "fill them in" } },
  { "state", LODE_PLUGIN_ERROR_OPS, { "lode.state/1", ": load;", "fill them in" } },
  { "options", LODE_PLUGIN_ERROR_OPTIONS, { "rate", "default 2", "0 … 1", "lode/option.h" } },
  { "table", LODE_PLUGIN_ERROR_OPTIONS, { "no entries", "LODE_PLUGIN_OPTIONS" } },
  { "fast", LODE_PLUGIN_ERROR_BUILD, { "-ffast-math", "rebuild it without" } },
  { "undefined", LODE_PLUGIN_ERROR_OPEN, { "lode_nobody_has_this" } },
};

static LodeLoaded *
load (const char *name, GError **error)
{
  g_autofree char *file = g_strdup_printf ("loss_%s.so", name), *path = broken_path (file);

  return lode_plugin_load (path, "loss", name, error);
}

static void
test_case (const void *data)
{
  const Case *this = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_strdup_printf ("loss_%s.so", this->name), *path = broken_path (file);

  g_assert_null (load (this->name, &error));

  assert_message (error, LODE_PLUGIN_ERROR, (int) this->code, this->words);
  g_assert_true (g_str_has_prefix (error->message, "cannot load plugin "));
  g_assert_true (strstr (error->message, file) && strstr (error->message, path));
}

static void
test_sound (void)
{
  g_autoptr (GError) error = NULL;
  LodeLoaded *loaded = load ("sound", &error);
  const LodeLossOps *ops;

  g_assert_no_error (error);
  ops = loaded->ops;
  g_assert_cmpstr (loaded->plugin->name, ==, "sound");
  g_assert_true (ops->create && ops->destroy && ops->prepare && !ops->rows);
  g_assert_null (loaded->state);
  g_assert_cmpuint (loaded->table.n, ==, 2);
  g_assert_cmpstr (lode_table_at (&loaded->table, 1)->unit, ==, "epochs");
  lode_loaded_free (loaded);
}

/* An older, smaller descriptor, vtable and option reads as if what it lacks were zero. */
static void
test_old (void)
{
  g_autoptr (GError) error = NULL;
  LodeLoaded *loaded = load ("old", &error);
  const LodeLossOps *ops;

  g_assert_no_error (error);
  ops = loaded->ops;
  g_assert_null (loaded->plugin->query);
  g_assert_null (loaded->state);
  g_assert_true (ops->create && !ops->rows);
  for (uint32_t i = 0; i < 2; i++) {
    const LodeOption *option = lode_table_at (&loaded->table, i);

    g_assert_cmpstr (option->name, ==, i ? "epochs" : "rate");
    g_assert_false (option->required || option->tunable || option->log_scale || option->above_min);
  }
  lode_loaded_free (loaded);
}

/* Recognised before it is opened: it would end this process with an exit code of its own. */
static void
assert_sanitizer (const char *name, unsigned build, const char *flag)
{
  g_autoptr (GError) error = NULL;
  LodeLoaded *loaded;

  if (LODE_BUILD_SANITIZER & build) {
    g_test_skip ("this build has that sanitizer itself");
    return;
  }
  loaded = load (name, &error);
  g_assert_null (loaded);
  assert_refused (error, LODE_PLUGIN_ERROR_SANITIZER, flag, "which this lode was not",
                  "rebuild it without");
}

static void
test_asan (void)
{
  assert_sanitizer ("asan", LODE_BUILD_ASAN, "-fsanitize=address");
}

static void
test_tsan (void)
{
  assert_sanitizer ("tsan", LODE_BUILD_TSAN, "-fsanitize=thread");
}

/* Refused, and the arithmetic is as it was before. */
static void
assert_mode (const char *name)
{
  g_autoptr (GError) error = NULL;
  volatile double tiny = DBL_MIN, half;
  LodeLoaded *loaded = load (name, &error);

  half = tiny / 2;
  g_assert_cmpfloat (half, >, 0);
  g_assert_cmpint (fegetround (), ==, FE_TONEAREST);
  if (loaded) {
    lode_loaded_free (loaded);
    g_test_skip ("this linker adds nothing for -ffast-math");
    return;
  }
  assert_refused (error, LODE_PLUGIN_ERROR_FPENV, "floating-point mode", "-ffast-math", "rebuild");
}

static void
test_fpenv (void)
{
  g_autoptr (GError) error = NULL;

  assert_mode ("fpenv");
  /* It is mapped by now, its constructor does not run again. */
  g_assert_null (load ("fpenv", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_FPENV, "floating-point mode");
}

static void
test_linked (void)
{
  assert_mode ("linked");
}

static void
test_files (void)
{
  g_autoptr (GError) text = NULL, empty = NULL, folder_error = NULL, missing = NULL;
  char *folder = scratch_new ();
  g_autofree char *path = g_build_filename (folder, "loss_text.so", NULL),
                  *none = g_build_filename (folder, "loss_none.so", NULL);

  g_assert_true (g_file_set_contents (path, "#!/bin/sh\necho a plugin\n", -1, NULL));
  g_assert_null (lode_plugin_load (path, "loss", "text", &text));
  assert_refused (text, LODE_PLUGIN_ERROR_OPEN, path, "not a shared object", "rebuild");
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_null (lode_plugin_load (path, "loss", "text", &empty));
  assert_refused (empty, LODE_PLUGIN_ERROR_OPEN, "not a shared object");
  g_assert_null (lode_plugin_load (folder, "loss", "text", &folder_error));
  assert_refused (folder_error, LODE_PLUGIN_ERROR_OPEN, folder, "not a readable file");
  g_assert_null (lode_plugin_load (none, "loss", "none", &missing));
  assert_refused (missing, LODE_PLUGIN_ERROR_OPEN, none, "not a readable file");
  scratch_remove (folder);
}

/* Cut anywhere, a file is refused before the system's loader sees it (which would die by SIGBUS).
 */
static void
test_truncated (void)
{
  char *folder = scratch_new ();
  g_autofree char *whole = scratch_copy (folder, "loss_whole.so", 0);
  GStatBuf file;

  g_assert_cmpint (g_stat (whole, &file), ==, 0);
  for (gsize n = 1; n < (gsize) file.st_size; n += MAX (1, (gsize) file.st_size / 40)) {
    g_autofree char *path = scratch_copy (folder, "loss_cut.so", n);
    g_autoptr (GError) error = NULL;

    g_assert_null (lode_plugin_load (path, "loss", "cut", &error));
    assert_refused (error, LODE_PLUGIN_ERROR_OPEN, path, "rebuild");
  }
  scratch_remove (folder);
}

/* Without a table of sections (at the end of a file) only the segments tell that one is cut. */
static void
test_sectionless (void)
{
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_cut.so", 0), *bytes = NULL;
  gsize size, refused = 0;

  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  memset (bytes + 40, 0, 8); /* e_shoff */
  memset (bytes + 60, 0, 4); /* e_shnum, e_shstrndx */
  for (gsize n = 64; n < size; n += size / 40) {
    g_autoptr (GError) error = NULL;

    g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
    g_assert_null (lode_plugin_load (path, "loss", "cut", &error));
    refused += g_error_matches (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_OPEN);
  }
  g_assert_cmpuint (refused, >, 10);
  scratch_remove (folder);
}

/* Headers of noise lead to a refusal, whatever they say. */
static void
test_damaged (void)
{
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_noise.so", 0), *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  for (guint i = 32; i < 64; i++) { /* offsets and counts of the tables */
    g_autofree char *copy = g_memdup2 (bytes, size);
    g_autoptr (GError) error = NULL;
    LodeLoaded *loaded;

    copy[i] = (char) 0xff;
    g_assert_true (g_file_set_contents (path, copy, (gssize) size, NULL));
    loaded = lode_plugin_load (path, "loss", "noise", &error);
    g_assert_null (loaded);
    g_assert_true (error->domain == LODE_PLUGIN_ERROR);
  }
  scratch_remove (folder);
}

static void
test_split (void)
{
  static const char *const wrong[] = { "loss.so",    "loss_.so", "loss_ce",      "foo_ce.so",
                                       "libcore.so", "_ce.so",   "loss_ce.so.1", "" };
  g_autofree char *kind = NULL, *name = NULL;

  g_assert_true (lode_plugin_split ("search_my-own2.so", &kind, &name));
  g_assert_cmpstr (kind, ==, "search");
  g_assert_cmpstr (name, ==, "my-own2");
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    char *no_kind = NULL, *no_name = NULL;

    g_assert_false (lode_plugin_split (wrong[i], &no_kind, &no_name));
    g_assert_null (no_kind);
    g_assert_null (no_name);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/load/sound", test_sound);
  g_test_add_func ("/load/old", test_old);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/load/broken/%s", cases[i].name);

    g_test_add_data_func (path, &cases[i], test_case);
  }
  g_test_add_func ("/load/broken/asan", test_asan);
  g_test_add_func ("/load/broken/tsan", test_tsan);
  g_test_add_func ("/load/broken/fpenv", test_fpenv);
  g_test_add_func ("/load/broken/linked", test_linked);
  g_test_add_func ("/load/files", test_files);
  g_test_add_func ("/load/truncated", test_truncated);
  g_test_add_func ("/load/sectionless", test_sectionless);
  g_test_add_func ("/load/damaged", test_damaged);
  g_test_add_func ("/load/split", test_split);
  return g_test_run ();
}
