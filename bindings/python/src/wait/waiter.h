/*
 * waiter.h - the waiters of a condition.  See waiter.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_WAITER_H
#define PPY_WAITER_H

#include <pyplusthread/cond.h>

#include "wait.h"

/* The threads that wait for a condition. */
typedef struct {
    ppt_cond_t cond;
    unsigned broadcasts;        /* atomic */
} ppy_waiters_t;

/* One of them. */
typedef struct {
    ppy_wait_t wait;
    ppt_waiter_t node;
    ppy_waiters_t *waiters;
    unsigned broadcasts;        /* of waiters, when it was queued */
} ppy_waiter_t;

/* Queue it: from here on a notify may reach it. */
void ppy_enqueue(ppy_waiter_t *waiter, ppy_waiters_t *waiters);

/*
 * Leave it.  A notification that it had got is passed on to the next, unless it
 * was for all who waited then.
 */
void ppy_give_up(ppy_waiter_t *waiter);

/*
 * Sleep, detached, until notified or until deadline.  The place is left.
 *
 * Returns   1   notified
 *           0   timed out
 *           -1  with an exception set: a handler's, or see ppy_may_wait; the
 *               place was given up
 */
int ppy_sleep(ppy_waiter_t *waiter, int64_t deadline);

/*
 * The whole wait of a thread that runs no handlers: let go of lock, which is
 * held, once detached, and sleep.  A notify on the CPU where it sleeps wakes it
 * when lock is released.  The lock is not held on return.
 *
 * Returns   1 or 0, as ppy_sleep
 *           -1  with a RuntimeError set: lock was not held any more
 */
int ppy_wait_with(ppy_waiters_t *waiters, ppt_lock_t *lock, int64_t deadline);

/*
 * The whole wait of a thread that takes lock, which is held, again by itself
 * when it is attached.  Unlike in the wait above no thread that is detached
 * holds it, for which others would let go of the GIL; and who notifies is to
 * do so without it.
 *
 * Returns   as ppy_sleep; lock is not held
 */
int ppy_wait_apart(ppy_waiters_t *waiters, ppt_lock_t *lock,
                   int64_t deadline);

/* Pass on a notify to the next, of the one whose place was left. */
void ppy_pass_on(const ppy_waiter_t *waiter);

/* Notify n who wait, or all.  By any thread.  Returns how many. */
int ppy_notify(ppy_waiters_t *waiters, int n);
int ppy_broadcast(ppy_waiters_t *waiters);

#endif
