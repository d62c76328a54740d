/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report as a page of HTML that needs nothing but itself.
 */
#ifndef LODE_REPORT_PAGE_H
#define LODE_REPORT_PAGE_H

#include "gather.h"

typedef struct Page {
  GString *out;
  const Report *report;
  guint plots;   /* so far; names them */
  uint32_t room; /* points of a line */
} Page;

/* Transfer full. */
char *report_page (const Report *);
/* The same data as JSON, an object within what is being built. */
void report_json (JsonBuilder *, const Report *);

extern const char report_style[]; /* the style sheet */

/* A table's begin, inside a frame that scrolls sideways; columns: "Name|>Value", ">" a number's. */
void page_table (Page *, const char *caption, const char *columns);
void page_table_end (Page *);

void page_stages (Page *);      /* what each stage did, gave and cost */
void page_networks (Page *);    /* the architectures found, drawn where they can be */
void page_curves (Page *);      /* all series, and how the best one changed */
void page_environment (Page *); /* configuration, plugins, machine, references */

#endif
