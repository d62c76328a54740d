/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nets, weight sets and passes: what a search trains with.
 *
 * A pass is forward, and backward for what is wanted, at a weight set. Perturbed weights (second-order
 * DARTS) and adapted weights (meta-learning) are sets of their own: the net's are written by optim_step
 * and params_copy only. All functions are [main]; the host spreads the work over its threads.
 */
#ifndef LODE_NET_H
#define LODE_NET_H

#include <lode/data.h>
#include <lode/space.h>
#include <math.h>

/*
 * What a pass is asked for. Without STORED, batch norm uses the statistics of the batch; TRACK moves the
 * running ones; OBSERVE reports rows to the sampler; AUX adds the auxiliary head's loss.
 */
enum {
  LODE_WEIGHTS = 1,
  LODE_GATES = 2,
  LODE_OBSERVE = 4,
  LODE_TRACK = 8,
  LODE_STORED = 16,
  LODE_AUX = 32
};

typedef struct LodePass {
  size_t size;
  uint32_t want;         /* in */
  const LodeParams *at;  /* in: weights; NULL: the net's own */
  LodeStats *stats;      /* in: statistics; NULL: the net's own */
  LodeParams *grad;      /* out, with WEIGHTS: gradient of the mean loss; zero where the pass did not touch */
  float *dgate;          /* out, with GATES: [space.options] gradient; 0 for options outside the mask */
  float *logit;          /* out: [n][k], or NULL */
  float *feature;        /* out: [n][d], or NULL */
  float drop_path;       /* in: rate of recorded drop-path */
  float aux_weight;      /* in, with AUX */
  double loss;           /* out: weighted mean over the batch, auxiliary part included */
  uint32_t n, correct;   /* out: rows; rows whose largest logit is the label's */
  uint8_t *hit;          /* out: [n] 1 for those rows, else 0; or NULL */
  const float *teacher;  /* in: [n][k] a teacher's logits for losses that hear one; or NULL */
} LodePass;

typedef struct LodeNetIn {
  size_t size;
  const char *from;      /* input port whose net to start from (names that exist are copied), or NULL */
  uint32_t depth, width; /* 0: the backbone's option */
  uint32_t classes;      /* 0: as the data have */
  bool shared;           /* a super-network: weights for every choice */
  bool aux;              /* with the auxiliary head */
  bool drop_path;        /* record drop-path */
  const LodeChoice *choice; /* not shared: the one choice this net is; NULL: the whole space */
  uint64_t id;           /* names the stream of initial weights; 0: the run's */
} LodeNetIn;

enum { LODE_CLIP = 1, LODE_TOUCHED = 2 };

typedef struct LodeParamsCalls {
  size_t size;
  void (*copy) (LodeParams *y, const LodeParams *x);
  void (*axpy) (LodeParams *y, double a, const LodeParams *x);
  double (*dot) (const LodeParams *x, const LodeParams *y);
  size_t (*count) (const LodeParams *);
  GBytes *(*pack) (const LodeParams *);
  LodeParams *(*unpack) (const LodeParams *like, GBytes *, GError **);
  void (*free) (LodeParams *);
} LodeParamsCalls;

struct LodeParams {
  const LodeParamsCalls *calls;
};

struct LodeStats {
  void (*free) (LodeStats *);
};

typedef struct LodeOptimCalls {
  size_t size;
  double (*rate) (const LodeOptim *);
  void (*step) (LodeOptim *, LodeParams *w, const LodeParams *grad, uint32_t flags);
  void (*preview) (const LodeOptim *, const LodeParams *w, const LodeParams *grad, LodeParams *out);
  void (*epoch) (LodeOptim *, double epoch);
  uint32_t (*epochs) (const LodeOptim *);
  void (*free) (LodeOptim *);
} LodeOptimCalls;

struct LodeOptim {
  const LodeOptimCalls *calls;
};

typedef struct LodeNetCalls {
  size_t size;
  void (*free) (LodeNet *);
  LodeParams *(*params) (LodeNet *);
  const LodeSpace *(*space) (const LodeNet *);
  bool (*head) (LodeNet *, uint32_t classes, const double *count, GError **);
  void (*freeze) (LodeNet *, const char *prefix, bool frozen);
  bool (*pass) (LodeNet *, const LodeBatch *, const LodeChoice *, LodePass *, GError **);
  LodeStats *(*stats) (LodeNet *);
  bool (*recalibrate) (LodeNet *, const LodeChoice *, uint32_t batches, LodeStats *, GError **);
  bool (*measure) (LodeNet *, const LodeChoice *, LodeStats *, const char *metric, double *value, GError **);
  LodeParams *(*dup) (LodeNet *, const LodeParams *, const LodeChoice *);
  bool (*score) (LodeNet *, const LodeChoice *, LodeStats *, const char *metric, double *value, GError **);
  uint32_t (*logits) (const LodeNet *);
} LodeNetCalls;

struct LodeNet {
  const LodeNetCalls *calls;
};

typedef struct LodeFitCalls {
  size_t size;
  bool (*step) (LodeFit *, LodeProgress *, GError **);
  void (*free) (LodeFit *);
} LodeFitCalls;

struct LodeFit {
  const LodeFitCalls *calls;
};

/* Whether an error says that a loss was not finite: the weights ran away, nothing else is wrong. [any] */
static inline bool
lode_error_diverged (const GError *error)
{
  return error && error->code == 1 && error->domain == g_quark_try_string ("lode-run-error");
}

static inline void
lode_net_free (LodeNet *net)
{
  if (net)
    net->calls->free (net);
}

/* The net's own weights (transfer none). */
static inline LodeParams *
lode_net_params (LodeNet *net)
{
  return net->calls->params (net);
}

static inline const LodeSpace *
lode_net_space (const LodeNet *net)
{
  return net->calls->space (net);
}

/* A new head for `classes` classes; the loss is prepared again with count: [classes], NULL: the pool's, or all
 * alike where the pool has another number of classes. Sets made before are refused by passes from then on (make
 * them anew); the net's own set stays where it is. */
static inline bool
lode_net_head (LodeNet *net, uint32_t classes, const double *count, GError **error)
{
  return net->calls->head (net, classes, count, error);
}

/* Weights whose name begins with prefix get no gradient, decay or moment; backward stops above them. */
static inline void
lode_net_freeze (LodeNet *net, const char *prefix, bool frozen)
{
  net->calls->freeze (net, prefix, frozen);
}

/* Errors: one that lode_error_diverged knows for a loss or gradient that is not finite, with the batch's indices;
 * statistics are then as before and the gradient is zero. Rows without a label are for passes that want no
 * gradient; their loss is NaN. */
static inline bool
lode_net_pass (LodeNet *net, const LodeBatch *batch, const LodeChoice *choice, LodePass *pass, GError **error)
{
  return net->calls->pass (net, batch, choice, pass, error);
}

/* A fresh set of statistics (mean 0, variance 1). */
static inline LodeStats *
lode_stats_new (LodeNet *net)
{
  return net->calls->stats (net);
}

static inline void
lode_stats_free (LodeStats *stats)
{
  if (stats)
    stats->free (stats);
}

/* Re-estimates the statistics of a choice over calibration batches 0 … batches − 1, variance pooled, each example
 * at most once; stats NULL: the net's own. */
static inline bool
lode_net_recalibrate (LodeNet *net, const LodeChoice *choice, uint32_t batches, LodeStats *stats, GError **error)
{
  return net->calls->recalibrate (net, choice, batches, stats, error);
}

/* A metric ("accuracy", "loss", "balanced_accuracy", "recall:cat" …: docs/metrics.md) on the validation split;
 * stats NULL: the net's own. NaN where the split does not define it. */
static inline bool
lode_net_measure (LodeNet *net, const LodeChoice *choice, LodeStats *stats, const char *metric, double *value,
                  GError **error)
{
  return net->calls->measure (net, choice, stats, metric, value, error);
}

/* The same turned so that larger is better: errors and costs have the other sign. Not a number is an error. */
static inline bool
lode_net_score (LodeNet *net, const LodeChoice *choice, LodeStats *stats, const char *metric, double *value,
                GError **error)
{
  return net->calls->score (net, choice, stats, metric, value, error);
}

/* Logits a row: what `logit` of a pass has room for. */
static inline uint32_t
lode_net_logits (const LodeNet *net)
{
  return net->calls->logits (net);
}

/* A copy of a set of this net; choice NULL: all of it, else only what the choice touches. */
static inline LodeParams *
lode_params_dup (const LodeParams *params, LodeNet *net, const LodeChoice *choice)
{
  return net->calls->dup (net, params, choice);
}

/* y = x, on the weights that both have. */
static inline void
lode_params_copy (LodeParams *y, const LodeParams *x)
{
  y->calls->copy (y, x);
}

/* y += a x, on the weights that both have. */
static inline void
lode_params_axpy (LodeParams *y, double a, const LodeParams *x)
{
  y->calls->axpy (y, a, x);
}

/* Σ x y in float64, on the weights that both have. */
static inline double
lode_params_dot (const LodeParams *x, const LodeParams *y)
{
  return x->calls->dot (x, y);
}

/* Weights in the set. */
static inline size_t
lode_params_count (const LodeParams *params)
{
  return params->calls->count (params);
}

/* The set as bytes (transfer full), for another process of the same run. */
static inline GBytes *
lode_params_pack (const LodeParams *params)
{
  return params->calls->pack (params);
}

/* A set from bytes, of the same net as `like` (transfer full). */
static inline LodeParams *
lode_params_unpack (const LodeParams *like, GBytes *bytes, GError **error)
{
  return like->calls->unpack (like, bytes, error);
}

static inline void
lode_params_free (LodeParams *params)
{
  if (params)
    params->calls->free (params);
}

/* The rate in force. */
static inline double
lode_optim_rate (const LodeOptim *optim)
{
  return optim->calls->rate (optim);
}

/* Passes in the schedule, as configured. */
static inline uint32_t
lode_optim_epochs (const LodeOptim *optim)
{
  return optim->calls->epochs (optim);
}

/* Moves the schedule to an epoch, fractions allowed. */
static inline void
lode_optim_epoch (LodeOptim *optim, double epoch)
{
  optim->calls->epoch (optim, epoch);
}

/* One update. CLIP: the gradient's norm is bounded first; TOUCHED: weights (and moments) that the gradient
 * did not touch stay as they are, bit for bit. */
static inline void
lode_optim_step (LodeOptim *optim, LodeParams *w, const LodeParams *grad, uint32_t flags)
{
  optim->calls->step (optim, w, grad, flags);
}

/* The step not taken: out = w − ξ (μ v + g + λ w); nothing else changes (Liu et al. 2019, eq. 7). */
static inline void
lode_optim_preview (const LodeOptim *optim, const LodeParams *w, const LodeParams *grad, LodeParams *out)
{
  optim->calls->preview (optim, w, grad, out);
}

static inline void
lode_optim_free (LodeOptim *optim)
{
  if (optim)
    optim->calls->free (optim);
}

/* One bounded piece of the ordinary training loop. */
static inline bool
lode_fit_step (LodeFit *fit, LodeProgress *progress, GError **error)
{
  return fit->calls->step (fit, progress, error);
}

static inline void
lode_fit_free (LodeFit *fit)
{
  if (fit)
    fit->calls->free (fit);
}

/*
 * Adam (Kingma & Ba 2015) in float64 for architecture parameters, ε 1e-8, bias-corrected, decay as L2 in
 * the gradient. state: [2 n + 1] first and second moments, step count; zero at the start.
 */
static inline void
lode_adam (double *state, uint32_t n, double *x, const double *grad, double rate, double beta1, double beta2,
           double decay)
{
  double t = ++state[2 * (size_t) n], fix1 = 1 - pow (beta1, t), fix2 = 1 - pow (beta2, t);

  for (uint32_t i = 0; i < n; i++) {
    double g = grad[i] + decay * x[i];
    double m = state[i] = beta1 * state[i] + (1 - beta1) * g;
    double v = state[n + i] = beta2 * state[n + i] + (1 - beta2) * g * g;

    x[i] -= rate * (m / fix1) / (sqrt (v / fix2) + 1e-8);
  }
}

#endif
