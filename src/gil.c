/*
 * gil.c - a global interpreter lock with priorities.
 *
 * Idea
 *   PythonPlus's: threads that acquire the lock come back from I/O, and go
 *   first when a CPU-bound thread yields; without such a thread, 99 of 100
 *   yields do nothing.  This ends the convoy effect (Beazley, "Understanding
 *   the Python GIL", 2010), in which a thread back from I/O waits a whole
 *   time slice each time.  A release frees the lock and wakes a waiter, as
 *   in lock.c; a yield hands the lock over.
 *   A thread that sleeps on another CPU takes long to wake up, while nobody
 *   runs.  So it is nudged some yields before its turn, and spins from then
 *   on.  How many, ahead, is learnt: as few as wake it up in time, since a
 *   thread that spins slows down the one that shares its core.
 *
 * State                 writer                            guard
 *   word: HELD          acquirers, the holder             none (atomic)
 *         QUEUED        waiters; a release                io.guard
 *         TURN          as in lock.c                      none (atomic)
 *         RESERVED      the holder; the waiter on its way none (atomic)
 *   wanted: IO          waiters, wakers                   io.guard (atomic)
 *           CPU, a      the holder                        the lock (atomic)
 *           count
 *   yields, burst,      the holder                        the lock
 *     ahead, nudged,
 *     stats
 *   io, cpu             see waitq.c                       io.guard, for both
 *
 * Invariants
 *   G1  As lock.c's L1 and L2, for both queues together.
 *   G2  wanted has IO while an I/O thread is queued.  (It may have it a
 *       little longer: the next yield clears it.)  It counts the CPU-bound
 *       threads that have given way and not got the lock back, queued or on
 *       their way.
 *   G3  burst is the number of grants to I/O threads since a CPU-bound thread
 *       last ran or none waited.  When it reaches PPT_GIL_IO_BURST, the
 *       holder's release or yield gives the lock to a CPU-bound thread: to
 *       the first that is queued; or, if the only one is on its way (TURN),
 *       by RESERVED, which keeps all others out.
 *   G4  Only CPU-bound threads wait in cpu, without limit: they never leave.
 *       So io.guard can guard both; and only the holder takes threads out of
 *       cpu, so one that it nudges is there.
 *   G5  A waiter that was woken and passed over for PATIENCE_NS is handed the
 *       lock by the next release.
 *
 * Races
 *   Lost wake-up: G1.  Starvation of a CPU-bound thread that is overtaken
 *   each time it wakes up: G3, since the count in wanted includes it; of an
 *   I/O thread: G5, since waiters queue again in front.
 *   An I/O thread that queues while the holder looks at wanted: the next
 *   yield sees it.
 */
#include "pyplusthread/gil.h"

#include <errno.h>
#include <stddef.h>

#include "waitq.h"
#include "word.h"
#include "word64.h"

enum {
    HELD = PPT__HELD,
    QUEUED = PPT__QUEUED,
    TURN = PPT__TURN,
    RESERVED = PPT__OWN,
    BUSY = HELD | RESERVED,
    MINE = TURN | RESERVED /* of the waiter on its way */
};

/* How long the waiter on its way may be passed over. */
#define PATIENCE_NS 1000000

/* How many yields before its turn a thread is nudged, to begin with. */
#define AHEAD 8

/* How long it then spins at most, and how long is long enough. */
#define SPIN_MOST_NS 50000
#define SPIN_ENOUGH_NS 5000

/* wanted: one bit, and a count above it. */
enum {
    IO = PPT_GIL_WANTED_IO,
    ONE_CPU = PPT_GIL_WANTED_CPU
};

/* Only the holder counts; others may read meanwhile. */
static void add(uint64_t *counter)
{
    ppt__store64(counter, *counter + 1);
}

static bool cpu_bound_wait(const ppt_gil_t *gil)
{
    return __atomic_load_n(&gil->wanted, __ATOMIC_RELAXED) >= ONE_CPU;
}

/* G2, with the guard held. */
static void note_io(ppt_gil_t *gil)
{
    if (gil->io.head != NULL)
        __atomic_fetch_or(&gil->wanted, IO, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&gil->wanted, ~(uint32_t)IO, __ATOMIC_RELAXED);
}

/* The caller holds gil since now, as a thread back from I/O.  G3. */
static void granted_to_io(ppt_gil_t *gil)
{
    gil->burst = cpu_bound_wait(gil) ? gil->burst + 1 : 0;
    add(&gil->stats.acquisitions);
}

static void granted_to_cpu(ppt_gil_t *gil)
{
    __atomic_fetch_sub(&gil->wanted, ONE_CPU, __ATOMIC_RELAXED);
    gil->burst = 0;
    add(&gil->stats.acquisitions);
}

static bool owed_to_cpu(const ppt_gil_t *gil)
{
    return gil->burst >= PPT_GIL_IO_BURST && cpu_bound_wait(gil);
}

static bool acquire_or_queue(ppt_gil_t *gil, ppt__waiter_t *waiter)
{
    bool taken;

    ppt__waitq_guard(&gil->io);
    taken = ppt__word_take_or_announce(&gil->word, BUSY, 0, 0, 0);
    if (!taken) {
        ppt__waitq_push(&gil->io, waiter);
        note_io(gil);
    }
    ppt__waitq_unguard(&gil->io);
    return taken;
}

/*
 * The waiter was woken: take gil, or queue again, in front.  RESERVED is for
 * it (G3).
 */
static bool claim(ppt_gil_t *gil, ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    bool taken;

    if (waiter->grant == PPT__GRANT_LOCK)
        return true;
    ppt__waitq_guard(&gil->io);
    taken = ppt__word_take_or_announce(&gil->word, HELD, MINE, 0, 0);
    if (!taken) {
        if (waiter->passed_since == 0)
            waiter->passed_since = ppt__now();
        ppt__waiter_restart(waiter, false);
        ppt__waitq_push_front(queue, waiter);
        note_io(gil);
    }
    ppt__waitq_unguard(&gil->io);
    return taken;
}

static int wait_in(ppt_gil_t *gil, ppt_waitq_t *queue, ppt__waiter_t *waiter,
                   int64_t deadline)
{
    ppt__limits_t limits = { .deadline = deadline };
    int result;

    do
        result = ppt__waiter_wait(waiter, queue, &limits);
    while (result == 0 && !claim(gil, queue, waiter));
    return result;
}

static PPT__SLOW int acquire_slowly(ppt_gil_t *gil, int64_t deadline)
{
    ppt__waiter_t waiter;
    int result = 0;

    if (deadline < 0)
        return EINVAL;
    if (deadline == PPT_TRY)
        return EBUSY;
    ppt__waiter_start(&waiter, ppt__spin_pays(&gil->io));
    if (!acquire_or_queue(gil, &waiter))
        result = wait_in(gil, &gil->io, &waiter, deadline);
    ppt__waiter_end(&waiter);
    return result;
}

int ppt_gil_acquire(ppt_gil_t *gil, int64_t deadline)
{
    int result = 0;

    if (deadline < 0 || !ppt__word_take(&gil->word, BUSY, 0, 0))
        result = acquire_slowly(gil, deadline);
    if (result == 0)
        granted_to_io(gil);
    return result;
}

static uint32_t queued_bit(const ppt_gil_t *gil)
{
    return gil->io.head != NULL || gil->cpu.head != NULL ? QUEUED : 0;
}

static bool passed_over(const ppt__waiter_t *waiter)
{
    return waiter->passed_since != 0
           && ppt__now() - waiter->passed_since >= PATIENCE_NS;
}

/*
 * With the guard held: free gil for a waiter, or hand it over, or reserve it.
 * Returns the waiter to wake, and with what.
 */
static ppt__waiter_t *pass_on(ppt_gil_t *gil, uint32_t *grant)
{
    bool owed = owed_to_cpu(gil);
    uint32_t next = ppt__word_load(&gil->word) & TURN;
    ppt__waiter_t *waiter = owed ? ppt__waitq_pop(&gil->cpu) : NULL;

    *grant = waiter != NULL ? PPT__GRANT_LOCK : PPT__GRANT_TURN; /* G3 */
    if (waiter == NULL && next == 0) { /* nobody is on its way */
        waiter = ppt__waitq_pop(&gil->io);
        if (waiter == NULL)
            waiter = ppt__waitq_pop(&gil->cpu);
        if (waiter != NULL && passed_over(waiter))
            *grant = PPT__GRANT_LOCK; /* G5 */
    }
    if (waiter != NULL)
        next |= *grant == PPT__GRANT_LOCK ? HELD : TURN;
    else if (owed && next != 0)
        next |= RESERVED; /* G3 */
    note_io(gil);
    __atomic_store_n(&gil->word, next | queued_bit(gil), __ATOMIC_RELEASE);
    return waiter;
}

static int release_to_queue(ppt_gil_t *gil)
{
    ppt__waiter_t *waiter;
    uint32_t grant;

    ppt__waitq_guard(&gil->io);
    if (!(ppt__word_load(&gil->word) & HELD)) {
        ppt__waitq_unguard(&gil->io);
        return EPERM;
    }
    waiter = pass_on(gil, &grant);
    ppt__waitq_unguard(&gil->io);
    if (waiter != NULL)
        ppt__waiter_wake(waiter, grant);
    return 0;
}

int ppt_gil_release(ppt_gil_t *gil)
{
    uint32_t word = ppt__word_load(&gil->word);

    /* As in lock.c: nobody is queued, or one is on its way (G1, G3). */
    while ((word & HELD) && !owed_to_cpu(gil)
           && (!(word & QUEUED) || (word & TURN)))
        if (ppt__word_change(&gil->word, &word, word & ~(uint32_t)HELD))
            return 0;
    return word & HELD ? release_to_queue(gil) : EPERM;
}

static bool on_its_way(const ppt_gil_t *gil)
{
    return ppt__word_load(&gil->word) & TURN;
}

/*
 * With the guard held: who is handed the lock by a holder that yields.  NULL
 * where that is the waiter on its way (G3, G4).
 */
static ppt__waiter_t *successor(ppt_gil_t *gil, bool turn, bool *is_io)
{
    ppt__waiter_t *waiter = NULL;
    bool owed = owed_to_cpu(gil);

    *is_io = false;
    if (owed)
        return ppt__waitq_pop(&gil->cpu);
    waiter = ppt__waitq_pop(&gil->io);
    *is_io = waiter != NULL;
    if (waiter == NULL && turn && !on_its_way(gil))
        waiter = ppt__waitq_pop(&gil->cpu);
    return waiter;
}

/* Make way for I/O and resume first, or take turns and resume last. */
static void queue_behind(ppt_gil_t *gil, ppt__waiter_t *self, bool first)
{
    if (first)
        ppt__waitq_push_front(&gil->cpu, self);
    else
        ppt__waitq_push(&gil->cpu, self);
    __atomic_fetch_add(&gil->wanted, ONE_CPU, __ATOMIC_RELAXED);
    ppt__word_announce(&gil->word, HELD, 0, 0);
}

/* G3: let go of the lock, for the waiter on its way and nobody else. */
static void reserve(ppt_gil_t *gil)
{
    uint32_t word = ppt__word_load(&gil->word);

    while (!ppt__word_change(&gil->word, &word,
                             (word & ~(uint32_t)HELD) | RESERVED))
        ;
}

/*
 * With the guard held: hand the lock over, and queue self behind.  False
 * where nobody is to have it.  *next is whom to wake, or NULL.
 */
static bool hand_over(ppt_gil_t *gil, bool turn, ppt__waiter_t *self,
                      ppt__waiter_t **next)
{
    bool is_io;

    *next = successor(gil, turn, &is_io);
    if (*next == NULL
        && !(on_its_way(gil) && (turn || owed_to_cpu(gil))))
        return false;
    queue_behind(gil, self, is_io && !turn);
    if (*next == NULL)
        reserve(gil);
    add(is_io ? &gil->stats.io_handovers : &gil->stats.turns);
    return true;
}

/* The holder got its turn after a spin of so many ns (-1: none). */
static void learn_ahead(ppt_gil_t *gil, int64_t spun)
{
    if (gil->nudged && spun < 0)
        gil->ahead += gil->ahead / 8 + 1;
    else if (gil->nudged && spun > SPIN_ENOUGH_NS)
        gil->ahead -= gil->ahead / 8 + (gil->ahead > 1);
    gil->nudged = false;
}

static void wait_for_turn(ppt_gil_t *gil, ppt__waiter_t *self)
{
    int64_t spun;
    bool woken = ppt__waiter_doze(self, SPIN_MOST_NS, &spun);

    if (!woken || !claim(gil, &gil->cpu, self))
        wait_in(gil, &gil->cpu, self, PPT_FOREVER);
    learn_ahead(gil, spun);
}

static bool give_way(ppt_gil_t *gil, bool turn)
{
    ppt__waiter_t self;
    ppt__waiter_t *next;
    bool given;

    ppt__waiter_start(&self, !turn && ppt__spin_pays(&gil->cpu));
    ppt__waitq_guard(&gil->io);
    given = hand_over(gil, turn, &self, &next);
    note_io(gil);
    ppt__waitq_unguard(&gil->io);
    if (next != NULL)
        ppt__waiter_wake(next, PPT__GRANT_LOCK);
    if (given && turn)
        wait_for_turn(gil, &self);
    else if (given)
        wait_in(gil, &gil->cpu, &self, PPT_FOREVER);
    if (given)
        granted_to_cpu(gil);
    ppt__waiter_end(&self);
    return given;
}

/* Some yields before its turn: nudge the next thread, if it is far away. */
static void nudge(ppt_gil_t *gil)
{
    ppt__waiter_t *next;

    ppt__waitq_guard(&gil->io);
    next = gil->cpu.head;
    ppt__waitq_unguard(&gil->io);
    if (next == NULL || next->cpu == ppt__cpu())
        return;
    gil->nudged = true;
    ppt__waiter_nudge(next); /* G4 */
}

/* Between turns, while a CPU-bound thread waits. */
static void look_ahead(ppt_gil_t *gil, uint32_t every)
{
    if (gil->ahead == 0)
        gil->ahead = AHEAD;
    if (gil->ahead >= every)
        gil->ahead = every - 1;
    if (gil->ahead != 0 && gil->yields == every - gil->ahead)
        nudge(gil);
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
    if (wanted >= ONE_CPU && !turn)
        look_ahead(gil, every);
    add(&gil->stats.skipped);
    return false;
}

void ppt_gil_init(ppt_gil_t *gil, uint32_t yield_every)
{
    *gil = (ppt_gil_t)PPT_GIL_INITIALIZER;
    gil->yield_every = yield_every;
}

int ppt_gil_destroy(ppt_gil_t *gil)
{
    if ((ppt__word_load(&gil->word) & (BUSY | TURN)) || cpu_bound_wait(gil))
        return EBUSY;
    return ppt__waitq_retire(&gil->io);
}

bool ppt_gil_locked(const ppt_gil_t *gil)
{
    return ppt__word_load(&gil->word) & HELD;
}

unsigned ppt_gil_waiting(const ppt_gil_t *gil)
{
    return ppt__waitq_waiting(&gil->io) + ppt__waitq_length(&gil->cpu);
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
