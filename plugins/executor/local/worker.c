/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before the bytes of an answer: a result, or an error's domain, NUL, message. */
typedef struct Head {
  uint64_t size;
  int32_t code; /* of the error */
  uint32_t failed;
} Head;

static bool
read_all (int fd, void *data, size_t n)
{
  for (char *at = data; n > 0;) {
    ssize_t got = read (fd, at, n);

    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    at += got;
    n -= (size_t) got;
  }
  return true;
}

/* A line whose other end is gone is no reason to die of. */
static bool
send_all (int fd, const void *data, size_t n)
{
  for (const char *at = data; n > 0;) {
    ssize_t sent = send (fd, at, n, MSG_NOSIGNAL);

    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    at += sent;
    n -= (size_t) sent;
  }
  return true;
}

static bool
send_result (int fd, GBytes *result)
{
  gsize n;
  const void *data = g_bytes_get_data (result, &n);
  Head head = { .size = n };

  return send_all (fd, &head, sizeof head) && send_all (fd, data, n);
}

static bool
send_error (int fd, const GError *error)
{
  const char *domain = error ? g_quark_to_string (error->domain) : "lode-local",
             *message = error ? error->message : "a job gave neither a result nor an error";
  size_t domain_n = strlen (domain) + 1, message_n = strlen (message) + 1;
  Head head = { .size = domain_n + message_n, .code = error ? error->code : 0, .failed = 1 };

  return send_all (fd, &head, sizeof head) && send_all (fd, domain, domain_n)
         && send_all (fd, message, message_n);
}

static bool
do_job (int fd, const Work *work, uint32_t job)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) result = work->run (work->data, work->job[job], &error);

  return result ? send_result (fd, result) : send_error (fd, error);
}

/* The worker's life. Nothing is flushed or closed at its end: all of it is a copy of the parent's.
 */
static void G_GNUC_NORETURN
serve (int fd, const Work *work, pid_t parent)
{
  uint32_t job;

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  while (getppid () == parent && read_all (fd, &job, sizeof job) && job < work->n)
    if (!do_job (fd, work, job))
      break;
  _exit (0);
}

bool
worker_start (Worker *worker, uint32_t i, uint32_t n, const Work *work, GError **error)
{
  pid_t parent = getpid ();
  int ends[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    g_set_error (error, g_quark_from_static_string ("lode-local"), 0,
                 "executor local: cannot make a line to a worker: %s", g_strerror (errno));
    return false;
  }
  worker[i] = (Worker){ .pid = fork (), .fd = ends[0] };
  if (worker[i].pid == 0) {
    for (uint32_t k = 0; k < n; k++)
      if (worker[k].pid > 0 || k == i)
        close (worker[k].fd);
    serve (ends[1], work, parent);
  }
  close (ends[1]);
  if (worker[i].pid > 0)
    return true;
  g_set_error (error, g_quark_from_static_string ("lode-local"), 0,
               "executor local: cannot start a worker: %s; set executor.local.workers lower",
               g_strerror (errno));
  close (ends[0]);
  worker[i].pid = 0;
  return false;
}

void
worker_give (Worker *worker, uint32_t job)
{
  worker->busy = true;
  worker->job = job;
  send_all (worker->fd, &job, sizeof job);
}

/* Waits for the end of a process; what it died of. */
static char *
bury (Worker *worker)
{
  int status = 0;

  close (worker->fd);
  while (waitpid (worker->pid, &status, 0) < 0 && errno == EINTR)
    ;
  worker->pid = 0;
  worker->busy = false;
  if (WIFSIGNALED (status))
    return g_strdup_printf ("signal %d (%s)%s", WTERMSIG (status), strsignal (WTERMSIG (status)),
                            WTERMSIG (status) == SIGKILL ? ", as it does when memory runs out"
                                                         : "");
  return g_strdup_printf ("exit code %d", WEXITSTATUS (status));
}

static void
make_error (const Head *head, const char *text, GError **error)
{
  const char *message = memchr (text, 0, head->size);

  g_set_error_literal (error, g_quark_from_string (text), head->code,
                       message ? message + 1 : "a worker's error cannot be read");
}

Answer
worker_answer (Worker *worker, GBytes **result, GError **error, char **how)
{
  g_autofree char *bytes = NULL;
  Head head;

  *result = NULL;
  if (!read_all (worker->fd, &head, sizeof head) || !(bytes = g_try_malloc0 (head.size + 2))
      || !read_all (worker->fd, bytes, head.size)) {
    kill (worker->pid, SIGKILL);
    *how = bury (worker);
    return ANSWER_LOST;
  }
  worker->busy = false;
  if (head.failed) {
    make_error (&head, bytes, error);
    return ANSWER_ERROR;
  }
  *result = g_bytes_new_take (g_steal_pointer (&bytes), head.size);
  return ANSWER_RESULT;
}

void
worker_end (Worker *worker)
{
  if (worker->pid > 0)
    g_free (bury (worker));
}
