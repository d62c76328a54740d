/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of a chain: what each may be, how wide, with an identity around it or not. Shared by
 * the recorder (chain.c), the expected cost (cost.c) and the text functions (text.c) of this
 * plugin.
 */
#ifndef CHAIN_SLOT_H
#define CHAIN_SLOT_H

#include <lode/lode.h>

enum { MOST_SLOTS = 64, MOST = 32, NAME = 24 };
enum { HALVE_POOL, HALVE_STRIDE };
enum { FEATURES_MEAN, FEATURES_FLAT };
enum { SKIP_PROJECT, SKIP_PAD };
enum { KIND_CONV, KIND_SEP, KIND_DIL, KIND_MB, KIND_SKIP };
enum { ABOUT_KIND, ABOUT_WIDTH, ABOUT_PASS, ABOUTS };

typedef struct Conf {
  int64_t slots, stem, stem_stride, last;
  LodeTexts kinds;
  LodeReals widths, growth, halve_at;
  bool passes;
  int32_t halve, skip, features;
} Conf;

typedef struct Kind {
  uint32_t type, kernel, expand;
  uint32_t trait;
  char name[NAME];
} Kind;

typedef struct Slot {
  uint32_t n, width[MOST]; /* to choose from, rising */
  const char *option[MOST];
  char text[MOST][12];
  bool halves;
  int32_t decision[ABOUTS]; /* −1: there is nothing to decide */
} Slot;

struct LodeBackbone {
  Conf conf;
  LodeShape input;
  uint32_t slots, kinds;
  Kind kind[MOST];
  const char *kind_name[MOST];
  uint32_t kind_trait[MOST];
  Slot slot[MOST_SLOTS];
  LodeSpace space;
  LodeDecision decision[MOST_SLOTS * ABOUTS];
  char name[MOST_SLOTS * ABOUTS][NAME];
};

/* What an architecture has in a slot. */
static inline uint32_t
slot_option (const Slot *slot, const uint8_t *arch, uint32_t about)
{
  return slot->decision[about] < 0 ? 0 : arch[slot->decision[about]];
}

/* Whether a skip in this slot can change the shape, so that it is a 1 × 1 convolution in every
 * network, whichever widths meet. */
static inline bool
skip_projects (const LodeBackbone *chain, uint32_t i)
{
  const Slot *slot = &chain->slot[i], *before = i ? slot - 1 : NULL;
  uint32_t in =
      before ? before->width[0] : (uint32_t) (chain->conf.stem ? chain->conf.stem : chain->input.c);

  if (chain->conf.skip == SKIP_PAD)
    return false;
  return slot->n > 1 || (before && before->n > 1) || in != slot->width[0]
         || (slot->halves && chain->conf.halve == HALVE_STRIDE);
}

/* The stride inside a slot; a pooled slot is halved behind it. */
static inline uint32_t
slot_stride (const LodeBackbone *chain, const Slot *slot)
{
  return slot->halves && chain->conf.halve == HALVE_STRIDE ? 2 : 1;
}

char *chain_write (const LodeBackbone *, const uint8_t *arch);
bool chain_read (const LodeBackbone *, const char *text, uint8_t *arch, GError **);
char *chain_draw (const LodeBackbone *, const uint8_t *arch);
double chain_expect (const LodeBackbone *, uint32_t outputs, const float *prob, float *dprob);

#endif
