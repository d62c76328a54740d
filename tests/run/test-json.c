/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in JSON: whatever is written can be read, and is the same.
 */
#include "run/json-add.h"

#include <math.h>
#include <string.h>

static char *
written (double value)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_array (json);
  lode_json_add_number (json, NULL, value);
  json_builder_end_array (json);
  root = json_builder_get_root (json);
  return json_to_string (root, FALSE);
}

static void
test_numbers (void)
{
  static const double value[] = { 0,    -0.5, 3,    0.1,  1e15, 1e16,   1e17, -1e17,
                                  1e18, 9e18, 1e19, 1e20, 1e22, -3e300, 1e-7, 5e-324 };

  for (size_t i = 0; i < G_N_ELEMENTS (value); i++) {
    g_autofree char *text = written (value[i]);
    const char *end = strrchr (text, ']'), *point = strchr (text, '.'), *e = strchr (text, 'e');
    char *stopped;
    double read = g_ascii_strtod (text + 1, &stopped);

    g_assert_true (stopped == end);
    g_assert_false (e && point > e);
    g_assert_cmpfloat (fabs (read - value[i]), <=, 2.3e-16 * fabs (value[i]));
  }
}

static void
test_no_numbers (void)
{
  static const double value[] = { NAN, INFINITY, -INFINITY };

  for (size_t i = 0; i < G_N_ELEMENTS (value); i++) {
    g_autofree char *text = written (value[i]);

    g_assert_cmpstr (text, ==, "[null]");
  }
}

static void
test_names (void)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (json);
  lode_json_add_number (json, "macs", 2e17);
  json_builder_end_object (json);
  root = json_builder_get_root (json);
  text = json_to_string (root, FALSE);
  g_assert_cmpstr (text, ==, "{\"macs\":200000000000000000}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/numbers", test_numbers);
  g_test_add_func ("/json/no-numbers", test_no_numbers);
  g_test_add_func ("/json/names", test_names);
  return g_test_run ();
}
