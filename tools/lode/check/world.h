/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world around a plugin under test: the real host of a small experiment on noise, in which it
 * takes its kind's place, and one instance of it. What it asks of the host is looked at on the way.
 */
#ifndef LODE_CHECK_WORLD_H
#define LODE_CHECK_WORLD_H

#include "check.h"
#include "run/host.h"
#include "trace.h"

#include <string.h>

typedef struct World World;

/* How a kind is made, used and unmade. Errors: the plugin's own, and WORLD_ERROR for what is
 * against the contract. */
typedef struct Driver {
  const char *kind;
  uint32_t use; /* LODE_USE_… */
  void *(*create) (World *, const void *conf, GError **);
  void (*destroy) (const void *ops, void *instance); /* instance may be NULL */
  /* Unit of work number `unit`; what comes of it goes to world->trace. Sets world->ended. */
  bool (*work) (World *, uint64_t unit, GError **);
  uint32_t units; /* enough to see how it behaves */
} Driver;

extern const Driver check_dataset_driver, check_backbone_driver, check_loss_driver,
    check_sampler_driver, check_search_driver, check_evaluator_driver, check_executor_driver,
    check_stage_driver;
const Driver *world_driver (const char *kind);

/* SCORES_FAIL: one did not succeed, a result; SCORES_BREAK: scoring as such broke down. */
typedef enum { SCORES_HONEST, SCORES_FAIL, SCORES_FAIL_SOME, SCORES_BREAK } WorldScores;

struct World {
  Check *check;
  const Driver *driver;
  const void *ops;
  LodeExperiment *experiment;
  LodeShared shared;
  LodeStageHost *host;
  LodeHostCalls calls; /* the host's, with a look at what is asked */
  const void *conf;    /* the plugin's options as configured */
  void *own;           /* … where the experiment itself has no use for it, or NULL */
  GPtrArray *owner;    /* of its texts */
  void *instance;      /* or NULL */
  uint64_t unit;       /* of work done */
  bool ended;          /* there is no more */
  uint64_t done;       /* as the last step said */
  bool lost;           /* its state is nonsense: it need not know how far it is */
  Trace *trace;        /* borrowed, or NULL */
  WorldScores scores;  /* what comes of the architectures that are scored */
  uint64_t scored;     /* so far */
  char *wrong;         /* the first thing asked of the host that is against the contract */
};

#define WORLD_ERROR (g_quark_from_static_string ("lode-check"))
/* Sets a WORLD_ERROR and returns false. */
bool world_wrong (GError **, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* NULL: the test cannot be done, and has been told why. Without an instance yet. */
World *world_new (Check *, uint32_t threads);
void world_free (World *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

/* An instance in world->instance; conf NULL: as configured. A result that contradicts its error is
 * WORLD_ERROR. */
bool world_create (World *, const void *conf, GError **);
void world_destroy (World *);
/* A world with an instance; NULL: the test has been told why. */
World *world_ready (Check *, uint32_t threads);

/* Up to n further units; trace may be NULL. */
bool world_work (World *, uint32_t n, Trace *, GError **);

/* What a step said of itself: done ≤ of, and never less than before. */
bool world_progress (World *, const LodeProgress *, GError **);

/* Everything that a checkpoint keeps of this world; the plugin's own arrays begin with
 * "subject.". */
void world_save (World *, LodeStore *);
bool world_load (World *, const LodeStore *, GError **);

/* Whether an option's text is that of a folder or file, by its name. */
bool world_names_files (const LodeOption *);

/* The host's data, or NULL and the test has been told. */
LodeData *world_data (World *);

#endif
