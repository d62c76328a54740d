/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks, as a service: files that hold what architectures of a space have been trained to.
 *
 * A benchmark answers for a number of architectures; those that are the same network share a row. Its
 * columns are figures: accuracies by set, epochs and seed, seconds, sizes. docs/benchmarks.md
 * tells how such files are made.
 */
#ifndef LODE_BENCHMARK_H
#define LODE_BENCHMARK_H

#include <lode/space.h>

typedef struct LodeBenchmark LodeBenchmark;

/* What a column is for. Selection may use VALID, never TEST. */
enum {
  LODE_BENCHMARK_OTHER,
  LODE_BENCHMARK_VALID,
  LODE_BENCHMARK_TEST,
  LODE_BENCHMARK_SECONDS,       /* of the training of its `epochs` */
  LODE_BENCHMARK_SECONDS_EPOCH, /* of one epoch */
  LODE_BENCHMARK_PARAMS,
  LODE_BENCHMARK_MACS,
  LODE_BENCHMARK_FLAG           /* 1: the columns that name it as their guard may be quoted */
};

/* Texts are the benchmark's; "" where there is nothing to say. */
typedef struct LodeBenchmarkColumn {
  size_t size;
  const char *name, *doc, *unit;
  const char *set;   /* data that it was measured on: columns of one set belong together */
  const char *of;    /* the figure that this is one seed of */
  const char *guard; /* a FLAG column: where it is 0 the value may guide a search but not be quoted */
  uint32_t use;      /* LODE_BENCHMARK_… */
  uint32_t epochs;   /* of the training behind it, 0: does not apply */
  int64_t seed;      /* −1: none, or a mean */
} LodeBenchmarkColumn;

typedef struct LodeBenchmarkCalls {
  size_t size;
  uint32_t (*archs) (const LodeBenchmark *);
  uint32_t (*rows) (const LodeBenchmark *);
  uint32_t (*columns) (const LodeBenchmark *);
  void (*column) (const LodeBenchmark *, uint32_t i, LodeBenchmarkColumn *);
  int32_t (*find) (const LodeBenchmark *, const char *name);
  const double *(*values) (const LodeBenchmark *, uint32_t column);
  const char *(*text) (const LodeBenchmark *, const char *name);
  bool (*bind) (LodeBenchmark *, const LodeSpace *, GError **);
  int64_t (*row) (const LodeBenchmark *, const uint8_t *arch);
  bool (*arch) (const LodeBenchmark *, uint32_t i, uint8_t *arch, uint32_t *row);
  void (*free) (LodeBenchmark *);
} LodeBenchmarkCalls;

struct LodeBenchmark {
  const LodeBenchmarkCalls *calls;
};

/* Architectures that it answers for; networks that were trained. [any] */
static inline uint32_t
lode_benchmark_archs (const LodeBenchmark *benchmark)
{
  return benchmark->calls->archs (benchmark);
}

static inline uint32_t
lode_benchmark_rows (const LodeBenchmark *benchmark)
{
  return benchmark->calls->rows (benchmark);
}

static inline uint32_t
lode_benchmark_columns (const LodeBenchmark *benchmark)
{
  return benchmark->calls->columns (benchmark);
}

/* [any] */
static inline LodeBenchmarkColumn
lode_benchmark_column (const LodeBenchmark *benchmark, uint32_t i)
{
  LodeBenchmarkColumn column = { sizeof (LodeBenchmarkColumn), "", "", "", "", "", "", 0, 0, -1 };

  benchmark->calls->column (benchmark, i, &column);
  return column;
}

/* The column of that name; −1: there is none. [any] */
static inline int32_t
lode_benchmark_find (const LodeBenchmark *benchmark, const char *name)
{
  return benchmark->calls->find (benchmark, name);
}

/* [rows], NaN where it is not known; mapped from the file (transfer none). [any] */
static inline const double *
lode_benchmark_values (const LodeBenchmark *benchmark, uint32_t column)
{
  return benchmark->calls->values (benchmark, column);
}

/* "space", "data", "recipe", "source", "reference", "bibtex" … or NULL (transfer none). [any] */
static inline const char *
lode_benchmark_text (const LodeBenchmark *benchmark, const char *name)
{
  return benchmark->calls->text (benchmark, name);
}

/*
 * From here on architectures are those of `space`, whose decisions and options are found by name: it
 * may have fewer options than the benchmark, and other decisions in another order are refused. [main]
 */
static inline bool
lode_benchmark_bind (LodeBenchmark *benchmark, const LodeSpace *space, GError **error)
{
  return benchmark->calls->bind (benchmark, space, error);
}

/* The row of an architecture of the bound space; −1: it does not answer for it. [any] */
static inline int64_t
lode_benchmark_row (const LodeBenchmark *benchmark, const uint8_t *arch)
{
  return benchmark->calls->row (benchmark, arch);
}

/* The i-th of its architectures, 0 … archs − 1, as one of the bound space, and its row; false: that
 * space does not have it. arch: [space.n] [any] */
static inline bool
lode_benchmark_arch (const LodeBenchmark *benchmark, uint32_t i, uint8_t *arch, uint32_t *row)
{
  return benchmark->calls->arch (benchmark, i, arch, row);
}

/* Accepts NULL. [main] */
static inline void
lode_benchmark_free (LodeBenchmark *benchmark)
{
  if (benchmark)
    benchmark->calls->free (benchmark);
}

#endif
