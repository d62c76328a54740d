/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be chosen in a residual network: the width of every convolution, the blocks of every
 * stage. Shared by the recorder (tas-resnet.c), the expected cost (cost.c) and the text functions
 * (text.c) of this plugin.
 */
#ifndef TAS_RESNET_SHAPE_H
#define TAS_RESNET_SHAPE_H

#include <lode/lode.h>

enum { STAGES = 3, MOST_PARTS = 3, MOST = 64, MOST_BLOCKS = 63 };
enum { BLOCK_BASIC, BLOCK_BOTTLENECK };
enum { SEARCH_BOTH, SEARCH_WIDTH, SEARCH_DEPTH };
enum { HANDED_KEPT, HANDED_LAST };

typedef struct Conf {
  int64_t depth, width;
  int32_t block, search, handed;
  LodeReals fractions;
} Conf;

/* Numbers to choose from, rising: channels of a convolution or blocks of a stage. */
typedef struct Candidates {
  uint32_t n, at[MOST];
  const char *name[MOST];
  char text[MOST][12];
} Candidates;

struct LodeBackbone {
  Conf conf;
  LodeShape input;
  uint32_t blocks, parts, layers; /* blocks a stage, convolutions a block; all of them, the stem's
                                     too */
  Candidates inner[STAGES];       /* of a convolution inside a block; the stem's are stage 0's */
  Candidates outer[STAGES];       /* of a bottleneck's last */
  Candidates depth;
  LodeSpace space;
  LodeDecision *decision; /* [space.n] widths by layer, then depths by stage */
  char (*name)[24];       /* [space.n] */
};

/* Layer 0 is the stem, then stage by stage, block by block. */
static inline uint32_t
layer_of (const LodeBackbone *tas, uint32_t stage, uint32_t block, uint32_t part)
{
  return 1 + (stage * tas->blocks + block) * tas->parts + part;
}

/* The convolution whose width a block has. */
static inline uint32_t
last_layer (const LodeBackbone *tas, uint32_t stage, uint32_t block)
{
  return layer_of (tas, stage, block, tas->parts - 1);
}

static inline const Candidates *
widths_of (const LodeBackbone *tas, uint32_t layer)
{
  uint32_t block = layer ? (layer - 1) / tas->parts : 0;
  bool last = layer && (layer - 1) % tas->parts == tas->parts - 1;

  return (last ? tas->outer : tas->inner) + block / tas->blocks;
}

static inline uint32_t
full_width (const LodeBackbone *tas, uint32_t layer)
{
  const Candidates *widths = widths_of (tas, layer);

  return widths->at[widths->n - 1];
}

static inline bool
searches_widths (const LodeBackbone *tas)
{
  return tas->conf.search != SEARCH_DEPTH;
}

static inline bool
searches_depths (const LodeBackbone *tas)
{
  return tas->conf.search != SEARCH_WIDTH;
}

/* The decision about a layer's width or a stage's depth; −1: it is not searched, the largest
 * stands. */
static inline int32_t
width_decision (const LodeBackbone *tas, uint32_t layer)
{
  return searches_widths (tas) ? (int32_t) layer : -1;
}

static inline int32_t
depth_decision (const LodeBackbone *tas, uint32_t stage)
{
  return searches_depths (tas) ? (int32_t) (stage + (searches_widths (tas) ? tas->layers : 0)) : -1;
}

/* The network of an architecture, and back. */
uint32_t tas_width (const LodeBackbone *, const uint8_t *arch, uint32_t layer);
uint32_t tas_blocks (const LodeBackbone *, const uint8_t *arch, uint32_t stage);

char *tas_resnet_write (const LodeBackbone *, const uint8_t *arch);
bool tas_resnet_read (const LodeBackbone *, const char *text, uint8_t *arch, GError **);
char *tas_resnet_key (const LodeBackbone *, const uint8_t *arch);
char *tas_resnet_draw (const LodeBackbone *, const uint8_t *arch);
double tas_resnet_expect (const LodeBackbone *, uint32_t outputs, const float *prob, float *dprob);

#endif
