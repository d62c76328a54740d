/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What repetitions of a search came to: best scores, what they cost, what the evaluator quotes of
 * the architectures found.
 */
#ifndef SEARCH_REPEAT_H
#define SEARCH_REPEAT_H

#include <lode/lode.h>

typedef struct Repeats {
  uint32_t n, decisions, width;
  GString *names;    /* of the figures, a line each; the first repetition says which there are */
  GArray *figures;   /* double [n][width] */
  GByteArray *archs; /* [n][decisions] */
} Repeats;

void search_repeats_init (Repeats *, uint32_t decisions);
void search_repeats_clear (Repeats *);

/* Takes down the repetition that has just ended. */
bool search_repeats_add (Repeats *, const LodeHost *, const uint8_t *arch, GError **);
/* A line a repetition into the artefact `repeats`, and the figures over all of them. */
bool search_repeats_write (const Repeats *, const LodeHost *, GError **);

void search_repeats_save (const Repeats *, LodeStore *);
bool search_repeats_load (Repeats *, const LodeStore *, GError **);

#endif
