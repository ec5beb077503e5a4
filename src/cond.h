/* SPDX-License-Identifier: MIT */
/* cond.h - what pthread.c needs of cond.c, beside the public calls. */
#ifndef PPT_COND_PRIVATE_H
#define PPT_COND_PRIVATE_H

#include "pyplusthread/cond.h"

#include "wait/waitq.h"

/*
 * Queue a waiter that uses no ppt_lock_t; flags is how it is going to sleep.
 */
void ppt__cond_enqueue(ppt_cond_t *cond, ppt__waiter_t *waiter,
                       unsigned flags);

/* Notify the first n waiters and take them out; they are not woken yet. */
ppt__wake_list_t ppt__cond_notify(ppt_cond_t *cond, int n);

#endif
