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
 * during the callback.  A signal may notify it there, but the release of a
 * lock or a semaphore passes it by; the thread tries again when the callback
 * has returned.  A handler that runs in the few instructions in which the
 * thread falls asleep or is woken may go unnoticed.  To keep these few, an
 * interruptible wait neither spins nor yields before it sleeps.  For the same
 * reason a thread that was woken for a lock, and finds it taken by another
 * thread, makes the callback before it sleeps again, even if no handler ran.
 *
 * Returns   0      go on waiting
 *           other  give up: the blocking call returns this value, unless
 *                  a wake-up had already been given; then it returns 0,
 *                  so that no wake-up is lost
 *
 * Left      it may be left by pthread_exit, cancellation or, where the library
 *           was compiled with -fexceptions (as its build does), a C++
 *           exception, but not by longjmp.  The callback, and what it calls,
 *           must have unwind tables.  On 32-bit ARM, MIPS and PowerPC a C
 *           compiler makes them only if it is told to (-funwind-tables or
 *           -fexceptions).  The wait has been given up by the time the
 *           caller's clean-up handlers or destructors run.  In a wait for a
 *           condition the lock is held again then, as POSIX asks of
 *           pthread_cond_wait, and a signal that had already notified the
 *           thread is consumed.  In a wait for a lock or a semaphore neither
 *           the lock nor a unit was taken.
 * Fork      it may call fork, and return in the child: the wait goes on
 *           there, or is given up.  The wait of a thread that had been
 *           notified returns 0, or ECANCELED at a barrier, whose round ends
 *           in the parent.  If an object needs ppt_*_after_fork, the child
 *           must call that before the callback returns.  The callback must
 *           not return in a child that was made by _Fork or a bare system
 *           call.  A signal handler must not return in any child.
 *
 * In place of a callback, NULL means: give up with EINTR at once.
 */
typedef int (*ppt_interrupt_fn)(void *arg);

/*
 * Whether the thread that last woke the calling thread from a wait in this
 * library ran on another CPU.  A hint: if it did, spinning for something else
 * that it holds and will soon let go of can pay; if it did not, spinning
 * cannot pay.  False if nothing is known.
 */
PPT_API bool ppt_woken_remotely(void);

#ifdef __cplusplus
}
#endif

#endif
