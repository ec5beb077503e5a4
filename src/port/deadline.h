/* SPDX-License-Identifier: MIT */
/* deadline.h - a deadline's seconds, as the types of a system hold them. */
#ifndef PPT_PORT_DEADLINE_H
#define PPT_PORT_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

#define PPT__NS_PER_S INT64_C(1000000000)

/*
 * The whole seconds of deadline, or the most that a signed integer of size
 * bytes holds: a 32-bit time_t ends after 68 years, a deadline after 292.  A
 * sleep that ends at the lesser time has not timed out.
 */
static inline int64_t ppt__seconds(int64_t deadline, size_t size)
{
    int64_t most = (int64_t)(UINT64_MAX >> (65 - 8 * size));
    int64_t seconds = deadline / PPT__NS_PER_S;

    return seconds < most ? seconds : most;
}

#endif
