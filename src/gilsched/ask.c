/*
 * ask.c - when a holder is asked to let go.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "ask.h"

#include "state.h"

/* When the holder's time slice ends, or its lead over a thread is too long. */
static int64_t slice_end(const ppt_gilsched_t *sched,
                         const ppt_gilsched_thread_t *thread)
{
    int64_t ahead = sched->holder_served - thread->served; /* S8 */

    if (sched->computes_since == 0)
        return sched->contended_since + slice_of(sched);
    ahead -= slice_of(sched);
    return sched->computes_since + slice_of(sched)
           - (ahead > sched->used ? ahead : sched->used);
}

int64_t ppt__gilsched_interruptible_at(ppt_gilsched_t *sched, int64_t now)
{
    if (sched->computes_since == 0 && !sched->yields)
        return sched->contended_since + PATIENCE;
    if (!sched->account.present || !repays(sched))
        return now;
    return now + ppt__account_repaid_after(&sched->account, share_of(sched));
}

bool ppt__gilsched_was_passed_over(ppt_gilsched_t *sched, bool cpu_bound,
                                   int64_t passed_since, int64_t now)
{
    return passed_since != 0 && now - passed_since >= PATIENCE
           && (!cpu_bound || repays(sched));
}

int64_t ppt__gilsched_ask_at(ppt_gilsched_t *sched,
                             const ppt_gilsched_thread_t *thread, int64_t now)
{
    int64_t at;

    if (ppt__gilsched_was_passed_over(sched, thread->cpu_bound,
                                      thread->passed_since, now))
        at = now;
    else if (thread->cpu_bound)
        at = slice_end(sched, thread);
    else
        at = ppt__gilsched_interruptible_at(sched, now);
    if (sched->asked_at != 0 && at < sched->asked_at + PATIENCE)
        at = sched->asked_at + PATIENCE; /* S5 */
    return at;
}

void ppt_gilsched_asked(ppt_gilsched_t *sched)
{
    count(&sched->stats.requests);
    if (sched->asked_at != 0)
        count(&sched->stats.renewals);
    sched->asked_at = clock_of(sched);
}
