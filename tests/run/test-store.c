/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores come back bit for bit, equal stores give equal files, and no file is believed that lies.
 */
#include "run/store.h"
#include "scratch.h"

#include <fcntl.h>
#include <locale.h>

static const uint32_t size_of[] = { 0, 1, 4, 4, 8, 4, 8, 8 }; /* by LODE_TYPE_… */

static void
random_bytes (GRand *rand, uint8_t *data, size_t n)
{
  for (size_t i = 0; i < n; i++)
    data[i] = (uint8_t) g_rand_int (rand);
}

/* A name of 1 … 12 characters, some of them awkward. */
static void
random_name (GRand *rand, char *name, size_t size)
{
  static const char *const part[] = {
    "a", "b", "/", "..", "\"", "\\", "ä", " ", "\n", "\x7f", "😀"
  };
  int n = g_rand_int_range (rand, 1, 12);

  g_strlcpy (name, "n", size);
  for (int i = 0; i < n; i++)
    g_strlcat (name, part[g_rand_int_range (rand, 0, G_N_ELEMENTS (part))], size);
}

static void
assert_same (const LodeStore *a, const LodeStore *b)
{
  g_autofree const char **name = lode_store_names (a), **other = lode_store_names (b);
  g_autofree const char **key = lode_store_keys (a), **other_key = lode_store_keys (b);

  g_assert_cmpstrv ((char **) name, (char **) other);
  g_assert_cmpstrv ((char **) key, (char **) other_key);
  for (size_t i = 0; key[i]; i++)
    g_assert_cmpstr (lode_store_find_text (a, key[i]), ==, lode_store_find_text (b, key[i]));
  for (size_t i = 0; name[i]; i++) {
    g_autofree uint8_t *x = NULL, *y = NULL;
    uint32_t type, type_b;
    size_t n, n_b;

    g_assert_true (lode_store_count (a, name[i], &type, &n));
    g_assert_true (lode_store_count (b, name[i], &type_b, &n_b));
    g_assert_cmpuint (type, ==, type_b);
    g_assert_cmpuint (n, ==, n_b);
    x = g_malloc (n * size_of[type] + 1);
    y = g_malloc (n * size_of[type] + 1);
    g_assert_true (lode_store_get (a, name[i], type, n, x, NULL));
    g_assert_true (lode_store_get (b, name[i], type, n, y, NULL));
    g_assert_cmpmem (x, n * size_of[type], y, n * size_of[type]);
  }
}

/* Arrays of random bytes: NaNs of every payload among the reals. */
static LodeStore *
random_store (GRand *rand)
{
  LodeStore *store = lode_store_new ();
  int arrays = g_rand_int_range (rand, 0, 20);

  for (int i = 0; i < arrays; i++) {
    uint32_t type = (uint32_t) g_rand_int_range (rand, LODE_TYPE_U8, LODE_TYPE_I64 + 1);
    size_t n = (size_t) (g_rand_boolean (rand) ? g_rand_int_range (rand, 0, 40) : 0);
    g_autofree uint8_t *data = g_malloc (n * 8 + 1);
    char name[80], text[80];

    random_bytes (rand, data, n * 8);
    random_name (rand, name, sizeof name);
    random_name (rand, text, sizeof text);
    lode_store_put (store, name, type, n, data);
    if (g_rand_boolean (rand))
      lode_store_text (store, name, text);
  }
  return store;
}

static void
test_round_trip (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  g_autofree char *path = scratch_path ("x.safetensors"), *again = scratch_path ("y.safetensors");

  for (int i = 0; i < 60; i++) {
    g_autoptr (LodeStore) store = random_store (rand), back = NULL;
    g_autoptr (GBytes) first = NULL, second = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_true (lode_store_write (store, path, &error));
    back = lode_store_read (path, &error);
    g_assert_no_error (error);
    assert_same (store, back);
    g_assert_true (lode_store_write (back, again, &error));
    first = scratch_bytes (path);
    second = scratch_bytes (again);
    g_assert_true (g_bytes_equal (first, second));
  }
  g_assert_cmpuint (scratch_count (scratch), ==, 2); /* nothing is left beside them */
}

static void
test_payloads (void)
{
  static const uint64_t wide[] = {
    0x7ff0000000000001, 0xfff8000000000000, 0x7fffffffffffffff, 0x8000000000000000, 1,
    0x7ff0000000000000
  };
  static const uint32_t narrow[] = { 0x7f800001, 0xffc00000, 0x7fffffff, 0x80000000, 1 };
  g_autofree char *path = scratch_path ("nan.safetensors");
  g_autoptr (LodeStore) store = lode_store_new (), back = NULL;
  uint64_t wide_back[6];
  uint32_t narrow_back[5];

  lode_store_put (store, "wide", LODE_TYPE_F64, 6, wide);
  lode_store_put (store, "narrow", LODE_TYPE_F32, 5, narrow);
  lode_store_put (store, "none", LODE_TYPE_F32, 0, NULL);
  g_assert_true (lode_store_write (store, path, NULL));
  back = lode_store_read (path, NULL);
  g_assert_true (lode_store_get (back, "wide", LODE_TYPE_F64, 6, wide_back, NULL));
  g_assert_true (lode_store_get (back, "narrow", LODE_TYPE_F32, 5, narrow_back, NULL));
  g_assert_true (lode_store_get (back, "none", LODE_TYPE_F32, 0, NULL, NULL));
  g_assert_cmpmem (wide, sizeof wide, wide_back, sizeof wide);
  g_assert_cmpmem (narrow, sizeof narrow, narrow_back, sizeof narrow);
}

/* The bytes that other programs expect: written out from the format's description. */
static void
test_bytes (void)
{
  static const char header[] = "{\"__metadata__\":{\"k\\\"\":\"v\"},"
                               "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                               "\"b\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[3,7]}}";
  static const uint8_t data[] = { 1, 2, 3, 0xfe, 0xff, 0xff, 0xff };
  size_t padded = (sizeof header - 1 + 7) / 8 * 8;
  g_autofree char *path = scratch_path ("bytes.safetensors");
  g_autoptr (GByteArray) wanted = g_byte_array_new ();
  g_autoptr (LodeStore) store = lode_store_new ();
  g_autoptr (GBytes) found = NULL;
  uint64_t length = padded;

  lode_store_put (store, "b", LODE_TYPE_I32, 1, (int32_t[]){ -2 });
  lode_store_put (store, "a", LODE_TYPE_U8, 3, data);
  lode_store_text (store, "k\"", "v");
  lode_store_text (store, "gone", "v");
  lode_store_text (store, "gone", NULL);
  g_byte_array_append (wanted, (const uint8_t *) &length, 8);
  g_byte_array_append (wanted, (const uint8_t *) header, sizeof header - 1);
  while (wanted->len < 8 + padded)
    g_byte_array_append (wanted, (const uint8_t *) " ", 1);
  g_byte_array_append (wanted, data, sizeof data);
  g_assert_true (lode_store_write (store, path, NULL));
  found = scratch_bytes (path);
  g_assert_cmpmem (wanted->data, wanted->len, g_bytes_get_data (found, NULL),
                   g_bytes_get_size (found));
}

static void
test_get (void)
{
  g_autoptr (LodeStore) store = lode_store_new ();
  g_autoptr (GError) error = NULL;
  float value[3] = { 1, 2, 3 }, out[3] = { 7, 7, 7 };

  lode_store_put (store, "x", LODE_TYPE_F32, 3, value);
  g_assert_false (lode_store_get (store, "y", LODE_TYPE_F32, 3, out, &error));
  assert_says (&error, "\"y\"");
  g_assert_false (lode_store_get (store, "x", LODE_TYPE_I32, 3, out, &error));
  assert_says (&error, "expected I32[3], found F32[3]");
  g_assert_false (lode_store_get (store, "x", LODE_TYPE_F32, 2, out, &error));
  assert_says (&error, "expected F32[2], found F32[3]");
  g_assert_false (lode_store_get (store, "x", 99, 3, out, &error));
  assert_says (&error, "found F32[3]");
  g_assert_cmpfloat (out[0], ==, 7);
  lode_store_put (store, "x", LODE_TYPE_U8, 1, "q"); /* another one of that name */
  g_assert_false (lode_store_get (store, "x", LODE_TYPE_F32, 3, out, NULL));
  g_assert_true (lode_store_get (store, "x", LODE_TYPE_U8, 1, out, NULL));
}

static void
test_views (void)
{
  g_autoptr (LodeStore) store = lode_store_new (), outer = lode_store_view (store, "net/"),
                        inner = lode_store_view (outer, "w/"), back = NULL;
  g_autofree char *path = scratch_path ("view.safetensors");
  g_autofree const char **name = NULL, **inside = NULL;
  g_autoptr (GError) error = NULL;
  const char *wanted[] = { "m", "net/", "net/w/a", "net/w/b", "nets", NULL };
  const char *wanted_inside[] = { "a", "b", NULL };
  uint8_t byte = 5;

  lode_store_put (store, "nets", LODE_TYPE_U8, 1, &byte);
  lode_store_put (store, "m", LODE_TYPE_U8, 1, &byte);
  lode_store_put (outer, "", LODE_TYPE_U8, 1, &byte); /* with the prefix it has a name */
  lode_store_put (inner, "b", LODE_TYPE_U8, 1, &byte);
  lode_store_put (inner, "a", LODE_TYPE_U8, 1, &byte);
  lode_store_text (inner, "t", "text");
  name = lode_store_names (store);
  inside = lode_store_names (inner);
  g_assert_cmpstrv ((char **) name, wanted);
  g_assert_cmpstrv ((char **) inside, wanted_inside);
  g_assert_cmpstr (lode_store_find_text (store, "net/w/t"), ==, "text");
  g_assert_false (lode_store_get (inner, "c", LODE_TYPE_U8, 1, &byte, &error));
  assert_says (&error, "\"net/w/c\"");
  g_assert_true (lode_store_write (inner, path, NULL));
  back = lode_store_read (path, NULL);
  assert_same (inner, back);
}

static void
test_bad_puts (void)
{
  static const struct {
    const char *name, *says;
    uint32_t type;
    size_t n;
  } bad[] = { { "", "empty name", LODE_TYPE_U8, 1 },
              { "\xff", "UTF-8", LODE_TYPE_U8, 1 },
              { "__metadata__", "__metadata__", LODE_TYPE_U8, 1 },
              { "t", "unknown type", 77, 1 },
              { "huge", "addresses", LODE_TYPE_F64, SIZE_MAX / 2 } };
  g_autofree char *path = scratch_path ("bad-put.safetensors");

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (LodeStore) store = lode_store_new ();
    g_autoptr (GError) error = NULL;

    lode_store_put (store, "before", LODE_TYPE_U8, 1, "x");
    lode_store_put (store, bad[i].name, bad[i].type, bad[i].n, "x");
    g_assert_false (lode_store_write (store, path, &error));
    assert_says (&error, bad[i].says);
    g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  }
}

/* A file of a header and so many bytes of data, read: what is said of it. */
static GError *
error_of (const char *header, size_t n, size_t data)
{
  g_autofree char *path = scratch_path ("lying.safetensors");
  g_autofree uint8_t *bytes = g_malloc0 (8 + n + data);
  g_autoptr (LodeStore) store = NULL;
  GError *error = NULL;
  uint64_t length = n;

  memcpy (bytes, &length, 8);
  memcpy (bytes + 8, header, n);
  scratch_put (path, bytes, 8 + n + data);
  store = lode_store_read (path, &error);
  g_assert_true (!store == !!error);
  if (error)
    g_assert_nonnull (strstr (error->message, path));
  return error;
}

static void
assert_lie (const char *header, size_t data, const char *says)
{
  g_autoptr (GError) error = error_of (header, strlen (header), data);

  if (!error)
    g_error ("believed: %s", header);
  assert_says (&error, says);
}

#define ENTRY(name, dtype, shape, offsets)                                                         \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define U8(name, shape, offsets) "{" ENTRY (name, "U8", shape, offsets) "}"

static void
test_lies (void)
{
  assert_lie (U8 ("a", "[3]", "[-3,0]"), 3, "whole number");
  assert_lie (U8 ("a", "[3]", "[3,0]"), 3, "before it begins");
  assert_lie (U8 ("a", "[3]", "[1,4]"), 4, "gap");
  assert_lie (U8 ("a", "[3]", "[0,3]"), 4, "continued");
  assert_lie (U8 ("a", "[3]", "[0,3]"), 2, "cut");
  assert_lie (U8 ("a", "[4]", "[0,3]"), 3, "4 elements");
  assert_lie (U8 ("a", "[3]", "[0,3,4]"), 3, "two offsets");
  assert_lie (U8 ("a", "[3]", "[3]"), 3, "two offsets");
  assert_lie (U8 ("a", "[3]", "[0,3.0]"), 3, "whole number");
  assert_lie (U8 ("a", "[3]", "[0,18446744073709551616]"), 3, "64 bits");
  assert_lie (U8 ("a", "[3]", "[0,18446744073709551615]"), 3, "3 elements");
  assert_lie (U8 ("a", "[18446744073709551615]", "[0,18446744073709551615]"), 3, "cut");
  assert_lie (U8 ("a", "[4294967296,4294967296,3]", "[0,3]"), 3, "2^64");
  assert_lie ("{" ENTRY ("a", "F64", "[2305843009213693952]", "[0,0]") "}", 0,
              "2305843009213693952");
  assert_lie ("{" ENTRY ("a", "F16", "[1]", "[0,2]") "}", 2, "dtype F16");
  assert_lie ("{" ENTRY ("a", "U8", "[2]", "[0,2]") "," ENTRY ("b", "U8", "[2]", "[1,3]") "}", 3,
              "overlap");
  assert_lie ("{" ENTRY ("a", "U8", "[2]", "[0,2]") "," ENTRY ("a", "U8", "[2]", "[2,4]") "}", 4,
              "twice");
  assert_lie ("{" ENTRY ("a", "U8", "[2]", "[0,2]") "," ENTRY ("\\u0061", "U8", "[2]", "[2,4]") "}",
              4, "twice");
  assert_lie (U8 ("", "[0]", "[0,0]"), 0, "empty name");
  assert_lie (U8 ("a\\u0000b", "[0]", "[0,0]"), 0, "NUL");
  assert_lie (U8 ("\xc3(", "[0]", "[0,0]"), 0, "UTF-8");
  assert_lie (U8 ("\\ud800", "[0]", "[0,0]"), 0, "character");
  assert_lie (U8 ("a\nb", "[0]", "[0,0]"), 0, "control");
  assert_lie (U8 ("a\\n\\u001b", "[1]", "[0,0]"), 0, "array \"a??\"");
  assert_lie ("{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, "lacks");
  assert_lie ("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, "twice");
  assert_lie ("{\"a\":{\"dtype\":\"U8\",\"more\":1}}", 0, "other than");
  assert_lie ("{\"a\":[]}", 0, "object");
  assert_lie ("{\"a\":{\"dtype\":3}}", 0, "text");
  assert_lie ("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "twice");
  assert_lie ("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "two groups");
  assert_lie ("{\"__metadata__\":{\"a\":1}}", 0, "text");
  assert_lie ("[]", 0, "object");
  assert_lie (" {}", 0, "object");
  assert_lie ("{}x", 0, "behind the end");
  assert_lie ("{,}", 0, "text");
  assert_lie ("{\"a\":", 0, "object");
  assert_lie (U8 ("a", "[0],", "[0,0]"), 0, "text");
}

static void
test_accepted (void)
{
  static const char *const fine[] = {
    "{}     ",
    U8 ("a", "[3]", "[0,3]"),
    U8 ("a", "[]", "[0,1]"), /* a scalar */
    U8 ("a", "[2,1,3]", "[0,6]"),
    U8 ("a", "[4294967296,4294967296,0]", "[0,0]"),
    "{\"__metadata__\":{\"format\":\"pt\"}," ENTRY ("z", "U8", "[2]", "[0,2]") "}\n",
    "{" ENTRY ("b", "U8", "[2]", "[2,4]") "," ENTRY ("a", "U8", "[2]", "[0,2]") "," ENTRY (
        "e", "F64", "[0]", "[2,2]") "," ENTRY ("../x/\\ud83d\\ude00", "U8", "[0]", "[0,0]") "}",
  };
  static const size_t data[] = { 0, 3, 1, 6, 0, 2, 4 };

  for (size_t i = 0; i < G_N_ELEMENTS (fine); i++)
    g_assert_no_error (error_of (fine[i], strlen (fine[i]), data[i]));
}

/* A million brackets must not use up the stack. */
static void
test_deep (void)
{
  g_autofree char *header = g_malloc (1000001);
  g_autoptr (GError) error = NULL;

  memset (header, '[', 1000000);
  memcpy (header, "{\"a\":{\"shape\":", 14);
  error = error_of (header, 1000000, 0);
  assert_says (&error, "whole number");
  memset (header, '{', 1000000);
  error = error_of (header, 1000000, 0);
  assert_says (&error, "text");
}

static void
test_lengths (void)
{
  static const uint64_t length[] = { UINT64_C (1) << 60, UINT64_MAX, UINT64_MAX - 7, 9, 1, 0 };
  g_autofree char *path = scratch_path ("length.safetensors");
  g_autoptr (GError) error = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (length); i++) {
    uint8_t bytes[16] = "01234567{}      ";

    memcpy (bytes, &length[i], 8);
    scratch_put (path, bytes, sizeof bytes);
    g_assert_null (lode_store_read (path, &error));
    assert_says (&error, "claims");
  }
}

/* Every beginning of a file is refused, and every single byte of its header may be wrong. */
static void
test_cut_and_flipped (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  g_autoptr (LodeStore) store = random_store (rand);
  g_autofree char *path = scratch_path ("cut.safetensors");
  g_autoptr (GBytes) whole = NULL;
  const uint8_t *data;
  gsize n;

  lode_store_put (store, "some", LODE_TYPE_F64, 3, (double[]){ 1, 2, 3 });
  g_assert_true (lode_store_write (store, path, NULL));
  whole = scratch_bytes (path);
  data = g_bytes_get_data (whole, &n);
  for (gsize i = 0; i < n; i++) {
    g_autofree uint8_t *copy = g_memdup2 (data, n);
    g_autoptr (LodeStore) back = NULL;
    g_autoptr (GError) error = NULL;

    scratch_put (path, data, i);
    g_assert_null (lode_store_read (path, &error));
    assert_says (&error, path);
    copy[i] ^= (uint8_t) (1U << g_rand_int_range (rand, 0, 8));
    scratch_put (path, copy, n);
    back = lode_store_read (path, &error);
    g_assert_true (!back == !!error);
  }
}

static void
test_not_files (void)
{
  g_autofree char *missing = scratch_path ("missing"), *pipe = scratch_path ("pipe");
  g_autoptr (GError) error = NULL;

  g_assert_null (lode_store_read (missing, &error));
  assert_says (&error, "No such file");
  g_assert_null (lode_store_read (scratch, &error));
  assert_says (&error, "not a file");
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_null (lode_store_read (pipe, &error));
  assert_says (&error, "not a file");
  g_assert_cmpint (unlink (pipe), ==, 0);
}

/* A write that fails leaves the old file and nothing else. */
static void
test_full_disk (void)
{
  g_autofree char *folder = scratch_path ("full"), *path = scratch_path ("full/x.safetensors");
  g_autofree double *zeros = g_new0 (double, 10000);
  g_autoptr (LodeStore) old = lode_store_new (), large = lode_store_new (), back = NULL;
  g_autoptr (GError) error = NULL;
  bool ok;

  g_assert_cmpint (g_mkdir (folder, 0755), ==, 0);
  lode_store_put (old, "x", LODE_TYPE_F64, 10, zeros);
  lode_store_put (large, "x", LODE_TYPE_F64, 10000, zeros);
  g_assert_true (lode_store_write (old, path, NULL));
  disk_full (20000);
  ok = lode_store_write (large, path, &error);
  disk_empty ();
  g_assert_false (ok);
  assert_says (&error, path);
  back = lode_store_read (path, NULL);
  assert_same (old, back);
  g_assert_cmpuint (scratch_count (folder), ==, 1);
}

static void
test_in_the_way (void)
{
  g_autofree char *folder = scratch_path ("way"), *path = scratch_path ("way/x"),
                  *none = scratch_path ("way/none/x");
  g_autoptr (LodeStore) store = lode_store_new ();
  g_autoptr (GError) error = NULL;
  bool ok;

  g_assert_cmpint (g_mkdir (folder, 0755), ==, 0);
  g_assert_false (lode_store_write (store, folder, &error));
  assert_says (&error, "a folder is in the way");
  g_assert_false (lode_store_write (store, none, &error));
  assert_says (&error, "No such file");
  scratch_put (path, "kept", 4);
  g_assert_cmpint (chmod (path, 0444), ==, 0);
  g_assert_false (lode_store_write (store, path, &error));
  assert_says (&error, "read-only");
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (chmod (folder, 0555), ==, 0);
  become_nobody ();
  ok = lode_store_write (store, path, &error);
  become_oneself ();
  g_assert_false (ok);
  assert_says (&error, "Permission denied");
  g_assert_cmpint (chmod (folder, 0755), ==, 0);
  g_assert_cmpuint (scratch_count (folder), ==, 0);
}

/* The size of a checkpoint; how long it took is shown, and bounded where no disk is slow. */
static void
test_large (void)
{
  enum { ARRAYS = 1000, N = 6250 };
  g_autofree char *path = scratch_path ("large.safetensors");
  g_autofree float *data = g_new0 (float, N);
  g_autoptr (LodeStore) store = lode_store_new (), back = NULL;
  g_autoptr (GError) error = NULL;
  int64_t began;

  for (int i = 0; i < ARRAYS; i++) {
    g_autofree char *name = g_strdup_printf ("layer%d.weight", i);

    data[i] = (float) i;
    lode_store_put (store, name, LODE_TYPE_F32, N, data);
  }
  began = g_get_monotonic_time ();
  g_assert_true (lode_store_write (store, path, &error));
  g_test_message ("25 MB written in %.1f ms", 1e-3 * (double) (g_get_monotonic_time () - began));
  began = g_get_monotonic_time ();
  back = lode_store_read (path, &error);
  g_test_message ("and read in %.1f ms", 1e-3 * (double) (g_get_monotonic_time () - began));
  assert_same (store, back);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  scratch_make ();
  g_test_add_func ("/store/round-trip", test_round_trip);
  g_test_add_func ("/store/payloads", test_payloads);
  g_test_add_func ("/store/bytes", test_bytes);
  g_test_add_func ("/store/get", test_get);
  g_test_add_func ("/store/views", test_views);
  g_test_add_func ("/store/bad-puts", test_bad_puts);
  g_test_add_func ("/store/lies", test_lies);
  g_test_add_func ("/store/accepted", test_accepted);
  g_test_add_func ("/store/deep", test_deep);
  g_test_add_func ("/store/lengths", test_lengths);
  g_test_add_func ("/store/cut-and-flipped", test_cut_and_flipped);
  g_test_add_func ("/store/not-files", test_not_files);
  g_test_add_func ("/store/full-disk", test_full_disk);
  g_test_add_func ("/store/in-the-way", test_in_the_way);
  g_test_add_func ("/store/large", test_large);
  result = g_test_run ();
  scratch_remove ();
  return result;
}
