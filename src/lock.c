/*
 * lock.c - a lock with timeouts.
 *
 * Idea
 *   One word says all that an uncontended acquire or release must know.
 *   A release that finds waiters frees the lock first and then wakes one
 *   (barging, as in nsync and in Go's mutex), since handing a lock over costs
 *   a context switch each time.  A waiter that was passed over for long is
 *   handed the lock all the same.
 *
 * State                 writer                            guard
 *   word: HELD          acquirers, the releaser           none (atomic)
 *         QUEUED        waiters; a release                queue.guard
 *         TURN          a release sets it; the waiter     none (atomic)
 *                       it woke clears it
 *         HAND_OVER     the waiter passed over; a release queue.guard
 *   queue               see waitq.c
 *
 * Invariants
 *   L1  QUEUED is set while a waiter is queued.  (It may be set a little
 *       longer: the next release clears it.)  It is set while HELD is, by one
 *       atomic operation that sees HELD.  So a release that frees the lock
 *       without looking at the queue finds nobody in it.
 *   L2  TURN is set while one waiter, woken by a release, has neither taken
 *       the lock nor queued again.  Releases wake nobody else meanwhile: they
 *       need not, since that waiter takes the lock if it is free, and queues
 *       again only while it is held, before TURN is cleared.  So a waiter
 *       that does not come at once, because it runs the caller's callback,
 *       must not be in the queue.
 *   L3  HAND_OVER is set when the first in the queue has been passed over
 *       for PATIENCE_NS.  The next release keeps HELD and gives the lock to
 *       the first in the queue.
 *   L4  The release that finds QUEUED frees the lock under the guard, and
 *       touches nothing of the lock once the guard is released.
 *
 * Races
 *   Lost wake-up: queueing and freeing are operations on one word (L1).
 *   Timeout against release: waitq I1.  A waiter that lost the race has been
 *   chosen, and takes its turn like any other (L2): nobody else was woken.
 *   Destroy against a release that has let go: L4, and retire's guard.
 *   Morphing: a waiter that cond.c queues here has been chosen, and cannot
 *   leave; its thread waits in ppt__lock_take.
 */
#include "lock.h"

#include <errno.h>
#include <stddef.h>

#include "word.h"

enum {
    HELD = PPT__HELD,
    QUEUED = PPT__QUEUED,
    TURN = PPT__TURN,
    HAND_OVER = PPT__OWN
};

/* How long the first waiter may be passed over. */
#define PATIENCE_NS 1000000

/* A look takes the word's cache line from the holder: one in so many pauses. */
#define LOOK_EVERY 4

static bool spin_acquire(ppt_lock_t *lock, int64_t deadline, uint32_t clear)
{
    int64_t end = ppt__now() + PPT__SPIN_NS;
    int pauses;

    if (end > deadline)
        end = deadline;
    do {
        for (pauses = 1; pauses <= PPT__LOOKS; pauses++) {
            if (pauses % LOOK_EVERY == 0
                && ppt__word_take(&lock->word, HELD, clear))
                return true;
            ppt__pause();
        }
    } while (ppt__now() < end);
    return false;
}

static bool acquire_awake(ppt_lock_t *lock, int64_t deadline, uint32_t clear)
{
    bool success;

    if (ppt__word_take(&lock->word, HELD, clear))
        return true;
    if (!ppt__spin_pays(&lock->queue))
        return false;
    success = spin_acquire(lock, deadline, clear);
    ppt__spin_done(&lock->queue, success);
    return success;
}

/* Take lock, or queue at the end; true where it was taken. */
static bool acquire_or_queue(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    bool taken;

    ppt__waitq_guard(&lock->queue);
    taken = ppt__word_take_or_announce(&lock->word, HELD, 0, 0);
    if (!taken)
        ppt__waitq_push(&lock->queue, waiter);
    ppt__waitq_unguard(&lock->queue);
    return taken;
}

static bool out_of_patience(ppt__waiter_t *waiter)
{
    int64_t now = ppt__now();

    if (waiter->passed_since == 0)
        waiter->passed_since = now;
    return now - waiter->passed_since >= PATIENCE_NS;
}

/* Take lock, or queue again, in front; true where it was taken. */
static bool acquire_or_requeue(ppt_lock_t *lock, ppt__waiter_t *waiter,
                               uint32_t clear, uint32_t set)
{
    bool spins = set != 0 && waiter->far; /* or it lies idle meanwhile */
    bool taken;

    ppt__waitq_guard(&lock->queue);
    taken = ppt__word_take_or_announce(&lock->word, HELD, clear, set);
    if (!taken) {
        ppt__waiter_restart(waiter, spins);
        ppt__waitq_push_front(&lock->queue, waiter);
    }
    ppt__waitq_unguard(&lock->queue);
    return taken;
}

/* The waiter was woken by a release: make use of it (L2). */
static bool claim(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    if (waiter->grant == PPT__GRANT_LOCK
        || acquire_awake(lock, PPT_FOREVER, TURN))
        return true;
    return acquire_or_requeue(lock, waiter, TURN,
                              out_of_patience(waiter) ? HAND_OVER : 0);
}

/* Interrupted: stand aside, ask, and queue again in front (L2). */
static int ask_outside(ppt_lock_t *lock, ppt__waiter_t *waiter,
                       const ppt__limits_t *limits, bool *taken)
{
    int result = EINTR;

    if (limits->on_interrupt != NULL)
        result = limits->on_interrupt(limits->arg);
    if (result == 0)
        *taken = acquire_or_requeue(lock, waiter, 0, 0);
    return result;
}

static int acquire_queued(ppt_lock_t *lock, ppt__waiter_t *waiter,
                          const ppt__limits_t *limits)
{
    ppt__limits_t leave = { limits->deadline, limits->flags, NULL, NULL };
    bool taken = false;
    int result;

    do {
        result = ppt__waiter_wait(waiter, &lock->queue, &leave);
        if (result == 0)
            taken = claim(lock, waiter);
        else if (result == EINTR)
            result = ask_outside(lock, waiter, limits, &taken);
    } while (result == 0 && !taken);
    return result;
}

static PPT__SLOW int acquire_slowly(ppt_lock_t *lock,
                                    const ppt__limits_t *limits)
{
    ppt__waiter_t waiter;
    int result = 0;

    if (limits->deadline < 0)
        return EINVAL;
    if (limits->deadline == PPT_TRY)
        return EBUSY;
    if (!(limits->flags & PPT__INTERRUPTIBLE)
        && acquire_awake(lock, limits->deadline, 0))
        return 0;
    ppt__waiter_start(&waiter, false);
    if (!acquire_or_queue(lock, &waiter))
        result = acquire_queued(lock, &waiter, limits);
    ppt__waiter_end(&waiter);
    return result;
}

int ppt_lock_acquire(ppt_lock_t *lock, int64_t deadline)
{
    if (deadline >= 0 && ppt__word_take(&lock->word, HELD, 0))
        return 0;
    return acquire_slowly(lock, &(ppt__limits_t){ .deadline = deadline });
}

int ppt_lock_acquire_interruptible(ppt_lock_t *lock, int64_t deadline,
                                   ppt_interrupt_fn on_interrupt, void *arg)
{
    if (deadline >= 0 && ppt__word_take(&lock->word, HELD, 0))
        return 0;
    return acquire_slowly(lock,
                          &(ppt__limits_t){ deadline, PPT__INTERRUPTIBLE,
                                            on_interrupt, arg });
}

/* What word becomes by a release that wakes waiter (NULL: nobody). */
static uint32_t after_release(const ppt_lock_t *lock,
                              const ppt__waiter_t *waiter)
{
    uint32_t word = ppt__word_load(&lock->word);
    uint32_t next = word & TURN;

    if (waiter != NULL)
        next |= word & HAND_OVER ? HELD : TURN; /* L3, L2 */
    if (lock->queue.head != NULL)
        next |= QUEUED;
    return next;
}

/*
 * L4.  Under the guard and while HELD, nobody else changes word, except a
 * second release, which is the caller's error.
 */
static PPT__SLOW int release_to_queue(ppt_lock_t *lock)
{
    ppt__waiter_t *waiter;
    uint32_t next;

    ppt__waitq_guard(&lock->queue);
    if (!(ppt__word_load(&lock->word) & HELD)) {
        ppt__waitq_unguard(&lock->queue);
        return EPERM;
    }
    waiter = ppt__waitq_pop(&lock->queue);
    next = after_release(lock, waiter);
    __atomic_store_n(&lock->word, next, __ATOMIC_RELEASE);
    ppt__waitq_unguard(&lock->queue);
    if (waiter != NULL)
        ppt__waiter_wake(waiter, next & HELD ? PPT__GRANT_LOCK
                                             : PPT__GRANT_TURN);
    return 0;
}

/* Does a release in this state leave the queue alone?  L1, L2, L3. */
static bool nobody_to_wake(uint32_t word)
{
    return !(word & QUEUED) || (word & (TURN | HAND_OVER)) == TURN;
}

int ppt_lock_release(ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    while ((word & HELD) && nobody_to_wake(word))
        if (ppt__word_change(&lock->word, &word, word & ~(uint32_t)HELD))
            return 0;
    return word & HELD ? release_to_queue(lock) : EPERM;
}

bool ppt__lock_adopt(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    bool queued;

    ppt__waitq_guard(&lock->queue);
    queued = ppt__word_announce(&lock->word, HELD, 0, 0);
    if (queued)
        ppt__waitq_push(&lock->queue, waiter);
    ppt__waitq_unguard(&lock->queue);
    return queued;
}

void ppt__lock_take(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    if (waiter->grant == PPT__GRANT_NOTHING)
        ppt_lock_acquire(lock, PPT_FOREVER);
    else if (!claim(lock, waiter))
        acquire_queued(lock, waiter, &ppt__no_limits);
}

void ppt_lock_init(ppt_lock_t *lock)
{
    *lock = (ppt_lock_t)PPT_LOCK_INITIALIZER;
}

int ppt_lock_destroy(ppt_lock_t *lock)
{
    if (ppt__word_load(&lock->word) & (HELD | TURN))
        return EBUSY;
    return ppt__waitq_retire(&lock->queue);
}

bool ppt_lock_locked(const ppt_lock_t *lock)
{
    return ppt__word_load(&lock->word) & HELD;
}

unsigned ppt_lock_waiting(const ppt_lock_t *lock)
{
    return ppt__waitq_length(&lock->queue);
}

void ppt_lock_after_fork(ppt_lock_t *lock)
{
    ppt_lock_init(lock);
}
