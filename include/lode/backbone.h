/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `backbone`: a family of networks and the decisions that tell its members apart.
 *
 * create → (space | build | text functions)* → destroy. `build` records and keeps nothing, so one
 * instance serves every depth, width and choice. The head behind the features is the host's.
 */
#ifndef LODE_BACKBONE_H
#define LODE_BACKBONE_H

#include <lode/graph.h>
#include <lode/space.h>

typedef struct LodeBackbone LodeBackbone;

/* What `build` is asked for (in), and what it recorded (out). 0: the backbone's own option decides. */
typedef struct LodeBuild {
  size_t size;
  LodeValue image;       /* in: [n][h][w][c] */
  LodeValue index;       /* in: the example's index, for lode_table */
  uint32_t depth, width; /* in: with LODE_SCALE */
  uint32_t examples;     /* in: rows an index can name */
  bool shared;           /* in: a super-network (weights for every option, norms without affine …) */
  bool drop_path;        /* in: record drop-path where the method has it */
  bool aux;              /* in: an auxiliary output is wanted */
  LodeValue features;    /* out: 1 × 1 × d */
  LodeValue auxiliary;   /* out: features of the auxiliary head, or −1 */
} LodeBuild;

typedef struct LodeBackboneOps {
  size_t size;
  uint32_t can, reserved; /* LODE_SHARE, LODE_MIX, LODE_SCALE */

  /* [main] input: shape of a sample. */
  LodeBackbone *(*create) (const LodeHost *, const void *conf, const LodeShape *input, GError **);
  void (*destroy) (LodeBackbone *); /* [main] accepts NULL */
  /* [any] constant for the instance's life; n = 0: a family of one. */
  const LodeSpace *(*space) (const LodeBackbone *);
  bool (*build) (const LodeBackbone *, LodeGraph *, LodeBuild *, GError **); /* [main] */

  /* OPTIONAL, [any]. arch: [space.n]; the default is in brackets. */
  /* mix: [options] weights of the options; the discrete architecture they stand for [argmax, lowest index wins] */
  void (*derive) (const LodeBackbone *, const float *mix, const uint64_t *mask, uint8_t *arch);
  void (*repair) (const LodeBackbone *, uint8_t *arch, LodeRng *); /* makes it legal; a legal one stays [nothing] */
  void (*sample) (const LodeBackbone *, uint8_t *arch, LodeRng *); /* [uniform per decision, then repair] */
  char *(*write) (const LodeBackbone *, const uint8_t *arch);      /* canonical text, transfer full ["name=option …"] */
  bool (*read) (const LodeBackbone *, const char *text, uint8_t *arch, GError **);
  char *(*key) (const LodeBackbone *, const uint8_t *arch); /* equal for isomorphic networks [write] */
  /* Expected multiply-adds under independent option probabilities, with gradient; either may be NULL (prob: uniform).
   * A linear head of `outputs` counts; one bit a decision gives what the network has, unless an option says otherwise.
   * prob, dprob: [options] [additive: one network per option, against a base] */
  double (*expect) (const LodeBackbone *, uint32_t outputs, const float *prob, float *dprob);
  char *(*draw) (const LodeBackbone *, const uint8_t *arch); /* Graphviz DOT, transfer full [a table] */
} LodeBackboneOps;

#endif
