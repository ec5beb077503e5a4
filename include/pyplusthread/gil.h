/*
 * pyplusthread/gil.h - a global interpreter lock with priorities.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_GIL_H
#define PYPLUSTHREAD_GIL_H

#include <stdbool.h>
#include <stdint.h>

#include "gilsched.h"
#include "time.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The number of yields after which the next CPU-bound thread gets the lock, by
 * default.
 */
#define PPT_GIL_YIELD_EVERY 100

/* What a gil has done since it was initialised.  Monotonic counters. */
typedef struct ppt_gil_stats {
    uint64_t acquisitions; /* times the lock changed to a new holder */
    uint64_t io_handovers; /* yields that gave the lock to an I/O thread */
    uint64_t turns;        /* yields that gave the lock to a CPU-bound one */
    uint64_t skipped;      /* yields that did nothing */
} ppt_gil_stats_t;

/*
 * One lock for all threads of an interpreter, after PythonPlus: a thread
 * that acquires it comes back from I/O and goes first; a CPU-bound thread
 * gives way with yield at its check interval, which does nothing 99 times
 * of 100 unless an I/O thread waits.
 *
 *     static ppt_gil_t gil = PPT_GIL_INITIALIZER;
 *     static struct object *heap;     // guarded by gil
 *
 *     ppt_gil_acquire(&gil, PPT_FOREVER);
 *     while (step(heap))
 *         if (--ticks == 0) { ticks = 100; ppt_gil_yield(&gil); }
 *     ppt_gil_release(&gil);          // before blocking I/O
 *
 * Order     I/O threads in FIFO order, then CPU-bound threads in FIFO
 *           order.  A thread that made way for I/O resumes before the other
 *           CPU-bound threads, unless its time slice was over.  The policy is
 *           that of gilsched.h, with time slices that are counted in yields.
 * Starvation  none on either side: a CPU-bound holder gives way to I/O at its
 *           next yield, unless CPU-bound threads have had less than
 *           PPT_GILSCHED_CPU_SHARE of the time in which they wanted the lock.
 *           Then they go before the others, until they have had it.
 * Not promised  anything to threads that hold the lock without yielding;
 *           preemption; use by several processes.
 * Fork      the child must call ppt_gil_after_fork before anything else.
 */
typedef struct ppt_gil {
    uint32_t word;
    uint32_t wanted;       /* read by the predicate: PPT_GIL_WANTED_* */
    uint32_t yields;       /* in this time slice; the holder's */
    uint32_t yield_every;  /* 0: PPT_GIL_YIELD_EVERY */
    uint32_t ahead;        /* wake the next thread so many yields early */
    uint32_t woken_early;  /* whether it was woken; both the holder's */
    ppt_gil_stats_t stats;
    ppt_gilsched_t sched;
    ppt_gilsched_thread_t holder; /* what sched knows of it */
} ppt_gil_t;

/* Private: who waits. */
#define PPT_GIL_WANTED_IO 1u
#define PPT_GIL_WANTED_CPU 2u

/* A free gil with the default yield_every.  All zero memory is one too. */
#define PPT_GIL_INITIALIZER                                                 \
    { 0, 0, 0, 0, 0, 0, { 0, 0, 0, 0 }, PPT_GILSCHED_INITIALIZER,           \
      PPT_GILSCHED_THREAD_INITIALIZER }

/*
 * Make gil a free lock whose CPU-bound threads have time slices of yield_every
 * yields (0: the default; 1: each yield ends one).  Never fails; allocates
 * nothing.
 */
PPT_API void ppt_gil_init(ppt_gil_t *gil, uint32_t yield_every);

/*
 * End the use of gil; its memory may then be freed or reused.
 *
 * Returns   0      gil may be freed
 *           EBUSY  it is held or waited for; nothing changed
 */
PPT_API int ppt_gil_destroy(ppt_gil_t *gil);

/*
 * Take gil as a thread that comes back from I/O: before the CPU-bound
 * threads that wait, at the latest when the holder yields.
 *
 * Returns   0          the caller holds gil
 *           EBUSY      gil is held, and deadline is PPT_TRY
 *           ETIMEDOUT  deadline passed; gil was not taken
 *           EINVAL     deadline is negative; nothing changed
 * Orders    acquires what the last release or yield published.
 */
PPT_API int ppt_gil_acquire(ppt_gil_t *gil, int64_t deadline);

/*
 * Free gil and wake the next thread, an I/O thread where one waits.  If a
 * thread that was woken before is still on its way, no other is woken.
 *
 * Requires  the caller holds gil.
 * Returns   0      gil was released
 *           EPERM  gil was free already; nothing changed
 */
PPT_API int ppt_gil_release(ppt_gil_t *gil);

/*
 * Give way, if there is reason to.  If an I/O thread waits, it gets the lock.
 * Otherwise exactly every yield_every-th call on this gil gives the lock to
 * the next CPU-bound thread, if one waits.  All other calls do nothing and
 * cost a few nanoseconds.
 *
 * Requires  the caller holds gil.
 * Returns   true   gil was free for others meanwhile
 *           false  nothing happened
 *           Either way the caller holds gil again.
 */
PPT_API bool ppt_gil_yield(ppt_gil_t *gil);

/*
 * Would a yield switch now?  For an interpreter's evaluation loop: one
 * relaxed load when nobody waits.  It does not count as a yield.
 *
 * Requires  the caller holds gil.
 */
static inline bool ppt_gil_should_yield(const ppt_gil_t *gil)
{
    uint32_t wanted = __atomic_load_n(&gil->wanted, __ATOMIC_RELAXED);
    uint32_t every = gil->yield_every;

    if (wanted == 0)
        return false;
    if (wanted & PPT_GIL_WANTED_IO)
        return true;
    return gil->yields + 1 >= (every != 0 ? every : PPT_GIL_YIELD_EVERY);
}

/* Whether somebody holds gil; may be stale on return. */
PPT_API bool ppt_gil_locked(const ppt_gil_t *gil);

/* How many threads wait for gil; may be stale on return. */
PPT_API unsigned ppt_gil_waiting(const ppt_gil_t *gil);

/*
 * Copy gil's counters to stats.  They are exact if the caller holds gil.
 * Otherwise they may be stale and, on a 32-bit processor, off by 2^32 at the
 * moment at which a counter reaches a multiple of that.
 */
PPT_API void ppt_gil_get_stats(const ppt_gil_t *gil, ppt_gil_stats_t *stats);

/*
 * In the child of a fork: make gil free, forget the parent's waiters, set
 * the counters to zero, keep yield_every.
 */
PPT_API void ppt_gil_after_fork(ppt_gil_t *gil);

#ifdef __cplusplus
}
#endif

#endif
