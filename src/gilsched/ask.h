/*
 * ask.h - when a holder is asked to let go.  See sched.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_GILSCHED_ASK_H
#define PPT_GILSCHED_ASK_H

#include "pyplusthread/gilsched.h"

/* When it may be asked for a thread back from something that blocks. */
int64_t ppt__gilsched_interruptible_at(ppt_gilsched_t *sched, int64_t now);

/*
 * For long, by threads that it goes before: not by a CPU-bound one that had
 * made way and resumes.
 */
bool ppt__gilsched_was_passed_over(ppt_gilsched_t *sched, bool cpu_bound,
                                   int64_t passed_since, int64_t now);

/* When it is to be asked for this thread. */
int64_t ppt__gilsched_ask_at(ppt_gilsched_t *sched,
                             const ppt_gilsched_thread_t *thread,
                             int64_t now);

#endif
