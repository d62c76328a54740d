/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A score from a benchmark file: what the architecture was trained to when the file was made, for
 * the seconds that it took then. Selection is by a validation column; test columns are quoted of
 * what was found, and no search sees them.
 *
 * Less than the full fidelity is the longest training of the same data that fits into that share of
 * the epochs, or the shortest that is known. A figure with several seeds is their mean, or one of
 * them, drawn once for each network.
 */
#include <lode/lode.h>

#include <string.h>

enum { SEEDS_MEAN, SEEDS_DRAW };

typedef struct Conf {
  const char *file, *select;
  LodeTexts quote;
  int32_t seeds;
} Conf;

/* Columns of one figure: its seeds. */
typedef struct Figure {
  const char *name;
  uint32_t n, use, epochs;
  const double **value; /* [n] → [rows] */
  const double *guard;  /* [rows], or NULL */
} Figure;

struct LodeEvaluator {
  const LodeHost *host;
  Conf conf;
  LodeBenchmark *benchmark;
  const char *set;   /* of the data that the selection is on */
  GPtrArray *figure; /* Figure *, owned */
  Figure *select, *params, *macs;
  GPtrArray *lower;  /* Figure *: the same selection by shorter trainings, borrowed */
  GPtrArray *names;  /* of what is quoted */
  GPtrArray *quoted; /* Figure * */
  GArray *values;    /* double, as quoted last */
};

static bool G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, g_quark_from_static_string ("lode-table"), 0, "evaluator table: %s", text);
  return false;
}

static void
figure_free (void *data)
{
  Figure *figure = data;

  g_free (figure->value);
  g_free (figure);
}

static void
table_destroy (LodeEvaluator *table)
{
  if (!table)
    return;
  lode_benchmark_free (table->benchmark);
  g_ptr_array_unref (table->figure);
  g_ptr_array_unref (table->lower);
  g_ptr_array_unref (table->names);
  g_ptr_array_unref (table->quoted);
  g_array_unref (table->values);
  g_free (table);
}

/* The figure that a column belongs to: itself, or the seeds of the same. */
static Figure *
figure_of (LodeEvaluator *table, LodeBenchmarkColumn like)
{
  LodeBenchmark *benchmark = table->benchmark;
  uint32_t columns = lode_benchmark_columns (benchmark);
  int32_t guard = *like.guard ? lode_benchmark_find (benchmark, like.guard) : -1;
  Figure *figure = g_new0 (Figure, 1);

  figure->name = *like.of ? like.of : like.name;
  figure->use = like.use;
  figure->epochs = like.epochs;
  figure->guard = guard >= 0 ? lode_benchmark_values (benchmark, (uint32_t) guard) : NULL;
  figure->value = g_new0 (const double *, columns);
  for (uint32_t i = 0; i < columns; i++) {
    LodeBenchmarkColumn column = lode_benchmark_column (benchmark, i);

    if (*like.of ? !strcmp (column.of, like.of) : !strcmp (column.name, like.name))
      figure->value[figure->n++] = lode_benchmark_values (benchmark, i);
  }
  g_ptr_array_add (table->figure, figure);
  return figure;
}

/* By the name of a column, or by that of a figure with several seeds. */
static bool
find_column (const LodeEvaluator *table, const char *name, LodeBenchmarkColumn *found,
             GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  uint32_t columns = lode_benchmark_columns (table->benchmark);

  for (uint32_t pass = 0; pass < 2; pass++)
    for (uint32_t i = 0; i < columns; i++) {
      *found = lode_benchmark_column (table->benchmark, i);
      if (strcmp (pass ? found->of : found->name, name))
        continue;
      if (!pass)
        found->of = "";
      return true;
    }
  for (uint32_t i = 0; i < columns; i++)
    g_string_append_printf (names, "%s%s", i ? ", " : "",
                            lode_benchmark_column (table->benchmark, i).name);
  return refuse (error, "%s has no column \"%s\"; it has %s", table->conf.file, name, names->str);
}

/* The first column of a use that is on the selection's data, or on none in particular. */
static Figure *
figure_for (LodeEvaluator *table, uint32_t use)
{
  for (uint32_t i = 0; i < lode_benchmark_columns (table->benchmark); i++) {
    LodeBenchmarkColumn column = lode_benchmark_column (table->benchmark, i);

    if (column.use == use && (!*column.set || !strcmp (column.set, table->set)))
      return figure_of (table, column);
  }
  return NULL;
}

static bool
choose (LodeEvaluator *table, GError **error)
{
  LodeBenchmarkColumn column;

  if (!find_column (table, table->conf.select, &column, error))
    return false;
  if (column.use == LODE_BENCHMARK_TEST)
    return refuse (error,
                   "select = \"%s\" is a test figure, expected a validation figure to select by; "
                   "quote it instead: quote = [\"%s\"]",
                   table->conf.select, table->conf.select);
  table->set = column.set;
  table->select = figure_of (table, column);
  table->params = figure_for (table, LODE_BENCHMARK_PARAMS);
  table->macs = figure_for (table, LODE_BENCHMARK_MACS);
  return true;
}

/* Validation figures of the same data after fewer epochs. */
static void
find_lower (LodeEvaluator *table)
{
  for (uint32_t i = 0; i < lode_benchmark_columns (table->benchmark); i++) {
    LodeBenchmarkColumn column = lode_benchmark_column (table->benchmark, i);

    if (column.use == LODE_BENCHMARK_VALID && column.epochs > 0
        && column.epochs < table->select->epochs && !strcmp (column.set, table->set))
      g_ptr_array_add (table->lower, figure_of (table, column));
  }
}

static bool
find_quotes (LodeEvaluator *table, GError **error)
{
  for (size_t i = 0; i < table->conf.quote.n; i++) {
    LodeBenchmarkColumn column;

    if (!find_column (table, table->conf.quote.at[i], &column, error))
      return false;
    g_ptr_array_add (table->quoted, figure_of (table, column));
  }
  for (guint i = 0; i < table->quoted->len; i++)
    g_ptr_array_add (table->names, (gpointer) ((Figure *) table->quoted->pdata[i])->name);
  return true;
}

static LodeEvaluator *
table_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeEvaluator *table = g_new0 (LodeEvaluator, 1);

  table->host = host;
  table->conf = *(const Conf *) conf;
  table->figure = g_ptr_array_new_with_free_func (figure_free);
  table->lower = g_ptr_array_new ();
  table->names = g_ptr_array_new ();
  table->quoted = g_ptr_array_new ();
  table->values = g_array_new (FALSE, FALSE, sizeof (double));
  table->benchmark = lode_benchmark_open (host, table->conf.file, error);
  if (table->benchmark && lode_benchmark_bind (table->benchmark, lode_stage_space (host), error)
      && choose (table, error) && find_quotes (table, error)) {
    find_lower (table);
    return table;
  }
  table_destroy (table);
  return NULL;
}

/* seed < 0: the mean. */
static double
value_of (const Figure *figure, int64_t row, int64_t seed)
{
  double sum = 0;

  if (seed >= 0 && figure->n > 1)
    return figure->value[(uint64_t) seed % figure->n][row];
  for (uint32_t i = 0; i < figure->n; i++)
    sum += figure->value[i][row];
  return sum / figure->n;
}

static const Figure *
at_fidelity (const LodeEvaluator *table, double fidelity)
{
  double most = fidelity * table->select->epochs;
  const Figure *best = NULL, *least = NULL;

  if (fidelity >= 1 || !table->lower->len)
    return table->select;
  for (guint i = 0; i < table->lower->len; i++) {
    const Figure *figure = table->lower->pdata[i];

    if (figure->epochs <= most && (!best || figure->epochs > best->epochs))
      best = figure;
    if (!least || figure->epochs < least->epochs)
      least = figure;
  }
  return best ? best : least;
}

/* Of the training behind a figure; 0 where nobody wrote it down. */
static double
seconds_of (LodeEvaluator *table, const Figure *figure, int64_t row, int64_t seed)
{
  for (uint32_t i = 0; i < lode_benchmark_columns (table->benchmark); i++) {
    LodeBenchmarkColumn column = lode_benchmark_column (table->benchmark, i);
    bool epoch = column.use == LODE_BENCHMARK_SECONDS_EPOCH;

    if ((!epoch && (column.use != LODE_BENCHMARK_SECONDS || column.epochs != figure->epochs))
        || strcmp (column.set, table->set))
      continue;
    if (seed >= 0 && *column.of && column.seed % figure->n != seed)
      continue;
    return lode_benchmark_values (table->benchmark, i)[row] * (epoch ? figure->epochs : 1);
  }
  return 0;
}

static bool
find_row (const LodeEvaluator *table, const uint8_t *arch, int64_t *row, GError **error)
{
  g_autofree char *text = NULL;

  *row = lode_benchmark_row (table->benchmark, arch);
  if (*row >= 0)
    return true;
  text = lode_arch_write (table->host, arch);
  return refuse (error, "%s does not answer for %s", table->conf.file, text);
}

static bool
table_score (LodeEvaluator *table, const uint8_t *arch, uint64_t id, double fidelity,
             LodeScore *score, GError **error)
{
  const Figure *figure = at_fidelity (table, fidelity);
  LodeRng rng = lode_rng (table->host, "table", id, 0);
  int64_t row, seed = -1;

  if (!find_row (table, arch, &row, error))
    return false;
  if (table->conf.seeds == SEEDS_DRAW && figure->n > 1)
    seed = lode_rng_below (&rng, figure->n);
  score->value = value_of (figure, row, seed);
  score->seconds = seconds_of (table, figure, row, seed);
  score->failed = !isfinite (score->value);
  if (!table->params || !table->macs)
    return lode_cost (table->host, arch, &score->macs, &score->params, error);
  score->params = (uint64_t) value_of (table->params, row, -1);
  score->macs = (uint64_t) value_of (table->macs, row, -1);
  return true;
}

static bool
table_quote (LodeEvaluator *table, const uint8_t *arch, LodeQuotes *quotes, GError **error)
{
  int64_t row;

  if (!find_row (table, arch, &row, error))
    return false;
  g_array_set_size (table->values, 0);
  for (guint i = 0; i < table->quoted->len; i++) {
    const Figure *figure = table->quoted->pdata[i];
    double value = figure->guard && figure->guard[row] == 0 ? NAN : value_of (figure, row, -1);

    g_array_append_val (table->values, value);
  }
  quotes->n = table->names->len;
  quotes->name = (const char *const *) table->names->pdata;
  quotes->value = (const double *) (const void *) table->values->data;
  return true;
}

static const char *const seeds[] = { "mean", "draw", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, file, .text = "nasbench201.bench",
               .doc =
                   "benchmark file, looked for where data lie; `lode data import` and `lode data "
                   "build-table` make them"),
  LODE_OPTION (Conf, select, .text = "val12_c10",
               .doc = "figure that the search selects by, and whose training it pays; never a test "
                      "figure"),
  LODE_OPTION (Conf, quote,
               .doc = "figures that are reported of what was found, for example test200_c10; no "
                      "search sees them"),
  LODE_OPTION (Conf, seeds, .choices = seeds,
               .doc = "of a figure with several seeds: their mean, or one drawn for each network"),
};

static const LodeEvaluatorOps ops = {
  .size = sizeof (LodeEvaluatorOps),
  .flags = LODE_SIMULATED,
  .create = table_create,
  .destroy = table_destroy,
  .score = table_score,
  .quote = table_quote,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "evaluator",
  .name = "table",
  .version = "1.0",
  .summary = "looked up in a benchmark file, for the seconds that it took when that was made",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};
