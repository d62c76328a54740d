/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells that their authors published, under the names that they gave them: DARTS_V1, DARTS_V2 (Liu,
 * Simonyan & Yang 2019), PDARTS (Chen et al. 2019), PC_DARTS_cifar, PC_DARTS_image (Xu et al.
 * 2020). A cell is its nodes' inputs, two a node, each an operation and where it reads.
 */
#include "cell.h"

#include <string.h>

enum { NODES = 4 };

typedef struct Input {
  uint8_t op, from;
} Input;

typedef struct Published {
  const char *name;
  Input in[CELLS][KEPT * NODES];
} Published;

static const Published published[] = {
  { "DARTS_V1",
    { { { OP_SEP_3, 1 },
        { OP_SEP_3, 0 },
        { OP_SKIP, 0 },
        { OP_SEP_3, 1 },
        { OP_SKIP, 0 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 0 },
        { OP_SKIP, 2 } },
      { { OP_MAX_POOL, 0 },
        { OP_MAX_POOL, 1 },
        { OP_SKIP, 2 },
        { OP_MAX_POOL, 0 },
        { OP_MAX_POOL, 0 },
        { OP_SKIP, 2 },
        { OP_SKIP, 2 },
        { OP_AVG_POOL, 0 } } } },
  { "DARTS_V2",
    { { { OP_SEP_3, 0 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 0 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 1 },
        { OP_SKIP, 0 },
        { OP_SKIP, 0 },
        { OP_DIL_3, 2 } },
      { { OP_MAX_POOL, 0 },
        { OP_MAX_POOL, 1 },
        { OP_SKIP, 2 },
        { OP_MAX_POOL, 1 },
        { OP_MAX_POOL, 0 },
        { OP_SKIP, 2 },
        { OP_SKIP, 2 },
        { OP_MAX_POOL, 1 } } } },
  { "PDARTS",
    { { { OP_SKIP, 0 },
        { OP_DIL_3, 1 },
        { OP_SKIP, 0 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 3 },
        { OP_SEP_3, 0 },
        { OP_DIL_5, 4 } },
      { { OP_AVG_POOL, 0 },
        { OP_SEP_5, 1 },
        { OP_SEP_3, 0 },
        { OP_DIL_5, 2 },
        { OP_MAX_POOL, 0 },
        { OP_DIL_3, 1 },
        { OP_DIL_3, 1 },
        { OP_DIL_5, 3 } } } },
  { "PC_DARTS_cifar",
    { { { OP_SEP_3, 1 },
        { OP_SKIP, 0 },
        { OP_SEP_3, 0 },
        { OP_DIL_3, 1 },
        { OP_SEP_5, 0 },
        { OP_SEP_3, 1 },
        { OP_AVG_POOL, 0 },
        { OP_DIL_3, 1 } },
      { { OP_SEP_5, 1 },
        { OP_MAX_POOL, 0 },
        { OP_SEP_5, 1 },
        { OP_SEP_5, 2 },
        { OP_SEP_3, 0 },
        { OP_SEP_3, 3 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 2 } } } },
  { "PC_DARTS_image",
    { { { OP_SKIP, 1 },
        { OP_SEP_3, 0 },
        { OP_SEP_3, 0 },
        { OP_SKIP, 1 },
        { OP_SEP_3, 1 },
        { OP_SEP_3, 3 },
        { OP_SEP_3, 1 },
        { OP_DIL_5, 4 } },
      { { OP_SEP_3, 0 },
        { OP_SKIP, 1 },
        { OP_DIL_5, 2 },
        { OP_MAX_POOL, 1 },
        { OP_SEP_3, 2 },
        { OP_SEP_3, 1 },
        { OP_SEP_5, 0 },
        { OP_SEP_3, 3 } } } },
};

bool
darts_published (uint32_t nodes, const char *name, uint8_t *arch)
{
  for (size_t i = 0; nodes == NODES && i < G_N_ELEMENTS (published); i++) {
    if (strcmp (published[i].name, name))
      continue;
    memset (arch, OP_NONE, CELLS * (size_t) edges_of (NODES));
    for (uint32_t cell = 0; cell < CELLS; cell++)
      for (uint32_t k = 0; k < KEPT * NODES; k++) {
        Input in = published[i].in[cell][k];

        arch[cell * edges_of (NODES) + first_edge (2 + k / KEPT) + in.from] = in.op;
      }
    return true;
  }
  return false;
}
