/* SPDX-License-Identifier: MIT */
/* With sem_clockwait: glibc 2.30 and later. */
#define _GNU_SOURCE
#include <errno.h>

#include "timed.h"

int ppt__sem_timed(sem_t *sem, int64_t deadline)
{
    struct timespec at = ppt__timespec(deadline);
    int result;

    do
        result = sem_clockwait(sem, CLOCK_MONOTONIC, &at) == 0 ? 0 : errno;
    while (result == ETIMEDOUT && at.tv_sec < deadline / PPT__NS_PER_S);
    return result;
}
