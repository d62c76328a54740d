/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a run directory say, put together; whatever is missing is missing here too, and
 * what cannot be read is a note.
 */
#ifndef LODE_REPORT_GATHER_H
#define LODE_REPORT_GATHER_H

#include "run/folder.h"
#include "run/journal.h"

#include <json-glib/json-glib.h>

/* NaN where nothing says so. */
typedef struct ReportCost {
  double samples, distinct, labels, macs, scores, cpu, wall, peak;
} ReportCost;

/* A line of trajectory.csv: another architecture became the best. */
typedef struct ReportChange {
  double step, samples, macs, scores;
  char *arch;
} ReportChange;

/* A line of scores.jsonl. */
typedef struct ReportScore {
  double fidelity, value; /* value NaN: it could not be scored */
} ReportScore;

typedef struct ReportStage {
  char *name, *type;  /* type may be NULL */
  char *phase;        /* the last that metrics.jsonl names, or NULL */
  JsonObject *result; /* or NULL: it did not come to its end; owned */
  JsonObject *arch;   /* arch.json, or NULL; owned */
  char *arch_text;    /* arch.txt, or NULL */
  char *drawing;      /* arch.svg as markup for a page, or NULL */
  ReportCost cost;
  GPtrArray *series; /* const LodeSeries * */
  GArray *changes;   /* ReportChange */
  GArray *scores;    /* ReportScore */
} ReportStage;

typedef struct Report {
  char *path;
  char *experiment, *label, *seed; /* never NULL */
  bool has_status;
  LodeStatusInfo status;
  JsonObject *env;        /* or NULL; owned */
  char *config, *origins; /* config.cfg, overrides.txt, or NULL */
  GPtrArray *stages;      /* ReportStage *, in their order */
  GPtrArray *series;      /* all of metrics.jsonl, or NULL */
  GPtrArray *notes;       /* char *: what could not be read, and why */
} Report;

/* LODE_RUN_ERROR_CONFIG: the path is no run directory. */
Report *report_gather (const char *run, GError **);
void report_free (Report *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Report, report_free)

/* The stage of a name; made if need be. */
ReportStage *report_stage (Report *, const char *name);
/* A file of the run (stage NULL) or a stage, or NULL where there is none; one that cannot be read
 * is noted. Transfer full. */
char *report_read (Report *, const char *stage, const char *name, gsize *n);
/* metrics.jsonl, and the stage's trajectory.csv and scores.jsonl. */
void report_read_metrics (Report *);
void report_read_search (Report *, ReportStage *);

/* Members of an object that may be NULL: NaN or NULL where there is no such number, text, object.
 */
double report_member_number (JsonObject *, const char *name);
const char *report_member_text (JsonObject *, const char *name);
JsonObject *report_member_object (JsonObject *, const char *name);
JsonArray *report_member_array (JsonObject *, const char *name);

/*
 * An SVG file as markup to stand within a page: shapes and text alone. Names (id), scripts, styles,
 * links and whatever would be fetched are left out. Transfer full; NULL: it is no SVG.
 */
char *report_drawing (const char *svg, gsize n, GError **);

#endif
