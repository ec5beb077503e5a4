/*
 * pyplusthread/waitq.h - what the objects of this library have in common.
 *
 * Storage only: a queue of waiting threads, a waiter, and the callback of an
 * interruptible wait.  The layout is public so that objects can live in
 * static or stack memory; the fields are private.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_WAITQ_H
#define PYPLUSTHREAD_WAITQ_H

#include <stdint.h>

/* A FIFO of waiters.  All zero is an empty queue.  Private. */
typedef struct ppt_waitq {
    void *head;
    uint32_t guard;
    uint32_t length;
    uint16_t near;
    int16_t credit;
    uint32_t draining;
} ppt_waitq_t;

/*
 * One wait of one thread, in the caller's memory (usually its stack).
 * Needs no initialisation.  Must stay where it is until the wait is over.
 */
typedef struct ppt_waiter {
    uint64_t storage[16];
} ppt_waiter_t;

/*
 * Called by the interruptible form of a blocking call when a signal handler
 * has interrupted the thread.  The thread keeps its place in the queue
 * meanwhile, and holds none of the library's internal guards: the callback
 * may use this library, on the same object too.
 *
 * Returns   0      go on waiting
 *           other  give up: the blocking call returns this value, unless
 *                  the wake-up had already been given; then it returns 0,
 *                  so that no wake-up is lost
 *
 * In place of a callback, NULL means: give up with EINTR at once.
 */
typedef int (*ppt_interrupt_fn)(void *arg);

#endif
