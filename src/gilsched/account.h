/*
 * account.h - what CPU-bound threads have had of an interpreter's lock, and
 * what they are owed.  See account.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_GILSCHED_ACCOUNT_H
#define PPT_GILSCHED_ACCOUNT_H

#include "pyplusthread/gilsched.h"

/* It is now: count what has passed, if a CPU-bound thread is present. */
void ppt__account_run(ppt_gilsched_account_t *account, int64_t now);

/* A CPU-bound thread wants the lock, and has done without it since then. */
void ppt__account_want(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now);

/* Since then a CPU-bound thread, which wanted the lock, has had it. */
void ppt__account_take(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now);

/* It lets go; others says whether CPU-bound threads wait.  After a run. */
void ppt__account_let_go(ppt_gilsched_account_t *account, bool others);

/* How many ns they have had too few, share being in millionths.  Likewise. */
int64_t ppt__account_debt(const ppt_gilsched_account_t *account,
                          uint32_t share);

/*
 * Whether they go first: from the time when much is owed until nothing is.
 * So that the lock does not change hands for each little debt.
 */
bool ppt__account_repays(ppt_gilsched_account_t *account, int64_t debt);

#endif
