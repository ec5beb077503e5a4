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
 *   queue.draining         drain                       queue.guard
 *   queue.born             whoever takes the guard      queue.guard
 *   queue.hint             see spin.c                   none (relaxed)
 *   waiter.linked          wakers, waiters              queue.guard
 *   waiter.born            the waiter, before it queues its own
 *   waiter.state           see the bits in waiter.h     none (atomic)
 *   waiter.grant, result   the waker that unlinked it   NOTIFIED, WOKEN
 *   waiter.woken_at        the same, where prev was: it is in no ring
 *
 * Invariants
 *   I1  NOTIFIED and CANCELLED exclude each other: each is set by an atomic
 *       operation that fails where the other is set.  So a wake-up is given
 *       to a waiter or it is not; waker and waiter agree on which.
 *   I2  WOKEN is set once, after NOTIFIED, by the one who unlinked the waiter.
 *       If it found ASLEEP it owes exactly one post, and touches the waiter
 *       no more after it; if not, no post; nor if it found WOKEN_EARLY, since
 *       the post of the early wake is then still to be taken, and will do.
 *       The waiter changes ASLEEP and WOKEN_EARLY only while WOKEN is not
 *       there; if ASLEEP is there when WOKEN comes, it takes the post before
 *       it returns.
 *   I3  A waiter that sets CANCELLED is counted in length, and counts itself
 *       out under the guard.  A waker that meets it takes it out of the ring,
 *       so that none meets it again, but does not count it out.  So a queue is
 *       touched by a waiter only while the waiter is counted.
 *   I4  Waiters are notified in the order of the queue, or the last one where
 *       that is asked for.  One in a callback keeps its place.
 *   I5  The guard is held only for a bounded number of instructions per
 *       waiter, without calls that block.  It sleeps when contended.
 *   I6  A guard that is held has the generation of its holder's process, a
 *       queue and a waiter that of the process in which it was last used.
 *       Where that is another one, the holder and the waiters are threads
 *       of the parent: the guard is free and the queue is empty.  Only the
 *       holder of the guard looks at this, or a waiter at its own number.
 *   I7  Many waiters go before the first system call is made for any
 *       (ppt__batch_t).  So a waker that is preempted by a thread that it
 *       has woken delays no other of the batch: one whose deadline passes
 *       finds its wake-up there, and its post, where posts are words.
 *
 * Races
 *   Signal against timeout: I1.  The loser of the two sleeps on for a post
 *   that is on its way, or looks for another waiter.
 *   Wake against sleep: ASLEEP and WOKEN are set by atomic or on the same
 *   word, and whichever comes second sees the first (I2).
 *   Waker against the end of the wait: the waiter's memory lives until it
 *   has seen WOKEN and, if asleep, taken the post (I2).
 *   Drain (destroy) against a waiter on its way out: drain waits until the
 *   last one has counted itself out (I3).  Drain against a waker: it holds
 *   the guard until it no longer needs the queue, and drain takes the guard.
 *   Fork: I6.  A thread that forks in a callback has one foot in each: in
 *   the child its waiter is void, unless it had been notified before the fork.
 *
 * SPDX-License-Identifier: MIT
 */
#include "waitq.h"

#include <errno.h>
#include <stddef.h>

/* Tries for a guard that is held, before going to sleep. */
#define GUARD_TRIES 64

/* The guard: 0, or one of the others and the generation. */
enum { UNGUARDED, GUARDED, CONTENDED, STATES };

static bool try_guard(uint32_t *guard)
{
    uint32_t expected = UNGUARDED;

    return __atomic_compare_exchange_n(guard, &expected,
                                       ppt__generation | GUARDED, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* I6 */
static bool is_free(uint32_t guard)
{
    return guard == UNGUARDED
           || (guard & ~(uint32_t)STATES) != ppt__generation;
}

static PPT__SLOW void guard_contended(uint32_t *guard)
{
    uint32_t contended = ppt__generation | CONTENDED;
    int tries = ppt__cpu_count() > 1 ? GUARD_TRIES : 0;

    while (tries-- > 0) {
        if (__atomic_load_n(guard, __ATOMIC_RELAXED) == UNGUARDED
            && try_guard(guard))
            return;
        ppt__pause();
    }
    /* As in Drepper's mutex: whoever slept leaves CONTENDED behind. */
    while (!is_free(__atomic_exchange_n(guard, contended, __ATOMIC_ACQUIRE)))
        ppt__word_wait(guard, contended);
}

/* I6: the waiters are the parent's. */
static PPT__SLOW void make_new(ppt_waitq_t *queue)
{
    queue->head = NULL;
    queue->draining = 0;
    __atomic_store_n(&queue->length, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&queue->born, ppt__generation, __ATOMIC_RELAXED);
}

void ppt__waitq_guard_to_cancel(ppt_waitq_t *queue)
{
    if (!try_guard(&queue->guard))
        guard_contended(&queue->guard);
}

bool ppt__waitq_guard(ppt_waitq_t *queue)
{
    ppt__waitq_guard_to_cancel(queue);
    if (queue->born == ppt__generation)
        return false;
    make_new(queue);
    return true;
}

void ppt__waitq_unguard(ppt_waitq_t *queue)
{
    if ((__atomic_exchange_n(&queue->guard, UNGUARDED, __ATOMIC_RELEASE)
         & STATES) == CONTENDED)
        ppt__word_wake(&queue->guard);
}

static void count(ppt_waitq_t *queue, int change)
{
    __atomic_store_n(&queue->length, queue->length + (uint32_t)change,
                     __ATOMIC_RELAXED);
}

/* A ring: head->prev is the last. */
static void link_before(ppt_waitq_t *queue, ppt__waiter_t *waiter,
                        ppt__waiter_t *at)
{
    if (at == NULL) {
        waiter->next = waiter->prev = waiter;
        queue->head = waiter;
    } else {
        waiter->next = at;
        waiter->prev = at->prev;
        at->prev->next = waiter;
        at->prev = waiter;
    }
    waiter->linked = true;
    count(queue, +1);
}

void ppt__waitq_push(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    link_before(queue, waiter, queue->head);
}

void ppt__waitq_push_front(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    ppt__waitq_push(queue, waiter);
    queue->head = waiter;
}

void ppt__waitq_push_before(ppt_waitq_t *queue, ppt__waiter_t *waiter,
                            ppt__waiter_t *at)
{
    link_before(queue, waiter, at != NULL ? at : queue->head);
}

void ppt__waitq_push_in_order(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    ppt__waiter_t *at = queue->head;

    if (at == NULL || (int32_t)(waiter->ticket - at->ticket) < 0) {
        ppt__waitq_push_front(queue, waiter);
        return;
    }
    do
        at = at->next;
    while (at != queue->head && (int32_t)(waiter->ticket - at->ticket) > 0);
    link_before(queue, waiter, at);
}

/* Out of the ring; it is still counted. */
static void detach(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    if (waiter->next == waiter) {
        queue->head = NULL;
    } else {
        waiter->prev->next = waiter->next;
        waiter->next->prev = waiter->prev;
        if (queue->head == waiter)
            queue->head = waiter->next;
    }
    waiter->linked = false;
}

void ppt__waitq_unlink(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    if (waiter->born != ppt__generation)
        return; /* I6 */
    if (waiter->linked)
        detach(queue, waiter);
    count(queue, -1);
}

static bool set_unless(ppt__waiter_t *waiter, uint32_t *state, uint32_t bit,
                       uint32_t unless)
{
    *state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);
    do {
        if (*state & unless)
            return false;
    } while (!__atomic_compare_exchange_n(&waiter->state, state,
                                          *state | bit, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

/*
 * I1: true unless a bit of unless is set.  A moved waiter is NOTIFIED already.
 * Where the system does not tell CPUs, there seems to be only one.
 */
static bool notify(ppt_waitq_t *queue, ppt__waiter_t *waiter, int cpu,
                   uint32_t unless)
{
    uint32_t state;

    if (!set_unless(waiter, &state, PPT__NOTIFIED, unless))
        return false;
    if (state & PPT__NOTIFIED)
        return true;
    waiter->remote = waiter->cpu != cpu;
    ppt__spin_learn(queue, waiter->remote, waiter->spins,
                    !(state & PPT__ASLEEP));
    return true;
}

void ppt__wake_list_append(ppt__wake_list_t *list, ppt__waiter_t *waiter)
{
    waiter->next = NULL;
    if (list->first == NULL)
        list->first = waiter;
    else
        list->last->next = waiter;
    list->last = waiter;
    list->length++;
}

static bool is_cancelled(const ppt__waiter_t *waiter)
{
    return __atomic_load_n(&waiter->state, __ATOMIC_RELAXED) & PPT__CANCELLED;
}

/* Notify up to n, in order; those with a bit of unless keep their place. */
static ppt__wake_list_t take(ppt_waitq_t *queue, int n, uint32_t unless)
{
    ppt__wake_list_t list = { NULL, NULL, 0 };
    ppt__waiter_t *waiter = queue->head;
    ppt__waiter_t *last = waiter != NULL ? waiter->prev : NULL;
    bool more = waiter != NULL;
    int others = ppt__cpu_count() - 1;
    int cpu = ppt__cpu();

    while (more && list.length < n) {
        ppt__waiter_t *next = waiter->next;

        more = waiter != last;
        if (notify(queue, waiter, cpu, unless)) {
            ppt__waitq_unlink(queue, waiter);
            waiter->behind = list.length >= others;
            ppt__wake_list_append(&list, waiter);
        } else if (is_cancelled(waiter)) {
            detach(queue, waiter); /* I3 */
        }
        waiter = next;
    }
    return list;
}

ppt__wake_list_t ppt__waitq_take(ppt_waitq_t *queue, int n)
{
    return take(queue, n, PPT__CANCELLED);
}

ppt__wake_list_t ppt__waitq_take_ready(ppt_waitq_t *queue, int n)
{
    return take(queue, n, PPT__CANCELLED | PPT__IN_CALLBACK);
}

ppt__waiter_t *ppt__waitq_pop(ppt_waitq_t *queue)
{
    return take(queue, 1, PPT__CANCELLED).first;
}

ppt__waiter_t *ppt__waitq_pop_ready(ppt_waitq_t *queue)
{
    return ppt__waitq_take_ready(queue, 1).first;
}

/* I3: one that is not notified is on its way out. */
ppt__wake_list_t ppt__waitq_take_last(ppt_waitq_t *queue)
{
    ppt__wake_list_t list = { NULL, NULL, 0 };
    int cpu = ppt__cpu();

    while (queue->head != NULL && list.length == 0) {
        ppt__waiter_t *last = ((ppt__waiter_t *)queue->head)->prev;

        if (notify(queue, last, cpu, PPT__CANCELLED)) {
            ppt__waitq_unlink(queue, last);
            ppt__wake_list_append(&list, last);
        } else {
            detach(queue, last);
        }
    }
    return list;
}

int ppt__waitq_present(ppt_waitq_t *queue)
{
    ppt__waiter_t *waiter = queue->head;
    ppt__waiter_t *last = waiter != NULL ? waiter->prev : NULL;
    bool more = waiter != NULL;
    int present = 0;

    while (more) {
        ppt__waiter_t *next = waiter->next;

        more = waiter != last;
        if (is_cancelled(waiter))
            detach(queue, waiter); /* I3 */
        else
            present++;
        waiter = next;
    }
    return present;
}

uint32_t ppt__waitq_waiting(const ppt_waitq_t *queue)
{
    if (__atomic_load_n(&queue->born, __ATOMIC_RELAXED) != ppt__generation)
        return 0; /* I6 */
    return ppt__waitq_length(queue);
}

int ppt__waitq_drain(ppt_waitq_t *queue)
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
