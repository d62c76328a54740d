/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fusion: which nodes of a recording become one. It looks for five things, in this order.
 *
 * unit   a dense convolution takes in the depthwise convolution before it, the ReLU before that and
 *        the scale and shift of a norm before the ReLU: one pass over a sample that stays in cache.
 *        Backward makes the inner values again.
 * sum    an addition takes in the mixes that it adds up and a ReLU behind it: all terms are read,
 *        scaled and added in one pass. Backward, one pass makes the scalar products with all terms:
 *        those that norms need and, summed over channels, the gates' gradients.
 * view   a norm that units and sums alone read is never stored: they read what it normalises and
 *        apply its scale and shift.
 * lazy   a norm's gradient is affine in the gradient behind it and in its input; units and pools
 *        make it from those when they need it, for all norms that read them, instead of reading it.
 * leader norms of one value share its moments.
 *
 * A node taken in is INSIDE: it keeps its weights but has no steps. The head gets a new list of
 * inputs at the end of program->input; the recording's own nodes and inputs stay as they were.
 */
#include "compute/compile.h"

enum {
  MOST_TERMS = 64, /* of a sum */
  MOST_LAZY = 14,  /* norms that leave a gradient to one producer */
  MOST_VIEWS = 2   /* readers of a norm that is not stored */
};

typedef struct Fuse {
  LodeProgram *p;
  LodeLevels *l;
  uint32_t *soft;   /* [nodes] inputs of units (behind a ReLU that is taken in, too) and sums */
  int32_t *first;   /* [nodes] the first norm that reads the value, or −1 */
  uint32_t *lazies; /* [nodes] norms in the value's list */
} Fuse;

static bool
is_inner (const Fuse *f, LodeValue x)
{
  return f->l->uses[x] == 1 && !f->l->is_output[x];
}

static LodeValue
input_of (const Fuse *f, uint32_t v)
{
  return f->p->input[f->p->node[v].first];
}

/* Gives a head its own list of inputs. */
static void
append_input (Fuse *f, LodeNode *head, LodeValue x, int32_t mix, uint32_t part)
{
  LodeProgram *p = f->p;

  p->input[p->inputs] = x;
  p->term[p->inputs] = (LodeTerm){ mix, part };
  p->inputs++;
  head->inputs++;
}

static void
begin_head (Fuse *f, LodeNode *head, LodeKindId kind)
{
  head->kind = kind;
  head->first = f->p->inputs;
  head->inputs = 0;
}

static bool
is_depthwise (const Fuse *f, LodeValue x)
{
  const LodeNode *node = &f->p->node[x];

  return node->kind == LODE_KIND_CONV && node->groups > 1 && node->groups == node->shape.c
         && node->block[2] == 1 && node->bias < 0 && is_inner (f, x);
}

/* Marks units and counts what they read; depthwise convolutions come before their readers. */
static void
find_units (Fuse *f)
{
  LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++) {
    LodeNode *node = &p->node[v];
    LodeValue x;

    if (!(p->node_flag[v] & LODE_NODE_LIVE) || node->kind != LODE_KIND_CONV || node->groups != 1)
      continue;
    x = input_of (f, v);
    if (is_depthwise (f, x)) {
      p->fused[v].depth = x;
      p->node_flag[x] |= LODE_NODE_INSIDE;
      x = input_of (f, (uint32_t) x);
    }
    node->kind = LODE_KIND_UNIT;
    f->soft[x]++;
  }
}

/* A ReLU that units alone read is made by each of them. */
static void
take_relus (Fuse *f)
{
  LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++) {
    if (!(p->node_flag[v] & LODE_NODE_LIVE) || p->node[v].kind != LODE_KIND_RELU
        || f->l->is_output[v] || !f->soft[v] || f->soft[v] != f->l->uses[v])
      continue;
    p->node_flag[v] |= LODE_NODE_INSIDE;
    f->soft[input_of (f, v)]++;
  }
}

/* Unit heads read what lies before depthwise convolution and ReLU. */
static void
join_units (Fuse *f)
{
  LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++) {
    LodeNode *node = &p->node[v];
    int32_t depth = p->fused[v].depth;
    LodeValue x;

    if (!(p->node_flag[v] & LODE_NODE_LIVE) || node->kind != LODE_KIND_UNIT)
      continue;
    x = input_of (f, depth >= 0 ? (uint32_t) depth : v);
    p->fused[v].relu = p->node[x].kind == LODE_KIND_RELU && p->node_flag[x] & LODE_NODE_INSIDE;
    if (p->fused[v].relu)
      x = input_of (f, (uint32_t) x);
    begin_head (f, node, LODE_KIND_UNIT);
    append_input (f, node, x, -1, 0);
  }
}

/* Inputs that are not known to be zero, or 0 where one is narrower than the sum. */
static uint32_t
count_terms (const Fuse *f, uint32_t v)
{
  const LodeProgram *p = f->p;
  const LodeNode *node = &p->node[v];
  uint32_t n = 0;

  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if (!(p->in_flag[i] & LODE_IN_ZERO)) {
      if (p->node[p->input[i]].shape.c != node->shape.c)
        return 0;
      n++;
    }
  return n;
}

/* The terms of a mix, behind those that the head has. */
static void
take_mix (Fuse *f, LodeNode *head, int32_t mix)
{
  const LodeNode *node = &f->p->source[mix];

  for (uint32_t i = 0; i < node->inputs; i++)
    if (!(f->p->in_flag[node->first + i] & LODE_IN_ZERO))
      append_input (f, head, f->p->input[node->first + i], mix, i);
}

/* A mix among the inputs of an addition that it can take in. */
static bool
is_taken (const Fuse *f, uint32_t i)
{
  LodeValue x = f->p->input[i];

  return f->p->source[x].kind == LODE_KIND_MIX && f->p->node[x].kind == LODE_KIND_SUM
         && is_inner (f, x);
}

/* Terms that an addition has when it has taken in mixes; 0: it cannot be a sum. */
static uint32_t
count_all (const Fuse *f, uint32_t v)
{
  const LodeNode *node = &f->p->source[v];
  uint32_t n = count_terms (f, v);

  for (uint32_t i = node->first; n && i < node->first + node->inputs; i++)
    if (!(f->p->in_flag[i] & LODE_IN_ZERO) && is_taken (f, i))
      n += f->p->node[f->p->input[i]].inputs - 1;
  return n <= MOST_TERMS ? n : 0;
}

static void
join_sum (Fuse *f, uint32_t v)
{
  LodeProgram *p = f->p;
  const LodeNode *source = &p->source[v];
  LodeNode *head = &p->node[v];

  begin_head (f, head, LODE_KIND_SUM);
  p->fused[v].relu = 0;
  if (source->kind == LODE_KIND_MIX) {
    take_mix (f, head, (int32_t) v);
    return;
  }
  for (uint32_t i = source->first; i < source->first + source->inputs; i++) {
    LodeValue x = p->input[i];

    if (p->in_flag[i] & LODE_IN_ZERO)
      continue;
    if (source->kind == LODE_KIND_ADD && is_taken (f, i)) {
      p->node_flag[x] |= LODE_NODE_INSIDE;
      take_mix (f, head, x);
    } else {
      append_input (f, head, x, -1, 0);
    }
  }
}

/* A ReLU becomes the head of the sum before it, or of a norm as the one term. */
static void
join_relu (Fuse *f, uint32_t v)
{
  LodeProgram *p = f->p;
  LodeValue x = input_of (f, v);

  if (p->node[x].kind == LODE_KIND_SUM && is_inner (f, x) && p->fused[x].relu == 0) {
    p->node[v].kind = LODE_KIND_SUM;
    p->node[v].first = p->node[x].first;
    p->node[v].inputs = p->node[x].inputs;
    p->node_flag[x] |= LODE_NODE_INSIDE;
  } else if (p->node[x].kind == LODE_KIND_NORM) {
    join_sum (f, v);
  }
  if (p->node[v].kind == LODE_KIND_SUM)
    p->fused[v].relu = 1;
}

/*
 * Mixes come before the additions that take them in, so a mix is a sum of its own until then. Its
 * old list is left where it lies.
 */
static void
find_sums (Fuse *f)
{
  LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];

    if (!lode_node_runs (p, v))
      continue;
    if ((node->kind == LODE_KIND_ADD || node->kind == LODE_KIND_MIX) && count_all (f, v))
      join_sum (f, v);
    else if (node->kind == LODE_KIND_RELU)
      join_relu (f, v);
  }
}

static void
count_terms_read (Fuse *f)
{
  const LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++)
    if (lode_node_runs (p, v) && p->node[v].kind == LODE_KIND_SUM)
      for (uint32_t i = p->node[v].first; i < p->node[v].first + p->node[v].inputs; i++)
        f->soft[p->input[i]]++;
}

static void
count_uses (Fuse *f)
{
  const LodeProgram *p = f->p;

  memset (f->l->uses, 0, p->nodes * sizeof *f->l->uses);
  for (uint32_t v = 0; v < p->nodes; v++)
    if (lode_node_runs (p, v) && p->node[v].kind != LODE_KIND_ZERO)
      for (uint32_t i = p->node[v].first; i < p->node[v].first + p->node[v].inputs; i++)
        f->l->uses[p->input[i]] += !(p->in_flag[i] & LODE_IN_ZERO);
}

static void
mark_inputs (Fuse *f)
{
  LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];

    if (lode_node_runs (p, v) && (node->kind == LODE_KIND_UNIT || node->kind == LODE_KIND_SUM))
      for (uint32_t i = node->first; i < node->first + node->inputs; i++)
        if (p->node_flag[p->input[i]] & LODE_NODE_BACK)
          p->in_flag[i] |= LODE_IN_WANTED;
  }
}

static void
find_views (Fuse *f, const uint32_t *recorded)
{
  LodeProgram *p = f->p;

  for (uint32_t v = 0; v < p->nodes; v++)
    if (lode_node_runs (p, v) && p->node[v].kind == LODE_KIND_NORM && !f->l->is_output[v]
        && f->soft[v] == recorded[v] && f->l->uses[v] <= MOST_VIEWS
        && p->node[input_of (f, v)].kind != LODE_KIND_IMAGE)
      p->node_flag[v] |= LODE_NODE_VIEW;
}

/* A sum makes the scalar products of norms that it alone reads; their gradient is its own, scaled.
 */
static void
find_lazy_terms (Fuse *f, uint32_t sum)
{
  LodeProgram *p = f->p;

  for (uint32_t i = p->node[sum].first; i < p->node[sum].first + p->node[sum].inputs; i++) {
    LodeValue x = p->input[i];

    if (p->node_flag[x] & LODE_NODE_VIEW && p->node_flag[x] & LODE_NODE_BACK
        && f->l->uses[x] == 1) {
      p->in_flag[i] |= LODE_IN_LAZY;
      p->fused[x].term = (int32_t) i;
      p->fused[x].sum = (int32_t) sum;
    }
  }
}

static bool
makes_gradient (const LodeNode *node)
{
  return node->kind == LODE_KIND_UNIT || node->kind == LODE_KIND_MAX_POOL
         || node->kind == LODE_KIND_AVG_POOL;
}

static void
find_lazy_norm (Fuse *f, uint32_t v)
{
  LodeProgram *p = f->p;
  LodeValue x = input_of (f, v);
  int32_t *end = &p->fused[x].lazy;

  if (f->first[x] < 0)
    f->first[x] = (int32_t) v;
  else
    p->fused[v].leader = f->first[x];
  if (!(p->node_flag[v] & LODE_NODE_BACK) || !(p->node_flag[x] & LODE_NODE_BACK)
      || !makes_gradient (&p->node[x]) || f->lazies[x] == MOST_LAZY)
    return;
  f->lazies[x]++;
  while (*end >= 0)
    end = &p->fused[*end].next;
  *end = (int32_t) v;
  p->in_flag[p->node[v].first] |= LODE_IN_LAZY;
}

void
lode_compile_fuse (LodeProgram *p, LodeLevels *l)
{
  uint32_t n = p->nodes;
  g_autofree uint32_t *words = g_new0 (uint32_t, 4 * n);
  uint32_t *recorded = words + 3 * n;
  Fuse f = { p, l, words, (int32_t *) words + n, words + 2 * n };

  memset (f.first, 0xff, n * sizeof *f.first);
  memcpy (recorded, l->uses, n * sizeof *recorded);
  find_units (&f);
  take_relus (&f);
  join_units (&f);
  find_sums (&f);
  count_terms_read (&f);
  count_uses (&f);
  mark_inputs (&f);
  find_views (&f, recorded);
  for (uint32_t v = 0; v < n; v++)
    if (lode_node_runs (p, v) && p->node[v].kind == LODE_KIND_SUM)
      find_lazy_terms (&f, v);
    else if (lode_node_runs (p, v) && p->node[v].kind == LODE_KIND_NORM)
      find_lazy_norm (&f, v);
}
