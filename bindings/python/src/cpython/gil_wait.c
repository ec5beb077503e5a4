/*
 * gil_wait.c - waiting for a GIL in the scheduler.
 *
 * Idea
 *   take_gil calls pthread_cond_timedwait again and again while the GIL is
 *   held: the thread waits in the scheduler instead, and returns where take_gil
 *   is to take the GIL, or to ask the holder.  A thread that finds the GIL free
 *   does not wait at all; but a CPU-bound thread that the scheduler does not
 *   let overtake others waits in pthread_mutex_lock.
 *
 *   The invariants are those of interposer.c and gils.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_wait.h"

#include "gil_mutex.h"
#include "thread.h"

#define NS_PER_S INT64_C(1000000000)
#define YEAR_NS (INT64_C(365) * 24 * 60 * 60 * NS_PER_S)

static int64_t until_by(clockid_t clock, const struct timespec *until)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (until->tv_sec - now.tv_sec) * NS_PER_S + until->tv_nsec
           - now.tv_nsec;
}

/*
 * What sys.setswitchinterval says, which CPython has just added to the
 * monotonic clock or, on some systems, to the time of day.
 */
static void learn_slice(ppt_gilsched_t *sched, const struct timespec *until)
{
    int64_t slice = until_by(CLOCK_MONOTONIC, until);

    if (slice > YEAR_NS)
        slice = until_by(CLOCK_REALTIME, until);
    sched->slice = slice > 0 ? slice : 1;
}

/* C6: without the mutex, which is held before and after. */
static void sleep_without(ppy_gil_t *gil, pthread_mutex_t *mutex,
                          int64_t until)
{
    ppy_gil_mutex_unlock(mutex);
    ppt_gilsched_sleep(&ppy_this.sched, until);
    ppy_gil_mutex_lock(gil, mutex);
    ppy_begin_event();
}

static void observe_want(ppy_gil_t *gil)
{
    if (ppy_gil_is_observed(gil))
        ppy_observe_want(&gil->observed, &ppy_this.observer,
                         ppy_holder_of(gil), ppy_event_time());
}

int ppy_gil_wait(ppy_gil_t *gil, pthread_mutex_t *mutex,
                 const struct timespec *limit)
{
    ppt_gilsched_t *sched = &gil->sched;
    uint64_t holds = sched->stats.holds;
    int64_t until;
    int next;

    learn_slice(sched, limit);
    while ((next = ppt_gilsched_want(sched, &ppy_this.sched, &until))
           == PPT_GILSCHED_SLEEP) {
        sleep_without(gil, mutex, until);
        observe_want(gil);
    }
    if (next == PPT_GILSCHED_TAKE || sched->stats.holds != holds)
        return 0; /* C1 */
    ppt_gilsched_asked(sched);
    return ETIMEDOUT;
}

/* G1: for a thread that may not use its GIL's scheduler, as it has no mutex. */
static const ppt_gilsched_t any_scheduler;

void ppy_gil_detained(void)
{
    ppt_gilsched_detained(&any_scheduler, &ppy_this.sched);
    if (ppy_observes())
        ppy_observe_detained(&ppy_this.observer, ppt_now());
}

/*
 * With the mutex held: take_gil would take the GIL if it is free, and does so
 * on return, or waits for it in the scheduler, where the thread is queued.
 */
static void leave_to_others(ppy_gil_t *gil, pthread_mutex_t *mutex)
{
    ppt_gilsched_t *sched = &gil->sched;
    int64_t until;

    ppy_begin_event();
    if (!ppy_gils_are_scheduled()
        || ppt_gilsched_may_overtake(sched, &ppy_this.sched))
        return;
    while (sched->holder == NULL
           && ppt_gilsched_want(sched, &ppy_this.sched, &until)
                  == PPT_GILSCHED_SLEEP) {
        observe_want(gil);
        sleep_without(gil, mutex, until);
    }
}

/*
 * The mutex may keep the thread for as long as something that blocks.  G1:
 * whose mutex it is may have changed until it is held.
 */
int ppy_gil_come_back(ppy_gil_t *gil, pthread_mutex_t *mutex)
{
    int result;

    ppt_gilsched_back(&any_scheduler, &ppy_this.sched);
    result = ppy_gil_mutex_lock(gil, mutex);
    gil = result == 0 ? ppy_gil_with_mutex(mutex) : NULL;
    if (gil != NULL && gil->sched.holder == NULL)
        leave_to_others(gil, mutex);
    return result;
}
