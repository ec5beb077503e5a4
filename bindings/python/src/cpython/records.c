/*
 * records.c - the records of the threads that have to do with a GIL.
 *
 * State
 *   Guarded by the GIL's mutex, but for a thread's owner, which is atomic, and
 *   next_of_all, which is set once.
 *   all     every record, of all GILs; it only grows; atomic
 *
 * Invariants
 *   R1  A record belongs to the thread that has its link at owner.  Records are
 *       never freed: a thread may read a record that it once had, and see that
 *       it no longer belongs to it.
 *   R2  Records stay when their threads end, for the report.  If there are
 *       more than MANY, the record of a thread that has ended is added to one
 *       sum and used again.  So a server with a thread for each request needs
 *       no more memory than one with a pool, and no time is lost.
 *   R3  A thread that ends lets go of its records without the mutex, by an
 *       exchange.  If a record has been given to another thread before, it
 *       stays with that thread.
 *
 * SPDX-License-Identifier: MIT
 */
#include "records.h"

#include "../base/compat.h"
#include "../base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 512 };

static ppy_observed_thread_t *all;
static pthread_key_t key;

/* R3 */
static void let_go_of_records(void *link)
{
    ppy_observed_thread_t *thread = __atomic_load_n(&all, __ATOMIC_ACQUIRE);

    for (; thread != NULL; thread = thread->next_of_all) {
        const ppy_observer_t *owner = link;

        __atomic_compare_exchange_n(&thread->owner, &owner, NULL, false,
                                    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
}

static void make_key(void)
{
    pthread_key_create(&key, let_go_of_records);
}

bool ppy_record_has_ended(const ppy_observed_thread_t *thread)
{
    return __atomic_load_n(&thread->owner, __ATOMIC_ACQUIRE) == NULL;
}

static void publish(ppy_observed_thread_t *thread)
{
    ppy_observed_thread_t *first = __atomic_load_n(&all, __ATOMIC_RELAXED);

    do
        thread->next_of_all = first;
    while (!__atomic_compare_exchange_n(&all, &first, thread, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static ppy_observed_thread_t *allocate(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = calloc(1, sizeof(*thread));

    if (thread == NULL)
        return NULL;
    thread->gil = gil;
    thread->next = gil->threads;
    gil->threads = thread;
    publish(thread);
    return thread;
}

/* What stays is where it is in the lists. */
void ppy_record_clear(ppy_observed_thread_t *thread)
{
    size_t kept = offsetof(ppy_observed_thread_t, serial);

    memset((char *)thread + kept, 0, sizeof(*thread) - kept);
    __atomic_store_n(&thread->owner, NULL, __ATOMIC_RELAXED);
}

/* R2 */
static bool forget(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    if (gil->others == NULL)
        gil->others = calloc(1, sizeof(*gil->others));
    if (gil->others == NULL)
        return false;
    ppy_tally_merge(&gil->others->tally, &thread->tally);
    ppy_timeline_merge(&gil->others->held, &thread->held);
    ppy_timeline_merge(&gil->others->waited, &thread->waited);
    gil->others->threads++;
    gil->waiting -= ppy_is_waiting(thread);
    ppy_record_clear(thread);
    gil->used--;
    return true;
}

static ppy_observed_thread_t *unused_record(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = gil->threads;

    for (; thread != NULL; thread = thread->next)
        if (!thread->is_used
            || (gil->used >= MANY && ppy_record_has_ended(thread)
                && forget(gil, thread)))
            return thread;
    return allocate(gil);
}

ppy_observed_thread_t *ppy_record_find(ppy_observed_t *gil,
                                       ppy_observer_t *link)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ppy_observed_thread_t *thread = gil->threads;

    while (thread != NULL && !ppy_record_is_of(thread, link))
        thread = thread->next;
    if (thread == NULL)
        thread = unused_record(gil);
    link->thread = thread;
    if (thread == NULL || thread->is_used)
        return thread;
    pthread_once(&once, make_key);
    pthread_setspecific(key, link);
    thread->is_used = true;
    thread->threads = 1;
    thread->serial = ++gil->serials;
    thread->native_id = PyThread_get_thread_native_id();
    thread->ident = PyThread_get_thread_ident();
    gil->used++;
    __atomic_store_n(&thread->owner, link, __ATOMIC_RELAXED);
    return thread;
}

void ppy_record_name(ppy_observed_t *gil, ppy_observer_t *link,
                     const char *name)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);

    if (thread != NULL)
        ppy_text_copy(thread->name, PPY_NAME, name);
}
