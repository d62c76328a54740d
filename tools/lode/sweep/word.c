/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Axes as words of the command line: path=a,b and path=1..5.
 */
#include "axis.h"

#include <string.h>

#define MOST_CHOICES 100000

/* Texts between commas that stand in no brackets and no quotes; transfer full. */
static GPtrArray *
split (const char *text)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func (g_free);
  const char *begin = text;
  bool quoted = false;
  int depth = 0;

  for (;; text++) {
    if (quoted && *text == '\\' && text[1]) {
      text++;
      continue;
    }
    if (*text == '"')
      quoted = !quoted;
    if (!quoted && *text && strchr ("[({", *text))
      depth++;
    if (!quoted && *text && strchr ("])}", *text))
      depth--;
    if (*text && (*text != ',' || quoted || depth > 0))
      continue;
    g_ptr_array_add (parts, g_strstrip (g_strndup (begin, (gsize) (text - begin))));
    if (!*text)
      return parts;
    begin = text + 1;
  }
}

/* An integer from *at on; moves *at behind it. */
static bool
read_integer (const char **at, int64_t *value)
{
  char *end;

  if (!g_ascii_isdigit (**at) && !(**at == '-' && g_ascii_isdigit ((*at)[1])))
    return false;
  *value = g_ascii_strtoll (*at, &end, 10);
  *at = end;
  return true;
}

typedef struct Range {
  int64_t from, to, step;
} Range;

static bool
read_range (const char *text, Range *range)
{
  range->step = 1;
  if (!read_integer (&text, &range->from) || strncmp (text, "..", 2))
    return false;
  text += 2;
  if (!read_integer (&text, &range->to))
    return false;
  if (!strncmp (text, "..", 2)) {
    text += 2;
    if (!read_integer (&text, &range->step))
      return false;
  }
  return !*text;
}

bool
sweep_word_is_axis (const char *word)
{
  const char *sign = strchr (word, '=');
  g_autoptr (GPtrArray) parts = sign ? split (sign + 1) : NULL;
  Range range;

  return parts && (parts->len > 1 || read_range (parts->pdata[0], &range));
}

static void
add_choice (SweepAxis *axis, const char *text)
{
  SweepChoice *choice = g_new0 (SweepChoice, 1);

  choice->shown = g_strdup (text);
  choice->word = g_strdup_printf ("%s=%s", axis->path, text);
  g_ptr_array_add (axis->choices, choice);
}

static bool
add_range (SweepAxis *axis, const char *text, const Range *range, GPtrArray *errors)
{
  double n = range->step ? ((double) range->to - (double) range->from) / (double) range->step : -1;

  if (n < 0 || n > MOST_CHOICES) {
    g_ptr_array_add (errors, g_strdup_printf ("%s = %s: expected a range like 1..5 or 0..100..10, "
                                              "of at most %d values",
                                              axis->path, text, MOST_CHOICES));
    return false;
  }
  for (int64_t i = 0; i <= (int64_t) n; i++) {
    g_autofree char *value = g_strdup_printf ("%" G_GINT64_FORMAT, range->from + i * range->step);

    add_choice (axis, value);
  }
  return true;
}

static bool
is_twice (const SweepAxis *axis, GPtrArray *errors)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < axis->choices->len; i++) {
    const SweepChoice *choice = g_ptr_array_index (axis->choices, i);

    if (g_hash_table_add (seen, choice->shown))
      continue;
    g_ptr_array_add (errors,
                     g_strdup_printf ("%s has the value %s twice", axis->path, choice->shown));
    return true;
  }
  return false;
}

SweepAxis *
sweep_axis_from_word (const char *word, GPtrArray *errors)
{
  const char *sign = strchr (word, '=');
  g_autoptr (GPtrArray) parts = split (sign + 1);
  SweepAxis *axis = g_new0 (SweepAxis, 1);
  bool ok = true;

  axis->path = g_strndup (word, (gsize) (sign - word));
  axis->choices = g_ptr_array_new ();
  for (guint i = 0; i < parts->len && ok; i++) {
    const char *text = g_ptr_array_index (parts, i);
    Range range;

    if (read_range (text, &range))
      ok = add_range (axis, text, &range, errors);
    else if (*text)
      add_choice (axis, text);
    else {
      g_ptr_array_add (errors, g_strdup_printf ("%s: a value is missing beside a comma", word));
      ok = false;
    }
  }
  if (ok && !is_twice (axis, errors))
    return axis;
  sweep_axis_free (axis);
  return NULL;
}
