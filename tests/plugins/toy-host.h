/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for tests of plugins, around the net of toy-net.h: random numbers, architectures, scores,
 * what stages ask, and stores.
 */
#ifndef TEST_TOY_HOST_H
#define TEST_TOY_HOST_H

#include "toy-net.h"

/* words, numbers */
static inline void
toy_log (const LodeHost *host, uint32_t level, const char *text)
{
  (void) host;
  (void) level;
  g_test_message ("%s", text);
}

static inline void
toy_metric (const LodeHost *host, const char *name, double value)
{
  g_hash_table_insert (toy_of (host)->metric, g_strdup (name), g_memdup2 (&value, sizeof value));
}

static inline void
toy_result (const LodeHost *host, const char *name, double value)
{
  g_hash_table_insert (toy_of (host)->result, g_strdup (name), g_memdup2 (&value, sizeof value));
}

static inline double
toy_value (GHashTable *table, const char *name)
{
  const double *value = g_hash_table_lookup (table, name);

  if (!value)
    g_error ("nothing called %s was reported", name);
  return *value;
}

static inline LodeRng
toy_rng (const LodeHost *host, const char *name, uint64_t a, uint64_t b)
{
  (void) host;
  return (LodeRng){ .key = g_str_hash (name) * UINT64_C (0x9E3779B97F4A7C15) + a * 1000003 + b };
}

/* architectures */
static inline void
toy_derive (const LodeHost *host, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  (void) host;
  g_assert_nonnull (mask);
  for (uint32_t i = 0; i < TOY_DECISIONS; i++) {
    arch[i] = 0;
    for (uint8_t o = 1; o < 3; o++)
      if (mix[3 * i + o] > mix[3 * i + arch[i]])
        arch[i] = o;
  }
}

static inline void
toy_sample (const LodeHost *host, uint8_t *arch, LodeRng *rng)
{
  for (uint32_t i = 0; !toy_of (host)->no_space && i < TOY_DECISIONS; i++)
    arch[i] = (uint8_t) lode_rng_below (rng, 3);
}

static inline bool
toy_cost (const LodeHost *host, const uint8_t *arch, uint64_t *macs, uint64_t *params,
          GError **error)
{
  (void) host;
  (void) error;
  *macs = 100 + arch[0];
  *params = 10;
  return true;
}

static inline char *
toy_key (const LodeHost *host, const uint8_t *arch)
{
  (void) host;
  return g_strdup_printf ("%u %u", arch[0], arch[1]);
}

static inline void
toy_repair (const LodeHost *host, uint8_t *arch, LodeRng *rng)
{
  (void) host;
  (void) rng;
  g_assert_cmpuint (MAX (arch[0], arch[1]), <, 3);
}

static inline bool
toy_known (const LodeHost *host, const uint8_t *arch, double fidelity, LodeScore *score)
{
  const Toy *toy = toy_of (host);

  g_assert_cmpfloat (fidelity, ==, 1);
  if (score && toy->is_known[3 * arch[0] + arch[1]])
    *score = toy->known[3 * arch[0] + arch[1]];
  return toy->is_known[3 * arch[0] + arch[1]];
}

static inline bool
toy_best (const LodeHost *host, uint8_t *arch, LodeScore *score)
{
  const Toy *toy = toy_of (host);

  memcpy (arch, toy->best, TOY_DECISIONS);
  return toy->best_value > -INFINITY && (!score || toy_known (host, arch, 1, score));
}

static inline void
toy_spent (const LodeHost *host, LodeSpent *spent)
{
  spent->scores = toy_of (host)->scored;
}

static inline void
toy_remember (Toy *toy, const uint8_t *arch, const LodeScore *score)
{
  toy->known[3 * arch[0] + arch[1]] = *score;
  toy->is_known[3 * arch[0] + arch[1]] = true;
  if (score->value <= toy->best_value)
    return;
  toy->best_value = score->value;
  memcpy (toy->best, arch, TOY_DECISIONS);
}

/* Larger options are better; the best of all, (2, 2), always fails. */
static inline bool
toy_score (const LodeHost *host, uint32_t n, const uint8_t *const *arch, double fidelity,
           LodeScore *score, GError **error)
{
  (void) error;
  g_assert_cmpfloat (fidelity, ==, 1);
  for (uint32_t i = 0; i < n; i++) {
    g_assert_cmpuint (score[i].size, ==, sizeof *score);
    toy_of (host)->scored++;
    score[i].failed = toy_of (host)->fail_every_score || (arch[i][0] == 2 && arch[i][1] == 2);
    score[i].value = score[i].failed ? -INFINITY : 3 * arch[i][0] + arch[i][1];
    toy_remember (toy_of (host), arch[i], &score[i]);
  }
  if (toy_of (host)->best_value > -INFINITY)
    toy_metric (host, "best_score", toy_of (host)->best_value);
  return true;
}

/* what only stages ask */
static inline const LodeSearchOps *
toy_search_new (const LodeHost *host, LodeSearch **search, GError **error)
{
  Toy *toy = toy_of (host);

  *search = toy->search_ops->create (host, toy->search_conf, &toy_space, error);
  return *search ? toy->search_ops : NULL;
}

static inline const LodeSpace *
toy_stage_space (const LodeHost *host)
{
  return toy_of (host)->no_space ? &toy_empty : &toy_space;
}

static inline char *
toy_art_path (const LodeHost *host, const char *port, uint32_t i, GError **error)
{
  (void) i;
  (void) error;
  return toy_of (host)->no_arch_port && !strcmp (port, "arch") ? NULL : g_strdup ("arch.txt");
}

static inline bool
toy_arch_read (const LodeHost *host, const char *port, uint32_t i, uint8_t *arch, GError **error)
{
  (void) host;
  (void) port;
  (void) i;
  (void) error;
  arch[0] = 1;
  arch[1] = 2;
  return true;
}

static inline bool
toy_arch_save (const LodeHost *host, const char *port, const uint8_t *arch, GError **error)
{
  (void) error;
  g_assert_cmpstr (port, ==, "arch");
  memcpy (toy_of (host)->saved_arch, arch, TOY_DECISIONS);
  return true;
}

static inline bool
toy_net_save (const LodeHost *host, const char *port, LodeNet *net, const LodeChoice *choice,
              GError **error)
{
  (void) net;
  (void) error;
  g_assert_cmpstr (port, ==, "net");
  g_assert_true ((choice != NULL) == !toy_of (host)->no_space);
  toy_of (host)->saved_nets++;
  return true;
}

static inline void
toy_limit (const LodeHost *host, double seconds)
{
  (void) host;
  g_assert_cmpfloat (seconds, >=, 0);
}

static inline bool
toy_quote (const LodeHost *host, const uint8_t *arch, LodeQuotes *quotes, GError **error)
{
  (void) host;
  (void) arch;
  (void) error;
  quotes->n = 0;
  return true;
}

static inline LodeNet *
toy_net_open (const LodeHost *host, const char *port, uint32_t i, GError **error)
{
  LodeNetIn in = { .size = sizeof in };

  (void) port;
  (void) i;
  return toy_net_new (host, &in, error);
}

/* How many largest logits are the label's. */
static inline bool
toy_figures (const LodeHost *host, const char *prefix, const LodeLogits *logits, GError **error)
{
  g_autofree char *name = g_strconcat (prefix, "_accuracy", NULL);
  uint32_t hits = 0;

  (void) error;
  g_assert_cmpuint (logits->k, ==, TOY_LOGITS);
  for (uint32_t i = 0; i < logits->n; i++) {
    const float *row = logits->logit + (size_t) i * TOY_LOGITS;
    int32_t best = 0;

    for (int32_t c = 1; c < TOY_LOGITS; c++)
      best = row[c] > row[best] ? c : best;
    hits += logits->label[i] == best;
  }
  toy_result (host, name, (double) hits / logits->n);
  return true;
}

static inline bool
toy_valid_figures (const LodeHost *host, LodeNet *net, const LodeChoice *choice, GError **error)
{
  double value;
  bool ok = lode_net_measure (net, choice, NULL, "accuracy", &value, error);

  toy_result (host, "valid_accuracy", value);
  return ok;
}

static inline uint32_t
toy_pool_count (const LodePool *pool)
{
  (void) pool;
  return TOY_POOL;
}

static const LodePoolCalls toy_pool_calls = { .size = sizeof (LodePoolCalls),
                                              .count = toy_pool_count };

static inline uint32_t
toy_threads (const LodeHost *host)
{
  (void) host;
  return 2;
}

static const LodeHostCalls toy_host_calls = { .size = sizeof (LodeHostCalls),
                                              .log = toy_log,
                                              .metric = toy_metric,
                                              .rng = toy_rng,
                                              .net_new = toy_net_new,
                                              .net_current = toy_net_current,
                                              .optim_new = toy_optim_new,
                                              .fit_new = toy_fit_new,
                                              .stream_open = toy_stream_open,
                                              .cost = toy_cost,
                                              .derive = toy_derive,
                                              .sample = toy_sample,
                                              .repair = toy_repair,
                                              .arch_key = toy_key,
                                              .score = toy_score,
                                              .known = toy_known,
                                              .best = toy_best,
                                              .spent = toy_spent,
                                              .art_path = toy_art_path,
                                              .threads = toy_threads };

static inline Toy *
toy_new (void)
{
  Toy *toy = g_new0 (Toy, 1);
  const double slope[TOY_OPTIONS] = { 0.5, 1, 1.5, 0.25, -0.5, 1 };

  memcpy (toy->slope, slope, sizeof slope);
  toy->host = (LodeHost){ sizeof (LodeHost), LODE_ABI_MAJOR, LODE_ABI_MINOR, 0,
                          &toy_host_calls,   &toy->stage };
  toy->stage =
      (LodeStageCalls){ sizeof (LodeStageCalls), toy_search_new, toy_stage_space, toy_arch_read,
                        toy_arch_save,           toy_net_save,   toy_net_open,    toy_result };
  toy->stage.figures = toy_figures;
  toy->stage.valid_figures = toy_valid_figures;
  toy->stage.limit = toy_limit;
  toy->stage.quote = toy_quote;
  toy->pool.calls = &toy_pool_calls;
  toy->log = g_string_new (NULL);
  toy->metric = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  toy->result = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  toy->best_value = -INFINITY;
  toy->start = -2;
  toy->xi = toy->rate = 0.05;
  toy->epochs = 5;
  toy->fit_length = 10;
  return toy;
}

/* Everything that plugins took must have been given back. */
static inline void
toy_free (Toy *toy)
{
  g_assert_cmpuint (toy->objects, ==, 0);
  g_clear_error (&toy->fit_error);
  g_string_free (toy->log, TRUE);
  g_hash_table_unref (toy->metric);
  g_hash_table_unref (toy->result);
  g_free (toy);
}

/* stores */
static inline void
toy_store_put (LodeStore *store, const char *name, uint32_t type, size_t n, const void *data)
{
  static const size_t size[] = { 0, 1, 4, 4, 8, 4, 8, 8 };
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) &type, sizeof type);
  g_byte_array_append (bytes, data, (guint) (n * size[type]));
  g_hash_table_insert (((ToyStore *) store)->at, g_strdup (name),
                       g_byte_array_free_to_bytes (bytes));
}

static inline bool
toy_store_get (const LodeStore *store, const char *name, uint32_t type, size_t n, void *data,
               GError **error)
{
  static const size_t size[] = { 0, 1, 4, 4, 8, 4, 8, 8 };
  GBytes *bytes = g_hash_table_lookup (((const ToyStore *) store)->at, name);
  gsize length = 0;
  const guint8 *at = bytes ? g_bytes_get_data (bytes, &length) : NULL;

  if (!at || length != sizeof type + n * size[type] || memcmp (at, &type, sizeof type)) {
    g_set_error (error, g_quark_from_static_string ("toy"), 0,
                 "no array %s of this type and length", name);
    return false;
  }
  if (n)
    memcpy (data, at + sizeof type, n * size[type]);
  return true;
}

static const LodeStoreCalls toy_store_calls = { .size = sizeof (LodeStoreCalls),
                                                .put = toy_store_put,
                                                .get = toy_store_get };

static inline ToyStore *
toy_store_new (void)
{
  ToyStore *store = g_new0 (ToyStore, 1);

  store->base.calls = &toy_store_calls;
  store->at =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  return store;
}

static inline void
toy_store_free (ToyStore *store)
{
  g_hash_table_unref (store->at);
  g_free (store);
}

/* What a real host saves beside the plugin's state: the weight and where the streams are. */
static inline void
toy_carry_over (Toy *to, const Toy *from)
{
  memcpy (to->known, from->known, sizeof to->known);
  memcpy (to->is_known, from->is_known, sizeof to->is_known);
  memcpy (to->best, from->best, sizeof to->best);
  to->best_value = from->best_value;
  if (from->net)
    to->net->own.w = from->net->own.w;
  for (size_t i = 0; i < G_N_ELEMENTS (to->stream); i++)
    if (from->stream[i])
      to->stream[i]->next = from->stream[i]->next;
}

#endif
