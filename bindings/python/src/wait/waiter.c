/*
 * waiter.c - the waiters of a condition.
 *
 * A place is taken, the lock is let go, and the thread sleeps: the library's
 * wait in steps.  So the main thread waits, which runs handlers, and whoever
 * has a lock that is not the library's.  Others leave it to the library to let
 * go of the lock; when they are notified, its release wakes them.  They are
 * attached without it: nobody shall wait for a lock whose holder waits for the
 * GIL.
 *
 * P1  A notify(n) that chose a place whose thread does not consume it, since
 *     a handler or a lock raised, is passed on to the next: none is lost.
 *     One that was for all who waited is not: whoever waits now came later.
 *
 * SPDX-License-Identifier: MIT
 */
#include "waiter.h"

#include <errno.h>
#include <limits.h>

#include "acquire.h"
#include "main_thread.h"

static unsigned broadcasts_of(ppy_waiters_t *waiters)
{
    return __atomic_load_n(&waiters->broadcasts, __ATOMIC_ACQUIRE);
}

int ppy_notify(ppy_waiters_t *waiters, int n)
{
    return ppt_cond_signal_n(&waiters->cond, n);
}

int ppy_broadcast(ppy_waiters_t *waiters)
{
    __atomic_fetch_add(&waiters->broadcasts, 1, __ATOMIC_ACQ_REL);
    return ppy_notify(waiters, INT_MAX);
}

void ppy_enqueue(ppy_waiter_t *waiter, ppy_waiters_t *waiters)
{
    waiter->waiters = waiters;
    waiter->broadcasts = broadcasts_of(waiters);
    ppy_wait_begin(&waiter->wait);
    ppt_cond_enqueue(&waiters->cond, &waiter->node);
}

void ppy_pass_on(const ppy_waiter_t *waiter)
{
    if (waiter->broadcasts == broadcasts_of(waiter->waiters))
        ppt_cond_signal(&waiter->waiters->cond); /* P1 */
}

static int cancel(ppy_waiter_t *waiter)
{
    return ppt_cond_cancel(&waiter->waiters->cond, &waiter->node);
}

void ppy_give_up(ppy_waiter_t *waiter)
{
    if (cancel(waiter) == EALREADY)
        ppy_pass_on(waiter);
}

static int sleep_detached(ppy_waiter_t *waiter, int64_t deadline)
{
    int result;

    ppy_detach(&waiter->wait);
    do
        result = ppt_cond_sleep(&waiter->waiters->cond, &waiter->node,
                                deadline);
    while (result == EINTR && !waiter->wait.runs_handlers);
    ppy_attach(&waiter->wait);
    return result;
}

int ppy_sleep(ppy_waiter_t *waiter, int64_t deadline)
{
    int result;

    if (deadline == PPT_TRY)
        return cancel(waiter) == EALREADY;
    if (!ppy_may_wait()) {
        ppy_give_up(waiter);
        return -1;
    }
    do {
        if (ppy_run_handlers() < 0) {
            ppy_give_up(waiter);
            return -1;
        }
        result = sleep_detached(waiter, deadline);
    } while (result == EINTR);
    return result == 0;
}

int ppy_wait_with(ppy_waiters_t *waiters, ppt_lock_t *lock, int64_t deadline)
{
    ppy_wait_t wait;
    int result;

    ppt_lock_make_transient(lock); /* W3 */
    ppy_detach(&wait);
    result = ppt_cond_wait_unlock(&waiters->cond, lock, deadline);
    ppy_attach(&wait);
    return result == EPERM ? ppy_not_locked() : result == 0;
}

static int wait_uninterruptibly(ppy_waiter_t *waiter, ppt_lock_t *lock,
                                int64_t deadline)
{
    ppt_cond_t *cond = &waiter->waiters->cond;
    int result;

    ppy_wait_begin(&waiter->wait);
    ppt_cond_enqueue_uninterruptible(cond, &waiter->node);
    ppt_lock_release(lock);
    ppy_detach(&waiter->wait);
    result = ppt_cond_sleep_uninterruptible(cond, &waiter->node, deadline);
    ppy_attach(&waiter->wait);
    return result == 0;
}

/* wait.c, W4 */
static int wait_on_heap(ppy_waiters_t *waiters, ppt_lock_t *lock,
                        int64_t deadline)
{
    ppy_waiter_t *waiter = PyMem_RawMalloc(sizeof(*waiter));
    int result;

    if (waiter != NULL)
        ppy_enqueue(waiter, waiters);
    ppt_lock_release(lock);
    if (waiter == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    result = ppy_sleep(waiter, deadline);
    PyMem_RawFree(waiter);
    return result;
}

int ppy_wait_apart(ppy_waiters_t *waiters, ppt_lock_t *lock, int64_t deadline)
{
    ppy_waiter_t waiter = { .waiters = waiters };

    if (ppy_is_main_thread())
        return wait_on_heap(waiters, lock, deadline);
    if (ppy_may_wait())
        return wait_uninterruptibly(&waiter, lock, deadline);
    ppt_lock_release(lock);
    return -1;
}
