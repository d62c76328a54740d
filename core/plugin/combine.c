/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which plugins go together: needs of the one are among the abilities of the others.
 */
#include "plugin/registry.h"

#include <lode/lode.h>

static const struct {
  uint32_t bit;
  const char *word;
} abilities[] = {
  { LODE_SHARE, "shared weights" },
  { LODE_MIX, "several options at once, with gates" },
  { LODE_SCALE, "free depth and width" },
  { LODE_SCORES, "scores of architectures" },
  { LODE_TASKS, "few-shot tasks" },
  { LODE_LABELS, "all labels of the pool" },
  { LODE_SEEN, "probabilities and losses per example" },
  { LODE_FEATURES, "features of trained nets" },
  { LODE_PROBS, "class probabilities of trained nets" },
  { LODE_EMBEDDING, "an embedding of the pool" },
  { LODE_VALID, "a validation score" },
  { LODE_TEACHER, "a teacher's logits" },
};
static const uint32_t of_backbone = LODE_SHARE | LODE_MIX | LODE_SCALE;

const char **
lode_ability_words (uint32_t set)
{
  const char **words = g_new0 (const char *, G_N_ELEMENTS (abilities) + 1);
  size_t n = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (abilities); i++)
    if (set & abilities[i].bit)
      words[n++] = abilities[i].word;
  return words;
}

static char *
complaint (const LodeLoaded *who, uint32_t missing, const LodeLoaded *giver)
{
  for (size_t i = 0; i < G_N_ELEMENTS (abilities); i++)
    if (missing & abilities[i].bit)
      return g_strdup_printf (
          "%s %s needs %s, which %s %s does not give; choose another %s or another %s",
          who->plugin->kind, who->plugin->name, abilities[i].word, giver->plugin->kind,
          giver->plugin->name, who->plugin->kind, giver->plugin->kind);
  return g_strdup_printf ("%s %s has a need that this lode does not know", who->plugin->kind,
                          who->plugin->name);
}

static char *
check_one (const LodeLoaded *who, uint32_t needs, uint32_t gives, const LodeLoaded *backbone,
           const LodeLoaded *stage)
{
  uint32_t can = ((const LodeBackboneOps *) backbone->ops)->can & of_backbone;
  uint32_t missing_can = needs & of_backbone & ~can, missing_gives = needs & ~of_backbone & ~gives;

  if (missing_can)
    return complaint (who, missing_can, backbone);
  if (missing_gives)
    return complaint (who, missing_gives, stage);
  return NULL;
}

char *
lode_combination_check (const LodeLoaded *search, const LodeLoaded *sampler, const LodeLoaded *loss,
                        const LodeLoaded *backbone, const LodeLoaded *evaluator,
                        const LodeLoaded *stage)
{
  uint32_t gives = stage ? ((const LodeStageOps *) stage->ops)->gives : UINT32_MAX;
  char *wrong = NULL;

  if (search)
    wrong =
        check_one (search, ((const LodeSearchOps *) search->ops)->needs, gives, backbone, stage);
  if (!wrong && search && evaluator && (((const LodeSearchOps *) search->ops)->needs & LODE_SCORES))
    wrong = check_one (evaluator, ((const LodeEvaluatorOps *) evaluator->ops)->needs, gives,
                       backbone, stage);
  if (!wrong && sampler)
    wrong =
        check_one (sampler, ((const LodeSamplerOps *) sampler->ops)->needs, gives, backbone, stage);
  if (!wrong && loss)
    wrong = check_one (loss, ((const LodeLossOps *) loss->ops)->needs, gives, backbone, stage);
  return wrong;
}
