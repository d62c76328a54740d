/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a table of options makes sense in itself: what is wrong with it is its author's mistake,
 * found when the plugin is loaded and not when an option is first used.
 */
#include "plugin/option.h"

#include <math.h>
#include <string.h>

static bool
is_number (const LodeOption *option)
{
  return option->type == LODE_OPTION_INT || option->type == LODE_OPTION_REAL;
}

static size_t
field_size (const LodeOption *option)
{
  switch (option->type) {
  case LODE_OPTION_BOOL:
    return sizeof (bool);
  case LODE_OPTION_INT:
    return sizeof (int64_t);
  case LODE_OPTION_REAL:
    return sizeof (double);
  case LODE_OPTION_TEXT:
    return sizeof (const char *);
  case LODE_OPTION_CHOICE:
    return sizeof (int32_t);
  case LODE_OPTION_REALS:
    return sizeof (LodeReals);
  case LODE_OPTION_TEXTS:
    return sizeof (LodeTexts);
  default:
    return 0;
  }
}

static bool
is_name (const char *name)
{
  return name && g_ascii_islower (*name)
         && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen (name);
}

/* The field: known type, within the struct, aligned. */
static char *
check_field (const LodeTable *table, const LodeOption *option)
{
  size_t size = field_size (option);

  if (size == 0)
    return g_strdup_printf ("option %s has unknown type %d", option->name, option->type);
  if (option->offset + size > table->conf_size)
    return g_strdup_printf ("option %s lies outside its struct", option->name);
  if (option->offset % MIN (size, sizeof (double)))
    return g_strdup_printf ("option %s is not aligned in its struct", option->name);
  return NULL;
}

static char *
check_number (const LodeOption *option, double value)
{
  if (!isfinite (value))
    return g_strdup_printf ("option %s has a default that is not finite", option->name);
  if (!lode_option_in_range (option, value))
    return g_strdup_printf ("option %s has default %g outside %s%g … %g", option->name, value,
                            option->above_min ? "above " : "", option->min, option->max);
  if (option->type == LODE_OPTION_INT && value != floor (value))
    return g_strdup_printf ("option %s has default %g, which is no integer", option->name, value);
  return NULL;
}

/* The default of a list, "1, 2, 3". */
static char *
check_numbers (const LodeOption *option)
{
  g_auto (GStrv) part = g_strsplit (option->text ? option->text : "", ",", -1);
  char *wrong = NULL, *end;

  for (char **text = part; !wrong && *text && (*g_strstrip (*text) || text[1]); text++) {
    double value = g_ascii_strtod (*text, &end);

    wrong = *end || end == *text ? g_strdup_printf (
                "option %s has \"%s\" among its defaults, which is no number", option->name, *text)
                                 : check_number (option, value);
  }
  return wrong;
}

static char *
check_choices (const LodeOption *option)
{
  if (!option->choices || !option->choices[0])
    return g_strdup_printf ("option %s has no choices", option->name);
  if (option->text && lode_option_choice (option, option->text) < 0)
    return g_strdup_printf ("option %s has default \"%s\", which is not among its choices",
                            option->name, option->text);
  return NULL;
}

static char *
check_option (const LodeTable *table, const LodeOption *option)
{
  char *wrong;

  if (!is_name (option->name))
    return g_strdup_printf ("option name \"%s\" is not lower case, digits and '_'",
                            option->name ? option->name : "(null)");
  if (!option->doc || !*option->doc)
    return g_strdup_printf ("option %s has no documentation", option->name);
  wrong = check_field (table, option);
  if (wrong)
    return wrong;
  if (!(option->min <= option->max))
    return g_strdup_printf ("option %s has min %g above max %g", option->name, option->min,
                            option->max);
  if (option->type == LODE_OPTION_CHOICE)
    return check_choices (option);
  if (option->required)
    return NULL;
  if (option->type == LODE_OPTION_REALS)
    return check_numbers (option);
  return is_number (option) ? check_number (option, option->number) : NULL;
}

/* Two entries of one name or one field; NULL: none. */
static char *
check_twice (const LodeTable *table, uint32_t i)
{
  const LodeOption *option = lode_table_at (table, i);

  for (uint32_t j = 0; j < i; j++) {
    const LodeOption *other = lode_table_at (table, j);

    if (!strcmp (other->name, option->name))
      return g_strdup_printf ("option %s stands twice in the table", option->name);
    if (other->offset < option->offset + field_size (option)
        && option->offset < other->offset + field_size (other))
      return g_strdup_printf ("options %s and %s fill the same field", other->name, option->name);
  }
  return NULL;
}

char *
lode_table_check (const LodeTable *table)
{
  if (table->n
      && (!table->at || (table->stride && table->stride < offsetof (LodeOption, required))))
    return g_strdup ("the option table has no entries, or no size of one");
  for (uint32_t i = 0; i < table->n; i++) {
    char *wrong = check_option (table, lode_table_at (table, i));

    if (!wrong)
      wrong = check_twice (table, i);
    if (wrong)
      return wrong;
  }
  return NULL;
}
