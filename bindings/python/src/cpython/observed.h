/*
 * observed.h - what is known of a GIL and its threads while it is observed.
 *
 * See observe.c, which fills it, and records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_OBSERVED_H
#define PPY_OBSERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"
#include "tally.h"
#include "timeline.h"
#include "witness.h"

/* Bytes of a thread's name, in UTF-8, with the 0 at its end. */
enum { PPY_NAME = 96 };

/* What is known of one thread, or of several that have ended. */
typedef struct ppy_observed_thread {
    const struct ppy_observer *owner;           /* atomic; records.c */
    struct ppy_observed *gil;
    struct ppy_observed_thread *next;           /* of this GIL */
    struct ppy_observed_thread *next_of_all;
    uint64_t serial;            /* from 1, in the order of appearance */
    int64_t took_at;            /* it has the GIL since then; 0: it has not */
    int64_t wanted_at;          /* it waits since then; 0: it does not */
    int64_t let_go_at;
    int64_t mark;               /* set by the thread; see observe.c, O7 */
    int64_t waited_since_mark;  /* ns */
    int64_t sleeps;             /* before it took the GIL, for a witness */
    bool cpu_bound;             /* when it wanted or took the GIL last */
    bool was_forced;            /* when it let go last */
    bool is_used;               /* else it is the record of no thread */
    bool is_witness;            /* see observe.c, O8 */
    ppy_tally_t tally;
    ppy_timeline_t held;
    ppy_timeline_t waited;
    uint64_t native_id;         /* 0: several threads */
    uint64_t ident;             /* Python's */
    uint64_t ended;
    uint64_t threads;           /* how many these are */
    char name[PPY_NAME];        /* "": not known */
} ppy_observed_thread_t;

/* A thread's link to its record, of the GIL that it had last; zero at first. */
typedef struct ppy_observer {
    ppy_observed_thread_t *thread;
    int64_t detained_until;     /* it is the thread's own: observe.c, O3 */
} ppy_observer_t;

/*
 * What is known of one GIL.  All zero is one that was never observed.  What
 * most events touch is in front, in as few cache lines as possible.
 */
typedef struct ppy_observed {
    uint64_t observers;         /* 0: it is not observed */
    uint64_t waiting;           /* threads that wait, but for the witness */
    int64_t at;                 /* contention is counted up to here */
    uint64_t contended;         /* ns that somebody waited */
    uint64_t handing_over;      /* of these, ns that nobody held it */
    int64_t since;
    int64_t asked_at;           /* the holder, first; 0: it was not; -1: only
                                   by the witness */
    ppy_ring_t ring;
    int64_t asked_cpu;          /* its CPU time then, for a witness */
    int64_t until;              /* it was copied last, or no more observed */
    uint64_t lost;              /* events for which there was no memory */
    ppy_witness_t witness;
    uint64_t serials;
    uint64_t used;              /* threads on record */
    ppy_observed_thread_t *threads;
    ppy_observed_thread_t *others;  /* the sum of those that were forgotten */
} ppy_observed_t;

/* Whether waiting counts it: see observe.c, O2 and O8. */
static inline bool ppy_is_waiting(const ppy_observed_thread_t *thread)
{
    return thread->wanted_at != 0 && !thread->is_witness;
}

static inline bool ppy_is_observed(const ppy_observed_t *gil)
{
    return gil->observers != 0;
}

#endif
