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

/*
 * Whether they go first, since they have had less than share, in millionths.
 * After a run, as the next one.
 */
bool ppt__account_repays(ppt_gilsched_account_t *account, uint32_t share);

/* If so: for how many ns one has to have the lock until they do not. */
int64_t ppt__account_repaid_after(const ppt_gilsched_account_t *account,
                                  uint32_t share);

#endif
