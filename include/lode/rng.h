/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers: counter-based (Philox 4x32-10, Salmon et al. 2011), hence a pure function of
 * (key, position). The only source of randomness a plugin may use. `lode_rng` in host.h gives a named stream.
 */
#ifndef LODE_RNG_H
#define LODE_RNG_H

#include <lode/types.h>
#include <math.h>

/* The block of four words at a position. [any] */
static inline void
lode_rng_block (uint64_t key, uint64_t position, uint32_t out[4])
{
  uint32_t k0 = (uint32_t) key, k1 = (uint32_t) (key >> 32);
  uint32_t c0 = (uint32_t) position, c1 = (uint32_t) (position >> 32), c2 = 0, c3 = 0;

  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t) 0xD2511F53u * c0, p1 = (uint64_t) 0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t) (p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t) (p0 >> 32) ^ c3 ^ k1;

    c1 = (uint32_t) p1;
    c3 = (uint32_t) p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/* 64 uniform bits; advances by one. [any] */
static inline uint64_t
lode_rng_bits (LodeRng *rng)
{
  uint32_t word[4];

  lode_rng_block (rng->key, rng->n++, word);
  return (uint64_t) word[1] << 32 | word[0];
}

/* Uniform in [0, 1). [any] */
static inline double
lode_rng_uniform (LodeRng *rng)
{
  return (double) (lode_rng_bits (rng) >> 11) * 0x1p-53;
}

/* Uniform among 0 … n − 1, without bias; n > 0. [any] */
static inline uint32_t
lode_rng_below (LodeRng *rng, uint32_t n)
{
  uint64_t limit = UINT64_MAX - UINT64_MAX % n, bits;

  do
    bits = lode_rng_bits (rng);
  while (bits >= limit);
  return (uint32_t) (bits % n);
}

/* Standard normal (Box–Muller, the cosine half). [any] */
static inline double
lode_rng_normal (LodeRng *rng)
{
  double u = 1 - lode_rng_uniform (rng), v = lode_rng_uniform (rng);

  return sqrt (-2 * log (u)) * cos (6.283185307179586 * v);
}

#endif
