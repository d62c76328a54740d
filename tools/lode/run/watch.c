/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "common.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24, WIDTH = 80 };

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

char *
watch_time (double seconds)
{
  uint64_t whole = (uint64_t) (seconds + 0.5);

  if (seconds < 60)
    return g_strdup_printf ("%.1f s", seconds);
  if (whole < 3600)
    return g_strdup_printf ("%u min %02u s", (unsigned) (whole / 60), (unsigned) (whole % 60));
  return g_strdup_printf ("%u h %02u min", (unsigned) (whole / 3600), (unsigned) (whole / 60 % 60));
}

void
watch_clear (Watch *watch)
{
  if (watch->drawn)
    fputs ("\r\033[K", stderr);
  watch->drawn = false;
}

static void
watch_log (void *data, uint32_t level, const char *stage, const char *text)
{
  Watch *watch = data;

  if (level == LODE_LOG_DEBUG ? !watch->verbose : watch->quiet && level != LODE_LOG_WARNING)
    return;
  watch_clear (watch);
  lode_say ("%s%s: %s", level == LODE_LOG_WARNING ? "warning: " : "", stage, text);
}

static void
watch_begin (void *data, const LodeStageSpec *spec, uint32_t stage, uint32_t stages, bool resumed)
{
  Watch *watch = data;

  watch->spec = spec;
  watch->stage = stage;
  watch->stages = stages;
  watch->begun = now ();
  watch->told = 0;
  watch->first = -1;
  if (!watch->quiet && (!watch->bar || resumed)) {
    watch_clear (watch);
    lode_say ("stage %u/%u %s %s", stage + 1, stages, spec->name, resumed ? "goes on" : "begins");
  }
}

/* Columns of the terminal, so that a bar stays on its line. */
static guint
columns (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : WIDTH;
}

static void
draw (Watch *watch, const LodeProgress *progress, double part, double left)
{
  g_autofree char *time = left >= 0 ? watch_time (left) : g_strdup ("?");
  g_autofree char *line = NULL;
  char bar[BAR + 1];
  int filled = (int) (part * BAR);

  memset (bar, '-', BAR);
  memset (bar, '#', (size_t) CLAMP (filled, 0, BAR));
  bar[BAR] = 0;
  line = g_strdup_printf ("%u/%u %s [%s] %3d %%  %s  %s left", watch->stage + 1, watch->stages,
                          watch->spec->name, bar, (int) (part * 100),
                          progress->phase ? progress->phase : "", time);
  fprintf (stderr, "\r%.*s\033[K", (int) columns () - 1, line);
  fflush (stderr);
  watch->drawn = true;
}

/* A bar ten times a second; without a terminal a line a minute when asked to be verbose. */
static void
watch_step (void *data, const LodeProgress *progress, const LodeLedger *ledger)
{
  Watch *watch = data;
  double at = now (), every = watch->bar ? 0.1 : 60, part, left = -1;

  (void) ledger;
  if (watch->quiet || progress->of == 0)
    return;
  part = MIN (1.0, (double) progress->done / (double) progress->of);
  if (watch->first < 0)
    watch->first = part;
  else if (part > watch->first)
    left = (at - watch->begun) / (part - watch->first) * (1 - part);
  if (at - watch->told < every)
    return;
  watch->told = at;
  if (watch->bar)
    draw (watch, progress, part, left);
  else if (watch->verbose && left >= 0) {
    g_autofree char *time = watch_time (left);

    lode_say ("stage %s: %d %%, %s left", watch->spec->name, (int) (part * 100), time);
  }
}

static void
watch_end (void *data, const LodeStageSpec *spec, const LodeLedger *ledger)
{
  Watch *watch = data;
  g_autofree char *time = watch_time (ledger->wall);

  watch_clear (watch);
  if (!watch->quiet)
    lode_say ("stage %u/%u %s done in %s", watch->stage + 1, watch->stages, spec->name, time);
}

void
watch_init (Watch *watch, bool quiet, bool verbose)
{
  const char *term = g_getenv ("TERM");

  *watch = (Watch){ .quiet = quiet, .verbose = verbose };
  watch->bar = !quiet && isatty (STDERR_FILENO) && g_strcmp0 (term, "dumb");
}

LodeWatch
watch_view (Watch *watch)
{
  return (LodeWatch){
    .data = watch, .log = watch_log, .begin = watch_begin, .step = watch_step, .end = watch_end
  };
}
