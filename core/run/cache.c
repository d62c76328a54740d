/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <folder>/<space>/<two digits>/<sha256 of the key>[.N]: a line of the sha256 and length of key and
 * bytes, the key, the bytes.
 *
 * A file is written under a name of its own and linked to its place, so that the first of several
 * processes wins and nobody reads half of it. A damaged one is replaced; where that is not allowed
 * (a sticky folder, another's file) the next number is taken.
 */
#include "run/cache.h"

#include "error.h"
#include "run/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST ((uint64_t) 1 << 40) /* bytes of an entry */
#define STALE 86400 /* seconds, after which what a killed process left is removed */
enum { PLACES = 8, HEAD = 128 };

struct LodeCache {
  char *folder;
  mode_t mode; /* of folders within it */
  gid_t group;
};

static LodeCache *
cache_new (const char *folder, GError **error)
{
  LodeCache *cache;
  struct stat info;

  if (stat (folder, &info) != 0 || !S_ISDIR (info.st_mode)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "the cache %s is no folder; make it with the rights and the group that its users "
                 "share: install -d -m 2770 -g GROUP %s",
                 folder, folder);
    return NULL;
  }
  cache = g_new0 (LodeCache, 1);
  cache->folder = g_canonicalize_filename (folder, NULL);
  cache->mode = info.st_mode & 07777;
  cache->group = info.st_gid;
  return cache;
}

LodeCache *
lode_cache_open_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0700) == 0)
    return cache_new (folder, error);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "cannot make the cache %s: %s; set LODE_CACHE to a folder that you may write",
               folder, g_strerror (errno));
  return NULL;
}

LodeCache *
lode_cache_open (const char *site, GError **error)
{
  const char *named = g_getenv ("LODE_CACHE");
  g_autofree char *own = NULL;

  if (named && *named)
    return lode_cache_open_folder (named, error);
  if (site && *site)
    return cache_new (site, error);
  own = g_build_filename (g_get_user_cache_dir (), "lode", NULL);
  return lode_cache_open_folder (own, error);
}

void
lode_cache_free (LodeCache *cache)
{
  if (!cache)
    return;
  g_free (cache->folder);
  g_free (cache);
}

const char *
lode_cache_folder (const LodeCache *cache)
{
  return cache->folder;
}

/* The folder of an entry, and its path there without a number. Transfer full. */
static char *
place (const LodeCache *cache, const char *space, const char *key, char **folder)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, key, -1);
  const char two[] = { hash[0], hash[1], '\0' };

  *folder = g_build_filename (cache->folder, space, two, NULL);
  return g_build_filename (*folder, hash, NULL);
}

static char *
numbered (const char *path, int i)
{
  return i ? g_strdup_printf ("%s.%d", path, i) : g_strdup (path);
}

/* The first line, which says what has to follow. */
static char *
head_of (const char *key, GBytes *bytes)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize n;
  const guchar *data = g_bytes_get_data (bytes, &n);

  g_checksum_update (sum, (const guchar *) key, (gssize) strlen (key));
  for (gsize at = 0; at < n; at += G_MAXINT32)
    g_checksum_update (sum, data + at, (gssize) MIN (n - at, G_MAXINT32));
  return g_strdup_printf ("lode-cache 1 %s %zu %" G_GSIZE_FORMAT "\n", g_checksum_get_string (sum),
                          strlen (key), n);
}

/* The bytes of a file, if they are those that its head promises, under this key. */
static GBytes *
read_entry (const char *path, const char *key)
{
  size_t n = 0, length = strlen (key);
  g_autofree char *file = lode_file_read (path, LARGEST, &n, NULL), *head = NULL;
  const char *end = file ? memchr (file, '\n', MIN (n, HEAD)) : NULL;
  size_t from = end ? (size_t) (end - file) + 1 + length : 0;
  g_autoptr (GBytes) all = NULL, bytes = NULL;

  if (!end || from > n || memcmp (end + 1, key, length) != 0)
    return NULL;
  all = g_bytes_new_take (g_steal_pointer (&file), n);
  bytes = g_bytes_new_from_bytes (all, from, n - from);
  head = head_of (key, bytes);
  if (memcmp (g_bytes_get_data (all, NULL), head, strlen (head)) != 0)
    return NULL;
  return g_steal_pointer (&bytes);
}

GBytes *
lode_cache_find (LodeCache *cache, const char *space, const char *key)
{
  g_autofree char *folder = NULL, *path = place (cache, space, key, &folder);

  for (int i = 0; i < PLACES; i++) {
    g_autofree char *file = numbered (path, i);
    GBytes *bytes;

    if (!g_file_test (file, G_FILE_TEST_EXISTS))
      return NULL;
    bytes = read_entry (file, key);
    if (bytes)
      return bytes;
  }
  return NULL;
}

/* As the cache itself: mkdir and open heed the umask, chmod does not. Whoever is not of the group
 * keeps his own; whether others get in then is the folder's rights. */
static void
share (const LodeCache *cache, const char *path, mode_t mode)
{
  if (chown (path, (uid_t) -1, cache->group) != 0)
    g_debug ("%s keeps its group", path);
  if (chmod (path, mode) != 0)
    g_debug ("%s keeps its rights", path);
}

static bool
make_folder (const LodeCache *cache, const char *path, GError **error)
{
  if (mkdir (path, 0700) == 0)
    share (cache, path, cache->mode);
  else if (errno != EEXIST) {
    lode_file_fail ("make", path, errno, error);
    return false;
  }
  return true;
}

static bool
make_folders (const LodeCache *cache, const char *folder, GError **error)
{
  g_autofree char *above = g_path_get_dirname (folder);

  return make_folder (cache, above, error) && make_folder (cache, folder, error);
}

/* What processes that were killed have left behind. */
static void
sweep (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    struct stat info;

    if (g_str_has_prefix (name, ".new-") && stat (path, &info) == 0 && info.st_mtime < now - STALE)
      unlink (path);
  }
}

/* The whole file under a name of its own; NULL with an error. Transfer full. */
static char *
write_beside (const LodeCache *cache, const char *folder, const char *key, GBytes *bytes,
              GError **error)
{
  g_autofree char *path = g_build_filename (folder, ".new-XXXXXX", NULL),
                  *head = head_of (key, bytes);
  int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
  gsize n;
  const void *data = g_bytes_get_data (bytes, &n);
  bool ok;

  if (fd < 0) {
    lode_file_fail ("write", path, errno, error);
    return NULL;
  }
  ok = lode_fd_write (fd, head, strlen (head)) && lode_fd_write (fd, key, strlen (key))
       && lode_fd_write (fd, data, n) && fsync (fd) == 0;
  if (!ok)
    lode_file_fail ("write", path, errno, error);
  if (close (fd) != 0 && ok) {
    lode_file_fail ("write", path, errno, error);
    ok = false;
  }
  if (ok) {
    share (cache, path, 0400 | (cache->mode & 0444));
    return g_steal_pointer (&path);
  }
  unlink (path);
  return NULL;
}

/* To its place: the first that comes stays, but one that is damaged goes. */
static bool
settle (const char *beside, const char *path, const char *key)
{
  for (int i = 0; i < PLACES; i++) {
    g_autofree char *file = numbered (path, i);
    g_autoptr (GBytes) there = NULL;

    if (link (beside, file) == 0)
      return true;
    /* Where there are no links, nobody's whole file is harmed by being replaced by an equal one. */
    if (errno != EEXIST)
      return rename (beside, file) == 0;
    there = read_entry (file, key);
    if (there || rename (beside, file) == 0)
      return true;
  }
  errno = EEXIST;
  return false;
}

bool
lode_cache_put (LodeCache *cache, const char *space, const char *key, GBytes *bytes, GError **error)
{
  g_autofree char *folder = NULL, *path = place (cache, space, key, &folder), *beside = NULL;
  int reason;
  bool ok;

  if (!make_folders (cache, folder, error))
    return false;
  sweep (folder);
  beside = write_beside (cache, folder, key, bytes, error);
  if (!beside)
    return false;
  ok = settle (beside, path, key);
  reason = errno;
  unlink (beside); /* a second name, unless it was renamed */
  if (!ok)
    lode_file_fail ("write", path, reason, error);
  return ok;
}

GBytes *
lode_cache_get (LodeCache *cache, const char *space, const char *key, LodeCacheFunc make,
                void *data, bool *kept, GError **error)
{
  GBytes *bytes = lode_cache_find (cache, space, key);
  bool put = true;

  if (!bytes && (bytes = make (data, error)))
    put = lode_cache_put (cache, space, key, bytes, NULL);
  if (kept)
    *kept = bytes && put;
  return bytes;
}
