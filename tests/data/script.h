/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of streams share: a configuration with everything on, and a sampler that follows a
 * script.
 */
#ifndef TEST_DATA_SCRIPT_H
#define TEST_DATA_SCRIPT_H

#include "fixture.h"

static inline LodeDataConf
full_conf (void)
{
  return (LodeDataConf){ .valid = 20,
                         .arch = 0.25,
                         .normalise = true,
                         .crop = 2,
                         .flip = true,
                         .cutout = 3,
                         .preload = true,
                         .duplicates = LODE_COPIES_KEEP };
}

static inline LodeStreamSpec
weights_spec (uint32_t batch)
{
  return (LodeStreamSpec){ .role = LODE_ROLE_WEIGHTS, .batch = batch, .augment = true, .seed = 7 };
}

/* A sampler that does what a test says. */
typedef struct Script {
  uint32_t calls, n;
  uint32_t index[8], times[8];
  float weight[8];
  bool sets; /* times and weight */
  LodeAsk last;
  int fault; /* 1: returns false without an error, 2: with one */
} Script;

static inline bool
script_select (void *data, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  Script *script = data;

  script->calls++;
  script->last = *ask;
  for (uint32_t i = 0; i < picks->room; i++) {
    g_assert_cmpuint (picks->times[i], ==, 1);
    g_assert_cmpfloat (picks->weight[i], ==, 1);
  }
  for (uint32_t i = 0; i < MIN (script->n, 8); i++) {
    picks->index[i] = script->index[i];
    if (script->sets) {
      picks->times[i] = script->times[i];
      picks->weight[i] = script->weight[i];
    }
  }
  picks->n = script->n;
  if (script->fault == 2)
    g_set_error_literal (error, g_quark_from_static_string ("lode-toy"), 5, "no mood for it");
  return script->fault == 0;
}

static inline LodeStream *
scripted (LodeData *data, Script *script, uint32_t batch)
{
  LodeStreamSpec spec = weights_spec (batch);

  spec.select = script_select;
  spec.select_data = script;
  return stream_of (data, spec);
}

#endif
