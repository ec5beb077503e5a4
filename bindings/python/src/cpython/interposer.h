/*
 * interposer.h - takes over the waiting for CPython's GIL.
 *
 * CPython waits for a GIL with the functions of pthread.h.  The interposer
 * replaces them in the object that holds CPython, and has the library's
 * scheduler decide for the GILs that it was told of.  See interposer.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_INTERPOSER_H
#define PPY_INTERPOSER_H

#include "calls.h"
#include "gils.h"

/* From now on the calls of this thread are recorded; NULL: no more. */
void ppy_interposer_record(ppy_recorder_t *recorder);

/*
 * The next three are called by one thread at a time.
 *
 * Replace the functions in the object that address is in.  Once done,
 * nothing.
 *
 * Returns   NULL, or why it cannot be done
 */
const char *ppy_interposer_install(const void *address);

/* Put them back: if no GIL is known. */
void ppy_interposer_remove(const void *address);

/*
 * Schedule that GIL, which this thread holds, from now on, for a module more.
 * See ppy_gils_join for the one that is scheduled.
 *
 * Returns   what to leave it with; 0: there is no memory
 */
uint64_t ppy_interposer_adopt(const ppy_gil_names_t *names);

/*
 * A module goes which has the GIL of its interpreter scheduled.  That GIL's
 * mutex is not held.  0: nothing.
 */
void ppy_interposer_leave(uint64_t id);

/* In the child of a fork. */
void ppy_interposer_after_fork(void);

/*
 * Whether this thread, which has its GIL, would give it to nobody if it let go
 * of it now: it is scheduled, and no thread waits for it.
 */
bool ppy_interposer_nobody_waits(void);

/* Whether this thread holds a GIL that is scheduled. */
bool ppy_interposer_is_scheduled(void);

/*
 * What is observed of the GIL that this thread holds, and its link to that,
 * with the GIL's mutex held until it is done.
 *
 * Returns   NULL if that GIL is not scheduled: then it is done
 */
ppy_observed_t *ppy_interposer_observed(ppy_observer_t **link);
void ppy_interposer_observed_done(void);

#endif
