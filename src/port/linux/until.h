/*
 * until.h - a futex wait with a deadline, in the kernel's own types.
 *
 * A 32-bit system has two calls for it: SYS_futex, whose seconds have 32
 * bits, and since Linux 5.1 SYS_futex_time64.  The C library's struct
 * timespec may be that of either, as _TIME_BITS says: it is not used.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_PORT_UNTIL_H
#define PPT_PORT_UNTIL_H

#include <errno.h>
#include <linux/futex.h>
#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../deadline.h"

/*
 * What unwinds when a thread is cancelled in syscall(): the clean-up of
 * ThreadSanitizer (GCC 12) would run on a stack that is off by an argument.
 */
#define UNWINDS __attribute__((no_sanitize("thread")))

/*
 * Sleep on word while it is value, by operation (FUTEX_WAIT_BITSET...),
 * until deadline.  Returns 0, perhaps without reason, or an errno value.
 */
UNWINDS static inline int ppt__futex_until(uint32_t *word, int operation,
                                           uint32_t value, int64_t deadline)
{
    struct {
        __kernel_long_t seconds, ns;
    } at = { .ns = (__kernel_long_t)(deadline % PPT__NS_PER_S) };

#ifdef SYS_futex_time64
    struct {
        int64_t seconds, ns;
    } at64 = { deadline / PPT__NS_PER_S, deadline % PPT__NS_PER_S };

    if (syscall(SYS_futex_time64, word, operation, value, &at64, NULL,
                FUTEX_BITSET_MATCH_ANY) == 0)
        return 0;
    if (errno != ENOSYS)
        return errno;
#endif
    at.seconds = (__kernel_long_t)ppt__seconds(deadline, sizeof at.seconds);
    if (syscall(SYS_futex, word, operation, value, &at, NULL,
                FUTEX_BITSET_MATCH_ANY) == 0)
        return 0;
    if (errno == ETIMEDOUT && at.seconds < deadline / PPT__NS_PER_S)
        return 0;
    return errno;
}

#endif
