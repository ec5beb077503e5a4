/*
 * pyplusthread/semaphore.h - a counting semaphore with timeouts.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_SEMAPHORE_H
#define PYPLUSTHREAD_SEMAPHORE_H

#include <stdint.h>

#include "time.h"
#include "version.h"
#include "waiter.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most units that a semaphore holds. */
#define PPT_SEMAPHORE_MAX UINT32_C(0x7fffffff)

/*
 * A number of units that threads take and put back, or that one thread makes
 * and another takes.  States: there are units and no thread waits, or there is
 * no unit and threads may wait.
 *
 *     static ppt_semaphore_t filled = PPT_SEMAPHORE_INITIALIZER(0);
 *     static ppt_semaphore_t empty = PPT_SEMAPHORE_INITIALIZER(1);
 *     static int item;                // the taker of a unit of empty writes
 *                                     // it, the taker of one of filled reads
 *     ppt_semaphore_acquire(&empty, PPT_FOREVER);
 *     item = make();
 *     ppt_semaphore_release(&filled, 1);
 *
 * One atomic instruction takes a unit and one releases it while nobody waits.
 * Orders    what threads did before they released units is seen by the
 *           threads that take these units.
 * Fairness  FIFO: a unit that is released goes to the first waiter, and a
 *           thread that comes later cannot take it.  A waiter that runs its
 *           callback is passed by, keeps its place, and takes a unit
 *           afterwards if one is there.
 * Real time  waiters are woken in FIFO order, not by priority.
 * Not promised  speed where many threads take units for moments only: a unit
 *           is not in use while its taker is being woken, so a ppt_lock_t,
 *           which a running thread may take first, is faster; use by several
 *           processes; use in a signal handler that interrupted a call on
 *           the same semaphore.
 * Fork      in the child nobody waits.  It must call ppt_semaphore_after_fork
 *           before anything else, unless the number of units at the fork is
 *           right for the child, too.
 */
typedef struct ppt_semaphore {
    uint32_t word;
    uint32_t start;
    ppt_waitq_t queue;
} ppt_semaphore_t;

/*
 * A semaphore with a constant number of units, PPT_SEMAPHORE_MAX at most.
 * Memory that is all zero is one without units.
 */
#define PPT_SEMAPHORE_INITIALIZER(units)                                    \
    { (units), (units), PPT__WAITQ_INITIALIZER }

/*
 * Make semaphore a semaphore with that many units.  Allocates nothing.
 *
 * Returns   0
 *           EINVAL  units is above PPT_SEMAPHORE_MAX; nothing changed
 */
PPT_API int ppt_semaphore_init(ppt_semaphore_t *semaphore, uint32_t units);

/*
 * End the use of semaphore, whatever number of units it has; its memory may
 * then be freed or reused, even while the thread that released the last unit
 * taken is still inside ppt_semaphore_release.
 *
 * Returns   0      semaphore may be freed, or used on
 *           EBUSY  threads wait for it, those included that run their
 *                  callbacks at the moment; nothing changed
 */
PPT_API int ppt_semaphore_destroy(ppt_semaphore_t *semaphore);

/*
 * Take a unit, sleeping until there is one or until deadline.
 *
 * Returns   0          the caller has a unit
 *           EBUSY      there is none, and deadline is PPT_TRY
 *           ETIMEDOUT  deadline passed; no unit was taken
 *           EINVAL     deadline is negative; nothing changed
 * Orders    acquires what the releases of units before it published.
 */
PPT_API int ppt_semaphore_acquire(ppt_semaphore_t *semaphore,
                                  int64_t deadline);

/*
 * As ppt_semaphore_acquire, but a signal handler that runs meanwhile is
 * followed by on_interrupt(arg), which says whether to go on (waiter.h).
 *
 * Returns   as ppt_semaphore_acquire, or
 *           EINTR  on_interrupt is NULL and a signal handler ran
 *           other  what on_interrupt returned; no unit was taken
 */
PPT_API int ppt_semaphore_acquire_interruptible(
    ppt_semaphore_t *semaphore, int64_t deadline,
    ppt_interrupt_fn on_interrupt, void *arg);

/*
 * Release units: each of the first waiters gets one, and the rest stays.
 * Any thread may call it, whether it has taken units or not.
 *
 * Returns   0          units were released; none for 0
 *           EOVERFLOW  there would be more than PPT_SEMAPHORE_MAX, or units
 *                      is above that; nothing changed
 * Orders    publishes all writes made before it to those who take the units.
 */
PPT_API int ppt_semaphore_release(ppt_semaphore_t *semaphore, uint32_t units);

/* How many units are there: 0 while threads wait; may be stale on return. */
PPT_API uint32_t ppt_semaphore_value(const ppt_semaphore_t *semaphore);

/*
 * How many threads wait for a unit, those included that run their callbacks;
 * may be stale on return.
 */
PPT_API unsigned ppt_semaphore_waiting(const ppt_semaphore_t *semaphore);

/*
 * In the child of a fork: give semaphore the units that it was made with, and
 * forget the parent's waiters, whatever state the fork caught it in.
 */
PPT_API void ppt_semaphore_after_fork(ppt_semaphore_t *semaphore);

#ifdef __cplusplus
}
#endif

#endif
