/*
 * gils.c - the GILs that are scheduled: one record for each.
 *
 * Idea
 *   From 3.12 on each interpreter may have a GIL of its own, which ends with
 *   the interpreter.  No call tells that it ends: CPython does not destroy its
 *   condition variables, but frees the memory that they are in.  But each
 *   interpreter has a module of its own, too, which is freed while one of its
 *   threads has the GIL for the last time.  So the modules count as users of
 *   their GIL's record, and a record without users ends.
 *
 * State
 *   ppy_gils  a list, which only grows; atomic, for it is read without a lock
 *   names     written with the table held; see G1
 *   sched, observed
 *             guarded by the GIL's mutex; of a record of no GIL: by the table
 *   users, id guarded by the table; users is read without it, too
 *   spins     of gil_mutex.c
 *   table     a lock, taken last: with the mutex of a GIL held or not
 *
 * Invariants
 *   G1  A record gets the names of a GIL, and loses them, by a thread that
 *       holds this GIL's mutex; or while no thread can be at that GIL, since
 *       its memory is made a GIL anew, or the process has just forked.  So a
 *       thread that holds the mutex and finds a record by its own names may
 *       use its scheduler.  A thread without the mutex may not.
 *   G2  A record has names while modules use it, or threads are in its
 *       scheduler.  If no module uses it, the last of these threads to take the
 *       GIL ends the record: each one checks, as it takes the GIL, whether
 *       others are still in the scheduler.
 *   G3  Records are not freed, since other threads may be reading them.  A
 *       record without names is used again, and a new one is made only if
 *       there is none.  So there are never more records than there were GILs
 *       at the same time.
 *   G4  Each use of a record has an id of its own.  A module that outlives the
 *       use, as a module of the parent does in the child of a fork, does not
 *       count as leaving it.
 *   G5  A record that is used again counts on.  So no sum goes back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gils.h"

#include <stdlib.h>
#include <string.h>

#include <pyplusthread/lock.h>

#include "wait/word64.h" /* of the library's sources */

ppy_gil_t *ppy_gils;

static ppt_lock_t table = PPT_LOCK_INITIALIZER;
static uint64_t last_id;
static uint32_t cpu_share = PPT_GILSCHED_CPU_SHARE;

/* Why threads are not scheduled; atomic. */
enum { TURNED_OFF = 1, PAUSED = 2 };
static unsigned withheld;

static void hold_table(void)
{
    ppt_lock_acquire(&table, PPT_FOREVER);
}

static void release_table(void)
{
    ppt_lock_release(&table);
}

ppy_gil_t *ppy_gil_with_mutex(const pthread_mutex_t *mutex)
{
    ppy_gil_t *gil = ppy_gils_first();

    while (gil != NULL
           && __atomic_load_n(&gil->names.mutex, __ATOMIC_RELAXED) != mutex)
        gil = gil->next;
    return gil;
}

/* With the table held */

static void set_names(ppy_gil_t *gil, const ppy_gil_names_t *names)
{
    __atomic_store_n(&gil->names.mutex, names->mutex, __ATOMIC_RELAXED);
    __atomic_store_n(&gil->names.switch_cond, names->switch_cond,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&gil->names.cond, names->cond, __ATOMIC_RELAXED);
}

static void set_users(ppy_gil_t *gil, unsigned users)
{
    __atomic_store_n(&gil->users, users, __ATOMIC_RELAXED);
}

static void clear(ppy_gil_t *gil)
{
    static const ppy_gil_names_t none;

    set_users(gil, 0);
    gil->id = 0;
    ppy_observe_forget(&gil->observed);
    set_names(gil, &none);
}

static bool are_names_of(const ppy_gil_t *gil, const ppy_gil_names_t *names)
{
    return gil->names.cond == names->cond
           && gil->names.switch_cond == names->switch_cond
           && gil->names.mutex == names->mutex;
}

static ppy_gil_t *with_id(uint64_t id)
{
    ppy_gil_t *gil = ppy_gils_first();

    while (gil != NULL && gil->id != id)
        gil = gil->next;
    return gil;
}

/* 0 is the scheduler's word for its own default. */
static uint32_t scheduler_share(void)
{
    return cpu_share != 0 ? cpu_share : 1;
}

/* G5 */
static void reset(ppt_gilsched_t *sched)
{
    ppt_gilsched_stats_t stats = sched->stats;

    *sched = (ppt_gilsched_t)PPT_GILSCHED_INITIALIZER;
    sched->stats = stats;
    sched->cpu_share = scheduler_share();
}

/* G2 */
static bool nobody_is_in(const ppt_gilsched_t *sched)
{
    return ppt_gilsched_waiting(sched) == 0 && sched->coming == NULL;
}

/* Joining, leaving */

uint64_t ppy_gils_join(const ppy_gil_names_t *names)
{
    ppy_gil_t *gil;
    uint64_t id = 0;

    hold_table();
    gil = ppy_gil_with_cond(names->cond);
    if (gil != NULL && are_names_of(gil, names)) {
        set_users(gil, gil->users + 1);
        id = gil->id;
    }
    release_table();
    return id;
}

bool ppy_gils_leave(uint64_t id, ppy_gil_names_t *names)
{
    ppy_gil_t *gil;
    bool last = false;

    hold_table();
    gil = id != 0 ? with_id(id) : NULL; /* G4 */
    if (gil != NULL) {
        *names = gil->names;
        set_users(gil, gil->users - 1);
        last = gil->users == 0;
    }
    release_table();
    return last;
}

static ppy_gil_t *add(void)
{
    ppy_gil_t *gil = aligned_alloc(PPY_LINE, sizeof(*gil));

    if (gil == NULL)
        return NULL;
    memset(gil, 0, sizeof(*gil));
    gil->next = ppy_gils;
    __atomic_store_n(&ppy_gils, gil, __ATOMIC_RELEASE);
    return gil;
}

/* G3 */
ppy_gil_t *ppy_gils_take(void)
{
    ppy_gil_t *gil;

    hold_table();
    gil = ppy_gil_with_cond(NULL);
    if (gil == NULL)
        gil = add();
    release_table();
    return gil;
}

uint64_t ppy_gil_begin(ppy_gil_t *gil, const ppy_gil_names_t *names)
{
    uint64_t id;

    hold_table();
    reset(&gil->sched);
    set_users(gil, 1);
    gil->id = id = ++last_id;
    set_names(gil, names);
    release_table();
    return id;
}

bool ppy_gil_end(ppy_gil_t *gil)
{
    bool ends;

    hold_table();
    ends = gil->users == 0 && nobody_is_in(&gil->sched);
    if (ends)
        clear(gil);
    release_table();
    return ends;
}

void ppy_gil_forget(ppy_gil_t *gil)
{
    hold_table();
    clear(gil);
    release_table();
}

/* Returns whether it was set before. */
static bool withhold(unsigned why, bool set)
{
    unsigned before
        = set ? __atomic_fetch_or(&withheld, why, __ATOMIC_RELAXED)
              : __atomic_fetch_and(&withheld, ~why, __ATOMIC_RELAXED);

    return (before & why) != 0;
}

void ppy_gils_schedule(bool enabled)
{
    withhold(TURNED_OFF, !enabled);
}

bool ppy_gils_pause(bool paused)
{
    return withhold(PAUSED, paused);
}

bool ppy_gils_are_scheduled(void)
{
    return __atomic_load_n(&withheld, __ATOMIC_RELAXED) == 0;
}

bool ppy_gils_are_to_be_scheduled(void)
{
    return (__atomic_load_n(&withheld, __ATOMIC_RELAXED) & TURNED_OFF) == 0;
}

/* G1: the one thread there is, so nobody ends a pause of the parent's. */
void ppy_gils_after_fork(const ppy_gil_t *own)
{
    ppy_gil_t *gil = ppy_gils_first();

    ppt_lock_after_fork(&table);
    ppy_gils_pause(false);
    for (; gil != NULL; gil = gil->next) {
        gil->spins = false;
        if (gil == own)
            continue;
        clear(gil);
        gil->sched = (ppt_gilsched_t)PPT_GILSCHED_INITIALIZER;
    }
}

/* Of all */

void ppy_gils_set_share(uint32_t share)
{
    ppy_gil_t *gil;

    hold_table();
    __atomic_store_n(&cpu_share, share, __ATOMIC_RELAXED);
    for (gil = ppy_gils_first(); gil != NULL; gil = gil->next)
        __atomic_store_n(&gil->sched.cpu_share, scheduler_share(),
                         __ATOMIC_RELAXED);
    release_table();
}

uint32_t ppy_gils_share(void)
{
    return __atomic_load_n(&cpu_share, __ATOMIC_RELAXED);
}

static uint64_t count(const uint64_t *counter)
{
    return ppt__load64(counter);
}

static int64_t length(const int64_t *sum)
{
    return (int64_t)ppt__load64((const uint64_t *)sum);
}

static void add_up(ppt_gilsched_stats_t *sum, const ppt_gilsched_stats_t *part)
{
    sum->holds += count(&part->holds);
    sum->waits += count(&part->waits);
    sum->cpu_waits += count(&part->cpu_waits);
    sum->wakes += count(&part->wakes);
    sum->vain_wakes += count(&part->vain_wakes);
    sum->requests += count(&part->requests);
    sum->renewals += count(&part->renewals);
    sum->forced += count(&part->forced);
    sum->io_waited += length(&part->io_waited);
    sum->cpu_waited += length(&part->cpu_waited);
    sum->cpu_held += length(&part->cpu_held);
}

unsigned ppy_gils_stats(ppt_gilsched_stats_t *stats)
{
    const ppy_gil_t *gil;
    unsigned records = 0;

    *stats = (ppt_gilsched_stats_t){ 0 };
    hold_table();
    for (gil = ppy_gils_first(); gil != NULL; gil = gil->next) {
        add_up(stats, &gil->sched.stats);
        records++;
    }
    release_table();
    return records;
}
