/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of configuration values that remembers where each came from. Parsers (core/run) build it,
 * option tables (option.h) read it; nothing here knows a file format.
 */
#ifndef LODE_CORE_VALUE_H
#define LODE_CORE_VALUE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
  LODE_VALUE_GROUP,
  LODE_VALUE_LIST,
  LODE_VALUE_BOOL,
  LODE_VALUE_INT,
  LODE_VALUE_REAL,
  LODE_VALUE_TEXT
} LodeValueType;

typedef struct LodeNode LodeNode;
struct LodeNode {
  char *name; /* in its group, or NULL */
  LodeValueType type;
  GPtrArray *children; /* LodeNode *, of GROUP and LIST; owned */
  bool flag;
  int64_t integer;
  double real;
  char *text;
  char *origin; /* "quickstart.cfg:12", "command line: seed=3" */
  bool used;    /* an option table or the core has read it */
};

LodeNode *lode_node_new (LodeValueType, const char *name, const char *origin);
LodeNode *lode_node_copy (const LodeNode *);
void lode_node_free (LodeNode *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeNode, lode_node_free)

LodeNode *lode_node_child (const LodeNode *group,
                           const char *name); /* transfer none, or NULL; group may be NULL */
LodeNode *lode_node_find (const LodeNode *root, const char *path); /* "stages.search.fit.epochs" */
void
lode_node_set (LodeNode *group,
               LodeNode *child); /* transfer full; replaces a child of that name in its place */
void lode_node_merge (LodeNode *into,
                      const LodeNode *from); /* groups merge, everything else replaces */
const char *lode_node_text (const LodeNode *group, const char *name,
                            const char *otherwise); /* marks it used */

#endif
