/*
 * wait.c - a wait in a queue, from its beginning to its end.
 *
 * waitq.c has the invariants.  A waiter whose wait ends without a wake-up
 * leaves the queue itself (I3), unless it was notified before (I1).
 *
 * SPDX-License-Identifier: MIT
 */
#include "wait.h"

#include <stddef.h>

bool ppt__waiter_start_cancel(ppt__waiter_t *waiter, ppt_waitq_t *queue)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);

    do {
        if (state & PPT__NOTIFIED)
            return false; /* I1 */
    } while (!__atomic_compare_exchange_n(&waiter->state, &state,
                                          state | PPT__CANCELLED, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    ppt__waitq_guard_to_cancel(queue);
    ppt__waitq_unlink(queue, waiter);
    return true;
}

void ppt__waitq_finish_cancel(ppt_waitq_t *queue)
{
    uint32_t draining = queue->draining;

    ppt__waitq_unguard(queue);
    if (draining) /* the queue may be gone; its address will do */
        ppt__word_wake(&queue->length);
}

bool ppt__waiter_cancel(ppt__waiter_t *waiter, ppt_waitq_t *queue)
{
    if (!ppt__waiter_start_cancel(waiter, queue))
        return false;
    ppt__waitq_finish_cancel(queue);
    return true;
}

void ppt__waiter_quit(ppt__waiter_t *waiter, ppt_waitq_t *queue)
{
    if (!ppt__waiter_cancel(waiter, queue))
        ppt__waiter_sleep_on(waiter);
}

void ppt__waiter_queue_again(ppt__waiter_t *waiter, ppt_waitq_t *queue)
{
    ppt__waiter_restart(waiter, false);
    ppt__waitq_guard(queue);
    ppt__waitq_push(queue, waiter);
    ppt__waitq_unguard(queue);
}

int ppt__waiter_wait(ppt__waiter_t *waiter, ppt_waitq_t *queue,
                     const ppt__wait_options_t *options)
{
    int result;

    while ((result = ppt__waiter_rest(waiter, options)) == 0
           && waiter->grant == PPT__GRANT_AGAIN)
        ppt__waiter_queue_again(waiter, queue);
    if (result == 0 || ppt__waiter_cancel(waiter, queue))
        return result;
    ppt__waiter_sleep_on(waiter);
    return 0;
}
