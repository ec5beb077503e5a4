/*
 * word64.h - numbers of 64 bits that threads read while one writes.
 *
 * A 32-bit processor may have no instruction for them, and libatomic would
 * take a lock: a fork, or a signal handler, in the midst of it would leave it
 * taken for good.  So there they go in two halves, and a reader beside the
 * writer may see a new half with an old one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_WORD64_H
#define PPT_WORD64_H

#include <stdint.h>

static inline uint64_t ppt__load64(const uint64_t *number)
{
    if (sizeof(void *) < sizeof *number)
        return *(const volatile uint64_t *)number;
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static inline void ppt__store64(uint64_t *number, uint64_t value)
{
    if (sizeof(void *) < sizeof *number)
        *(volatile uint64_t *)number = value;
    else
        __atomic_store_n(number, value, __ATOMIC_RELAXED);
}

#endif
