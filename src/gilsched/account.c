/*
 * account.c - what CPU-bound threads have had of an interpreter's lock.
 *
 * Idea
 *   CPU-bound threads are promised a share of the time in which one of them
 *   has the lock or wants it.  How long they have had it and how long they
 *   have wanted it is known exactly, since both begin and end with an event.
 *   Only the recent past counts: when more than a window has been counted,
 *   both numbers are scaled down to a window.
 *
 * State, all guarded by the scheduler's guard
 *   total, had   up to at
 *   present      a CPU-bound thread has the lock or wants it since at
 *   computing    one has it since at
 *
 * Invariants
 *   A1  had is at most total.
 *   A2  While no CPU-bound thread is present nothing is counted.  The time
 *       between a forced release and the thread's next want is counted by
 *       that want, and nothing is counted twice.
 *   A3  One step counts for a window at most, even if the process was stopped
 *       or a thread held the lock for seconds.
 *   A4  A debt is repaid from when it is as large as the slack until as much
 *       has been had in advance.  So the lock does not change hands for each
 *       little debt, and in the mean nothing is owed.  The slack is at most
 *       half of what either side gets of a window: both ends are reached.
 *
 * SPDX-License-Identifier: MIT
 */
#include "account.h"

#define WINDOW_NS INT64_C(20000000)

/* A4 */
#define SLACK_NS INT64_C(125000)

/* Nothing is owed by then for sure: numbers are rounded. */
#define ROUNDED_NS 1000

#define MILLION 1000000

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A3 */
static int64_t step(int64_t since, int64_t now)
{
    return earlier(now - since, WINDOW_NS);
}

static void add(ppt_gilsched_account_t *account, int64_t from, int64_t now)
{
    int64_t passed = step(from, now);

    account->total += passed;
    if (account->computing)
        account->had += passed;
    account->at = now;
    if (account->total <= WINDOW_NS)
        return;
    account->had = account->had * WINDOW_NS / account->total;
    account->total = WINDOW_NS;
}

void ppt__account_run(ppt_gilsched_account_t *account, int64_t now)
{
    if (account->present)
        add(account, account->at, now);
}

void ppt__account_want(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now)
{
    ppt__account_run(account, now);
    if (!account->present)
        add(account, later(since, account->at), now); /* A2 */
    account->present = true;
}

void ppt__account_take(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now)
{
    account->had += step(since, now);
    if (account->had > account->total)
        account->had = account->total; /* A1 */
    account->computing = true;
}

void ppt__account_let_go(ppt_gilsched_account_t *account, bool others)
{
    account->computing = false;
    account->present = others;
}

static int64_t debt(const ppt_gilsched_account_t *account, uint32_t share)
{
    return account->total * share / MILLION - account->had;
}

/* A4 */
static int64_t slack(uint32_t share)
{
    int64_t less = earlier(share, MILLION - share);

    return earlier(SLACK_NS, WINDOW_NS / 2 * less / MILLION);
}

bool ppt__account_repays(ppt_gilsched_account_t *account, uint32_t share)
{
    int64_t owed = debt(account, share);

    if (owed > slack(share))
        account->repaying = true;
    else if (owed <= -slack(share))
        account->repaying = false;
    return account->repaying;
}

int64_t ppt__account_repaid_after(const ppt_gilsched_account_t *account,
                                  uint32_t share)
{
    int64_t owed = debt(account, share) + slack(share);

    return owed * MILLION / (MILLION - (int64_t)share) + ROUNDED_NS;
}
