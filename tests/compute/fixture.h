/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small net for tests of the compute layer: layouts, recording, engine, sets, and a loss that is
 * a fixed random linear functional of all outputs.
 */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include "compute/program.h"
#include <lode/rng.h>
#include <string.h>

typedef struct Net {
  LodeLayout *weights, *stats;
  LodeRecord *record;
  LodeGraph *graph;
  LodeEngine *engine;
  LodeParams *w, *g;
  LodeStats *s;
  LodeShape shape;
  uint32_t batch;
  float *image;    /* [batch][h][w][c] */
  uint32_t *index; /* [batch] */
  LodeValue x;     /* the image */
  LodeBind bind;
} Net;

/* Adds a weight to every value of a sample, so that the gradient of an inner value can be read and
 * checked. */
static inline bool
shift_shape (const void *conf, uint32_t n, const LodeShape *in, LodeShape *out, uint32_t *weights)
{
  (void) conf;
  if (n != 1)
    return false;
  *out = in[0];
  *weights = in[0].h * in[0].w * in[0].c;
  return true;
}

static inline void
shift_forward (const void *conf, const LodeOpChunk *chunk)
{
  size_t size = (size_t) chunk->shape.h * chunk->shape.w * chunk->shape.c;

  (void) conf;
  for (size_t i = 0; i < chunk->n * size; i++)
    chunk->out[i] = chunk->in[0][i] + chunk->weight[i % size];
}

static inline void
shift_backward (const void *conf, const LodeOpChunk *chunk)
{
  size_t size = (size_t) chunk->shape.h * chunk->shape.w * chunk->shape.c;

  (void) conf;
  for (size_t i = 0; i < chunk->n * size; i++) {
    if (chunk->din[0])
      chunk->din[0][i] += chunk->dout[i];
    if (chunk->dweight)
      chunk->dweight[i % size] += chunk->dout[i];
  }
}

static const LodeOp shift_op = {
  .size = sizeof (LodeOp),
  .name = "shift",
  .shape = shift_shape,
  .forward = shift_forward,
  .backward = shift_backward,
};

static inline LodeValue
record_shift (LodeGraph *graph, const char *name, LodeValue x)
{
  return lode_op (graph, &shift_op, name, 1, &x, NULL);
}

/* Values that are far from zero and from each other: a small step crosses no kink. */
static inline void
net_fill_image (Net *net)
{
  size_t size = (size_t) net->shape.h * net->shape.w * net->shape.c;
  LodeRng rng = { .key = 77 };
  g_autofree uint32_t *order = g_new (uint32_t, size);

  for (uint32_t b = 0; b < net->batch; b++) {
    for (uint32_t i = 0; i < size; i++)
      order[i] = i;
    for (uint32_t i = (uint32_t) size; i > 1; i--) {
      uint32_t j = lode_rng_below (&rng, i), t = order[i - 1];

      order[i - 1] = order[j];
      order[j] = t;
    }
    for (size_t i = 0; i < size; i++)
      net->image[b * size + i] =
          2 * ((float) order[i] - (float) size / 2 + 0.25f) / (float) MAX (size, 40) * 2;
    net->index[b] = (b * 7 + 1) % 5;
  }
}

static inline Net *
net_new (LodeShape shape, uint32_t batch, const LodeSpace *space, const uint64_t *mask)
{
  Net *net = g_new0 (Net, 1);

  net->weights = lode_layout_new ();
  net->stats = lode_layout_new ();
  net->record = lode_record_new (net->weights, net->stats, space, mask);
  net->graph = lode_record_graph (net->record);
  net->shape = shape;
  net->batch = batch;
  net->image = g_new (float, (size_t) batch *shape.h *shape.w *shape.c);
  net->index = g_new (uint32_t, batch);
  net_fill_image (net);
  net->x = lode_record_image (net->record, &shape);
  return net;
}

/* Ends the recording; sets with initial weights, shifts at zero. */
static inline void
net_ready (Net *net, uint32_t threads, const LodeKernels *kernels)
{
  LodeParamSet *set;

  if (!net->engine)
    net->engine = lode_engine_new (threads, kernels);
  if (!net->w) {
    net->w = lode_params_new (net->weights, NULL);
    net->g = lode_params_new (net->weights, NULL);
    net->s = lode_statset_new (net->stats);
    lode_params_init (net->w, 5, 0);
    set = (LodeParamSet *) net->w;
    for (uint32_t i = 0; i < set->slots; i++)
      if (g_str_has_prefix (lode_layout_slot (net->weights, i)->name, "shift"))
        memset (set->at[i], 0,
                lode_slot_size (lode_layout_slot (net->weights, i)) * sizeof (float));
  }
  net->bind.weights = net->w;
  net->bind.grad = net->g;
  net->bind.stats = net->s;
  net->bind.image = net->image;
  net->bind.index = net->index;
  net->bind.key = 99;
}

static inline void
net_free (Net *net)
{
  lode_params_free (net->w);
  lode_params_free (net->g);
  lode_stats_free (net->s);
  lode_record_free (net->record);
  lode_engine_free (net->engine);
  lode_layout_unref (net->weights);
  lode_layout_unref (net->stats);
  g_free (net->image);
  g_free (net->index);
  g_free (net);
}

static inline LodeProgram *
net_program (Net *net, uint32_t grad)
{
  g_autoptr (GError) error = NULL;
  LodeProgram *program = lode_engine_program (net->engine, net->record, net->batch, grad, &error);

  g_assert_no_error (error);
  return program;
}

/* Weight of output value j in the loss. */
static inline double
loss_weight (uint32_t output, size_t j)
{
  LodeRng rng = { .key = 1000 + output, .n = j };

  return lode_rng_normal (&rng);
}

static inline double
net_loss (Net *net, LodeProgram *program, uint32_t outputs)
{
  double loss = 0;

  for (uint32_t o = 0; o < outputs; o++) {
    uint32_t width;
    const float *y = lode_program_output (program, o, &width);

    for (size_t j = 0; j < (size_t) net->batch * width; j++)
      loss += loss_weight (o, j) * y[j];
  }
  return loss;
}

/* Forward and backward; the gradients end up where the binding says. */
static inline double
net_pass (Net *net, uint32_t grad, uint32_t outputs)
{
  LodeProgram *program = net_program (net, grad);
  double loss;

  lode_program_forward (program, &net->bind);
  loss = net_loss (net, program, outputs);
  for (uint32_t o = 0; grad && o < outputs; o++) {
    uint32_t width;
    float *dy = lode_program_output_grad (program, o);

    lode_program_output (program, o, &width);
    for (size_t j = 0; j < (size_t) net->batch * width; j++)
      dy[j] += (float) loss_weight (o, j);
  }
  if (grad)
    lode_program_backward (program, &net->bind);
  return loss;
}

static inline double
net_slope (Net *net, float *at, double step, uint32_t outputs)
{
  float keep = *at;
  double up, down, high, low;

  *at = (float) (keep + step);
  high = *at;
  up = net_pass (net, 0, outputs);
  *at = (float) (keep - step);
  low = *at;
  down = net_pass (net, 0, outputs);
  *at = keep;
  return (up - down) / (high - low);
}

/* The central difference nearest to what was found: a step may cross a kink, not all of them do. */
static inline double
net_nearest (Net *net, float *at, double found, double step, uint32_t outputs)
{
  double best = net_slope (net, at, step, outputs);

  for (double k = 3; k <= 27 && fabs (best - found) > 1e-3 * fabs (found); k *= 3) {
    double slope = net_slope (net, at, step / k, outputs);

    if (fabs (slope - found) < fabs (best - found))
      best = slope;
  }
  return best;
}

/* Central differences at some `probes` places of every slot. A slope is uncertain by what outputs
 * in float32, of order one, leave of the loss: seen where the true one is zero. */
static inline void
net_check (Net *net, uint32_t outputs, uint32_t probes, double step, double tolerance)
{
  LodeParamSet *w = (LodeParamSet *) net->w, *g = (LodeParamSet *) net->g;
  double noise = 3e-8 / step;

  net_pass (net, LODE_GRAD_WEIGHTS | (net->bind.dgate ? LODE_GRAD_GATES : 0), outputs);
  for (uint32_t i = 0; i < w->slots; i++) {
    size_t size = lode_slot_size (lode_layout_slot (net->weights, i));
    double most = 1e-3;

    for (size_t j = 0; j < size; j++)
      most = MAX (most, fabs (g->at[i][j]));
    for (size_t j = 0; j < size; j += MAX (size / probes, 1)) {
      double found = g->at[i][j], slope = net_nearest (net, &w->at[i][j], found, step, outputs);

      if (fabs (slope - found) > tolerance * most + noise)
        g_error ("%s[%zu]: gradient %g, central difference %g",
                 lode_layout_slot (net->weights, i)->name, j, found, slope);
    }
  }
}

#endif
