/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cell of the DARTS space: its operations, its edges, and the text of a pair of cells. Shared
 * by the recorder (darts.c) and the text functions (genotype.c) of this plugin.
 */
#ifndef DARTS_CELL_H
#define DARTS_CELL_H

#include <lode/lode.h>

enum { OP_NONE, OP_MAX_POOL, OP_AVG_POOL, OP_SKIP, OP_SEP_3, OP_SEP_5, OP_DIL_3, OP_DIL_5, OPS };
enum { CELL_NORMAL, CELL_REDUCE, CELLS };
enum { MOST_NODES = 8, KEPT = 2 }; /* every node keeps the outputs of two earlier ones */

extern const char *const darts_op_names[OPS];
extern const char *const darts_cell_names[CELLS];

/* Edges into the nodes before node i (counted from 2, as in genotypes). */
static inline uint32_t
first_edge (uint32_t node)
{
  return (node - 2) * (node + 1) / 2;
}

/* An architecture holds the edges of the normal cell, then those of the reduction cell: (2, 0), (2,
 * 1), (3, 0) … */
static inline uint32_t
edges_of (uint32_t nodes)
{
  return first_edge (nodes + 2);
}

/* Text of an architecture, "Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=[2, …],
 * reduce=…)". */
char *darts_text (uint32_t nodes, const uint8_t *arch);
bool darts_parse (uint32_t nodes, const char *text, uint8_t *arch, GError **error);
/* The cells published under a name; false where there is none of so many nodes. */
bool darts_published (uint32_t nodes, const char *name, uint8_t *arch);
/* Both cells as a Graphviz graph. */
char *darts_dot (uint32_t nodes, const uint8_t *arch);

#endif
