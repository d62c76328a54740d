/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data stats`: examples by class and split, values by channel, as an experiment would see
 * them.
 */
#include "look.h"

#include "data/private.h"
#include "error.h"
#include "run/json-add.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64, MOST_CHANNELS = 64, ROLES = 4 };

static gboolean as_json;

static const GOptionEntry options[] = { { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json,
                                          "Print JSON instead of tables", NULL },
                                        G_OPTION_ENTRY_NULL };

static const LodeUsage usage = {
  "PATH [path=value…]",
  "Counts examples by class and split, and describes the values of each channel over the training\n"
  "split before normalisation: mean, deviation, least, largest, missing. PATH is a folder or file "
  "of\n"
  "data, or an experiment (.cfg), whose last stage's splits are then counted.",
  NULL, options, true
};

static const uint32_t roles[ROLES] = { LODE_ROLE_WEIGHTS, LODE_ROLE_ARCH, LODE_ROLE_VALID,
                                       LODE_ROLE_TEST };
static const char *const role_names[ROLES] = { "train", "arch", "valid", "test" };

/* Of one channel. */
typedef struct Channel {
  double sum, square, low, high;
  uint64_t n, missing;
} Channel;

static void
add_value (Channel *channel, double value)
{
  if (isnan (value)) {
    channel->missing++;
    return;
  }
  channel->low = channel->n ? MIN (channel->low, value) : value;
  channel->high = channel->n ? MAX (channel->high, value) : value;
  channel->n++;
  channel->sum += value;
  channel->square += value * value;
}

static bool
measure (const LodeData *data, Channel *channel, GError **error)
{
  const LodeSplit *split = lode_data_split (data, LODE_ROLE_WEIGHTS);
  size_t values = lode_data_values (data);
  g_autofree void *block = g_malloc (BLOCK * lode_data_bytes (data));
  bool bytes = data->info.pixel == LODE_PIXEL_U8;

  for (uint32_t first = 0; first < split->n; first += BLOCK) {
    uint32_t n = MIN (BLOCK, split->n - first);

    if (!lode_part_read (data, split->part, n, split->at + first, block, error))
      return false;
    for (size_t j = 0; j < n * values; j++)
      add_value (&channel[j % data->shape.c], bytes ? (double) ((const uint8_t *) block)[j]
                                                    : (double) ((const float *) block)[j]);
  }
  return true;
}

/* counts: [classes + 1][ROLES], the last row of examples without a label. */
static uint32_t *
count (const LodeData *data)
{
  uint32_t classes = data->info.classes;
  uint32_t *counts = g_new0 (uint32_t, (size_t) (classes + 1) * ROLES);

  for (uint32_t r = 0; r < ROLES; r++) {
    const LodeSplit *split = lode_data_split (data, roles[r]);
    const int32_t *label = data->part[split->part].label;

    for (uint32_t i = 0; i < split->n; i++) {
      int32_t c = label ? label[split->at[i]] : -1;

      counts[(c < 0 ? classes : (uint32_t) c) * ROLES + r]++;
    }
  }
  return counts;
}

static const char *
row_name (const LodeData *data, uint32_t c)
{
  return c < data->info.classes ? lode_data_class_name (data, c)
         : data->info.targets   ? "(real targets)"
                                : "(no label)";
}

static bool
is_empty (const uint32_t *row)
{
  return !(row[0] | row[1] | row[2] | row[3]);
}

static void
add_cells (GPtrArray *cells, const char *first, const uint32_t *row)
{
  g_ptr_array_add (cells, g_strdup (first));
  for (uint32_t r = 0; r < ROLES; r++)
    g_ptr_array_add (cells, g_strdup_printf ("%u", row[r]));
}

static void
print_counts (const LodeData *data, const uint32_t *counts)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  uint32_t total[ROLES] = { 0 };

  g_ptr_array_add (cells, g_strdup ("class"));
  for (uint32_t r = 0; r < ROLES; r++)
    g_ptr_array_add (cells, g_strdup (role_names[r]));
  for (uint32_t c = 0; c <= data->info.classes; c++) {
    if (c == data->info.classes && is_empty (counts + c * ROLES))
      continue;
    add_cells (cells, row_name (data, c), counts + c * ROLES);
    for (uint32_t r = 0; r < ROLES; r++)
      total[r] += counts[c * ROLES + r];
  }
  add_cells (cells, "all", total);
  lode_columns_print (1 + ROLES, cells);
}

static double
deviation (const Channel *channel)
{
  double n = (double) MAX (channel->n, 1), mean = channel->sum / n;

  return sqrt (MAX (channel->square / n - mean * mean, 0));
}

static void
print_channels (const Channel *channel, uint32_t n)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  static const char *const titles[] = { "channel", "mean",    "deviation",
                                        "least",   "largest", "missing" };

  for (size_t i = 0; i < G_N_ELEMENTS (titles); i++)
    g_ptr_array_add (cells, g_strdup (titles[i]));
  for (uint32_t l = 0; l < MIN (n, MOST_CHANNELS); l++) {
    const Channel *at = &channel[l];
    const double values[] = { at->sum / (double) MAX (at->n, 1), deviation (at), at->low,
                              at->high };

    g_ptr_array_add (cells, g_strdup_printf ("%u", l + 1));
    for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
      g_ptr_array_add (cells, g_strdup_printf ("%.6g", values[i]));
    g_ptr_array_add (cells, g_strdup_printf ("%" G_GUINT64_FORMAT, at->missing));
  }
  putchar ('\n');
  lode_columns_print (G_N_ELEMENTS (titles), cells);
  if (n > MOST_CHANNELS)
    printf ("… and %u channels more (--json has them)\n", n - MOST_CHANNELS);
}

static void
json_integer (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64) value);
}

static void
print_json (const LodeData *data, const uint32_t *counts, const Channel *channel)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  lode_json_text (json, "digest", lode_data_digest (data));
  json_builder_set_member_name (json, "classes");
  json_builder_begin_array (json);
  for (uint32_t c = 0; c <= data->info.classes; c++) {
    if (c == data->info.classes && is_empty (counts + c * ROLES))
      continue;
    json_builder_begin_object (json);
    lode_json_text (json, "name", row_name (data, c));
    for (uint32_t r = 0; r < ROLES; r++)
      json_integer (json, role_names[r], counts[c * ROLES + r]);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_set_member_name (json, "channels");
  json_builder_begin_array (json);
  for (uint32_t l = 0; l < data->shape.c; l++) {
    json_builder_begin_object (json);
    lode_json_add_number (json, "mean", channel[l].sum / (double) MAX (channel[l].n, 1));
    lode_json_add_number (json, "deviation", deviation (&channel[l]));
    lode_json_add_number (json, "least", channel[l].low);
    lode_json_add_number (json, "largest", channel[l].high);
    json_integer (json, "missing", channel[l].missing);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
  lode_json_print (json_builder_get_root (json));
}

int
data_stats (int argc, char **argv)
{
  g_autoptr (Opened) opened = NULL;
  g_autofree uint32_t *counts = NULL;
  g_autofree Channel *channel = NULL;
  GError *error = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc < 2)
    return lode_usage_error ("which data? lode data stats PATH");
  opened = data_open (argv + 1, true, &code);
  if (!opened)
    return code;
  if (!data_split (opened, NULL, &error))
    return lode_fail (error);
  channel = g_new0 (Channel, opened->data->shape.c);
  if (!measure (opened->data, channel, &error))
    return lode_fail (error);
  counts = count (opened->data);
  if (as_json) {
    print_json (opened->data, counts, channel);
    return LODE_EXIT_DONE;
  }
  print_counts (opened->data, counts);
  print_channels (channel, opened->data->shape.c);
  return LODE_EXIT_DONE;
}
