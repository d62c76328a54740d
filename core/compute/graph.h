/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording. A LodeRecord is the private side of LodeGraph: the host makes one, a backbone fills it
 * through the public calls, the host adds head and outputs, and the compiler reads it.
 */
#ifndef LODE_CORE_GRAPH_H
#define LODE_CORE_GRAPH_H

#include "compute/layout.h"
#include <lode/graph.h>
#include <lode/space.h>

typedef struct LodeRecord LodeRecord; /* begins with a LodeGraph */

/* space and mask say what `wants` answers (mask NULL: everything); weights and stats get the slots.
 */
LodeRecord *lode_record_new (LodeLayout *weights, LodeLayout *stats, const LodeSpace *space,
                             const uint64_t *mask);
void lode_record_free (LodeRecord *);
/* Empties it for another recording; memory is kept. */
void lode_record_reset (LodeRecord *, const LodeSpace *space, const uint64_t *mask);
LodeGraph *lode_record_graph (LodeRecord *);
/* Prefix of names from here on: "backbone.", "head.". */
void lode_record_scope (LodeRecord *, const char *prefix);

LodeValue lode_record_image (LodeRecord *, const LodeShape *);
LodeValue lode_record_index (LodeRecord *);
/* Cosine head: s · cos (x, column of W), no bias. */
LodeValue lode_record_cosine (LodeRecord *, const char *name, LodeValue x, uint32_t channels,
                              float scale);
/* Marks a value as an output of the program, in order 0, 1 …; its gradient is an input of backward.
 */
void lode_record_output (LodeRecord *, LodeValue);

/* The first mistake, or true. */
bool lode_record_check (const LodeRecord *, GError **);
/* Multiply-adds a sample (convolutions, linear layers, plugins' own), and values of distinct
 * weights. */
uint64_t lode_record_macs (const LodeRecord *);
uint64_t lode_record_params (const LodeRecord *);
uint64_t lode_record_hash (const LodeRecord *); /* of the structure */
uint32_t lode_record_ops (const LodeRecord *);
/* Whether a table looks the example's index up. */
bool lode_record_reads_index (const LodeRecord *);
/* touched: [slots of the weight layout] */
void lode_record_touched (const LodeRecord *, bool *touched);

#endif
