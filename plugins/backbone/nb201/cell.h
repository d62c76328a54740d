/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cell of NAS-Bench-201: its operations, its edges, and what can be said of a cell without
 * recording it. Shared by the recorder (nb201.c) and the text functions (cell.c) of this plugin.
 */
#ifndef NB201_CELL_H
#define NB201_CELL_H

#include <lode/lode.h>

enum { OP_NONE, OP_SKIP, OP_CONV_1, OP_CONV_3, OP_AVG_POOL, OPS };
enum { NODES = 4, EDGES = 6 }; /* node 0 is the cell's input, node 3 its output */

extern const char *const nb201_op_names[OPS];

/* Edges into the nodes before this one: an architecture holds (1, 0), (2, 0), (2, 1), (3, 0) … */
static inline uint32_t
first_edge (uint32_t node)
{
  return node * (node - 1) / 2;
}

/* The benchmark's text, "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…~0|…~1|…~2|". arch: [EDGES] */
char *nb201_text (const uint8_t *arch);
/* A digit an edge, "421211", the operations counted from none. */
char *nb201_digits (const uint8_t *arch);
/* Either of the two. */
bool nb201_parse (const char *text, uint8_t *arch, GError **error);
/* What the cell computes of its input x as one expression; "0" where no path leads to the output.
 */
char *nb201_expression (const uint8_t *arch);
char *nb201_dot (const uint8_t *arch);

/* The ways from input to output, as bits of edges: 0 → 3, 0 → 1 → 3, 0 → 2 → 3, 0 → 1 → 2 → 3. */
enum { PATHS = 4 };
extern const uint8_t nb201_path[PATHS];
/* Edges of a path that stand at none. */
uint32_t nb201_path_gaps (const uint8_t *arch, uint32_t path);
bool nb201_joined (const uint8_t *arch);

#endif
