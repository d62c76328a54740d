/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of metrics, and the options that they refer to.
 */
#include "train/metric-private.h"

#include "error.h"

#include <math.h>
#include <string.h>

const LodeOption lode_metrics_options[] = {
  LODE_OPTION (LodeMetricsConf, report, .text = "accuracy, balanced_accuracy",
               .doc = "metrics of the test split, and of validation after training"),
  LODE_OPTION (LodeMetricsConf, bins, .number = 15, .min = 1, .max = 1000,
               .doc = "bins of calibration errors"),
  LODE_OPTION (LodeMetricsConf, bootstrap, .number = 1000, .max = 1e6, .unit = "draws",
               .doc = "draws of a bootstrap interval, 0: no intervals"),
  LODE_OPTION (LodeMetricsConf, confidence, .number = 0.95, .min = 0.01, .max = 0.9999,
               .doc = "confidence of an interval"),
  LODE_OPTION (LodeMetricsConf, many, .number = 100, .max = 1e9, .unit = "examples",
               .doc = "`many` are classes with more training examples"),
  LODE_OPTION (LodeMetricsConf, few, .number = 20, .max = 1e9, .unit = "examples",
               .doc = "`few` are classes with fewer training examples"),
  LODE_OPTION (LodeMetricsConf, weights, .max = 1e12,
               .doc = "of `cost`, `cost_accuracy`: what a mistake costs, for each class"),
  LODE_OPTION (LodeMetricsConf, cost, .max = 1e12,
               .doc = "of `cost`, `cost_accuracy`: a matrix, row by row: what it costs to take the "
                      "row's class for the column's"),
};
const uint32_t lode_metrics_options_n = G_N_ELEMENTS (lode_metrics_options);

const LodeMetricsConf *
lode_metrics_default (void)
{
  static const char *const usual[] = { "accuracy", "balanced_accuracy" };
  static const LodeMetricsConf conf = { .report = { G_N_ELEMENTS (usual), usual },
                                        .bins = 15,
                                        .bootstrap = 1000,
                                        .confidence = 0.95,
                                        .many = 100,
                                        .few = 20 };

  return &conf;
}

static const char *
name_of (const void *data, uint32_t c)
{
  return lode_data_class_name (data, c);
}

LodeMetricsIn
lode_metrics_in (const LodeMetricsConf *conf, const LodeData *data, uint32_t k)
{
  bool own = lode_data_classes (data) == k;

  return (LodeMetricsIn){ .conf = conf,
                          .k = k,
                          .class_name = own ? name_of : NULL,
                          .data = data,
                          .count = own ? lode_data_class_counts (data) : NULL };
}

static bool G_GNUC_PRINTF (3, 4) refuse (GError **error, const char *text, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list list;

  va_start (list, format);
  what = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "metric \"%s\": %s", text, what);
  return false;
}

static bool
refuse_name (GError **error, const char *text, const char *name)
{
  g_autoptr (GString) known = g_string_new ("loss");

  for (uint32_t i = 0; i < lode_metric_values_n; i++)
    g_string_append_printf (known, ", %s", lode_metric_values[i].name);
  return refuse (error, text, "there is no \"%s\"; expected one of %s", name, known->str);
}

/* By name, else by number. */
static bool
find_class (const char *text, const char *word, const LodeMetricsIn *in, uint32_t *c,
            GError **error)
{
  guint64 number;

  for (uint32_t i = 0; in->class_name && i < in->k; i++)
    if (!strcmp (in->class_name (in->data, i), word)) {
      *c = i;
      return true;
    }
  if (!g_ascii_string_to_unsigned (word, 10, 0, in->k - 1, &number, NULL))
    return refuse (error, text, "there is no class \"%s\" among the %u; expected a name or 0 … %u",
                   word, in->k, in->k - 1);
  *c = (uint32_t) number;
  return true;
}

static bool
check_cost (const char *text, const LodeMetricsIn *in, GError **error)
{
  const LodeMetricsConf *conf = in->conf;
  size_t k = in->k;

  if (conf->cost.n == 0 && conf->weights.n == 0)
    return refuse (error, text,
                   "it needs metrics.weights (a cost for each class) or metrics.cost (a matrix)");
  if (conf->cost.n != 0 && conf->cost.n != k * k)
    return refuse (error, text, "metrics.cost has %zu numbers; expected %zu rows of %zu",
                   conf->cost.n, k, k);
  if (conf->cost.n == 0 && conf->weights.n != k)
    return refuse (error, text,
                   "metrics.weights has %zu numbers; expected one for each of %zu "
                   "classes",
                   conf->weights.n, k);
  return true;
}

static bool
check_needs (const char *text, const Value *value, const LodeMetricsIn *in, GError **error)
{
  if (value->asks == ASKS_COUNTS && !in->count)
    return refuse (error, text,
                   "it needs the classes' training examples, which are not known for "
                   "the classes of this head");
  return value->asks != ASKS_COST || check_cost (text, in, error);
}

/* word: NAME, and what stands behind it, NULL-ended */
static bool
parse_words (const char *text, char **word, const LodeMetricsIn *in, LodeMetric *metric,
             GError **error)
{
  guint n = g_strv_length (word);
  const Value *value = NULL;
  char *end = NULL;

  for (uint32_t i = 0; i < lode_metric_values_n; i++)
    if (!strcmp (word[0], lode_metric_values[i].name))
      value = &lode_metric_values[metric->what = i];
  if (!value)
    return refuse_name (error, text, word[0]);
  metric->c = UINT32_MAX;
  if (value->named && n < 3)
    return refuse (error, text, "expected %s:CLASS:RATE", word[0]);
  if (n > (value->by_class ? (value->by_rate ? 3u : 2u) : 1u))
    return refuse (error, text, "there is too much behind \"%s\"", word[0]);
  if (n > 1 && !find_class (text, word[1], in, &metric->c, error))
    return false;
  if (n > 2) {
    metric->rate = g_ascii_strtod (word[2], &end);
    if (end == word[2] || *end || !(metric->rate >= 0 && metric->rate <= 1))
      return refuse (error, text, "\"%s\" is no rate; expected 0 … 1", word[2]);
  }
  return check_needs (text, value, in, error);
}

bool
lode_metric_parse (const char *text, const LodeMetricsIn *in, LodeMetric *metric, GError **error)
{
  static const char *const scopes[] = { "", "worst_group", "group_gap", "groups" };
  g_auto (GStrv) word = g_strsplit (text, ":", -1);
  guint skip = 0;

  *metric = (LodeMetric){ .scope = LODE_SCOPE_ALL };
  for (uint32_t s = LODE_SCOPE_WORST; word[0] && s < G_N_ELEMENTS (scopes); s++)
    if (!strcmp (word[0], scopes[s])) {
      metric->scope = s;
      skip = 1;
    }
  if (!word[0] || !word[skip])
    return refuse (error, text, "expected the name of a metric");
  return parse_words (text, word + skip, in, metric, error);
}

int
lode_metric_sign (const LodeMetric *metric)
{
  return metric->scope == LODE_SCOPE_GAP ? -1 : lode_metric_values[metric->what].sign;
}
