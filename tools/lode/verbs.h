/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs, one folder each. argv[0] is the verb, argv ends with NULL; the result is the exit
 * code.
 */
#ifndef LODE_VERBS_H
#define LODE_VERBS_H

int lode_verb_data (int argc, char **argv);
int lode_verb_doctor (int argc, char **argv);
int lode_verb_run (int argc, char **argv);
int lode_verb_resume (int argc, char **argv);
int lode_verb_bench (int argc, char **argv);
int lode_verb_check (int argc, char **argv);
int lode_verb_list (int argc, char **argv);
int lode_verb_new (int argc, char **argv);
int lode_verb_report (int argc, char **argv);
int lode_verb_compare (int argc, char **argv);
int lode_verb_status (int argc, char **argv);
int lode_verb_sweep (int argc, char **argv);
int lode_verb_show (int argc, char **argv);
int lode_verb_select (int argc, char **argv);

#endif
