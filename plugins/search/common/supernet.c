/* SPDX-License-Identifier: Apache-2.0 */
#include "supernet.h"

static void
drop_net (Supernet *super)
{
  lode_params_free (super->grad);
  lode_optim_free (super->optim);
  lode_net_free (super->net);
  super->grad = NULL;
  super->optim = NULL;
  super->net = NULL;
}

bool
supernet_grow (Supernet *super, const LodeNetIn *in, GError **error)
{
  drop_net (super);
  super->net = lode_net_new (super->host, in, error);
  super->optim = super->net ? lode_optim_new (super->host, super->net, error) : NULL;
  if (!super->optim)
    return false;
  super->grad = lode_params_dup (lode_net_params (super->net), super->net, NULL);
  return true;
}

bool
supernet_open (Supernet *super, bool held, GError **error)
{
  super->train = lode_stream_open (super->host, LODE_ROLE_WEIGHTS, error);
  if (!super->train || !held)
    return super->train != NULL;
  super->arch = lode_stream_open (super->host, LODE_ROLE_ARCH, error);
  return super->arch != NULL;
}

void
supernet_clear (Supernet *super)
{
  lode_stream_close (super->arch);
  lode_stream_close (super->train);
  drop_net (super);
}

const LodeBatch *
supernet_next (Supernet *super, const char *phase, GError **error)
{
  const LodeBatch *batch;

  lode_stream_phase (super->train, phase);
  batch = lode_stream_next (super->train, error);
  if (!batch)
    return NULL;
  super->batches = MAX (lode_stream_batches (super->train), 1);
  lode_optim_epoch (super->optim, (double) super->epoch + (double) super->batch / super->batches);
  return batch;
}

void
tally_pass (Tally *tally, const LodePass *pass)
{
  tally->loss += pass->loss * pass->n;
  tally->correct += pass->correct;
  tally->n += pass->n;
}

bool
supernet_step (Supernet *super, const LodeBatch *batch, const LodeChoice *choice, GError **error)
{
  LodePass pass = { .size = sizeof pass,
                    .want = LODE_WEIGHTS | LODE_OBSERVE | LODE_TRACK,
                    .grad = super->grad };

  if (!lode_net_pass (super->net, batch, choice, &pass, error))
    return false;
  lode_optim_step (super->optim, lode_net_params (super->net), super->grad, LODE_CLIP);
  tally_pass (&super->on_train, &pass);
  return true;
}

bool
supernet_count (Supernet *super)
{
  return ++super->batch >= super->batches;
}

void
supernet_report (const Supernet *super)
{
  const Tally *train = &super->on_train, *arch = &super->on_arch;

  lode_metric (super->host, "train_loss", train->loss / train->n);
  lode_metric (super->host, "train_accuracy", train->correct / train->n);
  if (arch->n > 0) {
    lode_metric (super->host, "arch_loss", arch->loss / arch->n);
    lode_metric (super->host, "arch_accuracy", arch->correct / arch->n);
  }
  lode_metric (super->host, "rate", lode_optim_rate (super->optim));
}

void
supernet_end_epoch (Supernet *super)
{
  super->on_train = super->on_arch = (Tally){ 0 };
  super->epoch++;
  super->batch = 0;
}

void
supernet_progress (const Supernet *super, LodeProgress *progress)
{
  uint64_t epochs = lode_optim_epochs (super->optim);

  progress->done = super->epoch * super->batches + super->batch;
  progress->of = epochs * super->batches;
  progress->end = super->epoch >= epochs;
}

void
supernet_save (const Supernet *super, LodeStore *store)
{
  const uint64_t clock[] = { super->epoch, super->batch };
  const double sums[] = { super->on_train.loss, super->on_train.correct, super->on_train.n,
                          super->on_arch.loss,  super->on_arch.correct,  super->on_arch.n };

  lode_store_put (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock);
  lode_store_put (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums);
}

bool
supernet_load (Supernet *super, const LodeStore *store, GError **error)
{
  uint64_t clock[2];
  double sums[6];

  if (!lode_store_get (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock, error)
      || !lode_store_get (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums, error))
    return false;
  super->epoch = clock[0];
  super->batch = clock[1];
  super->on_train = (Tally){ sums[0], sums[1], sums[2] };
  super->on_arch = (Tally){ sums[3], sums[4], sums[5] };
  return true;
}
