/*
 * account.h - what CPU-bound threads have had of an interpreter's lock, and
 * what they are owed.  See account.c.
 */
#ifndef PPT_GILSCHED_ACCOUNT_H
#define PPT_GILSCHED_ACCOUNT_H

#include "pyplusthread/gilsched.h"

/* A CPU-bound thread wants the lock, and has done without it since then. */
void ppt__account_want(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now);

/*
 * A CPU-bound thread lets go of the lock, which it has had since then; others
 * says whether CPU-bound threads wait.
 */
void ppt__account_held(ppt_gilsched_account_t *account, int64_t since,
                       int64_t now, bool others);

/*
 * How many ns CPU-bound threads have had too few, share being in millionths;
 * one of them has the lock since then, or none (0).
 */
int64_t ppt__account_debt(const ppt_gilsched_account_t *account,
                          uint32_t share, int64_t since, int64_t now);

/*
 * Whether they go first: from the time when much is owed until nothing is.
 * So that the lock does not change hands for each little debt.
 */
bool ppt__account_repays(ppt_gilsched_account_t *account, int64_t debt);

#endif
