/* SPDX-License-Identifier: Apache-2.0 */
#include "run/engine.h"

#include "error.h"

LodeEngine *
lode_run_engine (const LodeExperiment *experiment, uint32_t most, GError **error)
{
  int64_t wanted = experiment->conf.threads;
  uint32_t threads = wanted > 0 ? (uint32_t) wanted : lode_threads_available ();
  const char *why = NULL;
  const LodeKernels *kernels = lode_kernels_choose (g_getenv ("LODE_ISA"), &why);

  if (kernels) {
    LodeEngine *engine = lode_engine_new (most ? MIN (threads, most) : threads, kernels);

    lode_engine_winograd (engine, experiment->conf.winograd);
    return engine;
  }
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "LODE_ISA = \"%s\": %s; leave it unset "
               "for the best of this machine",
               g_getenv ("LODE_ISA"), why);
  return NULL;
}
