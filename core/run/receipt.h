/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: what a job cost, in whichever process it was done, behind the bytes of its result.
 *
 * A job that was done here has been counted as it went; one that was done elsewhere is added to the
 * ledger when its result arrives. Examples and labels that several processes saw are counted once.
 */
#ifndef LODE_CORE_RECEIPT_H
#define LODE_CORE_RECEIPT_H

#include "run/host.h"

/* What the host had counted before a job. */
typedef struct LodeCounted {
  LodeLedger ledger;
  uint32_t labelled;
  uint8_t *seen; /* [n] */
  double booked, cpu;
} LodeCounted;

LodeCounted lode_receipt_begin (const LodeStageHost *);
/* The result (transfer full) with the receipt behind it, transfer full; clears what `begin` gave.
 * NULL stays NULL. */
GBytes *lode_receipt_end (const LodeStageHost *, LodeCounted *, GBytes *result);

/* The result without its receipt (transfer full); NULL with an error if there is none. */
GBytes *lode_receipt_strip (GBytes *, GError **);
/*
 * Adds a job of another process to the ledger. cost: what the job came to, here as there; its
 * `seen` is to be unref'd.
 */
bool lode_receipt_book (LodeStageHost *, GBytes *, LodeScoreCost *cost, GError **);

#endif
