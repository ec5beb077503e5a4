/*
 * waitq.h - the one mechanism: a FIFO of waiters, each asleep on its own
 * semaphore.  waitq.c has the idea, the invariants and the proof.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_WAITQ_H
#define PPT_WAITQ_H

#include <stdbool.h>
#include <stdint.h>

#include "fork.h"
#include "spin.h"
#include "waiter.h"

/*
 * The guard of a queue: held for a few instructions, never in a call out.
 * Whoever takes it finds a queue of this process.  True where that has just
 * been made empty, since what was in it was the parent's.
 */
bool ppt__waitq_guard(ppt_waitq_t *queue);

/* The same for a waiter that leaves, which changes nothing of the parent's. */
void ppt__waitq_guard_to_cancel(ppt_waitq_t *queue);
void ppt__waitq_unguard(ppt_waitq_t *queue);

/* With the guard held. */
void ppt__waitq_push(ppt_waitq_t *queue, ppt__waiter_t *waiter);
void ppt__waitq_push_front(ppt_waitq_t *queue, ppt__waiter_t *waiter);

/* In front of another one, which is queued; or behind all (NULL). */
void ppt__waitq_push_before(ppt_waitq_t *queue, ppt__waiter_t *waiter,
                            ppt__waiter_t *at);

/* Where its ticket says, in a queue that is in the order of tickets. */
void ppt__waitq_push_in_order(ppt_waitq_t *queue, ppt__waiter_t *waiter);

/* No effect on a waiter that a fork made void. */
void ppt__waitq_unlink(ppt_waitq_t *queue, ppt__waiter_t *waiter);

/* Add one that was notified to a list. */
void ppt__wake_list_append(ppt__wake_list_t *list, ppt__waiter_t *waiter);

/* How many have not left: at most length, counted one by one. */
int ppt__waitq_present(ppt_waitq_t *queue);

/*
 * Notify the first waiter that has not left, and unlink it; or NULL.  The
 * second form passes by those that are in a callback, too.
 */
ppt__waiter_t *ppt__waitq_pop(ppt_waitq_t *queue);
ppt__waiter_t *ppt__waitq_pop_ready(ppt_waitq_t *queue);

/*
 * Notify and unlink the first n (or all that there are), in order.  The second
 * form passes by those that are in a callback.
 */
ppt__wake_list_t ppt__waitq_take(ppt_waitq_t *queue, int n);
ppt__wake_list_t ppt__waitq_take_ready(ppt_waitq_t *queue, int n);

/*
 * Without the guard: how many wait, or are on their way out; stale at once.
 * It may be other than 0 where nobody waits, since a fork emptied the queue.
 */
static inline uint32_t ppt__waitq_length(const ppt_waitq_t *queue)
{
    return __atomic_load_n(&queue->length, __ATOMIC_RELAXED);
}

/* The same, without the parent's waiters. */
uint32_t ppt__waitq_waiting(const ppt_waitq_t *queue);

/*
 * Without the guard: 0 when nobody waits and none will touch queue any more;
 * EBUSY when somebody waits.
 */
int ppt__waitq_drain(ppt_waitq_t *queue);

#endif
