/*
 * acquire.h - taking and releasing a lock of the library.  See acquire.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_ACQUIRE_H
#define PPY_ACQUIRE_H

#include "../base/compat.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <pyplusthread/cond.h>
#include <pyplusthread/lock.h>
#include <pyplusthread/time.h>

#include "wait/word.h" /* of the library's sources */

/* All bits but those of a plain hold that nobody is queued for. */
#define PPY_NOT_PLAIN (~(uint32_t)(PPT__HELD | PPT__TURN | PPT__OWN))

/* What ppy_acquire does where it has to wait, or has to look twice. */
int ppy_acquire_held(ppt_lock_t *lock, int64_t timeout);

/*
 * Take lock, detached if it is held.  The timeout is in nanoseconds, PPT_TRY or
 * PPT_FOREVER.  A lock that is free costs no call and no look at the clock.
 *
 * Returns   0, EBUSY, ETIMEDOUT
 *           -1  with an exception set: a handler's, or see ppy_may_wait; lock
 *               was not taken
 */
static inline int ppy_acquire(ppt_lock_t *lock, int64_t timeout)
{
    if (ppt__word_take(&lock->word, PPT__HELD, 0, 0))
        return 0;
    return timeout == PPT_TRY
                   && !(ppt__word_load(&lock->word) & PPY_NOT_PLAIN)
               ? EBUSY
               : ppy_acquire_held(lock, timeout);
}

/* ppt_lock_locked, inline. */
static inline bool ppy_locked(const ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    return word & PPY_NOT_PLAIN ? ppt_lock_locked(lock) : word & PPT__HELD;
}

/*
 * Take lock, however long it takes.  What handlers raise meanwhile is set
 * when lock has been taken.
 *
 * Returns   0, or -1 with an exception set; lock was taken in both cases
 */
int ppy_acquire_whatever(ppt_lock_t *lock);

/* Wake one that waits for cond, by a thread that is attached. */
void ppy_wake_one(ppt_cond_t *cond, int (*signal)(ppt_cond_t *cond));

/* What ppy_release does where threads are queued for lock, or it is free. */
int ppy_release_queued(ppt_lock_t *lock);

/* ppt_lock_release by a thread that is attached. */
static inline int ppy_release(ppt_lock_t *lock)
{
    return ppt__word_free(&lock->word, PPY_NOT_PLAIN)
               ? 0
               : ppy_release_queued(lock);
}

/* The same, where threads are queued for lock, or it is free. */
int ppy_release_noted(ppt_lock_t *lock);

/* The same, for a moment's hold: it does not let go of the GIL. */
static inline int ppy_release_attached(ppt_lock_t *lock)
{
    return ppt__word_free(&lock->word, PPY_NOT_PLAIN)
               ? 0
               : ppy_release_noted(lock);
}

/* Set the exception of a release that is not due; returns -1. */
int ppy_not_locked(void);

#endif
