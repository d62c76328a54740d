/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of a run, by what the user has to look at; the command's exit codes come from them.
 */
#ifndef LODE_CORE_ERROR_H
#define LODE_CORE_ERROR_H

#include <glib.h>

#define LODE_RUN_ERROR (lode_run_error_quark ())
GQuark lode_run_error_quark (void);
typedef enum {
  LODE_RUN_ERROR_FAILED,  /* exit 1: what was asked did not work (disk full, diverged …) */
  LODE_RUN_ERROR_NUMBER,  /* exit 1: a loss or gradient that is not finite */
  LODE_RUN_ERROR_CONFIG,  /* exit 2: configuration or usage */
  LODE_RUN_ERROR_DATA,    /* exit 3: a data file */
  LODE_RUN_ERROR_STOPPED, /* exit 75: checkpointed on a signal, run again */
  LODE_RUN_ERROR_HELD     /* exit 1: another process works there */
} LodeRunError;

#endif
