/*
 * pyplusthread/barrier.h - a cyclic barrier with timeouts.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_BARRIER_H
#define PYPLUSTHREAD_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "lock.h"
#include "time.h"
#include "version.h"
#include "waiter.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What one thread of each round runs before the round is released.
 *
 * Returns   0      go on: all threads of the round return 0
 *           other  break the barrier: the thread that ran the action
 *                  returns this value, the others ECANCELED
 *           If it is left by pthread_exit, cancellation or a C++ exception
 *           (see ppt_interrupt_fn in waiter.h), it has failed as well.  It
 *           may fork; its return releases no thread in the child.
 */
typedef int (*ppt_barrier_action_fn)(void *arg);

/*
 * A barrier that a fixed number of threads, the parties, meet at, round
 * after round.  States: whole (filling), or broken (by a timeout, an abort
 * or a failed action) until it is reset.  The contract is that of Python's
 * threading.Barrier.
 *
 *     static ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
 *     static double row[4];           // element k is thread k's before
 *                                     // the barrier, everybody's after
 *     row[k] = compute(k);
 *     if (ppt_barrier_wait(&barrier, PPT_FOREVER, NULL) == 0)
 *         total = row[0] + row[1] + row[2] + row[3];
 *
 * Reuse     the next round may begin at once, before the threads of the
 *           last one have run; with more threads than parties too.  Actions
 *           never overlap.
 * Not promised  which thread runs the action (here: the last to arrive).
 * Fork      in the child nobody waits: the parent's waiters are void there,
 *           and so is a round that was in flight; a broken barrier stays
 *           broken.  After a fork that no handler of pthread_atfork hears of
 *           (_Fork, a bare system call) it must call ppt_barrier_after_fork
 *           before anything else.
 */
typedef struct ppt_barrier {
    ppt_waitq_t queue;
    uint32_t parties;
    uint32_t broken;
    uint32_t resets;
    uint32_t again;
    uint32_t acting;
    ppt_barrier_action_fn action;
    void *arg;
    ppt_lock_t action_lock;
} ppt_barrier_t;

/* A whole barrier for a constant number of parties, without an action. */
#define PPT_BARRIER_INITIALIZER(parties)                                    \
    { PPT__WAITQ_INITIALIZER, (parties), 0, 0, 0, 0, 0, 0,                  \
      PPT_LOCK_INITIALIZER }

/*
 * Make barrier a whole barrier for parties threads; action (or NULL) is run
 * with arg by one thread of each round.
 *
 * Returns   0
 *           EINVAL  parties is 0 or above INT32_MAX; nothing changed
 */
PPT_API int ppt_barrier_init(ppt_barrier_t *barrier, uint32_t parties,
                             ppt_barrier_action_fn action, void *arg);

/*
 * End the use of barrier; its memory may then be freed or reused, even while
 * threads of the last round are still on their way out of wait.
 *
 * Returns   0      nobody waits at barrier: it may be freed, or used on
 *           EBUSY  threads wait at it, or all have arrived and the action
 *                  has not returned; nothing changed
 */
PPT_API int ppt_barrier_destroy(ppt_barrier_t *barrier);

/*
 * Wait until all parties have arrived, or until deadline.
 *
 * index     where not NULL, gets this thread's place in the round: 0 for
 *           the first to arrive, parties - 1 for the last.  Each place is
 *           given once in a round.  Written only on return of 0.
 * Returns   0          all parties arrived
 *           ETIMEDOUT  deadline passed; the barrier is now broken
 *           ECANCELED  the barrier is, or was meanwhile, broken or reset
 *           EINVAL     deadline is negative, or barrier has no parties
 *                      (all zero memory); nothing changed
 *           other      what the action returned, for the thread that ran it
 * Orders    writes made by any party before it waited, and by the action,
 *           are seen by every party after it returned 0.
 */
PPT_API int ppt_barrier_wait(ppt_barrier_t *barrier, int64_t deadline,
                             uint32_t *index);

/*
 * As ppt_barrier_wait, but a signal handler that runs meanwhile is followed
 * by on_interrupt(arg), which says whether to go on (waiter.h).
 *
 * Returns   as ppt_barrier_wait, or
 *           EINTR  on_interrupt is NULL and a signal handler ran
 *           other  what on_interrupt returned.
 *           In both cases this thread counts as not arrived; the barrier
 *           is not broken.
 *           When all have arrived and the action runs, the callback is
 *           still called, but can no longer end the wait.
 */
PPT_API int ppt_barrier_wait_interruptible(ppt_barrier_t *barrier,
                                           int64_t deadline,
                                           uint32_t *index,
                                           ppt_interrupt_fn on_interrupt,
                                           void *arg);

/*
 * The same, but the data that other threads read is in waiter, which is the
 * caller's memory.  If it is not on the stack, on_interrupt may move the stack
 * of its thread away during the callback, as greenlets do.
 */
PPT_API int ppt_barrier_wait_with(ppt_barrier_t *barrier,
                                  ppt_waiter_t *waiter, int64_t deadline,
                                  uint32_t *index,
                                  ppt_interrupt_fn on_interrupt, void *arg);

/*
 * Break barrier: present and future waits return ECANCELED until a reset.
 * An action that is running is not disturbed, and its round is released.
 */
PPT_API void ppt_barrier_abort(ppt_barrier_t *barrier);

/*
 * Make barrier whole and empty.  Present waits return ECANCELED; a round
 * whose action is running is released.
 */
PPT_API void ppt_barrier_reset(ppt_barrier_t *barrier);

/* How many threads a round takes. */
PPT_API uint32_t ppt_barrier_parties(const ppt_barrier_t *barrier);

/* How many threads wait at barrier; may be stale on return. */
PPT_API uint32_t ppt_barrier_n_waiting(const ppt_barrier_t *barrier);

/* Whether barrier is broken; may be stale on return. */
PPT_API bool ppt_barrier_broken(const ppt_barrier_t *barrier);

/*
 * In the child of a fork: make barrier whole and empty, with the same
 * parties and action, whatever state the fork caught it in.  Needed only to
 * make a broken barrier whole, and after a fork as described above.
 */
PPT_API void ppt_barrier_after_fork(ppt_barrier_t *barrier);

#ifdef __cplusplus
}
#endif

#endif
