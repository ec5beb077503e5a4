/*
 * gils.h - the GILs that are scheduled: one record for each.  See gils.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_GILS_H
#define PPY_GILS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <pyplusthread/gilsched.h>

#include "observe.h"

/* How CPython waits for one GIL. */
typedef struct ppy_gil_names {
    pthread_mutex_t *mutex;         /* guards what follows */
    pthread_cond_t *cond;           /* signalled by who lets go of it */
    pthread_cond_t *switch_cond;    /* signalled by who has it */
} ppy_gil_names_t;

/* Bytes that a CPU takes from another at a time, or a multiple of that. */
#define PPY_LINE 64

typedef struct ppy_gil {
    _Alignas(PPY_LINE)
    ppy_gil_names_t names;          /* atomic; NULL: of no GIL */
    struct ppy_gil *next;           /* for good */
    uint64_t id;                    /* of what its users use */
    unsigned users;                 /* atomic */
    bool spins;                     /* atomic: a thread tries for the mutex */
    _Alignas(PPY_LINE)
    ppt_gilsched_t sched;           /* guarded by the GIL's mutex; and */
    _Alignas(PPY_LINE)
    ppy_observed_t observed;        /* so is this */
} ppy_gil_t;

extern ppy_gil_t *ppy_gils;         /* atomic */

static inline ppy_gil_t *ppy_gils_first(void)
{
    return __atomic_load_n(&ppy_gils, __ATOMIC_ACQUIRE);
}

/* A caller's own names do not change meanwhile: G1. */
static inline pthread_cond_t *ppy_gil_cond_at(pthread_cond_t *const *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static inline ppy_gil_t *ppy_gil_with_cond(const pthread_cond_t *cond)
{
    ppy_gil_t *gil = ppy_gils_first();

    while (gil != NULL && ppy_gil_cond_at(&gil->names.cond) != cond)
        gil = gil->next;
    return gil;
}

static inline ppy_gil_t *ppy_gil_with_switch_cond(const pthread_cond_t *cond)
{
    ppy_gil_t *gil = ppy_gils_first();

    while (gil != NULL && ppy_gil_cond_at(&gil->names.switch_cond) != cond)
        gil = gil->next;
    return gil;
}

/* Whether there are modules that have it scheduled. */
static inline bool ppy_gil_is_used(const ppy_gil_t *gil)
{
    return __atomic_load_n(&gil->users, __ATOMIC_RELAXED) != 0;
}

ppy_gil_t *ppy_gil_with_mutex(const pthread_mutex_t *mutex);

/*
 * A module more uses the GIL of these names, which it runs under.
 *
 * Returns   what to leave it with, or 0: it is not scheduled
 */
uint64_t ppy_gils_join(const ppy_gil_names_t *names);

/*
 * A module uses it no more.
 *
 * Returns   whether it was the last one: names are the GIL's then, whose
 *           record is to be ended
 */
bool ppy_gils_leave(uint64_t id, ppy_gil_names_t *names);

/* A record of no GIL, or NULL: there is no memory.  By one thread at a time. */
ppy_gil_t *ppy_gils_take(void);

/* It is of that GIL now, whose mutex is held, with one user: as join. */
uint64_t ppy_gil_begin(ppy_gil_t *gil, const ppy_gil_names_t *names);

/* It is of no GIL any more, if it is not used: with the GIL's mutex held. */
bool ppy_gil_end(ppy_gil_t *gil);

/* The same, whoever uses it: the GIL is gone, or that of another process. */
void ppy_gil_forget(ppy_gil_t *gil);

/* In the child of a fork: what the parent's other GILs have done, too. */
void ppy_gils_after_fork(const ppy_gil_t *own);

/* Whether threads wait in the scheduler; others go on to the system's. */
void ppy_gils_schedule(bool enabled);

/*
 * A pause leaves that setting alone, and does not go on in the child of a fork.
 *
 * Returns   whether there was a pause before
 */
bool ppy_gils_pause(bool paused);

/* Whether they wait there now, and whether the setting says so. */
bool ppy_gils_are_scheduled(void);
bool ppy_gils_are_to_be_scheduled(void);

/* The CPU-bound threads' share of all GILs, in millionths. */
void ppy_gils_set_share(uint32_t share);
uint32_t ppy_gils_share(void);

/* The sum over all GILs there have been; returns how many there are records. */
unsigned ppy_gils_stats(ppt_gilsched_stats_t *stats);

#endif
