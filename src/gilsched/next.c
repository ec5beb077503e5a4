/*
 * next.c - which thread is woken for the lock.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "next.h"

#include "state.h"

/* S1, S4 */
bool ppt__gilsched_nobody_comes(const ppt_gilsched_t *sched, int64_t now)
{
    return sched->coming == NULL || now - sched->coming_since >= PATIENCE;
}

/*
 * The next CPU-bound thread has waited since a slice was over, and others come
 * all the time: it goes before them.  Else the first one, which is there
 * whenever one of these lets go of the lock, might never queue.
 */
bool ppt__gilsched_slice_is_due(const ppt_gilsched_t *sched, int64_t now)
{
    return sched->slice_over_at != 0
           && now - sched->slice_over_at >= PATIENCE;
}

static ppt_waitq_t *next_queue(ppt_gilsched_t *sched, int64_t now)
{
    if (sched->cpu.head == NULL)
        return &sched->io;
    if (sched->io.head == NULL || ppt__gilsched_slice_is_due(sched, now))
        return &sched->cpu;
    return repays(sched) ? &sched->cpu : &sched->io;
}

/* S9 */
static void expect(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                   int64_t now)
{
    sched->coming = thread;
    sched->coming_since = now;
    sched->coming_is_cpu_bound = thread->cpu_bound;
    sched->coming_served = thread->served;
    sched->coming_passed_since = thread->passed_since;
}

/* S1, S3 */
void *ppt__gilsched_notify_next(ppt_gilsched_t *sched, int64_t now)
{
    ppt_waitq_t *queue = next_queue(sched, now);
    ppt__waiter_t *waiter = NULL;

    if (ppt__gilsched_nobody_comes(sched, now))
        waiter = ppt__waitq_pop(queue);
    if (waiter == NULL)
        return NULL;
    expect(sched, (ppt_gilsched_thread_t *)waiter, now);
    count(&sched->stats.wakes);
    return ppt__waiter_give(waiter, PPT__GRANT_TURN);
}
