/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words for what stands in descriptors, option tables and vtables.
 */
#include "show.h"

#include <lode/lode.h>
#include <string.h>

LodeClaim
lode_show_claim (const LodeLoaded *loaded)
{
  const char *kind = loaded->plugin->kind;

  if (!strcmp (kind, "backbone"))
    return (LodeClaim){ "can", ((const LodeBackboneOps *) loaded->ops)->can };
  if (!strcmp (kind, "stage"))
    return (LodeClaim){ "gives", ((const LodeStageOps *) loaded->ops)->gives };
  if (!strcmp (kind, "evaluator"))
    return (LodeClaim){ "needs", ((const LodeEvaluatorOps *) loaded->ops)->needs };
  if (!strcmp (kind, "loss"))
    return (LodeClaim){ "needs", ((const LodeLossOps *) loaded->ops)->needs };
  if (!strcmp (kind, "sampler"))
    return (LodeClaim){ "needs", ((const LodeSamplerOps *) loaded->ops)->needs };
  if (!strcmp (kind, "search"))
    return (LodeClaim){ "needs", ((const LodeSearchOps *) loaded->ops)->needs };
  return (LodeClaim){ NULL, 0 };
}

const char *
lode_show_type (const LodeOption *option)
{
  static const char *const words[] = {
    [LODE_OPTION_BOOL] = "boolean",       [LODE_OPTION_INT] = "integer",
    [LODE_OPTION_REAL] = "number",        [LODE_OPTION_TEXT] = "text",
    [LODE_OPTION_CHOICE] = "choice",      [LODE_OPTION_REALS] = "list of numbers",
    [LODE_OPTION_TEXTS] = "list of texts"
  };

  return words[option->type]; /* the loader has checked the type */
}

char *
lode_show_default (const LodeOption *option)
{
  switch (option->type) {
  case LODE_OPTION_BOOL:
    return g_strdup (option->number != 0 ? "true" : "false");
  case LODE_OPTION_INT:
    return g_strdup_printf ("%.0f", option->number);
  case LODE_OPTION_REAL:
    return g_strdup_printf ("%.15g", option->number);
  case LODE_OPTION_CHOICE:
    return g_strdup_printf ("\"%s\"", option->text ? option->text : option->choices[0]);
  case LODE_OPTION_TEXT:
    return g_strdup_printf ("\"%s\"", option->text ? option->text : "");
  default:
    return g_strdup_printf ("[%s]", option->text ? option->text : "");
  }
}

const char *
lode_show_when (const LodeLoaded *loaded)
{
  if (strcmp (loaded->plugin->kind, "sampler"))
    return NULL;
  switch (((const LodeSamplerOps *) loaded->ops)->when) {
  case LODE_WHEN_ONCE:
    return "once";
  case LODE_WHEN_ROUND:
    return "every round";
  default:
    return "every epoch";
  }
}

const char *
lode_show_artefact (uint32_t artefact)
{
  static const char *const words[] = { [LODE_ART_ARCH] = "architecture",
                                       [LODE_ART_NET] = "net",
                                       [LODE_ART_SUBSET] = "subset",
                                       [LODE_ART_SCORES] = "scores",
                                       [LODE_ART_FEATURES] = "features" };

  return artefact < G_N_ELEMENTS (words) && words[artefact] ? words[artefact] : "artefact";
}
