/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the networks of backbone darts are wired: a graph that writes down what is recorded, compared
 * with what Liu et al. 2019 and their released code prescribe. Sizes alone would not notice a lost
 * ReLU.
 */
#include "family.h"

/* Value v is the result of line v of the text; value 0 is the image. */
typedef struct Trace {
  LodeGraph base; /* first */
  LodeValue last;
  GString *text;
  GHashTable *names; /* of weights: each at most once */
  const uint64_t *mask;
} Trace;

static LodeValue line (LodeGraph *graph, const char *format, ...) G_GNUC_PRINTF (2, 3);

static LodeValue
line (LodeGraph *graph, const char *format, ...)
{
  Trace *trace = (Trace *) graph;
  va_list list;

  va_start (list, format);
  g_string_append_printf (trace->text, "%d=", ++trace->last);
  g_string_append_vprintf (trace->text, format, list);
  g_string_append_c (trace->text, '\n');
  va_end (list);
  return trace->last;
}

static void
once (LodeGraph *graph, const char *name)
{
  if (!g_hash_table_add (((Trace *) graph)->names, g_strdup (name)))
    g_error ("two weights are called %s", name);
}

static bool
trace_wants (const LodeGraph *graph, uint32_t decision, uint32_t option)
{
  return ((const Trace *) graph)->mask[decision] >> option & 1;
}

static LodeValue
trace_conv (LodeGraph *graph, const char *name, LodeValue x, const LodeConv *conv)
{
  g_autofree char *what = conv->groups == LODE_DEPTHWISE
                              ? g_strdup ("depth")
                              : g_strdup_printf ("conv%u", conv->channels);

  once (graph, name);
  g_assert_cmpint (conv->pad, ==, LODE_PAD_SAME);
  g_assert_false (conv->bias);
  return line (graph, "%s %d k%u s%u d%u%s", what, x, MAX (conv->kernel, 1), MAX (conv->stride, 1),
               MAX (conv->dilation, 1), conv->offset ? " shifted" : "");
}

static LodeValue
trace_norm (LodeGraph *graph, const char *name, LodeValue x, bool affine)
{
  once (graph, name);
  return line (graph, "norm %d%s", x, affine ? " affine" : "");
}

static LodeValue
trace_relu (LodeGraph *graph, LodeValue x)
{
  return line (graph, "relu %d", x);
}

static LodeValue
trace_max_pool (LodeGraph *graph, LodeValue x, const LodeWindow *window)
{
  return line (graph, "max %d k%u s%u", x, window->kernel, window->stride);
}

static LodeValue
trace_avg_pool (LodeGraph *graph, LodeValue x, const LodeWindow *window)
{
  return line (graph, "avg %d k%u s%u", x, window->kernel, window->stride);
}

static LodeValue
trace_global_pool (LodeGraph *graph, LodeValue x)
{
  return line (graph, "mean %d", x);
}

static char *
list_of (uint32_t n, const LodeValue *x)
{
  GString *text = g_string_new (NULL);

  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (text, " %d", x[i]);
  return g_string_free (text, FALSE);
}

static LodeValue
trace_add (LodeGraph *graph, uint32_t n, const LodeValue *x)
{
  g_autofree char *list = list_of (n, x);

  return line (graph, "add%s", list);
}

static LodeValue
trace_concat (LodeGraph *graph, uint32_t n, const LodeValue *x)
{
  g_autofree char *list = list_of (n, x);

  return line (graph, "concat%s", list);
}

static LodeValue
trace_mix (LodeGraph *graph, uint32_t decision, const LodeValue *part)
{
  g_autofree char *list = list_of (8, part);

  return line (graph, "mix(%u)%s", decision, list);
}

static LodeValue
trace_zero (LodeGraph *graph, LodeValue x, uint32_t stride)
{
  return line (graph, "zero %d s%u", x, stride);
}

static LodeValue
trace_drop_path (LodeGraph *graph, LodeValue x)
{
  return line (graph, "drop %d", x);
}

static const LodeGraphCalls calls = { .size = sizeof (LodeGraphCalls),
                                      .wants = trace_wants,
                                      .conv = trace_conv,
                                      .norm = trace_norm,
                                      .relu = trace_relu,
                                      .max_pool = trace_max_pool,
                                      .avg_pool = trace_avg_pool,
                                      .global_pool = trace_global_pool,
                                      .add = trace_add,
                                      .concat = trace_concat,
                                      .mix = trace_mix,
                                      .zero = trace_zero,
                                      .drop_path = trace_drop_path };

/* Cells of one node: edges (2, 0), (2, 1), normal then reduce. Transfer full. */
static char *
trace_build (int64_t cells, LodeBuild build, const uint64_t *mask)
{
  Trace trace = { .base.calls = &calls, .text = g_string_new (NULL), .mask = mask };
  LodeNode *group = test_group ();
  g_autoptr (GError) error = NULL;
  Family *family;

  test_set (group, "channels", 4);
  test_set (group, "cells", cells);
  test_set (group, "nodes", 1);
  family = family_new ("darts", group);
  trace.names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  build.size = sizeof build;
  family->ops->build (family->backbone, &trace.base, &build, &error);
  g_assert_no_error (error);
  g_assert_cmpint (build.features, ==, trace.last);
  g_hash_table_unref (trace.names);
  family_free (family);
  return g_string_free (trace.text, FALSE);
}

enum {
  NONE = 1,
  MAX_POOL = 2,
  AVG_POOL = 4,
  SKIP = 8,
  SEP_3 = 16,
  SEP_5 = 32,
  DIL_3 = 64,
  DIL_5 = 128
};

/* Three cells: normal, reduction, reduction. */
static void
test_derived (void)
{
  const uint64_t mask[4] = { SEP_3, DIL_5, AVG_POOL, SKIP };
  g_autofree char *text = trace_build (3, (LodeBuild){ 0 }, mask);

  g_assert_cmpstr (text, ==,
                   "1=conv12 0 k3 s1 d1\n2=norm 1 affine\n"
                   /* both inputs of the first cell are the stem */
                   "3=relu 2\n4=conv4 3 k1 s1 d1\n5=norm 4 affine\n"
                   "6=relu 2\n7=conv4 6 k1 s1 d1\n8=norm 7 affine\n"
                   /* sep_conv_3x3 twice through, dil_conv_5x5 once */
                   "9=relu 5\n10=depth 9 k3 s1 d1\n11=conv4 10 k1 s1 d1\n12=norm 11 affine\n"
                   "13=relu 12\n14=depth 13 k3 s1 d1\n15=conv4 14 k1 s1 d1\n16=norm 15 affine\n"
                   "17=relu 8\n18=depth 17 k5 s1 d2\n19=conv4 18 k1 s1 d1\n20=norm 19 affine\n"
                   "21=add 16 20\n22=concat 21\n"
                   /* reduction: the stem and the first cell come in */
                   "23=relu 2\n24=conv8 23 k1 s1 d1\n25=norm 24 affine\n"
                   "26=relu 22\n27=conv8 26 k1 s1 d1\n28=norm 27 affine\n"
                   /* a bare pool; a skip that halves */
                   "29=avg 25 k3 s2\n"
                   "30=relu 28\n31=conv4 30 k1 s2 d1\n32=conv4 30 k1 s2 d1 shifted\n33=concat 31 "
                   "32\n34=norm 33 affine\n"
                   "35=add 29 34\n36=concat 35\n"
                   /* after a reduction the cell before last is halved on the way in */
                   "37=relu 22\n38=conv8 37 k1 s2 d1\n39=conv8 37 k1 s2 d1 shifted\n40=concat 38 "
                   "39\n41=norm 40 affine\n"
                   "42=relu 36\n43=conv16 42 k1 s1 d1\n44=norm 43 affine\n"
                   "45=avg 41 k3 s2\n"
                   "46=relu 44\n47=conv8 46 k1 s2 d1\n48=conv8 46 k1 s2 d1 shifted\n49=concat 47 "
                   "48\n50=norm 49 affine\n"
                   "51=add 45 50\n52=concat 51\n53=mean 52\n");
}

/* What is left of the text between two lines. */
static char *
between (const char *text, const char *from, const char *to)
{
  const char *start = strstr (text, from), *end = start ? strstr (start, to) : NULL;

  if (!end)
    g_error ("no \"%s\" … \"%s\" in:\n%s", from, to, text);
  return g_strndup (start, (gsize) (end - start));
}

/* All options of every edge, in a reduction cell: pools have norms, no norm of a cell is affine. */
static void
test_shared (void)
{
  const uint64_t mask[4] = { 255, 255, 255, 255 };
  g_autofree char *text = trace_build (1, (LodeBuild){ .shared = true }, mask);
  g_autofree char *edge = between (text, "9=", "45=");

  g_assert_true (g_str_has_prefix (
      text, "1=conv12 0 k3 s1 d1\n2=norm 1 affine\n3=relu 2\n4=conv8 3 k1 s1 d1\n5=norm 4\n"));
  g_assert_null (strstr (text + strlen ("1=conv12 0 k3 s1 d1\n2=norm 1 affine\n"), "affine"));
  g_assert_cmpstr (
      edge, ==,
      "9=zero 5 s2\n"
      "10=max 5 k3 s2\n11=norm 10\n"
      "12=avg 5 k3 s2\n13=norm 12\n"
      "14=relu 5\n15=conv4 14 k1 s2 d1\n16=conv4 14 k1 s2 d1 shifted\n17=concat 15 16\n18=norm 17\n"
      "19=relu 5\n20=depth 19 k3 s2 d1\n21=conv8 20 k1 s1 d1\n22=norm 21\n"
      "23=relu 22\n24=depth 23 k3 s1 d1\n25=conv8 24 k1 s1 d1\n26=norm 25\n"
      "27=relu 5\n28=depth 27 k5 s2 d1\n29=conv8 28 k1 s1 d1\n30=norm 29\n"
      "31=relu 30\n32=depth 31 k5 s1 d1\n33=conv8 32 k1 s1 d1\n34=norm 33\n"
      "35=relu 5\n36=depth 35 k3 s2 d2\n37=conv8 36 k1 s1 d1\n38=norm 37\n"
      "39=relu 5\n40=depth 39 k5 s2 d2\n41=conv8 40 k1 s1 d1\n42=norm 41\n"
      "43=mix(2) 9 11 13 18 26 34 38 42\n"
      "44=zero 8 s2\n");
}

/* A super-network keeps the gate of a lone option, and records no edge of none alone. */
static void
test_lone (void)
{
  const uint64_t mask[4] = { NONE, NONE, NONE, MAX_POOL }, empty[4] = { NONE, NONE, NONE, NONE };
  g_autofree char *one = trace_build (1, (LodeBuild){ .shared = true }, mask);
  g_autofree char *zero = trace_build (1, (LodeBuild){ .shared = true }, empty);

  g_assert_true (g_str_has_suffix (
      one,
      "9=max 8 k3 s2\n10=norm 9\n11=mix(3) -1 10 -1 -1 -1 -1 -1 -1\n12=concat 11\n13=mean 12\n"));
  g_assert_true (g_str_has_suffix (zero, "9=zero 5 s2\n10=concat 9\n11=mean 10\n"));
}

/* Drop-path behind everything but an identity. */
static void
test_drop_path (void)
{
  const uint64_t mask[4] = { SKIP, MAX_POOL, DIL_3, SKIP };
  g_autofree char *text = trace_build (4, (LodeBuild){ .drop_path = true }, mask);

  /* cells: normal, reduction, reduction, normal */
  g_assert_nonnull (strstr (text, "9=max 8 k3 s1\n10=drop 9\n11=add 5 10\n12=concat 11\n"));
  g_assert_nonnull (strstr (
      text,
      "19=relu 15\n20=depth 19 k3 s2 d2\n21=conv8 20 k1 s1 d1\n22=norm 21 affine\n23=drop 22\n"));
  g_assert_nonnull (
      strstr (text, "24=relu 18\n25=conv4 24 k1 s2 d1\n26=conv4 24 k1 s2 d1 shifted\n27=concat 25 "
                    "26\n28=norm 27 affine\n29=drop 28\n30=add 23 29\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/darts-wiring/derived", test_derived);
  g_test_add_func ("/darts-wiring/shared", test_shared);
  g_test_add_func ("/darts-wiring/lone", test_lone);
  g_test_add_func ("/darts-wiring/drop-path", test_drop_path);
  return g_test_run ();
}
