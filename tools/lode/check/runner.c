/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test in a child process with a time limit: whatever the plugin does, the suite goes on.
 *
 * The child is a fork in which nothing of the plugin has been loaded; it loads the plugin, runs the
 * test, sends outcome and text through a pipe and ends without the parent's exit handlers. What it
 * prints goes into a file: a plugin prints nothing, and of one that dies the last words are quoted.
 */
#include "check.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Address space of a test, so that an extreme option ends the test and not the machine. */
#define MOST_MEMORY ((rlim_t) 16 << 30)

static void
remove_all (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      remove_all (path);
    else
      g_remove (path);
  }
  g_rmdir (folder);
}

static void
run_test (const CheckSpec *spec, const CheckTest *test, Check *check)
{
  GError *error = NULL;

  check->loaded = lode_registry_load (spec->registry, spec->kind, spec->name, &error);
  if (!check->loaded)
    check_fail_error (check, "it does not load", error);
  else
    test->run (check);
}

static void
limit_child (const char *output)
{
  static const int deaths[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };
  int nowhere = open ("/dev/null", O_RDONLY),
      to = open (output, O_WRONLY | O_CREAT | O_APPEND, 0600);

  dup2 (nowhere, 0);
  dup2 (to, 1);
  dup2 (to, 2);
  setrlimit (RLIMIT_CORE, &(struct rlimit){ 0, 0 });
  if (!memory_is_watched ()) /* sanitizers map terabytes */
    setrlimit (RLIMIT_AS, &(struct rlimit){ MOST_MEMORY, MOST_MEMORY });
  for (size_t i = 0; !memory_is_watched () && i < G_N_ELEMENTS (deaths); i++)
    signal (deaths[i], SIG_DFL);
  setpgid (0, 0);
}

/* "outcome text", the text up to the end. */
static void
send_report (const Check *check, int to)
{
  g_autofree char *report =
      g_strdup_printf ("%c%s", 'a' + (int) check->outcome, check->text ? check->text : "");
  size_t n = strlen (report);

  for (ssize_t done; n > 0; n -= (size_t) done, memmove (report, report + done, n)) {
    done = write (to, report, n);
    if (done < 0 && errno == EINTR)
      done = 0;
    else if (done < 0)
      return;
  }
}

static G_GNUC_NORETURN void
run_child (const CheckSpec *spec, const CheckTest *test, Check *check, const char *output, int to)
{
  limit_child (output);
  run_test (spec, test, check);
  fflush (NULL);
  send_report (check, to);
  _exit (0);
}

/* Until the pipe ends; false: the time is up. */
static bool
receive (int from, double patience, GByteArray *got)
{
  gint64 end = g_get_monotonic_time () + (gint64) (patience * G_USEC_PER_SEC);
  guint8 piece[4096];

  for (;;) {
    struct pollfd ready = { from, POLLIN, 0 };
    gint64 left = (end - g_get_monotonic_time ()) / 1000;
    int polled = left > 0 ? poll (&ready, 1, (int) MIN (left, G_MAXINT)) : 0;
    ssize_t n;

    if (polled == 0)
      return false;
    n = polled > 0 ? read (from, piece, sizeof piece) : -1;
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return true;
    g_byte_array_append (got, piece, (guint) n);
  }
}

/* The last line that is not empty, at most 200 bytes (transfer full), or NULL. */
static char *
last_words (const char *output)
{
  g_autofree char *text = NULL;
  char *line;

  if (!g_file_get_contents (output, &text, NULL, NULL) || !*g_strstrip (text))
    return NULL;
  line = strrchr (text, '\n');
  return g_strndup (line ? line + 1 : text, 200);
}

static void
judge_death (Check *check, int status, const char *words)
{
  const char *name = WIFSIGNALED (status) ? sigabbrev_np (WTERMSIG (status)) : NULL;

  g_clear_pointer (&check->text, g_free);
  check->outcome = CHECK_PASS;
  if (WIFSIGNALED (status))
    check_fail (check, "it crashed (SIG%s)%s%s", name ? name : "?", words ? ": " : "",
                words ? words : "");
  else
    check_fail (check, "it ended the process with exit code %d%s%s", WEXITSTATUS (status),
                words ? ": " : "", words ? words : "");
  check->outcome = CHECK_ERROR;
}

/* From what the child sent and how it ended. */
static void
judge (Check *check, const GByteArray *got, int status, bool late, double patience,
       const char *output)
{
  g_autofree char *words = last_words (output);

  if (late) {
    check_fail (check, "it did not end within %g s", patience);
    check->outcome = CHECK_TIMEOUT;
    return;
  }
  if (got->len == 0) {
    judge_death (check, status, words);
    return;
  }
  check->outcome = (CheckOutcome) (got->data[0] - 'a');
  if (got->len > 1)
    check->text = g_strndup ((const char *) got->data + 1, got->len - 1);
  if (words && check->outcome != CHECK_FAIL) {
    g_clear_pointer (&check->text, g_free);
    check->outcome = CHECK_PASS;
    check_fail (check, "expected it to print nothing, found: %s", words);
  }
}

static void
run_apart (const CheckSpec *spec, const CheckTest *test, Check *check, const char *output)
{
  g_autoptr (GByteArray) got = g_byte_array_new ();
  int ends[2], status = 0;
  bool late;
  pid_t child;

  fflush (NULL);
  if (pipe2 (ends, O_CLOEXEC) != 0 || (child = fork ()) < 0) {
    check_fail (check, "no process can be started for the test: %s", g_strerror (errno));
    return;
  }
  if (child == 0) {
    close (ends[0]);
    run_child (spec, test, check, output, ends[1]);
  }
  setpgid (child, child);
  close (ends[1]);
  late = !receive (ends[0], spec->patience, got);
  close (ends[0]);
  if (late)
    kill (-child, SIGKILL);
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  judge (check, got, status, late, spec->patience, output);
}

void
check_run (const CheckSpec *spec, const CheckTest *test, CheckResult *result)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("lode-check-XXXXXX", &error);
  g_autofree char *output = NULL, *scratch = NULL;
  gint64 begun = g_get_monotonic_time ();
  Check check = { .registry = spec->registry,
                  .kind = spec->kind,
                  .name = spec->name,
                  .set = spec->set,
                  .seed = spec->seed };

  if (folder) {
    output = g_build_filename (folder, "output", NULL);
    check.scratch = scratch = g_build_filename (folder, "scratch", NULL);
    g_mkdir (scratch, 0700);
    if (spec->in_process)
      run_test (spec, test, &check);
    else
      run_apart (spec, test, &check, output);
    remove_all (folder);
  } else
    check_fail (&check, "no folder can be made for the test: %s", error->message);
  *result = (CheckResult){ test, check.outcome, check.text,
                           (double) (g_get_monotonic_time () - begun) / 1e6 };
}
