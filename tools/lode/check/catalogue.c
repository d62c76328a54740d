/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All tests, in the order in which they run: what others rest on comes first.
 */
#include "check.h"

#include <string.h>

static const CheckTest *const groups[] = {
  check_file_tests,        check_descriptor_tests, check_option_tests, check_life_tests,
  check_dataset_tests,     check_sampler_tests,    check_loss_tests,   check_op_tests,
  check_gradient_tests,    check_backbone_tests,   check_search_tests, check_evaluator_tests,
  check_executor_tests,    check_stage_tests,      check_bounds_tests, check_robust_tests,
  check_determinism_tests, check_state_tests,
};

static bool
suits (const CheckTest *test, const char *kind)
{
  g_auto (GStrv) kinds = test->kinds ? g_strsplit (test->kinds, " ", -1) : NULL;

  return !kind || !kinds || g_strv_contains ((const char *const *) kinds, kind);
}

/* The whole id, its group, or a pattern with '*' and '?'. */
static bool
matches (const char *id, const char *pattern)
{
  size_t n = pattern ? strlen (pattern) : 0;

  if (!pattern || g_pattern_match_simple (pattern, id))
    return true;
  return !strncmp (id, pattern, n) && id[n] == '/';
}

GPtrArray *
check_catalogue (const char *kind, const char *pattern)
{
  GPtrArray *tests = g_ptr_array_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (groups); i++)
    for (const CheckTest *test = groups[i]; test->id; test++)
      if (suits (test, kind) && matches (test->id, pattern))
        g_ptr_array_add (tests, (gpointer) test);
  return tests;
}
