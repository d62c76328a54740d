/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site sets for all its users.
 */
#include "run/site.h"

#include "data/find.h"
#include "installed.h"
#include "plugin/option.h"
#include "run/config.h"

#include <string.h>

static const LodeOption options[] = {
  LODE_OPTION (LodeSite, data_path, .doc = "folders that are looked in for data"),
  LODE_OPTION (LodeSite, runs, .doc = "folder below which runs go"),
  LODE_OPTION (LodeSite, cache,
               .doc = "folder that all users share what is computed once in; its group and rights "
                      "are those of all that is made in it"),
  LODE_OPTION (LodeSite, threads, .min = 0, .max = 4096, .unit = "threads",
               .doc = "the most that a run takes; 0: no limit"),
  LODE_OPTION (LodeSite, trusted_groups,
               .doc = "groups whose members may write plugins that others load"),
};

const LodeTable lode_site_table = { options, G_N_ELEMENTS (options), sizeof (LodeOption),
                                    sizeof (LodeSite) };

/* The file to read, or NULL: there is none. One that LODE_SITE names has to be there. */
static char *
find_file (void)
{
  const char *named = g_getenv ("LODE_SITE");
  g_autofree char *installed = NULL, *path = NULL;

  if (!g_strcmp0 (g_getenv ("LODE_NO_SITE"), "1"))
    return NULL;
  if (named && *named)
    return g_strdup (named);
  installed = lode_installed (LODE_SYSCONFDIR);
  path = installed ? g_build_filename (installed, "site.cfg", NULL) : NULL;
  if (path && g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  if (g_file_test ("/etc/lode/site.cfg", G_FILE_TEST_EXISTS))
    return g_strdup ("/etc/lode/site.cfg");
  return NULL;
}

/* "~/x" below the home of whoever runs; others must be absolute, for a site's file is read from any
 * folder. NULL: it is neither. */
static char *
full_path (const char *path)
{
  if (g_str_has_prefix (path, "~/"))
    return g_build_filename (g_get_home_dir (), path + 2, NULL);
  return g_path_is_absolute (path) ? g_strdup (path) : NULL;
}

static const char *
check_folder (LodeSite *site, const LodeNode *root, const char *name, const char *path,
              GPtrArray *errors)
{
  char *full = full_path (path);

  if (!full) {
    g_ptr_array_add (errors, g_strdup_printf ("%s: site: %s = \"%s\" is not a full path; expected "
                                              "\"/…\" or \"~/…\"",
                                              lode_node_child (root, name)->origin, name, path));
    return path;
  }
  g_ptr_array_add (site->owner, full);
  return full;
}

static void
check_folders (LodeSite *site, const LodeNode *root, GPtrArray *errors)
{
  const char **folders = g_new0 (const char *, site->data_path.n + 1);

  g_ptr_array_add (site->owner, folders);
  for (size_t i = 0; i < site->data_path.n; i++)
    folders[i] = check_folder (site, root, "data_path", site->data_path.at[i], errors);
  site->data_path.at = folders;
  if (*site->runs)
    site->runs = check_folder (site, root, "runs", site->runs, errors);
  if (*site->cache)
    site->cache = check_folder (site, root, "cache", site->cache, errors);
}

/* The names of all settings, which the table then lets through: here it is a short list that tells
 * what there is. */
static const char **
check_names (const LodeNode *root, GPtrArray *errors)
{
  GPtrArray *names = g_ptr_array_new ();
  const char *known[G_N_ELEMENTS (options) + 1] = { NULL };
  g_autofree char *all = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (options); i++)
    known[i] = options[i].name;
  all = g_strjoinv (", ", (char **) known);

  for (guint i = 0; root && i < root->children->len; i++) {
    const LodeNode *node = g_ptr_array_index (root->children, i);
    const char *near = lode_nearest (node->name, known);

    g_ptr_array_add (names, node->name);
    if (!g_strv_contains (known, node->name))
      g_ptr_array_add (errors, g_strdup_printf ("%s: site: there is no setting \"%s\"; %s%s%s",
                                                node->origin, node->name,
                                                near ? "did you mean \"" : "expected one of ",
                                                near ? near : all, near ? "\"?" : ""));
  }
  g_ptr_array_add (names, NULL);
  return (const char **) g_ptr_array_free (names, FALSE);
}

LodeSite *
lode_site_load (GPtrArray *errors)
{
  g_autoptr (LodeSite) site = g_new0 (LodeSite, 1);
  g_autoptr (LodeNode) root = NULL;
  g_autofree const char **names = NULL;
  guint before = errors->len;

  site->owner = g_ptr_array_new_with_free_func (g_free);
  site->file = find_file ();
  if (site->file) {
    root = lode_config_parse (site->file, errors);
    if (!root)
      return NULL;
  }
  names = check_names (root, errors);
  if (lode_table_fill (&lode_site_table, root, "site", names, site, site->owner, errors))
    check_folders (site, root, errors);
  return errors->len == before ? g_steal_pointer (&site) : NULL;
}

void
lode_site_free (LodeSite *site)
{
  if (!site)
    return;
  g_clear_pointer (&site->owner, g_ptr_array_unref);
  g_free (site->file);
  g_free (site);
}

void
lode_site_apply (const LodeSite *site)
{
  lode_data_site_folders (site->data_path.at);
}
