/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch norm in programs: batch, running, pooled and stored statistics, and gradients with them.
 */
#include "fixture.h"

/* Mean and population variance of channel c over all rows. x: [rows][channels] */
static void
plain_moments (const float *x, size_t rows, size_t channels, size_t c, double *mean, double *var)
{
  *mean = *var = 0;
  for (size_t r = 0; r < rows; r++)
    *mean += x[r * channels + c] / (double) rows;
  for (size_t r = 0; r < rows; r++)
    *var += (x[r * channels + c] - *mean) * (x[r * channels + c] - *mean) / (double) rows;
}

/* Batch, running, pooled and stored statistics against plain formulas; large means cost nothing. */
static void
test_norm_modes (void)
{
  Net *net = net_new ((LodeShape){ 3, 5, 4 }, 19, NULL, NULL);
  size_t rows = 19 * 15;
  LodeStatSet *s;
  LodeProgram *program;
  const float *y;

  for (size_t i = 0; i < rows * 4; i++)
    net->image[i] = net->image[i] * (float) (1 + i % 4) + (i % 4 == 2 ? 1000 : 0);
  lode_record_output (net->record, lode_norm (net->graph, "n", net->x, false));
  net_ready (net, 1, lode_kernels_at (0));
  s = (LodeStatSet *) net->s;
  program = net_program (net, 0);
  for (int mode = LODE_STATS_BATCH; mode <= LODE_STATS_POOL; mode++) {
    net->bind.mode = (LodeStatsMode) mode;
    lode_program_forward (program, &net->bind);
    y = lode_program_output (program, 0, NULL);
    for (size_t c = 0; c < 4; c++) {
      double mean, var, m, v;

      plain_moments (net->image, rows, 4, c, &mean, &var);
      plain_moments (y, rows, 4, c, &m, &v);
      g_assert_cmpfloat_with_epsilon (m, 0, 2e-5 * (1 + mean * mean * 1e-3));
      g_assert_cmpfloat_with_epsilon (v, var / (var + 1e-5), 1e-4);
      if (mode == LODE_STATS_BATCH) {
        g_assert_cmpfloat (s->at[0][c], ==, 0);
        g_assert_cmpfloat (s->at[0][4 + c], ==, 1);
      } else if (mode == LODE_STATS_TRACK) {
        g_assert_cmpfloat_with_epsilon (s->at[0][c], 0.1 * mean, 1e-6 + 1e-6 * fabs (mean));
        g_assert_cmpfloat_with_epsilon (
            s->at[0][4 + c], 0.9 + 0.1 * var * (double) rows / (double) (rows - 1), 1e-5);
      } else {
        g_assert_cmpfloat_with_epsilon (s->at[0][c], mean, 1e-6 + 1e-6 * fabs (mean));
        g_assert_cmpfloat_with_epsilon (s->at[0][4 + c], var, 1e-5 * (1 + var));
      }
    }
  }
  net->bind.mode = LODE_STATS_STORED;
  lode_program_forward (program, &net->bind);
  y = lode_program_output (program, 0, NULL);
  for (size_t i = 0; i < rows * 4; i++) {
    double mean = s->at[0][i % 4], var = s->at[0][4 + i % 4];

    g_assert_cmpfloat_with_epsilon (y[i], (net->image[i] - mean) / sqrt (var + 1e-5), 5e-4);
  }
  net_free (net);
}

/* Pooled over two batches, mean and variance are those of their union, not the average. */
static void
test_norm_pool (void)
{
  Net *net = net_new ((LodeShape){ 2, 2, 3 }, 20, NULL, NULL);
  LodeStatSet *s;
  float *all = net->image;

  for (size_t i = 120; i < 240; i++)
    all[i] = 3 * all[i] + 5;
  lode_record_output (net->record, lode_norm (net->graph, "n", net->x, false));
  net->batch = 10;
  net_ready (net, 1, lode_kernels_at (0));
  s = (LodeStatSet *) net->s;
  net->bind.mode = LODE_STATS_POOL;
  for (uint32_t i = 0; i < 2; i++) {
    net->bind.image = all + 120 * i;
    lode_program_forward (net_program (net, 0), &net->bind);
  }
  g_assert_cmpfloat (s->pooled[0], ==, 80);
  for (size_t c = 0; c < 3; c++) {
    double mean, var;

    plain_moments (all, 80, 3, c, &mean, &var);
    g_assert_cmpfloat_with_epsilon (s->at[0][c], mean, 1e-5);
    g_assert_cmpfloat_with_epsilon (s->at[0][3 + c], var, 1e-4);
  }
  net_free (net);
}

/* Gradients with stored statistics: norm is then a fixed affine map. */
static void
test_norm_stored_gradient (void)
{
  Net *net = net_new ((LodeShape){ 3, 3, 3 }, 9, NULL, NULL);
  LodeStatSet *s;

  lode_record_output (
      net->record, lode_norm (net->graph, "n", record_shift (net->graph, "shift", net->x), true));
  net_ready (net, 1, lode_kernels_at (0));
  s = (LodeStatSet *) net->s;
  for (uint32_t i = 0; i < 6; i++)
    s->at[0][i] = 0.3f + 0.2f * (float) i;
  net->bind.mode = LODE_STATS_STORED;
  net_check (net, 1, 27, 1e-2, 1e-3);
  net_free (net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/program/norm-modes", test_norm_modes);
  g_test_add_func ("/program/norm-pool", test_norm_pool);
  g_test_add_func ("/program/norm-stored-gradient", test_norm_stored_gradient);
  return g_test_run ();
}
