/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers into a JsonBuilder, as every JSON that the command or a run writes holds them.
 */
#ifndef LODE_CORE_JSON_ADD_H
#define LODE_CORE_JSON_ADD_H

#include <json-glib/json-glib.h>

/* A number, null if it is not finite; under a name, or, with NULL, as the next element. */
void lode_json_add_number (JsonBuilder *, const char *name, double);

#endif
