/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a loss that is sound; each file beside this one breaks one thing.
 */
#ifndef BROKEN_SOUND_H
#define BROKEN_SOUND_H

#include <lode/lode.h>

typedef struct Conf {
  double rate;
  int64_t epochs;
} Conf;

static LodeLoss *
sound_create (const LodeHost *host, const void *conf, GError **error)
{
  (void) host;
  (void) conf;
  (void) error;
  return (LodeLoss *) g_malloc0 (1);
}

static void
sound_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
sound_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
               GError **error)
{
  (void) loss;
  (void) k;
  (void) count;
  (void) table;
  (void) error;
  return true;
}

__attribute__ ((unused)) static const LodeLossOps sound_ops = {
  .size = sizeof (LodeLossOps),
  .create = sound_create,
  .destroy = sound_destroy,
  .prepare = sound_prepare,
};

/* What a descriptor says beside its head, its name and its vtable. */
#define SOUND_TEXTS .version = "1.0", .summary = "a fixture", .license = "Apache-2.0"
#define SOUND(called) .kind = "loss", .name = called, SOUND_TEXTS, .ops = &sound_ops

#endif
