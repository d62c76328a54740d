/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of text: what the service of files.h does, and the inside that its readers share. Text is
 * turned into cells first, then each column into numbers or codes.
 */
#ifndef LODE_CORE_RECORDS_H
#define LODE_CORE_RECORDS_H

#include <lode/files.h>
#include <stdio.h>

/* A records object of a file, or of bytes (name: for messages). Errors: LODE_RUN_ERROR_DATA with
 * file and line. [any] */
LodeRecords *lode_records_read (const LodeRecordsIn *, GError **);
LodeRecords *lode_records_parse (const LodeRecordsIn *, const char *bytes, size_t n, GError **);

/* Cells of text as a reader finds them, row by row. */
typedef struct LodeCells {
  const char *path; /* for messages */
  char *text;       /* what cells point into: UTF-8, each ended by 0 */
  GPtrArray *name;  /* of columns, char *; its length is their number */
  GPtrArray *known; /* of columns: GPtrArray * of declared values, or NULL */
  GPtrArray *cell;  /* const char *, NULL: missing */
  GArray *line;     /* uint32_t of each row */
} LodeCells;

/* Takes apart cells->text. records-csv.c, records-arff.c [any] */
bool lode_cells_csv (LodeCells *, uint32_t header, GError **);
bool lode_cells_arff (LodeCells *, GError **);
/* Whether a cell's text says that it is missing. */
bool lode_cell_missing (const char *text);
bool lode_cell_number (const char *text, double *value);
bool lode_cells_fail (const LodeCells *, uint32_t line, GError **, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* A column as it is kept; memory is the records'. */
typedef struct LodeField {
  char *name;
  double *number;   /* [rows], or NULL */
  int32_t *code;    /* [rows], or NULL */
  GPtrArray *value; /* of codes, char *, NULL-ended: len is values + 1; or NULL */
} LodeField;

typedef struct LodeRecordsOf {
  LodeRecords base; /* first */
  char *path;
  uint32_t rows, columns;
  LodeField *field;  /* [columns] */
  uint32_t *line;    /* [rows] */
  GPtrArray *memory; /* of targets */
} LodeRecordsOf;

/* libsvm gives numbers at once. records-libsvm.c */
bool lode_records_libsvm (LodeRecordsOf *, char *text, GError **);
/* targets.c */
bool lode_records_assign (LodeRecords *, const LodeTargetsIn *, LodeTargets *, GError **);
int32_t lode_records_column_of (const LodeRecords *, const char *name);

#endif
