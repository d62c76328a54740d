/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could have put other code in a plugin's place: whoever may write its file, or any folder on
 * the way to it, symbolic links included.
 */
#include "plugin/load.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MOST_LINKS = 40 }; /* on the way, as for the system itself */

typedef struct Walk {
  const LodeTrust *trust;
  char *program; /* the file that runs, resolved; or NULL */
  GPtrArray *by; /* char *: groups that were relied on */
  char *why;     /* not to trust it; NULL so far */
} Walk;

static bool
is_trusted_owner (uid_t owner)
{
  struct stat program;

  return owner == 0 || owner == geteuid ()
         || (stat ("/proc/self/exe", &program) == 0 && program.st_uid == owner);
}

/* Whoever owns a folder above the program itself could put another program there. */
static bool
is_above_program (const Walk *walk, const char *at)
{
  size_t n = strlen (at);

  return walk->program && g_str_has_prefix (walk->program, at)
         && (n == 1 || walk->program[n] == '/');
}

/* The group that systems give each user for himself. */
static bool
is_own_group (gid_t group)
{
  const struct passwd *user = getpwuid (geteuid ());
  const struct group *entry = user && user->pw_gid == group ? getgrgid (group) : NULL;

  if (!entry || strcmp (entry->gr_name, user->pw_name) != 0)
    return false;
  for (char **member = entry->gr_mem; *member; member++)
    if (strcmp (*member, user->pw_name) != 0)
      return false;
  return true;
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

static bool
rely_on (Walk *walk, gid_t group)
{
  for (guint i = 0; i < walk->trust->n; i++)
    if (walk->trust->group[i] == group) {
      g_autofree char *name = group_name (group);

      if (!g_ptr_array_find_with_equal_func (walk->by, name, g_str_equal, NULL))
        g_ptr_array_add (walk->by, g_steal_pointer (&name));
      return true;
    }
  return false;
}

static void
check_owner (Walk *walk, const char *at, const char *what, uid_t owner)
{
  g_autofree char *name = NULL;

  if (walk->trust->any_owner || is_trusted_owner (owner) || is_above_program (walk, at))
    return;
  name = owner_name (owner);
  walk->why = g_strdup_printf ("%s belongs to %s; expected root, you or the owner of lode: chown "
                               "it, or name its folder in LODE_PLUGIN_PATH if you trust it",
                               what, name);
}

/* In a sticky folder nobody can replace what is another's. */
static void
check_mode (Walk *walk, const char *at, const char *what, const struct stat *file)
{
  g_autofree char *name = NULL;

  if (S_ISDIR (file->st_mode) && (file->st_mode & S_ISVTX))
    return;
  if (file->st_mode & S_IWOTH)
    walk->why = g_strdup_printf ("every user of this machine may write %s; chmod o-w it if you "
                                 "trust its contents",
                                 what);
  else if ((file->st_mode & S_IWGRP) && getxattr (at, "system.posix_acl_access", NULL, 0) > 0)
    walk->why = g_strdup_printf ("an access control list lets others write %s; setfacl -b it if "
                                 "you trust its contents",
                                 what);
  else if ((file->st_mode & S_IWGRP) && file->st_gid != 0 && !is_own_group (file->st_gid)
           && !rely_on (walk, file->st_gid)) {
    name = group_name (file->st_gid);
    walk->why = g_strdup_printf ("the group %s may write %s; chmod g-w it, or name the group in "
                                 "trusted_groups of the site's configuration",
                                 name, what);
  }
}

/* rest: names still to go. */
static void
check_one (Walk *walk, const char *at, guint rest, const struct stat *file)
{
  g_autofree char *what = rest == 0   ? g_strdup ("it")
                          : rest == 1 ? g_strdup_printf ("its folder %s", at)
                                      : g_strdup_printf ("%s, which it lies in,", at);

  check_owner (walk, at, what, file->st_uid);
  if (!walk->why && !S_ISLNK (file->st_mode))
    check_mode (walk, at, what, file);
}

/* Names of a path in front of those still to go. */
static void
push_names (GQueue *rest, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);

  for (guint i = g_strv_length (names); i-- > 0;)
    if (*names[i] && strcmp (names[i], ".") != 0)
      g_queue_push_head (rest, g_strdup (names[i]));
}

/* One step down, or along a link; false: there is nothing to be looked at. */
static bool
step (Walk *walk, char **at, GQueue *rest, guint *links)
{
  g_autofree char *name = g_queue_pop_head (rest), *next = g_build_filename (*at, name, NULL);
  g_autofree char *target = NULL;
  struct stat file;

  if (!strcmp (name, "..")) {
    g_free (next);
    next = g_path_get_dirname (*at);
  }
  if (lstat (next, &file) != 0)
    return false;
  if (S_ISLNK (file.st_mode)) {
    target = ++*links > MOST_LINKS ? NULL : g_file_read_link (next, NULL);
    if (!target)
      return false;
    check_one (walk, next, rest->length, &file);
    push_names (rest, target);
    g_free (next);
    next = g_strdup (*target == '/' ? "/" : *at);
  } else
    check_one (walk, next, rest->length, &file);
  g_free (*at);
  *at = g_steal_pointer (&next);
  return true;
}

/* What cannot be looked at is for the loader to complain of. */
static void
walk_down (Walk *walk, const char *path)
{
  g_autofree char *full = g_canonicalize_filename (path, NULL), *at = g_strdup ("/");
  GQueue rest = G_QUEUE_INIT;
  guint links = 0;

  push_names (&rest, full);
  while (!walk->why && rest.length > 0 && step (walk, &at, &rest, &links))
    ;
  g_queue_clear_full (&rest, g_free);
}

char *
lode_plugin_distrust (const char *path, const LodeTrust *trust, char **by)
{
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (g_free);
  Walk walk = { .trust = trust, .by = groups };

  walk.program = g_file_read_link ("/proc/self/exe", NULL);
  walk_down (&walk, path);
  g_free (walk.program);
  if (by && groups->len > 0) {
    g_ptr_array_add (groups, NULL);
    *by = g_strjoinv (", ", (char **) groups->pdata);
  }
  return walk.why;
}
