/*
 * pyplusthread/lock.h - a lock with timeouts.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_LOCK_H
#define PYPLUSTHREAD_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "time.h"
#include "version.h"
#include "waiter.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A lock that is not recursive and has no owner: free or held, and any
 * thread may release it (Python's threading.Lock; a binary semaphore).
 *
 *     static ppt_lock_t lock = PPT_LOCK_INITIALIZER;
 *     static long balance;            // guarded by lock
 *
 *     ppt_lock_acquire(&lock, PPT_FOREVER);
 *     balance += 10;
 *     ppt_lock_release(&lock);
 *
 * One atomic instruction takes it and one releases it while nobody waits.
 * Orders    what a thread did before it released the lock is seen by the
 *           thread that acquires it next.
 * Fairness  waiters queue in FIFO order, and keep their places while signal
 *           handlers and callbacks run.  A running thread may take a free
 *           lock before the waiter that was woken for it; the first waiter
 *           that is passed over four times, and for about a millisecond, is
 *           handed the lock.
 * Real time  waiters are woken in FIFO order, not by priority.  While a waiter
 *           that was woken does not get a CPU, no other waiter is woken.  A
 *           waiter whose deadline passes takes the lock if it is free then.
 *           A waiter of high priority without a deadline may wait for one of
 *           low priority that a third thread keeps from running.
 * Not promised  strict FIFO among acquirers; recursion; priority
 *           inheritance; use by several processes; use in a signal handler
 *           that interrupted a call on the same lock, or a signal on a
 *           condition whose waiters are going to take it.
 * Fork      in the child nobody waits: the parent's waiters are void there.
 *           A lock that is held stays held, unless the hold was transient,
 *           although its holder may not exist in the child.  The child may
 *           make it free with ppt_lock_after_fork, or keep it for itself
 *           with ppt_lock_keep_after_fork.  It must call one of these after
 *           a fork that runs no handlers of pthread_atfork (_Fork, a bare
 *           system call).
 *
 * Misaligned or NULL objects are the caller's fault, here and everywhere.
 * No call of this library is a cancellation point, except those of
 * pyplusthread/pthread.h that say so.
 */
typedef struct ppt_lock {
    uint32_t word;
    uint32_t tickets;
    ppt_waitq_t queue;
} ppt_lock_t;

/* A free lock.  Memory that is all zero is one too. */
#define PPT_LOCK_INITIALIZER { 0, 0, PPT__WAITQ_INITIALIZER }

/* Make lock a free lock.  Never fails; allocates nothing. */
PPT_API void ppt_lock_init(ppt_lock_t *lock);

/*
 * End the use of lock; its memory may then be freed or reused, even while
 * the thread that released it last is still inside ppt_lock_release.
 *
 * Returns   0      lock may be freed, or used again as after init
 *           EBUSY  it is held or waited for, also by a thread that runs its
 *                  callback at the moment; nothing changed
 */
PPT_API int ppt_lock_destroy(ppt_lock_t *lock);

/*
 * Take lock, sleeping until it is free or until deadline.
 *
 * Returns   0          the caller holds lock
 *           EBUSY      lock is held, and deadline is PPT_TRY
 *           ETIMEDOUT  deadline passed, and lock was not free then
 *           EINVAL     deadline is negative; nothing changed
 * Orders    acquires what the last release published.
 */
PPT_API int ppt_lock_acquire(ppt_lock_t *lock, int64_t deadline);

/*
 * As ppt_lock_acquire, but a signal handler that runs meanwhile is followed
 * by on_interrupt(arg), which says whether to go on (waiter.h).
 *
 * Returns   as ppt_lock_acquire, or
 *           EINTR  on_interrupt is NULL and a signal handler ran
 *           other  what on_interrupt returned; lock was not taken
 */
PPT_API int ppt_lock_acquire_interruptible(ppt_lock_t *lock,
                                           int64_t deadline,
                                           ppt_interrupt_fn on_interrupt,
                                           void *arg);

/*
 * Free lock and wake the first waiter, if any.  Any thread may call it.
 *
 * Requires  each time lock is acquired, one release follows.  Two that race
 *           to release the same hold may both return 0, and the second may
 *           free what another thread has acquired meanwhile.
 * Returns   0      lock was released
 *           EPERM  lock was free already; nothing changed
 * Orders    publishes all writes made before it to the next acquirer.
 */
PPT_API int ppt_lock_release(ppt_lock_t *lock);

/* Whether somebody holds lock: true or false may be stale on return. */
PPT_API bool ppt_lock_locked(const ppt_lock_t *lock);

/*
 * How many threads are queued for lock, those included that run their
 * callbacks; may be stale on return.
 */
PPT_API unsigned ppt_lock_waiting(const ppt_lock_t *lock);

/*
 * In the child of a fork: make lock free and forget the parent's waiters,
 * whatever state the fork caught it in.
 */
PPT_API void ppt_lock_after_fork(ppt_lock_t *lock);

/*
 * In the child of a fork: forget the parent's waiters.  The lock is held if
 * it was held when the fork was made, unless that hold was transient.
 */
PPT_API void ppt_lock_keep_after_fork(ppt_lock_t *lock);

/*
 * A transient hold ends with a fork: the child, in which the holder does not
 * exist, finds the lock free.  It is for a thread that holds the lock only
 * while it lets go of something else or waits for it, as in an interpreter
 * whose threads may fork at that time.
 *
 *     ppt_lock_make_transient(&lock);     // nobody can fork yet
 *     let_others_run();                   // who may fork
 *     ppt_lock_release(&lock);
 *
 *     ppt_lock_acquire_transient(&lock, PPT_FOREVER);
 *     wait_until_others_let_me_run();
 *     ppt_lock_settle(&lock);             // from here on it is held as usual
 *
 * ppt_cond_wait takes the lock again as it was held.
 *
 * make_transient  makes the hold transient; no effect on a free lock
 * acquire         as ppt_lock_acquire and ppt_lock_acquire_interruptible;
 *                 the callback may move the stack of its thread away, as
 *                 greenlets do, if waiter is elsewhere
 * settle          makes the hold a usual one; requires that the caller holds
 *                 lock, transiently or not
 */
PPT_API void ppt_lock_make_transient(ppt_lock_t *lock);
PPT_API int ppt_lock_acquire_transient(ppt_lock_t *lock, int64_t deadline);
PPT_API int ppt_lock_acquire_transient_interruptible(
    ppt_lock_t *lock, ppt_waiter_t *waiter, int64_t deadline,
    ppt_interrupt_fn on_interrupt, void *arg);
PPT_API void ppt_lock_settle(ppt_lock_t *lock);

#ifdef __cplusplus
}
#endif

#endif
