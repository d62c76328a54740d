/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files and overrides: from text to one tree of values, and back.
 *
 * The format is libconfig's. Files are parsed one by one and merged left to right, then overrides
 * by path. What libconfig would let pass is caught here: settings given twice, numbers that do not
 * fit, and the usual slips, each with file, line and a hint. Beyond libconfig 1.5: integers need no
 * L, [ ] may mix integers and reals, @include is relative to the file it stands in, a text ends on
 * the line it begins on. Files are UTF-8. No locale changes a number. [any]
 */
#ifndef LODE_CORE_CONFIG_H
#define LODE_CORE_CONFIG_H

#include "plugin/value.h"

/* A file: a path, or a name (studies/first.cfg is one too) that is looked for in the current
 * folder, those of LODE_CONF_PATH, and the installed conf/. Transfer full; LODE_RUN_ERROR_CONFIG
 * names the folders looked in. */
char *lode_config_find (const char *name, GError **);
/* Those folders (char *, transfer full), whether they exist or not. */
GPtrArray *lode_config_folders (void);

/* Names of the files in those folders that begin so, each once, sorted, NULL-ended; transfer full.
 */
char **lode_config_names (const char *prefix);

/*
 * A file as a tree whose nodes know "file:line". Mistakes are appended to errors (char *, one line
 * each), the first of every line, up to twenty a file. NULL if there were any.
 */
LodeNode *lode_config_parse (const char *path, GPtrArray *errors);
/* The same from text; name stands for the file in messages. */
LodeNode *lode_config_parse_text (const char *name, const char *text, GPtrArray *errors);

/*
 * Applies "path.to.value=text" to a tree: groups on the way are made, a value is read as the
 * configuration would read it (number, true/false, "text", [list], { group }), anything else is a
 * text without its quotes. A group merges, everything else replaces. Mistakes are appended to
 * errors, and then the tree is as it was.
 */
bool lode_config_override (LodeNode *root, const char *assignment, GPtrArray *errors);

/* All of it: files found, parsed, merged; overrides applied. NULL if errors grew. */
LodeNode *lode_config_load (const char *const *files, const char *const *overrides,
                            GPtrArray *errors);

/*
 * The tree as a configuration file that parses to the same values, bit for bit (up to 17 digits;
 * integers above 32 bits with L), by libconfig alone too. Its reals are finite, its texts UTF-8.
 * Groups are laid out with two blanks a level, short lists and groups of scalars on one line where
 * they fit in 100 columns. Transfer full.
 */
char *lode_config_write (const LodeNode *root);
/* One line a value, "path = value    origin": where each came from. Transfer full. */
char *lode_config_origins (const LodeNode *root);

#endif
