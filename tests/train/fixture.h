/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of nets share: a built backbone and loss, a data set in memory, and a net of them
 * on an engine of its own.
 */
#ifndef TEST_TRAIN_FIXTURE_H
#define TEST_TRAIN_FIXTURE_H

#include "compute/params.h"
#include "data/fixture.h"
#include "plugins/family.h"
#include "train/fit.h"

/* A backbone, a loss, data and what the net told; freed together. */
typedef struct Bench {
  Family *family;
  Fake fake;
  LodeData *data;
  LodeEngine *engine;
  const LodeLossOps *loss_ops;
  LodeLoss *loss;   /* of loss_ops; a test may put another into spec */
  GPtrArray *owner; /* of the loss's options */
  LodeNetSpec spec;
  LodeNet *net;
  /* what it told */
  uint32_t seen, counted, deep;
  uint64_t macs;
  double seen_loss;
  float *prob; /* [n][k] of the last report */
} Bench;

static inline void
bench_observe (void *data, const LodeSeen *seen)
{
  Bench *bench = data;
  double mean = 0;

  for (uint32_t i = 0; i < seen->n; i++)
    mean += (double) seen->loss[i] / seen->n;
  bench->seen++;
  bench->seen_loss = mean;
  g_free (bench->prob);
  bench->prob = g_memdup2 (seen->prob, sizeof (float) * seen->n * seen->k);
}

static inline void
bench_count (void *data, uint32_t samples, uint64_t macs, bool backward)
{
  Bench *bench = data;

  bench->counted += samples;
  bench->macs = macs;
  bench->deep += backward;
}

/* group: the backbone's options, taken over. */
static inline Bench *
bench_new (const char *backbone, LodeNode *group, const char *loss, const Fake *fake,
           const LodeDataConf *conf, uint32_t threads)
{
  const LodeLoaded *loaded = test_load ("loss", loss);
  const LodeLossOps *ops = loaded->ops;
  Bench *bench = g_new0 (Bench, 1);
  GError *error = NULL;

  bench->family = family_new (backbone, group);
  bench->fake = *fake;
  bench->data = fake_open (&bench->fake, conf, 11);
  bench->engine = lode_engine_new (threads, lode_kernels_at (0));
  bench->owner = g_ptr_array_new_with_free_func (g_free);
  if (ops->create)
    bench->loss = ops->create (NULL, test_conf (loaded, NULL, bench->owner), &error);
  g_assert_no_error (error);
  bench->loss_ops = ops;
  bench->spec = (LodeNetSpec){ .engine = bench->engine,
                               .backbone_ops = bench->family->ops,
                               .backbone = bench->family->backbone,
                               .loss_ops = ops,
                               .loss = bench->loss,
                               .data = bench->data,
                               .batch = 8,
                               .seed = 3,
                               .data_ = bench,
                               .observe = bench_observe,
                               .count = bench_count };
  return bench;
}

static inline LodeNet *
bench_make (Bench *bench, LodeNetIn in)
{
  GError *error = NULL;

  in.size = sizeof in;
  lode_net_free (bench->net);
  bench->net = lode_net_make (&bench->spec, &in, &error);
  g_assert_no_error (error);
  return bench->net;
}

static inline void
bench_free (Bench *bench)
{
  lode_net_free (bench->net);
  if (bench->loss_ops->destroy && bench->loss)
    bench->loss_ops->destroy (bench->loss);
  lode_engine_free (bench->engine);
  lode_data_free (bench->data);
  family_free (bench->family);
  g_ptr_array_unref (bench->owner);
  g_free (bench->prob);
  g_free (bench);
}

/* Small images of four classes. */
static inline Fake
small_images (void)
{
  return (Fake){ .shape = { 8, 8, 3 }, .classes = 4, .part = { { .n = 48 }, { .n = 12 } } };
}

static inline LodeDataConf
small_conf (void)
{
  LodeDataConf conf = plain_conf ();

  conf.valid = 16;
  return conf;
}

static inline LodeNode *
cells_group (int64_t channels, int64_t cells, int64_t nodes)
{
  LodeNode *group = test_group ();

  test_set (group, "channels", channels);
  test_set (group, "cells", cells);
  test_set (group, "nodes", nodes);
  return group;
}

/* A small super-network of cells on small images. */
static inline Bench *
cells_bench (uint32_t threads)
{
  Fake fake = small_images ();
  LodeDataConf conf = small_conf ();

  return bench_new ("darts", cells_group (4, 3, 2), "ce", &fake, &conf, threads);
}

/* A stream that is given back to the caller to close, and its first batch. */
static inline LodeStream *
bench_stream (Bench *bench, uint32_t role, uint32_t batch)
{
  return stream_of (bench->data,
                    (LodeStreamSpec){ .role = role, .batch = batch, .seed = 5, .drop_last = true });
}

static inline void
pass_of (LodeNet *net, const LodeBatch *batch, const LodeChoice *choice, LodePass *pass)
{
  g_autoptr (GError) error = NULL;
  bool ok = lode_net_pass (net, batch, choice, pass, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
}

static inline uint64_t
hash_on (uint64_t hash, const void *data, size_t n)
{
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ ((const uint8_t *) data)[i]) * UINT64_C (0x100000001b3);
  return hash;
}

static inline uint64_t
params_hash (const LodeParams *params)
{
  g_autoptr (GBytes) bytes = lode_params_pack (params);

  return hash_on (1, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static inline uint64_t
stats_hash (const LodeStats *stats)
{
  const LodeStatSet *set = (const LodeStatSet *) stats;

  return hash_on (1, set->data, set->size * sizeof (float));
}

/* Weights and statistics of a net. */
static inline uint64_t
net_hash (LodeNet *net)
{
  return params_hash (lode_net_params (net)) * 31 + stats_hash (lode_net_stats (net));
}

/* Uneven gates, as a search would have. */
static inline float *
some_gates (const LodeSpace *space, uint64_t key)
{
  float *gate = g_new (float, space->options + 1);
  LodeRng rng = { .key = key };

  for (uint32_t i = 0; i < space->options; i++)
    gate[i] = (float) (0.05 + 0.2 * lode_rng_uniform (&rng));
  return gate;
}

#endif
