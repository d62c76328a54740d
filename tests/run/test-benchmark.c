/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmark files: what is written is read, whatever is wrong with a file is told, and the
 * published ones give the published figures.
 */
#include "../../tools/lode/data/benchmark.h"
#include "data/find.h"
#include "error.h"
#include "scratch.h"
#include "statistics/rank.h"

#include <math.h>
#include <string.h>

static const char *const three[] = { "none", "skip", "conv", NULL };
static const char *const two[] = { "yes", "no", NULL };
static const LodeDecision decisions[] = { { .name = "a", .group = "g", .n = 3, .option = three },
                                          { .name = "b", .group = "g", .n = 2, .option = two } };
static const LodeSpace space = { sizeof space, sizeof *decisions, 2, 5, decisions };

static LodeBenchmarkWriter *
begin (uint32_t columns)
{
  LodeBenchmarkWriter *writer = lode_benchmark_writer_new ();

  lode_benchmark_writer_text (writer, "space", "sm\"all\n");
  lode_benchmark_writer_decision (writer, "a", 3, three);
  lode_benchmark_writer_decision (writer, "b", 2, two);
  for (uint32_t i = 0; i < columns; i++) {
    g_autofree char *name = g_strdup_printf ("c%u", i);
    const LodeBenchmarkColumn column = { .size = sizeof column,
                                         .name = name,
                                         .doc = "d",
                                         .unit = "u",
                                         .set = "s",
                                         .of = i ? "c" : "",
                                         .guard = "",
                                         .use = i ? LODE_BENCHMARK_TEST : LODE_BENCHMARK_VALID,
                                         .epochs = 12 * i,
                                         .seed = (int64_t) i - 1 };

    lode_benchmark_writer_column (writer, &column);
  }
  return writer;
}

/* Rows 0: (0, *), (1, 0); 1: (2, 1). */
static char *
write_small (void)
{
  static const uint8_t arch[][2] = { { 2, 1 }, { 0, 0 }, { 1, 0 }, { 0, 1 } };
  static const double value[][3] = { { 0.1, NAN, -3 }, { 1e300, 2, 0x1p-1074 } };
  g_autoptr (LodeBenchmarkWriter) writer = begin (3);
  char *path = scratch_path ("small.bench");
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 2; i++)
    lode_benchmark_writer_row (writer, value[i]);
  for (int i = 0; i < 4; i++)
    lode_benchmark_writer_arch (writer, arch[i], i == 0);
  lode_benchmark_writer_write (writer, path, &error);
  g_assert_no_error (error);
  return path;
}

static void
test_round (void)
{
  g_autofree char *path = write_small ();
  g_autoptr (GError) error = NULL;
  LodeBenchmark *benchmark = lode_benchmark_read (path, &error);
  LodeBenchmarkColumn column;
  uint8_t arch[2];
  uint32_t row;

  g_assert_no_error (error);
  g_assert_cmpuint (lode_benchmark_archs (benchmark), ==, 4);
  g_assert_cmpuint (lode_benchmark_rows (benchmark), ==, 2);
  g_assert_cmpstr (lode_benchmark_text (benchmark, "space"), ==, "sm\"all\n");
  g_assert_null (lode_benchmark_text (benchmark, "nothing"));
  g_assert_cmpint (lode_benchmark_find (benchmark, "c2"), ==, 2);
  g_assert_cmpint (lode_benchmark_find (benchmark, "c3"), ==, -1);
  column = lode_benchmark_column (benchmark, 2);
  g_assert_cmpstr (column.of, ==, "c");
  g_assert_cmpuint (column.use, ==, LODE_BENCHMARK_TEST);
  g_assert_cmpuint (column.epochs, ==, 24);
  g_assert_cmpint (column.seed, ==, 1);
  g_assert_true (lode_benchmark_values (benchmark, 0)[1] == 1e300);
  g_assert_true (isnan (lode_benchmark_values (benchmark, 1)[0]));
  g_assert_true (lode_benchmark_values (benchmark, 2)[1] == 0x1p-1074);
  g_assert_true (lode_benchmark_bind (benchmark, &space, &error));
  g_assert_cmpint (lode_benchmark_row (benchmark, (const uint8_t[]){ 2, 1 }), ==, 1);
  g_assert_cmpint (lode_benchmark_row (benchmark, (const uint8_t[]){ 1, 0 }), ==, 0);
  g_assert_cmpint (lode_benchmark_row (benchmark, (const uint8_t[]){ 1, 1 }), ==, -1);
  g_assert_true (lode_benchmark_arch (benchmark, 3, arch, &row));
  g_assert_true (arch[0] == 2 && arch[1] == 1 && row == 1);
  lode_benchmark_free (benchmark);
}

/* A space with fewer options in another order asks the same file. */
static void
test_bind (void)
{
  static const char *const few[] = { "conv", "none", NULL }, *const odd[] = { "conv", "pool",
                                                                              NULL };
  LodeDecision less[] = { { .name = "a", .group = "g", .n = 2, .option = few }, decisions[1] };
  LodeSpace part = { sizeof part, sizeof *less, 2, 4, less };
  g_autofree char *path = write_small ();
  g_autoptr (GError) error = NULL;
  LodeBenchmark *benchmark = lode_benchmark_read (path, &error);
  uint32_t known = 0, row;
  uint8_t arch[2];

  g_assert_true (lode_benchmark_bind (benchmark, &part, &error));
  g_assert_cmpint (lode_benchmark_row (benchmark, (const uint8_t[]){ 0, 1 }), ==, 1);
  g_assert_cmpint (lode_benchmark_row (benchmark, (const uint8_t[]){ 1, 1 }), ==, 0);
  for (uint32_t i = 0; i < 4; i++)
    known += lode_benchmark_arch (benchmark, i, arch, &row);
  g_assert_cmpuint (known, ==, 3);
  less[0].option = odd;
  g_assert_false (lode_benchmark_bind (benchmark, &part, &error));
  g_assert_nonnull (strstr (error->message, "\"pool\""));
  g_clear_error (&error);
  less[0] = decisions[1];
  g_assert_false (lode_benchmark_bind (benchmark, &part, &error));
  g_clear_error (&error);
  part.n = 1;
  g_assert_false (lode_benchmark_bind (benchmark, &part, &error));
  lode_benchmark_free (benchmark);
}

/* Every byte of a file matters, and so does its length. */
static void
test_damage (void)
{
  g_autofree char *path = write_small (), *text = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (path, &text, &n, NULL));
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;

    text[i] ^= 4;
    scratch_put (path, text, n);
    g_assert_null (lode_benchmark_read (path, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
    text[i] ^= 4;
  }
  for (gsize length = 0; length < n; length += 7) {
    g_autoptr (GError) error = NULL;

    scratch_put (path, text, length);
    g_assert_null (lode_benchmark_read (path, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  }
}

/* Rightly summed, but contradicting itself. */
static void
read_forged (const char *path, char *text, gsize n)
{
  LodeBenchmarkHead *head = (LodeBenchmarkHead *) (void *) text;
  g_autoptr (GError) error = NULL;

  head->sum = lode_benchmark_sum (text + sizeof *head, n - sizeof *head);
  head->head_sum = lode_benchmark_sum (head, offsetof (LodeBenchmarkHead, head_sum));
  scratch_put (path, text, n);
  g_assert_null (lode_benchmark_read (path, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
}

static void
test_forged (void)
{
  g_autofree char *path = write_small (), *text = NULL, *copy = NULL;
  LodeBenchmarkHead *head;
  LodeBenchmarkParts parts;
  gsize n;

  g_assert_true (g_file_get_contents (path, &text, &n, NULL));
  copy = g_memdup2 (text, n);
  head = (LodeBenchmarkHead *) (void *) text;
  g_assert_true (lode_benchmark_parts (head, &parts));
  for (uint32_t field = 0; field < 5; field++) {
    uint32_t *number = &(&head->text)[field];

    for (uint32_t value = 0; value < 3; value++) {
      *number = value == 0 ? UINT32_MAX : value == 1 ? *number + (field ? 1 : 64) : 0;
      read_forged (path, text, n);
      memcpy (text, copy, n);
    }
  }
  text[parts.code] = 1; /* out of order */
  text[parts.code + 8] = 0;
  read_forged (path, text, n);
  memcpy (text, copy, n);
  text[parts.row] = 2; /* beyond the rows */
  read_forged (path, text, n);
  memcpy (text, copy, n);
  memset (text + sizeof *head, '[', head->text); /* no description */
  read_forged (path, text, n);
  head->version = 2;
  read_forged (path, text, n);
}

static void
test_writer (void)
{
  g_autofree char *path = scratch_path ("x.bench");
  g_autoptr (LodeBenchmarkWriter) twice = begin (1), stray = begin (1),
                                  large = lode_benchmark_writer_new ();
  g_autoptr (GError) error = NULL;
  const double value = 1;

  lode_benchmark_writer_row (twice, &value);
  lode_benchmark_writer_arch (twice, (const uint8_t[]){ 1, 1 }, 0);
  lode_benchmark_writer_arch (twice, (const uint8_t[]){ 1, 1 }, 0);
  g_assert_false (lode_benchmark_writer_write (twice, path, &error));
  g_clear_error (&error);
  lode_benchmark_writer_arch (stray, (const uint8_t[]){ 1, 2 }, 0);
  g_assert_false (lode_benchmark_writer_write (stray, path, &error));
  g_clear_error (&error);
  for (int i = 0; i < 41; i++)
    lode_benchmark_writer_decision (large, "x", 3, three);
  g_assert_false (lode_benchmark_writer_write (large, path, &error));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* The table of that name in the data folders, imported; NULL: the test is skipped. */
static LodeBenchmark *
imported (const char *word, const char *name)
{
  g_autofree char *from = lode_data_find (name, NULL), *to = NULL;
  g_autoptr (GError) error = NULL;
  LodeBenchmark *benchmark;
  gint64 begun;

  if (!from) {
    g_autofree char *why = g_strdup_printf ("no %s in the data folders", name);

    g_test_skip (why);
    return NULL;
  }
  to = scratch_path (word);
  published_import (published_find (word), from, to, &error);
  g_assert_no_error (error);
  begun = g_get_monotonic_time ();
  benchmark = lode_benchmark_read (to, &error);
  g_assert_no_error (error);
  g_test_message ("%s: opened in %.2f ms", word, (double) (g_get_monotonic_time () - begun) / 1e3);
  return benchmark;
}

static double
largest (uint32_t n, const double *x)
{
  double most = -INFINITY;

  for (uint32_t i = 0; i < n; i++)
    most = MAX (most, x[i]);
  return most;
}

static const double *
values (const LodeBenchmark *benchmark, const char *name, const char *set)
{
  g_autofree char *whole = g_strconcat (name, set, NULL);
  int32_t at = lode_benchmark_find (benchmark, whole);

  g_assert_cmpint (at, >=, 0);
  return lode_benchmark_values (benchmark, (uint32_t) at);
}

/* Every cell, by its number; what a question takes is told. */
static void
ask_all (LodeBenchmark *benchmark)
{
  enum { EDGES = 6, OPS = 5, CELLS = 15625, ROUNDS = 64 };
  LodeDecision edge[EDGES];
  LodeSpace cells = { sizeof cells, sizeof *edge, EDGES, EDGES * OPS, edge };
  g_autofree uint8_t *arch = g_new (uint8_t, CELLS * EDGES);
  g_autoptr (GError) error = NULL;
  const double *value = values (benchmark, "val12_", "c10");
  double sum = 0;
  gint64 begun;

  for (uint32_t i = 0; i < EDGES; i++) {
    uint32_t n;

    edge[i] = (LodeDecision){ .group = "cell" };
    edge[i].name = lode_benchmark_decision (benchmark, i, &n, &edge[i].option);
    edge[i].n = n;
  }
  lode_benchmark_bind (benchmark, &cells, &error);
  g_assert_no_error (error);
  for (uint32_t i = 0; i < CELLS; i++)
    for (uint32_t d = 0, rest = i * 7919 % CELLS; d < EDGES; d++, rest /= OPS)
      arch[i * EDGES + d] = (uint8_t) (rest % OPS);
  begun = g_get_monotonic_time ();
  for (uint32_t round = 0; round < ROUNDS; round++)
    for (uint32_t i = 0; i < CELLS; i++)
      sum += value[lode_benchmark_row (benchmark, arch + i * EDGES)];
  g_test_message ("a question takes %.0f ns (mean %.3f)",
                  (double) (g_get_monotonic_time () - begun) * 1e3 / (CELLS * ROUNDS),
                  sum / (CELLS * ROUNDS));
}

/* What a right reader and a right rank correlation give (SciPy 1.17.1). */
static void
test_nb201 (void)
{
  static const struct {
    const char *set;
    double optimum, val12, params;
  } golden[] = { { "c10", 94.3733, 0.7718283273247906, 0.7526938517364276 },
                 { "c100", 73.5133, 0.824754403117942, 0.7278262748984644 },
                 { "in16", 47.3111, 0.8182175031178733, 0.6915033712394535 } };
  LodeBenchmark *benchmark = imported ("nb201", "nas/nasbench201.tsv");

  if (benchmark) {
    g_assert_cmpuint (lode_benchmark_rows (benchmark), ==, 15625);
    for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
      const char *set = golden[i].set;
      const double *test = values (benchmark, "test200_", set);

      g_assert_cmpfloat_with_epsilon (largest (15625, test), golden[i].optimum, 1e-9);
      g_assert_cmpfloat_with_epsilon (
          stat_spearman (15625, values (benchmark, "val12_", set), test), golden[i].val12, 1e-12);
      g_assert_cmpfloat_with_epsilon (
          stat_spearman (15625, values (benchmark, "params_", set), test), golden[i].params, 1e-12);
    }
    ask_all (benchmark);
  }
  lode_benchmark_free (benchmark);
}

static void
test_macro (void)
{
  LodeBenchmark *benchmark = imported ("nb-macro", "nas/nasbench_macro.tsv");

  if (benchmark) {
    const double *mean = values (benchmark, "acc", "");

    g_assert_cmpuint (lode_benchmark_rows (benchmark), ==, 6561);
    for (uint32_t i = 0; i < 6561; i++)
      g_assert_cmpfloat_with_epsilon (mean[i],
                                      (values (benchmark, "acc1", "")[i]
                                       + values (benchmark, "acc2", "")[i]
                                       + values (benchmark, "acc3", "")[i])
                                          / 3,
                                      1e-3);
    g_assert_cmpfloat_with_epsilon (mean[0], 45.3633, 1e-9);
  }
  lode_benchmark_free (benchmark);
}

int
main (int argc, char **argv)
{
  int code;

  g_test_init (&argc, &argv, NULL);
  scratch_make ();
  g_test_add_func ("/benchmark/round", test_round);
  g_test_add_func ("/benchmark/bind", test_bind);
  g_test_add_func ("/benchmark/damage", test_damage);
  g_test_add_func ("/benchmark/forged", test_forged);
  g_test_add_func ("/benchmark/writer", test_writer);
  g_test_add_func ("/benchmark/nb201", test_nb201);
  g_test_add_func ("/benchmark/macro", test_macro);
  code = g_test_run ();
  scratch_remove ();
  return code;
}
