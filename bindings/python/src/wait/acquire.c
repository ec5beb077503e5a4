/*
 * acquire.c - taking and releasing a lock of the library.
 *
 * A lock that is free is taken attached.  Else the thread detaches, see
 * wait.c for W3 and W4.
 *
 * SPDX-License-Identifier: MIT
 */
#include "acquire.h"

#include "../cpython/interposer.h"
#include "contention.h"
#include "main_thread.h"
#include "wait.h"

/* What a thread needs that waits for a lock. */
typedef struct {
    ppy_wait_t wait;
    ppt_waiter_t waiter;
} attempt_t;

static int acquire_at(attempt_t *attempt, ppt_lock_t *lock, int64_t deadline,
                      bool keep_on)
{
    ppy_wait_t *wait = &attempt->wait;
    int64_t began = ppy_contention_begin(lock);
    int result;

    ppy_wait_begin(wait);
    wait->keep_on = keep_on;
    ppy_detach(wait);
    if (wait->runs_handlers)
        result = ppt_lock_acquire_transient_interruptible(
            lock, &attempt->waiter, deadline, ppy_on_interrupt, wait);
    else
        result = ppt_lock_acquire_transient(lock, deadline);
    if (began != 0)
        ppy_contention_end(lock, began, result == 0);
    ppy_attach(wait);
    if (result == 0)
        ppt_lock_settle(lock); /* W3 */
    if (!ppy_raise(wait))
        return result;
    if (result == 0 && !keep_on)
        ppt_lock_release(lock);
    return -1;
}

/*
 * W4.  Where there is no memory, a lock that must be taken is taken without.
 */
static int acquire_detached(ppt_lock_t *lock, int64_t deadline, bool keep_on)
{
    attempt_t on_stack, *attempt = &on_stack;
    int result;

    if (ppy_is_main_thread())
        attempt = PyMem_RawMalloc(sizeof(*attempt));
    if (attempt == NULL && !keep_on) {
        PyErr_NoMemory();
        return -1;
    }
    result = acquire_at(attempt != NULL ? attempt : &on_stack, lock, deadline,
                        keep_on);
    if (attempt != &on_stack)
        PyMem_RawFree(attempt);
    return result;
}

static int release_detached(ppt_lock_t *lock)
{
    ppy_wait_t wait;
    int result;

    ppt_lock_make_transient(lock); /* W3 */
    ppy_detach(&wait);
    result = ppt_lock_release(lock);
    ppy_attach(&wait);
    return result;
}

int ppy_release_noted(ppt_lock_t *lock)
{
    if (ppy_counts_locks())
        ppy_contention_release(lock);
    return ppt_lock_release(lock);
}

/* The thread that is woken finds the GIL free, if nobody else wants it. */
int ppy_release_queued(ppt_lock_t *lock)
{
    if (ppy_counts_locks())
        ppy_contention_release(lock);
    return ppt_lock_waiting(lock) > 0 && ppy_interposer_nobody_waits()
               ? release_detached(lock)
               : ppt_lock_release(lock);
}

/*
 * As ppy_release_queued: the thread that is woken finds the GIL free.  Not
 * for one on another CPU: it takes longer to come than this one to let go by
 * itself, or is awake, and the two would only meet.
 */
void ppy_wake_one(ppt_cond_t *cond, int (*signal)(ppt_cond_t *cond))
{
    ppy_wait_t wait;

    if (ppt_cond_wakes_remotely(cond) || !ppy_interposer_nobody_waits()) {
        signal(cond);
        return;
    }
    ppy_detach(&wait);
    signal(cond);
    ppy_attach(&wait);
}

int ppy_acquire_held(ppt_lock_t *lock, int64_t timeout)
{
    if (timeout == PPT_TRY)
        return ppt_lock_acquire(lock, PPT_TRY);
    if (!ppy_may_wait() || ppy_run_handlers() < 0)
        return -1;
    return acquire_detached(lock, ppt_deadline(timeout), false);
}

int ppy_acquire_whatever(ppt_lock_t *lock)
{
    if (ppt_lock_acquire(lock, PPT_TRY) == 0)
        return 0;
    return acquire_detached(lock, PPT_FOREVER, true);
}

int ppy_not_locked(void)
{
    PyErr_SetString(PyExc_RuntimeError, "release unlocked lock");
    return -1;
}
