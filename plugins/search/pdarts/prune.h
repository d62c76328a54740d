/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the progressive search does between and within its stages (Chen et al. 2019, §3): dropout
 * behind skips, options that leave, skips that the last cell may have.
 */
#ifndef PDARTS_PRUNE_H
#define PDARTS_PRUNE_H

#include <lode/lode.h>

/* The rate behind skips in epoch `epoch` of `epochs`: it falls linearly while α waits, begins again
 * when α moves and falls exponentially. */
double pdarts_dropout (double first, uint64_t epoch, uint64_t epochs, uint64_t warmup);
/* Leaves of each decision the `keep` options of largest weight; of equals the later ones. mask:
 * [space.n], mix: [options] */
void pdarts_prune (const LodeSpace *, uint32_t keep, const float *mix, uint64_t *mask);
/*
 * The architecture that weights stand for, `none` aside, with at most `most` skips in a group of
 * decisions: the weakest skip that was kept is set to zero and the architecture derived again,
 * until it holds. group "": every group; most < 0: any number. mix: [options], changed
 */
void pdarts_derive (const LodeHost *, const LodeSpace *, const char *group, int64_t most,
                    const uint64_t *mask, float *mix, uint8_t *arch);

#endif
