/* CPUs, as glibc and musl on Linux tell them. */
#define _GNU_SOURCE
#include <sched.h>

#include "../port.h"

static int cpu_count = 1;

/*
 * Before main, and so before any thread pins itself: the mask is the one
 * that the process was started with.  More CPUs than fit in a cpu_set_t make
 * the call fail; that is more than one.
 */
__attribute__((constructor)) static void count_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cpu_count = CPU_COUNT(&set);
    else
        cpu_count = CPU_SETSIZE;
}

int ppt__cpu_count(void)
{
    return cpu_count;
}

int ppt__cpu(void)
{
    return sched_getcpu();
}
