/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode check`: the conformance suite. A test is one function that looks at one plugin; runner.c
 * gives each a process of its own, outcome.c says what came out.
 *
 * To add a test: a function in the file of its group, and a line in that file's table. To add a
 * group: a file, and its table in catalogue.c. To add a kind: its driver (driver.h).
 */
#ifndef LODE_VERB_CHECK_H
#define LODE_VERB_CHECK_H

#include "plugin/registry.h"
#include <lode/rng.h>

typedef enum {
  CHECK_PASS,
  CHECK_FAIL,
  CHECK_SKIP,
  CHECK_ERROR,  /* the test itself ended: a signal, an exit */
  CHECK_TIMEOUT /* … or did not */
} CheckOutcome;

/* What a test gets, and what it says. */
typedef struct Check {
  LodeRegistry *registry;
  const char *kind, *name;  /* of the plugin */
  const LodeLoaded *loaded; /* the plugin, in the test's own process */
  const char *const *set;   /* NULL-ended "option=value" of the plugin, over its defaults */
  int64_t seed;
  const char *scratch; /* an empty folder of the test's own */
  uint32_t folders;    /* made in it so far */

  CheckOutcome outcome;
  char *text; /* one line: what was expected and found; why it was skipped; or NULL */
} Check;

typedef struct CheckTest {
  const char *id;    /* "group/what"; NULL ends a table */
  const char *kinds; /* words; NULL: every kind */
  const char *doc;   /* what it asks of a plugin */
  void (*run) (Check *);
} CheckTest;

/* The first of these counts; each returns false, for `return check_fail (…)`. */
bool check_fail (Check *, const char *format, ...) G_GNUC_PRINTF (2, 3);
bool check_skip (Check *, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* A failure by an error that ought not to be there; frees it (NULL: none was set). */
bool check_fail_error (Check *, const char *what, GError *error);
/* Whether an error, set because something was refused, says so in one line of text; frees it. */
bool check_refusal (Check *, const char *what, GError *error);

/* The random stream of a test, at a position of its own choosing. */
LodeRng check_rng (const Check *, const char *name, uint64_t a);

/* catalogue.c: tests for a kind (const CheckTest *; kind NULL: all), whose id or group matches the
 * pattern ("gradients", "state/x", "*rows*"; NULL: any). */
GPtrArray *check_catalogue (const char *kind, const char *pattern);

extern const CheckTest check_file_tests[], check_descriptor_tests[], check_option_tests[],
    check_life_tests[], check_determinism_tests[], check_state_tests[], check_loss_tests[],
    check_backbone_tests[], check_op_tests[], check_gradient_tests[], check_dataset_tests[],
    check_sampler_tests[], check_search_tests[], check_evaluator_tests[], check_executor_tests[],
    check_stage_tests[], check_bounds_tests[], check_robust_tests[];

/* runner.c */
typedef struct CheckSpec {
  LodeRegistry *registry; /* in which nothing of the plugin has been loaded */
  const char *kind, *name;
  const char *const *set;
  int64_t seed;
  double patience; /* seconds that a test may take */
  bool in_process; /* no child and no limit, for a debugger */
} CheckSpec;

typedef struct CheckResult {
  const CheckTest *test;
  CheckOutcome outcome;
  char *text; /* or NULL */
  double seconds;
} CheckResult;

/* Never fails as such: what goes wrong is the test's outcome. */
void check_run (const CheckSpec *, const CheckTest *, CheckResult *);

/* outcome.c: results of all plugins, as they come and at the end. */
typedef enum { CHECK_AS_TEXT, CHECK_AS_JSON, CHECK_AS_TAP } CheckFormat;

typedef struct CheckReport CheckReport;
CheckReport *check_report_new (CheckFormat, guint tests); /* tests: how many will come */
void check_report_plugin (CheckReport *, const char *id, const char *path);
void check_report_add (CheckReport *, const CheckResult *);
/* Prints what is left to print and frees; whether nothing failed. */
bool check_report_end (CheckReport *);

const char *check_outcome_word (CheckOutcome);

#endif
