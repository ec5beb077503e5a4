/*
 * timeline.h - when something was so, in a fixed number of bins.
 * See timeline.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_TIMELINE_H
#define PPY_TIMELINE_H

#include <stdint.h>

enum { PPY_BINS = 256 };

/* All zero is an empty one. */
typedef struct ppy_timeline {
    uint64_t widening;          /* a bin is 2 ** widening times as wide as at
                                   first */
    uint64_t bins[PPY_BINS];    /* ns */
} ppy_timeline_t;

/* ns of a bin, at first. */
#define PPY_BIN_NS (INT64_C(1) << 20)

/* It was so from then until then, both in ns since the beginning. */
void ppy_timeline_add(ppy_timeline_t *timeline, int64_t from, int64_t until);

/* Add all of part. */
void ppy_timeline_merge(ppy_timeline_t *sum, const ppy_timeline_t *part);

#endif
