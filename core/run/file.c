/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write beside, sync, rename: the one way in which a file of a run is replaced.
 */
#include "run/file.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
advice (int reason)
{
  switch (reason) {
  case ENOSPC:
  case EDQUOT:
    return "; make room there and run again";
  case EFBIG:
    return "; raise the limit on file sizes (ulimit -f) and run again";
  case EACCES:
  case EPERM:
  case EROFS:
    return "; check who owns it and whether you may write there";
  default:
    return "";
  }
}

void
lode_file_fail (const char *verb, const char *path, int reason, GError **error)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "cannot %s %s: %s%s", verb, path,
               reason ? g_strerror (reason) : "the file ended early", advice (reason));
}

bool
lode_fd_write (int fd, const void *data, size_t n)
{
  const char *at = data;

  while (n) {
    ssize_t done = write (fd, at, n);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    at += done;
    n -= (size_t) done;
  }
  return true;
}

bool
lode_fd_read (int fd, void *data, size_t n, off_t offset)
{
  char *at = data;

  while (n) {
    ssize_t done = pread (fd, at, n, offset);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0) {
      errno = done ? errno : 0;
      return false;
    }
    at += done;
    offset += done;
    n -= (size_t) done;
  }
  return true;
}

int
lode_file_open (const char *path, uint64_t max, uint64_t *size, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;

  if (fd < 0 || fstat (fd, &info))
    lode_file_fail ("read", path, errno, error);
  else if (!S_ISREG (info.st_mode))
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "cannot read %s: it is not a file",
                 path);
  else if ((uint64_t) info.st_size > max)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "cannot read %s: it has %" PRIu64 " bytes, expected at most %" PRIu64, path,
                 (uint64_t) info.st_size, max);
  else {
    *size = (uint64_t) info.st_size;
    return fd;
  }
  if (fd >= 0)
    close (fd);
  return -1;
}

char *
lode_file_read (const char *path, uint64_t max, size_t *n, GError **error)
{
  g_autofree char *data = NULL;
  uint64_t size;
  int fd = lode_file_open (path, max, &size, error);
  bool ok;

  if (fd < 0)
    return NULL;
  data = size < SIZE_MAX ? g_try_malloc (size + 1) : NULL;
  errno = ENOMEM;
  ok = data && lode_fd_read (fd, data, size, 0);
  if (!ok)
    lode_file_fail ("read", path, errno, error);
  close (fd);
  if (!ok)
    return NULL;
  data[size] = 0;
  *n = size;
  return g_steal_pointer (&data);
}

/* Renaming replaces a read-only file without a word, but who made it so wanted to keep it. */
static bool
in_the_way (const char *path, GError **error)
{
  struct stat there;

  if (stat (path, &there))
    return false;
  if (!S_ISREG (there.st_mode))
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "cannot write %s: %s is in the way; move it", path,
                 S_ISDIR (there.st_mode) ? "a folder" : "something that is not a file");
  else if (!(there.st_mode & 0222))
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "cannot write %s: a read-only file is in the way; move it or make it writable",
                 path);
  else
    return false;
  return true;
}

static bool
discard (LodeNewFile *file)
{
  if (file->fd >= 0)
    close (file->fd);
  file->fd = -1;
  if (file->beside)
    unlink (file->beside);
  g_clear_pointer (&file->beside, g_free);
  g_clear_pointer (&file->path, g_free);
  return false;
}

static bool
fail (LodeNewFile *file, GError **error)
{
  lode_file_fail ("write", file->path, errno, error);
  return discard (file);
}

bool
lode_new_file_open (LodeNewFile *file, const char *path, GError **error)
{
  *file = (LodeNewFile){ .fd = -1 };
  if (in_the_way (path, error))
    return false;
  file->path = g_strdup (path);
  file->beside = g_strconcat (path, ".XXXXXX" LODE_FILE_NEW, NULL);
  file->fd = g_mkstemp_full (file->beside, O_WRONLY | O_CLOEXEC, 0666);
  if (file->fd >= 0)
    return true;
  g_clear_pointer (&file->beside, g_free); /* it is not ours to remove */
  return fail (file, error);
}

bool
lode_new_file_add (LodeNewFile *file, const void *data, size_t n, GError **error)
{
  return lode_fd_write (file->fd, data, n) || fail (file, error);
}

/* Without this the new name may be lost with the power; some file systems cannot do it. */
static bool
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && (!fsync (fd) || errno == EINVAL || errno == ENOTSUP);

  if (fd >= 0)
    close (fd);
  return ok || errno == EACCES; /* a folder that may be written but not read */
}

/* Network file systems report a full disk as late as here. */
static bool
sync_close (LodeNewFile *file)
{
  int fd = file->fd;

  if (fsync (fd))
    return false;
  file->fd = -1;
  return !close (fd);
}

bool
lode_new_file_commit (LodeNewFile *file, GError **error)
{
  if (!sync_close (file) || rename (file->beside, file->path))
    return fail (file, error);
  g_clear_pointer (&file->beside, g_free);
  if (!sync_folder (file->path))
    return fail (file, error);
  discard (file);
  return true;
}

bool
lode_file_write (const char *path, const void *data, size_t n, GError **error)
{
  LodeNewFile file;

  return lode_new_file_open (&file, path, error) && lode_new_file_add (&file, data, n, error)
         && lode_new_file_commit (&file, error);
}

char *
lode_file_word (const char *path)
{
  const char *at = path;

  while (g_ascii_isalnum (*at) || (*at && strchr ("/._-+,:@%", *at)))
    at++;
  return *at || !*path ? g_shell_quote (path) : g_strdup (path);
}
