/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a stage that only grow, and are cut back to where a checkpoint was when a run resumes.
 *
 * subset.bin: every selection of a sampler that left something out. Little-endian records, one
 * behind the other: u32 epoch, u32 n, u32 index [n], u32 times [n], f32 weight [n].
 * trajectory.csv: the best architecture whenever it changed, against what had been spent.
 */
#include "run/host.h"

#include "error.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[LODE_GROWS] = { "subset.bin", "trajectory.csv" };

static char *
grow_path (const LodeStageHost *host, uint32_t which, GError **error)
{
  g_autofree char *name = g_build_filename (host->spec->name, names[which], NULL);

  return lode_folder_file (host->shared->folder, name, error);
}

static bool
refuse (GError **error, const char *path)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s: cannot be written: %s", path,
               g_strerror (errno));
  return false;
}

static bool
append (LodeStageHost *host, uint32_t which, const GByteArray *bytes, GError **error)
{
  g_autofree char *path = grow_path (host, which, error);
  FILE *file = path ? g_fopen (path, "ab") : NULL;
  bool ok;

  if (!file)
    return path ? refuse (error, path) : false;
  ok = fwrite (bytes->data, 1, bytes->len, file) == bytes->len;
  ok = fclose (file) == 0 && ok;
  host->grown[which] += bytes->len;
  return ok || refuse (error, path);
}

bool
lode_grow_subset (LodeStageHost *host, uint32_t epoch, const LodePicks *picks, GError **error)
{
  const uint32_t head[] = { epoch, picks->n };
  g_autoptr (GByteArray) record = g_byte_array_new ();
  guint bytes = 4 * (guint) picks->n;

  if (!host->shared->folder || picks->n >= picks->room)
    return true;
  g_byte_array_append (record, (const guint8 *) head, sizeof head);
  g_byte_array_append (record, (const guint8 *) picks->index, bytes);
  g_byte_array_append (record, (const guint8 *) picks->times, bytes);
  g_byte_array_append (record, (const guint8 *) picks->weight, bytes);
  return append (host, LODE_GROW_SUBSET, record, error);
}

bool
lode_grow_trajectory (LodeStageHost *host, uint64_t step, GError **error)
{
  const LodeSearchOps *ops = host->search ? host->spec->use[LODE_USE_SEARCH].loaded->ops : NULL;
  g_autofree uint8_t *arch = NULL;
  g_autofree char *text = NULL, *line = NULL;
  g_autoptr (GByteArray) bytes = NULL;

  if (!ops || !host->shared->folder)
    return true;
  arch = g_new0 (uint8_t, lode_host_space (&host->base)->n + 1);
  ops->best (host->search, arch);
  text = lode_host_arch_write (&host->base, arch);
  if (!g_strcmp0 (text, host->best))
    return true;
  bytes = g_byte_array_new ();
  if (host->grown[LODE_GROW_TRAJECTORY] == 0)
    line = g_strdup ("step,samples,macs,scores,architecture\n");
  else
    line = g_strdup ("");
  g_byte_array_append (bytes, (const guint8 *) line, (guint) strlen (line));
  g_free (line);
  line = g_strdup_printf ("%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT
                          ",%" G_GUINT64_FORMAT ",\"%s\"\n",
                          step, host->ledger.samples, host->ledger.macs, host->ledger.scores, text);
  g_byte_array_append (bytes, (const guint8 *) line, (guint) strlen (line));
  g_free (host->best);
  host->best = g_steal_pointer (&text);
  return append (host, LODE_GROW_TRAJECTORY, bytes, error);
}

bool
lode_grow_cut (LodeStageHost *host, GError **error)
{
  for (uint32_t which = 0; host->shared->folder && which < LODE_GROWS; which++) {
    g_autofree char *path = grow_path (host, which, error);
    GStatBuf about;

    if (!path)
      return false;
    if (g_stat (path, &about) != 0)
      continue;
    if (about.st_size > (off_t) host->grown[which]
        && truncate (path, (off_t) host->grown[which]) != 0)
      return refuse (error, path);
  }
  return true;
}
