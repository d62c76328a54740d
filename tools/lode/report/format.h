/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as people read them, the same in every locale, and text that cannot become markup.
 */
#ifndef LODE_REPORT_FORMAT_H
#define LODE_REPORT_FORMAT_H

#include <glib.h>

/* By value: report_count (n).text lives as long as the call that it is an argument of. */
typedef struct ReportWord {
  char text[48];
} ReportWord;

ReportWord report_word (const char *format, double value); /* printf's, for one double */
/* With the decimals that tell apart values a step from each other; size: of the largest of them. */
ReportWord report_decimal (double value, double size, double step);
ReportWord report_number (double value);   /* six digits, "–" where it is not finite */
ReportWord report_count (double value);    /* "1 234 567" */
ReportWord report_short (double value);    /* "1.23 M" */
ReportWord report_time (double seconds);   /* "1 h 02 min" */
ReportWord report_bytes (double value);    /* "1.2 GiB" */
ReportWord report_moment (gint64 seconds); /* since 1970: "2030-01-31 12:00 UTC" */

/* Text in an element or a quoted attribute: UTF-8 made valid, what HTML has no letter for replaced.
 * NULL is nothing. */
void report_text (GString *out, const char *text);
/* Markup in which each $ is the next argument, a text. */
void report_html (GString *out, const char *markup, ...);

#endif
