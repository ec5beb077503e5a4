/*
 * hold.c - having an interpreter's lock, and letting go of it.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "ask.h"

#include "class.h"
#include "next.h"
#include "state.h"

static void note_wait(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                      int64_t now)
{
    int64_t waited = now - thread->wanted_at;

    count(&sched->stats.waits);
    if (thread->cpu_bound) {
        count(&sched->stats.cpu_waits);
        add(&sched->stats.cpu_waited, waited);
    } else {
        add(&sched->stats.io_waited, waited);
    }
    thread->wanted_at = 0;
    thread->passed_since = 0;
}

/* S7: it was soon back, whether it has waited since then or not. */
static bool was_brief(const ppt_gilsched_thread_t *thread, int64_t now)
{
    int64_t back_at = thread->wanted_at != 0 ? thread->wanted_at : now;

    return !thread->cpu_bound && back_at - thread->let_go_at < BRIEF;
}

/* S5, where a request costs nothing. */
static void ask_at_once(ppt_gilsched_t *sched, int64_t now)
{
    if (sched->yields && sched->io.head != NULL
        && ppt__gilsched_interruptible_at(sched, now) <= now)
        ppt_gilsched_asked(sched);
}

/* Somebody waits, or waited, or a CPU-bound thread takes it. */
static PPT__SLOW void took_with_the_time(ppt_gilsched_t *sched,
                                         ppt_gilsched_thread_t *thread)
{
    int64_t now = ppt__gilsched_now(sched);

    if (thread->wanted_at == 0)
        ppt__gilsched_look_at_class(sched, thread, now);
    if (thread->cpu_bound) {
        ppt__account_want(&sched->account, thread->let_go_at, now);
        ppt__gilsched_join(sched, thread);
        sched->level = thread->served;
        if (!cpu_bound_wait(sched))
            thread->used = 0;
        if (thread->used < slice_of(sched))
            sched->slice_over_at = 0;
        ppt__account_take(&sched->account, now, now);
        sched->computes_since = now;
        sched->used = thread->used;
    }
    thread->brief = was_brief(thread, now);
    if (thread->wanted_at != 0)
        note_wait(sched, thread, now);
    sched->contended_since = anybody_waits(sched) ? now : 0;
    ask_at_once(sched, now);
}

void ppt_gilsched_took(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    count(&sched->stats.holds);
    __atomic_store_n(&sched->holder, thread, __ATOMIC_RELAXED); /* is read */
    sched->computes_since = sched->used = 0;
    sched->asked_at = 0;
    sched->contended_since = 0;
    sched->left_until = 0;
    if (thread->wanted_at != 0 || thread->cpu_bound || anybody_waits(sched)
        || sched->coming != NULL)
        took_with_the_time(sched, thread);
    sched->holder_is_brief = thread->brief;
    sched->holder_served = thread->served;
}

static void force_off(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                      int64_t since, int64_t now)
{
    count(&sched->stats.forced);
    thread->cpu_bound = true;
    thread->used = sched->used + now - since;
    thread->resumes = thread->used < slice_of(sched)
                      && !ppt__gilsched_leads(sched, thread);
    thread->let_go_at = now;
    ppt__gilsched_blocks(sched, thread, now);
    if (!thread->resumes && sched->slice_over_at == 0 && cpu_bound_wait(sched))
        sched->slice_over_at = now;
}

static void end_hold(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                     bool forced, int64_t now)
{
    int64_t since = sched->computes_since;
    bool known = thread->cpu_bound;

    thread->cpu_bound = false;
    thread->used = 0;
    if (since == 0)
        return;
    ppt__account_let_go(&sched->account, cpu_bound_wait(sched));
    add(&sched->stats.cpu_held, now - since);
    ppt__gilsched_serve(sched, thread, known, now - since);
    if (forced)
        force_off(sched, thread, since, now);
}

/* S7 */
static bool leaves_alone(ppt_gilsched_t *sched,
                         const ppt_gilsched_thread_t *thread, int64_t now)
{
    const ppt_gilsched_thread_t *first =
        (const ppt_gilsched_thread_t *)sched->cpu.head;

    return thread->brief && !thread->cpu_bound && sched->io.head == NULL
           && first != NULL && first->watches
           && !ppt__gilsched_slice_is_due(sched, now)
           && !repays(sched);
}

static PPT__SLOW void *let_go_with_the_time(ppt_gilsched_t *sched,
                                            ppt_gilsched_thread_t *thread)
{
    int64_t now = ppt__gilsched_now(sched);

    end_hold(sched, thread, sched->asked_at != 0 && !sched->yields, now);
    thread->let_go_at = now;
    sched->asked_at = 0;
    __atomic_store_n(&sched->holder, NULL, __ATOMIC_RELAXED);
    if (!leaves_alone(sched, thread, now))
        return ppt__gilsched_notify_next(sched, now);
    sched->left_until = now + BRIEF;
    return NULL;
}

void *ppt_gilsched_let_go(ppt_gilsched_t *sched,
                          ppt_gilsched_thread_t *thread)
{
    if (sched->computes_since != 0 || sched->contended_since != 0)
        return let_go_with_the_time(sched, thread);
    __atomic_store_n(&sched->holder, NULL, __ATOMIC_RELAXED);
    return NULL;
}

void *ppt_gilsched_yield(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                         bool slice_over)
{
    int64_t now = ppt__gilsched_now(sched);
    int64_t since = sched->contended_since;

    if (sched->computes_since == 0)
        ppt__gilsched_computes(sched, since != 0 ? since : now, now);
    if (slice_over)
        sched->used = slice_of(sched) - (now - sched->computes_since);
    end_hold(sched, thread, true, now);
    sched->asked_at = 0;
    __atomic_store_n(&sched->holder, NULL, __ATOMIC_RELAXED);
    return ppt__gilsched_notify_next(sched, now);
}
