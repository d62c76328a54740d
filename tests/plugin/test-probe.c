/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying plugins out in a child: one that crashes, ends the process or hangs is told by name, and
 * costs the others nothing.
 */
#include "fixture.h"

#include "plugin/probe.h"

#include <sys/wait.h>
#include <unistd.h>

static GPtrArray *
probe (const char *const *ids)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeRegistry) registry =
      lode_registry_new ((const char *const[]){ g_getenv ("LODE_BROKEN"), NULL });
  GPtrArray *all = lode_registry_probe (registry, ids, &error);

  g_assert_no_error (error);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1); /* no child is left */
  return all;
}

static void
assert_sound (const LodeProbed *one)
{
  g_assert_no_error (one->error);
  g_assert_cmpstr (one->kind, ==, "loss");
  g_assert_cmpstr (one->name, ==, "sound");
  g_assert_cmpstr (one->version, ==, "1.0");
  g_assert_cmpstr (one->summary, ==, "a fixture");
  g_assert_true (g_str_has_suffix (one->path, "/loss_sound.so"));
}

static void
test_crash (void)
{
  g_autoptr (GPtrArray) all = probe ((const char *const[]){
      "loss/crash", "loss/sound", "loss/crash", "loss/exit", "loss/magic", "loss/sound", NULL });
  const LodeProbed *const *at = (const LodeProbed *const *) all->pdata;

  g_assert_cmpuint (all->len, ==, 6);
  assert_refused (at[0]->error, LODE_PLUGIN_ERROR_CRASH, at[0]->path, "SIGSEGV", "constructors");
  assert_refused (at[2]->error, LODE_PLUGIN_ERROR_CRASH, at[2]->path, "SIGSEGV");
  assert_refused (at[3]->error, LODE_PLUGIN_ERROR_CRASH, at[3]->path, "exit code 7", "move");
  assert_refused (at[4]->error, LODE_PLUGIN_ERROR_MAGIC, at[4]->path);
  g_assert_null (at[0]->version);
  assert_sound (at[1]);
  assert_sound (at[5]);
}

static void
test_hang (void)
{
  int patience = lode_probe_patience;
  g_autoptr (GPtrArray) all = NULL;

  lode_probe_patience = 300;
  all = probe ((const char *const[]){ "loss/sound", "loss/hang", "loss/sound", NULL });
  lode_probe_patience = patience;
  assert_sound (all->pdata[0]);
  assert_refused (((const LodeProbed *) all->pdata[1])->error, LODE_PLUGIN_ERROR_CRASH,
                  "loss_hang.so", "within 0.3 s");
  assert_sound (all->pdata[2]);
}

static void
test_missing (void)
{
  g_autoptr (GPtrArray) all = probe ((const char *const[]){ "loss/none", "bad", NULL });

  assert_refused (((const LodeProbed *) all->pdata[0])->error, LODE_PLUGIN_ERROR_NOT_FOUND, "none");
  assert_refused (((const LodeProbed *) all->pdata[1])->error, LODE_PLUGIN_ERROR_NOT_FOUND, "bad");
  g_assert_null (((const LodeProbed *) all->pdata[0])->path);
}

/* Nothing of it is mapped in this process, and what it prints is dropped. */
static void
test_apart (void)
{
  g_autofree char *maps = NULL;
  g_autoptr (GPtrArray) all = probe ((const char *const[]){ "loss/state", "loss/exit", NULL });

  g_assert_cmpuint (all->len, ==, 2);
  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  g_assert_null (strstr (maps, "loss_state.so"));
}

/* Every fixture is tried, and each but those that are meant to load is refused. */
static void
test_all (void)
{
  int patience = lode_probe_patience;
  g_autoptr (GPtrArray) all = NULL;
  guint load = 0;

  lode_probe_patience = 300;
  all = probe (NULL);
  lode_probe_patience = patience;
  g_assert_cmpuint (all->len, ==, 25);
  for (guint i = 0; i < all->len; i++) {
    const LodeProbed *one = all->pdata[i];

    g_assert_true (!one->error == (one->version != NULL));
    g_assert_true (!one->error || one->error->domain == LODE_PLUGIN_ERROR);
    load += !one->error;
  }
  g_assert_cmpuint (load, >=, 2);
  g_assert_cmpuint (load, <=, 4); /* sound, old; a sanitizer's that is ours, and linked */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/probe/crash", test_crash);
  g_test_add_func ("/probe/hang", test_hang);
  g_test_add_func ("/probe/missing", test_missing);
  g_test_add_func ("/probe/apart", test_apart);
  g_test_add_func ("/probe/all", test_all);
  return g_test_run ();
}
