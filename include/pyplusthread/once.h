/*
 * pyplusthread/once.h - something that is done once.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_ONCE_H
#define PYPLUSTHREAD_ONCE_H

#include <stdbool.h>
#include <stdint.h>

#include "version.h"
#include "waiter.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The routine that is to be run once, by the thread that comes first.  If it is
 * left by pthread_exit, cancellation or a C++ exception (see ppt_interrupt_fn
 * in waiter.h), it has not been done, and the next thread runs its own.  It
 * must not be left by longjmp.
 */
typedef void (*ppt_once_fn)(void *arg);

/*
 * Whether something has been done.  States: new, running, done.  The contract
 * is that of pthread_once, with an argument.
 *
 *     static ppt_once_t once = PPT_ONCE_INITIALIZER;
 *     static struct table table;      // written by fill, which is run once,
 *                                     // and read by all after that
 *     ppt_once_run(&once, fill, &table);
 *     use(&table);
 *
 * When it is done, ppt_once_run is a call and one load.
 * Not promised  that a routine may run itself, since it would wait for its own
 *           end; use by several processes; use in signal handlers.
 * Fork      a run that another thread of the parent has begun counts as not
 *           begun in the child, and what was done stays done.  No call is
 *           needed.  A routine may fork: its return ends the run in the
 *           child, too, unless the child has begun another run before.
 */
typedef struct ppt_once {
    uint32_t state;
    ppt_waitq_t queue;
} ppt_once_t;

/* A new one.  Memory that is all zero is one too. */
#define PPT_ONCE_INITIALIZER { 0, PPT__WAITQ_INITIALIZER }

/* Make once new.  Never fails; allocates nothing. */
PPT_API void ppt_once_init(ppt_once_t *once);

/*
 * End the use of once; its memory may then be freed or reused, even while
 * other threads are on their way out of ppt_once_run.
 *
 * Returns   0      once may be freed, or used again as after init
 *           EBUSY  a routine is running; nothing changed
 */
PPT_API int ppt_once_destroy(ppt_once_t *once);

/*
 * Return when it is done: run routine(arg) if once is new, or wait while
 * another thread runs its routine.  If that routine is left before its end,
 * the first waiter runs its own.
 *
 * Orders    what the routine did is seen by all when this returns.
 */
PPT_API void ppt_once_run(ppt_once_t *once, ppt_once_fn routine, void *arg);

/*
 * Whether it is done; false may be stale on return.
 *
 * Orders    where it is true, what the routine did is seen.
 */
PPT_API bool ppt_once_done(const ppt_once_t *once);

/*
 * In the child of a fork: make once new, unless it is done, whatever state
 * the fork caught it in.
 */
PPT_API void ppt_once_after_fork(ppt_once_t *once);

#ifdef __cplusplus
}
#endif

#endif
