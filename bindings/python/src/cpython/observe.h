/*
 * observe.h - who holds a GIL and who waits for it, exactly.
 *
 * The interposer reports what it sees, as long as somebody observes.  See
 * observe.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_OBSERVE_H
#define PPY_OBSERVE_H

#include "observed.h"

/* How many GILs are observed; atomic. */
extern unsigned ppy_observing;

static inline bool ppy_observes(void)
{
    return __builtin_expect(
        __atomic_load_n(&ppy_observing, __ATOMIC_RELAXED) != 0, 0);
}

/*
 * What the thread with that link does, which is the calling one, at the time
 * now.  All are called with the GIL's mutex held, as are those below, except
 * where it is said; holder is the link of the thread that has the GIL, or NULL.
 */
void ppy_observe_want(ppy_observed_t *gil, ppy_observer_t *link,
                      const ppy_observer_t *holder, int64_t now);

/* It has the holder asked to let go. */
void ppy_observe_ask(ppy_observed_t *gil, ppy_observer_t *link,
                     const ppy_observer_t *holder, int64_t now);
void ppy_observe_take(ppy_observed_t *gil, ppy_observer_t *link, int64_t now);
void ppy_observe_let_go(ppy_observed_t *gil, ppy_observer_t *link,
                        int64_t now);

/* CPython has not let it go on since it let go.  Without the mutex, too. */
void ppy_observe_detained(ppy_observer_t *link, int64_t now);

/* There are no threads, and the GIL is free: in the child of a fork. */
void ppy_observe_anew(ppy_observed_t *gil);

/* The GIL is gone: nothing is known of the one that is next in its place. */
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
 * From that time on, in ns, add up what the calling thread waits; and how much
 * that is, in ns.
 */
void ppy_observe_mark(ppy_observed_t *gil, ppy_observer_t *link, int64_t at);
int64_t ppy_observe_waited_since_mark(ppy_observed_t *gil,
                                      ppy_observer_t *link);

/*
 * Keep as many of the last events: a power of two, or 0.
 *
 * Returns   false if there is no memory
 */
bool ppy_observe_events(ppy_observed_t *gil, size_t room);

/* The calling thread is the witness: it is not charged to the others. */
void ppy_observe_witness(ppy_observed_t *gil, ppy_observer_t *link);

/* Whether the thread that was seen has not taken the GIL since then. */
bool ppy_observe_is_unchanged(const ppy_observed_t *gil,
                              const ppy_seen_t *seen);

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
