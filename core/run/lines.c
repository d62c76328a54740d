/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending whole lines.
 */
#include "run/lines.h"

#include "error.h"
#include "run/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
lode_lines_open (LodeLines *lines, const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  struct stat info;

  if (fd < 0 || fstat (fd, &info))
    lode_file_fail ("open", path, errno, error);
  else if (!S_ISREG (info.st_mode))
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "cannot write %s: something that is not a file is in the way; move it", path);
  else if (!(info.st_mode & 0222)) /* root could, but somebody wants to keep it */
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "cannot write %s: it is read-only; make it writable or move it", path);
  else {
    *lines = (LodeLines){ g_strdup (path), fd, (uint64_t) info.st_size };
    return true;
  }
  if (fd >= 0)
    close (fd);
  *lines = (LodeLines){ .fd = -1 };
  return false;
}

void
lode_lines_close (LodeLines *lines)
{
  if (lines->fd >= 0)
    close (lines->fd);
  lines->fd = -1;
  g_clear_pointer (&lines->path, g_free);
}

bool
lode_lines_cut (LodeLines *lines, uint64_t size, GError **error)
{
  if (size == lines->size)
    return true;
  if (ftruncate (lines->fd, (off_t) size)) {
    lode_file_fail ("cut", lines->path, errno, error);
    return false;
  }
  lines->size = size;
  return true;
}

bool
lode_lines_add (LodeLines *lines, const char *line, size_t n, GError **error)
{
  int reason;

  if (lode_fd_write (lines->fd, line, n)) {
    lines->size += n;
    return true;
  }
  reason = errno;
  if (ftruncate (lines->fd, (off_t) lines->size))
    reason = errno;
  lode_file_fail ("write", lines->path, reason, error);
  return false;
}

bool
lode_lines_sync (LodeLines *lines, GError **error)
{
  if (!fdatasync (lines->fd))
    return true;
  lode_file_fail ("sync", lines->path, errno, error);
  return false;
}

bool
lode_lines_byte (const LodeLines *lines, uint64_t place, char *byte, GError **error)
{
  if (lode_fd_read (lines->fd, byte, 1, (off_t) place))
    return true;
  lode_file_fail ("read", lines->path, errno, error);
  return false;
}

bool
lode_lines_next (const char **at, const char *end, const char **line, size_t *n)
{
  const char *newline = *at < end ? memchr (*at, '\n', (size_t) (end - *at)) : NULL;

  if (!newline)
    return false;
  *line = *at;
  *n = (size_t) (newline - *at);
  *at = newline + 1;
  return true;
}
