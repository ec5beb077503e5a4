/*
 * contention.h - which locks threads wait for.  See contention.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_CONTENTION_H
#define PPY_CONTENTION_H

#include "../base/compat.h"

#include <stdbool.h>
#include <stdint.h>

#include <pyplusthread/lock.h>

/* How many ask for it; atomic. */
extern unsigned ppy_counting_locks;

static inline bool ppy_counts_locks(void)
{
    return __builtin_expect(
        __atomic_load_n(&ppy_counting_locks, __ATOMIC_RELAXED) != 0, 0);
}

/* How many living locks have a record, counting or not; atomic. */
extern unsigned ppy_recorded_locks;

static inline bool ppy_records_locks(void)
{
    return __builtin_expect(
        __atomic_load_n(&ppy_recorded_locks, __ATOMIC_RELAXED) != 0, 0);
}

/*
 * A thread, which is attached, is going to wait for lock.  Every lock that is
 * waited for by ppy_acquire follows the head of its object.
 *
 * Returns   when, in ns; 0 if it is not counted
 */
int64_t ppy_contention_begin(const ppt_lock_t *lock);

/* The wait that began then has ended; by the thread, which is detached. */
void ppy_contention_end(const ppt_lock_t *lock, int64_t began, bool taken);

/* Lock is about to be released, where others may be queued for it. */
void ppy_contention_release(const ppt_lock_t *lock);

/* Lock is about to be freed. */
void ppy_contention_forget(const ppt_lock_t *lock);

/* Begin (true) to count, from 0, or stop (false). */
PyObject *ppy_locks_count(PyObject *module, PyObject *enabled);

/*
 * A list with a tuple for each lock that was waited for: the address of its
 * object, 0 if it is gone; the type's name; the place where it was waited for
 * first, "" for the sum of several; how many locks these are; after how many
 * waits others were queued; histograms of waits and holds as bytes.
 */
PyObject *ppy_locks_copy(PyObject *module, PyObject *none);

#endif
