/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells of NAS-Bench-201, for its tests.
 */
#ifndef TEST_NB201_CELLS_H
#define TEST_NB201_CELLS_H

#include "family.h"

enum { EDGES = 6, OPS = 5, NONE = 0, SKIP = 1, CONV_1 = 2, CONV_3 = 3, POOL = 4, CELLS = 15625 };

static const LodeBuild derived = { .size = sizeof (LodeBuild) };
static const LodeBuild supernet = { .size = sizeof (LodeBuild), .shared = true };
static const uint8_t all_ops[OPS] = { NONE, SKIP, CONV_1, CONV_3, POOL };
/* The best test accuracy of the table on CIFAR-10: 94.37 % */
static const char best[] = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|"
                           "nor_conv_3x3~1|nor_conv_1x1~2|";

static inline Family *
space_new (int64_t channels, int64_t cells, int64_t stride, bool joined)
{
  LodeNode *group = test_group ();
  LodeNode *node = lode_node_new (LODE_VALUE_BOOL, "joined", "test");

  node->flag = joined;
  lode_node_set (group, node);
  test_set (group, "channels", channels);
  test_set (group, "cells", cells);
  test_set (group, "stem_stride", stride);
  return family_new ("nb201", group);
}

static inline void
read_arch (const Family *family, const char *text, uint8_t *arch)
{
  g_autoptr (GError) error = NULL;

  family->ops->read (family->backbone, text, arch, &error);
  g_assert_no_error (error);
}

/* Cell number `code` of those whose edges choose among n operations. */
static inline void
cell_at (uint32_t code, const uint8_t *op, uint32_t n, uint8_t *arch)
{
  for (uint32_t e = 0; e < EDGES; e++, code /= n)
    arch[e] = op[code % n];
}

static inline void
refuse (const Family *family, const char *text, const char *why)
{
  g_autoptr (GError) error = NULL;
  uint8_t arch[EDGES];

  g_assert_false (family->ops->read (family->backbone, text, arch, &error));
  if (!strstr (error->message, why))
    g_error ("\"%s\" does not say \"%s\"", error->message, why);
}

#endif
