/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architectures of a backbone: its own answers where it gives them, the defaults of backbone.h
 * elsewhere. Everything here is [main].
 */
#ifndef LODE_CORE_ARCH_H
#define LODE_CORE_ARCH_H

#include <lode/backbone.h>

typedef struct LodeArchFamily {
  const LodeBackboneOps *ops;
  const LodeBackbone *backbone;
} LodeArchFamily;

static inline const LodeSpace *
lode_arch_space (const LodeArchFamily *family)
{
  return family->ops->space (family->backbone);
}

/* NULL, or what is wrong with a space that a backbone declares (transfer full): names (present,
 * without blanks or '=', each decision's and each option's once), 1 … 64 options, their sum. */
char *lode_space_check (const LodeSpace *);
/* Whether every byte of an architecture is an option of its decision. arch: [space.n] */
bool lode_arch_check (const LodeSpace *, const uint8_t *arch, GError **);

/* mix: [space.options]; mask: [space.n], NULL: all. Argmax over the masked options, the lowest
 * wins; an option whose weight is NaN never does. */
void lode_arch_derive (const LodeArchFamily *, const float *mix, const uint64_t *mask,
                       uint8_t *arch);
void lode_arch_sample (const LodeArchFamily *, uint8_t *arch, LodeRng *);
void lode_arch_repair (const LodeArchFamily *, uint8_t *arch, LodeRng *);
/* Canonical text (transfer full), by default "name=option …". */
char *lode_arch_text (const LodeArchFamily *, const uint8_t *arch);
/* The reverse; arch is written only if all of the text is understood. */
bool lode_arch_parse (const LodeArchFamily *, const char *text, uint8_t *arch, GError **);
char *lode_arch_canonical (const LodeArchFamily *, const uint8_t *arch);
/* Graphviz DOT (transfer full), by default a table of the decisions. */
char *lode_arch_picture (const LodeArchFamily *, const uint8_t *arch);

/* Multiply-adds of an architecture. false: it cannot be built. */
typedef bool (*LodeCostFunc) (void *data, const uint8_t *arch, uint64_t *macs);

/*
 * Expected multiply-adds under independent option probabilities: the backbone's own, or the
 * additive default: cost (b) + Σ_o prob_o (cost (b with o) − cost (b)) about one architecture b,
 * which records one network per option (lode_cost_expect in cost.h remembers them). Exact where
 * decisions do not change each other's cost. outputs: of the head. prob, dprob: [space.options],
 * either may be NULL; 0 where nothing can be built.
 */
double lode_arch_expect (const LodeArchFamily *, uint32_t outputs, const float *prob, float *dprob,
                         LodeCostFunc, void *data);

#endif
