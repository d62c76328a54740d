/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processor can do at best: multiply-adds that wait for nothing. Twelve chains of one
 * vector fill both pipes of a latency of up to six; two registers hold the factors.
 */
static size_t
ceiling (size_t rounds, float *out)
{
  typedef PASTE (vec, LODE_KERNEL_LANES) Vec;
  Vec a = { 0 }, b = { 0 }, chain[12];

  a += 0.999f;
  b += 0.001f;
#pragma GCC unroll 12
  for (int i = 0; i < 12; i++)
    chain[i] = b * (float) i;
#pragma GCC unroll 1
  for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++)
      chain[i] = chain[i] * a + b;
  for (int i = 1; i < 12; i++)
    chain[0] += chain[i];
  memcpy (out, &chain[0], sizeof chain[0]);
  return rounds * 12 * LODE_KERNEL_LANES;
}
