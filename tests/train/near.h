/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of losses share: threads to run on, numbers that agree.
 */
#ifndef TEST_TRAIN_NEAR_H
#define TEST_TRAIN_NEAR_H

#include "compute/threads.h"

#include <glib.h>
#include <math.h>

static inline LodeThreads *
one_thread (void)
{
  static LodeThreads *threads;

  if (!threads)
    threads = lode_threads_new (1);
  return threads;
}

static inline void
assert_near (double found, double expected, double tolerance)
{
  if (!(fabs (found - expected) <= tolerance * fmax (1, fabs (expected))))
    g_error ("found %.10g, expected %.10g", found, expected);
}

#endif
