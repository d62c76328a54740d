/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for tables: the first byte chooses format and header. Codes are within their
 * values, and any column may be a target, split, group or weight.
 */
#include "data/records.h"
#include "lode/dataset.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

static void
check_columns (const LodeRecords *records)
{
  for (uint32_t i = 0; i < lode_records_columns (records); i++) {
    LodeColumn column = lode_records_column (records, i);

    g_assert_true (g_utf8_validate (column.name, -1, NULL));
    g_assert_true (!column.number != !column.code);
    for (uint32_t row = 0; column.code && row < lode_records_rows (records); row++)
      g_assert_true (column.code[row] >= -1 && column.code[row] < (int32_t) column.values);
  }
}

static void
check_targets (LodeRecords *records)
{
  const char *target = "last";
  LodeTargetsIn in = { .size = sizeof in, .target = { 1, &target }, .group = "2" };
  LodeTargets out = { .size = sizeof out };
  GError *error = NULL;
  bool ok;

  in.split = lode_records_columns (records) > 2 ? "3" : NULL;
  in.weight = lode_records_columns (records) > 3 ? "4" : NULL;
  ok = lode_records_targets (records, &in, &out, &error);
  fuzz_check (ok, error);
  for (uint32_t i = 0; ok && i < lode_records_rows (records); i++) {
    g_assert_true (!out.label || (out.label[i] >= -1 && out.label[i] < (int32_t) out.classes));
    g_assert_true (!out.split || (out.split[i] >= 0 && out.split[i] <= LODE_SPLIT_TEST));
    g_assert_true (!out.weight || out.weight[i] >= 0);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  LodeRecordsIn in = { .size = sizeof in, .path = "table" };
  LodeRecords *records;
  GError *error = NULL;

  if (n == 0)
    return 0;
  in.format = data[0] % 4;
  in.header = data[0] / 4 % 3;
  records = lode_records_parse (&in, (const char *) data + 1, n - 1, &error);
  fuzz_check (records, error);
  if (!records)
    return 0;
  check_columns (records);
  check_targets (records);
  lode_records_free (records);
  return 0;
}
