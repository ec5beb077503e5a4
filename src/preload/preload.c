/*
 * preload.c - the functions of pthread_cond_t, for a program that cannot be
 * compiled again.
 *
 * Idea
 *   The dynamic linker finds these before the C library's (LD_PRELOAD), and
 *   they are the drop-in of ../pthread.c.  What ours cannot do is passed on
 *   to the C library: conditions that processes share.
 *
 * Invariants
 *   R1  Init decides whose a condition is, and nothing mixes them: the C
 *       library has those with its mark (mark.c), ours are all others.  The
 *       mark is in the condition itself, so that a process that merely
 *       mapped it knows, too, whether the one that made it was preloaded or
 *       not.
 *   R2  Nobody reads a condition, or writes to it, after the call into ours
 *       or the C library's: it may be gone.
 *   R3  Programs that were linked to the conditions of LinuxThreads, in
 *       which there is room for a pointer only, are not served here: the
 *       symbols have the version of the present ones where there are both
 *       (versions.map), and the dynamic linker goes by it.
 *
 * C11's cnd_t stays the C library's altogether: its functions call the C
 * library's conditions by names of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include "libc.h"
#include "pyplusthread/pthread.h"
#include "stats.h"

#define EXPORT __attribute__((visibility("default")))

static ppt_pthread_cond_t *ours(pthread_cond_t *cond)
{
    return (ppt_pthread_cond_t *)(void *)cond;
}

static bool passed_on(bool is_libcs)
{
    if (is_libcs)
        ppt__stats_count(PPT__PASSED_ON);
    return is_libcs;
}

/* R1 */
static bool is_libcs(const pthread_cond_t *cond)
{
    return passed_on(ppt__mark_is_on(ppt__libc_mark(), cond));
}

static bool is_to_be_libcs(const pthread_condattr_t *attr)
{
    int shared = PTHREAD_PROCESS_PRIVATE;

    if (attr != NULL)
        pthread_condattr_getpshared(attr, &shared);
    return passed_on(ppt__libc_mark().mask == 0
                     || shared != PTHREAD_PROCESS_PRIVATE);
}

static int ended(int result)
{
    if (result == ETIMEDOUT)
        ppt__stats_count(PPT__TIMEOUTS);
    return result;
}

EXPORT int pthread_cond_init(pthread_cond_t *cond,
                             const pthread_condattr_t *attr)
{
    if (is_to_be_libcs(attr))
        return ppt__libc(PPT__INIT).init(cond, attr);
    return ppt_pthread_cond_init(ours(cond), attr);
}

EXPORT int pthread_cond_destroy(pthread_cond_t *cond)
{
    if (is_libcs(cond))
        return ppt__libc(PPT__DESTROY).call(cond);
    return ppt_pthread_cond_destroy(ours(cond));
}

EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (is_libcs(cond))
        return ppt__libc(PPT__WAIT).wait(cond, mutex);
    ppt__stats_count(PPT__WAITS);
    return ppt_pthread_cond_wait(ours(cond), mutex);
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *cond,
                                  pthread_mutex_t *mutex,
                                  const struct timespec *abstime)
{
    if (is_libcs(cond))
        return ppt__libc(PPT__TIMEDWAIT).timedwait(cond, mutex, abstime);
    ppt__stats_count(PPT__WAITS);
    return ended(ppt_pthread_cond_timedwait(ours(cond), mutex, abstime));
}

EXPORT int pthread_cond_clockwait(pthread_cond_t *cond,
                                  pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *abstime)
{
    if (is_libcs(cond))
        return ppt__libc(PPT__CLOCKWAIT).clockwait(cond, mutex, clock,
                                                   abstime);
    ppt__stats_count(PPT__WAITS);
    return ended(ppt_pthread_cond_clockwait(ours(cond), mutex, clock,
                                            abstime));
}

EXPORT int pthread_cond_signal(pthread_cond_t *cond)
{
    if (is_libcs(cond))
        return ppt__libc(PPT__SIGNAL).call(cond);
    ppt__stats_count(PPT__SIGNALS);
    return ppt_pthread_cond_signal(ours(cond));
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (is_libcs(cond))
        return ppt__libc(PPT__BROADCAST).call(cond);
    ppt__stats_count(PPT__BROADCASTS);
    return ppt_pthread_cond_broadcast(ours(cond));
}
