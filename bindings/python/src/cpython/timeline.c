/*
 * timeline.c - when something was so, in a fixed number of bins.
 *
 * Idea
 *   The bins begin narrow.  When time goes past the last one, each two become
 *   one, and all are twice as wide from then on.  So the memory is bounded,
 *   nothing need be known of how long it will last, and the sum stays exact.
 *
 * SPDX-License-Identifier: MIT
 */
#include "timeline.h"

#include <stdbool.h>

static int64_t width(const ppy_timeline_t *timeline)
{
    return PPY_BIN_NS << timeline->widening;
}

static void widen(ppy_timeline_t *timeline)
{
    int i;

    for (i = 0; i < PPY_BINS / 2; i++)
        timeline->bins[i] = timeline->bins[2 * i] + timeline->bins[2 * i + 1];
    for (; i < PPY_BINS; i++)
        timeline->bins[i] = 0;
    timeline->widening++;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ppy_timeline_add(ppy_timeline_t *timeline, int64_t from, int64_t until)
{
    while (until > width(timeline) * PPY_BINS)
        widen(timeline);
    while (from < until) {
        int64_t bin = from / PPY_BIN_NS >> timeline->widening;
        int64_t end = earlier(until, (bin + 1) * width(timeline));

        timeline->bins[bin] += (uint64_t)(end - from);
        from = end;
    }
}

void ppy_timeline_merge(ppy_timeline_t *sum, const ppy_timeline_t *part)
{
    int i;

    while (sum->widening < part->widening)
        widen(sum);
    for (i = 0; i < PPY_BINS; i++)
        sum->bins[i >> (sum->widening - part->widening)] += part->bins[i];
}
