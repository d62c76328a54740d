/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small nets of a backbone under test.
 */
#ifndef LODE_CHECK_BACKBONE_H
#define LODE_CHECK_BACKBONE_H

#include "world.h"

/* A net of the world's instance, with a batch in front of it. */
typedef struct Small {
  LodeNetSpec spec;
  LodeNet *net;
  LodeStream *stream;
  const LodeBatch *batch;
} Small;

/* shared: of the whole space, else of the choice. As shallow and narrow as it can be scaled. */
bool small_open (Small *, World *, bool shared, const LodeChoice *, GError **);
void small_close (Small *); /* accepts what small_open could not finish */

/* An architecture of the space: [space.n + 1], transfer full. */
uint8_t *small_arch (World *, uint64_t which);
LodeArchFamily small_family (const World *);

#endif
