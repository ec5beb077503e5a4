/*
 * observe.h - who holds a GIL and who waits for it, exactly.
 *
 * The interposer reports what it sees, as long as somebody observes.  See
 * observe.c.
 */
#ifndef PPY_OBSERVE_H
#define PPY_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tally.h"
#include "timeline.h"
#include "witness.h"

/* Bytes of a thread's name, in UTF-8, with the 0 at its end. */
enum { PPY_NAME = 96 };

/* What is known of one thread, or of several that have ended. */
typedef struct ppy_observed_thread {
    const struct ppy_observer *owner;           /* atomic; see observe.c */
    struct ppy_observed *gil;
    struct ppy_observed_thread *next;           /* of this GIL */
    struct ppy_observed_thread *next_of_all;
    uint64_t serial;            /* from 1, in the order of appearance */
    int64_t took_at;            /* it has the GIL since then; 0: it has not */
    int64_t wanted_at;          /* it waits since then; 0: it does not */
    int64_t let_go_at;
    int64_t detained_until;     /* since then; see O5 */
    bool cpu_bound;             /* when it wanted or took the GIL last */
    bool was_forced;            /* when it let go last */
    bool is_used;               /* else it is the record of no thread */
    ppy_tally_t tally;
    ppy_timeline_t held;
    ppy_timeline_t waited;
    uint64_t native_id;         /* 0: several threads */
    uint64_t ident;             /* Python's */
    uint64_t ended;
    uint64_t threads;           /* how many these are */
    char name[PPY_NAME];        /* "": not known */
} ppy_observed_thread_t;

/* A thread's link to its record, of the GIL that it had last.  Zero at first. */
typedef struct ppy_observer {
    ppy_observed_thread_t *thread;
} ppy_observer_t;

/* What happened; the layout is known to pyplusthread/_trace.py. */
typedef enum {
    PPY_EVENT_WANT,
    PPY_EVENT_ASK,      /* the first request to a holder */
    PPY_EVENT_TAKE,
    PPY_EVENT_LET_GO,
    PPY_EVENT_FORCED    /* the same, after a request */
} ppy_event_kind_t;

typedef struct ppy_event {
    int64_t at;
    uint32_t thread;    /* its serial */
    uint32_t kind;
} ppy_event_t;

/* What is known of one GIL.  All zero is one that was never observed. */
typedef struct ppy_observed {
    uint64_t observers;         /* 0: it is not observed */
    uint64_t waiting;           /* threads that wait */
    int64_t asked_at;           /* the holder, first; 0: it was not */
    int64_t asked_cpu;          /* its CPU time then, for a witness */
    int64_t since;
    int64_t until;              /* it was copied last, or no more observed */
    int64_t at;                 /* contention is counted up to here */
    uint64_t contended;         /* ns that somebody waited */
    uint64_t handing_over;      /* of these, ns that nobody held it */
    uint64_t lost;              /* events for which there was no memory */
    uint64_t event_count;       /* that there were */
    uint64_t room;              /* for the last events: a power of two */
    ppy_event_t *events;        /* NULL: they are not kept */
    ppy_witness_t witness;
    uint64_t serials;
    uint64_t used;              /* threads on record */
    ppy_observed_thread_t *threads;
    ppy_observed_thread_t *others;  /* the sum of those that were forgotten */
} ppy_observed_t;

/* How many GILs are observed; atomic. */
extern unsigned ppy_observing;

static inline bool ppy_observes(void)
{
    return __builtin_expect(
        __atomic_load_n(&ppy_observing, __ATOMIC_RELAXED) != 0, 0);
}

/*
 * What the thread with that link does: the calling one.  All are called with
 * the GIL's mutex held, as are those below, except where it is said; holder is
 * the link of the thread that has the GIL, or NULL.
 */
void ppy_observe_want(ppy_observed_t *gil, ppy_observer_t *link,
                      const ppy_observer_t *holder);

/* It has the holder asked to let go. */
void ppy_observe_ask(ppy_observed_t *gil, ppy_observer_t *link,
                     const ppy_observer_t *holder);
void ppy_observe_take(ppy_observed_t *gil, ppy_observer_t *link);
void ppy_observe_let_go(ppy_observed_t *gil, ppy_observer_t *link);

/* CPython has not let it go on since it let go.  Without the mutex, too. */
void ppy_observe_detained(ppy_observed_t *gil, ppy_observer_t *link);

/* There are no threads, and the GIL is free: in the child of a fork. */
void ppy_observe_anew(ppy_observed_t *gil);

/* It is another GIL, in the same place. */
void ppy_observe_forget(ppy_observed_t *gil);

/*
 * The rest is called by the holder of the GIL.
 *
 * Begin to observe, with all numbers 0, and stop: as often as it was begun.
 */
void ppy_observe_begin(ppy_observed_t *gil, ppy_observer_t *link);
void ppy_observe_end(ppy_observed_t *gil);

/* From now on all numbers are counted from 0. */
void ppy_observe_reset(ppy_observed_t *gil);

/*
 * Keep as many of the last events: a power of two, or 0.
 *
 * Returns   false if there is no memory
 */
bool ppy_observe_events(ppy_observed_t *gil, size_t room);

/* Copy them, in their order, unless events is NULL.  Returns how many. */
size_t ppy_observe_copy_events(const ppy_observed_t *gil,
                               ppy_event_t *events);

/*
 * Whether the thread that was seen has not taken the GIL since then.
 */
bool ppy_observe_is_unchanged(const ppy_observed_t *gil,
                              const ppy_seen_t *seen);

/* Give the thread a name. */
void ppy_observe_name(ppy_observed_t *gil, ppy_observer_t *link,
                      const char *name);

/*
 * Copy what is known, as if all holds and waits ended now: the GIL's numbers,
 * and those of as many threads as there is room for.
 *
 * Returns   how many threads there are
 */
size_t ppy_observe_copy(ppy_observed_t *gil, ppy_observer_t *link,
                        ppy_observed_t *copy, ppy_observed_thread_t *threads,
                        size_t room);

#endif
