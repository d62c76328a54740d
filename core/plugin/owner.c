/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could have changed a file that everybody's runs load: its owner, and whoever may write it or
 * its folder.
 */
#include "plugin/load.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_trusted_owner (uid_t owner)
{
  struct stat program;

  return owner == 0 || owner == geteuid ()
         || (stat ("/proc/self/exe", &program) == 0 && program.st_uid == owner);
}

static bool
is_among (gid_t group, const gid_t *trusted, guint n)
{
  for (guint i = 0; i < n; i++)
    if (trusted[i] == group)
      return true;
  return false;
}

static char *
owner_name (uid_t owner)
{
  const struct passwd *entry = getpwuid (owner);

  return entry ? g_strdup (entry->pw_name) : g_strdup_printf ("%u", (unsigned) owner);
}

static char *
group_name (gid_t group)
{
  const struct group *entry = getgrgid (group);

  return entry ? g_strdup (entry->gr_name) : g_strdup_printf ("%u", (unsigned) group);
}

/* what: "it" or its folder, for messages about `path`. */
static bool
check_one (const char *path, const char *what, const struct stat *file, const gid_t *trusted,
           guint n, GError **error)
{
  if (!is_trusted_owner (file->st_uid)) {
    g_autofree char *name = owner_name (file->st_uid);

    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_UNSAFE, path,
                        "%s belongs to %s; expected root, you or the owner of lode: chown it, or "
                        "name its folder in LODE_PLUGIN_PATH if you trust it",
                        what, name);
    return false;
  }
  /* In a sticky folder nobody can replace what is another's. */
  if ((file->st_mode & S_IWOTH) && !(S_ISDIR (file->st_mode) && (file->st_mode & S_ISVTX))) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_UNSAFE, path,
                        "every user of this machine may write %s; chmod o-w it if you trust its "
                        "contents",
                        what);
    return false;
  }
  if ((file->st_mode & S_IWGRP) && file->st_gid != 0 && !is_among (file->st_gid, trusted, n)) {
    g_autofree char *name = group_name (file->st_gid);

    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_UNSAFE, path,
                        "the group %s may write %s; chmod g-w it, or name the group in "
                        "trusted_groups of the site's configuration",
                        name, what);
    return false;
  }
  return true;
}

bool
lode_plugin_check_owner (const char *path, const gid_t *trusted, guint n, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  struct stat file, above;

  /* What cannot be looked at is for the loader to complain of. */
  if (stat (path, &file) != 0 || stat (folder, &above) != 0)
    return true;
  return check_one (path, "it", &file, trusted, n, error)
         && check_one (path, "its folder", &above, trusted, n, error);
}
