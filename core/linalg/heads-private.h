/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the heads: rows in double with their column of ones.
 */
#ifndef LODE_CORE_HEADS_PRIVATE_H
#define LODE_CORE_HEADS_PRIVATE_H

#include "linalg/heads.h"

typedef struct LodeDesign {
  const LodeHeadIn *in;
  uint32_t n, m; /* rows; columns, the one of ones included */
  double *x;     /* [n][m] */
} LodeDesign;

/* Checks what came in, and copies. what: for messages */
bool lode_design_init (LodeDesign *, const LodeHeadIn *, const char *what, GError **);
void lode_design_clear (LodeDesign *);

static inline double
lode_design_weight (const LodeDesign *design, uint32_t row)
{
  return design->in->weight ? design->in->weight[row] : 1;
}

/* λ, 0 for the column of ones. */
static inline double
lode_design_ridge (const LodeDesign *design, uint32_t column)
{
  return column < design->in->d ? design->in->ridge : 0;
}

#endif
