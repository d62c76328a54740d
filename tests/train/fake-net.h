/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net that has nothing but weights, for tests of optimisers: its slots, gradients made up for
 * them, and the state of a slot as bytes.
 */
#ifndef TEST_TRAIN_FAKE_NET_H
#define TEST_TRAIN_FAKE_NET_H

#include "data/fixture.h"
#include "train/optim.h"

/* A net of weights alone, on threads of its own. */
typedef struct FakeNet {
  LodeNet base; /* first */
  LodeEngine *engine;
  LodeParams *own;
  LodeForce force; /* as last told */
} FakeNet;

/* In place of the core's, which knows its own nets alone. */
LodeEngine *
lode_net_engine (const LodeNet *net)
{
  return ((const FakeNet *) net)->engine;
}

void
lode_net_force (LodeNet *net, const LodeForce *force)
{
  ((FakeNet *) net)->force = *force;
}

static inline LodeParams *
fake_params (LodeNet *net)
{
  return ((FakeNet *) net)->own;
}

static const LodeNetCalls fake_calls = { .size = sizeof fake_calls, .params = fake_params };

enum { CONV, NORM_SCALE, NORM_SHIFT, BIG, HEAD_WEIGHT, HEAD_BIAS, SLOTS };

static inline LodeLayout *
layout_new (uint32_t classes)
{
  static const uint32_t small[4] = { 1, 1, 1, 5 };
  LodeLayout *layout = lode_layout_new ();

  lode_layout_add (layout, "backbone.conv.weight", (uint32_t[]){ 3, 3, 4, 5 }, 36,
                   LODE_INIT_UNIFORM);
  lode_layout_add (layout, "backbone.norm.weight", small, 0, LODE_INIT_ONE);
  lode_layout_add (layout, "backbone.norm.bias", small, 0, LODE_INIT_ZERO);
  lode_layout_add (layout, "backbone.big.weight", (uint32_t[]){ 1, 1, 701, 101 }, 701,
                   LODE_INIT_UNIFORM);
  lode_layout_add (layout, "head.weight", (uint32_t[]){ 1, 1, 5, classes }, 5, LODE_INIT_UNIFORM);
  lode_layout_add (layout, "head.bias", (uint32_t[]){ 1, 1, 1, classes }, 5, LODE_INIT_UNIFORM);
  return layout;
}

static inline FakeNet
net_on (LodeLayout *layout, uint32_t threads)
{
  FakeNet net = { .base = { &fake_calls },
                  .engine = lode_engine_new (threads, NULL),
                  .own = lode_params_new (layout, NULL) };

  lode_params_init (net.own, 1, 0);
  lode_layout_unref (layout);
  return net;
}

static inline FakeNet
net_new (uint32_t threads)
{
  return net_on (layout_new (3), threads);
}

static inline void
net_clear (FakeNet *net)
{
  lode_params_free (net->own);
  lode_engine_free (net->engine);
}

static inline LodeParamSet *
set_of (LodeParams *params)
{
  return (LodeParamSet *) params;
}

static inline LodeLayout *
layout_of (const FakeNet *net)
{
  return set_of (net->own)->layout;
}

static inline size_t
size_of (const FakeNet *net, uint32_t slot)
{
  return lode_slot_size (lode_layout_slot (layout_of (net), slot));
}

/* A gradient of step t, of all slots in `slots` (bits). */
static inline LodeParams *
gradient_new (const FakeNet *net, uint32_t t, uint32_t slots)
{
  LodeParams *grad = lode_params_new (layout_of (net), NULL);

  for (uint32_t i = 0; i < SLOTS; i++) {
    LodeRng rng = { .key = 1000 * t + i };

    set_of (grad)->touched[i] = slots >> i & 1;
    for (size_t j = 0; slots >> i & 1 && j < size_of (net, i); j++)
      set_of (grad)->at[i][j] = (float) (0.5 * lode_rng_normal (&rng));
  }
  return grad;
}

static inline LodeFitConf
conf_new (void)
{
  return (LodeFitConf){ .epochs = 8,
                        .batch = 1,
                        .rate = 0.05,
                        .momentum = 0.9,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .decay = 0.01,
                        .decay_norm = true,
                        .clip = 5 };
}

/* Weights and moments as bytes. */
static inline GBytes *
state_of (const FakeNet *net, const LodeOptim *optim, uint32_t slot)
{
  Memory memory = memory_new ();
  GByteArray *out = g_byte_array_new ();
  size_t bytes = size_of (net, slot) * sizeof (float);
  static const char *const parts[] = { "o.first.", "o.second.", "o.steps." };

  lode_optim_store (optim, "o.", &memory.base);
  g_byte_array_append (out, (const uint8_t *) set_of (net->own)->at[slot], (guint) bytes);
  for (int p = 0; p < 3; p++) {
    g_autofree char *name =
        g_strconcat (parts[p], lode_layout_slot (layout_of (net), slot)->name, NULL);
    const Array *array = g_hash_table_lookup (memory.at, name);

    if (array)
      g_byte_array_append (out, g_bytes_get_data (array->bytes, NULL),
                           (guint) g_bytes_get_size (array->bytes));
  }
  memory_clear (&memory);
  return g_byte_array_free_to_bytes (out);
}

#endif
