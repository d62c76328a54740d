/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which table of kernels this process uses: the best that the machine can run, or the one LODE_ISA
 * names.
 */
#include "compute/kernels/kernels.h"

#include <string.h>

extern const LodeKernels lode_kernels_portable;
#ifdef __x86_64__
extern const LodeKernels lode_kernels_v3, lode_kernels_v4;
#endif

static bool
runs (const LodeKernels *table)
{
#ifdef __x86_64__
  if (table == &lode_kernels_v4)
    return __builtin_cpu_supports ("x86-64-v4");
  if (table == &lode_kernels_v3)
    return __builtin_cpu_supports ("x86-64-v3");
#endif
  (void) table;
  return true;
}

static const LodeKernels *const tables[] = {
#ifdef __x86_64__
  &lode_kernels_v4,
  &lode_kernels_v3,
#endif
  &lode_kernels_portable,
  &lode_kernels_reference,
};
enum { TABLES = sizeof tables / sizeof *tables };

const LodeKernels *
lode_kernels_at (uint32_t i)
{
  for (uint32_t t = 0; t < TABLES; t++)
    if (runs (tables[t]) && i-- == 0)
      return tables[t];
  return NULL;
}

const LodeKernels *
lode_kernels_choose (const char *isa, const char **why)
{
  if (!isa || !*isa)
    return lode_kernels_at (0);
  for (uint32_t t = 0; t < TABLES; t++) {
    if (strcmp (tables[t]->isa, isa))
      continue;
    if (runs (tables[t]))
      return tables[t];
    *why = "this machine's processor lacks that level; unset LODE_ISA or name a lower one";
    return NULL;
  }
  *why = "no such level; portable, x86-64-v3, x86-64-v4 and reference exist";
  return NULL;
}
