/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look around: each part notes facts (for JSON), lines (for people), and advice where something
 * is missing.
 */
#ifndef LODE_DOCTOR_H
#define LODE_DOCTOR_H

#include "common.h"
#include "run/site.h"

typedef struct Doctor {
  JsonBuilder *json; /* within the object of the whole report */
  GPtrArray *cells;  /* char *: title, text; title, text … */
  GPtrArray *advice; /* char *: what is missing and what to do */
  int code;          /* of the first thing that keeps Lode from working */
  LodeRegistry *registry;
  bool loud;            /* say on stderr what takes long */
  const LodeSite *site; /* or NULL: it is broken, which has been said */
} Doctor;

/* A line of the report; several of one title follow each other. */
void doctor_line (Doctor *, const char *title, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* What is missing and what to do; code: LODE_EXIT_DONE where Lode works without it. */
void doctor_advise (Doctor *, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);
void doctor_number (Doctor *, const char *name, gint64 value);
void doctor_flag (Doctor *, const char *name, bool value);
void doctor_texts (Doctor *, const char *name, char *const *texts);

void doctor_look_machine (Doctor *); /* processor, BLAS, threads, locale, programs */
void doctor_look_tree (Doctor *);    /* plugins, configurations, data */
void doctor_look_plugins (Doctor *); /* one by one: what does not load, or is not looked at */
void doctor_look_author (Doctor *);  /* compiler, pkg-config, GLib, lode.pc, Meson; a try of them */
void doctor_check (Doctor *);        /* `lode check` of every plugin that loads */
void doctor_train (Doctor *);        /* a training, its digest against the one recorded */

/* One line on stderr, where somebody waits. */
void doctor_say (const Doctor *, const char *format, ...) G_GNUC_PRINTF (2, 3);

#endif
