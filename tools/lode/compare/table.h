/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of texts, and their forms.
 */
#ifndef LODE_COMPARE_TABLE_H
#define LODE_COMPARE_TABLE_H

#include <glib.h>
#include <stdio.h>

typedef enum { TABLE_TEXT, TABLE_MARKDOWN, TABLE_LATEX, TABLE_CSV } TableForm;

typedef struct Table {
  guint columns;
  GPtrArray *cells; /* char *, the heads first; NULL: empty */
} Table;

Table *table_new (void);
void table_free (Table *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Table, table_free)
/* Before any other cell. */
void table_head (Table *, const char *head);
void table_take (Table *, char *cell); /* transfer full */
void table_cell (Table *, const char *cell);
void table_format (Table *, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Leaves out columns that are empty in all rows. */
void table_drop_empty (Table *);
/* On stdout; the first column is of names, the others are of numbers. */
void table_print (const Table *, TableForm);

#endif
