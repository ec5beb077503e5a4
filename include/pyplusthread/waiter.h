/*
 * pyplusthread/waiter.h - what the objects of this library have in common.
 *
 * Storage only: a queue of waiting threads, a waiter, and the callback of an
 * interruptible wait.  The layout is public so that objects can live in
 * static or stack memory; the fields are private.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_WAITER_H
#define PYPLUSTHREAD_WAITER_H

#include <stdbool.h>
#include <stdint.h>

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Private: whether to spin before sleeping, learnt from earlier waits. */
typedef struct ppt_hint {
    uint8_t waker;
    int8_t credit;
} ppt_hint_t;

/* Private: a FIFO of waiters.  All zero is an empty queue. */
typedef struct ppt_waitq {
    void *head;
    uint32_t guard;
    uint32_t length;
    ppt_hint_t hint;
    uint16_t draining;
    uint32_t born;
} ppt_waitq_t;

#define PPT__WAITQ_INITIALIZER { 0, 0, 0, { 0, 0 }, 0, 0 }

/*
 * One wait of one thread, in the caller's memory (usually its stack).
 * Needs no initialisation.  Must stay where it is until the wait is over.
 */
typedef struct ppt_waiter {
    uint64_t storage[16];
} ppt_waiter_t;

/*
 * Called by the interruptible form of a blocking call when a signal handler
 * has interrupted the thread, with SA_RESTART or without.  It runs without
 * the caller's lock and without any guard of this library, and may use the
 * library, on the same object too.  The thread keeps its place in the queue
 * meanwhile; a signal may notify it there, but the release of a lock or a
 * semaphore passes it by, and it looks itself when the callback has returned.
 * A handler that runs in the few instructions in which the thread falls
 * asleep or is woken may go unnoticed; so that these are few, an
 * interruptible wait neither spins nor yields before it sleeps.  For the same
 * reason a thread that was woken for a lock, and finds it taken by another,
 * calls it before it sleeps again, though no handler may have run.
 *
 * Returns   0      go on waiting
 *           other  give up: the blocking call returns this value, unless
 *                  a wake-up had already been given; then it returns 0,
 *                  so that no wake-up is lost
 *
 * Left      by pthread_exit, cancellation or, where the library was compiled
 *           with -fexceptions (as its build does), a C++ exception: the wait
 *           has been given up by the time the caller's clean-up handlers or
 *           destructors run.  At a condition the lock is held again then, as
 *           POSIX asks of pthread_cond_wait, and a signal that had already
 *           notified the thread is consumed; a lock is not held, and no unit
 *           of a semaphore taken.  Not by longjmp.
 * Fork      it may call fork, and return in the child: the wait goes on
 *           there, or is given up; one that had been notified returns 0, or
 *           ECANCELED at a barrier, whose round ends in the parent.  Objects
 *           that need ppt_*_after_fork are to be given it before that.  It
 *           must not return in a child that _Fork or a bare system call has
 *           made; a signal handler in none.
 *
 * In place of a callback, NULL means: give up with EINTR at once.
 */
typedef int (*ppt_interrupt_fn)(void *arg);

/*
 * Whether the calling thread, when it was last woken from a wait in this
 * library, was so by a thread on another CPU.  A hint: where it was, and
 * something else that the other holds is about to be free, spinning for that
 * can pay; where it was not, it cannot.  False if nothing is known.
 */
PPT_API bool ppt_woken_remotely(void);

#ifdef __cplusplus
}
#endif

#endif
