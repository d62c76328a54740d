/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LODE_REPORT_H
#define LODE_REPORT_H

#include <glib.h>
#include <stdbool.h>

/*
 * Writes report.html into a run directory from the files that are there: also of a run that is
 * under way, or failed. What cannot be read is said in the page. LODE_RUN_ERROR_CONFIG: the path is
 * no run directory; LODE_RUN_ERROR_FAILED: the page cannot be written.
 */
bool lode_report_write (const char *run, GError **);

#endif
