/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for NumPy's arrays, as a file and as an archive: every value that the shape
 * promises is there.
 */
#include "../../plugins/dataset/npy/array.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

static void
check (const char *path)
{
  static const char *const names[] = { "x", NULL };
  GError *error = NULL;
  Array *array = array_find (path, names, &error);
  uint64_t last = 0;
  volatile double sink = 0;

  g_assert_true (!array || !error);
  if (error)
    fuzz_check (false, error);
  for (uint32_t i = 0; array && i < array->dims; i++)
    last += array->dim[i] ? (array->dim[i] - 1) * array->stride[i] : 0;
  if (array && array->bytes) {
    g_assert_cmpuint ((last + 1) * array->value, ==, array->bytes);
    sink = array_value (array, 0) + array_value (array, last);
  }
  (void) sink;
  array_free (array);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autofree char *file = fuzz_path ("x.npy"), *archive = fuzz_path ("x.npz");

  fuzz_put (file, data, n);
  fuzz_put (archive, data, n);
  check (folder);
  check (archive);
  return 0;
}
