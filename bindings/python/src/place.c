/*
 * place.c - places in the queue of a condition.
 *
 * A place is taken, the lock is let go, and the thread sleeps: the library's
 * wait in steps.  So the main thread waits, which runs handlers, and whoever
 * has a lock that is not the library's.  Others leave the lock to the library
 * too, which then moves them to its queue when they are notified.  They get
 * it before they are attached, and let it go again: nobody shall wait for a
 * lock whose holder waits for the GIL.
 *
 * P1  A notify(n) that chose a place whose thread does not consume it, since
 *     a handler or a lock raised, is passed on to the next: none is lost.
 *     One that was for all who waited is not: whoever waits now came later.
 */
#include "core.h"

#include <errno.h>
#include <limits.h>

static unsigned broadcasts_of(ppy_condition_t *condition)
{
    return __atomic_load_n(&condition->broadcasts, __ATOMIC_ACQUIRE);
}

int ppy_notify(ppy_condition_t *condition, int n)
{
    return ppt_cond_signal_n(&condition->cond, n);
}

int ppy_broadcast(ppy_condition_t *condition)
{
    __atomic_fetch_add(&condition->broadcasts, 1, __ATOMIC_ACQ_REL);
    return ppy_notify(condition, INT_MAX);
}

void ppy_enqueue(ppy_place_t *place, ppy_condition_t *condition)
{
    place->condition = condition;
    place->broadcasts = broadcasts_of(condition);
    ppy_wait_begin(&place->wait);
    ppt_cond_enqueue(&condition->cond, &place->waiter);
}

void ppy_pass_on(const ppy_place_t *place)
{
    if (place->broadcasts == broadcasts_of(place->condition))
        ppt_cond_signal(&place->condition->cond); /* P1 */
}

static int cancel(ppy_place_t *place)
{
    return ppt_cond_cancel(&place->condition->cond, &place->waiter);
}

void ppy_give_up(ppy_place_t *place)
{
    if (cancel(place) == EALREADY)
        ppy_pass_on(place);
}

static int sleep_detached(ppy_place_t *place, int64_t deadline)
{
    int result;

    ppy_detach(&place->wait);
    do
        result = ppt_cond_sleep(&place->condition->cond, &place->waiter,
                                deadline);
    while (result == EINTR && !place->wait.runs_handlers);
    ppy_attach(&place->wait);
    return result;
}

int ppy_sleep(ppy_place_t *place, int64_t deadline)
{
    int result;

    if (deadline == PPT_TRY)
        return cancel(place) == EALREADY;
    if (!ppy_may_wait()) {
        ppy_give_up(place);
        return -1;
    }
    do {
        if (ppy_run_handlers() < 0) {
            ppy_give_up(place);
            return -1;
        }
        result = sleep_detached(place, deadline);
    } while (result == EINTR);
    return result == 0;
}

int ppy_wait_with(ppy_place_t *place, ppy_condition_t *condition,
                  ppt_lock_t *lock, int64_t deadline)
{
    int result;

    place->condition = condition;
    ppy_wait_begin(&place->wait);
    ppt_lock_make_transient(lock); /* W3 */
    ppy_detach(&place->wait);
    result = ppt_cond_wait_unyielding(&condition->cond, lock, deadline);
    if (result != EPERM)
        ppt_lock_release(lock);
    ppy_attach(&place->wait);
    return result == EPERM ? ppy_not_locked() : result == 0;
}

static int wait_uninterruptibly(ppy_place_t *place, ppt_lock_t *lock,
                                int64_t deadline)
{
    ppt_cond_t *cond = &place->condition->cond;
    int result;

    ppy_wait_begin(&place->wait);
    ppt_cond_enqueue_uninterruptible(cond, &place->waiter);
    ppt_lock_release(lock);
    ppy_detach(&place->wait);
    result = ppt_cond_sleep_uninterruptible(cond, &place->waiter, deadline);
    ppy_attach(&place->wait);
    return result == 0;
}

/* wait.c, W4 */
static int wait_on_heap(ppy_condition_t *condition, ppt_lock_t *lock,
                        int64_t deadline)
{
    ppy_place_t *place = PyMem_RawMalloc(sizeof(*place));
    int result;

    if (place != NULL)
        ppy_enqueue(place, condition);
    ppt_lock_release(lock);
    if (place == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    result = ppy_sleep(place, deadline);
    PyMem_RawFree(place);
    return result;
}

int ppy_wait_apart(ppy_condition_t *condition, ppt_lock_t *lock,
                   int64_t deadline)
{
    ppy_place_t place = { .condition = condition };

    if (ppy_is_main_thread())
        return wait_on_heap(condition, lock, deadline);
    if (ppy_may_wait())
        return wait_uninterruptibly(&place, lock, deadline);
    ppt_lock_release(lock);
    return -1;
}
