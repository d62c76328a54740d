/* SPDX-License-Identifier: Apache-2.0 */
#include "hyper.h"

bool
darts_first_order (const Hyper *hyper, const LodeBatch *valid, const LodeChoice *choice,
                   LodePass *pass, GError **error)
{
  pass->want = LODE_GATES;
  return lode_net_pass (hyper->net, valid, choice, pass, error);
}

/* ∇ L_train in the gates at w + shift · d. dgate: [options] */
static bool
probe (const Hyper *hyper, const LodeBatch *train, const LodeChoice *choice, double shift,
       float *dgate, GError **error)
{
  LodePass pass = { .size = sizeof pass, .want = LODE_GATES, .at = hyper->moved, .dgate = dgate };

  lode_params_copy (hyper->moved, lode_net_params (hyper->net));
  lode_params_axpy (hyper->moved, shift, hyper->direction);
  return lode_net_pass (hyper->net, train, choice, &pass, error);
}

/* Subtracts ξ ∇²_{gates, w} L_train · d, by central differences. */
static bool
correct (const Hyper *hyper, const LodeBatch *train, const LodeChoice *choice, float *dgate,
         GError **error)
{
  double norm = sqrt (lode_params_dot (hyper->direction, hyper->direction)), epsilon = 0.01 / norm;
  double xi = lode_optim_rate (hyper->optim);

  if (!(norm > 0))
    return true;
  if (!probe (hyper, train, choice, epsilon, hyper->plus, error)
      || !probe (hyper, train, choice, -epsilon, hyper->minus, error))
    return false;
  for (uint32_t i = 0; i < hyper->options; i++)
    dgate[i] =
        (float) ((double) dgate[i]
                 - xi * ((double) hyper->plus[i] - (double) hyper->minus[i]) / (2 * epsilon));
  return true;
}

bool
darts_second_order (const Hyper *hyper, const LodeBatch *train, const LodeBatch *valid,
                    const LodeChoice *choice, LodePass *pass, GError **error)
{
  LodePass step = { .size = sizeof step, .want = LODE_WEIGHTS, .grad = hyper->grad };

  if (!lode_net_pass (hyper->net, train, choice, &step, error))
    return false;
  lode_optim_preview (hyper->optim, lode_net_params (hyper->net), hyper->grad, hyper->moved);
  pass->want = LODE_WEIGHTS | LODE_GATES;
  pass->at = hyper->moved;
  pass->grad = hyper->direction;
  return lode_net_pass (hyper->net, valid, choice, pass, error)
         && correct (hyper, train, choice, pass->dgate, error);
}
