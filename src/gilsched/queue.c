/*
 * queue.c - the queues of those that want the lock.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "queue.h"

#include "state.h"

bool ppt__gilsched_was_notified(ppt_gilsched_thread_t *thread)
{
    return thread->queued
           && (__atomic_load_n(&waiter_of(thread)->state, __ATOMIC_RELAXED)
               & PPT__NOTIFIED);
}

/* The post has been given: S3. */
void ppt__gilsched_come(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                        int64_t now)
{
    if (!thread->woken)
        ppt__waiter_sleep_on(waiter_of(thread));
    ppt__waiter_end(waiter_of(thread));
    thread->queued = thread->woken = false;
    if (sched->coming == thread)
        sched->coming = NULL;
    if (thread->passed_since == 0)
        thread->passed_since = now;
    if (sched->holder != NULL)
        count(&sched->stats.vain_wakes);
}

void ppt__gilsched_leave(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    if (!thread->queued)
        return;
    ppt__waitq_unlink(queue_of(sched, thread), waiter_of(thread));
    ppt__waiter_end(waiter_of(thread));
    thread->queued = false;
}

/* For a holder that is likely to be short, or has been asked. */
static bool spins(ppt_gilsched_t *sched, const ppt_gilsched_thread_t *thread)
{
    if (thread->cpu_bound)
        return sched->yields && thread->resumes
               && ppt__spin_pays(&sched->cpu);
    return (sched->computes_since == 0 || sched->asked_at != 0)
           && ppt__spin_pays(&sched->io);
}

static void enqueue(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    ppt_waitq_t *queue = queue_of(sched, thread);
    ppt__waiter_t *waiter = waiter_of(thread);

    ppt__waiter_start(waiter, spins(sched, thread));
    waiter->yields = !thread->cpu_bound && sched->computes_since == 0;
    if (thread->returns ? thread->was_first
                        : thread->resumes || thread->passed_since != 0)
        ppt__waitq_push_front(queue, waiter);
    else
        ppt__waitq_push_before(queue, waiter, thread->behind); /* S6 */
    thread->resumes = thread->returns = false;
    thread->behind = NULL;
    thread->queued = true;
}

bool ppt__gilsched_keeps_time(ppt_gilsched_t *sched,
                              ppt_gilsched_thread_t *thread)
{
    ppt__waiter_t *first = queue_of(sched, thread)->head;

    return first->prev == waiter_of(thread); /* S2 */
}

void ppt__gilsched_leave_to_ask(ppt_gilsched_t *sched,
                                ppt_gilsched_thread_t *thread)
{
    if (!thread->queued)
        return;
    thread->returns = true;
    thread->was_first = queue_of(sched, thread)->head == waiter_of(thread);
    if (!ppt__gilsched_keeps_time(sched, thread))
        thread->behind = waiter_of(thread)->next;
    ppt__gilsched_leave(sched, thread);
}

/* Whether the holder, or who let go last, is likely to be back soon. */
static bool is_brief(const ppt_gilsched_t *sched)
{
    if (sched->holder == NULL)
        return sched->left_until != 0;
    return sched->holder_is_brief && sched->computes_since == 0;
}

/* S7 */
static void watch(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                  int64_t now)
{
    thread->watches = sched->io.head == NULL
                      && sched->cpu.head == waiter_of(thread)
                      && is_brief(sched);
    if (thread->watches && thread->passed_since == 0)
        thread->passed_since = now;
}

static int64_t longest_sleep(ppt_gilsched_t *sched,
                             ppt_gilsched_thread_t *thread)
{
    if (thread->watches)
        return BRIEF;
    if (thread->cpu_bound || !ppt__gilsched_keeps_time(sched, thread))
        return slice_of(sched);
    return PATIENCE;
}

int64_t ppt__gilsched_sleep_until(ppt_gilsched_t *sched,
                                  ppt_gilsched_thread_t *thread, int64_t at,
                                  int64_t now)
{
    int64_t limit;

    if (!thread->queued)
        enqueue(sched, thread);
    watch(sched, thread, now);
    limit = now + longest_sleep(sched, thread);
    return ppt__gilsched_keeps_time(sched, thread) ? earlier(at, limit) : limit;
}
