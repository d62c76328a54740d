/* SPDX-License-Identifier: Apache-2.0 */
#include "run/picture.h"

#include "error.h"

#include <gio/gio.h>

char *
lode_picture_svg (const char *dot, GError **error)
{
  g_autofree char *program = g_find_program_in_path ("dot"), *svg = NULL, *said = NULL;
  const char *const argv[] = { program, "-Tsvg", NULL };
  g_autoptr (GSubprocess) process = NULL;

  if (!program) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                         "the architecture is not drawn: dot is not installed (Debian: graphviz); "
                         "its text and arch.dot are there");
    return NULL;
  }
  process = g_subprocess_newv (argv,
                               G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
                                   | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                               error);
  if (!process || !g_subprocess_communicate_utf8 (process, dot, NULL, &svg, &said, error))
    return NULL;
  if (g_subprocess_get_successful (process) && svg && *svg)
    return g_steal_pointer (&svg);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
               "the architecture is not drawn: dot failed: %s", said ? said : "");
  return NULL;
}
