/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs share: exit codes, options with help, messages, tables and JSON on stdout, and the
 * plugins that the command line names.
 *
 * Data go to stdout, messages to stderr as "lode: …". A verb prints all of its own errors and
 * returns an exit code; it never calls exit itself.
 */
#ifndef LODE_COMMON_H
#define LODE_COMMON_H

#include "plugin/registry.h"
#include "run/site.h"
#include <json-glib/json-glib.h>
#include <stdio.h>

enum {
  LODE_EXIT_DONE = 0,
  LODE_EXIT_FAILED = 1,
  LODE_EXIT_USAGE = 2,   /* usage or configuration */
  LODE_EXIT_DATA = 3,    /* a data file */
  LODE_EXIT_PLUGIN = 4,  /* a plugin */
  LODE_EXIT_STOPPED = 75 /* checkpointed; run again */
};

/* What `lode VERB --help` says beside the options. */
typedef struct LodeUsage {
  const char *words;           /* behind the options: "[KIND]" */
  const char *summary;         /* sentences above the options */
  const char *more;            /* behind them: examples, exit codes; or NULL */
  const GOptionEntry *options; /* ends with an empty one */
  bool plugins;                /* the verb opens plugins: --plugin-folder is one of its options */
} LodeUsage;

/*
 * Reads the options of argv; free words stay, argv[0] in front. false: *code is what the verb
 * returns; what is wrong has been printed. --help prints to stdout and gives LODE_EXIT_DONE.
 */
bool lode_usage_parse (const LodeUsage *, int *argc, char ***argv, int *code);

/* While a function is set, lode_usage_parse hands what it would parse by to that function and
 * parses nothing: verb ("run", "data check"), and the options of verbs that open plugins, or NULL.
 */
typedef void (*LodeUsageFunc) (void *data, const char *verb, const LodeUsage *,
                               const GOptionEntry *plugins);
void lode_usage_tell (LodeUsageFunc, void *data);
bool lode_usage_is_told (void);
const GOptionEntry *lode_usage_plugins (void);

/* Prints "lode: …" on stderr and returns LODE_EXIT_USAGE. */
int lode_usage_error (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* One line on stderr, "lode: …". */
void lode_say (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Prints and frees the error; the exit code that belongs to it. */
int lode_fail (GError *error);
int lode_exit_code (const GError *error);

/* What the site sets, told to the layers below; NULL with messages on stderr where it is broken.
 * Transfer full. */
LodeSite *lode_command_site (void);

/* The plugins of --plugin-folder, LODE_PLUGIN_PATH, the user's folder and the installed one. */
LodeRegistry *lode_command_registry (void);

/* Text in a colour (an SGR number: 1 bold, 2 dim, 31 red …) where `to` is a terminal that wants
 * colours, else as it is. Transfer full. */
char *lode_paint (FILE *to, int sgr, const char *text);

/* Rows of n cells each (char *, NULL: empty) on stdout, in columns two blanks apart. */
void lode_columns_print (guint n, GPtrArray *cells);

/* On stdout, indented, with a line's end. Transfer full. */
void lode_json_print (JsonNode *root);

/* A member of the object being built; NULL: null. */
void lode_json_text (JsonBuilder *, const char *name, const char *text);

#endif
