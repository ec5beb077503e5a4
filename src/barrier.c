/*
 * barrier.c - a cyclic barrier with timeouts, aborts and an action.
 *
 * Idea
 *   The contract of Python's threading.Barrier.  The last to arrive takes
 *   the waiters of its round out of the queue, all at once; after that they
 *   are its own, and the queue belongs to the next round.  Nothing need be
 *   drained before the barrier can be used again.
 *
 * State                 writer                          guard
 *   queue               arrivals, leavers               queue.guard
 *   broken, resets      timeouts, abort, reset          queue.guard; read
 *                                                       without it, too
 *   again               arrivals                        queue.guard
 *   acting              the last to arrive              queue.guard
 *   parties, action     init                            never change
 *   waiter.result,      whoever took the waiter out of  NOTIFIED, WOKEN
 *     .index              the queue
 *
 * Invariants
 *   B1  The queue holds waiters of one round only, fewer than parties, apart
 *       from those that have left and are about to unlink themselves.
 *   B2  A waiter is taken out together with parties - 1 others that have
 *       arrived.  If not, it is told to arrive again, or it is told that the
 *       barrier is broken.
 *   B3  Actions run under action_lock, before their round is woken.
 *   B4  A thread that was taken out of the queue touches the barrier again
 *       only if it was told to arrive again.  Then the round is not over, and
 *       the field again counts the thread until it has arrived.  A thread that
 *       leaves breaks the barrier in the same step, and does not touch it
 *       afterwards.
 *   B5  The thread that completes a round touches the barrier again only if
 *       there is an action: then acting counts the round, from the step that
 *       empties the queue to the last step of that thread here, and destroy
 *       is refused.
 *   B6  If a callback or an action does not return, because its thread is
 *       cancelled or throws, the same steps follow as if the callback had
 *       given up, or the action had failed.
 *   B7  In the child of a fork the queue is new (waitq I6), and the rounds that
 *       were in flight are the parent's.  The thread that finds this, under
 *       the guard, forgets them.  A broken barrier stays broken.
 *
 * Races
 *   Timeout against the last arrival: waitq I1 decides.  If the last arrival
 *   finds that a waiter has left, it cannot complete the round, and the
 *   waiters that it has taken out cannot be put back: all arrive again (B2).
 *   Reset while they do so: they compare resets.
 *   Destroy or reuse by the first thread to return: B4, B5; threads that leave
 *   or arrive again delay destroy.
 *   Fork in a callback: the child has a new barrier, where its thread arrives
 *   again (waitq I6).  If the thread had been taken out, the child does not
 *   know how the round ended, and the thread is told that it was cancelled.
 *   Fork in an action: the child's thread has no round to release.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pyplusthread/barrier.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>

#include "wait/wait.h"

/* A waiter's grant besides waitq.h's: the round lost a member. */
enum { ARRIVE_AGAIN = 16, ARRIVE_ANEW = PPT__GRANT_AGAIN };

int ppt_barrier_init(ppt_barrier_t *barrier, uint32_t parties,
                     ppt_barrier_action_fn action, void *arg)
{
    if (parties == 0 || parties > INT32_MAX)
        return EINVAL;
    *barrier = (ppt_barrier_t)PPT_BARRIER_INITIALIZER(parties);
    barrier->action = action;
    barrier->arg = arg;
    return 0;
}

/* B7 */
static void guard(ppt_barrier_t *barrier)
{
    if (ppt__waitq_guard(&barrier->queue))
        barrier->again = barrier->acting = 0;
}

/* B4: those that were told to arrive again are soon queued, or out.  B5. */
int ppt_barrier_destroy(ppt_barrier_t *barrier)
{
    uint32_t again, acting, queued;

    guard(barrier); /* B7 */
    ppt__waitq_unguard(&barrier->queue);
    do {
        if (ppt__waitq_drain(&barrier->queue) != 0)
            return EBUSY;
        guard(barrier);
        again = barrier->again;
        acting = barrier->acting;
        queued = barrier->queue.length;
        ppt__waitq_unguard(&barrier->queue);
        if (acting != 0)
            return EBUSY;
        if (again != 0)
            ppt__word_wait(&barrier->again, again);
    } while (again != 0 || queued != 0);
    return 0;
}

/* Tell a round of waiters how it ended.  The barrier may be gone. */
static void dismiss(ppt__wake_list_t list, int result)
{
    ppt__waiter_t *waiter;
    uint32_t index = 0;

    for (waiter = list.first; waiter != NULL; waiter = waiter->next) {
        waiter->result = result;
        waiter->index = index++;
    }
    ppt__wake_list_wake(list, PPT__GRANT_NOTHING);
}

/* With the guard held: leave the barrier broken or whole, and empty. */
static ppt__wake_list_t empty(ppt_barrier_t *barrier, bool broken)
{
    __atomic_store_n(&barrier->broken, broken, __ATOMIC_RELAXED);
    __atomic_store_n(&barrier->resets, barrier->resets + 1, __ATOMIC_RELAXED);
    return ppt__waitq_take(&barrier->queue, INT_MAX);
}

static void cancel_all(ppt_barrier_t *barrier, bool broken)
{
    ppt__wake_list_t list;

    guard(barrier);
    list = empty(barrier, broken);
    ppt__waitq_unguard(&barrier->queue);
    dismiss(list, ECANCELED);
}

void ppt_barrier_abort(ppt_barrier_t *barrier)
{
    cancel_all(barrier, true);
}

void ppt_barrier_reset(ppt_barrier_t *barrier)
{
    cancel_all(barrier, false);
}

/* A round that is complete, but for the action. */
struct round {
    ppt_barrier_t *barrier;
    ppt__wake_list_t list; /* the others */
    int result;
    uint32_t born;      /* the process that it is of */
    bool locked;        /* action_lock */
};

/*
 * The action of the last round may still run: callbacks cannot end this.  B7:
 * in a child the lock is free.
 */
static void lock_action(struct round *round, const ppt__wait_options_t *options)
{
    ppt_lock_t *lock = &round->barrier->action_lock;
    ppt_waiter_t waiter;

    if (options->on_interrupt == NULL)
        ppt_lock_acquire_transient(lock, PPT_FOREVER);
    else
        while (ppt_lock_acquire_transient_interruptible(
                   lock, &waiter, PPT_FOREVER, options->on_interrupt,
                   options->arg) != 0)
            ;
    round->locked = true;
}

/* Let the round go; break the barrier first where its action failed. */
static void end_round(void *arg)
{
    struct round *round = arg;
    ppt_barrier_t *barrier = round->barrier;

    if (round->born != ppt__generation)
        return; /* the others are the parent's, and the barrier is new */
    if (round->result != 0)
        cancel_all(barrier, true);
    if (round->locked)
        ppt_lock_release(&barrier->action_lock);
    guard(barrier);
    barrier->acting--;
    ppt__waitq_unguard(&barrier->queue); /* B5: it may be gone */
    dismiss(round->list, round->result == 0 ? 0 : ECANCELED);
}

/* B3, B6.  Returns what the action did. */
static int act(struct round *round, const ppt__wait_options_t *options)
{
    ppt_barrier_t *barrier = round->barrier;

    pthread_cleanup_push(end_round, round);
    lock_action(round, options);
    round->result = barrier->action(barrier->arg);
    pthread_cleanup_pop(1);
    return round->result;
}

/*
 * With the guard held, which it releases: the thread has left.  A timeout
 * breaks the barrier for the others, unless a reset came first; and at once,
 * since nothing holds destroy up after this (B4).
 */
static int give_up(ppt_barrier_t *barrier, uint32_t resets, bool late,
                   int reason)
{
    ppt__wake_list_t list = { NULL, NULL, 0 };

    if (late && barrier->resets == resets)
        list = empty(barrier, true);
    else if (late && !barrier->broken)
        reason = ECANCELED;
    ppt__waitq_finish_cancel(&barrier->queue);
    dismiss(list, ECANCELED);
    return reason;
}

/*
 * Notified, for result: sleep until the round's action has ended.  Handlers are
 * followed by the callback all the same, but it cannot end this.
 */
static void sleep_on(ppt__waiter_t *waiter, const ppt__wait_options_t *options,
                     int result)
{
    unsigned flags = options->on_interrupt == NULL ? 0 : options->flags;

    do
        if (result == EINTR && options->on_interrupt != NULL)
            options->on_interrupt(options->arg);
    while ((result = ppt__waiter_sleep(waiter, PPT_FOREVER, flags)) != 0);
}

struct party {
    ppt_barrier_t *barrier;
    ppt__waiter_t *waiter;
};

/* How many, whose guard is held, have yet to arrive again. */
static void count_again(ppt_barrier_t *barrier, int change)
{
    __atomic_store_n(&barrier->again, barrier->again + (uint32_t)change,
                     __ATOMIC_RELEASE);
}

/* With the guard held: one of them is here. */
static void has_come_again(ppt_barrier_t *barrier)
{
    count_again(barrier, -1);
    ppt__word_wake(&barrier->again);
}

/* B6.  One that is told to arrive again has given up (B4). */
static void callback_left(void *arg)
{
    struct party *party = arg;
    ppt_barrier_t *barrier = party->barrier;

    ppt__waiter_quit(party->waiter, &barrier->queue);
    if (party->waiter->grant == ARRIVE_AGAIN) {
        guard(barrier);
        has_come_again(barrier);
        ppt__waitq_unguard(&barrier->queue);
    }
    ppt__waiter_end(party->waiter);
}

/* Taken out of the queue in the parent, for a round that the child lost. */
static bool is_orphan(const ppt__waiter_t *waiter)
{
    return waiter->born != ppt__generation
           && (__atomic_load_n(&waiter->state, __ATOMIC_RELAXED)
               & (PPT__NOTIFIED | PPT__WOKEN)) == PPT__NOTIFIED;
}

/* Wait for the others, queued since resets. */
static int await(ppt_barrier_t *barrier, ppt__waiter_t *waiter,
                 uint32_t resets, const ppt__wait_options_t *options)
{
    struct party party = { barrier, waiter };
    int result;
    bool late;

    pthread_cleanup_push(callback_left, &party);
    result = ppt__waiter_rest(waiter, options);
    late = result == ETIMEDOUT && ppt__now() >= options->deadline;
    if (result != 0
        && ppt__waiter_start_cancel(waiter, &barrier->queue))
        waiter->result = give_up(barrier, resets, late, result);
    else if (result != 0)
        sleep_on(waiter, options, result);
    pthread_cleanup_pop(0);
    return is_orphan(waiter) ? ECANCELED : waiter->result;
}

/* Those that have left are counted in length until they unlink themselves. */
static bool too_few(ppt_waitq_t *queue, int others)
{
    return (int)queue->length < others
           || ppt__waitq_present(queue) < others;
}

/*
 * The last has arrived: the others, in list, have been taken out, and the
 * guard has been released.
 */
static int complete(ppt_barrier_t *barrier, ppt__wake_list_t list, bool acts,
                    const ppt__wait_options_t *options)
{
    struct round round = { barrier, list, ECANCELED, ppt__generation,
                           false };

    if (acts)
        return act(&round, options);
    dismiss(list, 0); /* B5: the barrier may be gone */
    return 0;
}

/* Not for a party that would have this CPU if this thread slept. */
static bool spins(ppt_barrier_t *barrier)
{
    return barrier->parties <= (uint32_t)ppt__cpu_count()
           && ppt__spin_pays(&barrier->queue);
}

/*
 * With the guard held, which it releases: arrive as one of a round, or as the
 * last.  waiter->grant may be ARRIVE_AGAIN or ARRIVE_ANEW then.
 */
static int arrive(ppt_barrier_t *barrier, ppt__waiter_t *waiter,
                  const ppt__wait_options_t *options)
{
    int others = (int)(barrier->parties - 1);
    bool acts = barrier->action != NULL;
    uint32_t resets = barrier->resets;
    ppt__wake_list_t list;

    if (too_few(&barrier->queue, others)) {
        waiter->spins = !(options->flags & PPT__INTERRUPTIBLE)
                        && spins(barrier);
        ppt__waitq_push(&barrier->queue, waiter);
        ppt__waitq_unguard(&barrier->queue);
        return await(barrier, waiter, resets, options);
    }
    list = ppt__waitq_take(&barrier->queue, others);
    if (list.length < others)
        count_again(barrier, list.length + 1);
    else
        barrier->acting += acts;
    ppt__waitq_unguard(&barrier->queue);
    if (list.length == others) {
        waiter->index = (uint32_t)others;
        return complete(barrier, list, acts, options);
    }
    waiter->grant = ARRIVE_AGAIN;
    ppt__wake_list_wake(list, ARRIVE_AGAIN); /* B2 */
    return 0;
}

static int wait(ppt_barrier_t *barrier, ppt__waiter_t *waiter,
                uint32_t *index, const ppt__wait_options_t *options)
{
    uint32_t resets = 0;
    bool again = false, anew;
    int result;

    if (options->deadline < 0 || barrier->parties == 0)
        return EINVAL;
    do {
        ppt__waiter_start(waiter, false);
        guard(barrier);
        if (again)
            has_come_again(barrier);
        if (barrier->broken || (again && barrier->resets != resets)) {
            ppt__waitq_unguard(&barrier->queue);
            result = ECANCELED;
            again = anew = false;
        } else {
            resets = barrier->resets;
            result = arrive(barrier, waiter, options);
            again = waiter->grant == ARRIVE_AGAIN;
            anew = waiter->grant == ARRIVE_ANEW;
        }
        ppt__waiter_end(waiter);
    } while (again || anew);
    if (result == 0 && index != NULL)
        *index = waiter->index;
    return result;
}

int ppt_barrier_wait(ppt_barrier_t *barrier, int64_t deadline,
                     uint32_t *index)
{
    ppt__waiter_t waiter;

    return wait(barrier, &waiter, index,
                &(ppt__wait_options_t){ .deadline = deadline });
}

int ppt_barrier_wait_interruptible(ppt_barrier_t *barrier, int64_t deadline,
                                   uint32_t *index,
                                   ppt_interrupt_fn on_interrupt, void *arg)
{
    ppt_waiter_t waiter;

    return ppt_barrier_wait_with(barrier, &waiter, deadline, index,
                                 on_interrupt, arg);
}

int ppt_barrier_wait_with(ppt_barrier_t *barrier, ppt_waiter_t *waiter,
                          int64_t deadline, uint32_t *index,
                          ppt_interrupt_fn on_interrupt, void *arg)
{
    return wait(barrier, (ppt__waiter_t *)(void *)waiter, index,
                &(ppt__wait_options_t){ deadline, PPT__INTERRUPTIBLE,
                                        on_interrupt, arg });
}

uint32_t ppt_barrier_parties(const ppt_barrier_t *barrier)
{
    return barrier->parties;
}

uint32_t ppt_barrier_n_waiting(const ppt_barrier_t *barrier)
{
    return ppt__waitq_waiting(&barrier->queue);
}

bool ppt_barrier_broken(const ppt_barrier_t *barrier)
{
    return __atomic_load_n(&barrier->broken, __ATOMIC_RELAXED);
}

void ppt_barrier_after_fork(ppt_barrier_t *barrier)
{
    ppt_barrier_init(barrier, barrier->parties, barrier->action,
                     barrier->arg);
}
