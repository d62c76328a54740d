/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What data sets are read from, as services: pictures (PNG, JPEG) and tables of text (CSV, ARFF,
 * libsvm). Every bad file is found when they are opened, and all of them are named at once.
 */
#ifndef LODE_FILES_H
#define LODE_FILES_H

#include <lode/option.h>
#include <lode/types.h>

typedef struct LodePictures LodePictures;
typedef struct LodeRecords LodeRecords;

enum { LODE_FIT_SQUEEZE, LODE_FIT_CROP };                 /* whole; the square in the middle */
enum { LODE_COLOUR_AUTO, LODE_COLOUR_GREY, LODE_COLOUR_RGB }; /* AUTO: grey if every pixel is */

/* Pictures to decode and bring to one size. */
typedef struct LodePicturesIn {
  size_t size;
  uint32_t n;
  uint32_t side;            /* 0: as they are if all are alike and small, else 32 or 64 by the median */
  const char *const *path;  /* [n] */
  const char *const *name;  /* [n] for messages, or NULL: the paths */
  uint32_t fit, colour;     /* LODE_FIT_…, LODE_COLOUR_… */
  uint32_t background;      /* 0 … 255, shows through where a picture is transparent */
  bool skip;                /* those that cannot be decoded are NULL, with a warning each */
  double megapixels;        /* larger ones are refused; 0: 40 */
} LodePicturesIn;

typedef struct LodePicturesCalls {
  size_t size;
  LodeShape (*shape) (const LodePictures *);
  const uint8_t *(*at) (const LodePictures *, uint32_t i); /* [h][w][c]; NULL: skipped */
  void (*free) (LodePictures *);
} LodePicturesCalls;

struct LodePictures {
  const LodePicturesCalls *calls;
};

/* [any] */
static inline LodeShape
lode_pictures_shape (const LodePictures *pictures)
{
  return pictures->calls->shape (pictures);
}

/* Transfer none. [any] */
static inline const uint8_t *
lode_pictures_at (const LodePictures *pictures, uint32_t i)
{
  return pictures->calls->at (pictures, i);
}

/* Accepts NULL. [main] */
static inline void
lode_pictures_free (LodePictures *pictures)
{
  if (pictures)
    pictures->calls->free (pictures);
}

enum { LODE_RECORDS_AUTO, LODE_RECORDS_CSV, LODE_RECORDS_ARFF, LODE_RECORDS_LIBSVM };
enum { LODE_HEADER_AUTO, LODE_HEADER_YES, LODE_HEADER_NO };
enum { LODE_COLUMN_NUMBER, LODE_COLUMN_TEXT };

typedef struct LodeRecordsIn {
  size_t size;
  const char *path;
  uint32_t format; /* LODE_RECORDS_…; AUTO: by the file's name, then its first line */
  uint32_t header; /* LODE_HEADER_… of a CSV file */
} LodeRecordsIn;

/* A column is of numbers if all of it can be read so. Missing: empty, ?, NA, N/A, NaN, null. */
typedef struct LodeColumn {
  const char *name;         /* of the file, else "1", "2" … */
  uint32_t kind;            /* LODE_COLUMN_… */
  uint32_t values;          /* TEXT: distinct ones */
  const double *number;     /* NUMBER: [rows], NaN: missing; else NULL */
  const int32_t *code;      /* TEXT: [rows] into value, −1: missing; else NULL */
  const char *const *value; /* TEXT: [values] as declared, else sorted by bytes */
} LodeColumn;

/* What columns stand for. Names of columns, or their numbers from 1 on. */
typedef struct LodeTargetsIn {
  size_t size;
  LodeTexts target;                 /* none: unlabelled */
  const char *split, *group, *weight; /* NULL or "": there is none */
  uint32_t task;                    /* LODE_TASK_… */
  LodeTexts classes;                /* names in order; none: those that occur */
} LodeTargetsIn;

/* AUTO: classes if the one target is text, or whole numbers of at most 20 values. */
enum { LODE_TASK_AUTO, LODE_TASK_CLASSES, LODE_TASK_REALS };

/* Memory is that of the records. */
typedef struct LodeTargets {
  size_t size;
  uint32_t classes, targets, has;  /* as in LodeDataInfo */
  const char *const *name;         /* [classes] */
  const int32_t *label;            /* [rows] −1: no label; or NULL */
  const float *target;             /* [rows][targets], or NULL */
  const float *weight;             /* [rows], or NULL */
  const int32_t *group, *split;    /* [rows], or NULL */
} LodeTargets;

typedef struct LodeRecordsCalls {
  size_t size;
  uint32_t (*rows) (const LodeRecords *);
  uint32_t (*columns) (const LodeRecords *);
  void (*column) (const LodeRecords *, uint32_t i, LodeColumn *);
  uint32_t (*line) (const LodeRecords *, uint32_t row); /* in the file, from 1 */
  int32_t (*find) (const LodeRecords *, const char *name); /* a column; −1: none */
  bool (*targets) (LodeRecords *, const LodeTargetsIn *, LodeTargets *, GError **);
  void (*free) (LodeRecords *);
} LodeRecordsCalls;

struct LodeRecords {
  const LodeRecordsCalls *calls;
};

/* [any] */
static inline uint32_t
lode_records_rows (const LodeRecords *records)
{
  return records->calls->rows (records);
}

/* [any] */
static inline uint32_t
lode_records_columns (const LodeRecords *records)
{
  return records->calls->columns (records);
}

/* [any] */
static inline LodeColumn
lode_records_column (const LodeRecords *records, uint32_t i)
{
  LodeColumn column = { NULL, 0, 0, NULL, NULL, NULL };

  records->calls->column (records, i, &column);
  return column;
}

/* Line of a row in the file, for messages. [any] */
static inline uint32_t
lode_records_line (const LodeRecords *records, uint32_t row)
{
  return records->calls->line (records, row);
}

/* A column by its name, else by its number from 1 on, "last" or "first"; −1: there is none. [any] */
static inline int32_t
lode_records_find (const LodeRecords *records, const char *name)
{
  return records->calls->find (records, name);
}

/* Labels or real targets, splits, groups, weights of all rows. [main] */
static inline bool
lode_records_targets (LodeRecords *records, const LodeTargetsIn *in, LodeTargets *out, GError **error)
{
  return records->calls->targets (records, in, out, error);
}

/* Accepts NULL. [main] */
static inline void
lode_records_free (LodeRecords *records)
{
  if (records)
    records->calls->free (records);
}

#endif
