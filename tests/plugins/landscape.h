/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A search space whose scores are a formula, and a host around it: 20 genes of 4 states,
 *
 *   f (s) = Σ_i ((7 i + 13 s_i) mod 17) / 17 + 0.5 · #{i < 19: (s_i + s_{i+1}) mod 4 = 0},
 *
 * largest 22.2941176471 (by dynamic programming). The host remembers scores as a run does, and an
 * architecture that is scored twice ends the test.
 */
#ifndef TEST_LANDSCAPE_H
#define TEST_LANDSCAPE_H

#include "family.h"

#include <math.h>

enum { LAND_GENES = 20, LAND_STATES = 4 };

typedef struct Land {
  LodeHost host; /* first */
  uint64_t seed;
  GHashTable *known; /* key → LodeScore * */
  uint8_t best[LAND_GENES];
  double value; /* of the best */
  uint32_t scored, asked;
  bool (*fails) (const uint8_t *arch); /* or NULL */
} Land;

static LodeDecision land_decisions[LAND_GENES];
static LodeSpace land_space;

static inline const LodeSpace *
land_get_space (void)
{
  static const char *const states[] = { "0", "1", "2", "3" };
  static char names[LAND_GENES][8];

  for (uint32_t i = 0; i < LAND_GENES; i++) {
    g_snprintf (names[i], sizeof names[i], "g%u", i);
    land_decisions[i] = (LodeDecision){ names[i], "gene", LAND_STATES, states, NULL, -1, -1 };
  }
  land_space = (LodeSpace){ sizeof land_space, sizeof *land_decisions, LAND_GENES,
                            LAND_GENES * LAND_STATES, land_decisions };
  return &land_space;
}

static inline double
land_gene (uint32_t i, uint32_t state)
{
  return (7 * i + 13 * state) % 17 / 17.0;
}

static inline double
land_value (const uint8_t *arch)
{
  double sum = 0;

  for (uint32_t i = 0; i < LAND_GENES; i++)
    sum +=
        land_gene (i, arch[i]) + (i + 1 < LAND_GENES && (arch[i] + arch[i + 1]) % 4 == 0 ? 0.5 : 0);
  return sum;
}

static inline Land *
land_of (const LodeHost *host)
{
  return (Land *) (uintptr_t) host;
}

static inline void
land_log (const LodeHost *host, uint32_t level, const char *text)
{
  (void) host;
  (void) level;
  g_test_message ("%s", text);
}

static inline void
land_metric (const LodeHost *host, const char *name, double value)
{
  (void) host;
  (void) name;
  g_assert_false (isnan (value));
}

static inline LodeRng
land_rng (const LodeHost *host, const char *name, uint64_t a, uint64_t b)
{
  LodeRng rng = { .key = land_of (host)->seed * UINT64_C (0x9E3779B97F4A7C15) + g_str_hash (name) };

  rng.key = lode_rng_bits (&rng) + a * UINT64_C (0xD1342543DE82EF95) + b;
  rng.n = 0;
  return rng;
}

static inline char *
land_key (const LodeHost *host, const uint8_t *arch)
{
  char *key = g_malloc (LAND_GENES + 1);

  (void) host;
  for (uint32_t i = 0; i < LAND_GENES; i++)
    key[i] = (char) ('0' + arch[i]);
  key[LAND_GENES] = 0;
  return key;
}

static inline void
land_sample (const LodeHost *host, uint8_t *arch, LodeRng *rng)
{
  (void) host;
  for (uint32_t i = 0; i < LAND_GENES; i++)
    arch[i] = (uint8_t) lode_rng_below (rng, LAND_STATES);
}

static inline void
land_repair (const LodeHost *host, uint8_t *arch, LodeRng *rng)
{
  (void) host;
  (void) rng;
  for (uint32_t i = 0; i < LAND_GENES; i++)
    g_assert_cmpuint (arch[i], <, LAND_STATES);
}

/* Multiply-adds: the sum of the states; weights: genes that are 3. */
static inline bool
land_cost (const LodeHost *host, const uint8_t *arch, uint64_t *macs, uint64_t *params,
           GError **error)
{
  (void) host;
  (void) error;
  *macs = *params = 0;
  for (uint32_t i = 0; i < LAND_GENES; i++) {
    *macs += arch[i];
    *params += arch[i] == 3;
  }
  return true;
}

static inline bool
land_known (const LodeHost *host, const uint8_t *arch, double fidelity, LodeScore *score)
{
  g_autofree char *key = land_key (host, arch);
  const LodeScore *found = g_hash_table_lookup (land_of (host)->known, key);

  g_assert_cmpfloat (fidelity, ==, 1);
  if (found && score)
    *score = *found;
  return found != NULL;
}

static inline LodeScore
land_score_one (Land *land, const uint8_t *arch)
{
  LodeScore score = { .size = sizeof score, .value = land_value (arch) };

  score.failed = land->fails && land->fails (arch);
  if (score.failed)
    score.value = -INFINITY;
  land->scored++;
  g_hash_table_insert (land->known, land_key (&land->host, arch), g_memdup2 (&score, sizeof score));
  if (score.value > land->value) {
    land->value = score.value;
    memcpy (land->best, arch, LAND_GENES);
  }
  return score;
}

static inline bool
land_score (const LodeHost *host, uint32_t n, const uint8_t *const *arch, double fidelity,
            LodeScore *score, GError **error)
{
  (void) error;
  for (uint32_t i = 0; i < n; i++) {
    g_assert_cmpuint (score[i].size, ==, sizeof *score);
    land_of (host)->asked++;
    if (!land_known (host, arch[i], fidelity, &score[i]))
      score[i] = land_score_one (land_of (host), arch[i]);
  }
  return true;
}

static inline bool
land_best (const LodeHost *host, uint8_t *arch, LodeScore *score)
{
  memcpy (arch, land_of (host)->best, LAND_GENES);
  return land_of (host)->scored > 0 && (!score || land_known (host, arch, 1, score));
}

static const LodeHostCalls land_calls = { .size = sizeof (LodeHostCalls),
                                          .log = land_log,
                                          .metric = land_metric,
                                          .rng = land_rng,
                                          .cost = land_cost,
                                          .sample = land_sample,
                                          .repair = land_repair,
                                          .arch_key = land_key,
                                          .score = land_score,
                                          .known = land_known,
                                          .best = land_best };

static inline Land *
land_new (uint64_t seed)
{
  Land *land = g_new0 (Land, 1);

  land->host =
      (LodeHost){ sizeof (LodeHost), LODE_ABI_MAJOR, LODE_ABI_MINOR, 0, &land_calls, NULL };
  land->seed = seed;
  land->value = -INFINITY;
  land->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return land;
}

static inline void
land_free (Land *land)
{
  g_hash_table_unref (land->known);
  g_free (land);
}

#endif
