/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks, thinning, numbers as people read them, drawings made harmless; and a page of what the core
 * itself writes.
 */
#include "axis.h"
#include "page.h"
#include "plot.h"
#include "run/scratch.h"

#include <locale.h>
#include <math.h>

static void
assert_ticks (double low, double high, uint32_t most, double least, const char *wanted)
{
  double tick[AXIS_TICKS], step;
  uint32_t n = axis_ticks (low, high, most, least, tick, &step);
  g_autoptr (GString) text = g_string_new (NULL);

  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "",
                            report_decimal (tick[i], fmax (fabs (low), fabs (high)), step).text);
  g_assert_cmpstr (text->str, ==, wanted);
}

static void
test_ticks (void)
{
  assert_ticks (0, 1, 6, 0, "0.0 0.2 0.4 0.6 0.8 1.0");
  assert_ticks (-1, 1, 4, 0, "-1.0 -0.5 0.0 0.5 1.0");
  assert_ticks (0.0013, 0.0247, 6, 0, "0.005 0.010 0.015 0.020");
  assert_ticks (1, 3, 8, 1, "1 2 3");
  assert_ticks (1, 3, 8, 0, "1.0 1.5 2.0 2.5 3.0"); /* 0.25 is no round step */
  assert_ticks (0, 9e8, 4, 0, "0 5e+08");
  assert_ticks (-1e300, 1e300, 4, 0, "-1e+300 -5e+299 0 5e+299 1e+300");
}

/* Whatever the range: few, growing, within it, a step apart. */
static void
test_ticks_property (void)
{
  for (int i = 0; i < 20000; i++) {
    double low = (g_test_rand_double () - 0.5) * pow (10, g_test_rand_int_range (-20, 20));
    double span = fabs (low) * pow (10, g_test_rand_int_range (-8, 9));
    double tick[AXIS_TICKS], step, high = low + span;
    uint32_t n = axis_ticks (low, high, 6, 0, tick, &step);

    g_assert_cmpuint (n, >=, 1);
    g_assert_cmpuint (n, <=, 7);
    for (uint32_t k = 0; k < n; k++) {
      g_assert_cmpfloat (tick[k], >=, low - 1e-6 * step);
      g_assert_cmpfloat (tick[k], <=, high + 1e-6 * step);
      g_assert_true (k == 0 || tick[k] > tick[k - 1]);
    }
  }
}

/* Extremes, ends, and gaps as wide as a part outlive thinning; order does. */
static void
test_thin (void)
{
  enum { N = 10000, ROOM = 400 };
  g_autofree double *x = g_new (double, N), *y = g_new (double, N);
  g_autofree uint32_t *keep = g_new (uint32_t, N);
  const PlotLine line = { "line", N, x, y, false };
  bool least = false, most = false, gap = false;
  uint32_t n;

  for (int i = 0; i < N; i++) {
    x[i] = i;
    y[i] = i == 1234 ? 50 : i == 4321 ? -50 : i >= 6000 && i < 7000 ? NAN : sin (i);
  }
  n = plot_thin (&line, ROOM, keep);
  g_assert_cmpuint (n, <=, ROOM);
  g_assert_cmpuint (keep[0], ==, 0);
  g_assert_cmpuint (keep[n - 1], ==, N - 1);
  for (uint32_t i = 0; i < n; i++) {
    g_assert_true (i == 0 || keep[i] > keep[i - 1]);
    most |= keep[i] == 1234;
    least |= keep[i] == 4321;
    gap |= isnan (y[keep[i]]);
  }
  g_assert_true (least && most && gap);
}

static void
test_thin_short (void)
{
  const double x[] = { 0, 1, 2, 3 }, y[] = { 1, NAN, INFINITY, 1e301 };
  const PlotLine line = { "line", 4, x, y, false }, none = { "none", 0, NULL, NULL, false };
  uint32_t keep[8];

  g_assert_cmpuint (plot_thin (&line, 8, keep), ==, 4);
  for (uint32_t i = 0; i < 4; i++) {
    g_assert_cmpuint (keep[i], ==, i);
    g_assert_cmpint (plot_drawable (&line, i), ==, i == 0);
  }
  g_assert_cmpuint (plot_thin (&none, 8, keep), ==, 0);
}

static void
test_words (void)
{
  g_assert_cmpstr (report_count (0).text, ==, "0");
  g_assert_cmpstr (report_count (999).text, ==, "999");
  g_assert_cmpstr (report_count (1234567).text, ==, "1\u202f234\u202f567");
  g_assert_cmpstr (report_count (-1234).text, ==, "-1\u202f234");
  g_assert_cmpstr (report_count (-123).text, ==, "-123");
  g_assert_cmpstr (report_count (18446744073709551615.0).text, ==, "1.84467e+19");
  g_assert_cmpstr (report_count (NAN).text, ==, "–");
  g_assert_cmpstr (report_number (0.91345678).text, ==, "0.913457");
  g_assert_cmpstr (report_number (26312345).text, ==, "26\u202f312\u202f345");
  g_assert_cmpstr (report_number (-INFINITY).text, ==, "–");
  g_assert_cmpstr (report_short (950).text, ==, "950");
  g_assert_cmpstr (report_short (1234567890123).text, ==, "1.23\u202fT");
  g_assert_cmpstr (report_bytes (300 << 20).text, ==, "300\u202fMiB");
  g_assert_cmpstr (report_time (0.25).text, ==, "0.25\u202fs");
  g_assert_cmpstr (report_time (59.99).text, ==, "1\u202fmin\u202f00\u202fs");
  g_assert_cmpstr (report_time (3599.7).text, ==, "1\u202fh\u202f00\u202fmin");
  g_assert_cmpstr (report_time (100 * 3600).text, ==, "4\u202fd\u202f04\u202fh");
  g_assert_cmpstr (report_time (-1).text, ==, "–");
  g_assert_cmpstr (report_moment (1893456000).text, ==, "2030-01-01 00:00 UTC");
  g_assert_cmpstr (report_moment (G_MAXINT64).text, ==, "–");
}

static void
test_text (void)
{
  g_autoptr (GString) out = g_string_new (NULL);

  report_html (out, "<b title=\"$\">$$</b>", "\"<'", NULL, "a&b\x01\xff é\n");
  g_assert_cmpstr (out->str, ==, "<b title=\"&quot;&lt;&#39;\">a&amp;b\ufffd\ufffd é\n</b>");
}

static void
assert_drawing (const char *svg, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *drawing = report_drawing (svg, strlen (svg), &error);

  g_assert_cmpstr (drawing, ==, wanted);
  g_assert_true ((error != NULL) == (wanted == NULL));
}

static void
test_drawing (void)
{
  assert_drawing (
      "<svg id='a' onload='x' width='9pt'><g><title>t</title><text>a&lt;b</text></g></svg>",
      "<svg width=\"9pt\"><g><text>a&lt;b</text></g></svg>");
  assert_drawing ("<svg><script>s</script><foreignObject><g><text>f</text></g></foreignObject>"
                  "<a href='u'><path d='M0'/></a></svg>",
                  "<svg><g><path d=\"M0\"></path></g></svg>");
  assert_drawing ("<svg><rect fill='URL(x)' stroke='u\\72l(x)' style='fill:red' x='1'/></svg>",
                  "<svg><rect x=\"1\"></rect></svg>");
  assert_drawing ("<html><svg/></html>", NULL);
  assert_drawing ("<svg><g></svg>", NULL);
  assert_drawing ("<svg>", NULL);
  assert_drawing ("", NULL);
}

/* A logarithmic axis where losses span decades, and only there. */
static void
test_log (void)
{
  const double x[] = { 0, 1, 2 }, wide[] = { 1000, 1, 0.01 }, narrow[] = { 3, 2, 1 };
  PlotLine line = { "loss", 3, x, wide, false };
  Plot plot = {
    .id = "p", .title = "loss", .x_name = "step", .n = 1, .line = &line, .room = 8, .may_log = true
  };
  g_autoptr (GString) out = g_string_new (NULL);

  plot_svg (out, &plot);
  g_assert_nonnull (strstr (out->str, "logarithmic"));
  g_assert_nonnull (strstr (out->str, ">0.01</text>"));
  g_assert_nonnull (strstr (out->str, ">1000</text>"));
  g_string_truncate (out, 0);
  line.y = narrow;
  plot_svg (out, &plot);
  g_assert_null (strstr (out->str, "logarithmic"));
  g_assert_nonnull (strstr (out->str, ">1.5</text>"));
}

static void
write_run (const char *run)
{
  const LodeLedger spent = { .samples = 6400, .distinct = 100, .labels = 100, .macs = 5000000 };
  g_autofree char *metrics = g_build_filename (run, "metrics.jsonl", NULL);
  g_autofree char *scores = g_build_filename (run, "search", "scores.jsonl", NULL);
  LodeFolder *folder = lode_folder_take (run, NULL);
  LodeJournal *journal = lode_journal_open (metrics, 0, NULL);
  LodeScoreBook view;
  LodeBook *book;

  g_assert_true (folder && journal);
  g_free (lode_folder_file (folder, "search/x", NULL)); /* makes the stage's folder */
  for (uint64_t i = 1; i <= 4; i++) {
    lode_journal_value (journal, "train_loss", i == 2 ? NAN : 1 / (double) i);
    g_assert_true (
        lode_journal_line (journal, "search", i, 0.5 * (double) i, "warm", &spent, NULL));
  }
  book = lode_book_open (scores, NULL);
  view = lode_book_view (book);
  for (uint64_t i = 0; i < 3; i++) {
    const LodeScore score = { .size = sizeof score, .value = i == 1 ? NAN : (double) i };

    g_assert_true (view.note (view.data, i ? "b" : "a", 1, i, &score, NULL, NULL));
  }
  lode_book_close (book);
  lode_journal_close (journal);
  g_assert_true (lode_folder_status (folder, LODE_STATUS_FAILED, "search", 0.5, "a < b", NULL));
  lode_folder_release (folder);
}

static void
test_real (void)
{
  g_autofree char *run = scratch_path ("real"), *page = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (Report) report = NULL;
  const ReportStage *stage;
  const LodeSeries *series;

  write_run (run);
  report = report_gather (run, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report->notes->len, ==, 0);
  g_assert_cmpuint (report->stages->len, ==, 1);
  stage = g_ptr_array_index (report->stages, 0);
  g_assert_cmpstr (stage->name, ==, "search");
  g_assert_cmpstr (stage->phase, ==, "warm");
  g_assert_cmpfloat (stage->cost.samples, ==, 6400);
  g_assert_cmpfloat (stage->cost.macs, ==, 5000000);
  g_assert_cmpuint (stage->series->len, ==, 1);
  series = g_ptr_array_index (stage->series, 0);
  g_assert_cmpuint (series->n, ==, 4);
  g_assert_cmpuint (stage->scores->len, ==, 3);
  g_assert_true (isnan (g_array_index (stage->scores, ReportScore, 1).value));
  page = report_page (report);
  g_assert_nonnull (strstr (page, "<figcaption>loss</figcaption>"));
  g_assert_nonnull (strstr (page, "a &lt; b"));
  g_assert_nonnull (strstr (page, "3 scores, of which 1 failed"));
}

/* A comma as decimal point would break drawings. */
static void
test_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR" };
  bool set = false;

  for (size_t i = 0; i < G_N_ELEMENTS (names) && !set; i++)
    set = setlocale (LC_ALL, names[i]) != NULL;
  if (!set) {
    g_test_skip ("no locale with a decimal comma is installed");
    return;
  }
  test_ticks ();
  test_words ();
  test_log ();
  setlocale (LC_ALL, "C");
}

int
main (int argc, char **argv)
{
  int code;

  g_test_init (&argc, &argv, NULL);
  scratch_make ();
  g_test_add_func ("/report/ticks", test_ticks);
  g_test_add_func ("/report/ticks/property", test_ticks_property);
  g_test_add_func ("/report/thin", test_thin);
  g_test_add_func ("/report/thin/short", test_thin_short);
  g_test_add_func ("/report/words", test_words);
  g_test_add_func ("/report/text", test_text);
  g_test_add_func ("/report/drawing", test_drawing);
  g_test_add_func ("/report/log", test_log);
  g_test_add_func ("/report/real", test_real);
  g_test_add_func ("/report/locale", test_locale);
  code = g_test_run ();
  scratch_remove ();
  return code;
}
