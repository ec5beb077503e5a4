/*
 * tally.c - numbers about the holds and waits of a GIL.
 *
 * Idea
 *   The buckets of a histogram are logarithmic, as those of HdrHistogram: the
 *   position of the highest bit and the two bits after it.  So a bucket is a
 *   quarter of its lower bound wide, histograms of any threads can be added
 *   up, and a number finds its bucket in a few instructions.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tally.h"

#define LAST (PPY_BUCKETS - 1)

static int bucket_of(uint64_t length)
{
    int high, bucket;

    if (length < 4)
        return (int)length;
    high = 63 - __builtin_clzll(length);
    bucket = (high - 1) * 4 + (int)(length >> (high - 2) & 3);
    return bucket < LAST ? bucket : LAST;
}

void ppy_histogram_add(ppy_histogram_t *histogram, int64_t length)
{
    uint64_t ns = length > 0 ? (uint64_t)length : 0;

    histogram->sum += ns;
    if (ns > histogram->longest)
        histogram->longest = ns;
    histogram->buckets[bucket_of(ns)]++;
}

void ppy_histogram_merge(ppy_histogram_t *sum, const ppy_histogram_t *part)
{
    int bucket;

    sum->sum += part->sum;
    if (part->longest > sum->longest)
        sum->longest = part->longest;
    for (bucket = 0; bucket < PPY_BUCKETS; bucket++)
        sum->buckets[bucket] += part->buckets[bucket];
}

void ppy_tally_merge(ppy_tally_t *sum, const ppy_tally_t *part)
{
    int i;

    for (i = 0; i < PPY_COUNTS; i++)
        sum->counts[i] += part->counts[i];
    for (i = 0; i < PPY_HISTOGRAMS; i++)
        ppy_histogram_merge(&sum->histograms[i], &part->histograms[i]);
}
