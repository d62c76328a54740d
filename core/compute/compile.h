/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of compiling, in order: what is alive and wanted (mark.c), which nodes become one
 * (fuse.c), which step runs in which region (order.c), which buffer lives when and who adds up what
 * (place.c), where buffers lie (plan.c).
 */
#ifndef LODE_CORE_COMPILE_H
#define LODE_CORE_COMPILE_H

#include "compute/step.h"

/* Scratch of one compilation; all [nodes]. */
typedef struct LodeLevels {
  uint32_t *base;  /* region of gather and settle, or of forward where there is no settle */
  uint32_t *ready; /* region from which the value may be read */
  uint32_t *back;  /* region, less forward's, in which the gradient of the value is complete */
  uint32_t *uses;  /* inputs of live nodes that read the value */
  uint8_t *is_output, *begun;
  uint32_t regions, back_regions;
} LodeLevels;

/* The steps of a node in one direction; NULL functions are skipped. */
typedef struct LodeParts {
  LodeStepFunc gather, settle, run;
  uint32_t base;   /* region of gather and settle */
  uint32_t region; /* region of run */
} LodeParts;

void lode_compile_mark (LodeProgram *, LodeLevels *);
void lode_compile_fuse (LodeProgram *, LodeLevels *);
void lode_compile_order (LodeProgram *, LodeLevels *);
LodeParts lode_compile_parts (const LodeProgram *, const LodeLevels *, uint32_t node,
                              bool backward);
bool lode_compile_has_wanted (const LodeProgram *, const LodeNode *);
void lode_compile_place (LodeProgram *, const LodeLevels *);

#endif
