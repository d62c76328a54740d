/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host of one stage: what its plugins may ask, and everything that they hold open.
 *
 * Nets, optimisers, streams and loops are made for the plugins but kept track of here, so that a
 * checkpoint saves all of them in the order in which they were made, and a resumed stage, which
 * makes the same ones in the same order, gets their contents back.
 */
#ifndef LODE_CORE_HOST_H
#define LODE_CORE_HOST_H

#include "exec/score.h"
#include "run/cache.h"
#include "run/experiment.h"
#include "run/folder.h"
#include "run/journal.h"
#include "space/cost.h"

/* What a run tells whoever watches it; every member may be NULL. [main] but for log: [any] */
typedef struct LodeWatch {
  void *data;
  void (*log) (void *data, uint32_t level, const char *stage, const char *text);
  /* Before a stage's first step (resumed: it continues), after each step, at its end. */
  void (*begin) (void *data, const LodeStageSpec *, uint32_t stage, uint32_t stages, bool resumed);
  void (*step) (void *data, const LodeProgress *, const LodeLedger *);
  void (*end) (void *data, const LodeStageSpec *, const LodeLedger *);
} LodeWatch;

/* What the stages of a run share; borrowed by the host. */
typedef struct LodeShared {
  const LodeExperiment *experiment;
  LodeFolder *folder;   /* NULL: nothing is written (a plan) */
  LodeJournal *journal; /* or NULL */
  LodeEngine *engine;
  LodeWatch watch;
  const volatile int *stop; /* not 0: stop at the next occasion */
  const char *cache;        /* the site's folder, or NULL */
  bool plan;                /* missing inputs are made up, loops end after a few steps */
} LodeShared;

enum { LODE_OPEN_NET, LODE_OPEN_OPTIM, LODE_OPEN_STREAM, LODE_OPEN_FIT };

/* Something a plugin holds open. */
typedef struct LodeOpen {
  struct LodeStageHost *host;
  uint32_t what;
  void *object;
  const void *calls;   /* the object's own table */
  LodeLoss *loss;      /* NET: its loss */
  LodeLoss *arch_loss; /* NET: that of architecture steps, or NULL */
  LodeStream *stream;  /* FIT: its stream */
  uint32_t role;       /* STREAM */
  uint32_t steps;      /* FIT under a plan: steps made, and what there was when measuring began */
  double begun;
  LodeLedger before;
} LodeOpen;

/* What has been seen of an example of the pool. */
enum { LODE_SEEN_NOTHING, LODE_SEEN_EXAMPLE, LODE_SEEN_LABEL };

enum { LODE_GROW_SUBSET, LODE_GROW_TRAJECTORY, LODE_GROWS };

typedef struct LodeFigure {
  char *name;
  double value;
} LodeFigure;

/* Scores as searches look back at them. */
typedef struct LodeMemory {
  GHashTable *scores; /* of a repetition: "fidelity key" → LodeScore *; NULL: the book has them */
  uint8_t *best;      /* [space.n] or NULL */
  double value, fidelity; /* of the best */
  double seconds;         /* that all scores say they took */
  bool exhausted;         /* their limit */
  GHashTable *paid;       /* of a repetition, names as in `scores`: those that `seconds` holds */
  LodeLedger before;      /* what had been spent when the repetition began */
} LodeMemory;

typedef struct LodeStageHost {
  LodeHost base; /* first */
  const LodeShared *shared;
  const LodeStageSpec *spec;
  uint64_t seed; /* of this stage */

  LodeData *data; /* these are made when they are first asked for */
  LodeBackbone *backbone;
  LodeSampler *sampler;
  LodeEvaluator *evaluator;
  LodeExecutor *scoring, *mapping;
  LodeBook *book;
  LodeCache *cache;
  uint64_t settled; /* lines of the book that the ledger knew at the checkpoint */
  LodeMemory memory;
  double limit; /* of simulated seconds; 0: none */
  LodeCost *cost;
  LodeNet *given;   /* the net at the input port, for evaluators: made at their first question,
                       never trained, hence no part of a checkpoint */
  LodeNet *teacher; /* the net at the port `teacher`, for losses that hear one; as `given` */
  uint64_t weights; /* of the largest net so far */

  LodeStage *stage;
  LodeSearch *search; /* the stage's; borrowed */
  GPtrArray *open;    /* LodeOpen *, in the order in which they were made */
  GArray *figures;    /* LodeFigure */
  LodeLedger ledger;
  uint8_t *seen;              /* [pool] LODE_SEEN_…: by a weights' pass */
  uint64_t grown[LODE_GROWS]; /* bytes of the files that grow */
  char *best;                 /* the architecture in the last line of trajectory.csv */
  bool reported;              /* a figure came since the journal's last line */
  uint32_t labelled;          /* roles (bits) whose labels have been used, beside WEIGHTS */
  double booked;              /* under a plan: seconds that were not spent but will be */
  bool quiet;                 /* scoring: figures of inner loops are not the stage's */
} LodeStageHost;

/* The seed of a stage of that name, for a seed of the run. */
uint64_t lode_stage_seed (uint64_t seed, const char *name);

/* A host without a stage yet. */
LodeStageHost *lode_host_new (const LodeShared *, const LodeStageSpec *);
void lode_host_free (LodeStageHost *);

static inline LodeStageHost *
lode_host_of (const LodeHost *host)
{
  return (LodeStageHost *) (uintptr_t) host;
}

/* Made at the first call. NULL with an error if they cannot be. */
LodeData *lode_host_data (LodeStageHost *, GError **);
bool lode_host_backbone (LodeStageHost *, LodeArchFamily *, GError **);
LodeSampler *lode_host_sampler (LodeStageHost *, GError **);
/* The stream of a role, held open for a plugin. */
LodeStream *lode_host_stream (LodeStageHost *, uint32_t role, GError **);
/* What is computed once for all runs (embeddings, features, tables); made at the first call. */
LodeCache *lode_host_cache (LodeStageHost *, GError **);
/* The labels of a held-out split (ARCH, VALID) are in use from now on: counted once. */
void lode_host_count_labels (LodeStageHost *, uint32_t role);
/* Everything a net of this stage is made from; the loss belongs to the net. */
bool lode_host_net_spec (LodeStageHost *, LodeNetSpec *, GError **);
/* Destroys the losses of a spec whose net was not made, or is no more. */
void lode_host_net_losses_free (const LodeNetSpec *);
LodeNet *lode_host_net (LodeStageHost *, const LodeNetIn *, GError **);

/* open.c: keeps the object until its own free is called. */
LodeOpen *lode_open_keep (LodeStageHost *, uint32_t what, void *object);
/* Saves or restores all that is open, by kind and order. Errors: LODE_RUN_ERROR_FAILED where the
 * store holds more, fewer, or others. */
void lode_open_save (const LodeStageHost *, LodeStore *);
bool lode_open_load (LodeStageHost *, const LodeStore *, GError **);

/* host-*.c: the functions behind the tables. */
LodeNet *lode_host_net_new (const LodeHost *, const LodeNetIn *, GError **);
LodeNet *lode_host_net_current (const LodeHost *);
LodeOptim *lode_host_optim_new (const LodeHost *, LodeNet *, GError **);
LodeFit *lode_host_fit_new (const LodeHost *, LodeNet *, const LodeChoice *, GError **);
LodeStream *lode_host_stream_open (const LodeHost *, uint32_t role, GError **);
bool lode_host_figures (const LodeHost *, const char *prefix, const LodeLogits *, GError **);
bool lode_host_valid_figures (const LodeHost *, LodeNet *, const LodeChoice *, GError **);

bool lode_host_cost (const LodeHost *, const uint8_t *arch, uint64_t *macs, uint64_t *params,
                     GError **);
double lode_host_expect (const LodeHost *, const float *prob, float *dprob);
void lode_host_derive (const LodeHost *, const float *mix, const uint64_t *mask, uint8_t *arch);
void lode_host_sample (const LodeHost *, uint8_t *arch, LodeRng *);
void lode_host_repair (const LodeHost *, uint8_t *arch, LodeRng *);
char *lode_host_arch_key (const LodeHost *, const uint8_t *arch);
char *lode_host_arch_write (const LodeHost *, const uint8_t *arch);
bool lode_host_arch_read (const LodeHost *, const char *port, uint32_t i, uint8_t *arch, GError **);
bool lode_host_arch_save (const LodeHost *, const char *port, const uint8_t *arch, GError **);
const LodeSpace *lode_host_space (const LodeHost *);

bool lode_host_score (const LodeHost *, uint32_t n, const uint8_t *const *arch, double fidelity,
                      LodeScore *, GError **);
bool lode_host_map (const LodeHost *, uint32_t n, GBytes *const *job, GBytes **result, GError **);

/* Opens scores.jsonl, where scores are written down; unless it is open. */
bool lode_host_open_book (LodeStageHost *, GError **);

/* host-memory.c. */
bool lode_host_known (const LodeHost *, const uint8_t *arch, double fidelity, LodeScore *);
bool lode_host_best (const LodeHost *, uint8_t *arch, LodeScore *);
void lode_host_spent (const LodeHost *, LodeSpent *);
void lode_host_repeat (const LodeHost *, uint64_t i);
/* Where a repetition remembers its scores. */
LodeScoreBook lode_memory_book (LodeStageHost *);
/* Scores have come: the best among them is kept. */
void lode_memory_take (LodeStageHost *, uint32_t n, const uint8_t *const *arch, double fidelity,
                       const LodeScore *);
/* Whether the evaluator's seconds are simulated. */
bool lode_host_simulates (const LodeStageHost *);
/* Charges simulated seconds, each score once, in the order asked for; beyond the limit it fails. */
void lode_memory_charge (LodeStageHost *, const char *key, double fidelity, LodeScore *);
void lode_host_limit (const LodeHost *, double seconds);
bool lode_host_quote (const LodeHost *, const uint8_t *arch, LodeQuotes *, GError **);
void lode_memory_save (const LodeStageHost *, LodeStore *);
bool lode_memory_load (LodeStageHost *, const LodeStore *, GError **);
void lode_memory_clear (LodeMemory *);

char *lode_host_art_path (const LodeHost *, const char *port, uint32_t i, GError **);
bool lode_host_text_save (const LodeHost *, const char *port, const char *text, GError **);
bool lode_host_net_save (const LodeHost *, const char *port, LodeNet *, const LodeChoice *,
                         GError **);
LodeNet *lode_host_net_open (const LodeHost *, const char *port, uint32_t i, GError **);

/* grow.c: what a sampler picked, unless it picked everything. */
bool lode_grow_subset (LodeStageHost *, uint32_t epoch, const LodePicks *, GError **);
/* The search's best architecture, if it changed. */
bool lode_grow_trajectory (LodeStageHost *, uint64_t step, GError **);
/* Cuts both files back to where a checkpoint was. */
bool lode_grow_cut (LodeStageHost *, GError **);

#endif
