/*
 * thread.h - what the interposer keeps for each thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_THREAD_H
#define PPY_THREAD_H

#include <pyplusthread/time.h>

#include "calls.h"
#include "gils.h"

/* The fields' invariants are those of interposer.c. */
typedef struct ppy_thread {
    ppt_gilsched_thread_t sched; /* first: ppy_holder_of */
    ppy_observer_t observer;
    ppy_gil_t *holds;           /* C5 */
    ppy_recorder_t *recorder;   /* NULL: its calls are not recorded */
    void *wake;                 /* C3 */
    int64_t at;                 /* C6 */
} ppy_thread_t;

/* Reached without a call, and there when the thread starts (tls_args). */
extern _Thread_local ppy_thread_t ppy_this;

/* C6: the mutex is held. */
static inline void ppy_begin_event(void)
{
    ppy_this.at = 0;
}

static inline int64_t ppy_event_time(void)
{
    if (ppy_this.at == 0)
        ppy_this.at = ppt_now();
    return ppy_this.at;
}

/* Of the thread that has the GIL; NULL: it is free.  With the mutex held. */
static inline const ppy_observer_t *ppy_holder_of(const ppy_gil_t *gil)
{
    const ppy_thread_t *holder = (const ppy_thread_t *)gil->sched.holder;

    return holder == NULL ? NULL : &holder->observer;
}

/* With the mutex held. */
static inline bool ppy_gil_is_observed(const ppy_gil_t *gil)
{
    return ppy_observes() && ppy_is_observed(&gil->observed);
}

#endif
