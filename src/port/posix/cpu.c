/* SPDX-License-Identifier: MIT */
/* CPUs, as far as POSIX knows them: how many, not which. */
#include <errno.h>
#include <unistd.h>

#include "../port.h"

int ppt__cpus_allowed(void)
{
    int saved = errno;
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    errno = saved;
    return online > 0 ? (int)online : 1;
}

int ppt__cpu(void)
{
    return -1;
}

uint64_t ppt__sleeps(void)
{
    return 0;
}

uint64_t ppt__preemptions(void)
{
    return 0;
}
