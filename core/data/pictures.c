/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes over the files, each spread over the threads: sizes from headers, which give the
 * common size; then every picture decoded, reduced and stored. Each pass looks at all files before
 * it complains, so that everything that is wrong with them is told at once.
 */
#include "data/pictures.h"

#include "data/picture.h"
#include "data/private.h"
#include "error.h"
#include <lode/host.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 64, SMALL = 64, MIDDLE = 48, NAMED = 3 };

/* What is known of a file. */
typedef struct Entry {
  uint32_t w, h;
  bool bad, grey, deep, alpha, jpeg;
  char *why; /* it is bad */
} Entry;

typedef struct Pictures {
  LodePictures base; /* first */
  LodePicturesIn in;
  LodeShape shape; /* of pixel: c is 3 until all are known to be grey */
  Entry *entry;    /* [n] */
  uint8_t *pixel;  /* [n][h][w][c] */
} Pictures;

static void
set_bad (Entry *entry, const char *why)
{
  g_free (entry->why);
  entry->bad = true;
  entry->why = g_strdup (why);
}

static void
set_error (Entry *entry, GError *error)
{
  set_bad (entry, error->message);
  g_error_free (error);
}

/* An open regular file; −1: entry says why not. Pipes are not waited for. */
static int
open_file (const char *path, Entry *entry, struct stat *info)
{
  int file = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (file < 0) {
    g_autofree char *why =
        errno == ELOOP    ? g_strdup ("a symbolic link that leads back to itself; remove it")
        : errno == ENOENT ? g_strdup ("there is no such file; fetch it, or correct its name")
                          : g_strdup_printf ("cannot be opened: %s", g_strerror (errno));

    set_bad (entry, why);
  } else if (fstat (file, info) || !S_ISREG (info->st_mode)) {
    set_bad (entry, "not a regular file");
    close (file);
    return -1;
  }
  return file;
}

/* Up to n bytes of a file; fewer at its end. */
static bool
read_all (int file, uint8_t *out, size_t n, size_t *got, Entry *entry)
{
  ssize_t step;

  for (*got = 0; *got < n; *got += (size_t) step) {
    step = read (file, out + *got, n - *got);
    if (step < 0) {
      g_autofree char *why = g_strdup_printf ("cannot be read: %s", g_strerror (errno));

      set_bad (entry, why);
      return false;
    }
    if (step == 0)
      break;
  }
  return true;
}

/* A file's beginning, or all of it (transfer full); NULL: entry says why. */
static uint8_t *
load (const char *path, Entry *entry, size_t most, size_t *n)
{
  struct stat info;
  int file = open_file (path, entry, &info);
  g_autofree uint8_t *bytes = NULL;
  size_t size;
  bool ok;

  if (file < 0)
    return NULL;
  size = MIN ((size_t) info.st_size, most);
  bytes = g_try_malloc (size + 1);
  if (!bytes)
    set_bad (entry, "it does not fit into memory");
  ok = bytes && read_all (file, bytes, size, n, entry);
  close (file);
  return ok ? g_steal_pointer (&bytes) : NULL;
}

static void
look (void *data, uint32_t i, uint32_t worker)
{
  const Pictures *pictures = data;
  Entry *entry = &pictures->entry[i];
  g_autofree uint8_t *bytes = NULL;
  GError *error = NULL;
  LodePicture head;
  size_t n = 0;

  (void) worker;
  if (entry->bad)
    return;
  bytes = load (pictures->in.path[i], entry, HEAD, &n);
  if (bytes && n > 2 && bytes[0] == 0xff
      && bytes[1] == 0xd8) { /* a JPEG's size may stand anywhere */
    g_free (bytes);
    bytes = load (pictures->in.path[i], entry, SIZE_MAX >> 1, &n);
  }
  if (!bytes)
    return;
  if (!lode_picture_look (bytes, n, &head, &error)) {
    set_error (entry, error);
    return;
  }
  entry->w = head.full_w;
  entry->h = head.full_h;
}

static int
compare_sides (const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

  return (x > y) - (x < y);
}

/* As they are if all are alike and small; else 32 or 64, whichever the median of the shorter sides
 * is nearer to. */
static void
choose_shape (Pictures *pictures)
{
  g_autofree uint32_t *side = g_new (uint32_t, (size_t) pictures->in.n + 1);
  const Entry *first = NULL;
  uint32_t n = 0;
  bool alike = true;

  for (uint32_t i = 0; i < pictures->in.n; i++) {
    const Entry *entry = &pictures->entry[i];

    if (entry->bad)
      continue;
    first = first ? first : entry;
    alike = alike && entry->w == first->w && entry->h == first->h;
    side[n++] = MIN (entry->w, entry->h);
  }
  pictures->shape = (LodeShape){ pictures->in.side, pictures->in.side, 3 };
  if (pictures->in.side || n == 0)
    return;
  qsort (side, n, sizeof *side, compare_sides);
  pictures->shape.h = pictures->shape.w = side[n / 2] < MIDDLE ? 32 : 64;
  if (alike && MAX (first->w, first->h) <= SMALL)
    pictures->shape = (LodeShape){ first->h, first->w, 3 };
}

/* The part of a picture that is kept. */
static const uint8_t *
window (const LodePicture *picture, uint32_t fit, LodeShape *shape)
{
  size_t y = 0, x = 0;

  *shape = (LodeShape){ picture->h, picture->w, picture->c };
  if (fit == LODE_FIT_CROP) {
    shape->h = shape->w = MIN (picture->h, picture->w);
    y = (picture->h - shape->h) / 2;
    x = (picture->w - shape->w) / 2;
  }
  return picture->pixel + (y * picture->w + x) * picture->c;
}

/* [n][1] → [n][3] in place, from the end. */
static void
spread (uint8_t *pixel, size_t n)
{
  while (n-- > 0)
    pixel[3 * n] = pixel[3 * n + 1] = pixel[3 * n + 2] = pixel[n];
}

static void
store (const Pictures *pictures, const LodePicture *picture, uint8_t *out)
{
  LodeShape from, to = pictures->shape;
  const uint8_t *in = window (picture, pictures->in.fit, &from);
  size_t stride = (size_t) picture->w * picture->c;

  to.c = picture->c;
  if (from.h == to.h && from.w == to.w)
    for (uint32_t y = 0; y < to.h; y++)
      memcpy (out + (size_t) y * to.w * to.c, in + y * stride, (size_t) to.w * to.c);
  else
    lode_resize_bytes (in, stride, &from, out, &to);
  if (to.c == 1)
    spread (out, (size_t) to.h * to.w);
}

static size_t
sample_bytes (const Pictures *pictures)
{
  return (size_t) pictures->shape.h * pictures->shape.w * pictures->shape.c;
}

static void
decode (void *data, uint32_t i, uint32_t worker)
{
  const Pictures *pictures = data;
  Entry *entry = &pictures->entry[i];
  LodePictureIn in = { .background = pictures->in.background,
                       .side = MAX (pictures->shape.h, pictures->shape.w),
                       .megapixels = pictures->in.megapixels };
  g_autofree uint8_t *bytes = NULL;
  GError *error = NULL;
  LodePicture picture;
  size_t n = 0;

  (void) worker;
  if (entry->bad || !(bytes = load (pictures->in.path[i], entry, SIZE_MAX >> 1, &n)))
    return;
  if (!lode_picture_decode (bytes, n, &in, &picture, &error)) {
    set_error (entry, error);
    return;
  }
  entry->grey = picture.grey;
  entry->deep = picture.deep;
  entry->alpha = picture.alpha;
  entry->jpeg = picture.format == LODE_PICTURE_JPEG;
  store (pictures, &picture, pictures->pixel + i * sample_bytes (pictures));
  lode_picture_clear (&picture);
}

static void G_GNUC_PRINTF (3, 4)
    say (const LodeListener *listener, uint32_t level, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  if (!listener || !listener->say)
    return;
  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  listener->say (listener->data, level, text);
}

static char *
name_of (const Pictures *pictures, uint32_t i)
{
  const char *name = pictures->in.name ? pictures->in.name[i] : pictures->in.path[i];
  g_autofree char *valid = g_utf8_make_valid (name, -1);

  for (char *at = valid; *at; at++)
    *at = g_ascii_iscntrl (*at) ? '?' : *at;
  return g_steal_pointer (&valid);
}

/* All bad ones to the listener; the error counts them and names the first. */
static bool
report_bad (const Pictures *pictures, const LodeListener *listener, GError **error)
{
  g_autoptr (GString) first = g_string_new (NULL);
  uint32_t bad = 0;

  for (uint32_t i = 0; i < pictures->in.n; i++) {
    g_autofree char *name = NULL;

    if (!pictures->entry[i].bad)
      continue;
    name = name_of (pictures, i);
    if (bad < NAMED)
      g_string_append_printf (first, "%s%s: %s", bad ? "; " : "", name, pictures->entry[i].why);
    say (listener, LODE_LOG_WARNING, "%s: %s%s", name, pictures->entry[i].why,
         pictures->in.skip ? "; left out" : "");
    bad++;
  }
  if (bad == 0 || (pictures->in.skip && bad < pictures->in.n))
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "%u of %u pictures cannot be read: %s%s; repair or remove them, or set `skip` to "
               "leave them out",
               bad, pictures->in.n, first->str, bad > NAMED ? " …" : "");
  return false;
}

static void
report_good (const Pictures *pictures, const LodeListener *listener)
{
  uint32_t n = 0, jpeg = 0, deep = 0, alpha = 0, grey = 0;
  uint32_t low_w = UINT32_MAX, low_h = UINT32_MAX, high_w = 0, high_h = 0;

  for (uint32_t i = 0; i < pictures->in.n; i++) {
    const Entry *entry = &pictures->entry[i];

    if (entry->bad)
      continue;
    n++;
    jpeg += entry->jpeg;
    deep += entry->deep;
    alpha += entry->alpha;
    grey += entry->grey;
    low_w = MIN (low_w, entry->w);
    low_h = MIN (low_h, entry->h);
    high_w = MAX (high_w, entry->w);
    high_h = MAX (high_h, entry->h);
  }
  say (listener, LODE_LOG_DEBUG,
       "%u PNG, %u JPEG; width %u to %u, height %u to %u; %u without colour", n - jpeg, jpeg, low_w,
       high_w, low_h, high_h, grey);
  if (deep)
    say (listener, LODE_LOG_DEBUG, "%u of 16 bits, scaled to 8", deep);
  if (alpha)
    say (listener, LODE_LOG_DEBUG, "%u with transparency, laid over a background of %u", alpha,
         pictures->in.background);
}

/* Three channels that are alike in every picture become one, as does what is asked for in grey
 * (weights of ITU-R BT.601). */
static void
drop_colour (Pictures *pictures)
{
  size_t n = (size_t) pictures->in.n * pictures->shape.h * pictures->shape.w;
  const uint8_t *in = pictures->pixel;
  bool grey = true;

  for (uint32_t i = 0; i < pictures->in.n; i++)
    grey = grey && (pictures->entry[i].bad || pictures->entry[i].grey);
  if (pictures->in.colour == LODE_COLOUR_RGB || (pictures->in.colour == LODE_COLOUR_AUTO && !grey))
    return;
  for (size_t j = 0; j < n; j++, in += 3)
    pictures->pixel[j] = (uint8_t) ((299u * in[0] + 587u * in[1] + 114u * in[2] + 500) / 1000);
  pictures->shape.c = 1;
  pictures->pixel = g_realloc (pictures->pixel, n + 1);
}

static LodeShape
pictures_shape (const LodePictures *base)
{
  return ((const Pictures *) base)->shape;
}

static const uint8_t *
pictures_at (const LodePictures *base, uint32_t i)
{
  const Pictures *pictures = (const Pictures *) base;

  if (i >= pictures->in.n || pictures->entry[i].bad)
    return NULL;
  return pictures->pixel + i * sample_bytes (pictures);
}

static void
pictures_free (LodePictures *base)
{
  Pictures *pictures = (Pictures *) base;

  for (uint32_t i = 0; i < pictures->in.n; i++)
    g_free (pictures->entry[i].why);
  g_free (pictures->entry);
  g_free (pictures->pixel);
  g_free (pictures);
}

static const LodePicturesCalls calls = { .size = sizeof (LodePicturesCalls),
                                         .shape = pictures_shape,
                                         .at = pictures_at,
                                         .free = pictures_free };

static bool
make_room (Pictures *pictures, GError **error)
{
  gsize total;

  if (g_size_checked_mul (&total, pictures->in.n, sample_bytes (pictures)))
    pictures->pixel = g_try_malloc (total + 1);
  if (pictures->pixel)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "%u pictures of %u × %u do not fit into memory; choose a smaller side",
               pictures->in.n, pictures->shape.w, pictures->shape.h);
  return false;
}

static bool
prepare (Pictures *pictures, LodeThreads *threads, const LodeListener *listener, GError **error)
{
  for (uint32_t i = 0; i < pictures->in.n; i++)
    if (!g_utf8_validate (pictures->in.path[i], -1, NULL))
      set_bad (&pictures->entry[i], "its name is not UTF-8; rename it (convmv does it in bulk)");
  lode_threads_run (threads, pictures->in.n, look, pictures);
  choose_shape (pictures);
  if (!make_room (pictures, error))
    return false;
  lode_threads_run (threads, pictures->in.n, decode, pictures);
  if (!report_bad (pictures, listener, error))
    return false;
  report_good (pictures, listener);
  drop_colour (pictures);
  return true;
}

LodePictures *
lode_pictures_decode (const LodePicturesIn *in, LodeThreads *threads, const LodeListener *listener,
                      GError **error)
{
  Pictures *pictures = g_new0 (Pictures, 1);

  pictures->base.calls = &calls;
  memcpy (&pictures->in, in, MIN (in->size, sizeof *in));
  pictures->entry = g_new0 (Entry, (size_t) in->n + 1);
  if (prepare (pictures, threads, listener, error)) {
    pictures->in.path = pictures->in.name = NULL; /* the caller's */
    return &pictures->base;
  }
  pictures_free (&pictures->base);
  return NULL;
}
