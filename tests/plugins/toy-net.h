/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the toy host of toy-host.h hands out: a net of one weight w whose losses can be worked out
 * by hand,
 *
 *   a = Σ_o slope_o gate_o,  L_held-out = s (a w − 2 a + 1),  L_train = s (w² − 2 a w + a²),
 *
 * with s = 1 for a batch of key 0 and near 1 otherwise; an optimiser, streams, a training loop.
 * Passes are written down as text, and a write to the net's own weight by anything but the
 * optimiser is counted.
 */
#ifndef TEST_TOY_NET_H
#define TEST_TOY_NET_H

#include <lode/lode.h>
#include <string.h>

enum {
  TOY_DECISIONS = 2,
  TOY_OPTIONS = 6,
  TOY_BATCHES = 4,
  TOY_ROWS = 2,
  TOY_POOL = 50,
  TOY_LOGITS = 2
};

typedef struct Toy Toy;

typedef struct ToyParams {
  LodeParams base; /* first */
  Toy *toy;
  double w;
} ToyParams;

typedef struct ToyNet {
  LodeNet base; /* first */
  Toy *toy;
  ToyParams own;
  bool shared;
  uint64_t mask[TOY_DECISIONS], id;
} ToyNet;

typedef struct ToyOptim {
  LodeOptim base; /* first */
  Toy *toy;
  double epoch;
} ToyOptim;

typedef struct ToyStream {
  LodeStream base; /* first */
  Toy *toy;
  LodeBatch batch;
  uint32_t role, next;
} ToyStream;

typedef struct ToyFit {
  LodeFit base; /* first */
  Toy *toy;
  uint64_t done, of;
} ToyFit;

typedef struct ToyStore {
  LodeStore base; /* first */
  GHashTable *at; /* name → GBytes of (type, values) */
} ToyStore;

struct Toy {
  LodeHost host; /* first */
  LodeStageCalls stage;
  LodePool pool;
  const LodeSearchOps *search_ops; /* for stage search */
  const void *search_conf;
  GString *log;       /* passes, "A:g " … */
  GHashTable *metric; /* name → double * */
  GHashTable *result;
  double slope[TOY_OPTIONS];
  double start, xi, rate; /* first w; ξ of the preview; rate of a step */
  uint32_t epochs, objects, foreign_writes, fit_steps, measured, recalibrated, scored, saved_nets;
  uint64_t fit_length, net_id;
  bool no_valid, no_arch_port, no_space, fail_every_score;
  GError *fit_error; /* what the next step of a fit fails with */
  ToyNet *net;       /* the newest */
  ToyStream *stream[8];
  uint8_t saved_arch[TOY_DECISIONS];
  /* what has been scored: by number 3 a + b of the architecture (a, b) */
  LodeScore known[9];
  bool is_known[9];
  uint8_t best[TOY_DECISIONS];
  double best_value; /* of it; −infinity before there is one */
};

static const char *const toy_option_names[] = { "none", "skip", "conv" };
static const uint32_t toy_traits[] = { LODE_TRAIT_NONE, LODE_TRAIT_SKIP, LODE_TRAIT_PLAIN };
static const LodeDecision toy_decisions[TOY_DECISIONS] = {
  { "left.0", "left", 3, toy_option_names, toy_traits, -1, -1 },
  { "right.0", "right", 3, toy_option_names, toy_traits, -1, -1 }
};
static const LodeSpace toy_space = { sizeof (LodeSpace), sizeof (LodeDecision), TOY_DECISIONS,
                                     TOY_OPTIONS, toy_decisions };
static const LodeSpace toy_empty = { sizeof (LodeSpace), sizeof (LodeDecision), 0, 0, NULL };

static inline Toy *
toy_of (const LodeHost *host)
{
  return (Toy *) (uintptr_t) host;
}

/* weight sets */
static inline void
toy_written (ToyParams *params)
{
  if (params->toy->net && params == &params->toy->net->own)
    params->toy->foreign_writes++;
}

static inline void
toy_params_copy (LodeParams *y, const LodeParams *x)
{
  toy_written ((ToyParams *) y);
  ((ToyParams *) y)->w = ((const ToyParams *) x)->w;
}

static inline void
toy_params_axpy (LodeParams *y, double a, const LodeParams *x)
{
  toy_written ((ToyParams *) y);
  ((ToyParams *) y)->w += a * ((const ToyParams *) x)->w;
}

static inline double
toy_params_dot (const LodeParams *x, const LodeParams *y)
{
  return ((const ToyParams *) x)->w * ((const ToyParams *) y)->w;
}

static inline void
toy_params_free (LodeParams *params)
{
  ((ToyParams *) params)->toy->objects--;
  g_free (params);
}

static const LodeParamsCalls toy_params_calls = { .size = sizeof (LodeParamsCalls),
                                                  .copy = toy_params_copy,
                                                  .axpy = toy_params_axpy,
                                                  .dot = toy_params_dot,
                                                  .free = toy_params_free };

/* nets */
static inline double
toy_scale (const LodeBatch *batch)
{
  LodeRng rng = { .key = batch->key };

  return batch->key ? 1 + 0.1 * lode_rng_uniform (&rng) : 1;
}

static inline double
toy_mix (const Toy *toy, const LodeChoice *choice)
{
  double a = 0;

  for (uint32_t o = 0; o < TOY_OPTIONS; o++)
    if (!choice || !choice->mask || choice->mask[o / 3] >> (o % 3) & 1)
      a += toy->slope[o] * (choice && choice->gate ? (double) choice->gate[o] : 1);
  return a;
}

static inline void
toy_note_pass (Toy *toy, const LodeBatch *batch, const LodePass *pass)
{
  static const char roles[] = "WAVCT";

  g_string_append_printf (toy->log, "%c:%s%s%s%s%s%s ", roles[batch->role],
                          pass->want & LODE_WEIGHTS ? "w" : "", pass->want & LODE_GATES ? "g" : "",
                          pass->want & LODE_OBSERVE ? "o" : "", pass->want & LODE_TRACK ? "t" : "",
                          pass->want & LODE_STORED ? "s" : "", pass->at ? "@" : "");
}

static inline bool
toy_net_pass (LodeNet *base, const LodeBatch *batch, const LodeChoice *choice, LodePass *pass,
              GError **error)
{
  ToyNet *net = (ToyNet *) base;
  Toy *toy = net->toy;
  double w = (pass->at ? (const ToyParams *) pass->at : &net->own)->w, a = toy_mix (toy, choice);
  double s = toy_scale (batch), dw, da;
  bool train = batch->role == LODE_ROLE_WEIGHTS;

  (void) error;
  toy_note_pass (toy, batch, pass);
  pass->loss = s * (train ? w * w - 2 * a * w + a * a : a * w - 2 * a + 1);
  dw = s * (train ? 2 * w - 2 * a : a);
  da = s * (train ? 2 * a - 2 * w : w - 2);
  pass->n = batch->n;
  pass->correct = 1;
  for (uint32_t i = 0; pass->hit && i < batch->n; i++)
    pass->hit[i] = i == 0;
  for (uint32_t i = 0; pass->logit && i < batch->n; i++)
    for (uint32_t c = 0; c < TOY_LOGITS; c++)
      pass->logit[i * TOY_LOGITS + c] =
          (i == 0) == (batch->label && batch->label[i] == (int32_t) c) ? 1 : 0;
  if (pass->want & LODE_WEIGHTS)
    ((ToyParams *) pass->grad)->w = dw;
  for (uint32_t o = 0; (pass->want & LODE_GATES) && o < TOY_OPTIONS; o++)
    pass->dgate[o] = (float) (toy->slope[o] * da);
  return true;
}

static inline LodeParams *
toy_net_params (LodeNet *base)
{
  return &((ToyNet *) base)->own.base;
}

static inline const LodeSpace *
toy_net_space (const LodeNet *base)
{
  return ((const ToyNet *) base)->toy->no_space ? &toy_empty : &toy_space;
}

static inline LodeParams *
toy_net_dup (LodeNet *base, const LodeParams *params, const LodeChoice *choice)
{
  ToyParams *copy = g_memdup2 (params, sizeof *copy);

  (void) choice;
  ((ToyNet *) base)->toy->objects++;
  return &copy->base;
}

static inline void
toy_net_free (LodeNet *base)
{
  ToyNet *net = (ToyNet *) base;

  net->toy->objects--;
  if (net->toy->net == net)
    net->toy->net = NULL;
  g_free (net);
}

static inline void
toy_stats_free (LodeStats *stats)
{
  g_free (stats);
}

static inline LodeStats *
toy_net_stats (LodeNet *base)
{
  LodeStats *stats = g_new0 (LodeStats, 1);

  (void) base;
  stats->free = toy_stats_free;
  return stats;
}

static inline bool
toy_net_recalibrate (LodeNet *base, const LodeChoice *choice, uint32_t batches, LodeStats *stats,
                     GError **error)
{
  (void) choice;
  (void) error;
  g_assert_nonnull (stats);
  ((ToyNet *) base)->toy->recalibrated += batches;
  return true;
}

static inline bool
toy_net_measure (LodeNet *base, const LodeChoice *choice, LodeStats *stats, const char *metric,
                 double *value, GError **error)
{
  (void) stats;
  (void) error;
  g_assert_cmpstr (metric, ==, "accuracy");
  ((ToyNet *) base)->toy->measured++;
  *value = toy_mix (((ToyNet *) base)->toy, choice) / 10;
  return true;
}

/* Errors count negative. */
static inline bool
toy_net_score (LodeNet *base, const LodeChoice *choice, LodeStats *stats, const char *metric,
               double *value, GError **error)
{
  bool ok = toy_net_measure (base, choice, stats, "accuracy", value, error);

  if (!strcmp (metric, "nll"))
    *value = -*value;
  return ok;
}

static inline uint32_t
toy_net_logits (const LodeNet *base)
{
  (void) base;
  return TOY_LOGITS;
}

static const LodeNetCalls toy_net_calls = { .size = sizeof (LodeNetCalls),
                                            .free = toy_net_free,
                                            .params = toy_net_params,
                                            .space = toy_net_space,
                                            .pass = toy_net_pass,
                                            .stats = toy_net_stats,
                                            .recalibrate = toy_net_recalibrate,
                                            .measure = toy_net_measure,
                                            .dup = toy_net_dup,
                                            .score = toy_net_score,
                                            .logits = toy_net_logits };

static inline LodeNet *
toy_net_new (const LodeHost *host, const LodeNetIn *in, GError **error)
{
  Toy *toy = toy_of (host);
  ToyNet *net = g_new0 (ToyNet, 1);

  (void) error;
  net->base.calls = &toy_net_calls;
  net->toy = toy;
  net->own = (ToyParams){ { &toy_params_calls }, toy, toy->start };
  net->shared = in->shared;
  if (in->choice && in->choice->mask)
    memcpy (net->mask, in->choice->mask, sizeof net->mask);
  toy->net_id = in->id;
  toy->net = net;
  toy->objects++;
  return &net->base;
}

static inline LodeNet *
toy_net_current (const LodeHost *host)
{
  Toy *toy = toy_of (host);

  return toy->net && toy->net->shared ? &toy->net->base : NULL;
}

/* optimisers: plain descent */
static inline double
toy_optim_rate (const LodeOptim *optim)
{
  return ((const ToyOptim *) optim)->toy->xi;
}

static inline void
toy_optim_step (LodeOptim *optim, LodeParams *w, const LodeParams *grad, uint32_t flags)
{
  g_assert_cmpuint (flags, ==, LODE_CLIP);
  ((ToyParams *) w)->w -= ((ToyOptim *) optim)->toy->rate * ((const ToyParams *) grad)->w;
}

static inline void
toy_optim_preview (const LodeOptim *optim, const LodeParams *w, const LodeParams *grad,
                   LodeParams *out)
{
  toy_written ((ToyParams *) out);
  ((ToyParams *) out)->w = ((const ToyParams *) w)->w
                           - ((const ToyOptim *) optim)->toy->xi * ((const ToyParams *) grad)->w;
}

static inline void
toy_optim_epoch (LodeOptim *optim, double epoch)
{
  ((ToyOptim *) optim)->epoch = epoch;
}

static inline uint32_t
toy_optim_epochs (const LodeOptim *optim)
{
  return ((const ToyOptim *) optim)->toy->epochs;
}

static inline void
toy_optim_free (LodeOptim *optim)
{
  ((ToyOptim *) optim)->toy->objects--;
  g_free (optim);
}

static const LodeOptimCalls toy_optim_calls = { .size = sizeof (LodeOptimCalls),
                                                .rate = toy_optim_rate,
                                                .step = toy_optim_step,
                                                .preview = toy_optim_preview,
                                                .epoch = toy_optim_epoch,
                                                .epochs = toy_optim_epochs,
                                                .free = toy_optim_free };

static inline LodeOptim *
toy_optim_new (const LodeHost *host, LodeNet *net, GError **error)
{
  ToyOptim *optim = g_new0 (ToyOptim, 1);

  (void) net;
  (void) error;
  optim->base.calls = &toy_optim_calls;
  optim->toy = toy_of (host);
  optim->toy->objects++;
  return &optim->base;
}

/* streams: batch number i of a role has the key 1 + 1000 role + i */
static inline const LodeBatch *
toy_stream_next (LodeStream *base, GError **error)
{
  static const int32_t labels[TOY_ROWS] = { 0, 1 };
  ToyStream *stream = (ToyStream *) base;

  (void) error;
  g_assert_cmpuint (stream->batch.n, ==, 0); /* the one before was given back */
  stream->batch = (LodeBatch){ .size = sizeof (LodeBatch),
                               .n = TOY_ROWS,
                               .role = stream->role,
                               .key = 1 + 1000 * (uint64_t) stream->role + stream->next++,
                               .label = labels };
  return &stream->batch;
}

static inline void
toy_stream_release (LodeStream *base, const LodeBatch *batch)
{
  g_assert_true (batch == &((ToyStream *) base)->batch);
  ((ToyStream *) base)->batch.n = 0;
}

static inline void
toy_stream_phase (LodeStream *base, const char *phase)
{
  (void) base;
  g_assert_nonnull (phase);
}

static inline uint32_t
toy_stream_batches (const LodeStream *base)
{
  (void) base;
  return TOY_BATCHES;
}

static inline void
toy_stream_close (LodeStream *base)
{
  ToyStream *stream = (ToyStream *) base;

  stream->toy->stream[stream->role] = NULL;
  stream->toy->objects--;
  g_free (stream);
}

static const LodeStreamCalls toy_stream_calls = { .size = sizeof (LodeStreamCalls),
                                                  .next = toy_stream_next,
                                                  .release = toy_stream_release,
                                                  .phase = toy_stream_phase,
                                                  .batches = toy_stream_batches,
                                                  .close = toy_stream_close };

static inline LodeStream *
toy_stream_open (const LodeHost *host, uint32_t role, GError **error)
{
  Toy *toy = toy_of (host);
  ToyStream *stream;

  if (role == LODE_ROLE_VALID && toy->no_valid) {
    g_set_error_literal (error, g_quark_from_static_string ("toy"), 1, "no validation split");
    return NULL;
  }
  stream = g_new0 (ToyStream, 1);
  stream->base.calls = &toy_stream_calls;
  stream->toy = toy;
  stream->role = role;
  toy->stream[role] = stream;
  toy->objects++;
  return &stream->base;
}

/* training loops */
static inline bool
toy_fit_step (LodeFit *base, LodeProgress *progress, GError **error)
{
  ToyFit *fit = (ToyFit *) base;

  if (fit->toy->fit_error) {
    g_propagate_error (error, g_steal_pointer (&fit->toy->fit_error));
    return false;
  }
  fit->toy->fit_steps++;
  progress->done = ++fit->done;
  progress->of = fit->of;
  progress->end = fit->done >= fit->of;
  return true;
}

static inline void
toy_fit_free (LodeFit *base)
{
  ((ToyFit *) base)->toy->objects--;
  g_free (base);
}

static const LodeFitCalls toy_fit_calls = { sizeof (LodeFitCalls), toy_fit_step, toy_fit_free };

static inline LodeFit *
toy_fit_new (const LodeHost *host, LodeNet *net, const LodeChoice *choice, GError **error)
{
  ToyFit *fit = g_new0 (ToyFit, 1);

  (void) net;
  (void) choice;
  (void) error;
  fit->base.calls = &toy_fit_calls;
  fit->toy = toy_of (host);
  fit->of = fit->toy->fit_length;
  fit->toy->objects++;
  return &fit->base;
}

#endif
