/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process holds a run, whatever others do, and the dead hold nothing.
 */
#include "run/folder.h"
#include "run/hold.h"
#include "run/json.h"
#include "scratch.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <utime.h>

static char *
make_folder (const char *name)
{
  char *path = scratch_path (name);

  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
  return path;
}

/* A process that takes the folder, says so, and stays until it is killed. */
static pid_t
start_holder (const char *path)
{
  int said[2];
  char byte = 0;
  pid_t pid;

  g_assert_cmpint (pipe (said), ==, 0);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (!pid) {
    LodeFolder *folder = lode_folder_take (path, NULL);

    byte = folder ? 'y' : 'n';
    if (write (said[1], &byte, 1) == 1)
      for (;;)
        pause ();
    _exit (1);
  }
  close (said[1]);
  g_assert_cmpint (read (said[0], &byte, 1), ==, 1);
  g_assert_cmpint (byte, ==, 'y');
  close (said[0]);
  return pid;
}

static void
test_loser (void)
{
  g_autofree char *path = scratch_path ("loser"), *process = NULL;
  pid_t pid = start_holder (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *since = g_date_time_format (now, "since %Y-");
  LodeHolder holder;

  process = g_strdup_printf ("process %d,", pid);
  for (int i = 0; i < 3; i++) {
    const char *says[] = { process, g_get_host_name (), since };

    g_assert_null (lode_folder_take (path, &error));
    assert_says (&error, says[i]);
  }
  g_assert_true (lode_hold_look (path, &holder));
  g_assert_cmpint (holder.pid, ==, pid);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  g_assert_false (lode_hold_look (path, &holder));
  g_assert_cmpint (holder.pid, ==, pid); /* who held it */
}

static void
test_killed (void)
{
  g_autofree char *path = scratch_path ("killed");

  for (int reaped = 0; reaped < 2; reaped++) {
    pid_t pid = start_holder (path);
    g_autoptr (GError) error = NULL;
    siginfo_t info;
    LodeFolder *folder;

    kill (pid, SIGKILL);
    if (reaped)
      waitpid (pid, NULL, 0);
    else
      g_assert_cmpint (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), ==, 0); /* a zombie */
    folder = lode_folder_take (path, &error);
    g_assert_no_error (error);
    lode_folder_release (folder);
    g_assert_cmpuint (scratch_count (path), ==, 0);
    if (!reaped)
      waitpid (pid, NULL, 0);
  }
}

static void
test_stopped (void)
{
  g_autofree char *path = scratch_path ("stopped");
  pid_t pid = start_holder (path);
  g_autoptr (GError) error = NULL;

  kill (pid, SIGSTOP);
  g_assert_null (lode_folder_take (path, &error)); /* stopped is not gone */
  assert_says (&error, "is held by");
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
}

static void
test_again (void)
{
  g_autofree char *path = make_folder ("again");
  g_autoptr (GError) error = NULL;
  LodeHold *hold = lode_hold_take (path, 1, &error);

  g_assert_no_error (error);
  g_assert_null (lode_hold_take (path, 1, &error));
  assert_says (&error, "(this one)");
  lode_hold_release (hold);
  hold = lode_hold_take (path, 1, &error);
  g_assert_no_error (error);
  lode_hold_release (hold);
}

/* A hold file of somebody's, so many seconds without a heartbeat. */
static void
forge (const char *path, const LodeHolder *holder, int64_t silence)
{
  g_autofree char *file = g_build_filename (path, LODE_HOLD_NAME, NULL);
  g_autofree char *text =
      g_strdup_printf ("{\"host\":\"%s\",\"system\":\"%s\",\"pid\":%" G_GINT64_FORMAT
                       ",\"start\":%" G_GUINT64_FORMAT ",\"since\":%" G_GINT64_FORMAT "}\n",
                       holder->host, holder->system, holder->pid, holder->start, holder->since);
  time_t then = (time_t) (g_get_real_time () / G_USEC_PER_SEC - silence);

  scratch_put (file, text, strlen (text));
  g_assert_cmpint (utime (file, &(struct utimbuf){ then, then }), ==, 0);
}

static void
assert_taken (const char *path, bool wanted)
{
  g_autoptr (GError) error = NULL;
  LodeHold *hold = lode_hold_take (path, 1, &error);

  if (wanted) {
    g_assert_no_error (error);
    lode_hold_release (hold);
    g_assert_cmpuint (scratch_count (path), ==, 0);
  } else
    assert_says (&error, "is held by");
}

/* The number of a dead process is given to another, which is not the holder. */
static void
test_reuse (void)
{
  g_autofree char *path = make_folder ("reuse");
  LodeHolder holder;

  lode_holder_self (&holder);
  g_assert_cmpuint (holder.start, >, 0);
  forge (path, &holder, 1000);
  assert_taken (path, false); /* this very process, however silent */
  holder.start++;
  forge (path, &holder, 0);
  assert_taken (path, true);
  holder.start = 0; /* not known: the number alone speaks */
  forge (path, &holder, 0);
  assert_taken (path, false);
  holder.pid = 0;
  forge (path, &holder, 1000);
  assert_taken (path, true);
}

static void
test_elsewhere (void)
{
  g_autofree char *path = make_folder ("elsewhere");
  LodeHolder holder = { .host = "ot\\nher", .system = "boot/1", .pid = 1, .since = 1 };

  holder.pid = getpid (); /* there it is another process */
  forge (path, &holder, LODE_HOLD_SILENCE - 20);
  assert_taken (path, false);
  forge (path, &holder, LODE_HOLD_SILENCE + 2);
  assert_taken (path, true);
}

static void
test_torn (void)
{
  static const char *const torn[] = { "", "{\"host\":\"x", "{\"host\":\"x\",\"pid\":-3}", "\xff",
                                      "[[[[" };
  g_autofree char *path = make_folder ("torn"),
                  *file = g_build_filename (path, LODE_HOLD_NAME, NULL);
  time_t then = time (NULL) - LODE_HOLD_SILENCE - 2;

  scratch_put (file, "", 0);
  assert_taken (path, false);
  for (size_t i = 0; i < G_N_ELEMENTS (torn); i++) {
    scratch_put (file, torn[i], strlen (torn[i]));
    g_assert_cmpint (utime (file, &(struct utimbuf){ then, then }), ==, 0);
    assert_taken (path, true);
  }
}

/* Those who claimed a dead hold died as well. */
static void
test_dead_claims (void)
{
  g_autofree char *path = make_folder ("claims");
  g_autoptr (GString) file = g_string_new (NULL);
  LodeHolder holder = { .host = "h", .since = 1 };

  lode_holder_self (&holder);
  holder.start++;
  for (int i = 0; i < 3; i++) {
    g_autofree char *hold = g_build_filename (path, LODE_HOLD_NAME, NULL), *text = NULL,
                    *sum = NULL;
    g_autofree char *name = g_strdup_printf ("%s/%s%s", path, LODE_HOLD_NAME, file->str);

    holder.since = i;
    forge (path, &holder, 0);
    g_assert_true (g_file_get_contents (hold, &text, NULL, NULL));
    sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
    g_assert_true (!i || !rename (hold, name));
    g_string_append_printf (file, ".%.16s", sum);
    if (i) { /* the first is forged again: the hold itself */
      holder.since = 0;
      forge (path, &holder, 0);
    }
  }
  g_assert_cmpuint (scratch_count (path), ==, 3);
  assert_taken (path, true);
}

/* One of the children: waits for the start, tries, says how it went, stays until the end. */
static void
race (const char *path, int start, int said, int end)
{
  char byte;
  LodeHold *hold;

  while (read (start, &byte, 1) > 0)
    ;
  hold = lode_hold_take (path, 1, NULL);
  byte = hold ? 'y' : 'n';
  if (write (said, &byte, 1) == 1)
    while (read (end, &byte, 1) > 0)
      ;
  _exit (0);
}

static void
test_race (void)
{
  enum { PROCESSES = 6, ROUNDS = 40 };
  g_autofree char *path = make_folder ("race");

  for (int round = 0; round < ROUNDS; round++) {
    int start[2], said[2], end[2], winners = 0;
    pid_t pid[PROCESSES];

    g_assert_cmpint (pipe (start) | pipe (said) | pipe (end), ==, 0);
    for (int i = 0; i < PROCESSES; i++) {
      pid[i] = fork ();
      if (!pid[i]) {
        close (start[1]);
        close (end[1]);
        race (path, start[0], said[1], end[0]);
      }
    }
    close (start[1]);
    for (int i = 0; i < PROCESSES; i++) {
      char byte;

      g_assert_cmpint (read (said[0], &byte, 1), ==, 1);
      winners += byte == 'y';
    }
    g_assert_cmpint (winners, ==, 1); /* and it leaves its hold for the next round */
    close (end[1]);
    for (int i = 0; i < PROCESSES; i++)
      waitpid (pid[i], NULL, 0);
    close (start[0]);
    close (said[0]);
    close (said[1]);
    close (end[0]);
  }
}

/* Another host took the run while this process slept: it may not write there any more. */
static void
test_taken_away (void)
{
  g_autofree char *path = scratch_path ("away"), *file = scratch_path ("away/hold");
  LodeHolder other = { .host = "elsewhere", .system = "boot/1", .pid = 77, .since = 1 };
  g_autoptr (GError) error = NULL;
  LodeFolder *folder = lode_folder_take (path, &error);

  g_assert_true (lode_folder_status (folder, LODE_STATUS_RUNNING, "s", 0, NULL, &error));
  forge (path, &other, 0);
  g_assert_false (lode_folder_status (folder, LODE_STATUS_RUNNING, "s", 0, NULL, &error));
  assert_says (&error, "was taken over by elsewhere, process 77");
  g_assert_null (lode_folder_file (folder, "ckpt/x", &error));
  assert_says (&error, "was taken over");
  lode_folder_release (folder);
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS)); /* it is the other's */
  g_assert_cmpint (unlink (file), ==, 0);
  folder = lode_folder_take (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (unlink (file), ==, 0);
  g_assert_false (lode_folder_write (folder, "x", "x", 1, &error));
  assert_says (&error, "is gone");
  lode_folder_release (folder);
}

static void
test_heart (void)
{
  g_autofree char *path = make_folder ("heart");
  g_autofree char *file = g_build_filename (path, LODE_HOLD_NAME, NULL);
  LodeHold *hold = lode_hold_take (path, 0.05, NULL);
  LodeHolder holder;

  g_assert_cmpint (utime (file, &(struct utimbuf){ 1000, 1000 }), ==, 0);
  for (int i = 0; i < 200; i++) {
    g_assert_true (lode_hold_look (path, &holder));
    if (holder.beat > 1000)
      break;
    g_usleep (50000);
  }
  g_assert_cmpint (ABS (holder.beat - g_get_real_time () / G_USEC_PER_SEC), <, 60);
  lode_hold_release (hold);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  scratch_make ();
  g_test_add_func ("/hold/loser", test_loser);
  g_test_add_func ("/hold/killed", test_killed);
  g_test_add_func ("/hold/stopped", test_stopped);
  g_test_add_func ("/hold/again", test_again);
  g_test_add_func ("/hold/reuse", test_reuse);
  g_test_add_func ("/hold/elsewhere", test_elsewhere);
  g_test_add_func ("/hold/torn", test_torn);
  g_test_add_func ("/hold/dead-claims", test_dead_claims);
  g_test_add_func ("/hold/race", test_race);
  g_test_add_func ("/hold/taken-away", test_taken_away);
  g_test_add_func ("/hold/heart", test_heart);
  result = g_test_run ();
  scratch_remove ();
  return result;
}
