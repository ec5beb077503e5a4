/*
 * want.c - wanting an interpreter's lock.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "ask.h"

#include "class.h"
#include "next.h"
#include "queue.h"
#include "state.h"

static void arrive(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                   int64_t now)
{
    ppt__gilsched_look_at_class(sched, thread, now);
    thread->wanted_at = now;
    if (!thread->cpu_bound)
        return;
    ppt__account_want(&sched->account, thread->let_go_at, now);
    ppt__gilsched_join(sched, thread);
    if (!thread->resumes)
        thread->used = 0;
}

/* S7 */
static bool is_left(const ppt_gilsched_t *sched,
                    const ppt_gilsched_thread_t *thread, int64_t now)
{
    return thread->cpu_bound && sched->io.head == NULL
           && now < sched->left_until;
}

/* One asks; if that was not heard, all do: S2.  Or the one that is awake. */
static bool may_ask(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    return !thread->queued || ppt__gilsched_keeps_time(sched, thread)
           || thread->watches || sched->asked_at != 0;
}

/* The lock is held. */
static int wait_or_ask(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                       int64_t now, int64_t *until)
{
    int64_t at = ppt__gilsched_ask_at(sched, thread, now);

    if (at <= now && may_ask(sched, thread)) {
        ppt__gilsched_leave_to_ask(sched, thread);
        return PPT_GILSCHED_ASK;
    }
    *until = ppt__gilsched_sleep_until(sched, thread, at, now);
    return PPT_GILSCHED_SLEEP;
}

/* S8: the lock is free, but for another.  S1: that one is woken. */
static int leave_to_others(ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread, int64_t now,
                           int64_t *until)
{
    thread->resumes = false;
    thread->passed_since = 0;
    *until = ppt__gilsched_sleep_until(sched, thread, PPT_FOREVER, now);
    ppt_gilsched_wake(ppt__gilsched_notify_next(sched, now));
    return PPT_GILSCHED_SLEEP;
}

/*
 * The lock is free.  S4: if the one that was woken does not come, the next
 * one is; in turn, whoever finds it so.
 */
static int take_or_wait(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                        int64_t now, int64_t *until)
{
    bool left = is_left(sched, thread, now);
    int64_t until_left;

    if (ppt__gilsched_leads(sched, thread))
        return leave_to_others(sched, thread, now, until);
    if (thread->queued && !left)
        ppt_gilsched_wake(ppt__gilsched_notify_next(sched, now));
    if (ppt__gilsched_was_notified(thread))
        ppt__gilsched_come(sched, thread, now);
    if (ppt__gilsched_nobody_comes(sched, now) && !left) {
        ppt__gilsched_leave(sched, thread);
        return PPT_GILSCHED_TAKE;
    }
    until_left = left ? sched->left_until : PPT_FOREVER;
    *until = ppt__gilsched_sleep_until(sched, thread, until_left, now);
    return PPT_GILSCHED_SLEEP;
}

int ppt_gilsched_want(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                      int64_t *until)
{
    int64_t now = ppt__gilsched_now(sched);

    if (thread->wanted_at == 0)
        arrive(sched, thread, now);
    if (ppt__gilsched_was_notified(thread))
        ppt__gilsched_come(sched, thread, now);
    if (sched->contended_since == 0)
        sched->contended_since = now;
    if (sched->holder != NULL)
        return wait_or_ask(sched, thread, now, until);
    return take_or_wait(sched, thread, now, until);
}

bool ppt_gilsched_may_overtake(ppt_gilsched_t *sched,
                               const ppt_gilsched_thread_t *thread)
{
    int64_t now;

    if (ppt__gilsched_leads(sched, thread))
        return false;
    if (!sched->yields)
        return true;
    now = ppt__gilsched_now(sched);
    if (ppt__gilsched_nobody_comes(sched, now))
        return true;
    if (sched->coming_is_cpu_bound)
        return !repays(sched);
    return !ppt__gilsched_was_passed_over(sched, false,
                                          sched->coming_passed_since, now);
}

void *ppt_gilsched_give_up(ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread)
{
    int64_t now = ppt__gilsched_now(sched);

    if (ppt__gilsched_was_notified(thread))
        ppt__gilsched_come(sched, thread, now);
    ppt__gilsched_leave(sched, thread);
    thread->wanted_at = thread->passed_since = 0;
    thread->returns = false;
    if (!sched->account.computing)
        sched->account.present = cpu_bound_wait(sched);
    if (sched->yields && sched->io.head == NULL)
        sched->asked_at = 0;
    return sched->holder == NULL ? ppt__gilsched_notify_next(sched, now) : NULL;
}

void ppt_gilsched_sleep(ppt_gilsched_thread_t *thread, int64_t until)
{
    thread->woken = ppt__waiter_sleep(waiter_of(thread), until, 0) == 0;
}
