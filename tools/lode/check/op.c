/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that a backbone brings: each one that its networks record is run by itself on small
 * random chunks, and its gradients held against central differences.
 */
#include "backbone.h"
#include "compute/graph.h"
#include "guard.h"
#include "slope.h"

enum { SAMPLES = 3, INPUTS = 16 };

/* One operation as it stands in a recording. */
typedef struct Case {
  const LodeOp *op;
  void *conf; /* a copy */
  uint32_t inputs, weights;
  LodeShape in[INPUTS], out;
} Case;

typedef bool (*CaseFunc) (Check *, const Case *);

/* What a recording asks the graph for, noted on the way: one recording at a time. */
static struct {
  LodeGraphCalls calls; /* the graph's own, but for `op` */
  const LodeGraphCalls *own;
  Check *check;
  GArray *cases; /* Case, each operation once per conf and shapes */
} noted;

static bool
same_case (const Case *a, const Case *b)
{
  return a->op == b->op && a->inputs == b->inputs && !memcmp (a->in, b->in, sizeof a->in)
         && (a->op->conf_size == 0 || !memcmp (a->conf, b->conf, a->op->conf_size));
}

static void
note_case (const Case *one)
{
  for (guint i = 0; i < noted.cases->len; i++)
    if (same_case (&g_array_index (noted.cases, Case, i), one)) {
      g_free (one->conf);
      return;
    }
  g_array_append_val (noted.cases, *one);
}

/* Only operations that the graph takes are noted. */
static LodeValue
noted_op (LodeGraph *graph, const LodeOp *op, const char *name, uint32_t n, const LodeValue *x,
          const void *conf)
{
  LodeValue y = noted.own->op (graph, op, name, n, x, conf);
  Case one = { .op = op, .inputs = n };

  if (y < 0 || !lode_graph_shape (graph, y, &one.out))
    return y;
  if (n > INPUTS) {
    check_skip (noted.check, "operation %s has %u inputs, the test has room for %d", op->name, n,
                INPUTS);
    return y;
  }
  for (uint32_t i = 0; i < n; i++)
    lode_graph_shape (graph, x[i], &one.in[i]);
  if (op->shape (conf, n, one.in, &one.out, &one.weights)) {
    one.conf = g_memdup2 (conf, op->conf_size);
    note_case (&one);
  }
  return y;
}

/* Records the whole space, or the one net of a backbone without decisions. */
static bool
note_all (World *world, const LodeArchFamily *family, const LodeShape *shape, GError **error)
{
  const LodeNetIn in = { .size = sizeof in, .shared = lode_arch_space (family)->n > 0 };
  LodeLayout *weights = lode_layout_new (), *stats = lode_layout_new ();
  LodeRecord *record = lode_record_new (weights, stats, lode_arch_space (family), NULL);
  LodeGraph *graph = lode_record_graph (record);
  LodeAssembly assembly;
  LodeOutputs outputs;
  LodeNetSpec spec;
  bool ok = lode_host_net_spec (world->host, &spec, error);

  noted.own = graph->calls;
  noted.calls = *graph->calls;
  noted.calls.op = noted_op;
  graph->calls = &noted.calls;
  if (ok) {
    spec.backbone = family->backbone;
    ok = lode_net_assembly (&spec, &in, &assembly, error);
    assembly.input = *shape;
    ok = ok && lode_assembly_record (&assembly, record, 0, &outputs, error);
    lode_host_net_losses_free (&spec);
  }
  graph->calls = noted.own;
  lode_record_free (record);
  lode_layout_unref (weights);
  lode_layout_unref (stats);
  return ok;
}

static void
clear_case (gpointer one)
{
  g_free (((Case *) one)->conf);
}

/* Images of several sizes: one may leave an operation nothing to do. A size may be refused. */
static bool
note_sizes (World *world)
{
  static const LodeShape shapes[] = { { 16, 16, 3 }, { 33, 33, 2 }, { 1, 1, 7 } };
  const LodeBackboneOps *ops = world->ops;

  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    LodeArchFamily family = { ops, NULL };
    GError *error = NULL;
    bool ok;

    family.backbone = ops->create (&world->host->base, world->conf, &shapes[i], &error);
    ok = family.backbone && note_all (world, &family, &shapes[i], &error);
    ops->destroy ((LodeBackbone *) (uintptr_t) family.backbone);
    if (!ok && !check_refusal (world->check, "a network for an image of another size", error))
      return false;
  }
  return true;
}

static void
for_ops (Check *check, CaseFunc test)
{
  g_autoptr (World) world = world_ready (check, 1);
  g_autoptr (GArray) cases = g_array_new (FALSE, FALSE, sizeof (Case));

  if (!world)
    return;
  g_array_set_clear_func (cases, clear_case);
  noted.check = check;
  noted.cases = cases;
  if (note_sizes (world) && cases->len == 0)
    check_skip (check, "it brings no operation of its own");
  for (guint i = 0; i < cases->len; i++)
    if (!test (check, &g_array_index (cases, Case, i)))
      return;
}

/* Arrays for one chunk; with guards, between pages that fault. */
typedef struct Chunk {
  LodeOpChunk at;
  Guards *guards; /* or NULL: of the heap */
  const Case *of;
  size_t in_size[INPUTS], out_size;
  float *in[INPUTS], *din[INPUTS], *weight, *dweight, *out, *dout;
} Chunk;

static size_t
size_of (const LodeShape *shape, uint32_t n)
{
  return (size_t) n * shape->h * shape->w * shape->c;
}

static float *
zeros (Chunk *chunk, size_t n, const char *what)
{
  float *at = chunk->guards ? guards_take (chunk->guards, n * sizeof *at, what) : NULL;

  if (!at)
    return g_new0 (float, n + 1);
  memset (at, 0, n * sizeof *at);
  return at;
}

/* What a plugin only reads. */
static float *
randoms (Chunk *chunk, size_t n, LodeRng *rng, const char *what)
{
  float *at = g_new0 (float, n + 1), *sealed;

  for (size_t i = 0; i < n; i++)
    at[i] = (float) lode_rng_normal (rng);
  if (!chunk->guards)
    return at;
  sealed = guards_seal (chunk->guards, at, n * sizeof *at, what);
  g_free (at);
  return sealed;
}

static void
chunk_init (Chunk *chunk, Check *check, const Case *of, uint32_t n, Guards *guards)
{
  LodeRng rng = check_rng (check, "chunk", 0);

  memset (chunk, 0, sizeof *chunk);
  chunk->guards = guards;
  chunk->of = of;
  chunk->out_size = size_of (&of->out, n);
  for (uint32_t i = 0; i < of->inputs; i++) {
    chunk->in_size[i] = size_of (&of->in[i], n);
    chunk->in[i] = randoms (chunk, chunk->in_size[i], &rng, "input");
    chunk->din[i] = zeros (chunk, chunk->in_size[i], "input's gradient");
  }
  chunk->weight = randoms (chunk, of->weights, &rng, "weights");
  chunk->dweight = zeros (chunk, of->weights, "weights' gradient");
  chunk->out = zeros (chunk, chunk->out_size, "output");
  chunk->dout = randoms (chunk, chunk->out_size, &rng, "output's gradient");
  chunk->at = (LodeOpChunk){ .size = sizeof (LodeOpChunk), .n = n, .inputs = of->inputs };
  chunk->at.in_shape = of->in;
  chunk->at.shape = of->out;
  chunk->at.in = (const float *const *) chunk->in;
  chunk->at.weight = chunk->weight;
  chunk->at.out = chunk->out;
  chunk->at.dout = chunk->dout;
  chunk->at.din = chunk->din;
  chunk->at.dweight = of->weights ? chunk->dweight : NULL;
}

static void
chunk_clear (Chunk *chunk)
{
  if (chunk->guards)
    return;
  for (uint32_t i = 0; i < chunk->of->inputs; i++) {
    g_free (chunk->in[i]);
    g_free (chunk->din[i]);
  }
  g_free (chunk->weight);
  g_free (chunk->dweight);
  g_free (chunk->out);
  g_free (chunk->dout);
}

/* Σ dout · out, what the gradients are of. */
typedef struct Line {
  Chunk *chunk;
  float *x;
  const float *start;
  const double *d;
  size_t n;
} Line;

static void
sum_along (void *data, double t, double *y)
{
  Line *line = data;
  Chunk *chunk = line->chunk;

  for (size_t i = 0; i < line->n; i++)
    line->x[i] = (float) ((double) line->start[i] + t * line->d[i]);
  memset (chunk->out, 0, chunk->out_size * sizeof (float));
  chunk->of->op->forward (chunk->of->conf, &chunk->at);
  *y = 0;
  for (size_t i = 0; i < chunk->out_size; i++)
    *y += (double) chunk->out[i] * (double) chunk->dout[i];
  memcpy (line->x, line->start, line->n * sizeof *line->x);
}

/* Along the gradient itself, and along random directions, in which single entries count. */
static bool
check_array (Check *check, Chunk *chunk, float *x, const float *grad, size_t n, const char *what)
{
  g_autofree float *start = g_memdup2 (x, n * sizeof *x);
  g_autofree double *d = g_new (double, n + 1);
  Line line = { chunk, x, start, d, n };
  LodeRng rng = check_rng (check, "direction", n);
  double norm = 0;

  for (size_t i = 0; i < n; i++)
    norm += (double) grad[i] * (double) grad[i];
  for (int round = 0; n > 0 && round < 5; round++) {
    double found = 0, length = 0, scale;
    Slope slope;

    for (size_t i = 0; i < n; i++) {
      d[i] = round == 0 ? (double) grad[i] : lode_rng_normal (&rng);
      length += d[i] * d[i];
    }
    if (length <= 0)
      continue;
    for (size_t i = 0; i < n; i++) {
      d[i] /= sqrt (length);
      found += (double) grad[i] * d[i];
    }
    slope_take (sum_along, &line, 1, 0.25, &slope);
    scale = fmax (fabs (slope.value), 0.2 * sqrt (norm));
    if (slope_judge (&slope, found, scale) == SLOPE_DIFFERS)
      return check_fail (check,
                         "operation %s: expected the gradient %.6g of %s (central differences), "
                         "found %.6g, a factor of %.5g",
                         chunk->of->op->name, slope.value, what, found, found / slope.value);
  }
  return true;
}

static bool
check_gradient (Check *check, const Case *of)
{
  Chunk chunk;
  bool ok = true;

  chunk_init (&chunk, check, of, SAMPLES, NULL);
  of->op->forward (of->conf, &chunk.at);
  of->op->backward (of->conf, &chunk.at);
  for (uint32_t i = 0; ok && i < of->inputs; i++) {
    g_autofree char *what = g_strdup_printf ("input %u", i);

    ok = check_array (check, &chunk, chunk.in[i], chunk.din[i], chunk.in_size[i], what);
  }
  ok = ok && check_array (check, &chunk, chunk.weight, chunk.dweight, of->weights, "its weights");
  chunk_clear (&chunk);
  return ok;
}

static void
test_gradient (Check *check)
{
  for_ops (check, check_gradient);
}

/* Forward, backward; then backward for the weights alone, with no input's gradient wanted. */
static void
call_op (void *data)
{
  Chunk *chunk = data;
  const Case *of = chunk->of;

  of->op->forward (of->conf, &chunk->at);
  of->op->backward (of->conf, &chunk->at);
  for (uint32_t i = 0; i < of->inputs; i++)
    chunk->din[i] = NULL;
  of->op->backward (of->conf, &chunk->at);
}

static bool
check_bounds (Check *check, const Case *of)
{
  static const uint32_t samples[] = { 1, SAMPLES };

  for (GuardSide side = GUARD_BEFORE; side < GUARD_SIDES; side++)
    for (size_t i = 0; i < G_N_ELEMENTS (samples); i++) {
      g_autoptr (Guards) guards = guards_new (side);
      Chunk chunk;

      chunk_init (&chunk, check, of, samples[i], guards);
      if (!guards_run (guards, check, call_op, &chunk))
        return false;
    }
  return true;
}

static void
test_bounds (Check *check)
{
  for_ops (check, check_bounds);
}

/* backward adds: a second call doubles what is there. */
static bool
check_adds (Check *check, const Case *of)
{
  g_autofree float *first = NULL;
  Chunk chunk;
  bool ok = true;

  chunk_init (&chunk, check, of, SAMPLES, NULL);
  of->op->forward (of->conf, &chunk.at);
  of->op->backward (of->conf, &chunk.at);
  first = g_memdup2 (chunk.din[0], chunk.in_size[0] * sizeof *first);
  of->op->backward (of->conf, &chunk.at);
  for (size_t i = 0; ok && i < chunk.in_size[0]; i++)
    ok = fabsf (chunk.din[0][i] - 2 * first[i]) <= 1e-5f * (1 + fabsf (first[i]))
         || check_fail (check,
                        "operation %s: expected backward to add to the gradient, found %g after %g",
                        of->op->name, (double) chunk.din[0][i], (double) first[i]);
  chunk_clear (&chunk);
  return ok;
}

static void
test_adds (Check *check)
{
  for_ops (check, check_adds);
}

/* One sample that is not a number leaves the others alone, unless samples are coupled. */
static bool
check_spoil (Check *check, const Case *of)
{
  size_t one = size_of (&of->out, 1);
  g_autofree float *before = NULL;
  Chunk chunk;
  bool ok = true;

  chunk_init (&chunk, check, of, SAMPLES, NULL);
  of->op->forward (of->conf, &chunk.at);
  before = g_memdup2 (chunk.out, chunk.out_size * sizeof *before);
  for (uint32_t i = 0; i < of->inputs; i++)
    for (size_t k = 0; k < size_of (&of->in[i], 1); k++)
      chunk.in[i][k] = k % 2 ? NAN : INFINITY;
  of->op->forward (of->conf, &chunk.at);
  of->op->backward (of->conf, &chunk.at);
  if (!(of->op->flags & LODE_OP_WHOLE)
      && memcmp (before + one, chunk.out + one, (chunk.out_size - one) * sizeof *before))
    ok = check_fail (check,
                     "operation %s: expected a sample of NaN to leave the others alone, found them "
                     "changed",
                     of->op->name);
  chunk_clear (&chunk);
  return ok;
}

static void
test_spoil (Check *check)
{
  for_ops (check, check_spoil);
}

const CheckTest check_op_tests[] = {
  { "op/bounds", "backbone",
    "an operation of its own stays within its arrays, between pages that fault", test_bounds },
  { "op/spoil", "backbone", "an operation of its own keeps a sample of NaN to itself", test_spoil },
  { "op/adds", "backbone", "an operation of its own adds to gradients", test_adds },
  { "gradients/op", "backbone", "an operation of its own has the gradient of what it computes",
    test_gradient },
  { NULL },
};
