/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses of a batch: one softmax kernel over class tables, and what plugins bring rows for.
 *
 * Rows are cut into chunks by their width alone, each row is worked out in float64, and sums run
 * over rows in order afterwards: the same bits for any number of threads.
 */
#include "train/losses.h"

#include <lode/rng.h>

#include <math.h>
#include <string.h>

enum { GRAIN = 4096 }; /* logits of a chunk: some 50 µs */

/* One run: what its chunks read and write. */
typedef struct Run {
  const LodeCriterion *criterion;
  const LodeBatch *batch;
  const float *logit, *teacher; /* [n][k] */
  double smoothing, weight;     /* weight: Σ c of the batch */
  float *value, *grad;          /* [n], [n][k] */
  uint32_t rows;                /* of a chunk */
} Run;

static uint32_t
rows_of (uint32_t k)
{
  return MAX (GRAIN / MAX (k, 1), 1);
}

static uint32_t
chunks_of (uint32_t n, uint32_t rows)
{
  return n / rows + (n % rows != 0);
}

/* c of a row: the weight of its class. */
static double
class_weight (const LodeCriterion *criterion, const LodeBatch *batch, uint32_t i)
{
  return batch->label ? (double) criterion->table.weight[batch->label[i]] : 1;
}

/* What a row's own gradient is multiplied by: e c / Σ c. */
static double
row_factor (const Run *run, uint32_t i)
{
  double e = run->batch->weight ? (double) run->batch->weight[i] : 1;

  return run->weight > 0 ? e * class_weight (run->criterion, run->batch, i) / run->weight : 0;
}

/* A row under a class table: a_c = scale_c z_c + shift_c − margin_y [c = y]. */
typedef struct Row {
  const LodeClassTable *table;
  const float *logit, *target; /* [k]; target NULL: the label's */
  uint32_t k;
  int32_t label; /* −1: targets are given */
  double smoothing;
} Row;

static double
scale_at (const Row *row, uint32_t c)
{
  return (double)
      row->table->scale[row->table->by_label && row->label >= 0 ? (uint32_t) row->label : c];
}

static double
score_at (const Row *row, uint32_t c)
{
  double a = scale_at (row, c) * (double) row->logit[c] + (double) row->table->shift[c];

  return (int32_t) c == row->label ? a - (double) row->table->margin[c] : a;
}

static double
target_at (const Row *row, uint32_t c)
{
  if (row->label < 0)
    return (double) row->target[c];
  return ((int32_t) c == row->label ? 1 - row->smoothing : 0) + row->smoothing / row->k;
}

/* −Σ t_c log softmax (a)_c, and its gradient in z times `factor` (grad: [k], or NULL). */
static double
row_loss (const Row *row, double factor, float *grad)
{
  double most = -INFINITY, sum = 0, mass = 0, loss = 0;

  for (uint32_t c = 0; c < row->k; c++)
    most = fmax (most, score_at (row, c));
  for (uint32_t c = 0; c < row->k; c++)
    sum += exp (score_at (row, c) - most);
  for (uint32_t c = 0; c < row->k; c++) {
    double t = target_at (row, c);

    mass += t;
    if (t != 0)
      loss += t * (log (sum) + (most - score_at (row, c)));
  }
  for (uint32_t c = 0; grad && c < row->k; c++) {
    double off = mass * exp (score_at (row, c) - most) / sum - target_at (row, c);

    grad[c] = factor != 0 ? (float) (factor * scale_at (row, c) * off) : 0;
  }
  return loss;
}

static void
table_chunk (void *data, uint32_t chunk, uint32_t worker)
{
  const Run *run = data;
  uint32_t k = run->criterion->k, from = chunk * run->rows;
  uint32_t to = MIN (from + run->rows, run->batch->n);

  (void) worker;
  for (uint32_t i = from; i < to; i++) {
    size_t at = (size_t) i * k;
    const LodeBatch *batch = run->batch;
    Row row = { .table = &run->criterion->table,
                .logit = run->logit + at,
                .target = batch->label ? NULL : batch->target + at,
                .k = k,
                .label = batch->label ? batch->label[i] : -1,
                .smoothing = run->smoothing };

    run->value[i] = (float) row_loss (&row, row_factor (run, i), run->grad ? run->grad + at : NULL);
  }
}

/* Row i of a chunk draws at position i of the chunk's key; the first chunk's is the batch's own. */
static uint64_t
chunk_key (uint64_t key, uint32_t chunk)
{
  uint32_t word[4];

  if (!chunk)
    return key;
  lode_rng_block (key, chunk, word);
  return (uint64_t) word[3] << 32 | word[2];
}

static void
plugin_chunk (void *data, uint32_t chunk, uint32_t worker)
{
  const Run *run = data;
  const LodeCriterion *criterion = run->criterion;
  const LodeBatch *batch = run->batch;
  uint32_t k = criterion->k, from = chunk * run->rows;
  size_t at = (size_t) from * k;
  LodeLossIn in = { .size = sizeof in,
                    .n = MIN (run->rows, batch->n - from),
                    .k = k,
                    .logit = run->logit + at,
                    .teacher = run->teacher ? run->teacher + at : NULL,
                    .label = batch->label ? batch->label + from : NULL,
                    .target = batch->target ? batch->target + at : NULL,
                    .key = chunk_key (batch->key, chunk) };

  (void) worker;
  criterion->ops->rows (criterion->loss, &in, run->value + from, run->grad + at);
  for (uint32_t i = from; i < from + in.n; i++) {
    double factor = row_factor (run, i);

    for (uint32_t c = 0; c < k; c++) {
      float *g = run->grad + (size_t) i * k + c;

      *g = factor != 0 ? (float) (factor * (double) *g) : 0;
    }
  }
}

LodeReduced
lode_criterion_run (const LodeCriterion *criterion, LodeThreads *threads, const LodeBatch *batch,
                    const float *logit, const float *teacher, double smoothing, float *value,
                    float *grad)
{
  Run run = { criterion, batch, logit, teacher, smoothing, 0, value, grad, rows_of (criterion->k) };
  g_autofree float *spare = NULL;
  LodeReduced reduced = { 0, 0 };

  for (uint32_t i = 0; i < batch->n; i++)
    run.weight += class_weight (criterion, batch, i);
  if (criterion->ops->rows && !grad)
    run.grad = spare = g_new (float, (size_t) batch->n * criterion->k + 1);
  lode_threads_run (threads, chunks_of (batch->n, run.rows),
                    criterion->ops->rows ? plugin_chunk : table_chunk, &run);
  for (uint32_t i = 0; i < batch->n; i++) {
    double e = batch->weight ? (double) batch->weight[i] : 1;
    double factor = e * class_weight (criterion, batch, i);

    if (factor != 0)
      reduced.sum += factor * (double) value[i];
  }
  reduced.weight = run.weight;
  return reduced;
}

typedef struct Softmax {
  uint32_t n, k, rows;
  const float *logit; /* [n][k] */
  float *prob;        /* [n][k] */
} Softmax;

static void
softmax_row (uint32_t k, const float *logit, float *prob)
{
  float most = -INFINITY;
  double sum = 0;

  for (uint32_t c = 0; c < k; c++)
    most = fmaxf (most, logit[c]);
  for (uint32_t c = 0; c < k; c++)
    sum += exp ((double) logit[c] - (double) most);
  for (uint32_t c = 0; c < k; c++)
    prob[c] = (float) (exp ((double) logit[c] - (double) most) / sum);
}

static void
softmax_chunk (void *data, uint32_t chunk, uint32_t worker)
{
  const Softmax *softmax = data;
  uint32_t from = chunk * softmax->rows, to = MIN (from + softmax->rows, softmax->n);

  (void) worker;
  for (uint32_t i = from; i < to; i++) {
    size_t at = (size_t) i * softmax->k;

    softmax_row (softmax->k, softmax->logit + at, softmax->prob + at);
  }
}

void
lode_softmax (LodeThreads *threads, uint32_t n, uint32_t k, const float *logit, float *prob)
{
  Softmax softmax = { n, k, rows_of (k), logit, prob };

  lode_threads_run (threads, chunks_of (n, softmax.rows), softmax_chunk, &softmax);
}

/* No logit before the label's reaches it, none behind it is larger; where one is not a number, no.
 * logit: [k] */
static bool
is_correct (uint32_t k, const float *logit, uint32_t label)
{
  for (uint32_t c = 0; c < k; c++)
    if (!(c < label ? logit[c] < logit[label] : logit[c] <= logit[label]))
      return false;
  return true;
}

uint32_t
lode_correct (uint32_t n, uint32_t k, const float *logit, const int32_t *label)
{
  uint32_t correct = 0;

  for (uint32_t i = 0; i < n; i++)
    correct += is_correct (k, logit + (size_t) i * k, (uint32_t) label[i]);
  return correct;
}
