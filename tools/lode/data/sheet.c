/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data sheet`: a row of pictures a class, as a network gets them but for normalisation.
 */
#include "look.h"

#include "compute/seed.h"
#include "error.h"

#include <string.h>

enum { GAP = 2, MOST_ROWS = 200, BACK = 255 };

static char *output;
static gint columns = 12;
static gint64 seed = 1;

static const GOptionEntry options[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Write to FILE (sheet.png)", "FILE" },
  { "columns", 'c', 0, G_OPTION_ARG_INT, &columns, "N pictures of each class (12)", "N" },
  { "seed", 's', 0, G_OPTION_ARG_INT64, &seed, "Another seed, other pictures", "N" },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = { "PATH [path=value…]",
                                 "Draws some pictures of each class side by side into a PNG file, "
                                 "a row a class, and prints which\n"
                                 "row is which. Examples without a label come last.",
                                 NULL, options, true };

/* Where each class's examples are: at [start[c], start[c + 1]); the last of them has no label. */
typedef struct Rows {
  uint32_t n, *start, *at;
} Rows;

static Rows
sort_by_class (const Opened *opened, const Carried *carried)
{
  uint32_t n = opened->info.classes + 1;
  Rows rows = { n, g_new0 (uint32_t, (size_t) n + 2), g_new (uint32_t, (size_t) carried->n + 1) };

  for (uint32_t i = 0; i < carried->n; i++) {
    int32_t label = carried->label ? carried->label[i] : -1;

    rows.start[(label < 0 ? n - 1 : (uint32_t) label) + 2]++;
  }
  for (uint32_t c = 2; c < n + 2; c++)
    rows.start[c] += rows.start[c - 1];
  for (uint32_t i = 0; i < carried->n; i++) {
    int32_t label = carried->label ? carried->label[i] : -1;

    rows.at[rows.start[(label < 0 ? n - 1 : (uint32_t) label) + 1]++] = i;
  }
  return rows;
}

static void
shuffle (uint32_t *at, uint32_t n, LodeRng rng)
{
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = lode_rng_below (&rng, i), swap = at[i - 1];

    at[i - 1] = at[j];
    at[j] = swap;
  }
}

/* One picture into the sheet; channels beyond three are left out, two are shown as the first.
 * out: [h][stride] of c */
static void
draw (const LodeShape *shape, const uint8_t *pixel, uint8_t *out, size_t stride, uint32_t c)
{
  for (uint32_t y = 0; y < shape->h; y++)
    for (uint32_t x = 0; x < shape->w; x++)
      memcpy (out + y * stride + (size_t) x * c, pixel + ((size_t) y * shape->w + x) * shape->c, c);
}

typedef struct Sheet {
  uint32_t w, h, c, rows;
  uint8_t *pixel;
} Sheet;

static bool
draw_row (const Opened *opened, Sheet *sheet, const uint32_t *at, uint32_t n, GError **error)
{
  const LodeShape *shape = &opened->info.shape;
  size_t bytes = (size_t) shape->h * shape->w * shape->c, stride = (size_t) sheet->w * sheet->c;
  g_autofree uint8_t *pixel = g_malloc (bytes * n + 1);
  LodeExamples want = { .size = sizeof want, .n = n, .index = at, .pixel = pixel };
  uint8_t *row = sheet->pixel + (GAP + (size_t) sheet->rows * (shape->h + GAP)) * stride;

  if (!opened->ops->read (opened->set, LODE_PART_TRAIN, &want, error))
    return false;
  for (uint32_t i = 0; i < n; i++)
    draw (shape, pixel + i * bytes, row + (GAP + (size_t) i * (shape->w + GAP)) * sheet->c, stride,
          sheet->c);
  sheet->rows++;
  return true;
}

static void
print_row (const Opened *opened, uint32_t row, uint32_t class, uint32_t examples)
{
  const char *name = opened->ops->class_name ? opened->ops->class_name (opened->set, class) : NULL;

  if (class == opened->info.classes)
    printf ("row %u: %s (%u)\n", row, opened->info.targets ? "all" : "no label", examples);
  else if (name)
    printf ("row %u: %s (%u)\n", row, name, examples);
  else
    printf ("row %u: class %u (%u)\n", row, class, examples);
}

static bool
draw_all (const Opened *opened, const Rows *rows, Sheet *sheet, GError **error)
{
  uint32_t left = 0;

  for (uint32_t c = 0; c < rows->n; c++) {
    uint32_t *at = rows->at + rows->start[c], n = rows->start[c + 1] - rows->start[c];

    if (n == 0)
      continue;
    if (sheet->rows == MOST_ROWS) {
      left++;
      continue;
    }
    shuffle (at, n, lode_seed_rng ((uint64_t) seed, "sheet", c, 0));
    if (!draw_row (opened, sheet, at, MIN (n, (uint32_t) columns), error))
      return false;
    print_row (opened, sheet->rows, c, n);
  }
  if (left)
    lode_say ("%u classes more are not drawn: at most %d rows", left, MOST_ROWS);
  return true;
}

static bool
make (const Opened *opened, const char *path, GError **error)
{
  const LodeShape *shape = &opened->info.shape;
  uint32_t most = MIN (opened->info.classes + 1, MOST_ROWS);
  Sheet sheet = { .w = GAP + (uint32_t) columns * (shape->w + GAP), .c = shape->c >= 3 ? 3 : 1 };
  Carried carried;
  bool ok = data_carried (opened, LODE_PART_TRAIN, &carried, error);
  Rows rows = ok ? sort_by_class (opened, &carried) : (Rows){ 0 };

  sheet.pixel = g_malloc ((size_t) sheet.w * (GAP + (size_t) most * (shape->h + GAP)) * sheet.c);
  memset (sheet.pixel, BACK, (size_t) sheet.w * (GAP + (size_t) most * (shape->h + GAP)) * sheet.c);
  ok = ok && draw_all (opened, &rows, &sheet, error);
  sheet.h = GAP + sheet.rows * (shape->h + GAP);
  ok = ok && data_write_png (path, sheet.pixel, sheet.w, sheet.h, sheet.c, error);
  carried_clear (&carried);
  g_free (rows.start);
  g_free (rows.at);
  g_free (sheet.pixel);
  return ok;
}

int
data_sheet (int argc, char **argv)
{
  g_autoptr (Opened) opened = NULL;
  const char *path;
  GError *error = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc < 2)
    return lode_usage_error ("which data? lode data sheet PATH");
  if (columns < 1 || columns > 200)
    return lode_usage_error ("--columns %d; expected 1 to 200", columns);
  opened = data_open (argv + 1, true, &code);
  if (!opened)
    return code;
  if (opened->info.pixel != LODE_PIXEL_U8
      || (opened->info.shape.h == 1 && opened->info.shape.w == 1))
    return lode_usage_error ("%s: its examples are no pictures of bytes, of which a sheet could be "
                             "drawn",
                             argv[1]);
  path = output ? output : "sheet.png";
  if (!make (opened, path, &error))
    return lode_fail (error);
  printf ("%s\n", path);
  return LODE_EXIT_DONE;
}
