/*
 * gil.c - a global interpreter lock with priorities.
 *
 * Idea
 *   PythonPlus's: threads that acquire the lock come back from I/O, and go
 *   first when a CPU-bound thread yields; without such a thread, 99 of 100
 *   yields do nothing.  This ends the convoy effect (Beazley, "Understanding
 *   the Python GIL", 2010), in which a thread back from I/O waits a whole
 *   time slice each time.  gilsched decides which thread gets the lock next.
 *   This file has the lock, which is one word, and the functions that an
 *   interpreter's loop calls often.  A thread that takes and releases the lock
 *   while no other waits does so by one atomic operation, and the scheduler
 *   does not see it.
 *   A thread that sleeps on another CPU takes long to wake up, and the lock
 *   would be idle meanwhile.  So the thread is woken early, some yields before
 *   it gets the lock, and spins from then on.  The number of yields, ahead, is
 *   learnt: as few as wake it up in time, since a thread that spins slows down
 *   the one that shares its core.
 *
 * State                 writer                            guard
 *   word: HELD          acquirers, the holder             none (atomic)
 *         QUEUED        whoever has the guard             the guard
 *   wanted              whoever has the guard             the guard (atomic)
 *   yields, ahead,      the holder                        the lock
 *     woken_early, stats
 *   sched, holder       see gilsched.h                    the guard
 *   The guard is that of the queue sched.io, which sched does not use.
 *
 * Invariants
 *   G1  QUEUED is set while anybody has the guard, and between times while
 *       sched has a holder or somebody waits or is on its way.  While it is
 *       set the lock is taken and released with the guard held, and sched is
 *       told.
 *   G2  If the thread that takes the guard finds a holder that sched does not
 *       know, it tells sched that this holder has just taken the lock.  That
 *       is right, since no thread has waited for it before.
 *   G3  Whenever the guard is released, wanted has IO if the holder has been
 *       asked to let go, and CPU if a CPU-bound thread is queued.
 *   G4  A thread's record is in its own wait while it wants the lock, and in
 *       holder while it has it.  No pointer to the first record is left when
 *       the thread has taken the lock or given up (gilsched S3).
 *   G5  Only a holder that releases or yields takes a CPU-bound thread out of
 *       its queue.  So a thread that the holder wakes early, with the guard
 *       held, is still there.
 *
 * Races
 *   Lost wake-up: G1, gilsched S1.  Starvation: gilsched, and the share that
 *   ppt_gilsched_may_overtake defends.  An I/O thread that queues while the
 *   holder reads wanted: the next yield sees it.  Destroy against a release:
 *   the release touches the guard last, and destroy waits for the guard.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pyplusthread/gil.h"

#include <errno.h>
#include <stddef.h>

#include "wait/wait.h"
#include "wait/word.h"
#include "wait/word64.h"

enum {
    HELD = PPT__HELD,
    QUEUED = PPT__QUEUED,
    IO = PPT_GIL_WANTED_IO,
    CPU = PPT_GIL_WANTED_CPU
};

/* How many yields before its turn a thread is woken, to begin with. */
#define AHEAD 8

/* How long it then spins at most, and how long is long enough. */
#define SPIN_MOST_NS 50000
#define SPIN_ENOUGH_NS 5000

/* Only the holder counts; others may read meanwhile. */
static void add(uint64_t *counter)
{
    ppt__store64(counter, *counter + 1);
}

/* The guard */

static bool anybody_wants(const ppt_gil_t *gil)
{
    return gil->sched.io.head != NULL || gil->sched.cpu.head != NULL
           || gil->sched.coming != NULL;
}

/* G1, G3 */
static void unguard(ppt_gil_t *gil)
{
    uint32_t wanted = (gil->sched.asked_at != 0 ? IO : 0)
                      | (gil->sched.cpu.head != NULL ? CPU : 0);

    __atomic_store_n(&gil->wanted, wanted, __ATOMIC_RELAXED);
    if (ppt__word_load(&gil->word) == QUEUED && !anybody_wants(gil))
        __atomic_store_n(&gil->word, 0, __ATOMIC_RELEASE);
    ppt__waitq_unguard(&gil->sched.io);
}

static bool is_free(const ppt_gil_t *gil)
{
    return !(ppt__word_load(&gil->word) & HELD);
}

/* G4 */
static void take(ppt_gil_t *gil, ppt_gilsched_thread_t *thread)
{
    __atomic_store_n(&gil->word, HELD | QUEUED, __ATOMIC_RELAXED);
    ppt_gilsched_took(&gil->sched, thread);
    gil->holder = *thread;
    gil->sched.holder = &gil->holder;
}

/* G2 */
static void show_holder(ppt_gil_t *gil)
{
    if (is_free(gil) || gil->sched.holder != NULL)
        return;
    gil->holder = (ppt_gilsched_thread_t)PPT_GILSCHED_THREAD_INITIALIZER;
    ppt_gilsched_took(&gil->sched, &gil->holder);
}

/* G1.  Acquires what a release by one atomic operation has published. */
static void guard(ppt_gil_t *gil)
{
    ppt__waitq_guard(&gil->sched.io);
    gil->sched.yields = true; /* not so in zeroed memory */
    gil->sched.slice = PPT_FOREVER;
    __atomic_fetch_or(&gil->word, QUEUED, __ATOMIC_ACQUIRE);
    show_holder(gil);
}

static void set_free(ppt_gil_t *gil)
{
    __atomic_store_n(&gil->word, QUEUED, __ATOMIC_RELEASE);
}

/* Waiting */

/* The holder got its turn after a spin of so many ns (-1: none). */
static void learn_ahead(ppt_gil_t *gil, int64_t spun)
{
    if (gil->woken_early && spun < 0)
        gil->ahead += gil->ahead / 8 + 1;
    else if (gil->woken_early && spun > SPIN_ENOUGH_NS)
        gil->ahead -= gil->ahead / 8 + (gil->ahead > 1);
    gil->woken_early = false;
}

/* One wait for the lock. */
typedef struct wish {
    ppt_gilsched_thread_t thread;
    int64_t deadline;
    void *wake;   /* to be woken when the guard is next released */
    bool may_wake_early; /* before its turn, */
    int64_t spun;        /* and spin for so long; -1: it did not */
} wish_t;

static void sleep_until(wish_t *wish, int64_t until)
{
    ppt__waiter_t *waiter = (ppt__waiter_t *)&wish->thread.waiter;

    if (wish->may_wake_early)
        wish->thread.woken = ppt__waiter_sleep_then_spin(waiter, SPIN_MOST_NS,
                                              &wish->spun);
    if (!wish->thread.woken)
        ppt_gilsched_sleep(&wish->thread, until);
}

static void let_others_go_on(ppt_gil_t *gil, wish_t *wish, int64_t until)
{
    unguard(gil);
    ppt_gilsched_wake(wish->wake);
    wish->wake = NULL;
    sleep_until(wish, until < wish->deadline ? until : wish->deadline);
    guard(gil);
}

static bool is_over(const wish_t *wish)
{
    return wish->deadline != PPT_FOREVER && ppt__now() >= wish->deadline;
}

/* With the guard held. */
static int want(ppt_gil_t *gil, wish_t *wish)
{
    int64_t until;

    for (;;)
        switch (ppt_gilsched_want(&gil->sched, &wish->thread, &until)) {
        case PPT_GILSCHED_TAKE:
            take(gil, &wish->thread);
            return 0;
        case PPT_GILSCHED_ASK:
            ppt_gilsched_asked(&gil->sched); /* the holder sees IO: G3 */
            break;
        default:
            if (is_over(wish)) {
                wish->wake = ppt_gilsched_give_up(&gil->sched, &wish->thread);
                return ETIMEDOUT;
            }
            let_others_go_on(gil, wish, until);
        }
}

static int take_or_wait(ppt_gil_t *gil, wish_t *wish)
{
    if (!is_free(gil) || !ppt_gilsched_may_overtake(&gil->sched, &wish->thread))
        return wish->deadline == PPT_TRY ? EBUSY : want(gil, wish);
    take(gil, &wish->thread);
    return 0;
}

static PPT__SLOW int acquire_slowly(ppt_gil_t *gil, int64_t deadline)
{
    wish_t wish = { .deadline = deadline };
    int result;

    if (deadline < 0)
        return EINVAL;
    if (deadline == PPT_TRY && !is_free(gil))
        return EBUSY;
    guard(gil);
    result = take_or_wait(gil, &wish);
    unguard(gil);
    ppt_gilsched_wake(wish.wake);
    return result;
}

int ppt_gil_acquire(ppt_gil_t *gil, int64_t deadline)
{
    int result = 0;

    if (deadline < 0 || !ppt__word_take(&gil->word, HELD | QUEUED, 0, 0))
        result = acquire_slowly(gil, deadline);
    if (result == 0)
        add(&gil->stats.acquisitions);
    return result;
}

/* Letting go */

static PPT__SLOW int release_slowly(ppt_gil_t *gil)
{
    void *wake = NULL;
    int result = EPERM;

    guard(gil);
    if (!is_free(gil)) {
        wake = ppt_gilsched_let_go(&gil->sched, &gil->holder);
        set_free(gil);
        result = 0;
    }
    unguard(gil);
    ppt_gilsched_wake(wake);
    return result;
}

int ppt_gil_release(ppt_gil_t *gil)
{
    return ppt__word_free(&gil->word, QUEUED) ? 0 : release_slowly(gil);
}

/* Giving way */

/* Whether the lock is on its way to a thread back from I/O. */
static bool goes_to_io(const ppt_gil_t *gil)
{
    return !gil->sched.coming_is_cpu_bound;
}

/* With the guard held, and somebody there to have it. */
static void hand_over(ppt_gil_t *gil, bool turn, wish_t *wish)
{
    wish->wake = ppt_gilsched_yield(&gil->sched, &gil->holder, turn);
    wish->thread = gil->holder;
    add(goes_to_io(gil) ? &gil->stats.io_handovers : &gil->stats.turns);
    set_free(gil);
    want(gil, wish);
    add(&gil->stats.acquisitions);
}

static bool give_way(ppt_gil_t *gil, bool turn)
{
    wish_t wish = { .deadline = PPT_FOREVER, .may_wake_early = turn,
                    .spun = -1 };
    bool given;

    guard(gil);
    given = anybody_wants(gil) && (turn || gil->sched.asked_at != 0);
    if (given)
        hand_over(gil, turn, &wish);
    unguard(gil);
    ppt_gilsched_wake(wish.wake);
    if (turn)
        learn_ahead(gil, wish.spun);
    return given;
}

/* Some yields before its turn: the next thread, if it is on a remote CPU. */
static void wake_early(ppt_gil_t *gil)
{
    ppt__waiter_t *next;

    guard(gil);
    next = gil->sched.cpu.head;
    if (next != NULL && next->cpu != ppt__cpu()) {
        gil->woken_early = true;
        ppt__waiter_wake_early(next); /* G5 */
    }
    unguard(gil);
}

/* Between turns, while a CPU-bound thread waits. */
static void look_ahead(ppt_gil_t *gil, uint32_t every)
{
    if (gil->ahead == 0)
        gil->ahead = AHEAD;
    if (gil->ahead >= every)
        gil->ahead = every - 1;
    if (gil->ahead != 0 && gil->yields == every - gil->ahead)
        wake_early(gil);
}

bool ppt_gil_yield(ppt_gil_t *gil)
{
    uint32_t every = gil->yield_every != 0 ? gil->yield_every
                                           : PPT_GIL_YIELD_EVERY;
    uint32_t wanted = __atomic_load_n(&gil->wanted, __ATOMIC_RELAXED);
    bool turn = ++gil->yields >= every;

    if (turn)
        gil->yields = 0;
    if (((wanted & IO) || (turn && wanted != 0)) && give_way(gil, turn))
        return true;
    if ((wanted & CPU) && !turn)
        look_ahead(gil, every);
    add(&gil->stats.skipped);
    return false;
}

/* The rest */

void ppt_gil_init(ppt_gil_t *gil, uint32_t yield_every)
{
    *gil = (ppt_gil_t)PPT_GIL_INITIALIZER;
    gil->yield_every = yield_every;
}

int ppt_gil_destroy(ppt_gil_t *gil)
{
    if (ppt__word_load(&gil->word) & (HELD | QUEUED))
        return EBUSY;
    return ppt__waitq_drain(&gil->sched.io);
}

bool ppt_gil_locked(const ppt_gil_t *gil)
{
    return !is_free(gil);
}

unsigned ppt_gil_waiting(const ppt_gil_t *gil)
{
    return ppt_gilsched_waiting(&gil->sched);
}

void ppt_gil_get_stats(const ppt_gil_t *gil, ppt_gil_stats_t *stats)
{
    stats->acquisitions = ppt__load64(&gil->stats.acquisitions);
    stats->io_handovers = ppt__load64(&gil->stats.io_handovers);
    stats->turns = ppt__load64(&gil->stats.turns);
    stats->skipped = ppt__load64(&gil->stats.skipped);
}

void ppt_gil_after_fork(ppt_gil_t *gil)
{
    ppt_gil_init(gil, gil->yield_every);
}
