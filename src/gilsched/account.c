/*
 * account.c - what CPU-bound threads have had of an interpreter's lock.
 *
 * Idea
 *   They are promised a share of the time in which one of them has the lock
 *   or wants it.  Both are known exactly, since each begins and ends with an
 *   event.  Only the recent past counts: when a hold ends, and the account is
 *   longer than a window, both are halved.
 *
 * State, all guarded by the scheduler's guard
 *   total, had   up to at, and up to the end of the last hold
 *   present      a CPU-bound thread has the lock or wants it since at
 *
 * Invariants
 *   A1  had is at most total, but for the hold that has not ended yet.
 *   A2  While no CPU-bound thread is present nothing is counted.  What passes
 *       between a forced release and the thread's next want is counted by
 *       that want.
 */
#include "account.h"

#define WINDOW_NS INT64_C(20000000)
#define MUCH_NS INT64_C(500000)
#define MILLION 1000000

void ppt__account_want(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now)
{
    account->total += now - (account->present ? account->at : since); /* A2 */
    account->present = true;
    account->at = now;
}

void ppt__account_held(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now, bool others)
{
    ppt__account_want(account, since, now);
    account->had += now - since;
    account->present = others;
    if (account->total > WINDOW_NS) {
        account->total /= 2;
        account->had /= 2;
    }
}

int64_t ppt__account_debt(const ppt_gilsched_account_t *account,
                          uint32_t share, int64_t since, int64_t now)
{
    int64_t total = account->total;
    int64_t had = account->had;

    if (account->present)
        total += now - account->at;
    if (since != 0)
        had += now - since;
    return total / MILLION * share + total % MILLION * share / MILLION - had;
}

bool ppt__account_repays(ppt_gilsched_account_t *account, int64_t debt)
{
    if (debt >= MUCH_NS)
        account->repaying = true;
    else if (debt <= 0)
        account->repaying = false;
    return account->repaying;
}
