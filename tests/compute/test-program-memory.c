/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of programs: what training and forward alone take, and that buffers which share it do
 * not disturb each other.
 */
#include "compute/step.h"
#include "network.h"

/* Training keeps what backward reads and frees the rest; forward alone needs a fraction. */
static void
test_memory (void)
{
  Net *net = net_new ((LodeShape){ 16, 16, 3 }, 16, &space, NULL);
  size_t train, infer;

  lode_record_output (net->record, record_network (net->graph, net->x, 3, 8));
  net_ready (net, 1, lode_kernels_at (0));
  train = lode_program_bytes (net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES));
  infer = lode_program_bytes (net_program (net, 0));
  g_test_message ("training %.1f MB, forward alone %.1f MB", (double) train * 1e-6,
                  (double) infer * 1e-6);
  g_assert_cmpuint (infer * 2, <, train);
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  g_assert_cmpuint (lode_engine_peak (net->engine), >=, 1);
  net_free (net);
}

/* No two buffers that live at the same time share memory, and each lies within the arena, aligned.
 */
static void
test_plan (void)
{
  Net *net = net_new ((LodeShape){ 9, 9, 3 }, 11, &space, NULL);
  const LodeProgram *p;

  lode_record_output (net->record, record_network (net->graph, net->x, 2, 5));
  net_ready (net, 1, lode_kernels_at (0));
  p = net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES);
  for (uint32_t i = 0; i < p->buffers; i++) {
    const LodeBuffer *a = &p->buffer[i];

    g_assert_cmpuint (a->offset % 64, ==, 0);
    g_assert_cmpuint (a->offset + a->bytes, <=, p->bytes);
    for (uint32_t j = 0; j < i; j++) {
      const LodeBuffer *b = &p->buffer[j];

      g_assert_true (a->dies < b->born || b->dies < a->born || a->offset + a->bytes <= b->offset
                     || b->offset + b->bytes <= a->offset);
    }
  }
  net_free (net);
}

/* Gives every buffer memory of its own, full of NaN. */
static void
spread_buffers (Net *net, LodeProgram *p)
{
  p->bytes = 0;
  for (uint32_t i = 0; i < p->buffers; i++) {
    p->buffer[i].offset = p->bytes;
    p->bytes += p->buffer[i].bytes;
  }
  memset (lode_engine_arena (net->engine, p->bytes), 0xff, p->bytes);
}

/* Sharing memory changes nothing, and nothing is read that this pass did not write. */
static void
test_sharing (void)
{
  Net *net = net_new ((LodeShape){ 9, 9, 3 }, 11, &space, NULL);
  float gate[EDGES * OPTIONS], drop[EDGES * OPTIONS], dgate[2][EDGES * OPTIONS];
  LodeParamSet *g;
  g_autofree float *want = NULL;
  LodeProgram *p;

  for (uint32_t i = 0; i < EDGES * OPTIONS; i++) {
    gate[i] = 0.1f + 0.02f * (float) (i % 5);
    drop[i] = i % OPTIONS == 4 ? 0.2f : 0;
  }
  lode_record_output (net->record, record_network (net->graph, net->x, 2, 5));
  net_ready (net, 1, lode_kernels_at (0));
  net->bind.gate = gate;
  net->bind.drop = drop;
  g = (LodeParamSet *) net->g;
  net->bind.dgate = dgate[0];
  p = net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES);
  memset (lode_engine_arena (net->engine, p->bytes), 0xff, p->bytes);
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  want = g_memdup2 (g->data, g->size * sizeof (float));
  spread_buffers (net, p);
  net->bind.dgate = dgate[1];
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  g_assert_cmpmem (g->data, g->size * sizeof (float), want, g->size * sizeof (float));
  g_assert_cmpmem (dgate[1], sizeof dgate[1], dgate[0], sizeof dgate[0]);
  g_assert_false (isnan (lode_params_dot (net->g, net->g)));
  net_free (net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  space_fill ();
  g_test_add_func ("/program/memory", test_memory);
  g_test_add_func ("/program/plan", test_plan);
  g_test_add_func ("/program/sharing", test_sharing);
  return g_test_run ();
}
