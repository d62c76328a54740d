/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backbones without decisions: published sizes.
 */
#include "family.h"

static const LodeBuild derived = { .size = sizeof (LodeBuild) };

static Count
resnet_cost (int64_t depth, const char *shortcut)
{
  LodeNode *group = test_group ();
  Family *family;
  Count count;

  test_set (group, "depth", depth);
  test_set_text (group, "shortcut", shortcut);
  family = family_new ("resnet", group);
  count = family_cost (family, derived, 32, NULL);
  family_free (family);
  return count;
}

static void
test_resnet (void)
{
  LodeNode *group = test_group ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (resnet_cost (20, "B").params, ==, 272474);
  g_assert_cmpuint (resnet_cost (20, "A").params, ==, 272474 - 2752);
  g_assert_cmpuint (resnet_cost (110, "A").params, ==, 1727962);
  g_assert_cmpuint (resnet_cost (20, "A").macs, ==, 40551040);
  g_assert_cmpuint (resnet_cost (8, "A").params, <, resnet_cost (14, "A").params);
  test_set (group, "depth", 21);
  g_assert_null (family_try ("resnet", group, &error));
  g_assert_nonnull (strstr (error->message, "6 n + 2, for example 20"));
}

static void
test_mlp (void)
{
  Family *family = family_new ("mlp", NULL);
  Count count = family_cost (family, derived, 4, NULL);

  g_assert_cmpuint (count.params, ==, 48 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10);
  g_assert_cmpuint (count.macs, ==, 48 * 128 + 128 * 64 + 64 * 10);
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plain/resnet", test_resnet);
  g_test_add_func ("/plain/mlp", test_mlp);
  return g_test_run ();
}
