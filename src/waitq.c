/*
 * waitq.c - a FIFO of waiters, each asleep on its own semaphore.
 *
 * Idea
 *   The emulation of a condition variable by semaphores, with the one change
 *   that makes it right: a semaphore for each wait instead of one for all
 *   (Birrell, "Implementing Condition Variables with Semaphores", 2003,
 *   section 3).  A wake-up that is posted to one waiter's own semaphore
 *   cannot be stolen by another.  Waiters spin before they sleep only where
 *   the waker is known to run on another CPU.
 *
 * State                    writer                       guard
 *   queue.head, links      wakers, waiters              queue.guard
 *   queue.length           the same; read without       queue.guard
 *   queue.draining         retire                       queue.guard
 *   queue.hint             see spin.c                   none (relaxed)
 *   waiter.state           see the bits in waitq.h      none (atomic)
 *   waiter.grant, result   the waker that chose it      CHOSEN, WOKEN
 *
 * Invariants
 *   I1  CHOSEN and LEFT exclude each other: each is set by an atomic
 *       operation that fails where the other is set.  So a wake-up is given
 *       to a waiter or it is not; waker and waiter agree on which.
 *   I2  WOKEN is set once, after CHOSEN, by the one who unlinked the waiter.
 *       If it found ASLEEP it owes exactly one post, and touches the waiter
 *       no more after it; if not, no post; nor if it found NUDGED, since the
 *       post of the nudge is then still to be taken, and will do.  The
 *       waiter changes ASLEEP and NUDGED only while WOKEN is not there; if
 *       ASLEEP is there when WOKEN comes, it takes the post before it
 *       returns.
 *   I3  A waiter that sets LEFT is linked, and unlinks itself under the
 *       guard.  Wakers pass it by.  So a queue is touched by a waiter only
 *       while the waiter is linked in it.
 *   I4  Waiters are chosen in the order of the queue.  One that is AWAY, in
 *       a callback, keeps its place.
 *   I5  The guard is held only for a bounded number of instructions per
 *       waiter, without calls that block.  It sleeps when contended.
 *
 * Races
 *   Signal against timeout: I1.  The loser of the two sleeps on for a post
 *   that is on its way, or looks for another waiter.
 *   Wake against sleep: ASLEEP and WOKEN are set by atomic or on the same
 *   word, and whichever comes second sees the first (I2).
 *   Waker against the end of the wait: the waiter's memory lives until it
 *   has seen WOKEN and, if asleep, taken the post (I2).
 *   Retire (destroy) against a waiter on its way out: retire waits until the
 *   last one has unlinked itself (I3).  Retire against a waker: it holds the
 *   guard until it no longer needs the queue, and retire takes the guard.
 *   Fork: objects are made new in the child; waiters are the parent's.
 */
#include "waitq.h"

#include <errno.h>
#include <stddef.h>

/* Tries for a guard that is held, before going to sleep. */
#define GUARD_TRIES 64

enum { UNGUARDED, GUARDED, CONTENDED };

static bool try_guard(uint32_t *guard)
{
    uint32_t expected = UNGUARDED;

    return __atomic_compare_exchange_n(guard, &expected, GUARDED, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void guard_contended(uint32_t *guard)
{
    int tries = ppt__cpu_count() > 1 ? GUARD_TRIES : 0;

    while (tries-- > 0) {
        if (__atomic_load_n(guard, __ATOMIC_RELAXED) == UNGUARDED
            && try_guard(guard))
            return;
        ppt__pause();
    }
    /* As in Drepper's mutex: whoever slept leaves CONTENDED behind. */
    while (__atomic_exchange_n(guard, CONTENDED, __ATOMIC_ACQUIRE)
           != UNGUARDED)
        ppt__word_wait(guard, CONTENDED);
}

void ppt__waitq_guard(ppt_waitq_t *queue)
{
    if (!try_guard(&queue->guard))
        guard_contended(&queue->guard);
}

void ppt__waitq_unguard(ppt_waitq_t *queue)
{
    if (__atomic_exchange_n(&queue->guard, UNGUARDED, __ATOMIC_RELEASE)
        == CONTENDED)
        ppt__word_wake(&queue->guard);
}

static void count(ppt_waitq_t *queue, int change)
{
    __atomic_store_n(&queue->length, queue->length + (uint32_t)change,
                     __ATOMIC_RELAXED);
}

/* A ring: head->prev is the last. */
void ppt__waitq_push(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    ppt__waiter_t *head = queue->head;

    if (head == NULL) {
        waiter->next = waiter->prev = waiter;
        queue->head = waiter;
    } else {
        waiter->next = head;
        waiter->prev = head->prev;
        head->prev->next = waiter;
        head->prev = waiter;
    }
    count(queue, +1);
}

void ppt__waitq_push_front(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    ppt__waitq_push(queue, waiter);
    queue->head = waiter;
}

void ppt__waitq_unlink(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    if (waiter->next == waiter) {
        queue->head = NULL;
    } else {
        waiter->prev->next = waiter->next;
        waiter->next->prev = waiter->prev;
        if (queue->head == waiter)
            queue->head = waiter->next;
    }
    count(queue, -1);
}

/* Where the system does not tell CPUs, there seems to be only one. */
static void learn(ppt_waitq_t *queue, ppt__waiter_t *waiter, bool asleep)
{
    waiter->far = waiter->cpu != ppt__cpu();
    ppt__spin_learn(queue, waiter->far, waiter->spins, !asleep);
}

/* I1: true unless the waiter has left.  A moved waiter is CHOSEN already. */
static bool choose(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);

    do {
        if (state & PPT__LEFT)
            return false;
    } while (!__atomic_compare_exchange_n(&waiter->state, &state,
                                          state | PPT__CHOSEN, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    if (!(state & PPT__CHOSEN))
        learn(queue, waiter, state & PPT__ASLEEP);
    return true;
}

ppt__waiter_t *ppt__waitq_pop(ppt_waitq_t *queue)
{
    return ppt__waitq_take(queue, 1).first;
}

static void append(ppt__chain_t *chain, ppt__waiter_t *waiter)
{
    waiter->next = NULL;
    if (chain->first == NULL)
        chain->first = waiter;
    else
        chain->last->next = waiter;
    chain->last = waiter;
    chain->length++;
}

ppt__chain_t ppt__waitq_take(ppt_waitq_t *queue, int n)
{
    ppt__chain_t chain = { NULL, NULL, 0 };
    ppt__waiter_t *waiter = queue->head;
    uint32_t left;

    for (left = queue->length; left > 0 && chain.length < n; left--) {
        ppt__waiter_t *next = waiter->next;

        if (choose(queue, waiter)) {
            ppt__waitq_unlink(queue, waiter);
            append(&chain, waiter);
        } /* else I3: it will unlink itself */
        waiter = next;
    }
    return chain;
}

static ppt__waiter_t *detach_first(ppt__chain_t *chain)
{
    ppt__waiter_t *waiter = chain->first;

    if (waiter != NULL)
        chain->first = waiter->next; /* before it is gone */
    return waiter;
}

/* Those on this CPU last: a system may switch to them at once. */
void ppt__chain_wake(ppt__chain_t chain, uint32_t grant)
{
    ppt__chain_t near = { NULL, NULL, 0 };
    ppt__waiter_t *waiter;

    while ((waiter = detach_first(&chain)) != NULL)
        if (waiter->far)
            ppt__waiter_wake(waiter, grant);
        else
            append(&near, waiter);
    while ((waiter = detach_first(&near)) != NULL)
        ppt__waiter_wake(waiter, grant);
}

int ppt__waitq_present(const ppt_waitq_t *queue)
{
    const ppt__waiter_t *waiter = queue->head;
    uint32_t left;
    int present = 0;

    for (left = queue->length; left > 0; left--) {
        if (!(__atomic_load_n(&waiter->state, __ATOMIC_RELAXED) & PPT__LEFT))
            present++;
        waiter = waiter->next;
    }
    return present;
}

int ppt__waitq_retire(ppt_waitq_t *queue)
{
    for (;;) {
        uint32_t length;
        bool busy;

        ppt__waitq_guard(queue);
        busy = ppt__waitq_present(queue) > 0;
        length = queue->length;
        queue->draining = !busy && length > 0;
        ppt__waitq_unguard(queue);
        if (busy)
            return EBUSY;
        if (length == 0)
            return 0;
        ppt__word_wait(&queue->length, length);
    }
}
