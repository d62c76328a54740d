/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests say, and how it is told: as text, as TAP while they run, as JSON at the end.
 */
#include "check.h"

#include "common.h"
#include "compute/seed.h"

#include <string.h>

/* Keeps the first outcome other than a pass; the text becomes one line. */
static bool
settle (Check *check, CheckOutcome outcome, char *text)
{
  if (check->outcome != CHECK_PASS) {
    g_free (text);
    return false;
  }
  for (char *c = text; *c; c++)
    *c = (unsigned char) *c < ' ' ? ' ' : *c;
  check->outcome = outcome;
  check->text = g_strstrip (text);
  return false;
}

bool
check_fail (Check *check, const char *format, ...)
{
  va_list list;
  char *text;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  return settle (check, CHECK_FAIL, text);
}

bool
check_skip (Check *check, const char *format, ...)
{
  va_list list;
  char *text;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  return settle (check, CHECK_SKIP, text);
}

bool
check_fail_error (Check *check, const char *what, GError *error)
{
  check_fail (check, "%s: %s", what, error ? error->message : "it failed without setting an error");
  g_clear_error (&error);
  return false;
}

bool
check_refusal (Check *check, const char *what, GError *error)
{
  bool ok = true;

  if (!error)
    return check_fail (check, "%s: expected an error that says why, found none set", what);
  if (!error->message || !*error->message)
    ok = check_fail (check, "%s: expected a message, found an empty one", what);
  else if (strchr (error->message, '\n'))
    ok = check_fail (check, "%s: expected a message of one line, found: %s", what, error->message);
  g_error_free (error);
  return ok;
}

LodeRng
check_rng (const Check *check, const char *name, uint64_t a)
{
  return lode_seed_rng ((uint64_t) check->seed, name, a, 0);
}

static const char *const words[] = { "pass", "fail", "skip", "error", "timeout" };
static const int colours[] = { 32, 31, 33, 31, 31 };

const char *
check_outcome_word (CheckOutcome outcome)
{
  return words[outcome];
}

struct CheckReport {
  CheckFormat format;
  guint tests, passed, failed, skipped;
  char *plugin;
  JsonBuilder *json;
};

CheckReport *
check_report_new (CheckFormat format, guint tests)
{
  CheckReport *report = g_new0 (CheckReport, 1);

  report->format = format;
  report->tests = tests;
  if (format == CHECK_AS_TAP)
    printf ("1..%u\n", tests);
  if (format != CHECK_AS_JSON)
    return report;
  report->json = json_builder_new ();
  json_builder_begin_object (report->json);
  json_builder_begin_array (json_builder_set_member_name (report->json, "plugins"));
  return report;
}

static void
end_plugin (CheckReport *report)
{
  if (!report->json || !report->plugin)
    return;
  json_builder_end_array (report->json);
  json_builder_end_object (report->json);
}

void
check_report_plugin (CheckReport *report, const char *id, const char *path)
{
  end_plugin (report);
  g_free (report->plugin);
  report->plugin = g_strdup (id);
  if (report->format == CHECK_AS_TEXT)
    printf ("%s  %s\n", id, path);
  if (!report->json)
    return;
  json_builder_begin_object (report->json);
  lode_json_text (report->json, "plugin", id);
  lode_json_text (report->json, "path", path);
  json_builder_begin_array (json_builder_set_member_name (report->json, "tests"));
}

static void
print_text (const CheckResult *result)
{
  g_autofree char *word = g_strdup_printf ("%-7s", words[result->outcome]);
  g_autofree char *painted = lode_paint (stdout, colours[result->outcome], word);

  printf ("  %s  %s%s%s\n", painted, result->test->id, result->text ? ": " : "",
          result->text ? result->text : "");
}

/* '#' begins a directive. */
static void
print_tap (const CheckReport *report, const CheckResult *result)
{
  guint number = report->passed + report->failed + report->skipped;
  g_autofree char *text = g_strdelimit (g_strdup (result->text ? result->text : ""), "#", ' ');

  switch (result->outcome) {
  case CHECK_PASS:
    printf ("ok %u %s %s\n", number, report->plugin, result->test->id);
    break;
  case CHECK_SKIP:
    printf ("ok %u %s %s # SKIP %s\n", number, report->plugin, result->test->id, text);
    break;
  default:
    printf ("not ok %u %s %s\n# %s: %s\n", number, report->plugin, result->test->id,
            words[result->outcome], text);
  }
}

static void
add_json (JsonBuilder *json, const CheckResult *result)
{
  json_builder_begin_object (json);
  lode_json_text (json, "test", result->test->id);
  lode_json_text (json, "outcome", words[result->outcome]);
  lode_json_text (json, "text", result->text);
  json_builder_add_double_value (json_builder_set_member_name (json, "seconds"), result->seconds);
  json_builder_end_object (json);
}

void
check_report_add (CheckReport *report, const CheckResult *result)
{
  if (result->outcome == CHECK_PASS)
    report->passed++;
  else if (result->outcome == CHECK_SKIP)
    report->skipped++;
  else
    report->failed++;
  if (report->format == CHECK_AS_TEXT)
    print_text (result);
  else if (report->format == CHECK_AS_TAP)
    print_tap (report, result);
  else
    add_json (report->json, result);
  fflush (stdout);
}

static void
end_json (CheckReport *report)
{
  JsonBuilder *json = report->json;

  end_plugin (report);
  json_builder_end_array (json);
  json_builder_add_int_value (json_builder_set_member_name (json, "passed"), report->passed);
  json_builder_add_int_value (json_builder_set_member_name (json, "failed"), report->failed);
  json_builder_add_int_value (json_builder_set_member_name (json, "skipped"), report->skipped);
  json_builder_end_object (json);
  lode_json_print (json_builder_get_root (json));
  g_object_unref (json);
}

bool
check_report_end (CheckReport *report)
{
  bool ok = report->failed == 0;

  if (report->json)
    end_json (report);
  else
    printf ("%s%u passed, %u failed, %u skipped\n", report->format == CHECK_AS_TAP ? "# " : "",
            report->passed, report->failed, report->skipped);
  g_free (report->plugin);
  g_free (report);
  return ok;
}
