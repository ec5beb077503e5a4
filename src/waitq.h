/*
 * waitq.h - the one mechanism: a FIFO of waiters, each asleep on its own
 * semaphore.  waitq.c has the idea, the invariants and the proof, and the
 * queue; waiter.c has the waiter; spin.h knows whether to spin before.
 */
#ifndef PPT_WAITQ_H
#define PPT_WAITQ_H

#include <stdbool.h>
#include <stdint.h>

#include "pyplusthread/waitq.h"

#include "port/port.h"
#include "spin.h"

/* Kept out of line, for the sake of the short path that calls it. */
#define PPT__SLOW __attribute__((noinline))

/* The bits of a waiter's state.  ASLEEP, AWAY and NUDGED come and go. */
enum {
    PPT__ASLEEP = 1, /* by the waiter: whoever sets WOKEN owes a post */
    PPT__CHOSEN = 2, /* by a waker: it cannot leave any more */
    PPT__WOKEN = 4,  /* by a waker: it may go */
    PPT__LEFT = 8,   /* by the waiter: it cannot be chosen any more */
    PPT__AWAY = 16,  /* by the waiter: it is in a callback */
    PPT__NUDGED = 32 /* by the nudger: it has posted; the waiter clears it */
};

/* What a waker gives along with the wake-up. */
enum {
    PPT__GRANT_NOTHING, /* go on */
    PPT__GRANT_TURN,    /* the lock was freed for you: take it if you can */
    PPT__GRANT_LOCK     /* the lock is yours */
};

struct ppt_lock;

/* One wait of one thread: what is inside a ppt_waiter_t. */
typedef struct ppt__waiter {
    struct ppt__waiter *next; /* guard of the queue it is linked in, */
    struct ppt__waiter *prev; /* or private to the waker that took it out */
    uint32_t state;           /* atomic: PPT__* */
    uint32_t grant;           /* waker, before WOKEN; waiter, after */
    int result;               /* likewise: a barrier's result */
    uint32_t index;           /* likewise: a barrier's arrival index */
    struct ppt_lock *lock;    /* waiter, before it queues: taken on return */
    int64_t passed_since;     /* waiter's own: 0, or first passed over */
    int cpu;                  /* waiter, before it queues: where it is */
    bool spins;               /* likewise: it is going to spin first */
    bool yields;              /* waiter's own: or, if not, to yield */
    bool far;                 /* like grant: chosen on another CPU */
    ppt__sem_t sem;
} ppt__waiter_t;

/* Waiters that were chosen and wait to be woken: linked by next. */
typedef struct ppt__chain {
    ppt__waiter_t *first;
    ppt__waiter_t *last;
    int length;
} ppt__chain_t;

/* How a wait may end, besides being woken. */
typedef struct ppt__limits {
    int64_t deadline;              /* PPT_FOREVER: none */
    unsigned flags;                /* PPT__INTERRUPTIBLE, PPT__CANCELLABLE */
    ppt_interrupt_fn on_interrupt; /* NULL: give up with EINTR */
    void *arg;
} ppt__limits_t;

extern const ppt__limits_t ppt__no_limits;

/* The guard of a queue: held for a few instructions, never in a call out. */
void ppt__waitq_guard(ppt_waitq_t *queue);
void ppt__waitq_unguard(ppt_waitq_t *queue);

/* With the guard held. */
void ppt__waitq_push(ppt_waitq_t *queue, ppt__waiter_t *waiter);
void ppt__waitq_push_front(ppt_waitq_t *queue, ppt__waiter_t *waiter);
void ppt__waitq_unlink(ppt_waitq_t *queue, ppt__waiter_t *waiter);

/* How many have not left: at most length, counted one by one. */
int ppt__waitq_present(const ppt_waitq_t *queue);

/* Choose the first waiter that has not left, and unlink it; or NULL. */
ppt__waiter_t *ppt__waitq_pop(ppt_waitq_t *queue);

/* Choose and unlink the first n (or all that there are), in order. */
ppt__chain_t ppt__waitq_take(ppt_waitq_t *queue, int n);

/* Without the guard: how many are linked; stale at once. */
static inline uint32_t ppt__waitq_length(const ppt_waitq_t *queue)
{
    return __atomic_load_n(&queue->length, __ATOMIC_RELAXED);
}

/*
 * Without the guard: 0 when nobody is linked and none will touch queue any
 * more; EBUSY when somebody waits.
 */
int ppt__waitq_retire(ppt_waitq_t *queue);

/*
 * Start a wait, before queueing; start another after having been woken; end.
 * spins: whether to spin before sleeping, see spin.h.  If not, it yields, as
 * long as its thread does not clear yields.
 */
void ppt__waiter_start(ppt__waiter_t *waiter, bool spins);
void ppt__waiter_restart(ppt__waiter_t *waiter, bool spins);
void ppt__waiter_end(ppt__waiter_t *waiter);

/* Of one that was chosen: whether it does nothing but wait for its post. */
static inline bool ppt__waiter_asleep(const ppt__waiter_t *waiter)
{
    return (__atomic_load_n(&waiter->state, __ATOMIC_RELAXED)
            & (PPT__ASLEEP | PPT__AWAY)) == PPT__ASLEEP;
}

/* Wake one that was chosen, or all of a chain.  It may be gone on return. */
void ppt__waiter_wake(ppt__waiter_t *waiter, uint32_t grant);
void ppt__chain_wake(ppt__chain_t chain, uint32_t grant);

/*
 * Sleep until woken (0), or not (ETIMEDOUT, EINTR): then it is still queued.
 */
int ppt__waiter_sleep(ppt__waiter_t *waiter, int64_t deadline,
                      unsigned flags);

/* The same for one that was chosen: the wake-up is on its way. */
void ppt__waiter_sleep_on(ppt__waiter_t *waiter);

/*
 * Sleep until woken or nudged; once nudged, spin for length nanoseconds more.
 * True if it was woken; false if it is to sleep on: call sleep.  *spun is how
 * long it spun, or -1 if no nudge came before it was woken.
 */
bool ppt__waiter_doze(ppt__waiter_t *waiter, int64_t length, int64_t *spun);

/*
 * Let a waiter that dozes know that it will soon be woken.  The caller sees
 * to it that nobody wakes it before this returns.
 */
void ppt__waiter_nudge(ppt__waiter_t *waiter);

/* Leave queue.  False: too late, it was chosen, and must sleep on. */
bool ppt__waiter_leave(ppt__waiter_t *waiter, ppt_waitq_t *queue);

/*
 * The same in two steps: where it is true the guard is held, queue cannot be
 * destroyed, and the caller must finish.
 */
bool ppt__waiter_start_to_leave(ppt__waiter_t *waiter, ppt_waitq_t *queue);
void ppt__waitq_finish_leave(ppt_waitq_t *queue);

/* As ppt__waiter_wait, but where it is not 0 the waiter is still queued. */
int ppt__waiter_rest(ppt__waiter_t *waiter, const ppt__limits_t *limits);

/*
 * Sleep until woken (0) or until a limit ends the wait; in that case the
 * waiter has left queue, and the reason is returned.
 */
int ppt__waiter_wait(ppt__waiter_t *waiter, ppt_waitq_t *queue,
                     const ppt__limits_t *limits);

#endif
