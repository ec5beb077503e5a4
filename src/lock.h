/* SPDX-License-Identifier: MIT */
/* lock.h - what cond.c needs of lock.c, beside the public calls. */
#ifndef PPT_LOCK_PRIVATE_H
#define PPT_LOCK_PRIVATE_H

#include <stdbool.h>

#include "pyplusthread/lock.h"

#include "wait/waitq.h"

/*
 * Wait morphing: queue a notified waiter for lock, which its thread is going
 * to take unless it passes, so that a release of lock wakes it.  False where
 * lock is free: then the caller wakes it.
 */
bool ppt__lock_requeue(ppt_lock_t *lock, ppt__waiter_t *waiter);

/*
 * Take lock for a waiter that was woken with a grant; transiently, if the
 * waiter is transient.
 */
void ppt__lock_take(ppt_lock_t *lock, ppt__waiter_t *waiter);

/* Whether lock is held transiently. */
bool ppt__lock_is_transient(const ppt_lock_t *lock);

#endif
