/*
 * Without sem_clockwait (musl, older glibc): sem_timedwait knows only
 * CLOCK_REALTIME.  A clock that is set forward ends it early, so the
 * monotonic clock has the last word; one that is set back makes it late.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>

#include "../port.h"
#include "timed.h"

/* The time on CLOCK_REALTIME that lies ns ahead. */
static struct timespec realtime_after(int64_t ns)
{
    struct timespec now;
    int64_t at;

    clock_gettime(CLOCK_REALTIME, &now);
    at = now.tv_sec * PPT__NS_PER_S + now.tv_nsec;
    return ppt__timespec(ns < INT64_MAX - at ? at + ns : INT64_MAX);
}

int ppt__sem_timed(sem_t *sem, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - ppt__now();
        struct timespec at = realtime_after(left > 0 ? left : 0);

        if (sem_timedwait(sem, &at) == 0)
            return 0;
        if (errno != ETIMEDOUT || ppt__now() >= deadline)
            return errno;
    }
}
