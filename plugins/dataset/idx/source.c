/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { CHUNK = 1 << 16, BEST_RATIO = 1032 /* of deflate: 258 bytes for two bits */ };

struct Source {
  char *path;
  FILE *file;
  uint64_t size; /* of the file */
  bool packed, ended;
  z_stream zip;
  unsigned char chunk[CHUNK];
};

static bool
fail (const Source *source, GError **error, const char *what)
{
  g_set_error (error, DATA_ERROR, 0, "%s: %s", source->path, what);
  return false;
}

static bool
fail_read (const Source *source, GError **error)
{
  g_set_error (error, DATA_ERROR, 0, "%s: cannot be read: %s; check the file and its permissions",
               source->path, g_strerror (errno));
  return false;
}

static bool
begin (Source *source, GError **error)
{
  unsigned char magic[2];
  struct stat info;

  source->file = fopen (source->path, "rb");
  if (!source->file || fstat (fileno (source->file), &info))
    return fail_read (source, error);
  if (!S_ISREG (info.st_mode))
    return fail (source, error, "not a regular file; expected an IDX file, plain or .gz");
  source->size = (uint64_t) info.st_size;
  if (source->size == 0)
    return fail (source, error, "the file is empty; fetch it again");
  if (fread (magic, 1, 2, source->file) == 2)
    source->packed = magic[0] == 0x1f && magic[1] == 0x8b;
  if (ferror (source->file) || fseek (source->file, 0, SEEK_SET))
    return fail_read (source, error);
  if (source->packed && inflateInit2 (&source->zip, 16 + MAX_WBITS) != Z_OK) {
    source->packed = false;
    return fail (source, error, "no memory to decompress it");
  }
  return true;
}

Source *
source_open (const char *path, GError **error)
{
  Source *source = g_new0 (Source, 1);

  source->path = g_strdup (path);
  if (begin (source, error))
    return source;
  source_close (source);
  return NULL;
}

void
source_close (Source *source)
{
  if (!source)
    return;
  if (source->packed)
    inflateEnd (&source->zip);
  if (source->file)
    fclose (source->file);
  g_free (source->path);
  g_free (source);
}

const char *
source_path (const Source *source)
{
  return source->path;
}

uint64_t
source_most (const Source *source)
{
  return source->packed ? source->size * BEST_RATIO : source->size;
}

/* Keeps compressed bytes at hand; false at the end of the file (without error) or when it cannot be
 * read. */
static bool
refill (Source *source, GError **error)
{
  if (source->zip.avail_in)
    return true;
  source->zip.next_in = source->chunk;
  source->zip.avail_in = (uInt) fread (source->chunk, 1, CHUNK, source->file);
  if (ferror (source->file))
    return fail_read (source, error);
  return source->zip.avail_in > 0;
}

static bool
unpack (Source *source, size_t n, unsigned char *out, size_t *got, GError **error)
{
  while (*got < n && !source->ended) {
    uInt step = (uInt) MIN (n - *got, (size_t) 1 << 30);
    GError *broken = NULL;
    int state;

    if (!refill (source, &broken)) {
      if (!broken)
        return fail (source, error, "the compressed file is truncated; fetch it again");
      g_propagate_error (error, broken);
      return false;
    }
    source->zip.next_out = out + *got;
    source->zip.avail_out = step;
    state = inflate (&source->zip, Z_NO_FLUSH);
    *got += step - source->zip.avail_out;
    source->ended = state == Z_STREAM_END;
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
      return fail (source, error, "the compressed data are damaged; fetch the file again");
  }
  return true;
}

bool
source_read (Source *source, size_t n, void *out, size_t *got, GError **error)
{
  *got = 0;
  if (source->packed)
    return unpack (source, n, out, got, error);
  *got = fread (out, 1, n, source->file);
  return ferror (source->file) ? fail_read (source, error) : true;
}

bool
source_end (Source *source, GError **error)
{
  unsigned char more;
  size_t got;

  if (!source_read (source, 1, &more, &got, error))
    return false;
  if (!got && source->packed && (source->zip.avail_in || fgetc (source->file) != EOF))
    return fail (source, error, "bytes follow the compressed data; expected the end of the file");
  return got ? fail (source, error,
                     "bytes follow the data that the header promises; expected the end of the file")
             : true;
}
