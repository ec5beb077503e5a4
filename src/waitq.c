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
 *   queue.near             wakers; read without; a hint queue.guard
 *   queue.credit           waiters; a hint              none (relaxed)
 *   waiter.state           see the bits in waitq.h      none (atomic)
 *   waiter.grant, result   the waker that chose it      CHOSEN, WOKEN
 *
 * Invariants
 *   I1  CHOSEN and LEFT exclude each other: each is set by an atomic
 *       operation that fails where the other is set.  So a wake-up is given
 *       to a waiter or it is not; waker and waiter agree on which.
 *   I2  WOKEN is set once, after CHOSEN, by the one who unlinked the waiter.
 *       If it found ASLEEP it owes exactly one post, and touches the waiter
 *       no more after it; if not, no post.  (A nudge is a post without WOKEN:
 *       it only interrupts the sleep.)  The waiter sets and clears ASLEEP
 *       only while WOKEN is not there; if ASLEEP is there when WOKEN comes, it
 *       takes the post before it returns.
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

#include "pyplusthread/time.h"

/* Tries for a guard that is held, before going to sleep. */
#define GUARD_TRIES 64

/* Spins that may fail in a row before a break, and how long the break is. */
#define CREDIT 8
#define BREAK 32

enum { UNGUARDED, GUARDED, CONTENDED };

_Static_assert(sizeof(ppt__waiter_t) <= sizeof(ppt_waiter_t),
               "a waiter fits into its public storage");

const ppt__limits_t ppt__no_limits = { PPT_FOREVER, 0, NULL, NULL };

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

/*
 * What the next to wait on queue may learn from this one: does the waker run
 * on another CPU, and was it worth while to spin for it?  Where the system
 * does not tell CPUs, there seems to be only one.
 */
static void learn(ppt_waitq_t *queue, ppt__waiter_t *waiter, bool asleep)
{
    waiter->far = waiter->cpu != ppt__cpu();
    __atomic_store_n(&queue->near, !waiter->far, __ATOMIC_RELAXED);
    if (waiter->spins)
        ppt__spin_done(queue, !asleep);
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

void ppt__waiter_start(ppt__waiter_t *waiter, bool spins)
{
    waiter->lock = NULL;
    waiter->passed_since = 0;
    ppt__sem_init(&waiter->sem);
    ppt__waiter_restart(waiter, spins);
}

void ppt__waiter_restart(ppt__waiter_t *waiter, bool spins)
{
    waiter->grant = PPT__GRANT_NOTHING;
    waiter->result = 0;
    waiter->far = false;
    waiter->cpu = ppt__cpu();
    waiter->spins = spins;
    __atomic_store_n(&waiter->state, 0, __ATOMIC_RELAXED);
}

void ppt__waiter_end(ppt__waiter_t *waiter)
{
    ppt__sem_destroy(&waiter->sem);
}

void ppt__waiter_wake(ppt__waiter_t *waiter, uint32_t grant)
{
    waiter->grant = grant;
    /* Pairs with the acquiring looks at state in spin and sleep. */
    if (__atomic_fetch_or(&waiter->state, PPT__WOKEN, __ATOMIC_ACQ_REL)
        & PPT__ASLEEP)
        ppt__sem_post(&waiter->sem);
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

/*
 * Spinning for a thread on the same CPU costs its whole turn; spinning for
 * one on another CPU saves two system calls and a cross-CPU wake-up, if it
 * acts soon.  So: not if the last waiter was woken from its own CPU; and not
 * for a while if spinning has been in vain, then once to try.
 */
bool ppt__spin_pays(ppt_waitq_t *queue)
{
    int credit = __atomic_load_n(&queue->credit, __ATOMIC_RELAXED);

    if (ppt__cpu_count() == 1
        || __atomic_load_n(&queue->near, __ATOMIC_RELAXED))
        return false;
    if (credit >= 0)
        return true;
    __atomic_store_n(&queue->credit, (int16_t)(credit + 1),
                     __ATOMIC_RELAXED);
    return credit == -1;
}

/* Lost updates by others at the same time do no harm: it is a hint. */
void ppt__spin_done(ppt_waitq_t *queue, bool success)
{
    int credit = __atomic_load_n(&queue->credit, __ATOMIC_RELAXED);

    if (success)
        credit = CREDIT;
    else
        credit = credit > 0 ? credit - 1 : -BREAK;
    __atomic_store_n(&queue->credit, (int16_t)credit, __ATOMIC_RELAXED);
}

static bool spin(const ppt__waiter_t *waiter, int64_t end)
{
    do {
        int looks;

        for (looks = PPT__LOOKS; looks > 0; looks--) {
            if (__atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE)
                & PPT__WOKEN)
                return true;
            ppt__pause();
        }
    } while (ppt__now() < end);
    return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* True if it was woken before it fell asleep: then no post is owed (I2). */
static bool woken_awake(ppt__waiter_t *waiter, int64_t deadline)
{
    if (__atomic_load_n(&waiter->state, __ATOMIC_RELAXED) & PPT__ASLEEP)
        return false; /* resumed: it had fallen asleep before */
    if (waiter->spins
        && spin(waiter, earlier(ppt__now() + PPT__SPIN_NS, deadline)))
        return true;
    return __atomic_fetch_or(&waiter->state, PPT__ASLEEP, __ATOMIC_ACQ_REL)
           & PPT__WOKEN;
}

/* Pairs with wake: what the waker did before is seen. */
static bool woken(const ppt__waiter_t *waiter)
{
    return __atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE) & PPT__WOKEN;
}

int ppt__waiter_sleep(ppt__waiter_t *waiter, int64_t deadline,
                      unsigned flags)
{
    int result;

    if (woken_awake(waiter, deadline))
        return 0;
    do
        result = ppt__sem_wait(&waiter->sem, deadline, flags);
    while (result == 0 && !woken(waiter)); /* a nudge that came late */
    return result;
}

void ppt__waiter_sleep_on(ppt__waiter_t *waiter)
{
    ppt__waiter_sleep(waiter, PPT_FOREVER, 0);
}

void ppt__waiter_nudge(ppt__waiter_t *waiter)
{
    if (ppt__waiter_asleep(waiter))
        ppt__sem_post(&waiter->sem);
}

/* Clear ASLEEP; false if it was woken before, and so is owed a post (I2). */
static bool stay_awake(ppt__waiter_t *waiter)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);

    do {
        if (state & PPT__WOKEN)
            return false;
    } while (!__atomic_compare_exchange_n(&waiter->state, &state,
                                          state & ~(uint32_t)PPT__ASLEEP,
                                          true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

bool ppt__waiter_doze(ppt__waiter_t *waiter, int64_t length, int64_t *spun)
{
    int64_t begin;
    bool success;

    *spun = -1;
    if (woken_awake(waiter, PPT_FOREVER))
        return true;
    ppt__sem_wait(&waiter->sem, PPT_FOREVER, 0);
    if (woken(waiter))
        return true;
    if (!stay_awake(waiter))
        return false;
    begin = ppt__now();
    success = spin(waiter, begin + length);
    *spun = ppt__now() - begin;
    return success;
}

bool ppt__waiter_start_to_leave(ppt__waiter_t *waiter, ppt_waitq_t *queue)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);

    do {
        if (state & PPT__CHOSEN)
            return false; /* I1 */
    } while (!__atomic_compare_exchange_n(&waiter->state, &state,
                                          state | PPT__LEFT, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    ppt__waitq_guard(queue);
    ppt__waitq_unlink(queue, waiter);
    return true;
}

void ppt__waitq_finish_leave(ppt_waitq_t *queue)
{
    uint32_t draining = queue->draining;

    ppt__waitq_unguard(queue);
    if (draining) /* the queue may be gone; its address will do */
        ppt__word_wake(&queue->length);
}

bool ppt__waiter_leave(ppt__waiter_t *waiter, ppt_waitq_t *queue)
{
    if (!ppt__waiter_start_to_leave(waiter, queue))
        return false;
    ppt__waitq_finish_leave(queue);
    return true;
}

/* Set AWAY, unless it was chosen: then it may have been moved already. */
static bool step_out(ppt__waiter_t *waiter)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);

    do {
        if (state & PPT__CHOSEN)
            return false;
    } while (!__atomic_compare_exchange_n(&waiter->state, &state,
                                          state | PPT__AWAY, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

static int interrupted(ppt__waiter_t *waiter, const ppt__limits_t *limits)
{
    int result;

    if (limits->on_interrupt == NULL || !step_out(waiter))
        return EINTR;
    result = limits->on_interrupt(limits->arg);
    __atomic_fetch_and(&waiter->state, ~(uint32_t)PPT__AWAY,
                       __ATOMIC_RELAXED);
    return result;
}

int ppt__waiter_rest(ppt__waiter_t *waiter, const ppt__limits_t *limits)
{
    int result;

    do {
        result = ppt__waiter_sleep(waiter, limits->deadline, limits->flags);
        if (result == 0)
            return 0;
        if (result == EINTR)
            result = interrupted(waiter, limits);
    } while (result == 0);
    return result;
}

int ppt__waiter_wait(ppt__waiter_t *waiter, ppt_waitq_t *queue,
                     const ppt__limits_t *limits)
{
    int result = ppt__waiter_rest(waiter, limits);

    if (result == 0 || ppt__waiter_leave(waiter, queue))
        return result;
    ppt__waiter_sleep_on(waiter);
    return 0;
}
