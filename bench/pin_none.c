/* SPDX-License-Identifier: MIT */
/* pin_none.c - for systems where a thread cannot choose its CPU. */
#include "driver.h"

bool cpu_is_permitted(int cpu)
{
    (void)cpu;
    return false;
}

bool pin_self(int cpu)
{
    (void)cpu;
    return false;
}
