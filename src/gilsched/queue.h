/*
 * queue.h - the queues of those that want the lock.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_GILSCHED_QUEUE_H
#define PPT_GILSCHED_QUEUE_H

#include "pyplusthread/gilsched.h"

/* Whether it was woken for the lock, but has not come yet. */
bool ppt__gilsched_was_notified(ppt_gilsched_thread_t *thread);

/* It comes, having been woken: S3. */
void ppt__gilsched_come(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                        int64_t now);

/* It leaves its queue, if it is in one. */
void ppt__gilsched_leave(ppt_gilsched_t *sched,
                         ppt_gilsched_thread_t *thread);

/* S6: it leaves, and may come back to its place. */
void ppt__gilsched_leave_to_ask(ppt_gilsched_t *sched,
                                ppt_gilsched_thread_t *thread);

/* S2: whether it is the last of its queue. */
bool ppt__gilsched_keeps_time(ppt_gilsched_t *sched,
                              ppt_gilsched_thread_t *thread);

/*
 * It queues, if it does not yet.  at is when something is to be done for its
 * queue.
 *
 * Returns   until when it is to sleep
 */
int64_t ppt__gilsched_sleep_until(ppt_gilsched_t *sched,
                                  ppt_gilsched_thread_t *thread, int64_t at,
                                  int64_t now);

#endif
