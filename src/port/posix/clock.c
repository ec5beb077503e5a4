/* SPDX-License-Identifier: MIT */
/* Time and giving way, as POSIX has them. */
#include <sched.h>
#include <time.h>

#include "../port.h"

int64_t ppt__now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void ppt__yield(void)
{
    sched_yield();
}
