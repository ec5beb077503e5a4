/*
 * tally.h - numbers about the holds and waits of a GIL, which can be added up.
 *
 * See tally.c.  The layout is known to pyplusthread/_stats.py: all are
 * numbers of 64 bits, in this order.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_TALLY_H
#define PPY_TALLY_H

#include <stdint.h>

/* Four buckets to each power of two nanoseconds, up to 36 minutes. */
enum { PPY_BUCKETS = 160 };

/* What is counted. */
enum {
    PPY_ACQUISITIONS,       /* times that the GIL was taken */
    PPY_FORCED,             /* times it was let go of, after a request */
    PPY_VOLUNTARY,          /* the same, without one */
    PPY_REQUESTS_MADE,
    PPY_REQUESTS_SUFFERED,
    PPY_HELD,               /* ns */
    PPY_WAITED,             /* ns */
    PPY_DELAYED,            /* ns that others waited while it was held */
    PPY_COUNTS
};

/* What has a histogram; _CPU: of a thread that was CPU-bound. */
enum {
    PPY_HOLD,
    PPY_HOLD_CPU,
    PPY_WAIT,
    PPY_WAIT_CPU,
    PPY_RESPONSE,           /* from the first request until the release */
    PPY_HISTOGRAMS
};

typedef struct ppy_histogram {
    uint64_t sum;               /* ns */
    uint64_t longest;           /* ns */
    uint64_t buckets[PPY_BUCKETS];
} ppy_histogram_t;

typedef struct ppy_tally {
    uint64_t counts[PPY_COUNTS];
    ppy_histogram_t histograms[PPY_HISTOGRAMS];
} ppy_tally_t;

/* Something took that many ns. */
void ppy_histogram_add(ppy_histogram_t *histogram, int64_t length);

/* Add all of part. */
void ppy_histogram_merge(ppy_histogram_t *sum, const ppy_histogram_t *part);

/* A hold, or a wait, took that many ns. */
static inline void ppy_tally_add(ppy_tally_t *tally, int histogram,
                                 int64_t length)
{
    ppy_histogram_add(&tally->histograms[histogram], length);
}

/* Add all of the numbers of part to those of sum. */
void ppy_tally_merge(ppy_tally_t *sum, const ppy_tally_t *part);

#endif
