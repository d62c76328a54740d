/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `stage`: a named step of an experiment, with inputs and outputs.
 *
 * create → step* → destroy. Inputs are outputs of earlier stages (`arch = "search"` in the stage's group)
 * or files; lode_art_path in host.h gives their paths, and those of the outputs to write.
 */
#ifndef LODE_STAGE_H
#define LODE_STAGE_H

#include <lode/evaluator.h>
#include <lode/search.h>

typedef struct LodeStage LodeStage;

enum { LODE_ART_ARCH = 1, LODE_ART_NET, LODE_ART_SUBSET, LODE_ART_SCORES, LODE_ART_FEATURES };
/* May open the test split; scores architectures itself, without a search, if an evaluator is configured. */
enum { LODE_RIGHT_TEST = 1, LODE_RIGHT_SCORE = 2 };

typedef struct LodePort {
  const char *name; /* NULL ends a table */
  uint32_t art;     /* LODE_ART_… */
  bool required, many;
} LodePort;

typedef struct LodeStageOps {
  size_t size;
  uint32_t gives, rights; /* LODE_SCORES …; LODE_RIGHT_… */
  const LodePort *in, *out;
  LodeStage *(*create) (const LodeHost *, const void *conf, GError **); /* [main] */
  void (*destroy) (LodeStage *);                                       /* [main] accepts NULL */
  bool (*step) (LodeStage *, LodeProgress *, GError **);               /* [main] bounded work; atomic for resume */
} LodeStageOps;

/* What a net says of a split. */
typedef struct LodeLogits {
  size_t size;
  uint32_t n, k;
  const float *logit;   /* [n][k] */
  const int32_t *label; /* [n] */
  const int32_t *group; /* [n], or NULL */
} LodeLogits;

/* What only a stage may ask. */
typedef struct LodeStageCalls {
  size_t size;
  const LodeSearchOps *(*search_new) (const LodeHost *, LodeSearch **, GError **);
  const LodeSpace *(*space) (const LodeHost *);
  bool (*arch_read) (const LodeHost *, const char *port, uint32_t i, uint8_t *arch, GError **);
  bool (*arch_save) (const LodeHost *, const char *port, const uint8_t *arch, GError **);
  bool (*net_save) (const LodeHost *, const char *port, LodeNet *, const LodeChoice *, GError **);
  LodeNet *(*net_open) (const LodeHost *, const char *port, uint32_t i, GError **);
  void (*result) (const LodeHost *, const char *name, double);
  void (*repeat) (const LodeHost *, uint64_t i);
  void (*limit) (const LodeHost *, double seconds);
  bool (*quote) (const LodeHost *, const uint8_t *arch, LodeQuotes *, GError **);
  bool (*text_save) (const LodeHost *, const char *port, const char *text, GError **);
  bool (*figures) (const LodeHost *, const char *prefix, const LodeLogits *, GError **);
  bool (*valid_figures) (const LodeHost *, LodeNet *, const LodeChoice *, GError **);
} LodeStageCalls;

/* The stage's strategy: its vtable and (transfer full, by ops->destroy) instance; its state is saved by the host. */
static inline const LodeSearchOps *
lode_search_new (const LodeHost *host, LodeSearch **search, GError **error)
{
  return host->stage->search_new (host, search, error);
}

/* The space of the stage's backbone. */
static inline const LodeSpace *
lode_stage_space (const LodeHost *host)
{
  return host->stage->space (host);
}

/* Reads the i-th architecture of an input port. arch: [space.n] */
static inline bool
lode_arch_read (const LodeHost *host, const char *port, uint32_t i, uint8_t *arch, GError **error)
{
  return host->stage->arch_read (host, port, i, arch, error);
}

/* Writes an architecture to an output port: text, JSON and picture. */
static inline bool
lode_arch_save (const LodeHost *host, const char *port, const uint8_t *arch, GError **error)
{
  return host->stage->arch_save (host, port, arch, error);
}

/* Writes a net with its statistics to an output port; choice: the one it was trained for, or NULL (shared). */
static inline bool
lode_net_save (const LodeHost *host, const char *port, LodeNet *net, const LodeChoice *choice, GError **error)
{
  return host->stage->net_save (host, port, net, choice, error);
}

/* The i-th net of an input port, built as it was saved (transfer full). */
static inline LodeNet *
lode_net_open (const LodeHost *host, const char *port, uint32_t i, GError **error)
{
  return host->stage->net_open (host, port, i, error);
}

/*
 * Begins repetition i of the stage's search: everything follows from the run's seed plus i, nothing has been
 * scored or spent yet, and scores are remembered until the next repetition but not written down. Destroy the search
 * before, make it anew behind. [main]
 */
static inline void
lode_stage_repeat (const LodeHost *host, uint64_t i)
{
  host->stage->repeat (host, i);
}

/* From now on, in each repetition anew, scores that are looked up may cost so many seconds: the one that goes beyond
 * fails with all of it spent, and so do all others behind it. Real seconds have no such limit. 0: none. [main] */
static inline void
lode_stage_limit (const LodeHost *host, double seconds)
{
  host->stage->limit (host, seconds);
}

/* What the stage's evaluator knows of an architecture beside its score; nothing of it goes to a search. [main] */
static inline bool
lode_stage_quote (const LodeHost *host, const uint8_t *arch, LodeQuotes *quotes, GError **error)
{
  return host->stage->quote (host, arch, quotes, error);
}

/* Writes a text to an output port, whole or not at all. [main] */
static inline bool
lode_text_save (const LodeHost *host, const char *port, const char *text, GError **error)
{
  return host->stage->text_save (host, port, text, error);
}

/* A final figure, for result.json, the summary and `lode compare`. */
static inline void
lode_result (const LodeHost *host, const char *name, double value)
{
  host->stage->result (host, name, value);
}

/* The metrics of the stage's `metrics` group as final figures: PREFIX_NAME, and the ends of its interval
 * PREFIX_NAME_low, PREFIX_NAME_high. */
static inline bool
lode_figures (const LodeHost *host, const char *prefix, const LodeLogits *logits, GError **error)
{
  return host->stage->figures (host, prefix, logits, error);
}

/* The same of the validation split, as valid_NAME. Classes only. */
static inline bool
lode_valid_figures (const LodeHost *host, LodeNet *net, const LodeChoice *choice, GError **error)
{
  return host->stage->valid_figures (host, net, choice, error);
}

#endif
