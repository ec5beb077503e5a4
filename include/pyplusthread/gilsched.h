/*
 * pyplusthread/gilsched.h - who gets an interpreter's lock next.
 *
 * The policy of ppt_gil_t, for an interpreter that has a lock of its own: a
 * flag and a mutex, as CPython's GIL is.  The interpreter reports four events
 * and is told whom to wake.  The scheduler has no lock and starts no thread;
 * its state is guarded by a mutex of the caller's, the guard.
 *
 * In most interpreters a waiting thread asks the holder to let go, and the
 * holder does so a little later.  An interpreter whose threads call the
 * scheduler themselves at their check intervals sets the field yields, and
 * calls ppt_gilsched_yield there.
 *
 *     static ppt_gilsched_t sched = PPT_GILSCHED_INITIALIZER;
 *     static bool locked;                          // guarded by mutex
 *     static _Thread_local ppt_gilsched_thread_t me;
 *
 *     void take(void)
 *     {
 *         int64_t until;
 *
 *         lock(mutex);
 *         while (locked)
 *             switch (ppt_gilsched_want(&sched, &me, &until)) {
 *             case PPT_GILSCHED_SLEEP:
 *                 unlock(mutex);
 *                 ppt_gilsched_sleep(&me, until);
 *                 lock(mutex);
 *                 break;
 *             case PPT_GILSCHED_ASK:
 *                 have_the_holder_let_go_soon();
 *                 ppt_gilsched_asked(&sched);
 *             }
 *         locked = true;
 *         ppt_gilsched_took(&sched, &me);
 *         unlock(mutex);
 *     }
 *
 *     void let_go(void)
 *     {
 *         void *wake;
 *
 *         lock(mutex);
 *         locked = false;
 *         wake = ppt_gilsched_let_go(&sched, &me);
 *         unlock(mutex);
 *         ppt_gilsched_wake(wake);
 *     }
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_GILSCHED_H
#define PYPLUSTHREAD_GILSCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "time.h"
#include "version.h"
#include "waiter.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long a CPU-bound thread has the lock before the next one, by default. */
#define PPT_GILSCHED_SLICE_NS INT64_C(5000000)

/* What part of the time CPU-bound threads get, in millionths, by default. */
#define PPT_GILSCHED_CPU_SHARE 300000u

/*
 * A thread that holds the lock for this long while another waits counts as
 * CPU-bound.  A thread that was woken may be passed over for this long.
 */
#define PPT_GILSCHED_PATIENCE_NS INT64_C(1000000)

/*
 * A thread that wants the lock again within this time after it has let go of
 * it will probably do so again.  So for this long a free lock is left to it,
 * if only CPU-bound threads wait.
 */
#define PPT_GILSCHED_BRIEF_NS INT64_C(50000)

/*
 * What a scheduler has done.  Monotonic counters, written with the guard held.
 * Without the guard they may be read as atomic words; they may be stale then.
 */
typedef struct ppt_gilsched_stats {
    uint64_t holds;         /* times a thread took the lock */
    uint64_t waits;         /* holds that began with a wait */
    uint64_t cpu_waits;     /* waits of CPU-bound threads */
    uint64_t wakes;         /* times a thread was woken for the lock */
    uint64_t vain_wakes;    /* woken threads that found the lock taken */
    uint64_t requests;      /* times a holder was asked to let go */
    uint64_t renewals;      /* requests that repeated one of the same hold */
    uint64_t forced;        /* times a CPU-bound thread let go when asked */
    int64_t io_waited;      /* ns that threads back from blocking waited */
    int64_t cpu_waited;     /* ns that CPU-bound threads waited */
    int64_t cpu_held;       /* ns that CPU-bound threads held the lock */
} ppt_gilsched_stats_t;

/*
 * What the scheduler knows of a thread.  All zero is a new one; it stays
 * where it is while the thread may want the lock.  The fields are private.
 */
typedef struct ppt_gilsched_thread {
    ppt_waiter_t waiter;
    int64_t wanted_at;      /* 0: it does not want the lock */
    int64_t let_go_at;      /* last, of the times when somebody waited */
    int64_t blocked_at;     /* the same, or when ppt_gilsched_detained said */
    uint64_t sleeps;        /* how often it had gone to sleep then */
    int64_t used;           /* of its time slice */
    int64_t served;         /* ns for which it has had the lock, CPU-bound */
    int64_t passed_since;   /* first woken in vain; 0: was not */
    bool cpu_bound;
    bool back;              /* and wants the lock again: it has not blocked */
    bool resumes;           /* it made way, and goes before its like */
    bool returns;           /* it asks, and comes back to its place: */
    bool was_first;
    void *behind;           /* who was behind it; NULL: it was the last */
    bool queued;
    bool woken;             /* it has taken its post */
    bool brief;             /* it was soon back when it had let go last */
    bool watches;           /* it looks again soon, without being woken */
} ppt_gilsched_thread_t;

/* A thread that the scheduler has not seen yet. */
#define PPT_GILSCHED_THREAD_INITIALIZER                                     \
    { { { 0 } }, 0, 0, 0, 0, 0, 0, 0, false, false, false, false, false, 0, \
      false, false, false, false }

/* Private: what CPU-bound threads have had. */
typedef struct ppt_gilsched_account {
    int64_t at;             /* counted up to here */
    int64_t total;          /* ns in which one had the lock or wanted it */
    int64_t had;            /* ns in which one had it */
    bool present;           /* one has it or wants it */
    bool computing;         /* one has it */
    bool repaying;          /* they go first: see account.c */
} ppt_gilsched_account_t;

/*
 * The scheduler of one lock.
 *
 * Order     threads that come back from something that blocks go first, in
 *           the order in which they came.  CPU-bound threads follow, in the
 *           same order, each for a time slice.  A CPU-bound thread that made
 *           way resumes before the others, with the rest of its slice, unless
 *           it has been served a slice more than the one that waits.  While
 *           CPU-bound threads have had less than their share, they go before
 *           the threads that come back.  A free lock for which only CPU-bound
 *           threads wait is left alone for PPT_GILSCHED_BRIEF_NS, if the
 *           thread that let go of it was back sooner the last time.
 * CPU-bound  a thread is CPU-bound when it has held the lock for
 *           PPT_GILSCHED_PATIENCE_NS while another waited, and let go when
 *           asked.  It stops being CPU-bound when it lets go unasked, or has
 *           slept since.
 * Starvation  none in either class: CPU-bound threads get cpu_share of the
 *           time in which they want the lock, and the others all the rest.
 * Not promised  anything while a holder does not let go when asked.
 * Guard     all functions but sleep and wake are called with the guard held.
 */
typedef struct ppt_gilsched {
    ppt_waitq_t io;
    ppt_waitq_t cpu;
    ppt_gilsched_thread_t *holder;  /* NULL: the lock is free */
    int64_t computes_since;  /* it has it as a CPU-bound thread; 0: not */
    int64_t used;            /* what it had used of its slice before */
    ppt_gilsched_thread_t *coming;  /* woken, and not there yet */
    int64_t coming_since;
    int64_t contended_since; /* somebody waits for the present holder */
    int64_t asked_at;        /* it was asked; 0: it was not */
    int64_t left_until;      /* the free lock is left for who let it go */
    int64_t (*now)(void);    /* NULL: ppt_now */
    uint64_t (*sleeps)(void); /* NULL: how often this thread has slept */
    int64_t slice;           /* ns, an hour at most; 0: the default */
    uint32_t cpu_share;      /* in millionths, fewer than a million; 0: the
                                default */
    bool yields;             /* holders give way by ppt_gilsched_yield only,
                                and may be asked at any time */
    bool holder_is_brief;    /* what threads were that may have ended by now */
    bool coming_is_cpu_bound;
    int64_t holder_served;
    int64_t coming_served;
    int64_t coming_passed_since;
    int64_t slice_over_at;   /* since then; 0: no slice, or the next one's */
    int64_t level;           /* served, of the last that took it CPU-bound */
    ppt_gilsched_account_t account;
    ppt_gilsched_stats_t stats;
} ppt_gilsched_t;

/* A scheduler of a free lock.  All zero memory is one, too. */
#define PPT_GILSCHED_INITIALIZER                                            \
    { PPT__WAITQ_INITIALIZER, PPT__WAITQ_INITIALIZER, 0, 0, 0, 0, 0, 0, 0,  \
      0, 0, 0, 0, 0, false, false, false, 0, 0, 0, 0, 0,                    \
      { 0, 0, 0, false, false, false },                                     \
      { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }

/* What a thread that wants the lock is to do next: see ppt_gilsched_want. */
enum {
    PPT_GILSCHED_TAKE,  /* take the lock now: it is free */
    PPT_GILSCHED_ASK,   /* ask the holder to let go, and want it again */
    PPT_GILSCHED_SLEEP  /* ppt_gilsched_sleep, and want it again */
};

/*
 * Say that thread wants the lock, which is held, or was held a moment ago.
 * The thread calls this again after each sleep and after each request, until
 * it is told to take the lock.  From ASK to the next call, and from TAKE to
 * ppt_gilsched_took, the guard must stay held.  A thread that has begun to
 * wait in this way must go on in this way, even if the interpreter has other
 * threads wait in another way by then: this thread may keep time for all.
 *
 * When a thread was told to ask, it may also end, and its memory with it,
 * whether it has asked or not.  No other thread looks at it then, and the
 * others go on, a time slice later at most.
 *
 * Returns   PPT_GILSCHED_TAKE, PPT_GILSCHED_ASK, or PPT_GILSCHED_SLEEP; for
 *           the last one *until is the deadline of the sleep
 */
PPT_API int ppt_gilsched_want(ppt_gilsched_t *sched,
                              ppt_gilsched_thread_t *thread,
                              int64_t *until);

/* Say that the holder was asked to let go, after PPT_GILSCHED_ASK. */
PPT_API void ppt_gilsched_asked(ppt_gilsched_t *sched);

/* Sleep until woken for the lock, or until a deadline, without the guard. */
PPT_API void ppt_gilsched_sleep(ppt_gilsched_thread_t *thread,
                                int64_t until);

/* Say that thread has taken the lock, whether it had waited or not. */
PPT_API void ppt_gilsched_took(ppt_gilsched_t *sched,
                               ppt_gilsched_thread_t *thread);

/*
 * Say that thread, which has the lock, lets go of it.
 *
 * Returns   the argument for ppt_gilsched_wake, which the caller calls when it
 *           has released the guard
 */
PPT_API void *ppt_gilsched_let_go(ppt_gilsched_t *sched,
                                  ppt_gilsched_thread_t *thread);

/*
 * Say that thread, which has the lock, lets go of it as a CPU-bound thread and
 * wants it again at once.  If it was asked to, it gets the lock again before
 * other CPU-bound threads, with the rest of its slice.  If slice_over is true,
 * its slice is over by a measure of the interpreter's own, and it gets the
 * lock after them.  For a scheduler that has yields set.
 *
 * Returns   as ppt_gilsched_let_go
 */
PPT_API void *ppt_gilsched_yield(ppt_gilsched_t *sched,
                                 ppt_gilsched_thread_t *thread,
                                 bool slice_over);

/*
 * Whether thread, which has not waited, may take the free lock although other
 * threads want it.  If not, the caller has the thread want the lock.
 *
 * Returns   false  thread is CPU-bound and has been served a slice more than
 *                  the CPU-bound thread that is next; or the scheduler has
 *                  yields set, and the thread that is on its way was passed
 *                  over for PPT_GILSCHED_PATIENCE_NS, or is CPU-bound, owed
 *                  time and not late
 *           true   otherwise
 */
PPT_API bool ppt_gilsched_may_overtake(ppt_gilsched_t *sched,
                                       const ppt_gilsched_thread_t *thread);

/*
 * Say that thread no longer wants the lock.  It may call this where it was told
 * to sleep, instead of sleeping.
 *
 * Returns   as ppt_gilsched_let_go
 */
PPT_API void *ppt_gilsched_give_up(ppt_gilsched_t *sched,
                                   ppt_gilsched_thread_t *thread);

/*
 * Wake the thread that another function returned; NULL wakes nobody.  Without
 * the guard.
 */
PPT_API void ppt_gilsched_wake(void *wake);

/*
 * Say that the interpreter has detained thread, which let go of the lock last,
 * until another thread had taken the lock.  The time since it let go does not
 * mean then that it blocked.  With or without the guard.
 */
PPT_API void ppt_gilsched_detained(const ppt_gilsched_t *sched,
                                   ppt_gilsched_thread_t *thread);

/*
 * Say that thread, which has let go of the lock, is about to wait for the
 * guard, because it wants the lock.  The time from here on does not mean that
 * it blocked.  With or without the guard.  An interpreter whose threads seldom
 * wait for the guard need not call this.
 */
PPT_API void ppt_gilsched_back(const ppt_gilsched_t *sched,
                               ppt_gilsched_thread_t *thread);

/* How many threads wait. */
PPT_API unsigned ppt_gilsched_waiting(const ppt_gilsched_t *sched);

/*
 * In the child of a fork, or when the interpreter has made its lock anew: make
 * the lock free, forget the waiters, and count from 0.  Settings stay.
 */
PPT_API void ppt_gilsched_after_fork(ppt_gilsched_t *sched);

#ifdef __cplusplus
}
#endif

#endif
