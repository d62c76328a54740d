/* SPDX-License-Identifier: Apache-2.0 */
#include "run/json-add.h"

#include <math.h>

/* JSON-GLib appends ".0" to a double whose digits hold no point, even behind an exponent: 1e+17.0.
 * Such are whole; those that fit are written as integers, others as their neighbour, which has
 * seventeen digits. */
void
lode_json_add_number (JsonBuilder *json, const char *name, double value)
{
  if (name)
    json_builder_set_member_name (json, name);
  if (!isfinite (value))
    json_builder_add_null_value (json);
  else if (fabs (value) < 1e15)
    json_builder_add_double_value (json, value);
  else if (fabs (value) < 9e18 && value == floor (value))
    json_builder_add_int_value (json, (gint64) value);
  else {
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_dtostr (text, sizeof text, value);
    json_builder_add_double_value (json, g_strrstr (text, ".") ? value : nextafter (value, 0));
  }
}
