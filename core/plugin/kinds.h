/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this core knows of each kind: the size of its vtable and which members a plugin must fill.
 */
#ifndef LODE_CORE_KINDS_H
#define LODE_CORE_KINDS_H

#include <glib.h>
#include <stddef.h>

typedef struct LodeMember {
  const char *name;
  size_t offset;
} LodeMember;

typedef struct LodeKind {
  const char *name;
  size_t ops_size;
  const LodeMember *required; /* ends with name NULL */
} LodeKind;

const LodeKind *lode_kind_find (const char *name); /* NULL: no such kind */

#endif
