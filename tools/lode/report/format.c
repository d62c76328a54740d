/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define THIN "\u202f" /* a narrow blank at which no line breaks */

ReportWord
report_word (const char *format, double value)
{
  ReportWord word;

  g_ascii_formatd (word.text, sizeof word.text, format, value);
  return word;
}

ReportWord
report_decimal (double value, double size, double step)
{
  int decimals = (int) fmax (0, -floor (log10 (step) + 1e-9));
  char format[8] = "%.6g";

  if (size < 1e7 && decimals <= 9)
    g_snprintf (format, sizeof format, "%%.%df", decimals);
  return report_word (format, value);
}

ReportWord
report_count (double value)
{
  ReportWord plain = report_word ("%.0f", value), word = { "" };
  size_t n = strlen (plain.text), at = 0;

  if (!isfinite (value))
    return (ReportWord){ "–" };
  if (fabs (value) >= 1e15)
    return report_word ("%.6g", value);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0 && g_ascii_isdigit (plain.text[i - 1]))
      at = g_strlcat (word.text, THIN, sizeof word.text);
    word.text[at++] = plain.text[i];
    word.text[at] = 0;
  }
  return word;
}

ReportWord
report_number (double value)
{
  if (!isfinite (value))
    return (ReportWord){ "–" };
  if (value == floor (value) && fabs (value) >= 1e4)
    return report_count (value);
  return report_word ("%.6g", value);
}

/* Three digits, a blank, the unit. */
static ReportWord
with_unit (double value, const char *unit)
{
  ReportWord word = report_word (value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);

  g_strlcat (word.text, THIN, sizeof word.text);
  g_strlcat (word.text, unit, sizeof word.text);
  return word;
}

static ReportWord
scaled (double value, double by, const char *const *units)
{
  if (!isfinite (value))
    return (ReportWord){ "–" };
  while (units[1] && value >= by) {
    value /= by;
    units++;
  }
  return **units ? with_unit (value, *units) : report_word ("%.6g", value);
}

ReportWord
report_short (double value)
{
  static const char *const units[] = { "", "k", "M", "G", "T", "P", "E", NULL };

  return scaled (value, 1000, units);
}

ReportWord
report_bytes (double value)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", NULL };

  return scaled (value, 1024, units);
}

/* Two units, the lower one in two digits. */
static ReportWord
two_units (double high, const char *unit, double low, const char *below)
{
  ReportWord word, tail = report_word ("%02.0f", low);

  g_strlcpy (word.text, report_word ("%.0f", high).text, sizeof word.text);
  for (const char *const *part =
           (const char *const[]){ THIN, unit, THIN, tail.text, THIN, below, NULL };
       *part; part++)
    g_strlcat (word.text, *part, sizeof word.text);
  return word;
}

ReportWord
report_time (double seconds)
{
  double whole = floor (seconds + 0.5);

  if (!isfinite (seconds) || seconds < 0)
    return (ReportWord){ "–" };
  if (seconds < 59.95)
    return with_unit (seconds, "s");
  if (whole < 3600)
    return two_units (floor (whole / 60), "min", fmod (whole, 60), "s");
  whole = floor (seconds / 60 + 0.5);
  if (whole < 48 * 60)
    return two_units (floor (whole / 60), "h", fmod (whole, 60), "min");
  whole = floor (seconds / 3600 + 0.5);
  return two_units (floor (whole / 24), "d", fmod (whole, 24), "h");
}

ReportWord
report_moment (gint64 seconds)
{
  g_autoptr (GDateTime) moment = g_date_time_new_from_unix_utc (seconds);
  g_autofree char *text = moment ? g_date_time_format (moment, "%Y-%m-%d %H:%M UTC") : NULL;
  ReportWord word = { "–" };

  if (text)
    g_strlcpy (word.text, text, sizeof word.text);
  return word;
}

/* What takes a letter's place, or NULL: the letter itself. */
static const char *
instead (gunichar letter)
{
  switch (letter) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  case '\n':
  case '\t':
    return NULL;
  default:
    return letter < 0x20 || (letter >= 0x7f && letter < 0xa0) || (letter & 0xfffe) == 0xfffe
               ? "\ufffd"
               : NULL;
  }
}

void
report_text (GString *out, const char *text)
{
  g_autofree char *valid = text ? g_utf8_make_valid (text, -1) : NULL;

  for (const char *at = valid; at && *at; at = g_utf8_next_char (at)) {
    const char *other = instead (g_utf8_get_char (at));

    if (other)
      g_string_append (out, other);
    else
      g_string_append_len (out, at, g_utf8_next_char (at) - at);
  }
}

void
report_html (GString *out, const char *markup, ...)
{
  va_list texts;

  va_start (texts, markup);
  for (; *markup; markup++)
    if (*markup == '$')
      report_text (out, va_arg (texts, const char *));
    else
      g_string_append_c (out, *markup);
  va_end (texts);
}
