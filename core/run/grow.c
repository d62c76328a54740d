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
#include <fcntl.h>
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
  lode_file_fail ("write", path, errno, error);
  return false;
}

/* All of it, or (as far as the disk lets us) nothing. */
static bool
append (LodeStageHost *host, uint32_t which, const GByteArray *bytes, GError **error)
{
  g_autofree char *path = grow_path (host, which, error);
  int fd = path ? open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
  bool ok;

  if (fd < 0)
    return path ? refuse (error, path) : false;
  ok = (lode_fd_write (fd, bytes->data, bytes->len) && fsync (fd) == 0) || refuse (error, path);
  if (!ok && ftruncate (fd, (off_t) host->grown[which]) != 0)
    g_prefix_error (error, "%s: half a record is left behind; ", path);
  close (fd);
  host->grown[which] += ok ? bytes->len : 0;
  return ok;
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
    uint64_t grown = host->grown[which];
    GStatBuf about = { 0 };

    if (!path)
      return false;
    if (g_stat (path, &about) != 0 && grown == 0)
      continue;
    if ((uint64_t) about.st_size < grown) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                   "%s has %" G_GINT64_FORMAT
                   " bytes, the checkpoint was written at %" G_GUINT64_FORMAT
                   ": it was cut or replaced; put the file back or start in another "
                   "folder",
                   path, (gint64) about.st_size, grown);
      return false;
    }
    if ((uint64_t) about.st_size > grown && truncate (path, (off_t) grown) != 0)
      return refuse (error, path);
  }
  return true;
}
