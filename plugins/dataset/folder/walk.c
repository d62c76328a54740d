/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 32 };

/* A folder on the way down, to know one's own way when a link leads back to it. */
typedef struct Place {
  const struct Place *up;
  dev_t device;
  ino_t node;
  uint32_t depth;
} Place;

static const char *const pictures[] = { ".png", ".jpg", ".jpeg", ".jpe", NULL };
static const char *const other_pictures[] = { ".gif", ".bmp",  ".tif",  ".tiff", ".webp", ".heic",
                                              ".ppm", ".avif", ".jfif", ".jp2",  ".dcm",  NULL };

static bool
ends_in (const char *name, const char *const *endings)
{
  const char *dot = strrchr (name, '.');

  for (; dot && *endings; endings++)
    if (!g_ascii_strcasecmp (dot, *endings))
      return true;
  return false;
}

bool
walk_is_picture (const char *name)
{
  return ends_in (name, pictures);
}

static void G_GNUC_PRINTF (3, 4) problem (Walk *walk, const char *path, const char *format, ...)
{
  g_autofree char *text = NULL, *valid = g_utf8_make_valid (path, -1);
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_ptr_array_add (walk->problem, g_strdup_printf ("%s: %s", valid, text));
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names in a folder, sorted; hidden ones are no data. */
static GPtrArray *
names_in (Walk *walk, const char *path, const char *shown)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  GDir *dir = g_dir_open (path, 0, &error);
  const char *name;

  if (!dir) {
    problem (walk, shown, "the folder cannot be read: %s", g_strerror (errno));
    return names;
  }
  while ((name = g_dir_read_name (dir)))
    if (*name != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_dir_close (dir);
  g_ptr_array_sort (names, compare_names);
  return names;
}

static bool
leads_back (const Place *place, const struct stat *info)
{
  for (; place; place = place->up)
    if (place->device == info->st_dev && place->node == info->st_ino)
      return true;
  return false;
}

static void walk_down (Walk *walk, const char *root, const char *folder, const Place *place);

static void
walk_entry (Walk *walk, const char *root, const char *shown, const Place *place)
{
  g_autofree char *path = g_build_filename (root, shown, NULL);
  struct stat info;

  if (stat (path, &info)) {
    if (errno == ELOOP)
      problem (walk, shown, "a symbolic link that leads back to itself; remove it");
    else if (walk_is_picture (shown) || errno != ENOENT)
      problem (walk, shown, "cannot be looked at: %s", g_strerror (errno));
  } else if (S_ISDIR (info.st_mode)) {
    Place here = { place, info.st_dev, info.st_ino, place->depth + 1 };

    if (leads_back (place, &info))
      problem (walk, shown, "a symbolic link that leads back to a folder above it; remove it");
    else if (here.depth > DEEPEST)
      problem (walk, shown, "folders are more than %d deep", DEEPEST);
    else
      walk_down (walk, root, shown, &here);
  } else if (walk_is_picture (shown))
    g_ptr_array_add (walk->path, g_strdup (shown));
  else if (ends_in (shown, other_pictures)) {
    walk->others++;
    walk->other = walk->other ? walk->other : g_utf8_make_valid (shown, -1);
  }
}

static void
walk_down (Walk *walk, const char *root, const char *folder, const Place *place)
{
  g_autofree char *path = g_build_filename (root, folder, NULL);
  g_autoptr (GPtrArray) names = names_in (walk, path, *folder ? folder : root);

  for (guint i = 0; i < names->len; i++) {
    g_autofree char *shown =
        *folder ? g_build_filename (folder, names->pdata[i], NULL) : g_strdup (names->pdata[i]);

    walk_entry (walk, root, shown, place);
  }
}

void
walk_folder (Walk *walk, const char *root)
{
  struct stat info;

  *walk = (Walk){ .path = g_ptr_array_new_with_free_func (g_free),
                  .problem = g_ptr_array_new_with_free_func (g_free) };
  if (stat (root, &info) || !S_ISDIR (info.st_mode)) {
    problem (walk, root, "not a folder; expected one of pictures");
    return;
  }
  walk_down (walk, root, "", &(Place){ NULL, info.st_dev, info.st_ino, 0 });
}

void
walk_clear (Walk *walk)
{
  g_ptr_array_unref (walk->path);
  g_ptr_array_unref (walk->problem);
  g_free (walk->other);
}

bool
walk_check (const Walk *walk, const LodeHost *host, const char *root, GError **error)
{
  GQuark domain = g_quark_from_static_string ("lode-data-error");
  uint32_t n = walk->problem->len;

  for (uint32_t i = 0; n > 1 && i < n; i++)
    lode_log (host, LODE_LOG_WARNING, walk->problem->pdata[i]);
  if (walk->others) {
    g_autofree char *text =
        g_strdup_printf ("%u picture%s neither PNG nor JPEG (%s%s) and not read; convert %s",
                         walk->others, walk->others == 1 ? " is" : "s are", walk->other,
                         walk->others == 1 ? "" : " …", walk->others == 1 ? "it" : "them");

    lode_log (host, LODE_LOG_WARNING, text);
  }
  if (n == 1)
    g_set_error (error, domain, 0, "%s: %s", root, (const char *) walk->problem->pdata[0]);
  else if (n)
    g_set_error (error, domain, 0,
                 "%s: %u files or folders cannot be looked at, the first of them %s", root, n,
                 (const char *) walk->problem->pdata[0]);
  else if (!walk->path->len)
    g_set_error (error, domain, 0, "%s: there is no PNG or JPEG file in it%s", root,
                 walk->others ? "; convert the pictures that there are" : "; check the folder");
  return n == 0 && walk->path->len;
}
