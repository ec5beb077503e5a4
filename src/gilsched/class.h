/*
 * class.h - which threads are CPU-bound, and what each was served.
 * See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_GILSCHED_CLASS_H
#define PPT_GILSCHED_CLASS_H

#include "pyplusthread/gilsched.h"

/*
 * The time of an event.  What it says is noted: a holder for which others have
 * waited for long is CPU-bound.
 */
int64_t ppt__gilsched_now(ppt_gilsched_t *sched);

/* The holder is CPU-bound, and has been since then. */
void ppt__gilsched_computes(ppt_gilsched_t *sched, int64_t since,
                            int64_t now);

/* From here on it is up to the thread when it wants the lock again. */
void ppt__gilsched_blocks(const ppt_gilsched_t *sched,
                          ppt_gilsched_thread_t *thread, int64_t now);

/* The thread is back: whether it has blocked, and is not CPU-bound. */
void ppt__gilsched_look_at_class(const ppt_gilsched_t *sched,
                                 ppt_gilsched_thread_t *thread, int64_t now);

/* S8: it has been served a slice more than the one that is next. */
bool ppt__gilsched_leads(const ppt_gilsched_t *sched,
                         const ppt_gilsched_thread_t *thread);

/* S8: it comes among the CPU-bound threads. */
void ppt__gilsched_join(const ppt_gilsched_t *sched,
                        ppt_gilsched_thread_t *thread);

/* S8: it has held the lock; known: as CPU-bound, when it took it. */
void ppt__gilsched_serve(const ppt_gilsched_t *sched,
                         ppt_gilsched_thread_t *thread, bool known,
                         int64_t held);

#endif
