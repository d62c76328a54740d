/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording a whole network: inputs, the backbone's own part, the head, what else is an output.
 */
#include "space/assembly.h"

#include "error.h"

/* The backbone's part; its own error comes before a mistake that the recording kept. */
static bool
record_backbone (const LodeAssembly *assembly, LodeRecord *record, LodeBuild *build, GError **error)
{
  const LodeArchFamily *family = &assembly->family;
  GError *own = NULL;
  bool built;

  lode_record_scope (record, "backbone.");
  built = family->ops->build (family->backbone, lode_record_graph (record), build, &own);
  lode_record_scope (record, "");
  if (own) {
    g_propagate_error (error, own);
    return false;
  }
  if (!lode_record_check (record, error))
    return false;
  if (!built)
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                         "network: the backbone failed to record itself without saying why");
  return built;
}

/* The head stands on one row of features a sample. */
static bool
check_features (const LodeRecord *record, LodeValue features, const char *which, GError **error)
{
  const LodeGraph *graph = lode_record_graph ((LodeRecord *) (uintptr_t) record);
  LodeShape shape;

  if (!lode_graph_shape (graph, features, &shape)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "network: the backbone gives no %s; the choice leaves no path to them", which);
    return false;
  }
  if (shape.h == 1 && shape.w == 1)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "network: the backbone gives %s of %u × %u × %u; expected 1 × 1 × d, as a global "
               "pool leaves",
               which, shape.h, shape.w, shape.c);
  return false;
}

static LodeValue
record_head (const LodeAssembly *assembly, LodeRecord *record, const char *name, LodeValue x)
{
  if (assembly->cosine > 0)
    return lode_record_cosine (record, name, x, assembly->outputs, assembly->cosine);
  return lode_linear (lode_record_graph (record), name, x, assembly->outputs, true);
}

bool
lode_assembly_record (const LodeAssembly *assembly, LodeRecord *record, uint32_t with,
                      LodeOutputs *outputs, GError **error)
{
  LodeBuild build = { .size = sizeof build,
                      .image = lode_record_image (record, &assembly->input),
                      .index = lode_record_index (record),
                      .depth = assembly->depth,
                      .width = assembly->width,
                      .examples = assembly->examples,
                      .shared = assembly->shared,
                      .drop_path = assembly->drop_path,
                      .aux = with & LODE_WITH_AUX,
                      .features = -1,
                      .auxiliary = -1 };
  int32_t next = 1;

  *outputs = (LodeOutputs){ -1, -1 };
  if (!record_backbone (assembly, record, &build, error)
      || !check_features (record, build.features, "features", error))
    return false;
  lode_record_output (record, record_head (assembly, record, "head", build.features));
  if (with & LODE_WITH_AUX && build.auxiliary >= 0) {
    if (!check_features (record, build.auxiliary, "auxiliary features", error))
      return false;
    lode_record_output (record, record_head (assembly, record, "head.auxiliary", build.auxiliary));
    outputs->aux = next++;
  }
  if (with & LODE_WITH_FEATURES) {
    lode_record_output (record, build.features);
    outputs->feature = next++;
  }
  return lode_record_check (record, error);
}
