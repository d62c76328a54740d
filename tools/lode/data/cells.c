/* SPDX-License-Identifier: Apache-2.0 */
#include "build-table.h"

#include "error.h"
#include "space/arch.h"

#include <string.h>

#define MOST (1u << 20)

/* A legal architecture stays as it is. */
static bool
is_legal (const LodeHost *host, const uint8_t *arch, uint32_t n)
{
  g_autofree uint8_t *copy = g_memdup2 (arch, (gsize) n + 1);
  LodeRng rng = lode_rng (host, "table", 0, 0);

  lode_repair (host, copy, &rng);
  return !memcmp (copy, arch, n);
}

static void
add (Cells *cells, const uint8_t *arch, GHashTable *rows)
{
  char *key = lode_arch_canonical (&cells->family, arch);
  gpointer known;
  uint32_t row;

  if (g_hash_table_lookup_extended (rows, key, NULL, &known)) {
    row = GPOINTER_TO_UINT (known);
    g_free (key);
  } else {
    row = cells->text->len;
    g_hash_table_insert (rows, key, GUINT_TO_POINTER (row));
    g_ptr_array_add (cells->text, lode_arch_text (&cells->family, arch));
  }
  g_byte_array_append (cells->arch, arch, cells->decisions);
  g_array_append_val (cells->row, row);
}

/* The next one, the last decision varying fastest. */
static bool
advance (const LodeSpace *space, uint8_t *arch)
{
  for (uint32_t d = space->n; d-- > 0;) {
    if (++arch[d] < lode_space_at (space, d)->n)
      return true;
    arch[d] = 0;
  }
  return false;
}

static bool
check_size (const LodeSpace *space, GError **error)
{
  double size = 1;

  for (uint32_t d = 0; d < space->n; d++)
    size *= lode_space_at (space, d)->n;
  if (space->n > 0 && size <= MOST)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "the space has %g architectures, expected 2 to %u to train all of them", size, MOST);
  return false;
}

bool
cells_find (Cells *cells, LodeStageHost *host, GError **error)
{
  g_autoptr (GHashTable) rows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree uint8_t *arch = NULL;
  const LodeSpace *space;

  *cells = (Cells){ .arch = g_byte_array_new (),
                    .row = g_array_new (FALSE, FALSE, sizeof (uint32_t)),
                    .text = g_ptr_array_new_with_free_func (g_free) };
  if (!lode_host_backbone (host, &cells->family, error))
    return false;
  space = lode_arch_space (&cells->family);
  if (!check_size (space, error))
    return false;
  cells->decisions = space->n;
  arch = g_new0 (uint8_t, (gsize) space->n + 1);
  do
    if (is_legal (&host->base, arch, space->n))
      add (cells, arch, rows);
  while (advance (space, arch));
  return true;
}

void
cells_clear (Cells *cells)
{
  g_clear_pointer (&cells->arch, g_byte_array_unref);
  g_clear_pointer (&cells->row, g_array_unref);
  g_clear_pointer (&cells->text, g_ptr_array_unref);
}
