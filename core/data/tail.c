/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long-tailed and stepped training sets: of each class only so many examples are left, the first
 * class the most (Cui et al. 2019; Buda et al. 2018). What is held out stays as it was.
 */
#include "data/private.h"

#include "compute/seed.h"
#include "error.h"

#include <math.h>
#include <string.h>

/* Examples of class c of k. */
static uint32_t
quota_of (const LodeDataConf *conf, double most, uint32_t c, uint32_t k)
{
  double share = k > 1 ? (double) c / (k - 1) : 0;

  if (conf->imbalance == LODE_IMBALANCE_STEP)
    share = c >= (k + 1) / 2;
  return (uint32_t) floor (most * pow (conf->imbalance_ratio, -share) + 1e-9);
}

static bool
refuse (const LodeData *data, uint32_t c, uint32_t has, uint32_t wanted, GError **error)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "data.imbalance leaves %u examples of class \"%s\", which has %u to train on; "
               "expected between 1 and as many; change data.imbalance_max or "
               "data.imbalance_ratio",
               wanted, lode_data_class_name (data, c), has);
  return false;
}

/* Quotas by class; the largest is data.imbalance_max, or what the smallest class has. */
static bool
find_quotas (const LodeData *data, const uint32_t *has, uint32_t *quota, GError **error)
{
  uint32_t k = data->info.classes, least = UINT32_MAX;

  for (uint32_t c = 0; c < k; c++)
    least = MIN (least, has[c]);
  for (uint32_t c = 0; c < k; c++) {
    double most = data->conf.imbalance_max ? (double) data->conf.imbalance_max : least;

    quota[c] = quota_of (&data->conf, most, c, k);
    if (quota[c] < 1 || quota[c] > has[c])
      return refuse (data, c, has[c], quota[c], error);
  }
  return true;
}

/* A class's examples in seeded order, so that a smaller tail is contained in a larger one. at: [n]
 */
static void
choose (uint32_t *at, uint32_t n, uint32_t quota, LodeRng rng, bool *kept)
{
  for (uint32_t i = 0; i < quota; i++) {
    uint32_t j = i + lode_rng_below (&rng, n - i), swap = at[i];

    at[i] = at[j];
    at[j] = swap;
    kept[at[i]] = true;
  }
}

static void
cut (LodeData *data, const uint32_t *has, const uint32_t *quota)
{
  const LodePart *part = &data->part[data->weights.part];
  LodeSplit *split = &data->weights;
  g_autofree bool *kept = g_new0 (bool, (size_t) part->n + 1);
  uint32_t left = 0;

  for (uint32_t c = 0; c < data->info.classes; c++) {
    g_autofree uint32_t *at = g_new (uint32_t, (size_t) has[c] + 1);
    uint32_t n = 0;

    for (uint32_t i = 0; i < split->n; i++)
      if (part->label[split->at[i]] == (int32_t) c)
        at[n++] = split->at[i];
    choose (at, n, quota[c], lode_seed_rng (data->seed, "data.imbalance", c, 0), kept);
  }
  for (uint32_t i = 0; i < split->n; i++)
    if (kept[split->at[i]])
      split->at[left++] = split->at[i];
  split->n = left;
}

bool
lode_tail_cut (LodeData *data, GError **error)
{
  const LodePart *part = &data->part[data->weights.part];
  g_autofree uint32_t *has = NULL, *quota = NULL;

  if (data->conf.imbalance == LODE_IMBALANCE_NONE)
    return true;
  if (!part->label || !data->info.classes) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                         "data.imbalance needs classes, which these data do not have");
    return false;
  }
  has = g_new0 (uint32_t, data->info.classes);
  quota = g_new0 (uint32_t, data->info.classes);
  for (uint32_t i = 0; i < data->weights.n; i++)
    if (part->label[data->weights.at[i]] >= 0)
      has[part->label[data->weights.at[i]]]++;
  if (!find_quotas (data, has, quota, error))
    return false;
  cut (data, has, quota);
  return true;
}
