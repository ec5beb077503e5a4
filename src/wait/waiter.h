/*
 * waiter.h - one wait of one thread.  waitq.c has the invariants, waiter.c
 * what a waiter does.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_WAITER_H
#define PPT_WAITER_H

#include <stdbool.h>
#include <stdint.h>

#include "pyplusthread/waiter.h"

#include "port/port.h"

/* Kept out of line, for the sake of the short path that calls it. */
#define PPT__SLOW __attribute__((noinline))

/*
 * The bits of a waiter's state.  ASLEEP, IN_CALLBACK and WOKEN_EARLY come and
 * go.
 */
enum {
    PPT__ASLEEP = 1,       /* by the waiter: whoever sets WOKEN owes a post */
    PPT__NOTIFIED = 2,     /* by a waker: it cannot leave any more */
    PPT__WOKEN = 4,        /* by a waker: it may go */
    PPT__CANCELLED = 8,    /* by the waiter: it cannot be notified any more */
    PPT__IN_CALLBACK = 16, /* by the waiter */
    PPT__WOKEN_EARLY = 32  /* by whoever has posted; the waiter clears it */
};

/* What a waker gives along with the wake-up. */
enum {
    PPT__GRANT_NOTHING, /* go on */
    PPT__GRANT_TURN,    /* the lock was freed for you: take it if you can */
    PPT__GRANT_LOCK,    /* the lock is yours */
    PPT__GRANT_AGAIN    /* nothing, and by nobody: see ppt__waiter_sleep */
};

struct ppt_lock;

/*
 * One wait of one thread: what is inside a ppt_waiter_t.  A cache line on the
 * linux port of 64-bit processors: its thread and its waker pass it to and
 * fro.
 */
typedef struct ppt__waiter {
    struct ppt__waiter *next; /* guard of the queue it is linked in, */
    union {
        struct ppt__waiter *prev; /* or private to the waker that took it out */
        int64_t woken_at;     /* waker, before WOKEN: if it slept on a remote
                                 CPU, and is woken first; or 0 */
    };
    uint32_t state;           /* atomic: PPT__* */
    int result;               /* waker, before WOKEN: a barrier's result */
    union {
        uint32_t index;       /* likewise: a barrier's arrival index */
        uint32_t ticket;      /* guard of a lock's queue: its place there */
    };
    int cpu;                  /* waiter, before it queues: where it is */
    struct ppt_lock *lock;    /* likewise: taken on return, unless passes */
    uint32_t passed_over;     /* waiter's own: how often, see lock.c */
    uint32_t passed_since;    /* likewise: the first time, in us */
    uint32_t born;            /* waiter, before: the process it queues in */
    uint8_t grant;            /* waker, before WOKEN; waiter, after */
    bool linked;              /* guard: in the ring */
    bool spins;               /* waiter, before it queues: to spin first */
    bool yields;              /* waiter's own: it may yield, see below */
    bool remote;                 /* like grant: notified on another CPU */
    bool behind;              /* likewise: as one of more than can run */
    bool transient;           /* waiter, before it queues: see lock.c */
    bool passes;              /* likewise: returns without lock, L10 there */
    ppt__sem_t sem;
} __attribute__((__may_alias__)) ppt__waiter_t; /* it is a ppt_waiter_t, too */

/* Waiters that were notified and wait to be woken: linked by next. */
typedef struct ppt__wake_list {
    ppt__waiter_t *first;
    ppt__waiter_t *last;
    int length; /* how many were notified */
} ppt__wake_list_t;

/* How a wait may end, besides being woken. */
typedef struct ppt__wait_options {
    int64_t deadline;              /* PPT_FOREVER: none */
    unsigned flags;                /* PPT__INTERRUPTIBLE, PPT__CANCELLABLE */
    ppt_interrupt_fn on_interrupt; /* NULL: give up with EINTR */
    void *arg;
} ppt__wait_options_t;

extern const ppt__wait_options_t ppt__no_options;

/*
 * Start a wait, before queueing; start another after having been woken; end.
 * spins: whether to spin before sleeping, see spin.h.  If not, it yields a few
 * times.  If its thread clears yields, it does neither that nor, since it
 * would yield then, spin for longer than PPT__SPIN_NS.
 */
void ppt__waiter_start(ppt__waiter_t *waiter, bool spins);
void ppt__waiter_restart(ppt__waiter_t *waiter, bool spins);
void ppt__waiter_end(ppt__waiter_t *waiter);

/* Of one that was notified: whether it does nothing but wait for its post. */
static inline bool ppt__waiter_asleep(const ppt__waiter_t *waiter)
{
    return (__atomic_load_n(&waiter->state, __ATOMIC_RELAXED)
            & (PPT__ASLEEP | PPT__IN_CALLBACK)) == PPT__ASLEEP;
}

/* Wake one that was notified, or all of a list.  It may be gone on return. */
void ppt__waiter_wake(ppt__waiter_t *waiter, uint32_t grant);
void ppt__wake_list_wake(ppt__wake_list_t list, uint32_t grant);

/*
 * The same in two steps, so that many can go before the first system call is
 * made: give lets one go, and returns the semaphore that it may be asleep
 * on, or NULL; ppt__sem_wake is to be called for that one soon.
 */
ppt__sem_t *ppt__waiter_give(ppt__waiter_t *waiter, uint32_t grant);

/* A number of semaphores to be woken, the local ones last. */
enum { PPT__BATCH = 128 };

typedef struct ppt__batch {
    int remote, local; /* how many of each: from the start, from the end */
    ppt__sem_t *sems[PPT__BATCH];
} ppt__batch_t;

/* Give one that was notified; wake those before if there is no more room. */
void ppt__batch_give(ppt__batch_t *batch, ppt__waiter_t *waiter,
                     uint32_t grant);
void ppt__batch_wake(ppt__batch_t *batch);

/*
 * Sleep until woken (0), or not (ETIMEDOUT, EINTR): then it is still queued.
 * 0 with PPT__GRANT_AGAIN: the process has forked since it queued, and it is
 * queued no more.
 */
int ppt__waiter_sleep(ppt__waiter_t *waiter, int64_t deadline,
                      unsigned flags);

/* The same for one that was notified: the wake-up is on its way. */
void ppt__waiter_sleep_on(ppt__waiter_t *waiter);

/*
 * Sleep until woken, or until woken early; in that case, spin for length
 * nanoseconds more.  True if it was woken; false if it is to sleep on: call
 * sleep.  *spun is how long it spun, or -1 if it was not woken early.
 */
bool ppt__waiter_sleep_then_spin(ppt__waiter_t *waiter, int64_t length,
                                 int64_t *spun);

/*
 * Let a waiter that does so know that it will soon be woken.  The caller sees
 * to it that nobody wakes it before this returns.
 */
void ppt__waiter_wake_early(ppt__waiter_t *waiter);

/* Set IN_CALLBACK, unless it was notified; and clear it. */
bool ppt__waiter_enter_callback(ppt__waiter_t *waiter);
void ppt__waiter_leave_callback(ppt__waiter_t *waiter);

/*
 * Interrupted, in a queue where waiters in a callback are not notified: call
 * the callback, if there is one and the waiter was not notified meanwhile.
 * Returns what the callback did, or EINTR; where that is 0, with
 * PPT__GRANT_AGAIN.  It is in the callback still, and the caller has it leave
 * that, or the queue.
 */
int ppt__waiter_ask(ppt__waiter_t *waiter, const ppt__wait_options_t *options);

/* As ppt__waiter_wait, but where it is not 0 the waiter is still queued. */
int ppt__waiter_rest(ppt__waiter_t *waiter,
                     const ppt__wait_options_t *options);

#endif
