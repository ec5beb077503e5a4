/*
 * next.h - which thread is woken for the lock.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_GILSCHED_NEXT_H
#define PPT_GILSCHED_NEXT_H

#include "pyplusthread/gilsched.h"

/* S1, S4: nobody is on its way, or has been for too long. */
bool ppt__gilsched_nobody_comes(const ppt_gilsched_t *sched, int64_t now);

/* The next CPU-bound thread goes before others. */
bool ppt__gilsched_slice_is_due(const ppt_gilsched_t *sched, int64_t now);

/*
 * S1, S3: the next thread is on its way, unless one is.
 *
 * Returns   what to call ppt_gilsched_wake with
 */
void *ppt__gilsched_notify_next(ppt_gilsched_t *sched, int64_t now);

#endif
