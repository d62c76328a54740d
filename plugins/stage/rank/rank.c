/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares two scorings of the same architectures: how far they agree in rank, what choosing by the
 * first costs in the second (top-k regret), and, where the second has several seeds, how far a
 * second training of the same networks agrees with the first: no scoring can be seen to do better.
 *
 * A scoring is a column or figure of a benchmark file, "evaluator" for the stage's own, or
 * "scores:COLUMN" of a saved file at the port `scores`, such as another rank stage leaves.
 */
#include "scoring.h"

#include <string.h>

enum { BATCH = 16 };

struct LodeStage {
  const LodeHost *host;
  Conf conf;
  Subject subject;
  uint32_t scored;
};

static void
rank_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  rank_subject_clear (&stage->subject);
  g_free (stage);
}

static LodeStage *
rank_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  stage->host = host;
  stage->conf = *(const Conf *) conf;
  stage->subject.host = host;
  stage->subject.conf = &stage->conf;
  if (rank_subject_open (&stage->subject, error))
    return stage;
  rank_destroy (stage);
  return NULL;
}

/* The mean of seeds but for one (skip ≥ seeds: of all). mean: [n] */
static void
mean_of (const Scoring *scoring, uint32_t n, uint32_t skip, double *mean)
{
  for (uint32_t i = 0; i < n; i++) {
    double sum = 0;
    uint32_t used = 0;

    for (uint32_t s = 0; s < scoring->seeds; s++)
      if (s != skip) {
        sum += scoring->seed[s][i];
        used++;
      }
    mean[i] = sum / used;
  }
}

static int
by_x (const void *a, const void *b, void *data)
{
  const double *x = data;
  uint32_t i = *(const uint32_t *) a, j = *(const uint32_t *) b;

  if (x[i] != x[j])
    return x[i] > x[j] ? -1 : 1;
  return (i > j) - (i < j);
}

/* What is lost in y by taking the best y among the k that x ranks highest; ties of x go by their
 * order. x, y: [n] */
static double
regret (uint32_t n, double *x, const double *y, uint32_t k)
{
  g_autofree uint32_t *order = g_new (uint32_t, (gsize) n + 1);
  double best = -INFINITY, found = -INFINITY;

  for (uint32_t i = 0; i < n; i++) {
    order[i] = i;
    best = MAX (best, y[i]);
  }
  g_qsort_with_data (order, (gint) n, sizeof *order, by_x, x);
  for (uint32_t r = 0; r < MIN (k, n); r++)
    found = MAX (found, y[order[r]]);
  return best - found;
}

/* Both scorings where both are known. Returns how many. */
static uint32_t
join (uint32_t n, const double *x, const double *y, double *a, double *b)
{
  uint32_t kept = 0;

  for (uint32_t i = 0; i < n; i++)
    if (isfinite (x[i]) && isfinite (y[i])) {
      a[kept] = x[i];
      b[kept++] = y[i];
    }
  return kept;
}

static void
report_pair (LodeStage *stage, const double *x, const double *y)
{
  uint32_t n = stage->subject.n, kept;
  g_autofree double *a = g_new (double, (gsize) n + 1), *b = g_new (double, (gsize) n + 1);

  kept = join (n, x, y, a, b);
  lode_result (stage->host, "architectures", kept);
  lode_result (stage->host, "kendall", lode_kendall (stage->host, kept, a, b));
  lode_result (stage->host, "spearman", lode_spearman (stage->host, kept, a, b));
  for (size_t i = 0; kept > 0 && i < stage->conf.top.n; i++) {
    uint32_t k = (uint32_t) stage->conf.top.at[i];
    g_autofree char *name = g_strdup_printf ("regret_top%u", k);

    lode_result (stage->host, name, regret (kept, a, b, k));
  }
}

/* Each seed against the mean of the others. */
static void
report_ceiling (LodeStage *stage, const Scoring *y)
{
  uint32_t n = stage->subject.n;
  g_autofree double *rest = g_new (double, (gsize) n + 1), *a = g_new (double, (gsize) n + 1),
                    *b = g_new (double, (gsize) n + 1);
  double kendall = 0, spearman = 0, top = 0;

  for (uint32_t s = 0; s < y->seeds; s++) {
    uint32_t kept;

    mean_of (y, n, s, rest);
    kept = join (n, y->seed[s], rest, a, b);
    kendall += lode_kendall (stage->host, kept, a, b) / y->seeds;
    spearman += lode_spearman (stage->host, kept, a, b) / y->seeds;
    top += kept ? regret (kept, a, b, 1) / y->seeds : NAN;
  }
  lode_result (stage->host, "ceiling_kendall", kendall);
  lode_result (stage->host, "ceiling_spearman", spearman);
  lode_result (stage->host, "ceiling_regret_top1", top);
}

static void
put_number (GString *text, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_c (text, ',');
  if (isfinite (value))
    g_string_append (text, g_ascii_dtostr (digits, sizeof digits, value));
}

static bool
save (LodeStage *stage, const double *x, const double *y, GError **error)
{
  const Subject *subject = &stage->subject;
  g_autoptr (GString) text = g_string_new ("key,x,y,architecture\n");

  for (uint32_t i = 0; i < subject->n; i++) {
    const uint8_t *arch = subject->archs->data + (gsize) i * subject->decisions;
    g_autofree char *key = lode_arch_key (stage->host, arch),
                    *words = lode_arch_write (stage->host, arch);

    g_string_append_printf (text, "\"%s\"", key);
    put_number (text, x[i]);
    put_number (text, y[i]);
    g_string_append_printf (text, ",\"%s\"\n", words);
  }
  return lode_text_save (stage->host, "pairs", text->str, error);
}

static bool
report (LodeStage *stage, GError **error)
{
  Subject *subject = &stage->subject;
  g_autofree double *x = g_new (double, (gsize) subject->n + 1),
                    *y = g_new (double, (gsize) subject->n + 1);

  mean_of (&subject->x, subject->n, G_MAXUINT32, x);
  mean_of (&subject->y, subject->n, G_MAXUINT32, y);
  report_pair (stage, x, y);
  if (subject->y.seeds > 1)
    report_ceiling (stage, &subject->y);
  return save (stage, x, y, error);
}

/* The evaluator's next scores. They are journalled: after a kill they are asked for again. */
static bool
score_some (LodeStage *stage, GError **error)
{
  Subject *subject = &stage->subject;
  uint32_t n = MIN (BATCH, subject->n - stage->scored);
  const uint8_t *arch[BATCH] = { NULL };
  LodeScore score[BATCH] = { 0 };

  for (uint32_t i = 0; i < n; i++) {
    arch[i] = subject->archs->data + (gsize) (stage->scored + i) * subject->decisions;
    score[i] = (LodeScore){ .size = sizeof *score };
  }
  if (!lode_score (stage->host, n, arch, 1, score, error))
    return false;
  for (uint32_t i = 0; i < n; i++) {
    double value = score[i].failed ? NAN : score[i].value;

    if (subject->x.evaluator)
      subject->x.seed[0][stage->scored + i] = value;
    if (subject->y.evaluator)
      subject->y.seed[0][stage->scored + i] = value;
  }
  stage->scored += n;
  return true;
}

static bool
rank_step (LodeStage *stage, LodeProgress *progress, GError **error)
{
  Subject *subject = &stage->subject;
  bool asks = subject->x.evaluator || subject->y.evaluator;

  if (!asks)
    stage->scored = subject->n;
  else if (!score_some (stage, error))
    return false;
  progress->done = stage->scored;
  progress->of = subject->n;
  progress->phase = "rank";
  progress->end = stage->scored >= subject->n;
  return !progress->end || report (stage, error);
}

static void
rank_save (const void *instance, LodeStore *store)
{
  const LodeStage *stage = instance;
  const Subject *subject = &stage->subject;

  lode_store_put (store, "scored", LODE_TYPE_U32, 1, &stage->scored);
  if (subject->x.evaluator)
    lode_store_put (store, "x", LODE_TYPE_F64, subject->n, subject->x.seed[0]);
  if (subject->y.evaluator)
    lode_store_put (store, "y", LODE_TYPE_F64, subject->n, subject->y.seed[0]);
}

static bool
rank_load (void *instance, const LodeStore *store, GError **error)
{
  LodeStage *stage = instance;
  Subject *subject = &stage->subject;
  g_autofree double *x = g_new (double, (gsize) subject->n + 1),
                    *y = g_new (double, (gsize) subject->n + 1);
  uint32_t scored;

  if (!lode_store_get (store, "scored", LODE_TYPE_U32, 1, &scored, error)
      || (subject->x.evaluator && !lode_store_get (store, "x", LODE_TYPE_F64, subject->n, x, error))
      || (subject->y.evaluator
          && !lode_store_get (store, "y", LODE_TYPE_F64, subject->n, y, error)))
    return false;
  stage->scored = MIN (scored, subject->n);
  if (subject->x.evaluator)
    memcpy (subject->x.seed[0], x, subject->n * sizeof *x);
  if (subject->y.evaluator)
    memcpy (subject->y.seed[0], y, subject->n * sizeof *y);
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = rank_save,
                                    .load = rank_load };

static const void *
rank_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, table, .text = "",
               .doc = "benchmark file whose networks are ranked, looked for where data lie; empty: "
                      "networks are drawn"),
  LODE_OPTION (Conf, x, .text = "evaluator",
               .doc = "scoring that is tried: a column or figure of the table, evaluator, or "
                      "scores:COLUMN of the file at the port scores"),
  LODE_OPTION (Conf, y, .text = "evaluator", .doc = "scoring that is taken for true, likewise"),
  LODE_OPTION (Conf, sample, .number = 100, .min = 0, .max = 1e7, .unit = "architectures",
               .doc = "networks drawn; 0: all of the table"),
  LODE_OPTION (Conf, top, .text = "1, 5, 10", .min = 1, .max = 1e6, .unit = "architectures",
               .doc = "what choosing the best of so many costs: regret_topK"),
};

static const LodePort in[] = { { "net", LODE_ART_NET, false, false },
                               { "scores", LODE_ART_SCORES, false, false },
                               { NULL } };
static const LodePort out[] = { { "pairs", LODE_ART_SCORES, true, false }, { NULL } };

static const LodeStageOps ops = {
  .size = sizeof (LodeStageOps),
  .gives = LODE_LABELS | LODE_SEEN | LODE_FEATURES | LODE_PROBS | LODE_EMBEDDING | LODE_VALID,
  .rights = LODE_RIGHT_SCORE,
  .in = in,
  .out = out,
  .create = rank_create,
  .destroy = rank_destroy,
  .step = rank_step,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "stage",
  .name = "rank",
  .version = "1.0",
  .summary = "how far two scorings of architectures agree, and what choosing by one costs",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = rank_query,
};
