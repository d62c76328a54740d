/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of a choice with its head: names, outputs, both kinds of head, and what is refused.
 */
#include "error.h"
#include "plugins/family.h"
#include "space/assembly.h"

/* A backbone whose way to go wrong is chosen by the test. */
typedef enum { WELL, WIDE, ABSENT, ANGRY, SILENT, MISTAKEN } Manner;

static const LodeSpace nothing = { .size = sizeof (LodeSpace), .stride = sizeof (LodeDecision) };

static const LodeSpace *
odd_space (const LodeBackbone *backbone)
{
  (void) backbone;
  return &nothing;
}

static bool
odd_build (const LodeBackbone *backbone, LodeGraph *graph, LodeBuild *build, GError **error)
{
  Manner manner = *(const Manner *) (const void *) backbone;
  LodeConv conv = { .size = sizeof conv, .channels = 4 };

  build->features = lode_conv (graph, "conv", build->image, &conv);
  if (manner == ANGRY)
    g_set_error_literal (error, g_quark_from_static_string ("odd"), 7, "odd: not today");
  if (manner == MISTAKEN)
    lode_graph_fail (graph, "the sides do not match");
  if (manner == ABSENT)
    build->features = -1;
  else if (manner != WIDE)
    build->features = lode_global_pool (graph, build->features);
  return manner != ANGRY && manner != SILENT;
}

static const LodeBackboneOps odd_ops = { .size = sizeof (LodeBackboneOps),
                                         .space = odd_space,
                                         .build = odd_build };

/* A recording with layouts of its own. */
typedef struct Case {
  LodeLayout *weights, *norms;
  LodeRecord *record;
  LodeOutputs outputs;
} Case;

static Case
case_new (const LodeAssembly *assembly, uint32_t with, GError **error)
{
  Case it = { lode_layout_new (), lode_layout_new (), NULL, { 0, 0 } };
  bool ok;

  it.record = lode_record_new (it.weights, it.norms, lode_arch_space (&assembly->family), NULL);
  ok = lode_assembly_record (assembly, it.record, with, &it.outputs, error);
  g_assert_true (ok == (*error == NULL));
  return it;
}

static void
case_clear (Case *it)
{
  lode_record_free (it->record);
  lode_layout_unref (it->weights);
  lode_layout_unref (it->norms);
}

static LodeAssembly
assembly_of (const Family *family)
{
  return (LodeAssembly){ .family = { family->ops, family->backbone },
                         .input = { 16, 16, 3 },
                         .outputs = 10,
                         .examples = 5,
                         .shared = true };
}

static const LodeSlot *
slot_of (const Case *it, const char *name)
{
  int32_t slot = lode_layout_find (it->weights, name);

  if (slot < 0)
    g_error ("there is no \"%s\"", name);
  return lode_layout_slot (it->weights, (uint32_t) slot);
}

static Family *
cells_family (void)
{
  LodeNode *group = test_group ();

  test_set (group, "channels", 4);
  test_set (group, "cells", 3);
  return family_new ("darts", group);
}

static void
test_names (void)
{
  Family *family = cells_family ();
  LodeAssembly assembly = assembly_of (family);
  GError *error = NULL;
  Case it = case_new (&assembly, 0, &error);

  g_assert_no_error (error);
  g_assert_cmpint (it.outputs.aux, ==, -1);
  g_assert_cmpint (it.outputs.feature, ==, -1);
  slot_of (&it, "backbone.stem.conv.weight");
  /* Four nodes of 16 channels: both of the three cells halve the image, and double the width. */
  g_assert_cmpuint (slot_of (&it, "head.weight")->dim[2], ==, 4 * 16);
  g_assert_cmpuint (slot_of (&it, "head.weight")->dim[3], ==, 10);
  g_assert_cmpuint (slot_of (&it, "head.bias")->dim[3], ==, 10);
  for (uint32_t i = 0; i < lode_layout_count (it.weights); i++) {
    const char *name = lode_layout_slot (it.weights, i)->name;

    g_assert_true (g_str_has_prefix (name, "backbone.") || g_str_has_prefix (name, "head."));
  }
  for (uint32_t i = 0; i < lode_layout_count (it.norms); i++)
    g_assert_true (g_str_has_prefix (lode_layout_slot (it.norms, i)->name, "backbone."));
  case_clear (&it);
  family_free (family);
}

/* The second head and the features come behind the logits; without either they are not recorded. */
static void
test_outputs (void)
{
  Family *family = cells_family ();
  LodeAssembly assembly = assembly_of (family);
  GError *error = NULL;
  Case plain = case_new (&assembly, 0, &error);
  Case both = case_new (&assembly, LODE_WITH_AUX | LODE_WITH_FEATURES, &error);
  Case feature = case_new (&assembly, LODE_WITH_FEATURES, &error);

  g_assert_no_error (error);
  g_assert_cmpint (both.outputs.aux, ==, 1);
  g_assert_cmpint (both.outputs.feature, ==, 2);
  g_assert_cmpint (feature.outputs.aux, ==, -1);
  g_assert_cmpint (feature.outputs.feature, ==, 1);
  g_assert_cmpuint (slot_of (&both, "head.auxiliary.weight")->dim[2], ==, 768);
  slot_of (&both, "head.auxiliary.bias");
  g_assert_cmpint (lode_layout_find (plain.weights, "head.auxiliary.weight"), <, 0);
  g_assert_cmpuint (lode_record_params (feature.record), ==, lode_record_params (plain.record));
  case_clear (&plain);
  case_clear (&both);
  case_clear (&feature);
  family_free (family);
}

/* The second head of a published network: 476 426 weights (Liu et al. 2019, as released). */
static void
test_auxiliary (void)
{
  LodeNode *group = test_group ();
  Family *family;
  LodeAssembly assembly;
  GError *error = NULL;
  Case plain, aux;

  test_set (group, "channels", 36);
  test_set (group, "cells", 20);
  family = family_new ("darts", group);
  assembly = assembly_of (family);
  assembly.input = (LodeShape){ 32, 32, 3 };
  assembly.shared = false;
  plain = case_new (&assembly, 0, &error);
  aux = case_new (&assembly, LODE_WITH_AUX, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lode_record_params (aux.record), ==,
                    lode_record_params (plain.record) + 476426);
  case_clear (&plain);
  case_clear (&aux);
  family_free (family);
}

static void
test_cosine (void)
{
  Family *family = cells_family ();
  LodeAssembly assembly = assembly_of (family);
  GError *error = NULL;
  Case linear = case_new (&assembly, 0, &error), cosine;

  assembly.cosine = 16;
  cosine = case_new (&assembly, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lode_layout_find (cosine.weights, "head.bias"), <, 0);
  g_assert_cmpuint (lode_record_params (linear.record), ==,
                    lode_record_params (cosine.record) + 10);
  g_assert_cmpuint (lode_record_macs (linear.record), ==, lode_record_macs (cosine.record));
  case_clear (&linear);
  case_clear (&cosine);
  family_free (family);
}

/* A backbone without a second output is no mistake here: who asked for it decides. */
static void
test_no_auxiliary (void)
{
  Family *family = family_new ("mlp", NULL);
  LodeAssembly assembly = assembly_of (family);
  GError *error = NULL;
  Case it = case_new (&assembly, LODE_WITH_AUX, &error);

  g_assert_no_error (error);
  g_assert_cmpint (it.outputs.aux, ==, -1);
  case_clear (&it);
  family_free (family);
}

static void
refused (Manner manner, GQuark domain, int code, const char *text)
{
  LodeAssembly assembly = { .family = { &odd_ops, (const LodeBackbone *) (const void *) &manner },
                            .input = { 4, 4, 2 },
                            .outputs = 3 };
  GError *error = NULL;
  Case it = case_new (&assembly, 0, &error);

  g_assert_error (error, domain, code);
  if (!strstr (error->message, text))
    g_error ("\"%s\" does not mention \"%s\"", error->message, text);
  g_error_free (error);
  case_clear (&it);
}

static void
test_refused (void)
{
  Manner well = WELL;
  LodeAssembly assembly = { .family = { &odd_ops, (const LodeBackbone *) (const void *) &well },
                            .input = { 4, 4, 2 },
                            .outputs = 3 };
  GError *error = NULL;
  Case it = case_new (&assembly, 0, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (lode_record_params (it.record), ==, 2 * 4 + 4 * 3 + 3);
  case_clear (&it);
  refused (WIDE, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "4 × 4 × 4");
  refused (ABSENT, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "no features");
  refused (ANGRY, g_quark_from_static_string ("odd"), 7, "not today");
  refused (SILENT, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "without saying why");
  refused (MISTAKEN, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "the sides do not match");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/assembly/names", test_names);
  g_test_add_func ("/assembly/outputs", test_outputs);
  g_test_add_func ("/assembly/auxiliary", test_auxiliary);
  g_test_add_func ("/assembly/cosine", test_cosine);
  g_test_add_func ("/assembly/no-auxiliary", test_no_auxiliary);
  g_test_add_func ("/assembly/refused", test_refused);
  return g_test_run ();
}
