/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hold on a folder: taken with O_EXCL, taken over from the dead by a claim.
 *
 * Two processes that see the same dead holder must not both replace it, one of them removing the
 * other's fresh hold. So whoever wants to replace a hold first takes, in the same way, a claim
 * whose name is made of the dead hold's contents; then looks whether that hold is still there; and
 * then renames the claim over it. A claim whose owner died is taken over like a hold.
 */
#include "run/hold.h"

#include "error.h"
#include "run/file.h"
#include "run/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLAIMS 6 /* of the dead, one on another */
#define TRIES 100
#define BYTES_MAX 4096

struct LodeHold {
  char *folder, *path;
  int fd;      /* of the hold's file, whatever its name is now */
  gint64 beat; /* nanoseconds */
  GThread *heart;
  pthread_mutex_t lock; /* GLib's own is not one that ThreadSanitizer knows */
  pthread_cond_t stop;
  bool stopped;
};

typedef enum { NOBODY, ALIVE, DEAD } State;

typedef struct Seen {
  State state;
  LodeHolder holder;
  char token[17]; /* of the file's contents */
} Seen;

static char *
describe (const LodeHolder *self)
{
  GString *text = g_string_new ("{\"host\":");

  lode_json_put_text (text, self->host);
  g_string_append (text, ",\"system\":");
  lode_json_put_text (text, self->system);
  g_string_append_printf (text,
                          ",\"pid\":%" G_GINT64_FORMAT ",\"start\":%" G_GUINT64_FORMAT
                          ",\"since\":%" G_GINT64_FORMAT "}\n",
                          self->pid, self->start, self->since);
  return g_string_free (text, FALSE);
}

/* A file that says less, or nothing yet, is a holder that only its heart speaks for. */
static void
parse (const char *text, size_t n, LodeHolder *holder)
{
  LodeScan scan = lode_scan_begin (text, n);
  char *name;

  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    if (!strcmp (name, "host"))
      lode_scan_copy (&scan, holder->host, sizeof holder->host);
    else if (!strcmp (name, "system"))
      lode_scan_copy (&scan, holder->system, sizeof holder->system);
    else if (!strcmp (name, "pid"))
      lode_scan_int64 (&scan, &holder->pid);
    else if (!strcmp (name, "start"))
      lode_scan_natural (&scan, &holder->start);
    else if (!strcmp (name, "since"))
      lode_scan_int64 (&scan, &holder->since);
    else
      lode_scan_skip (&scan);
    g_free (name);
  }
  if (!lode_scan_end (&scan))
    *holder = (LodeHolder){ .host = "an unknown host", .beat = holder->beat };
  for (char *c = holder->host; *c; c++)
    *c = g_ascii_iscntrl (*c) ? '?' : *c; /* it goes into messages of one line */
}

/* Who holds; one who only looks makes no files to learn the server's time. */
static bool
look (const char *path, bool to_take, Seen *seen, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* asks a server anew */
  char text[BYTES_MAX];
  struct stat info;
  g_autofree char *sum = NULL;
  size_t n;

  *seen = (Seen){ .state = NOBODY };
  if (fd < 0 && errno == ENOENT)
    return true;
  if (fd < 0 || fstat (fd, &info) || !S_ISREG (info.st_mode)) {
    lode_file_fail ("read", path, fd < 0 ? errno : EINVAL, error);
    if (fd >= 0)
      close (fd);
    return false;
  }
  n = (size_t) MIN (info.st_size, BYTES_MAX);
  n = lode_fd_read (fd, text, n, 0) ? n : 0;
  close (fd);
  seen->holder.beat = info.st_mtime;
  parse (text, n, &seen->holder);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text, n);
  g_strlcpy (seen->token, sum, sizeof seen->token);
  seen->state = lode_holder_lives (&seen->holder, to_take ? lode_holder_time (path)
                                                          : g_get_real_time () / G_USEC_PER_SEC)
                    ? ALIVE
                    : DEAD;
  return true;
}

/* The file's descriptor; -1 with no error: it exists. */
static int
create (const char *path, const char *text, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

  if (fd < 0 && errno == EEXIST)
    return -1;
  if (fd >= 0 && lode_fd_write (fd, text, strlen (text)) && !fsync (fd))
    return fd;
  lode_file_fail (fd < 0 ? "make" : "write", path, errno, error);
  if (fd >= 0) {
    unlink (path);
    close (fd);
  }
  return -1;
}

static void
held (const char *folder, const LodeHolder *holder, GError **error)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (holder->since / G_USEC_PER_SEC);
  g_autoptr (GDateTime) here = utc ? g_date_time_to_local (utc) : NULL;
  g_autofree char *since = here ? g_date_time_format (here, "%Y-%m-%d %H:%M:%S") : NULL;

  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_HELD,
               "%s is held by %s, process %" G_GINT64_FORMAT "%s, since %s; wait for it, end it, or"
               " choose another folder",
               folder, holder->host, holder->pid, holder->pid == getpid () ? " (this one)" : "",
               since ? since : "an unknown time");
}

static int take_file (const char *folder, const char *path, const char *text, int claims,
                      GError **error);

/* The descriptor of what now stands at path; -1 with no error: look again. */
static int
replace (const char *folder, const char *path, const char *text, const Seen *dead, int claims,
         GError **error)
{
  g_autofree char *claim = g_strconcat (path, ".", dead->token, NULL);
  int fd = take_file (folder, claim, text, claims + 1, error);
  Seen now;

  if (fd < 0)
    return -1;
  if (look (path, true, &now, error) && now.state == DEAD && !strcmp (now.token, dead->token)) {
    if (!rename (claim, path))
      return fd;
    if (errno != ENOENT)
      lode_file_fail ("rename", claim, errno, error);
  }
  unlink (claim);
  close (fd);
  return -1;
}

static int
take_file (const char *folder, const char *path, const char *text, int claims, GError **error)
{
  for (int i = 0; i < TRIES && claims < CLAIMS; i++) {
    GError *wrong = NULL;
    int fd = create (path, text, &wrong);
    Seen seen = { .state = NOBODY };

    if (fd >= 0)
      return fd;
    if (!wrong)
      look (path, true, &seen, &wrong);
    if (!wrong && seen.state == ALIVE && !seen.holder.pid && i < TRIES - 1) {
      g_usleep (10000); /* it has just been made and not written yet */
      continue;
    }
    if (!wrong && seen.state == ALIVE)
      held (folder, &seen.holder, &wrong);
    if (!wrong && seen.state == DEAD)
      fd = replace (folder, path, text, &seen, claims, &wrong);
    if (wrong)
      g_propagate_error (error, wrong);
    if (wrong || fd >= 0)
      return fd;
  }
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_HELD,
               "%s changes hands all the time: too many processes want it; try again", folder);
  return -1;
}

static struct timespec
after (struct timespec time, gint64 nanoseconds)
{
  nanoseconds += time.tv_nsec;
  time.tv_sec += nanoseconds / 1000000000;
  time.tv_nsec = nanoseconds % 1000000000;
  return time;
}

static void *
beat (void *data)
{
  LodeHold *hold = data;
  struct timespec next;

  clock_gettime (CLOCK_MONOTONIC, &next);
  pthread_mutex_lock (&hold->lock);
  while (!hold->stopped) {
    next = after (next, hold->beat);
    while (!hold->stopped && !pthread_cond_timedwait (&hold->stop, &hold->lock, &next))
      ;
    futimens (hold->fd, NULL);
  }
  pthread_mutex_unlock (&hold->lock);
  return NULL;
}

/* Signals are for the main thread. */
static void
start_heart (LodeHold *hold)
{
  pthread_condattr_t steady;
  sigset_t all, before;

  pthread_mutex_init (&hold->lock, NULL);
  pthread_condattr_init (&steady);
  pthread_condattr_setclock (&steady, CLOCK_MONOTONIC);
  pthread_cond_init (&hold->stop, &steady);
  pthread_condattr_destroy (&steady);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  hold->heart = g_thread_new ("lode-hold", beat, hold);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
}

LodeHold *
lode_hold_take (const char *folder, double beat_seconds, GError **error)
{
  g_autofree char *path = g_build_filename (folder, LODE_HOLD_NAME, NULL), *text = NULL;
  LodeHolder self;
  LodeHold *hold;
  int fd;

  lode_holder_self (&self);
  text = describe (&self);
  fd = take_file (folder, path, text, 0, error);
  if (fd < 0)
    return NULL;
  hold = g_new0 (LodeHold, 1);
  hold->folder = g_strdup (folder);
  hold->path = g_steal_pointer (&path);
  hold->fd = fd;
  hold->beat = (gint64) (beat_seconds * 1e9);
  start_heart (hold);
  return hold;
}

static bool
is_ours (const LodeHold *hold)
{
  struct stat ours, there;

  return !fstat (hold->fd, &ours) && !stat (hold->path, &there) && ours.st_ino == there.st_ino
         && ours.st_dev == there.st_dev;
}

bool
lode_hold_renew (LodeHold *hold, GError **error)
{
  Seen seen;

  if (is_ours (hold)) {
    futimens (hold->fd, NULL);
    return true;
  }
  if (look (hold->path, false, &seen, NULL) && seen.state != NOBODY)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s was taken over by %s, process %" G_GINT64_FORMAT
                 ", after this process was silent for more than %d seconds; it goes on there",
                 hold->folder, seen.holder.host, seen.holder.pid, LODE_HOLD_SILENCE);
  else
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "the hold on %s is gone: somebody removed %s or the folder; resume the run",
                 hold->folder, hold->path);
  return false;
}

void
lode_hold_release (LodeHold *hold)
{
  if (!hold)
    return;
  pthread_mutex_lock (&hold->lock);
  hold->stopped = true;
  pthread_cond_signal (&hold->stop);
  pthread_mutex_unlock (&hold->lock);
  g_thread_join (hold->heart);
  if (is_ours (hold))
    unlink (hold->path);
  close (hold->fd);
  pthread_cond_destroy (&hold->stop);
  pthread_mutex_destroy (&hold->lock);
  g_free (hold->path);
  g_free (hold->folder);
  g_free (hold);
}

bool
lode_hold_look (const char *folder, LodeHolder *holder)
{
  g_autofree char *path = g_build_filename (folder, LODE_HOLD_NAME, NULL);
  Seen seen;

  look (path, false, &seen, NULL);
  *holder = seen.holder;
  return seen.state == ALIVE;
}
