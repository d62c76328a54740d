/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected multiply-adds when every decision falls by itself (TAS, Dong & Yang 2019, §3.1): a sum
 * of products of expected widths, each block times the chance that it is kept. It is exact: of a
 * 1 × 1 convolution in a shortcut that does not halve, only what counts where the widths differ.
 */
#include "shape.h"

typedef struct Expect {
  const LodeBackbone *tas;
  double *prob, *slope; /* [options]; the derivative of the sum */
  uint32_t *first;      /* [space.n] position of a decision's first option */
  double *mean, *dmean; /* [layers] expected width; the derivative of the sum */
  double chance[STAGES][MOST], dchance[STAGES][MOST]; /* of each depth */
  double sum;
} Expect;

/* Candidate i of a decision, or of one that is not searched. */
static double
prob_of (const Expect *e, int32_t decision, uint32_t i, uint32_t n)
{
  return decision < 0 ? i == n - 1 : e->prob[e->first[decision] + i];
}

/* The block whose width a stage hands on when it stands at a depth. */
static uint32_t
exit_layer (const Expect *e, uint32_t stage, uint32_t depth)
{
  bool kept = e->tas->conf.handed == HANDED_KEPT;

  return last_layer (e->tas, stage, kept ? e->tas->depth.at[depth] - 1 : e->tas->blocks - 1);
}

/* The layer that a block reads; −1: what the stage before hands on. */
static int32_t
entry_layer (const Expect *e, uint32_t stage, uint32_t block)
{
  if (block)
    return (int32_t) last_layer (e->tas, stage, block - 1);
  return stage ? -1 : 0;
}

static double
exit_width (const Expect *e, uint32_t stage)
{
  double width = 0;

  for (uint32_t k = 0; k < e->tas->depth.n; k++)
    width += e->chance[stage][k] * e->mean[exit_layer (e, stage, k)];
  return width;
}

static void
exit_slope (Expect *e, uint32_t stage, double slope)
{
  for (uint32_t k = 0; k < e->tas->depth.n; k++) {
    uint32_t layer = exit_layer (e, stage, k);

    e->dmean[layer] += slope * e->chance[stage][k];
    e->dchance[stage][k] += slope * e->mean[layer];
  }
}

/* The chance that a block is kept: that of all depths that reach it. */
static double
kept (const Expect *e, uint32_t stage, uint32_t block)
{
  double chance = 0;

  for (uint32_t k = 0; k < e->tas->depth.n; k++)
    if (e->tas->depth.at[k] > block)
      chance += e->chance[stage][k];
  return chance;
}

/* A block under way: its chance, the width that it reads and the sum's derivative for that, its
 * multiply-adds so far. */
typedef struct Block {
  double chance, in, din, macs;
} Block;

/* k · in · out: a convolution of the block. Gives the derivative for its input. */
static double
add_conv (Expect *e, Block *b, double k, double in, uint32_t layer)
{
  b->macs += k * in * e->mean[layer];
  e->dmean[layer] += b->chance * k * in;
  return b->chance * k * e->mean[layer];
}

/* Takes off what a shortcut without stride would cost where both widths are the same. */
static void
drop_equal (Expect *e, Block *b, double pixels, uint32_t from, uint32_t to)
{
  const Candidates *in = widths_of (e->tas, from), *out = widths_of (e->tas, to);
  int32_t d_in = width_decision (e->tas, from), d_out = width_decision (e->tas, to);

  for (uint32_t i = 0; i < in->n; i++)
    for (uint32_t j = 0; j < out->n; j++) {
      double p = prob_of (e, d_in, i, in->n), q = prob_of (e, d_out, j, out->n);
      double macs = pixels * in->at[i] * out->at[j];

      if (in->at[i] != out->at[j])
        continue;
      b->macs -= p * q * macs;
      if (d_in >= 0)
        e->slope[e->first[d_in] + i] -= b->chance * q * macs;
      if (d_out >= 0)
        e->slope[e->first[d_out] + j] -= b->chance * p * macs;
    }
}

/* before, after: pixels at the block's input and output */
static void
add_block (Expect *e, uint32_t stage, uint32_t block, double before, double after)
{
  const LodeBackbone *tas = e->tas;
  int32_t entry = entry_layer (e, stage, block);
  Block b = { .chance = kept (e, stage, block) };
  uint32_t last = last_layer (tas, stage, block);

  b.in = entry < 0 ? exit_width (e, stage - 1) : e->mean[entry];
  for (uint32_t part = 0; part < tas->parts; part++) {
    bool wide = tas->parts == 2 || part == 1;
    uint32_t layer = layer_of (tas, stage, block, part);
    double k = (wide ? 9 : 1) * (part < tas->parts - 2 ? before : after);
    double slope = add_conv (e, &b, k, part ? e->mean[layer - 1] : b.in, layer);

    if (part)
      e->dmean[layer - 1] += slope;
    else
      b.din += slope;
  }
  b.din += add_conv (e, &b, after, b.in, last);
  if (entry >= 0)
    drop_equal (e, &b, after, (uint32_t) entry, last);
  if (entry >= 0)
    e->dmean[entry] += b.din;
  else
    exit_slope (e, stage - 1, b.din);
  for (uint32_t k = 0; k < tas->depth.n; k++)
    if (tas->depth.at[k] > block)
      e->dchance[stage][k] += b.macs;
  e->sum += b.chance * b.macs;
}

static void
add_all (Expect *e, uint32_t outputs)
{
  const LodeBackbone *tas = e->tas;
  LodeShape shape = tas->input;
  double pixels = (double) shape.h * shape.w;

  e->sum = 9 * pixels * shape.c * e->mean[0];
  e->dmean[0] = 9 * pixels * shape.c;
  for (uint32_t stage = 0; stage < STAGES; stage++)
    for (uint32_t block = 0; block < tas->blocks; block++) {
      double before = pixels;

      if (stage && !block) {
        shape.h = (shape.h + 1) / 2;
        shape.w = (shape.w + 1) / 2;
        pixels = (double) shape.h * shape.w;
      }
      add_block (e, stage, block, before, pixels);
    }
  e->sum += outputs * exit_width (e, STAGES - 1);
  exit_slope (e, STAGES - 1, outputs);
}

/* Expected widths and chances of depths. prob: [options], NULL: all options alike */
static void
open_expect (Expect *e, const LodeBackbone *tas, const float *prob)
{
  *e = (Expect){ .tas = tas,
                 .prob = g_new0 (double, tas->space.options + 1),
                 .slope = g_new0 (double, tas->space.options + 1),
                 .first = g_new0 (uint32_t, tas->space.n + 1),
                 .mean = g_new0 (double, tas->layers),
                 .dmean = g_new0 (double, tas->layers) };
  for (uint32_t d = 0, at = 0; d < tas->space.n; d++) {
    uint32_t n = tas->decision[d].n;

    e->first[d] = at;
    for (uint32_t o = 0; o < n; o++, at++)
      e->prob[at] = prob ? (double) prob[at] : 1.0 / n;
  }
  for (uint32_t layer = 0; layer < tas->layers; layer++) {
    const Candidates *widths = widths_of (tas, layer);

    for (uint32_t i = 0; i < widths->n; i++)
      e->mean[layer] += prob_of (e, width_decision (tas, layer), i, widths->n) * widths->at[i];
  }
  for (uint32_t stage = 0; stage < STAGES; stage++)
    for (uint32_t k = 0; k < tas->depth.n; k++)
      e->chance[stage][k] = prob_of (e, depth_decision (tas, stage), k, tas->depth.n);
}

/* From expected widths and chances to the probabilities of the options. */
static void
give_slopes (const Expect *e, float *dprob)
{
  const LodeBackbone *tas = e->tas;

  for (uint32_t layer = 0; searches_widths (tas) && layer < tas->layers; layer++) {
    const Candidates *widths = widths_of (tas, layer);

    for (uint32_t i = 0; i < widths->n; i++)
      e->slope[e->first[layer] + i] += e->dmean[layer] * widths->at[i];
  }
  for (uint32_t stage = 0; searches_depths (tas) && stage < STAGES; stage++)
    for (uint32_t k = 0; k < tas->depth.n; k++)
      e->slope[e->first[depth_decision (tas, stage)] + k] += e->dchance[stage][k];
  for (uint32_t o = 0; o < tas->space.options; o++)
    dprob[o] = (float) e->slope[o];
}

double
tas_resnet_expect (const LodeBackbone *tas, uint32_t outputs, const float *prob, float *dprob)
{
  Expect e;

  open_expect (&e, tas, prob);
  add_all (&e, outputs);
  if (dprob)
    give_slopes (&e, dprob);
  g_free (e.prob);
  g_free (e.slope);
  g_free (e.first);
  g_free (e.mean);
  g_free (e.dmean);
  return e.sum;
}
