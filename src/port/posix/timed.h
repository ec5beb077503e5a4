/* SPDX-License-Identifier: MIT */
/* The one part of the posix port that systems have in two ways. */
#ifndef PPT_PORT_TIMED_H
#define PPT_PORT_TIMED_H

#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#include "../deadline.h"

/* The time of deadline, or the last that a time_t holds. */
static inline struct timespec ppt__timespec(int64_t deadline)
{
    struct timespec at = { .tv_nsec = (long)(deadline % PPT__NS_PER_S) };

    at.tv_sec = (time_t)ppt__seconds(deadline, sizeof at.tv_sec);
    return at;
}

/*
 * sem_wait with a deadline on the monotonic clock.  Returns 0, EINTR, or
 * ETIMEDOUT not before the deadline.
 */
int ppt__sem_timed(sem_t *sem, int64_t deadline);

#endif
