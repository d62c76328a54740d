/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmark files: read by mapping them, written whole. The layout is that of docs/benchmarks.md.
 */
#ifndef LODE_CORE_BENCHMARK_H
#define LODE_CORE_BENCHMARK_H

#include <lode/benchmark.h>

#define LODE_BENCHMARK_MAGIC "LODEBNCH"
enum { LODE_BENCHMARK_VERSION = 1, LODE_BENCHMARK_ALIGN = 64 };

/* At the beginning of the file, little-endian as all of it. */
typedef struct LodeBenchmarkHead {
  char magic[8];
  uint32_t version, order; /* order: 0x01020304 as a number */
  uint64_t size, sum;      /* of the file; checksum of all that is behind this head */
  uint32_t text, decisions, archs, rows, columns, zero; /* text: bytes of the description */
  uint64_t head_sum;                                    /* checksum of what stands above it */
} LodeBenchmarkHead;

/* Where the parts behind the head lie; false: larger than any file. */
typedef struct LodeBenchmarkParts {
  uint64_t code, row, value, size;
} LodeBenchmarkParts;
bool lode_benchmark_parts (const LodeBenchmarkHead *, LodeBenchmarkParts *);

/* n: a multiple of 8. */
uint64_t lode_benchmark_sum (const void *data, size_t n);

extern const char *const lode_benchmark_uses[]; /* words for LODE_BENCHMARK_…, NULL-ended */

/* Maps and checks a file (transfer full). Errors: LODE_RUN_ERROR_DATA. */
LodeBenchmark *lode_benchmark_read (const char *path, GError **);
/* Where its decisions stand: the i-th one's name, number of options, and options. */
uint32_t lode_benchmark_decisions (const LodeBenchmark *);
const char *lode_benchmark_decision (const LodeBenchmark *, uint32_t i, uint32_t *n,
                                     const char *const **option);

typedef struct LodeBenchmarkWriter LodeBenchmarkWriter;
LodeBenchmarkWriter *lode_benchmark_writer_new (void);
void lode_benchmark_writer_free (LodeBenchmarkWriter *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeBenchmarkWriter, lode_benchmark_writer_free)
void lode_benchmark_writer_text (LodeBenchmarkWriter *, const char *name, const char *text);
/* Decisions and columns come before rows and architectures. */
void lode_benchmark_writer_decision (LodeBenchmarkWriter *, const char *name, uint32_t n,
                                     const char *const *option);
void lode_benchmark_writer_column (LodeBenchmarkWriter *, const LodeBenchmarkColumn *);
/* values: [columns]; the row's number. */
uint32_t lode_benchmark_writer_row (LodeBenchmarkWriter *, const double *values);
/* arch: [decisions] */
void lode_benchmark_writer_arch (LodeBenchmarkWriter *, const uint8_t *arch, uint32_t row);
/* Errors: an architecture twice or outside of the space, a space beyond 2⁶⁴, or the disk's. */
bool lode_benchmark_writer_write (LodeBenchmarkWriter *, const char *path, GError **);

#endif
