/*
 * pyplusthread/cond.h - a condition variable without stolen or spurious
 * wake-ups.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_COND_H
#define PYPLUSTHREAD_COND_H

#include <stdbool.h>
#include <stdint.h>

#include "lock.h"
#include "time.h"
#include "version.h"
#include "waiter.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A condition variable: a FIFO of threads waiting to be signalled.
 *
 *     static ppt_lock_t lock = PPT_LOCK_INITIALIZER;
 *     static ppt_cond_t filled = PPT_COND_INITIALIZER;
 *     static int items;               // guarded by lock
 *
 *     ppt_lock_acquire(&lock, PPT_FOREVER);
 *     while (items == 0)
 *         ppt_cond_wait(&filled, &lock, PPT_FOREVER);
 *     items--;
 *     ppt_lock_release(&lock);
 *
 * Order     waiters are notified first come, first served.
 * Exact     signal_n(n) notifies min(n, waiters); a wait returns 0 if and
 *           only if it was notified.  There are no spurious wake-ups, and a
 *           later waiter cannot take a signal meant for an earlier one.
 * Locks     signals may be given with or without the lock held; one
 *           condition may be used with one lock after another, and even
 *           with several at once.  With a pthread_mutex_t see
 *           pyplusthread/pthread.h; with any other lock see
 *           ppt_cond_enqueue below.
 * Real time  a waiter that a signal has notified returns when its deadline
 *           passes, at the latest, even if the signaller does not get a CPU
 *           after its first wake-up: in a broadcast, one of the first 128.
 *           Not on the posix port, where it waits for the signaller; nor
 *           while the lock is held.
 * Not promised  that the notified waiters take the lock in FIFO order; use by
 *           several processes; use in a signal handler that interrupted a
 *           call on the same condition or lock.
 * Fork      in the child nobody waits: the parent's waiters are void there.
 *           After a fork that no handler of pthread_atfork hears of (_Fork,
 *           a bare system call) it must call ppt_cond_after_fork before
 *           anything else.
 */
typedef struct ppt_cond {
    ppt_waitq_t queue;
} ppt_cond_t;

/* A condition without waiters.  Memory that is all zero is one too. */
#define PPT_COND_INITIALIZER { PPT__WAITQ_INITIALIZER }

/* Make cond a condition without waiters.  Never fails; allocates nothing. */
PPT_API void ppt_cond_init(ppt_cond_t *cond);

/*
 * End the use of cond; its memory may then be freed or reused.  Legal right
 * after a broadcast, before the woken threads have run.
 *
 * Returns   0      cond may be freed, or used again as after init
 *           EBUSY  threads wait for it; nothing changed
 */
PPT_API int ppt_cond_destroy(ppt_cond_t *cond);

/*
 * Let go of lock, sleep until signalled or until deadline, take lock again.
 *
 * Requires  the caller holds lock.
 * Returns   0          a signal or broadcast notified this waiter
 *           ETIMEDOUT  deadline passed; no signal was consumed
 *           EPERM      nobody holds lock; nothing changed
 *           EINVAL     deadline is negative; nothing changed
 *           Whatever it returns, lock is held as before the call.
 * Orders    writes made before the signal are seen by the waiter it notified.
 */
PPT_API int ppt_cond_wait(ppt_cond_t *cond, ppt_lock_t *lock,
                          int64_t deadline);

/*
 * Let go of lock and sleep until signalled or until deadline; the caller does
 * not hold lock on return (as cv_wait_unlock in FreeBSD's kernel).  A waiter
 * that is signalled while lock is held is moved as in ppt_cond_wait, so that
 * the release of lock wakes it.
 *
 * For a thread that has to wait for something else before it takes lock again,
 * as for the lock of an interpreter: it does not keep others from lock
 * meanwhile.  This wait does not yield before it sleeps.  Other waits yield
 * the CPU a few times first, since the signaller may be next to run there; a
 * signaller that is a thread of an interpreter gives way by itself as soon as
 * it has released lock.
 *
 * Requires  the caller holds lock; lock must exist until the call returns.
 * Returns   0          a signal or broadcast notified this waiter
 *           ETIMEDOUT  deadline passed; no signal was consumed
 *           EPERM      nobody holds lock; nothing changed
 *           EINVAL     deadline is negative; nothing changed
 * Orders    writes made before the signal are seen by the waiter it notified.
 */
PPT_API int ppt_cond_wait_unlock(ppt_cond_t *cond, ppt_lock_t *lock,
                                 int64_t deadline);

/* The same, but it yields before it sleeps, as ppt_cond_wait does. */
PPT_API int ppt_cond_wait_unlock_yielding(ppt_cond_t *cond, ppt_lock_t *lock,
                                          int64_t deadline);

/*
 * As ppt_cond_wait, but a signal handler that runs meanwhile is followed by
 * on_interrupt(arg), which says whether to go on (waiter.h).  The callback
 * runs without lock; the thread keeps its place in the queue, and a signal
 * given meanwhile is kept.
 *
 * Returns   as ppt_cond_wait, or
 *           EINTR  on_interrupt is NULL and a signal handler ran
 *           other  what on_interrupt returned; no signal was consumed
 */
PPT_API int ppt_cond_wait_interruptible(ppt_cond_t *cond, ppt_lock_t *lock,
                                        int64_t deadline,
                                        ppt_interrupt_fn on_interrupt,
                                        void *arg);

/*
 * Notify the first waiter, the first n waiters, or all present waiters, and
 * wake them.  A waiter that sleeps on the caller's CPU, and whose ppt_lock_t
 * is held, is moved to that lock's queue, and woken when the lock is released
 * (wait morphing, as in nsync and Linux's FUTEX_REQUEUE).
 *
 * Returns   how many waiters were notified; n <= 0 notifies none
 * Orders    writes made before the call are seen by the waiters it notified.
 */
PPT_API int ppt_cond_signal(ppt_cond_t *cond);
PPT_API int ppt_cond_signal_n(ppt_cond_t *cond, int n);
PPT_API int ppt_cond_broadcast(ppt_cond_t *cond);

/*
 * The same for the waiter that came last: where any will do, as of the idle
 * threads of a pool, it may still spin, and its data are still in the cache.
 * Who came earlier waits for as long as this one is enough.
 */
PPT_API int ppt_cond_signal_last(ppt_cond_t *cond);

/* How many threads wait for cond; may be stale on return. */
PPT_API unsigned ppt_cond_waiting(const ppt_cond_t *cond);

/*
 * Whether the last waiter of cond that was woken slept, or spun, on another
 * CPU than its waker.  A hint: the next one is likely to do so, too, and to
 * come later, or awake.  False if nothing is known.
 */
PPT_API bool ppt_cond_wakes_remotely(const ppt_cond_t *cond);

/*
 * A wait in steps, for use with any lock at all: a spin lock, a lock of
 * another library, a Python object.
 *
 *     ppt_waiter_t waiter;
 *     ppt_cond_enqueue(&cond, &waiter);   // my lock is held
 *     my_unlock();
 *     r = ppt_cond_sleep(&cond, &waiter, PPT_FOREVER);
 *     my_lock();
 *
 * None of these yields before it sleeps, but for ppt_cond_sleep_yielding: see
 * ppt_cond_wait_unlock.
 *
 * enqueue takes a place in the queue: from now on signals may notify it.  A
 * signal by a thread that takes the lock after it was let go finds it there.
 * The wait is over when sleep has returned something other than EINTR, or
 * when cancel has returned; until then waiter and cond must stay in place.
 */
PPT_API void ppt_cond_enqueue(ppt_cond_t *cond, ppt_waiter_t *waiter);

/*
 * Sleep until waiter is notified or until deadline.
 *
 * Requires  waiter is enqueued on cond by the calling thread.
 * Returns   0          a signal or broadcast notified this waiter; wait over
 *           ETIMEDOUT  deadline passed; no signal was consumed; wait over
 *           EINTR      a signal handler ran; the place is kept: call sleep
 *                      again, or cancel
 *           EINVAL     deadline is negative; the place is kept
 */
PPT_API int ppt_cond_sleep(ppt_cond_t *cond, ppt_waiter_t *waiter,
                           int64_t deadline);

/*
 * As ppt_cond_enqueue and ppt_cond_sleep, for a thread that no signal handler
 * need interrupt: it may spin before it sleeps, as in ppt_cond_wait, and EINTR
 * is not returned.
 */
PPT_API void ppt_cond_enqueue_uninterruptible(ppt_cond_t *cond,
                                              ppt_waiter_t *waiter);
PPT_API int ppt_cond_sleep_uninterruptible(ppt_cond_t *cond,
                                           ppt_waiter_t *waiter,
                                           int64_t deadline);

/*
 * As ppt_cond_sleep_uninterruptible, but it may yield the CPU before it sleeps,
 * as ppt_cond_wait does: a few times, or, where it spins for long, until another
 * thread wants the CPU.
 */
PPT_API int ppt_cond_sleep_yielding(ppt_cond_t *cond, ppt_waiter_t *waiter,
                                    int64_t deadline);

/*
 * Give up the place in the queue.
 *
 * Requires  waiter is enqueued on cond by the calling thread.
 * Returns   0         the place was given up; no signal was consumed
 *           EALREADY  a signal had already notified waiter, and is consumed:
 *                     act on it, or pass it on with ppt_cond_signal
 */
PPT_API int ppt_cond_cancel(ppt_cond_t *cond, ppt_waiter_t *waiter);

/*
 * In the child of a fork: forget the parent's waiters, whatever state the
 * fork caught cond in.  Needed only after a fork as described above.
 */
PPT_API void ppt_cond_after_fork(ppt_cond_t *cond);

#ifdef __cplusplus
}
#endif

#endif
