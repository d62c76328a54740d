/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `lode show` tells, as texts and as JSON.
 */
#ifndef LODE_SHOW_H
#define LODE_SHOW_H

#include "common.h"

/* What a kind says of itself in its vtable: {"needs", LODE_… set} and the like. */
typedef struct LodeClaim {
  const char *word; /* "can", "gives", "needs"; NULL: the kind says nothing */
  uint32_t set;
} LodeClaim;

LodeClaim lode_show_claim (const LodeLoaded *);
const char *lode_show_type (const LodeOption *);    /* "integer", "choice" … */
char *lode_show_default (const LodeOption *);       /* as in a configuration; transfer full */
const char *lode_show_when (const LodeLoaded *);    /* of a sampler, else NULL */
const char *lode_show_artefact (uint32_t artefact); /* LODE_ART_… in a word */

void lode_show_text (const LodeLoaded *, const char *sha256);
void lode_show_json (const LodeLoaded *, const char *sha256);

#endif
