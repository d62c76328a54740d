/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "run/config.h"

#include <math.h>
#include <string.h>

/* What a text or a list without a range is tried with. */
static const char *const texts[] = { "", "x", "no/such/file", "ä ö", "%s%n", "../.." };

void *
options_fill (const Check *check, LodeNode *group, GPtrArray *owner, GPtrArray *errors)
{
  const LodeTable *table = &check->loaded->table;
  g_autoptr (LodeNode) all = lode_node_new (LODE_VALUE_GROUP, NULL, "check");
  void *conf = g_malloc0 (MAX (table->conf_size, 1));

  for (const char *const *set = check->set; set && *set; set++)
    lode_config_override (all, *set, errors);
  if (group)
    lode_node_merge (all, group);
  if (errors->len == 0 && lode_table_fill (table, all, check->name, NULL, conf, owner, errors))
    return conf;
  g_free (conf);
  return NULL;
}

static LodeNode *
node_of (const LodeOption *option, LodeValueType type)
{
  return lode_node_new (type, option->name, "check");
}

static LodeNode *
text_node (const LodeOption *option, const char *text)
{
  LodeNode *node = node_of (option, LODE_VALUE_TEXT);

  node->text = g_strdup (text);
  return node;
}

static LodeNode *
number_node (const LodeOption *option, double value)
{
  LodeNode *node =
      node_of (option, option->type == LODE_OPTION_INT ? LODE_VALUE_INT : LODE_VALUE_REAL);

  node->integer = option->type == LODE_OPTION_INT ? (int64_t) value : 0;
  node->real = value;
  return node;
}

static bool
has_range (const LodeOption *option)
{
  return option->min < option->max;
}

/* The smallest value: min, or what comes behind it. */
static double
least (const LodeOption *option)
{
  if (!option->above_min)
    return option->min;
  return option->type == LODE_OPTION_INT ? floor (option->min) + 1
                                         : nextafter (option->min, INFINITY);
}

static LodeNode *
flag_node (const LodeOption *option, bool flag)
{
  LodeNode *node = node_of (option, LODE_VALUE_BOOL);

  node->flag = flag;
  return node;
}

static void
list_add (LodeNode *list, LodeNode *element)
{
  g_clear_pointer (&element->name, g_free);
  g_ptr_array_add (list->children, element);
}

static LodeNode *
list_node (const LodeOption *option, LodeNode *element)
{
  LodeNode *list = node_of (option, LODE_VALUE_LIST);

  if (element)
    list_add (list, element);
  return list;
}

static uint32_t
choices_of (const LodeOption *option)
{
  uint32_t n = 0;

  while (option->choices && option->choices[n])
    n++;
  return n;
}

uint32_t
options_ends (const LodeOption *option)
{
  switch (option->type) {
  case LODE_OPTION_BOOL:
    return 2;
  case LODE_OPTION_INT:
  case LODE_OPTION_REAL:
    return has_range (option) ? 2 : 0;
  case LODE_OPTION_CHOICE:
    return choices_of (option);
  case LODE_OPTION_REALS:
    return has_range (option) ? 3 : 1;
  case LODE_OPTION_TEXTS:
    return 1 + G_N_ELEMENTS (texts);
  default:
    return G_N_ELEMENTS (texts);
  }
}

LodeNode *
options_end (const LodeOption *option, uint32_t i)
{
  switch (option->type) {
  case LODE_OPTION_BOOL:
    return flag_node (option, i);
  case LODE_OPTION_INT:
  case LODE_OPTION_REAL:
    return number_node (option, i ? option->max : least (option));
  case LODE_OPTION_CHOICE:
    return text_node (option, option->choices[i]);
  case LODE_OPTION_REALS:
    return list_node (option,
                      i == 0 ? NULL : number_node (option, i == 1 ? least (option) : option->max));
  case LODE_OPTION_TEXTS:
    return list_node (option, i == 0 ? NULL : text_node (option, texts[i - 1]));
  default:
    return text_node (option, texts[i]);
  }
}

/* In range, an end in one of four draws; wide ranges by magnitude, as people choose. */
static double
draw (const LodeOption *option, LodeRng *rng)
{
  double low = least (option), high = option->max, u = lode_rng_uniform (rng), value;

  if (!has_range (option))
    return option->number;
  if (lode_rng_below (rng, 4) == 0)
    return u < 0.5 ? low : high;
  value = low + u * (high - low);
  if (low >= 0 && high > 1000 * MAX (low, 1e-3))
    value = exp (log (MAX (low, 1e-3)) + u * log (high / MAX (low, 1e-3)));
  if (option->type == LODE_OPTION_INT)
    value = floor (value);
  return CLAMP (value, low, high);
}

LodeNode *
options_random (const LodeOption *option, LodeRng *rng)
{
  LodeNode *list;

  switch (option->type) {
  case LODE_OPTION_BOOL:
    return flag_node (option, lode_rng_below (rng, 2));
  case LODE_OPTION_INT:
  case LODE_OPTION_REAL:
    return number_node (option, draw (option, rng));
  case LODE_OPTION_CHOICE:
    return text_node (option, option->choices[lode_rng_below (rng, choices_of (option))]);
  case LODE_OPTION_REALS:
  case LODE_OPTION_TEXTS:
    list = list_node (option, NULL);
    for (uint32_t n = lode_rng_below (rng, 5); n > 0; n--)
      list_add (list, option->type == LODE_OPTION_REALS
                          ? number_node (option, draw (option, rng))
                          : text_node (option, texts[lode_rng_below (rng, G_N_ELEMENTS (texts))]));
    return list;
  default:
    return text_node (option, texts[lode_rng_below (rng, G_N_ELEMENTS (texts))]);
  }
}

char *
options_text (LodeNode *node)
{
  g_autoptr (LodeNode) root = lode_node_new (LODE_VALUE_GROUP, NULL, "check");
  char *text;

  if (node->type == LODE_VALUE_GROUP)
    lode_node_merge (root, node);
  else
    lode_node_set (root, lode_node_copy (node));
  text = lode_config_write (root);
  return g_strstrip (g_strdelimit (text, "\n", ' '));
}
