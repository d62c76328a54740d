/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a run's seed to the keys of its named random streams.
 */
#ifndef LODE_CORE_SEED_H
#define LODE_CORE_SEED_H

#include <lode/rng.h>

/* Mixes a number into a key so that near numbers give unrelated keys (SplitMix64's finaliser). */
static inline uint64_t
lode_seed_mix (uint64_t key, uint64_t value)
{
  uint64_t z = key + UINT64_C (0x9e3779b97f4a7c15) * (value + 1);

  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* The stream `name` of a seed at (a, b), from its beginning. */
static inline LodeRng
lode_seed_rng (uint64_t seed, const char *name, uint64_t a, uint64_t b)
{
  uint64_t key = lode_seed_mix (seed, 0);

  for (; *name; name++)
    key = lode_seed_mix (key, (uint8_t) *name);
  return (LodeRng){ lode_seed_mix (lode_seed_mix (key, a), b), 0 };
}

#endif
