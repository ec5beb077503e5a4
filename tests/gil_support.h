/* SPDX-License-Identifier: MIT */
/* Threads that share a gil: CPU-bound ones, and some that come for I/O. */
#ifndef GIL_SUPPORT_H
#define GIL_SUPPORT_H

#include "lockable.h"

static inline lockable_t of(ppt_gil_t *gil)
{
    lockable_t lockable = { &gil_kind, gil };

    return lockable;
}

#define ORDERED { .sched = { .now = standing_clock } }

/* A thread that becomes CPU-bound: it gives way once, and later ends */

typedef struct runner {
    worker_t worker;
    ppt_gil_t *gil;
    int holds;
    int *turn;
    int place;
    bool gave_way;
} runner_t;

static inline void run(void *arg)
{
    runner_t *runner = arg;

    ppt_gil_acquire(runner->gil, PPT_FOREVER);
    poke(&runner->holds, 1);
    while (!ppt_gil_should_yield(runner->gil))
        nap();
    runner->gave_way = ppt_gil_yield(runner->gil); /* to the test's thread */
    if (runner->turn != NULL)
        runner->place = (*runner->turn)++;
    ppt_gil_release(runner->gil);
}

/*
 * Take gil, which is free, with a CPU-bound thread waiting for it.  That one
 * has called yield once.  The clock stands, or the lock would go back to it
 * when this thread is slow to come.
 */
static inline void acquire_from(runner_t *runner, ppt_gil_t *gil)
{
    gil->sched.now = standing_clock;
    runner->gil = gil;
    worker_start(&runner->worker, run, runner);
    await(peek(&runner->holds));
    lockable_acquire(of(gil));
    await(ppt_gil_waiting(gil) == 1);
}

static inline void join_runner(runner_t *runner)
{
    worker_join(&runner->worker);
    ck_assert(runner->gave_way);
}

/* I/O threads that come again and again; CPU-bound ones that yield */

struct traffic {
    ppt_gil_t gil;
    int served[6];
    int members;
    int stop;
};

static inline void come_again_and_again(void *arg)
{
    struct traffic *traffic = arg;
    int me = bump(&traffic->members);

    while (!peek(&traffic->stop)) {
        ppt_gil_acquire(&traffic->gil, PPT_FOREVER);
        bump(&traffic->served[me]);
        ppt_gil_release(&traffic->gil);
    }
}

static inline void yield_until_stopped(void *arg)
{
    struct traffic *traffic = arg;

    ppt_gil_acquire(&traffic->gil, PPT_FOREVER);
    while (!peek(&traffic->stop))
        ppt_gil_yield(&traffic->gil);
    ppt_gil_release(&traffic->gil);
}

#endif
