/*
 * stats.h - what the conditions of a process did: see stats.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_STATS_H
#define PPT_STATS_H

#include <stdbool.h>

enum {
    PPT__WAITS,
    PPT__SIGNALS,
    PPT__BROADCASTS,
    PPT__TIMEOUTS,
    PPT__SPINS,     /* waits that spun before they slept, and were woken */
    PPT__PASSED_ON, /* calls left to the C library */
    PPT__COUNTS
};

/* Whether anything is counted.  Decided when the library is loaded. */
extern bool ppt__stats_on;

void ppt__stats_add(int count);

static inline void ppt__stats_count(int count)
{
    if (__builtin_expect(ppt__stats_on, 0))
        ppt__stats_add(count);
}

#endif
