/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One child tries many plugins in turn and reports each through a pipe in one write. The first one
 * without a report is the one that ended the child; the next child goes on behind it.
 *
 * The child is a fork without exec, because a new program would spend most of the time that a list
 * may take on its own start. It calls nothing but the loader and ends without the parent's exit
 * handlers.
 */
#include "plugin/probe.h"

#include "error.h"
#include "plugin/load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int lode_probe_patience = 10000; /* a network disk may take its time */
enum { FIELDS = 4 };             /* of a report: code, version, summary, message */

static void
probed_free (gpointer data)
{
  LodeProbed *probed = data;

  g_free (probed->kind);
  g_free (probed->name);
  g_free (probed->path);
  g_free (probed->version);
  g_free (probed->summary);
  g_clear_error (&probed->error);
  g_free (probed);
}

static LodeProbed *
probed_new (LodeRegistry *registry, const char *id)
{
  LodeProbed *probed = g_new0 (LodeProbed, 1);
  const char *slash = strchr (id, '/');

  probed->kind = slash ? g_strndup (id, (gsize) (slash - id)) : g_strdup (id);
  probed->name = g_strdup (slash ? slash + 1 : "");
  probed->path = lode_registry_path (registry, probed->kind, probed->name);
  return probed;
}

/* "code\0version\0summary\0message\0"; code −1: loaded. */
static GByteArray *
report_new (const LodeLoaded *loaded, const GError *error)
{
  GByteArray *report = g_byte_array_new ();
  g_autofree char *code = g_strdup_printf ("%d", error ? error->code : -1);
  const char *field[FIELDS] = { code, loaded ? loaded->plugin->version : "",
                                loaded ? loaded->plugin->summary : "",
                                error ? error->message : "" };

  for (guint i = 0; i < FIELDS; i++)
    g_byte_array_append (report, (const guint8 *) field[i], (guint) strlen (field[i]) + 1);
  return report;
}

static bool
write_all (int to, const guint8 *at, size_t n)
{
  while (n > 0) {
    ssize_t done = write (to, at, n);

    if (done < 0 && errno != EINTR)
      return false;
    if (done > 0) {
      at += done;
      n -= (size_t) done;
    }
  }
  return true;
}

/* Nobody's output but ours, no core file, and no handler of a sanitizer between us and the signal.
 */
static void
settle_child (void)
{
  static const int deaths[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };
  int nowhere = open ("/dev/null", O_RDWR);

  for (int i = 0; i < 3 && nowhere >= 0; i++)
    dup2 (nowhere, i);
  setrlimit (RLIMIT_CORE, &(struct rlimit){ 0, 0 });
  for (size_t i = 0; i < G_N_ELEMENTS (deaths); i++)
    signal (deaths[i], SIG_DFL);
}

static G_GNUC_NORETURN void
run_child (LodeRegistry *registry, GPtrArray *all, guint first, int to)
{
  settle_child ();
  for (guint i = first; i < all->len; i++) {
    const LodeProbed *probed = all->pdata[i];
    g_autoptr (GError) error = NULL;
    const LodeLoaded *loaded = lode_registry_load (registry, probed->kind, probed->name, &error);
    g_autoptr (GByteArray) report = report_new (loaded, error);

    if (!write_all (to, report->data, report->len))
      break;
  }
  _exit (0);
}

static void
take_report (LodeProbed *probed, char *const *field)
{
  int code = atoi (field[0]);

  if (code >= 0) {
    probed->error = g_error_new_literal (LODE_PLUGIN_ERROR, code, field[3]);
    return;
  }
  probed->version = g_strdup (field[1]);
  probed->summary = g_strdup (field[2]);
}

/* Takes whole reports from the front of `got`; the plugin that comes next. */
static guint
take_reports (GByteArray *got, GPtrArray *all, guint next)
{
  while (next < all->len) {
    char *field[FIELDS];
    guint at = 0;

    for (guint i = 0; i < FIELDS; i++) {
      const guint8 *end = at < got->len ? memchr (got->data + at, 0, got->len - at) : NULL;

      if (!end)
        return next;
      field[i] = (char *) got->data + at;
      at = (guint) (end - got->data) + 1;
    }
    take_report (all->pdata[next++], field);
    g_byte_array_remove_range (got, 0, at);
  }
  return next;
}

/* Reads until the pipe ends; false: a plugin took longer than anyone waits. */
static bool
read_reports (int from, GPtrArray *all, guint *next)
{
  g_autoptr (GByteArray) got = g_byte_array_new ();
  guint8 piece[4096];

  for (;;) {
    struct pollfd ready = { from, POLLIN, 0 };
    int polled = poll (&ready, 1, lode_probe_patience);
    ssize_t n;

    if (polled == 0)
      return false;
    if (polled < 0 && errno == EINTR)
      continue;
    n = read (from, piece, sizeof piece);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return true;
    g_byte_array_append (got, piece, (guint) n);
    *next = take_reports (got, all, *next);
  }
}

static void
set_crash (LodeProbed *probed, int status, bool late)
{
  g_autofree char *what = NULL;

  if (late)
    what = g_strdup_printf ("it did not finish loading within %g s", lode_probe_patience / 1000.);
  else if (WIFSIGNALED (status))
    what =
        g_strdup_printf ("it crashed while it was loaded (SIG%s)",
                         sigabbrev_np (WTERMSIG (status)) ? sigabbrev_np (WTERMSIG (status)) : "?");
  else
    what = g_strdup_printf ("it ended the process with exit code %d while it was loaded",
                            WEXITSTATUS (status));
  lode_plugin_refuse (&probed->error, LODE_PLUGIN_ERROR_CRASH,
                      probed->path ? probed->path : probed->name,
                      "%s; a plugin runs nothing of its own before create: look for "
                      "constructors, or move the file away",
                      what);
}

/* One child over all from *next on; *next moves behind what was found out. */
static bool
probe_some (LodeRegistry *registry, GPtrArray *all, guint *next, GError **error)
{
  int ends[2], status = 0;
  bool late;
  pid_t child;

  if (pipe2 (ends, O_CLOEXEC) != 0 || (child = fork ()) < 0) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "cannot start a process to try plugins in: %s", g_strerror (errno));
    return false;
  }
  if (child == 0) {
    close (ends[0]);
    run_child (registry, all, *next, ends[1]);
  }
  close (ends[1]);
  late = !read_reports (ends[0], all, next);
  close (ends[0]);
  if (late)
    kill (child, SIGKILL);
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  if (*next < all->len)
    set_crash (all->pdata[(*next)++], status, late);
  return true;
}

GPtrArray *
lode_registry_probe (LodeRegistry *registry, const char *const *ids, GError **error)
{
  g_auto (GStrv) names = ids ? NULL : lode_registry_names (registry, NULL);
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (probed_free);
  guint next = 0;

  for (const char *const *id = ids ? ids : (const char *const *) names; *id; id++)
    g_ptr_array_add (all, probed_new (registry, *id));
  while (next < all->len)
    if (!probe_some (registry, all, &next, error))
      return NULL;
  return g_steal_pointer (&all);
}
