/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected multiply-adds when every decision falls by itself: a kind costs a · cᵢ cₒ + b · cᵢ +
 * d · cᵢ² of the widths before and behind it, which do not depend on each other, so expected widths
 * and squares are all that it takes.
 */
#include "slot.h"

/* Multiply-adds of a kind at widths i and o: product · i o + single · i + square · i². */
typedef struct Terms {
  double product, single, square;
} Terms;

/* A width that a decision has, or none: its mean and mean square, and the sum's derivatives. */
typedef struct Width {
  double mean, square, dmean, dsquare;
} Width;

/* before, after: pixels at the slot's input and output */
static Terms
terms_of (const LodeBackbone *chain, uint32_t slot, const Kind *kind, double before, double after)
{
  double taps = (double) kind->kernel * kind->kernel;

  switch (kind->type) {
  case KIND_CONV:
    return (Terms){ .product = taps * after };
  case KIND_MB:
    return (Terms){ .product = kind->expand * after,
                    .single = kind->expand * taps * after,
                    .square = kind->expand * before };
  case KIND_SKIP:
    return (Terms){ .product = skip_projects (chain, slot) ? after : 0 };
  default:
    return (Terms){ .product = after, .single = taps * after };
  }
}

/* Option o of a decision whose first is at `at`, of n alike where nothing is given. */
static double
prob_of (const float *prob, int32_t decision, uint32_t at, uint32_t o, uint32_t n)
{
  if (decision < 0)
    return 1;
  return prob ? (double) prob[at + o] : 1.0 / n;
}

static uint32_t
first_of (const LodeBackbone *chain, int32_t decision)
{
  return decision < 0 ? 0 : lode_space_first (&chain->space, (uint32_t) decision);
}

static Width
width_of (const LodeBackbone *chain, const Slot *slot, const float *prob)
{
  int32_t decision = slot->decision[ABOUT_WIDTH];
  uint32_t at = first_of (chain, decision);
  Width width = { 0 };

  for (uint32_t o = 0; o < slot->n; o++) {
    double p = prob_of (prob, decision, at, o, slot->n), c = slot->width[o];

    width.mean += p * c;
    width.square += p * c * c;
  }
  return width;
}

/* The slot's kinds. Gives the sum; derivatives go to both widths and to dprob. */
static double
add_slot (const LodeBackbone *chain, uint32_t i, const float *prob, float *dprob, double before,
          double after, Width *in, Width *out)
{
  int32_t decision = chain->slot[i].decision[ABOUT_KIND];
  uint32_t at = first_of (chain, decision);
  double sum = 0;

  for (uint32_t k = 0; k < chain->kinds; k++) {
    double p = prob_of (prob, decision, at, k, chain->kinds);
    Terms t = terms_of (chain, i, &chain->kind[k], before, after);
    double macs = t.product * in->mean * out->mean + t.single * in->mean + t.square * in->square;

    sum += p * macs;
    in->dmean += p * (t.product * out->mean + t.single);
    in->dsquare += p * t.square;
    out->dmean += p * t.product * in->mean;
    if (dprob && decision >= 0)
      dprob[at + k] = (float) macs;
  }
  return sum;
}

static void
give_width (const LodeBackbone *chain, const Slot *slot, const Width *width, float *dprob)
{
  int32_t decision = slot->decision[ABOUT_WIDTH];

  for (uint32_t o = 0; decision >= 0 && o < slot->n; o++) {
    double c = slot->width[o];

    dprob[first_of (chain, decision) + o] = (float) (width->dmean * c + width->dsquare * c * c);
  }
}

/* The image behind a slot. */
static LodeShape
shape_behind (const LodeBackbone *chain, const Slot *slot, LodeShape s)
{
  if (!slot->halves)
    return s;
  if (chain->conf.halve == HALVE_STRIDE)
    return (LodeShape){ (s.h + 1) / 2, (s.w + 1) / 2, s.c };
  return MIN (s.h, s.w) < 2 ? s : (LodeShape){ s.h / 2, s.w / 2, s.c };
}

static double
pixels (LodeShape s)
{
  return (double) s.h * s.w;
}

/* What stands behind the slots costs per channel of the last. */
static double
add_end (const LodeBackbone *chain, uint32_t outputs, LodeShape s, Width *last)
{
  const Conf *conf = &chain->conf;
  double head = outputs * (conf->features == FEATURES_FLAT ? pixels (s) : 1);
  double channel = conf->last ? pixels (s) * (double) conf->last : head;

  last->dmean += channel;
  return channel * last->mean + (conf->last ? head * (double) conf->last : 0);
}

double
chain_expect (const LodeBackbone *chain, uint32_t outputs, const float *prob, float *dprob)
{
  Width width[MOST_SLOTS + 1] = { { .mean = chain->input.c } };
  LodeShape s = chain->input;
  uint32_t stride = (uint32_t) chain->conf.stem_stride;
  double sum = 0;

  if (chain->conf.stem) {
    s = (LodeShape){ (s.h - 1) / stride + 1, (s.w - 1) / stride + 1, (uint32_t) chain->conf.stem };
    sum = 9 * pixels (s) * chain->input.c * s.c;
    width->mean = s.c;
  }
  width->square = width->mean * width->mean;
  for (uint32_t o = 0; dprob && o < chain->space.options; o++)
    dprob[o] = 0;
  for (uint32_t i = 0; i < chain->slots; i++) {
    LodeShape behind = shape_behind (chain, &chain->slot[i], s);
    bool inside = chain->conf.halve == HALVE_STRIDE;

    width[i + 1] = width_of (chain, &chain->slot[i], prob);
    sum += add_slot (chain, i, prob, dprob, pixels (s), pixels (inside ? behind : s), &width[i],
                     &width[i + 1]);
    s = behind;
  }
  sum += add_end (chain, outputs, s, &width[chain->slots]);
  for (uint32_t i = 0; dprob && i < chain->slots; i++)
    give_width (chain, &chain->slot[i], &width[i + 1], dprob);
  return sum;
}
