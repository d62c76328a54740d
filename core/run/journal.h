/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run writes down while it goes: metrics.jsonl with the ledger of costs, the book of scores.
 *
 * Files only grow. After a kill they may hold more than the checkpoint knows (or half a line); they
 * are cut back to where the checkpoint was, so that a resumed run writes the same lines again.
 */
#ifndef LODE_CORE_JOURNAL_H
#define LODE_CORE_JOURNAL_H

#include "exec/score.h"

/* The ledger: what has been spent so far. cpu and wall are measured, the rest is counted. */
typedef struct LodeLedger {
  uint64_t samples;  /* through a forward pass */
  uint64_t distinct; /* examples of the pool that a weights' pass has seen */
  uint64_t labels;   /* of the pool that were used */
  uint64_t macs;     /* multiply-adds: forward counts once, backward twice */
  uint64_t scores;   /* architectures scored */
  double cpu, wall;  /* seconds, over all resumptions */
  double simulated;  /* seconds that looked-up scores took when they were made */
} LodeLedger;

typedef struct LodeJournal LodeJournal;

/*
 * Opens (makes) a metrics.jsonl, path being the file's, and cuts it back to `position` bytes (0:
 * from the start). Errors: it is shorter, or that is not the end of a line: another file.
 */
LodeJournal *lode_journal_open (const char *path, uint64_t position, GError **);
void lode_journal_close (LodeJournal *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeJournal, lode_journal_close)
/*
 * Values collect until the line is written: one JSON object with stage, step, epoch, phase, the
 * ledger, and "values": { name: number }. The same name again replaces its value; a number that is
 * not finite is written as null. An empty collection writes nothing. A line that does not fit on
 * the disk is not there at all. stage and phase may be NULL.
 */
void lode_journal_value (LodeJournal *, const char *name, double value);
bool lode_journal_line (LodeJournal *, const char *stage, uint64_t step, double epoch,
                        const char *phase, const LodeLedger *, GError **);
/* Synced to disk; the position a checkpoint keeps. */
bool lode_journal_sync (LodeJournal *, uint64_t *position, GError **);

/* One series of a metrics.jsonl: all values of a name. */
typedef struct LodeSeries {
  char *stage, *name;
  uint32_t n;
  double *step, *epoch, *value; /* [n]; NaN where null */
} LodeSeries;
/* All series of a file, in order of first appearance (LodeSeries *, owned by the array); half a
 * last line is left out. */
GPtrArray *lode_journal_read (const char *path, GError **);

/*
 * The book of scores, scores.jsonl: one line a score (key, fidelity, id, value, seconds, macs,
 * params, failed; 17 digits). Scores are facts: they survive a kill behind the checkpoint and are
 * found again, so the book is never cut, but for half a last line. What is noted twice is found as
 * it was noted last; a score that failed or is not finite is failed with value -infinity.
 */
typedef struct LodeBook LodeBook;
LodeBook *lode_book_open (const char *path, GError **);
void lode_book_close (LodeBook *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeBook, lode_book_close)
LodeScoreBook lode_book_view (LodeBook *);   /* for LodeScorer; note() syncs before it returns */
uint32_t lode_book_count (const LodeBook *); /* pairs of key and fidelity */

/*
 * What a score took beside its time. A run that was killed behind its checkpoint finds the score
 * again instead of making it, and must not forget what it cost: such a line is owed to the ledger
 * until it is found for the first time.
 */
typedef struct LodeScoreCost {
  uint64_t samples, macs, labels;
  double cpu;     /* seconds of processors */
  uint32_t roles; /* bits: held-out splits whose labels it used first */
  GBytes *seen;   /* bits, one an example of the pool: those it saw first; NULL: none. Borrowed */
} LodeScoreCost;

/* As the view's note, with the cost. */
bool lode_book_note (LodeBook *, const char *key, double fidelity, uint64_t id, const LodeScore *,
                     const LodeScoreCost *, GError **);
/* The ledger knows the first `lines` lines: those read behind them are owed. */
void lode_book_owe (LodeBook *, uint64_t lines);
/* If that score is owed: its cost (valid as long as the book is open), now settled; else NULL. */
const LodeScoreCost *lode_book_settle (LodeBook *, const char *key, double fidelity);
/* Whether it is there and not owed. */
bool lode_book_known (const LodeBook *, const char *key, double fidelity, LodeScore *);
/* Lines are not synced one by one from here on, but by lode_book_sync: scores that were looked up.
 */
void lode_book_relax (LodeBook *);
bool lode_book_sync (LodeBook *, GError **);
/* Whether a score has not been charged yet, and that it now is: once each, over all resumptions. */
bool lode_book_unpaid (const LodeBook *, const char *key, double fidelity);
void lode_book_pay (LodeBook *, const char *key, double fidelity);
/* Lines that the ledger knows, for a checkpoint: they are asked for in the order they stand in. */
uint64_t lode_book_settled (const LodeBook *);

#endif
