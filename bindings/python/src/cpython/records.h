/*
 * records.h - the records of the threads that have to do with a GIL.
 * See records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_RECORDS_H
#define PPY_RECORDS_H

#include "observed.h"

static inline bool ppy_record_is_of(const ppy_observed_thread_t *thread,
                                    const ppy_observer_t *link)
{
    return __atomic_load_n(&thread->owner, __ATOMIC_RELAXED) == link;
}

/* The record of any thread; NULL if there is none. */
static inline ppy_observed_thread_t *ppy_record_present(
    const ppy_observed_t *gil, const ppy_observer_t *link)
{
    ppy_observed_thread_t *thread = link == NULL ? NULL : link->thread;

    return thread != NULL && ppy_record_is_of(thread, link)
                   && thread->gil == gil
               ? thread
               : NULL;
}

/* Find that of the calling thread, or make one; NULL: there is no memory. */
ppy_observed_thread_t *ppy_record_find(ppy_observed_t *gil,
                                       ppy_observer_t *link)
    __attribute__((noinline, cold));

/*
 * The record of the calling thread, which has the link; NULL if the GIL is not
 * observed, or there is no memory.
 */
static inline ppy_observed_thread_t *ppy_record_of(ppy_observed_t *gil,
                                                   ppy_observer_t *link)
{
    ppy_observed_thread_t *thread = ppy_record_present(gil, link);

    if (!ppy_is_observed(gil))
        return NULL;
    if (thread == NULL)
        thread = ppy_record_find(gil, link);
    if (thread == NULL)
        gil->lost++;
    return thread;
}

/* Whether its thread has ended, or it is the record of none. */
bool ppy_record_has_ended(const ppy_observed_thread_t *thread);

/* From now on it is the record of no thread. */
void ppy_record_clear(ppy_observed_thread_t *thread);

/* Give the calling thread, which has the link, a name. */
void ppy_record_name(ppy_observed_t *gil, ppy_observer_t *link,
                     const char *name);

#endif
