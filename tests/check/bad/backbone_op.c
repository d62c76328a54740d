/* SPDX-License-Identifier: Apache-2.0 */
/* Brings an operation whose gradient is off by a factor of 0.995. */
#include "backbone.h"

static void
sine_forward (const void *conf, const LodeOpChunk *chunk)
{
  (void) conf;
  for (size_t i = 0; i < size_of (chunk); i++)
    chunk->out[i] = sinf (chunk->in[0][i]);
}

static void
sine_backward (const void *conf, const LodeOpChunk *chunk)
{
  (void) conf;
  for (size_t i = 0; chunk->din[0] && i < size_of (chunk); i++)
    chunk->din[0][i] += 0.995f * cosf (chunk->in[0][i]) * chunk->dout[i];
}

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("backbone", "op") };
