/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ELF file says of itself before anything of it runs.
 */
#ifndef LODE_CORE_ELF_H
#define LODE_CORE_ELF_H

#include <glib.h>
#include <stdbool.h>

/*
 * The libraries that a shared object wants (DT_NEEDED), NULL-ended, transfer full. NULL and `why`
 * (static text) for a file that is no 64-bit little-endian ELF shared object or is cut short.
 */
char **lode_elf_needed (const char *path, const char **why);

#endif
