/*
 * state.h - what all parts of the scheduler read in its state.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_GILSCHED_STATE_H
#define PPT_GILSCHED_STATE_H

#include <stddef.h>

#include "../wait/waitq.h"
#include "../wait/word64.h"
#include "account.h"

#define PATIENCE PPT_GILSCHED_PATIENCE_NS
#define BRIEF PPT_GILSCHED_BRIEF_NS

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define MILLION 1000000

/* Without the guard, others may read meanwhile. */
static inline void count(uint64_t *counter)
{
    ppt__store64(counter, *counter + 1);
}

static inline void add(int64_t *sum, int64_t length)
{
    ppt__store64((uint64_t *)sum, (uint64_t)(*sum + length));
}

static inline int64_t clock_of(const ppt_gilsched_t *sched)
{
    return sched->now != NULL ? sched->now() : ppt__now();
}

/* Of the calling thread. */
static inline uint64_t sleeps_of(const ppt_gilsched_t *sched)
{
    return sched->sleeps != NULL ? sched->sleeps() : ppt__sleeps();
}

static inline int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t slice_of(const ppt_gilsched_t *sched)
{
    if (sched->slice == 0)
        return PPT_GILSCHED_SLICE_NS;
    return sched->slice < HOUR_NS ? sched->slice : HOUR_NS;
}

static inline uint32_t share_of(const ppt_gilsched_t *sched)
{
    uint32_t share = __atomic_load_n(&sched->cpu_share, __ATOMIC_RELAXED);

    if (share == 0)
        return PPT_GILSCHED_CPU_SHARE;
    return share < MILLION ? share : MILLION - 1;
}

static inline ppt__waiter_t *waiter_of(ppt_gilsched_thread_t *thread)
{
    return (ppt__waiter_t *)&thread->waiter;
}

static inline ppt_waitq_t *queue_of(ppt_gilsched_t *sched,
                             const ppt_gilsched_thread_t *thread)
{
    return thread->cpu_bound ? &sched->cpu : &sched->io;
}

static inline bool anybody_waits(const ppt_gilsched_t *sched)
{
    return sched->io.head != NULL || sched->cpu.head != NULL;
}

/* Queued, or woken and not there yet. */
static inline bool cpu_bound_wait(const ppt_gilsched_t *sched)
{
    return sched->cpu.head != NULL
           || (sched->coming != NULL && sched->coming_is_cpu_bound);
}

/* CPU-bound threads are owed time, and go first. */
static inline bool repays(ppt_gilsched_t *sched)
{
    return ppt__account_repays(&sched->account, share_of(sched));
}

#endif
