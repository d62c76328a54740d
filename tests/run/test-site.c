/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site sets: where it is read from, what it holds, every mistake named.
 */
#include "run/site.h"

#include "data/find.h"
#include "error.h"
#include "tree.h"

/* Loads a text as the site's file. */
static LodeSite *
load (const char *text, GPtrArray *errors)
{
  write_text ("site.cfg", text);
  g_setenv ("LODE_SITE", "./site.cfg", TRUE);
  return lode_site_load (errors);
}

static LodeSite *
load_well (const char *text)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  LodeSite *site = load (text, errors);

  no_errors (errors);
  g_assert_nonnull (site);
  return site;
}

static void
test_all (void)
{
  g_autoptr (LodeSite) site =
      load_well ("data_path = [ \"/data/a\", \"~/b\" ];\nruns = \"~/runs\";\n"
                 "threads = 8;\ntrusted_groups = [ \"staff\", \"nas\" ];\n");
  g_autofree char *below = g_build_filename (g_get_home_dir (), "b", NULL),
                  *runs = g_build_filename (g_get_home_dir (), "runs", NULL);

  g_assert_cmpstr (site->file, ==, "./site.cfg");
  g_assert_cmpuint (site->data_path.n, ==, 2);
  g_assert_cmpstr (site->data_path.at[0], ==, "/data/a");
  g_assert_cmpstr (site->data_path.at[1], ==, below);
  g_assert_null (site->data_path.at[2]);
  g_assert_cmpstr (site->runs, ==, runs);
  g_assert_cmpint (site->threads, ==, 8);
  g_assert_cmpuint (site->trusted_groups.n, ==, 2);
  g_assert_cmpstr (site->trusted_groups.at[1], ==, "nas");
}

static void
is_default (const LodeSite *site)
{
  g_assert_cmpuint (site->data_path.n, ==, 0);
  g_assert_null (site->data_path.at[0]);
  g_assert_cmpuint (site->trusted_groups.n, ==, 0);
  g_assert_cmpstr (site->runs, ==, "");
  g_assert_cmpint (site->threads, ==, 0);
}

static void
test_defaults (void)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (LodeSite) empty = load_well ("# nothing\n"), none = NULL;

  is_default (empty);
  g_assert_cmpstr (empty->file, ==, "./site.cfg");
  g_setenv ("LODE_SITE", "./missing.cfg", TRUE);
  g_setenv ("LODE_NO_SITE", "1", TRUE);
  none = lode_site_load (errors);
  g_unsetenv ("LODE_NO_SITE");
  no_errors (errors);
  is_default (none);
  g_assert_null (none->file);
}

static void
test_mistakes (void)
{
  static const struct {
    const char *text, *expected;
  } mistakes[] = {
    { "threads = -1;",
      "./site.cfg:1: site: threads = -1 is out of range; expected 0 … 4096 threads" },
    { "threads = 2.5;", "./site.cfg:1: site: threads = 2.5 must be an integer" },
    { "threads = \"8\";", "./site.cfg:1: site: threads must be an integer" },
    { "\ndata_path = \"/data\";", "./site.cfg:2: site: data_path must be a list of texts" },
    { "data_path = [ 1 ];", "./site.cfg:1: site: data_path must be a list of texts" },
    { "data_path = [ \"/a\", \"b\" ];",
      "./site.cfg:1: site: data_path = \"b\" is not a full path; expected \"/…\" or \"~/…\"" },
    { "runs = \"runs\";",
      "./site.cfg:1: site: runs = \"runs\" is not a full path; expected \"/…\" or \"~/…\"" },
    { "cache = \"cache\";",
      "./site.cfg:1: site: cache = \"cache\" is not a full path; expected \"/…\" or \"~/…\"" },
    { "runs = 3;", "./site.cfg:1: site: runs must be a text in quotes" },
    { "thread = 3;",
      "./site.cfg:1: site: there is no setting \"thread\"; did you mean \"threads\"?" },
    { "banana = 3;", "./site.cfg:1: site: there is no setting \"banana\"; expected one of "
                     "data_path, runs, cache, threads, trusted_groups" },
    { "runs = \"/a;\nthreads = x;",
      "./site.cfg:1: a text is not closed on its line; expected \"text\" (a line break in it is "
      "written \\n)\n./site.cfg:2: x is no value; a text needs quotes: \"x\"" },
    { "x = 1;\nthreads = 9999;",
      "./site.cfg:1: site: there is no setting \"x\"; expected one of data_path, runs, "
      "cache, threads, trusted_groups\n./site.cfg:2: site: threads = 9999 is out of range; "
      "expected 0 … 4096 "
      "threads" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    g_autoptr (GPtrArray) errors = errors_new ();
    g_autofree char *said = NULL;

    g_assert_null (load (mistakes[i].text, errors));
    g_ptr_array_add (errors, NULL);
    said = g_strjoinv ("\n", (char **) errors->pdata);
    g_assert_cmpstr (said, ==, mistakes[i].expected);
  }
}

static void
test_missing (void)
{
  g_autoptr (GPtrArray) errors = errors_new ();

  g_setenv ("LODE_SITE", "./missing.cfg", TRUE);
  g_assert_null (lode_site_load (errors));
  g_assert_cmpuint (errors->len, ==, 1);
  g_assert_cmpstr (errors->pdata[0], ==,
                   "./missing.cfg: cannot be read: No such file or directory");
}

/* Without LODE_SITE, the file of this program's prefix: a build tree has none; /etc may. */
static void
test_installed (void)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (LodeSite) site = NULL;

  if (g_file_test ("/etc/lode/site.cfg", G_FILE_TEST_EXISTS)) {
    g_test_skip ("this machine has a site.cfg");
    return;
  }
  g_unsetenv ("LODE_SITE");
  site = lode_site_load (errors);
  no_errors (errors);
  is_default (site);
}

/* Data are found in the site's folders: after LODE_DATA_PATH, and no longer once they are gone. */
static void
test_data_path (void)
{
  g_autofree char *here = g_get_current_dir (), *text = NULL, *own = NULL, *found = NULL,
                  *first = NULL;
  g_autoptr (LodeSite) site = NULL;
  g_autoptr (GError) error = NULL;

  text = g_strdup_printf ("data_path = [ \"/does/not/exist\", \"%s/shared\" ];\n", here);
  own = g_build_filename (here, "own", NULL);
  g_mkdir_with_parents ("shared/a-set", 0755);
  g_mkdir_with_parents ("own/a-set", 0755);
  g_unsetenv ("LODE_DATA_PATH");
  site = load_well (text);
  lode_site_apply (site);
  found = lode_data_find ("a-set", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_suffix (found, "/shared/a-set"));
  g_setenv ("LODE_DATA_PATH", own, TRUE);
  first = lode_data_find ("a-set", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_suffix (first, "/own/a-set"));
  g_unsetenv ("LODE_DATA_PATH");
  lode_data_site_folders (NULL);
  g_assert_null (lode_data_find ("a-set", &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_unsetenv ("LODE_NO_SITE");
  g_test_add_func ("/site/all", test_all);
  g_test_add_func ("/site/defaults", test_defaults);
  g_test_add_func ("/site/mistakes", test_mistakes);
  g_test_add_func ("/site/missing", test_missing);
  g_test_add_func ("/site/installed", test_installed);
  g_test_add_func ("/site/data-path", test_data_path);
  return run_in_folder ();
}
