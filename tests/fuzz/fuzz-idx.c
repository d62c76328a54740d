/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for IDX files, plain or compressed: what is read is as long as the header says.
 */
#include "../../plugins/dataset/idx/values.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autofree char *path = fuzz_path ("x");
  g_autofree uint8_t *values = NULL;
  GError *error = NULL;
  IdxHeader header;
  Source *source;
  bool ok;

  fuzz_put (path, data, n);
  source = idx_open_file (folder, "x", &error);
  ok = source && idx_read_header (source, &header, &error);
  values = ok ? idx_read_values (source, &header, &error) : NULL;
  fuzz_check (values, error);
  for (size_t i = 0; values && i < header.bytes / header.value; i++)
    (void) idx_label_at (values, header.value, i);
  source_close (source);
  return 0;
}
