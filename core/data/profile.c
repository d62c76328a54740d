/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unequal classes made of a data set, equal numbers of them kept for validation, and wrong labels.
 *
 * Exponential and step profiles are those of Cui et al. 2019 and Buda et al. 2018, with their
 * rounding: down.
 */
#include "data/profile.h"

#include "compute/seed.h"
#include "data/private.h"
#include "error.h"

#include <math.h>

/* Down, but not for what a product lost to rounding. */
static uint32_t
whole (double x)
{
  return (uint32_t) MAX (floor (x + 1e-9), 1);
}

void
lode_profile_counts (const LodeProfile *profile, uint32_t k, uint32_t *want)
{
  uint32_t majority = (uint32_t) floor ((1 - profile->minority) * k + 1e-9);

  for (uint32_t c = 0; c < k; c++) {
    double share =
        profile->kind == LODE_PROFILE_STEP ? (c >= majority) : (double) c / MAX (k - 1, 1);

    want[c] = whole (profile->most * pow (profile->ratio, -share));
  }
}

/* Examples of each class in a split, unlabelled ones first. count: [classes + 1] */
static void
count_bins (const LodeData *data, const LodeSplit *split, uint32_t *count)
{
  for (uint32_t i = 0; i < split->n; i++)
    count[data->part[split->part].label[split->at[i]] + 1]++;
}

/* order: [k] the classes from the most frequent */
static void
order_classes (const LodeData *data, uint32_t *order)
{
  uint32_t k = data->info.classes;
  LodeRng rng = lode_seed_rng ((uint64_t) data->conf.profile_order, "data.profile_order", 0, 0);

  for (uint32_t c = 0; c < k; c++)
    order[c] = c;
  for (uint32_t i = k; data->conf.profile_order >= 0 && i > 1; i--) {
    uint32_t j = lode_rng_below (&rng, i), swap = order[i - 1];

    order[i - 1] = order[j];
    order[j] = swap;
  }
}

static bool
check_classes (const LodeData *data, const char *what, GError **error)
{
  if (data->info.classes)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "%s needs classes; the data set's targets are reals", what);
  return false;
}

/* Of the largest class: as asked, else what every class has. count: [k + 1] */
static uint32_t
most_of (const LodeData *data, const uint32_t *count)
{
  uint32_t least = UINT32_MAX;

  for (uint32_t c = 1; c <= data->info.classes; c++)
    least = MIN (least, count[c]);
  return data->conf.most > 0 ? (uint32_t) data->conf.most : least;
}

bool
lode_profile_apply (LodeData *data, GError **error)
{
  const LodeDataConf *conf = &data->conf;
  uint32_t k = data->info.classes;
  g_autofree uint32_t *count = g_new0 (uint32_t, (size_t) k + 1),
                      *quota = g_new0 (uint32_t, (size_t) k + 1), *order = g_new (uint32_t, k + 1),
                      *want = g_new (uint32_t, k + 1);
  LodeProfile profile = { conf->profile, conf->ratio, 0, conf->minority };
  LodeSplit kept = { 0 };

  if (conf->profile == LODE_PROFILE_NONE)
    return true;
  if (!check_classes (data, "data.profile", error))
    return false;
  count_bins (data, &data->weights, count);
  profile.most = most_of (data, count);
  lode_profile_counts (&profile, k, want);
  order_classes (data, order);
  for (uint32_t c = 0; c < k; c++) {
    uint32_t have = count[order[c] + 1];

    if (have < want[c]) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                   "data.profile asks for %u examples of class \"%s\", of which %u are left for "
                   "training; lower data.most, or reserve less (data.valid)",
                   want[c], lode_data_class_name (data, order[c]), have);
      return false;
    }
    quota[order[c] + 1] = want[c];
  }
  lode_split_quota (data, "data.profile", false, quota, &data->weights, &kept);
  g_free (data->weights.at);
  data->weights = kept;
  return true;
}

bool
lode_profile_valid (LodeData *data, uint32_t amount, uint32_t later, GError **error)
{
  uint32_t k = data->info.classes, left;
  g_autofree uint32_t *count = g_new0 (uint32_t, (size_t) k + 1),
                      *quota = g_new0 (uint32_t, (size_t) k + 1);

  if (!check_classes (data, "data.valid_balanced", error))
    return false;
  if (data->part[LODE_PART_TRAIN].group) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                         "data.valid_balanced cannot keep groups together; set it to false");
    return false;
  }
  count_bins (data, &data->weights, count);
  left = amount % k;
  for (uint32_t c = 1; c <= k; c++) {
    quota[c] = amount / k + (c <= left);
    if (count[c] < quota[c] + later) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                   "data.valid takes %u of class \"%s\", which has %u examples and must keep %u; "
                   "lower data.valid, or set data.valid_balanced to false",
                   quota[c], lode_data_class_name (data, c - 1), count[c], later);
      return false;
    }
  }
  lode_split_quota (data, "data.valid", true, quota, &data->weights, &data->valid);
  return true;
}

/* The same chance for each example, whatever else is in the split. */
static void
confuse (LodeData *data, const LodeSplit *split)
{
  int32_t *label = data->part[LODE_PART_TRAIN].label;
  uint32_t k = data->info.classes;

  for (uint32_t i = 0; i < split->n; i++) {
    uint32_t at = split->at[i];
    LodeRng rng = lode_seed_rng (data->seed, "data.label_noise", at, 0);

    if (label[at] >= 0 && lode_rng_uniform (&rng) < data->conf.label_noise) {
      int32_t other = (int32_t) lode_rng_below (&rng, k - 1);

      label[at] = other + (other >= label[at]);
    }
  }
}

bool
lode_profile_noise (LodeData *data, GError **error)
{
  if (!(data->conf.label_noise > 0))
    return true;
  if (!check_classes (data, "data.label_noise", error))
    return false;
  if (data->info.classes > 1) {
    confuse (data, &data->weights);
    confuse (data, &data->arch);
  }
  return true;
}
