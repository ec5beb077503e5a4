/* SPDX-License-Identifier: MIT */
/* A scheduler without an interpreter, and its events, for one thread. */
#ifndef GILSCHED_SUPPORT_H
#define GILSCHED_SUPPORT_H

#include "support.h"

#include <string.h>

#include "gilsim.h"

#define PATIENCE PPT_GILSCHED_PATIENCE_NS
#define SLICE PPT_GILSCHED_SLICE_NS
#define BRIEF PPT_GILSCHED_BRIEF_NS

static uint64_t slept;

static inline uint64_t times_slept(void)
{
    return slept;
}

/* Each test has a process of its own. */
static ppt_gilsched_t sched = { .now = sim_now, .sleeps = times_slept };
static ppt_gilsched_thread_t a, b, c;
static int64_t until;

static inline void pass(int64_t length)
{
    sim_clock += length;
}

static inline int want(ppt_gilsched_thread_t *thread)
{
    return ppt_gilsched_want(&sched, thread, &until);
}

static inline void sleeps(ppt_gilsched_thread_t *thread)
{
    ck_assert_int_eq(want(thread), PPT_GILSCHED_SLEEP);
}

/* It asks at once, and sleeps then. */
static inline void asks(ppt_gilsched_thread_t *thread)
{
    ck_assert_int_eq(want(thread), PPT_GILSCHED_ASK);
    ppt_gilsched_asked(&sched);
    sleeps(thread);
}

static inline void take(ppt_gilsched_thread_t *thread)
{
    ppt_gilsched_took(&sched, thread);
}

/* The thread that is woken, or NULL. */
static inline ppt_gilsched_thread_t *let_go(void)
{
    ppt_gilsched_thread_t *before = sched.coming;

    ppt_gilsched_wake(ppt_gilsched_let_go(&sched, sched.holder));
    return sched.coming != before ? sched.coming : NULL;
}

/* It was woken, and takes the free lock. */
static inline void comes(ppt_gilsched_thread_t *thread)
{
    ck_assert_int_eq(want(thread), PPT_GILSCHED_TAKE);
    take(thread);
}

/* Thread, which holds the lock, is CPU-bound then; other has waited for it. */
static inline void force_off(ppt_gilsched_thread_t *thread,
                             ppt_gilsched_thread_t *other)
{
    ck_assert_ptr_eq(sched.holder, thread);
    sleeps(other);
    pass(PATIENCE);
    asks(other);
    ck_assert_ptr_eq(let_go(), other);
    ck_assert(thread->cpu_bound);
}

/* A CPU-bound thread holds the lock, and nobody waits. */
static inline void compute(ppt_gilsched_thread_t *thread,
                           ppt_gilsched_thread_t *helper)
{
    take(thread);
    force_off(thread, helper);
    comes(helper);
    ck_assert_ptr_null(let_go());
    take(thread);
}

/* Whole programs */

#define COMPUTING { .hold = PPT_FOREVER }
#define BLOCKING(on, off) { .hold = (on), .block = (off) }

#define SAME_CPU (5 * US)
#define OTHER_CPU (30 * US)

static sim_t sim;
static bool yields; /* the interpreter's threads do */
static uint32_t cpu_share; /* in millionths; 0: by default */

static inline void simulate_with(int64_t latency, sim_thread_t *threads,
                                 int count, int64_t length)
{
    memset(&sim, 0, sizeof sim);
    sim.latency = latency;
    sim.sched.yields = yields;
    sim.sched.cpu_share = cpu_share;
    sim_start(&sim, threads, count);
    sim_run(&sim, length);
}

static inline void simulate(sim_thread_t *threads, int count,
                            int64_t length)
{
    simulate_with(OTHER_CPU, threads, count, length);
}

/* Thousandths of a second: a hold that goes on at the end is not in it. */
static inline int share(const sim_thread_t *threads, int count)
{
    int64_t sum = 0;
    int i;

    for (i = 0; i < count; i++)
        sum += threads[i].held;
    return (int)(sum / MS);
}

/* The least over the most, in percent. */
static inline int spread(const sim_thread_t *threads, int count)
{
    int64_t least = threads[0].held, most = least;
    int i;

    for (i = 1; i < count; i++) {
        least = threads[i].held < least ? threads[i].held : least;
        most = threads[i].held > most ? threads[i].held : most;
    }
    return (int)(100 * least / most);
}

#endif
