/*
 * The interpreter is CPython: take is its take_gil, drop its drop_gil, with
 * the calls that the Python package turns into the scheduler's events.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gilsim.h"

#include <stddef.h>
#include <string.h>

int64_t sim_clock = INT64_C(1000000000); /* 0 is no time */

int64_t sim_now(void)
{
    return sim_clock;
}

static uint64_t sim_sleeps(void)
{
    return 0;
}

static void reschedule(sim_thread_t *thread, sim_state_t state, int64_t at)
{
    if (thread->state == SIM_ENDED)
        return;
    thread->state = state;
    thread->at = at;
}

/* As the memory of a thread that has ended may be anything. */
static void end(sim_thread_t *thread)
{
    memset(&thread->sched, 0xff, sizeof thread->sched);
    reschedule(thread, SIM_ENDED, PPT_FOREVER);
}

/* Whether it was the last time. */
static bool is_last(int *times)
{
    return *times > 0 && --*times == 0;
}

/* Whoever has the lock has seen a request by then. */
static void request(sim_t *sim)
{
    sim_thread_t *holder = (sim_thread_t *)sim->sched.holder;

    sim->requested = true;
    if (holder->at > sim_clock + SIM_CHECK_NS)
        holder->at = sim_clock + SIM_CHECK_NS;
}

/*
 * It may end between the scheduler's word and the request: CPython up to 3.13
 * ends threads there while it shuts down.  Returns whether it goes on.
 */
static bool ask(sim_t *sim, sim_thread_t *thread)
{
    bool heard = thread->call == sim->sched.stats.holds;

    if (heard)
        ppt_gilsched_asked(&sim->sched);
    if (is_last(&thread->asks)) {
        end(thread);
        return false;
    }
    if (heard)
        request(sim);
    thread->call = sim->sched.stats.holds;
    return true;
}

static void took(sim_t *sim, sim_thread_t *thread)
{
    int64_t waited = sim_clock - thread->since;

    sim->locked = true;
    sim->requested = false;
    ppt_gilsched_took(&sim->sched, &thread->sched);
    if (waited > thread->worst)
        thread->worst = waited;
    thread->since = sim_clock;
    reschedule(thread, SIM_HOLDS,
               thread->left == PPT_FOREVER ? PPT_FOREVER
                                           : sim_clock + thread->left);
    if (sim->detained != NULL && sim->detained != thread) {
        sim->detained->at = sim_clock + sim->latency;
        sim->detained = NULL;
    }
}

static bool may_take(sim_t *sim, const sim_thread_t *thread)
{
    return !sim->locked
           && ppt_gilsched_may_overtake(&sim->sched, &thread->sched);
}

/* It goes on a little later, or never. */
static void wake(sim_t *sim, sim_thread_t *thread)
{
    if (is_last(&thread->wakes))
        end(thread);
    else
        thread->at = sim_clock + sim->latency;
}

static void note_wake(sim_t *sim, const ppt_gilsched_thread_t *before)
{
    if (sim->sched.coming != NULL && sim->sched.coming != before)
        wake(sim, (sim_thread_t *)sim->sched.coming);
}

static int want(sim_t *sim, sim_thread_t *thread, int64_t *until)
{
    ppt_gilsched_thread_t *before = sim->sched.coming;
    int next = ppt_gilsched_want(&sim->sched, &thread->sched, until);

    note_wake(sim, before);
    return next;
}

/* take_gil, from where it looks at the lock. */
static void take(sim_t *sim, sim_thread_t *thread)
{
    int64_t until = 0;

    while (!may_take(sim, thread))
        switch (want(sim, thread, &until)) {
        case PPT_GILSCHED_TAKE:
            took(sim, thread);
            return;
        case PPT_GILSCHED_SLEEP:
            reschedule(thread, SIM_SLEEPS, until);
            return;
        case PPT_GILSCHED_ASK:
            if (!ask(sim, thread))
                return;
        }
    took(sim, thread);
}

static void begin(sim_t *sim, sim_thread_t *thread)
{
    thread->since = sim_clock;
    thread->call = sim->sched.stats.holds;
}

static void arrive(sim_t *sim, sim_thread_t *thread)
{
    begin(sim, thread);
    take(sim, thread);
}

/* A thread that sleeps in the scheduler looks again. */
static void look(sim_t *sim, sim_thread_t *thread)
{
    int64_t until = 0;
    int next = want(sim, thread, &until);

    if (next == PPT_GILSCHED_SLEEP)
        reschedule(thread, SIM_SLEEPS, until);
    else if (next == PPT_GILSCHED_TAKE)
        took(sim, thread);
    else if (ask(sim, thread))
        take(sim, thread);
}

static void let_go(sim_t *sim, sim_thread_t *thread, bool gives_way)
{
    ppt_gilsched_thread_t *before = sim->sched.coming;

    sim->locked = false;
    ppt_gilsched_wake(
        gives_way ? ppt_gilsched_yield(&sim->sched, &thread->sched, false)
                  : ppt_gilsched_let_go(&sim->sched, &thread->sched));
    note_wake(sim, before);
}

/* drop_gil */
static void drop(sim_t *sim, sim_thread_t *thread)
{
    int64_t held = sim_clock - thread->since;
    bool yields = sim->requested && sim->sched.yields;
    bool requested = sim->requested;
    bool over = thread->left != PPT_FOREVER && held >= thread->left;

    thread->held += held;
    thread->holds += over;
    if (over)
        thread->left = thread->hold;
    else if (thread->left != PPT_FOREVER)
        thread->left -= held;
    let_go(sim, thread, yields && !over);
    if (yields) {
        begin(sim, thread);
        look(sim, thread);
    } else if (requested) {
        sim->detained = thread;
        reschedule(thread, SIM_DETAINED, PPT_FOREVER);
    } else {
        reschedule(thread, SIM_BLOCKS, sim_clock + thread->block);
    }
}

static void step(sim_t *sim, sim_thread_t *thread)
{
    switch (thread->state) {
    case SIM_BLOCKS: arrive(sim, thread); break;
    case SIM_HOLDS: drop(sim, thread); break;
    case SIM_SLEEPS: look(sim, thread); break;
    case SIM_DETAINED:
        ppt_gilsched_detained(&sim->sched, &thread->sched);
        arrive(sim, thread);
        break;
    case SIM_ENDED: break;
    }
}

static sim_thread_t *next(sim_t *sim)
{
    sim_thread_t *first = &sim->threads[0];
    int i;

    for (i = 1; i < sim->count; i++)
        if (sim->threads[i].at < first->at)
            first = &sim->threads[i];
    return first;
}

void sim_start(sim_t *sim, sim_thread_t *threads, int count)
{
    int i;

    sim->sched.now = sim_now;
    sim->sched.sleeps = sim_sleeps;
    sim->threads = threads;
    sim->count = count;
    for (i = 0; i < count; i++) {
        threads[i].left = threads[i].hold;
        reschedule(&threads[i], SIM_BLOCKS, sim_clock + threads[i].start);
    }
}

void sim_run(sim_t *sim, int64_t length)
{
    int64_t end = sim_clock + length;

    for (;;) {
        sim_thread_t *thread = next(sim);

        if (thread->at > end)
            break;
        sim_clock = thread->at;
        step(sim, thread);
    }
    sim_clock = end;
}
