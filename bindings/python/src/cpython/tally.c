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

void ppy_tally_add(ppy_tally_t *tally, int histogram, int64_t length)
{
    uint64_t ns = length > 0 ? (uint64_t)length : 0;

    tally->sums[histogram] += ns;
    if (ns > tally->longest[histogram])
        tally->longest[histogram] = ns;
    tally->buckets[histogram][bucket_of(ns)]++;
}

static void merge_histogram(ppy_tally_t *sum, const ppy_tally_t *part, int i)
{
    int bucket;

    sum->sums[i] += part->sums[i];
    if (part->longest[i] > sum->longest[i])
        sum->longest[i] = part->longest[i];
    for (bucket = 0; bucket < PPY_BUCKETS; bucket++)
        sum->buckets[i][bucket] += part->buckets[i][bucket];
}

void ppy_tally_merge(ppy_tally_t *sum, const ppy_tally_t *part)
{
    int i;

    for (i = 0; i < PPY_COUNTS; i++)
        sum->counts[i] += part->counts[i];
    for (i = 0; i < PPY_HISTOGRAMS; i++)
        merge_histogram(sum, part, i);
}
