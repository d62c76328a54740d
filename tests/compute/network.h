/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A space of fourteen edges and eight options, and a search network of cells on it.
 */
#ifndef TEST_NETWORK_H
#define TEST_NETWORK_H

#include "fixture.h"

enum { EDGES = 14, OPTIONS = 8 };

static const char *const option_names[OPTIONS] = { "a", "b", "c", "d", "e", "f", "g", "h" };
static LodeDecision decisions[EDGES];
static const LodeSpace space = { sizeof (LodeSpace), sizeof (LodeDecision), EDGES, EDGES *OPTIONS,
                                 decisions };

/* Before any test: decisions without a place in a cell. */
static inline void
space_fill (void)
{
  for (uint32_t i = 0; i < EDGES; i++)
    decisions[i] = (LodeDecision){
      .name = "edge", .group = "g", .n = OPTIONS, .option = option_names, .from = -1, .to = -1
    };
}

/* One cell edge's options, as a differentiable search has them. */
static inline LodeValue
record_option (LodeGraph *graph, const char *name, LodeValue x, uint32_t option, uint32_t channels)
{
  LodeConv depth = { sizeof (LodeConv), .kernel = option & 1 ? 5 : 3, .groups = LODE_DEPTHWISE };
  LodeConv point = { sizeof (LodeConv), .channels = channels };
  LodeWindow three = { sizeof (LodeWindow), 3, 1, LODE_PAD_SAME };
  char full[64], *end = g_stpcpy (full, name);

  *end++ = (char) ('a' + option);
  *end = 0;
  if (option == 0)
    return lode_zero (graph, x, 1);
  if (option == 3)
    return x;
  if (option == 1)
    return lode_norm (graph, full, lode_max_pool (graph, x, &three), false);
  if (option == 2)
    return lode_norm (graph, full, lode_avg_pool (graph, x, &three), false);
  depth.dilation = option > 5 ? 2 : 1;
  for (uint32_t half = 0; half < (option > 5 ? 1u : 2u); half++) {
    end[0] = (char) ('0' + half);
    end[1] = 'd';
    end[2] = 0;
    x = lode_conv (graph, full, lode_relu (graph, x), &depth);
    end[1] = 'p';
    x = lode_norm (graph, full, lode_conv (graph, full, x, &point), false);
  }
  return x;
}

/* A stack of cells of four nodes; every edge mixes the options that the choice has. */
static inline LodeValue
record_network (LodeGraph *graph, LodeValue x, uint32_t cells, uint32_t channels)
{
  LodeConv three = { sizeof (LodeConv), .channels = channels, .kernel = 3 };
  LodeConv point = { sizeof (LodeConv), .channels = channels };
  LodeValue before = lode_norm (graph, "stem.norm", lode_conv (graph, "stem", x, &three), true);
  LodeValue last = before;

  for (uint32_t cell = 0; cell < cells; cell++) {
    char name[32] = "cell0.pre0", edge_name[32] = "cell0.edge00.";
    LodeValue node[6];
    uint32_t edge = 0;

    name[4] = edge_name[4] = (char) ('0' + cell);
    for (uint32_t i = 0; i < 2; i++) {
      name[9] = (char) ('0' + i);
      node[i] =
          lode_norm (graph, name,
                     lode_conv (graph, name, lode_relu (graph, i ? last : before), &point), false);
    }
    for (uint32_t n = 2; n < 6; n++) {
      LodeValue sum[5];

      for (uint32_t from = 0; from < n; from++, edge++) {
        LodeValue part[OPTIONS];

        edge_name[10] = (char) ('0' + edge / 10);
        edge_name[11] = (char) ('0' + edge % 10);
        for (uint32_t o = 0; o < OPTIONS; o++)
          part[o] = lode_graph_wants (graph, edge, o)
                        ? record_option (graph, edge_name, node[from], o, channels)
                        : -1;
        sum[from] = lode_mix (graph, edge, part);
      }
      node[n] = lode_add (graph, n, sum);
    }
    before = last;
    last = lode_concat (graph, 4, node + 2);
  }
  return lode_linear (graph, "fc", lode_global_pool (graph, last), 10, true);
}

#endif
