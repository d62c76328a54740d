/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host: what a plugin may ask of Lode. The host's table makes objects and answers questions; the
 * objects carry tables of their own (graph.h, net.h, data.h, state.h).
 */
#ifndef LODE_HOST_H
#define LODE_HOST_H

#include <lode/benchmark.h>
#include <lode/files.h>
#include <lode/net.h>
#include <lode/rng.h>
#include <lode/state.h>

enum { LODE_LOG_DEBUG, LODE_LOG_INFO, LODE_LOG_WARNING };

typedef struct LodeScore {
  size_t size;
  double value;          /* the run's metric, larger is better */
  double seconds;        /* what it cost; simulated where a table answers */
  uint64_t macs, params; /* of the architecture, a sample */
  int32_t failed;        /* not 0: could not be scored (diverged …); value is −infinity */
} LodeScore;

/* What a stage has spent so far; within a repetition (stage.h): since that began. */
typedef struct LodeSpent {
  size_t size;
  uint64_t scores;        /* architectures scored, each once */
  uint64_t samples, macs; /* through forward passes; multiply-adds, backward counting twice */
  double seconds;         /* what scores say they took; simulated where a table answers */
  double wall;            /* by the clock: differs from run to run */
} LodeSpent;

typedef struct LodeHostCalls {
  size_t size;
  /* words, numbers, threads */
  void (*log) (const LodeHost *, uint32_t level, const char *text);
  void (*metric) (const LodeHost *, const char *name, double);
  LodeRng (*rng) (const LodeHost *, const char *name, uint64_t a, uint64_t b);
  void (*parallel) (const LodeHost *, uint32_t chunks, void (*f) (void *, uint32_t), void *);
  char *(*find_data) (const LodeHost *, const char *name, GError **);
  /* nets and data */
  LodeNet *(*net_new) (const LodeHost *, const LodeNetIn *, GError **);
  LodeNet *(*net_current) (const LodeHost *);
  LodeOptim *(*optim_new) (const LodeHost *, LodeNet *, GError **);
  LodeFit *(*fit_new) (const LodeHost *, LodeNet *, const LodeChoice *, GError **);
  LodeStream *(*stream_open) (const LodeHost *, uint32_t role, GError **);
  /* architectures, scores, jobs */
  bool (*cost) (const LodeHost *, const uint8_t *arch, uint64_t *macs, uint64_t *params, GError **);
  double (*expect) (const LodeHost *, const float *prob, float *dprob);
  void (*derive) (const LodeHost *, const float *mix, const uint64_t *mask, uint8_t *arch);
  void (*sample) (const LodeHost *, uint8_t *arch, LodeRng *);
  void (*repair) (const LodeHost *, uint8_t *arch, LodeRng *);
  char *(*arch_key) (const LodeHost *, const uint8_t *arch);
  char *(*arch_write) (const LodeHost *, const uint8_t *arch);
  bool (*score) (const LodeHost *, uint32_t n, const uint8_t *const *arch, double fidelity, LodeScore *, GError **);
  bool (*map) (const LodeHost *, uint32_t n, GBytes *const *job, GBytes **result, GError **);
  /* artefacts of stages */
  char *(*art_path) (const LodeHost *, const char *port, uint32_t i, GError **);
  uint32_t (*threads) (const LodeHost *);
  /* files of data */
  LodePictures *(*pictures_new) (const LodeHost *, const LodePicturesIn *, GError **);
  LodeRecords *(*records_new) (const LodeHost *, const LodeRecordsIn *, GError **);
  /* benchmarks and statistics */
  LodeBenchmark *(*benchmark_open) (const LodeHost *, const char *name, GError **);
  double (*kendall) (const LodeHost *, uint32_t n, const double *x, const double *y);
  double (*spearman) (const LodeHost *, uint32_t n, const double *x, const double *y);
  double (*interval) (const LodeHost *, uint32_t n, const double *x, double level, double *sd);
  /* what has been scored and spent */
  bool (*known) (const LodeHost *, const uint8_t *arch, double fidelity, LodeScore *);
  bool (*best) (const LodeHost *, uint8_t *arch, LodeScore *);
  void (*spent) (const LodeHost *, LodeSpent *);
  /* rows */
  LodeRows *(*rows_open) (const LodeHost *, const char *path, GError **);
  bool (*lewis) (const LodeHost *, LodeRows *, const LodeLewisIn *, double *w, LodeLewisOut *, GError **);
} LodeHostCalls;

struct LodeHost {
  size_t size;
  uint16_t abi_major, abi_minor;
  uint32_t reserved;
  const LodeHostCalls *calls;
  const struct LodeStageCalls *stage; /* stage.h; NULL outside a stage's own calls */
};

/* One line for the user; the host adds who speaks. [any] */
static inline void
lode_log (const LodeHost *host, uint32_t level, const char *text)
{
  host->calls->log (host, level, text);
}

/* A value for metrics.jsonl and the report's curves, at the current step. [main] */
static inline void
lode_metric (const LodeHost *host, const char *name, double value)
{
  host->calls->metric (host, name, value);
}

/* The random stream called `name` of the run's seed, at (a, b): step, index … [any] */
static inline LodeRng
lode_rng (const LodeHost *host, const char *name, uint64_t a, uint64_t b)
{
  return host->calls->rng (host, name, a, b);
}

/* f (data, 0 … chunks − 1), concurrently; returns when all are done. f: [pool] [main] */
static inline void
lode_parallel (const LodeHost *host, uint32_t chunks, void (*f) (void *, uint32_t), void *data)
{
  host->calls->parallel (host, chunks, f, data);
}

/* Threads that the run may use, this one included. Changes no result. [any] */
static inline uint32_t
lode_threads (const LodeHost *host)
{
  return host->calls->threads (host);
}

/* Full path (transfer full) of a data file or folder named relative to the data folders. [main] */
static inline char *
lode_find_data (const LodeHost *host, const char *name, GError **error)
{
  return host->calls->find_data (host, name, error);
}

/* A net of the stage's backbone, loss and data (transfer full). [main] */
static inline LodeNet *
lode_net_new (const LodeHost *host, const LodeNetIn *in, GError **error)
{
  return host->calls->net_new (host, in, error);
}

/* The search's shared net, for an evaluator (transfer none), or NULL. [main] */
static inline LodeNet *
lode_net_current (const LodeHost *host)
{
  return host->calls->net_current (host);
}

/* The optimiser and schedule of the stage's `fit` group (transfer full). [main] */
static inline LodeOptim *
lode_optim_new (const LodeHost *host, LodeNet *net, GError **error)
{
  return host->calls->optim_new (host, net, error);
}

/* The ordinary training loop of the stage's `fit` group, whole: schedule, clipping, auxiliary head,
 * validation (transfer full). [main] */
static inline LodeFit *
lode_fit_new (const LodeHost *host, LodeNet *net, const LodeChoice *choice, GError **error)
{
  return host->calls->fit_new (host, net, choice, error);
}

/* A stream of batches (transfer full); its position is saved and restored by the host. [main] */
static inline LodeStream *
lode_stream_open (const LodeHost *host, uint32_t role, GError **error)
{
  return host->calls->stream_open (host, role, error);
}

/* Multiply-adds and parameters of an architecture, head included, a sample. Records, does not compile. [main] */
static inline bool
lode_cost (const LodeHost *host, const uint8_t *arch, uint64_t *macs, uint64_t *params, GError **error)
{
  return host->calls->cost (host, arch, macs, params, error);
}

/* The backbone's answers, with their defaults: see backbone.h. [main] */
static inline double
lode_expect (const LodeHost *host, const float *prob, float *dprob)
{
  return host->calls->expect (host, prob, dprob);
}

static inline void
lode_derive (const LodeHost *host, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  host->calls->derive (host, mix, mask, arch);
}

static inline void
lode_sample (const LodeHost *host, uint8_t *arch, LodeRng *rng)
{
  host->calls->sample (host, arch, rng);
}

static inline void
lode_repair (const LodeHost *host, uint8_t *arch, LodeRng *rng)
{
  host->calls->repair (host, arch, rng);
}

/* Transfer full. */
static inline char *
lode_arch_key (const LodeHost *host, const uint8_t *arch)
{
  return host->calls->arch_key (host, arch);
}

static inline char *
lode_arch_write (const LodeHost *host, const uint8_t *arch)
{
  return host->calls->arch_write (host, arch);
}

/*
 * Scores n architectures; journalled under (key, fidelity), so asking again is free and a killed run
 * continues. A failed score is a result; false means that scoring as such broke down. The host keeps the
 * best (lode_best) and reports it as the metric best_score. [main]
 */
static inline bool
lode_score (const LodeHost *host, uint32_t n, const uint8_t *const *arch, double fidelity, LodeScore *score,
            GError **error)
{
  return host->calls->score (host, n, arch, fidelity, score, error);
}

/* Whether this architecture, or one of the same key, has been scored at that fidelity; its score, or NULL. What a
 * killed run scored behind its checkpoint is known once it is asked for again, as in a run that nothing killed. [main] */
static inline bool
lode_known (const LodeHost *host, const uint8_t *arch, double fidelity, LodeScore *score)
{
  return host->calls->known (host, arch, fidelity, score);
}

/*
 * The best that was scored, of the highest fidelity; the earlier of equals. false: nothing was, or all of it
 * failed; arch is then one drawn at random, always the same. score: or NULL. arch: [space.n] [main]
 */
static inline bool
lode_best (const LodeHost *host, uint8_t *arch, LodeScore *score)
{
  return host->calls->best (host, arch, score);
}

/* spent->size is the caller's. [main] */
static inline void
lode_spent (const LodeHost *host, LodeSpent *spent)
{
  host->calls->spent (host, spent);
}

/* Runs the search's `work` on n jobs; result[i] (transfer full) belongs to job[i]. [main] */
static inline bool
lode_map (const LodeHost *host, uint32_t n, GBytes *const *job, GBytes **result, GError **error)
{
  return host->calls->map (host, n, job, result, error);
}

/* Path (transfer full) of the i-th artefact at an input port, or of an output to write. NULL without
 * error: an optional port that is not connected. [main] */
static inline char *
lode_art_path (const LodeHost *host, const char *port, uint32_t i, GError **error)
{
  return host->calls->art_path (host, port, i, error);
}

/* Pictures decoded and of one size (transfer full). What was found is logged, a line each. [main] */
static inline LodePictures *
lode_pictures_new (const LodeHost *host, const LodePicturesIn *in, GError **error)
{
  return host->calls->pictures_new (host, in, error);
}

/* A table of text (transfer full). [main] */
static inline LodeRecords *
lode_records_new (const LodeHost *host, const LodeRecordsIn *in, GError **error)
{
  return host->calls->records_new (host, in, error);
}

/* A benchmark file, by a name like that of data (transfer full). [main] */
static inline LodeBenchmark *
lode_benchmark_open (const LodeHost *host, const char *name, GError **error)
{
  return host->calls->benchmark_open (host, name, error);
}

/* Kendall's τ-b (1945) of two scorings; NaN where one is constant or n < 2. x, y: [n], finite. [any] */
static inline double
lode_kendall (const LodeHost *host, uint32_t n, const double *x, const double *y)
{
  return host->calls->kendall (host, n, x, y);
}

/* Spearman's ρ: the correlation of mean ranks; NaN as above. x, y: [n], finite. [any] */
static inline double
lode_spearman (const LodeHost *host, uint32_t n, const double *x, const double *y)
{
  return host->calls->spearman (host, n, x, y);
}

/* Half the width of Student's interval for the mean of x at a level (0.95); *sd (may be NULL): the
 * standard deviation. NaN for n < 2. x: [n] [any] */
static inline double
lode_interval (const LodeHost *host, uint32_t n, const double *x, double level, double *sd)
{
  return host->calls->interval (host, n, x, level, sd);
}

/* Rows of a .npy file of float32 or float64 in C order (transfer full); read from the file as they are
 * asked for. [main] */
static inline LodeRows *
lode_rows_open (const LodeHost *host, const char *path, GError **error)
{
  return host->calls->rows_open (host, path, error);
}

/*
 * Lewis weights of the rows, in some passes over them; a row of zeros has weight 0. w: [count]. Values
 * that are not finite are an error that names row and column. [main]
 */
static inline bool
lode_lewis (const LodeHost *host, LodeRows *rows, const LodeLewisIn *in, double *w, LodeLewisOut *out,
            GError **error)
{
  return host->calls->lewis (host, rows, in, w, out, error);
}

#endif
