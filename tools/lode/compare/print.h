/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison on stdout.
 */
#ifndef LODE_COMPARE_PRINT_H
#define LODE_COMPARE_PRINT_H

#include "groups.h"
#include "table.h"

/* tables.c: groups, pairs, sources of variance as tables for people, notes on stderr. */
void compare_print (const Comparison *, TableForm);
/* csv.c: the same in plain numbers of all digits, a blank line between tables. */
void compare_print_csv (const Comparison *);
void compare_print_json (const Comparison *);

#endif
