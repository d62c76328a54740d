/* SPDX-License-Identifier: Apache-2.0 */
#include "run/receipt.h"

#include "error.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* At the end of the bytes; before it the bits of examples seen, then of those among them whose
 * label was used. */
typedef struct Receipt {
  int64_t process; /* that counted it */
  uint64_t samples, macs, scores, distinct, labels, weights;
  uint64_t bits; /* bytes of either row of bits; 0: nothing new was seen */
  double cpu, booked;
  uint32_t roles, reserved;
} Receipt;

static double
cpu_time (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static uint32_t
pool_count (const LodeStageHost *host)
{
  return host->data ? lode_data_count (host->data, LODE_ROLE_WEIGHTS) : 0;
}

LodeCounted
lode_receipt_begin (const LodeStageHost *host)
{
  return (LodeCounted){ host->ledger, host->labelled,
                        host->data ? g_memdup2 (host->seen, (gsize) pool_count (host) + 1) : NULL,
                        host->booked, cpu_time () };
}

static void
add_bits (const LodeStageHost *host, const LodeCounted *before, Receipt *receipt, GByteArray *out)
{
  uint32_t n = pool_count (host);
  g_autofree uint8_t *bits = NULL;
  size_t row = n / 8 + 1;

  if (host->ledger.distinct == before->ledger.distinct || !before->seen)
    return;
  bits = g_new0 (uint8_t, 2 * row);
  for (uint32_t i = 0; i < n; i++)
    if (host->seen[i] && !before->seen[i]) {
      bits[i / 8] |= (uint8_t) (1 << (i % 8));
      bits[row + i / 8] |= (uint8_t) ((host->seen[i] == LODE_SEEN_LABEL) << (i % 8));
    }
  receipt->bits = row;
  g_byte_array_append (out, bits, (guint) (2 * row));
}

GBytes *
lode_receipt_end (const LodeStageHost *host, LodeCounted *before, GBytes *result)
{
  const LodeLedger *is = &host->ledger, *was = &before->ledger;
  Receipt receipt = { .process = getpid (),
                      .samples = is->samples - was->samples,
                      .macs = is->macs - was->macs,
                      .scores = is->scores - was->scores,
                      .distinct = is->distinct - was->distinct,
                      .labels = is->labels - was->labels,
                      .weights = host->weights,
                      .cpu = cpu_time () - before->cpu,
                      .booked = host->booked - before->booked,
                      .roles = host->labelled & ~before->labelled };
  GByteArray *out = result ? g_bytes_unref_to_array (result) : NULL;

  if (out) {
    add_bits (host, before, &receipt, out);
    g_byte_array_append (out, (const guint8 *) &receipt, sizeof receipt);
  }
  g_clear_pointer (&before->seen, g_free);
  return out ? g_byte_array_free_to_bytes (out) : NULL;
}

/* The receipt, and how many bytes the result has that stands before it. */
static bool
find (GBytes *bytes, Receipt *receipt, size_t *n, GError **error)
{
  gsize size;
  const uint8_t *data = g_bytes_get_data (bytes, &size);

  *n = 0;
  if (size >= sizeof *receipt) {
    memcpy (receipt, data + size - sizeof *receipt, sizeof *receipt);
    *n = size - sizeof *receipt;
    if (receipt->bits <= *n / 2) {
      *n -= 2 * receipt->bits;
      return true;
    }
  }
  g_set_error (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
      "a worker answered %zu bytes, which hold no receipt: it runs another version of lode",
      (size_t) size);
  return false;
}

GBytes *
lode_receipt_strip (GBytes *bytes, GError **error)
{
  Receipt receipt;
  size_t n;

  return find (bytes, &receipt, &n, error) ? g_bytes_new_from_bytes (bytes, 0, n) : NULL;
}

/* Examples that nobody had seen before, as the cost keeps them. */
static void
merge_seen (LodeStageHost *host, const uint8_t *bits, size_t row, LodeScoreCost *cost)
{
  uint32_t n = (uint32_t) MIN (pool_count (host), 8 * row);
  g_autofree uint8_t *fresh = g_new0 (uint8_t, row + 1);
  uint64_t before = host->ledger.distinct;

  for (uint32_t i = 0; i < n; i++) {
    bool labelled = bits[row + i / 8] >> (i % 8) & 1;

    if (host->seen[i] || !(bits[i / 8] >> (i % 8) & 1))
      continue;
    host->seen[i] = labelled ? LODE_SEEN_LABEL : LODE_SEEN_EXAMPLE;
    fresh[i / 8] |= (uint8_t) (1 << (i % 8));
    host->ledger.distinct++;
    host->ledger.labels += labelled;
  }
  if (host->ledger.distinct > before)
    cost->seen = g_bytes_new (fresh, row);
}

static void
merge (LodeStageHost *host, const Receipt *receipt, const uint8_t *bits, LodeScoreCost *cost)
{
  LodeLedger *ledger = &host->ledger;
  uint64_t labels = ledger->labels;
  uint32_t labelled = host->labelled;

  ledger->samples += receipt->samples;
  ledger->macs += receipt->macs;
  ledger->scores += receipt->scores;
  ledger->cpu += receipt->cpu;
  host->booked += receipt->booked;
  host->weights = MAX (host->weights, receipt->weights);
  for (uint32_t role = 0; role < 32; role++)
    if (receipt->roles >> role & 1)
      lode_host_count_labels (host, role);
  if (receipt->bits)
    merge_seen (host, bits, receipt->bits, cost);
  if (host->shared->plan)
    ledger->distinct = MAX (ledger->distinct, receipt->distinct);
  cost->labels = ledger->labels - labels;
  cost->roles = host->labelled & ~labelled;
}

bool
lode_receipt_book (LodeStageHost *host, GBytes *bytes, LodeScoreCost *cost, GError **error)
{
  const uint8_t *data = g_bytes_get_data (bytes, NULL);
  Receipt receipt;
  size_t n;

  *cost = (LodeScoreCost){ 0 };
  if (!find (bytes, &receipt, &n, error))
    return false;
  *cost = (LodeScoreCost){ .samples = receipt.samples,
                           .macs = receipt.macs,
                           .labels = receipt.labels,
                           .cpu = receipt.cpu,
                           .roles = receipt.roles };
  if (receipt.process != getpid ())
    merge (host, &receipt, data + n, cost);
  else if (receipt.bits)
    cost->seen = g_bytes_new (data + n, receipt.bits);
  return true;
}
