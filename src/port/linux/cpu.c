/* SPDX-License-Identifier: MIT */
/* CPUs, as glibc and musl on Linux tell them. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../port.h"

/* A process's id is its first thread's, and is that even when it has ended. */
static int count_allowed(void)
{
    cpu_set_t mine, first;

    if (sched_getaffinity(0, sizeof mine, &mine) != 0)
        return CPU_SETSIZE; /* they do not fit: more than one */
    if (sched_getaffinity(getpid(), sizeof first, &first) == 0)
        CPU_OR(&mine, &mine, &first);
    return CPU_COUNT(&mine);
}

int ppt__cpus_allowed(void)
{
    int saved = errno;
    int count = count_allowed();

    errno = saved;
    return count;
}

int ppt__cpu(void)
{
    return sched_getcpu();
}

/* Nothing, in a sandbox that does not tell. */
static struct rusage usage_of_thread(void)
{
    struct rusage usage = { .ru_nvcsw = 0 };
    int saved = errno;

    getrusage(RUSAGE_THREAD, &usage);
    errno = saved;
    return usage;
}

uint64_t ppt__sleeps(void)
{
    return (uint64_t)usage_of_thread().ru_nvcsw;
}

uint64_t ppt__preemptions(void)
{
    return (uint64_t)usage_of_thread().ru_nivcsw;
}
