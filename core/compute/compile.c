/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a recording to a program: a copy of it, and the stages of compile.h.
 */
#include "compute/compile.h"

#include "error.h"

static const LodeKind *const kinds[LODE_KINDS] = {
  [LODE_KIND_IMAGE] = &lode_kind_image,       [LODE_KIND_INDEX] = &lode_kind_index,
  [LODE_KIND_CONV] = &lode_kind_conv,         [LODE_KIND_LINEAR] = &lode_kind_linear,
  [LODE_KIND_COSINE] = &lode_kind_cosine,     [LODE_KIND_NORM] = &lode_kind_norm,
  [LODE_KIND_RELU] = &lode_kind_relu,         [LODE_KIND_MAX_POOL] = &lode_kind_max_pool,
  [LODE_KIND_AVG_POOL] = &lode_kind_avg_pool, [LODE_KIND_GLOBAL_POOL] = &lode_kind_global_pool,
  [LODE_KIND_ADD] = &lode_kind_add,           [LODE_KIND_CONCAT] = &lode_kind_concat,
  [LODE_KIND_MIX] = &lode_kind_mix,           [LODE_KIND_ZERO] = &lode_kind_zero,
  [LODE_KIND_SHORTCUT] = &lode_kind_shortcut, [LODE_KIND_DROP_PATH] = &lode_kind_drop_path,
  [LODE_KIND_TABLE] = &lode_kind_table,       [LODE_KIND_PLUGIN] = &lode_kind_plugin,
  [LODE_KIND_UNIT] = &lode_kind_unit,         [LODE_KIND_SUM] = &lode_kind_sum,
};

const LodeKind lode_kind_image = { .name = "image" };
const LodeKind lode_kind_index = { .name = "index" };

const LodeKind *
lode_kind_of (const LodeNode *node)
{
  if (node->kind == LODE_KIND_PLUGIN && node->op->flags & LODE_OP_WHOLE)
    return &lode_kind_plugin_whole;
  return kinds[node->kind];
}

uint8_t
lode_node_frozen (const LodeRecord *record, const LodeNode *node)
{
  uint8_t frozen = 0;

  if (node->weight >= 0 && lode_layout_slot (record->weights, (uint32_t) node->weight)->frozen)
    frozen |= 1;
  if (node->bias >= 0 && lode_layout_slot (record->weights, (uint32_t) node->bias)->frozen)
    frozen |= 2;
  return frozen;
}

/* Cuts the next array off a block, 16-byte aligned. */
static void *
take (uint8_t **at, size_t bytes)
{
  void *here = *at;

  *at += (bytes + 15) / 16 * 16;
  return here;
}

/* The program with its copy of the recording; one block for all arrays that the nodes' number
 * sizes. */
static LodeProgram *
copy_record (const LodeRecord *record, uint32_t batch, uint32_t grad)
{
  LodeProgram *p = g_new0 (LodeProgram, 1);
  size_t n = record->nodes, m = record->inputs;
  size_t bytes = n * (2 * sizeof (LodeNode) + sizeof (LodeFused) + 2 + 7 * sizeof (int32_t))
                 + 3 * m * (sizeof (LodeValue) + sizeof (LodeTerm) + 1)
                 + record->outputs * sizeof (LodeValue) + record->confs + 17 * 16;
  uint8_t *at = p->block = g_malloc (bytes);

  p->batch = batch;
  p->grad = grad;
  p->nodes = record->nodes;
  p->inputs = p->source_inputs = record->inputs;
  p->outputs = record->outputs;
  p->confs = record->confs;
  p->options = record->space ? record->space->options : 0;
  p->node = take (&at, n * sizeof (LodeNode));
  p->source = take (&at, n * sizeof (LodeNode));
  p->fused = take (&at, n * sizeof (LodeFused));
  p->input = take (&at, 3 * m * sizeof (LodeValue)); /* fusion appends lists of its own */
  p->term = take (&at, 3 * m * sizeof (LodeTerm));
  p->output = take (&at, p->outputs * sizeof (LodeValue));
  p->conf = take (&at, p->confs);
  p->frozen = take (&at, n);
  p->node_flag = take (&at, n);
  p->in_flag = take (&at, 3 * m);
  p->value = take (&at, n * sizeof (int32_t));
  p->dvalue = take (&at, n * sizeof (int32_t));
  p->state = take (&at, n * sizeof (int32_t));
  p->partial = take (&at, n * sizeof (int32_t));
  p->packed = take (&at, n * sizeof (int32_t));
  p->turned[0] = take (&at, n * sizeof (int32_t));
  p->turned[1] = take (&at, n * sizeof (int32_t));
  memcpy (p->node, record->node, n * sizeof (LodeNode));
  memcpy (p->source, record->node, n * sizeof (LodeNode));
  memset (p->fused, 0xff, n * sizeof (LodeFused));
  memcpy (p->input, record->input, m * sizeof (LodeValue));
  memcpy (p->output, record->output, p->outputs * sizeof (LodeValue));
  if (p->confs)
    memcpy (p->conf, record->conf, p->confs);
  memset (p->node_flag, 0, n);
  memset (p->in_flag, 0, 3 * m);
  for (int32_t **list = (int32_t *[]){ p->value, p->dvalue, p->state, p->partial, p->packed,
                                       p->turned[0], p->turned[1], NULL };
       *list; list++)
    memset (*list, 0xff, n * sizeof (int32_t));
  return p;
}

static void
find_scratch (LodeProgram *p)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);

    if (lode_node_runs (p, v) && kind->scratch)
      p->scratch = MAX (p->scratch, kind->scratch (p, node));
    if (lode_node_runs (p, v) && kind->keeps)
      p->kept = MAX (p->kept, (kind->keeps (p, node) + 15) / 16 * 16);
  }
}

static bool
check_size (const LodeRecord *record, uint32_t batch, uint32_t grad, GError **error)
{
  double bytes = 0;

  if (!lode_record_check (record, error))
    return false;
  if (!batch || !record->outputs) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "network: a batch of %u and %u outputs; both must be at least 1", batch,
                 record->outputs);
    return false;
  }
  for (uint32_t v = 0; v < record->nodes; v++)
    bytes += 4.0 * (grad ? 2 : 1) * batch * (double) lode_shape_size (&record->node[v].shape);
  if (bytes > 0x1p46) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "network: a batch of %u needs about %.0f GB; make batch, image or width smaller",
                 batch, bytes * 1e-9);
    return false;
  }
  return true;
}

LodeProgram *
lode_program_compile (LodeEngine *engine, const LodeRecord *record, uint32_t batch, uint32_t grad,
                      GError **error)
{
  LodeProgram *p;
  LodeLevels l = { 0 };
  size_t n = record->nodes;
  g_autofree uint32_t *words = NULL;

  if (!check_size (record, batch, grad, error))
    return NULL;
  words = g_malloc0 (n * (4 * sizeof (uint32_t) + 2));
  l.base = words;
  l.ready = words + n;
  l.back = words + 2 * n;
  l.uses = words + 3 * n;
  l.is_output = (uint8_t *) (words + 4 * n);
  l.begun = l.is_output + n;
  p = copy_record (record, batch, grad);
  p->engine = engine;
  for (uint32_t v = 0; v < p->nodes; v++)
    p->frozen[v] = lode_node_frozen (record, &p->node[v]);
  lode_compile_mark (p, &l);
  p->fuse = lode_engine_fuses (engine);
  p->winograd = lode_engine_turns (engine);
  if (p->fuse)
    lode_compile_fuse (p, &l);
  lode_compile_order (p, &l);
  lode_compile_place (p, &l);
  find_scratch (p);
  p->dgate = g_new0 (double, p->options + 1);
  lode_program_plan (p);
  return p;
}

void
lode_program_free (LodeProgram *p)
{
  if (!p)
    return;
  g_free (p->block);
  g_free (p->buffer);
  g_free (p->step);
  g_free (p->settle);
  g_free (p->region);
  g_free (p->reduce);
  g_free (p->piece);
  g_free (p->dgate);
  g_free (p);
}
