/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that must come back bit for bit.
 */
#ifndef TEST_RUN_DOUBLES_H
#define TEST_RUN_DOUBLES_H

#include <glib.h>
#include <stdint.h>

/* Any number that a double can hold. */
static inline double
any_double (GRand *rand)
{
  union {
    uint64_t bits;
    double value;
  } any = { .bits = (uint64_t) g_rand_int (rand) << 32 | g_rand_int (rand) };

  if (!g_rand_int_range (rand, 0, 8))
    any.bits &= UINT64_C (0x800fffffffffffff); /* denormal */
  return any.value;
}

#endif
