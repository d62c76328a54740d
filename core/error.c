/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

/* Spelt out, because plugins know this domain by its text (net.h). */
GQuark
lode_run_error_quark (void)
{
  return g_quark_from_static_string ("lode-run-error");
}
