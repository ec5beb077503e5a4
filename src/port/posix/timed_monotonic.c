/* With sem_clockwait: glibc 2.30 and later. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "timed.h"

int ppt__sem_timed(sem_t *sem, int64_t deadline)
{
    struct timespec at = { .tv_sec = (time_t)(deadline / 1000000000),
                           .tv_nsec = (long)(deadline % 1000000000) };

    return sem_clockwait(sem, CLOCK_MONOTONIC, &at) == 0 ? 0 : errno;
}
