/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmarks that `lode data import` knows by name.
 */
#include "benchmark.h"

#include <string.h>

static const char *const cell[] = { "cell.1.0", "cell.2.0", "cell.2.1", "cell.3.0",
                                    "cell.3.1", "cell.3.2", NULL };
static const char *const cell_ops[] = { "none",         "skip_connect", "nor_conv_1x1",
                                        "nor_conv_3x3", "avg_pool_3x3", NULL };

#define ACCURACY(which, use_, epochs_, set_, doc_, guard_)                                         \
  {                                                                                                \
    .from = which #epochs_ "_" set_, .set = set_, .unit = "percent", .doc = doc_, .use = use_,     \
    .epochs = epochs_, .guard = guard_                                                             \
  }
#define SET(set_, guard_)                                                                          \
  { "params_" set_,        NULL, set_, "",   "weights of the network",                             \
    LODE_BENCHMARK_PARAMS, 0,    NULL, NULL, 0 },                                                  \
      { "flops_" set_,  "macs_" set_,        set_, "multiply-adds",                                \
        "of one image", LODE_BENCHMARK_MACS, 0,    NULL },                                         \
      ACCURACY ("val", LODE_BENCHMARK_VALID, 12, set_, "validation accuracy, one seed", NULL),     \
      ACCURACY ("test", LODE_BENCHMARK_TEST, 12, set_, "test accuracy, one seed", NULL),           \
      ACCURACY ("val", LODE_BENCHMARK_VALID, 200, set_, "validation accuracy, mean of seeds",      \
                guard_),                                                                           \
      ACCURACY ("test", LODE_BENCHMARK_TEST, 200, set_, "test accuracy, mean of seeds", NULL),     \
  {                                                                                                \
    "sec_per_epoch_" set_, NULL, set_, "seconds", "training of one epoch",                         \
        LODE_BENCHMARK_SECONDS_EPOCH, 0, NULL                                                      \
  }

static const PublishedColumn nb201[] = {
  { "index", NULL, "", "", "number in the authors' release", LODE_BENCHMARK_OTHER, 0, NULL },
  { "iso", NULL, "", "", "number of the least isomorphic cell", LODE_BENCHMARK_OTHER, 0, NULL },
  SET ("c10", "c10val_3seed"),
  SET ("c100", NULL),
  SET ("in16", NULL),
  { "c10val_3seed", NULL, "c10", "", "whether val200_c10 is a mean of three seeds",
    LODE_BENCHMARK_FLAG, 0, NULL },
  { NULL }
};

static const char *const nb201_text[] = {
  "space",
  "nb201",
  "title",
  "NAS-Bench-201",
  "data",
  "c10: CIFAR-10, c100: CIFAR-100, in16: ImageNet-16-120",
  "recipe",
  "16 channels, 5 cells a stage; SGD with Nesterov momentum 0.9, rate 0.1 to 0 by a "
  "cosine, decay 5e-4, batch 256, 12 or 200 epochs",
  "reference",
  "X. Dong, Y. Yang. NAS-Bench-201: Extending the Scope of Reproducible Neural "
  "Architecture Search. ICLR 2020",
  NULL
};

static const char *const blocks[] = { "block.1", "block.2", "block.3", "block.4", "block.5",
                                      "block.6", "block.7", "block.8", NULL };
static const char *const block_ops[] = { "identity", "mb3_k3", "mb6_k5", NULL };

#define SEED(from_, seed_)                                                                         \
  {                                                                                                \
    .from = from_, .set = "c10", .unit = "percent", .doc = "test accuracy, one seed",              \
    .use = LODE_BENCHMARK_TEST, .of = "acc", .seed = seed_                                         \
  }

static const PublishedColumn macro[] = {
  { "params", NULL, "c10", "", "weights of the network", LODE_BENCHMARK_PARAMS, 0, NULL },
  { "flops", "macs", "c10", "multiply-adds", "of one image", LODE_BENCHMARK_MACS, 0, NULL },
  SEED ("acc1", 1),
  SEED ("acc2", 2),
  SEED ("acc3", 3),
  { "mean", "acc", "c10", "percent", "test accuracy, mean of three seeds", LODE_BENCHMARK_TEST, 0,
    NULL },
  { "std", "acc_std", "c10", "percent", "standard deviation over the seeds", LODE_BENCHMARK_OTHER,
    0, NULL },
  { NULL }
};

static const char *const macro_text[] = {
  "space",
  "nas-bench-macro",
  "title",
  "NAS-Bench-Macro",
  "data",
  "c10: CIFAR-10",
  "recipe",
  "three stages of eight blocks in all",
  "reference",
  "X. Su et al. Prioritized Architecture Sampling with Monto-Carlo Tree Search. CVPR "
  "2021",
  NULL
};

const Published published[] = {
  { "nb201", "nasbench201.bench", "NAS-Bench-201: 15,625 cells on three data sets", cell, cell_ops,
    "ops", nb201, nb201_text },
  { "nb-macro", "nasbench-macro.bench", "NAS-Bench-Macro: 6,561 networks on CIFAR-10", blocks,
    block_ops, "arch", macro, macro_text },
  { NULL }
};

const Published *
published_find (const char *word)
{
  for (const Published *one = published; one->word; one++)
    if (!strcmp (one->word, word))
      return one;
  return NULL;
}
