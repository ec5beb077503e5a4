/*
 * class.c - which threads are CPU-bound, and what each was served.
 * See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "class.h"

#include "state.h"

/* S8, in slices: what a thread is owed at most, and what a hold counts for. */
#define OWED_MOST 4
#define HELD_MOST 2

void ppt__gilsched_computes(ppt_gilsched_t *sched, int64_t since, int64_t now)
{
    ppt__account_want(&sched->account, since, now);
    ppt__account_take(&sched->account, since, now);
    sched->computes_since = since;
}

/* Others have waited for PATIENCE: the holder is CPU-bound. */
static void notice_holder(ppt_gilsched_t *sched, int64_t now)
{
    int64_t since = sched->contended_since;

    if (sched->holder != NULL && sched->computes_since == 0 && since != 0
        && now - since >= PATIENCE)
        ppt__gilsched_computes(sched, since, now);
}

int64_t ppt__gilsched_now(ppt_gilsched_t *sched)
{
    int64_t now = clock_of(sched);

    ppt__account_run(&sched->account, now);
    notice_holder(sched, now);
    return now;
}

void ppt__gilsched_blocks(const ppt_gilsched_t *sched,
                          ppt_gilsched_thread_t *thread, int64_t now)
{
    thread->blocked_at = now;
    thread->sleeps = sleeps_of(sched);
    thread->back = false;
}

/*
 * A thread that was asked to let go, and happened to do so for something that
 * blocks, is not CPU-bound.  One that only had no CPU is.
 */
void ppt__gilsched_look_at_class(const ppt_gilsched_t *sched,
                                 ppt_gilsched_thread_t *thread, int64_t now)
{
    if (!thread->cpu_bound || thread->back
        || now - thread->blocked_at <= PATIENCE
        || thread->sleeps == sleeps_of(sched))
        return;
    thread->cpu_bound = thread->resumes = false;
    thread->used = 0;
}

/* What the CPU-bound thread that is next has been served: if there is one. */
static int64_t next_served(const ppt_gilsched_t *sched)
{
    const ppt_gilsched_thread_t *first =
        (const ppt_gilsched_thread_t *)sched->cpu.head;

    return first != NULL ? first->served : sched->coming_served; /* S9 */
}

bool ppt__gilsched_leads(const ppt_gilsched_t *sched,
                         const ppt_gilsched_thread_t *thread)
{
    return thread->cpu_bound && cpu_bound_wait(sched)
           && thread->served - next_served(sched) >= slice_of(sched);
}

void ppt__gilsched_join(const ppt_gilsched_t *sched,
                        ppt_gilsched_thread_t *thread)
{
    int64_t least = sched->level - OWED_MOST * slice_of(sched);

    if (thread->served < least)
        thread->served = least;
}

void ppt__gilsched_serve(const ppt_gilsched_t *sched,
                         ppt_gilsched_thread_t *thread, bool known,
                         int64_t held)
{
    if (!known)
        thread->served = sched->level;
    thread->served += earlier(held, HELD_MOST * slice_of(sched));
}
