/* SPDX-License-Identifier: MIT */
/* pin_linux.c - threads on chosen CPUs, with sched_setaffinity. */
#include <sched.h>

#include "driver.h"

bool cpu_is_permitted(int cpu)
{
    cpu_set_t set;

    return cpu >= 0 && cpu < CPU_SETSIZE
        && sched_getaffinity(0, sizeof set, &set) == 0
        && CPU_ISSET(cpu, &set);
}

bool pin_self(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}
