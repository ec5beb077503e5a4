/*
 * wait.h - waiting without the interpreter.  See wait.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_WAIT_H
#define PPY_WAIT_H

#include "../base/state.h"

#include <stdbool.h>

#include <pyplusthread/cond.h>

/* One wait of one thread. */
typedef struct ppy_wait {
    PyThreadState *thread;      /* while detached */
    bool runs_handlers;         /* of signals: the main thread */
    bool keep_on;               /* waiting, whatever handlers raise */
    bool yields;                /* W5 */
    PyObject *raised;           /* by a handler; owned */
} ppy_wait_t;

/* Before a wait. */
void ppy_wait_begin(ppy_wait_t *wait);

/* Let go of the interpreter. */
void ppy_detach(ppy_wait_t *wait);

/* Be back.  Does not return if the interpreter is shutting down. */
void ppy_attach(ppy_wait_t *wait);

/*
 * While detached, by a thread that runs no handlers: as
 * ppt_cond_sleep_uninterruptible.  W5
 */
int ppy_sleep_queued(const ppy_wait_t *wait, ppt_cond_t *cond,
                     ppt_waiter_t *waiter, int64_t deadline);

/*
 * By the main thread, before it sleeps: run the handlers of signals that came
 * while it was attached.  Others have nothing to run.
 *
 * Returns   0, or -1 with an exception set
 */
int ppy_run_handlers(void);

/* A ppt_interrupt_fn; arg is the ppy_wait_t, which keeps exceptions. */
int ppy_on_interrupt(void *arg);

/*
 * Before a thread waits again that was woken in vain: run the handlers of
 * signals, raise what PyThreadState_SetAsyncExc has left, and whatever else
 * CPython does between the instructions of a loop in Python.
 *
 * Returns   0, or -1 with an exception set
 */
int ppy_run_pending(const ppy_state_t *state);

/* Make the function that is for that.  NULL with an exception set. */
PyObject *ppy_make_nothing(void);

/* Set the exception that wait has kept; returns whether there was one. */
bool ppy_raise(ppy_wait_t *wait);

/*
 * Set the exception earlier; or, if a later one is set, make it that one's
 * context.  Takes over the reference.
 */
void ppy_raise_before(PyObject *earlier);

/* Called by each import. */
int ppy_wait_setup(PyObject *threading);

#endif
