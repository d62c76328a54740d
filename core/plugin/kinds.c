/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/kinds.h"

#include "plugin/registry.h"
#include <lode/lode.h>
#include <string.h>

#define MEMBER(Ops, member)                                                                        \
  {                                                                                                \
#member, offsetof(Ops, member)                                                                 \
  }
#define END                                                                                        \
  {                                                                                                \
    NULL, 0                                                                                        \
  }

static const LodeMember backbone[] = { MEMBER (LodeBackboneOps, create),
                                       MEMBER (LodeBackboneOps, destroy),
                                       MEMBER (LodeBackboneOps, space),
                                       MEMBER (LodeBackboneOps, build), END };
static const LodeMember dataset[] = { MEMBER (LodeDatasetOps, open), MEMBER (LodeDatasetOps, close),
                                      MEMBER (LodeDatasetOps, info), MEMBER (LodeDatasetOps, read),
                                      END };
static const LodeMember evaluator[] = { MEMBER (LodeEvaluatorOps, create),
                                        MEMBER (LodeEvaluatorOps, destroy),
                                        MEMBER (LodeEvaluatorOps, score), END };
static const LodeMember executor[] = { MEMBER (LodeExecutorOps, create),
                                       MEMBER (LodeExecutorOps, destroy),
                                       MEMBER (LodeExecutorOps, share),
                                       MEMBER (LodeExecutorOps, map), END };
static const LodeMember loss[] = { MEMBER (LodeLossOps, create), MEMBER (LodeLossOps, destroy),
                                   MEMBER (LodeLossOps, prepare), END };
static const LodeMember sampler[] = { MEMBER (LodeSamplerOps, create),
                                      MEMBER (LodeSamplerOps, destroy),
                                      MEMBER (LodeSamplerOps, select), END };
static const LodeMember search[] = { MEMBER (LodeSearchOps, create),
                                     MEMBER (LodeSearchOps, destroy), MEMBER (LodeSearchOps, step),
                                     MEMBER (LodeSearchOps, best), END };
static const LodeMember stage[] = { MEMBER (LodeStageOps, create), MEMBER (LodeStageOps, destroy),
                                    MEMBER (LodeStageOps, step), END };

static const LodeKind kinds[] = {
  { "backbone", sizeof (LodeBackboneOps), backbone },
  { "dataset", sizeof (LodeDatasetOps), dataset },
  { "evaluator", sizeof (LodeEvaluatorOps), evaluator },
  { "executor", sizeof (LodeExecutorOps), executor },
  { "loss", sizeof (LodeLossOps), loss },
  { "sampler", sizeof (LodeSamplerOps), sampler },
  { "search", sizeof (LodeSearchOps), search },
  { "stage", sizeof (LodeStageOps), stage },
};

const char *const lode_kinds[] = { "backbone", "dataset", "evaluator", "executor", "loss",
                                   "sampler",  "search",  "stage",     NULL };

const LodeKind *
lode_kind_find (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (!g_strcmp0 (kinds[i].name, name))
      return &kinds[i];
  return NULL;
}

size_t
lode_kind_ops_size (const char *name)
{
  const LodeKind *kind = lode_kind_find (name);

  return kind ? kind->ops_size : 0;
}
