/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds: naming a process so that it is known again, and telling whether it lives.
 */
#include "run/file.h"
#include "run/hold.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * State and start of a process by /proc/PID/stat, whose second field, the command in brackets, may
 * hold blanks and brackets itself. False if it cannot be read.
 */
static bool
process_stat (int64_t pid, char *state, uint64_t *start)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/stat", pid), *text = NULL;
  unsigned long long ticks;
  const char *rest;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !(rest = strrchr (text, ')')))
    return false;
  if (sscanf (rest + 1,
              " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
              state, &ticks)
      != 2)
    return false;
  *start = ticks;
  return true;
}

/* A zombie has let go of everything, whoever still has to hear of its end. */
static bool
process_lives (int64_t pid, uint64_t start)
{
  uint64_t started;
  char state;

  if (pid <= 0 || (kill ((pid_t) pid, 0) && errno != EPERM))
    return false;
  if (!process_stat (pid, &state, &started))
    return true; /* there, and hidden from us */
  return state != 'Z' && state != 'X' && (started == start || !start);
}

/* The kernel since its start, and the table of process numbers that a container may have of its
 * own. */
static void
this_system (char *system, size_t size)
{
  g_autofree char *boot = NULL;
  struct stat table;

  g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL);
  if (stat ("/proc/self/ns/pid", &table))
    table.st_ino = 0;
  g_snprintf (system, (gulong) size, "%s/%ju", boot ? g_strstrip (boot) : "",
              (uintmax_t) table.st_ino);
}

void
lode_holder_self (LodeHolder *self)
{
  char state;

  *self = (LodeHolder){ .pid = getpid (), .since = g_get_real_time () };
  g_strlcpy (self->host, g_get_host_name (), sizeof self->host);
  this_system (self->system, sizeof self->system);
  if (!process_stat (self->pid, &state, &self->start))
    self->start = 0;
}

int64_t
lode_holder_time (const char *path)
{
  g_autofree char *probe = g_strconcat (path, ".XXXXXX" LODE_FILE_NEW, NULL);
  int fd = g_mkstemp (probe);
  struct stat info;
  int64_t now = g_get_real_time () / G_USEC_PER_SEC;

  if (fd < 0)
    return now;
  if (!fstat (fd, &info))
    now = info.st_mtime;
  close (fd);
  unlink (probe);
  return now;
}

bool
lode_holder_lives (const LodeHolder *holder, int64_t now)
{
  char here[sizeof holder->system];

  this_system (here, sizeof here);
  if (!strcmp (here, holder->system))
    return process_lives (holder->pid, holder->start);
  return now - holder->beat <= LODE_HOLD_SILENCE;
}
