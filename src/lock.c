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
 *         TRANSIENT     the holder, or who gives it HELD  none (atomic)
 *         and above     the same; the holder's process
 *   tickets             waiters, as they queue            queue.guard
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
 *       again only while it is held, before TURN is cleared.  So a release
 *       passes by a waiter that would not come at once, because it runs the
 *       caller's callback (IN_CALLBACK); when that has returned, it looks at
 *       the lock itself before it sleeps on.
 *   L3  HAND_OVER is set when the first in the queue has been passed over
 *       PATIENCE times, and for PATIENCE_US.  The next release keeps HELD and
 *       gives the lock to the first in the queue.  A waiter that missed that
 *       release, since its callback ran, sets HAND_OVER again when it is back.
 *       The time alone would not do: where more threads want to run than
 *       there are CPUs, a waiter may spend it waiting for a CPU.  Handed over,
 *       the lock waits for the CPU, too, and every thread that runs meanwhile
 *       has to queue.
 *   L4  The release that finds QUEUED frees the lock under the guard, and
 *       touches nothing of the lock once the guard is released.
 *   L5  The queue is in the order of tickets, and a waiter keeps its own
 *       until it has the lock or gives up.  So neither a callback nor a vain
 *       wake-up costs it its place, or gains it one.
 *   L6  A waiter whose deadline has passed looks at the lock once more: it
 *       may be free, for a waiter that was woken but does not get a CPU.
 *   L7  A waiter with a callback that was woken in vain asks it before it
 *       sleeps again: a handler may have run since the release notified it.
 *   L8  TRANSIENT is set along with HELD, by one operation, or by the
 *       holder, and cleared likewise.  So a child, which may find anything
 *       else in the state of another moment (a fork copies page after page),
 *       knows from this one word whether a thread of the parent holds lock
 *       in passing only.  Such a hold is void: the lock is free.
 *   L9  In the child of a fork the queue is new (waitq I6), and the bits that
 *       speak of waiters are the parent's: whoever finds it so, under the
 *       guard, clears them, before anybody queues there.  A hold that a
 *       release hands over is transient until the waiter has taken note.
 *   L10 A waiter that passes (cond.c, C5) does not take the lock: the release
 *       that finds it at the front wakes it, and goes on to the next.  TURN
 *       and HAND_OVER are for the first that does not pass.  So nobody counts
 *       on a waiter that does not come, and nobody queues behind one that has
 *       been woken.
 *
 * Races
 *   Lost wake-up: queueing and freeing are operations on one word (L1).
 *   Timeout against release: waitq I1.  A waiter that lost the race has been
 *   notified, and takes its turn like any other (L2): nobody else was woken.
 *   Destroy against a release that has let go: L4, and drain's guard.
 *   Destroy against a callback: the waiter is in the queue meanwhile (L5).
 *   Fork against a transient hold: L8.
 *   Morphing: a waiter that cond.c queues here has been notified, and cannot
 *   leave; its thread comes to ppt__lock_take, unless it passes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lock.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "wait/wait.h"
#include "wait/word.h"

enum {
    HELD = PPT__HELD,
    QUEUED = PPT__QUEUED,
    TURN = PPT__TURN,
    HAND_OVER = PPT__OWN,
    TRANSIENT = PPT__OWN << 1,
    WAITERS = QUEUED | TURN | HAND_OVER
};

/* How often, and for how long, the first waiter may be passed over.  L3 */
#define PATIENCE 4
#define PATIENCE_US 1000

/* A look takes the word's cache line from the holder: one in so many pauses. */
#define LOOK_EVERY 4

/* The generation counts in steps of 4. */
#define PROCESS (TRANSIENT / 2)

/* What comes with HELD.  L8 */
static uint32_t mark(bool transient)
{
    return transient ? TRANSIENT | ppt__generation * PROCESS : 0;
}

static uint32_t extra(const ppt__waiter_t *waiter)
{
    return mark(waiter->transient);
}

/* The hold is the parent's, and was transient. */
static bool is_void(uint32_t word)
{
    return (word & TRANSIENT)
           && (word & ~(uint32_t)(TRANSIENT - 1)) != mark(true);
}

static bool is_held(const ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    return (word & HELD) && !is_void(word);
}

/* Free a lock that a thread of the parent held in passing. */
static void end_void_hold(ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    if (is_void(word))
        ppt__word_change(&lock->word, &word, 0);
}

/* L9 */
static PPT__SLOW void forget_parents_waiters(ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    while (!ppt__word_change(&lock->word, &word,
                             is_void(word) ? 0
                                           : word & ~(uint32_t)WAITERS))
        ;
}

static void guard(ppt_lock_t *lock)
{
    if (ppt__waitq_guard(&lock->queue))
        forget_parents_waiters(lock);
}

static bool spin_acquire(ppt_lock_t *lock, int64_t deadline, uint32_t clear,
                         uint32_t set)
{
    int64_t end = ppt__now() + PPT__SPIN_NS;
    int pauses;

    if (end > deadline)
        end = deadline;
    do {
        for (pauses = 1; pauses <= PPT__LOOKS; pauses++) {
            if (pauses % LOOK_EVERY == 0
                && ppt__word_take(&lock->word, HELD, clear, set))
                return true;
            ppt__pause();
        }
    } while (ppt__now() < end);
    return false;
}

static bool acquire_awake(ppt_lock_t *lock, int64_t deadline, uint32_t clear,
                          uint32_t set)
{
    bool success;

    if (ppt__word_take(&lock->word, HELD, clear, set))
        return true;
    if (!ppt__spin_pays(&lock->queue))
        return false;
    success = spin_acquire(lock, deadline, clear, set);
    ppt__spin_done(&lock->queue, success);
    return success;
}

/* L5 */
static void push(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    waiter->ticket = lock->tickets++;
    ppt__waitq_push(&lock->queue, waiter);
}

/* Take lock, or queue at the end; true where it was taken. */
static bool acquire_or_queue(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    bool taken;

    guard(lock);
    taken = ppt__word_take_or_announce(&lock->word, HELD, 0, 0,
                                       extra(waiter));
    if (!taken)
        push(lock, waiter);
    ppt__waitq_unguard(&lock->queue);
    return taken;
}

/* It starts anew every 71 minutes: for differences. */
static uint32_t now_in_us(void)
{
    return (uint32_t)(ppt__now() / 1000);
}

static void pass_over(ppt__waiter_t *waiter)
{
    if (waiter->passed_over++ == 0)
        waiter->passed_since = now_in_us();
}

/* L3 */
static uint32_t owed(const ppt__waiter_t *waiter)
{
    return waiter->passed_over >= PATIENCE
                   && now_in_us() - waiter->passed_since >= PATIENCE_US
               ? HAND_OVER
               : 0;
}

/* Take lock, or queue again, in order (L5); true where it was taken. */
static bool acquire_or_requeue(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    uint32_t due;
    bool spins, taken;

    pass_over(waiter);
    due = owed(waiter);
    spins = due != 0 && waiter->remote; /* or it lies idle meanwhile */
    guard(lock);
    taken = ppt__word_take_or_announce(&lock->word, HELD, TURN, due,
                                       extra(waiter));
    if (!taken) {
        ppt__waiter_restart(waiter, spins);
        ppt__waitq_push_in_order(&lock->queue, waiter);
    }
    ppt__waitq_unguard(&lock->queue);
    return taken;
}

/*
 * The waiter was woken by a release: make use of it (L2).  One that a signal
 * shall interrupt does not spin, lest a handler goes unnoticed.
 */
static bool claim(ppt_lock_t *lock, ppt__waiter_t *waiter, unsigned flags)
{
    if (waiter->grant == PPT__GRANT_LOCK) {
        if (!waiter->transient)
            ppt_lock_settle(lock);
        return true;
    }
    if (!(flags & PPT__INTERRUPTIBLE)
        && acquire_awake(lock, PPT_FOREVER, TURN, extra(waiter)))
        return true;
    return acquire_or_requeue(lock, waiter);
}

/*
 * Back from a callback: take lock, or sleep on in the old place (L2, L5),
 * which a fork has voided for the child.
 */
static bool acquire_in_place(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    uint32_t due = owed(waiter);
    bool taken;

    guard(lock);
    waiter->grant = PPT__GRANT_NOTHING;
    ppt__waiter_leave_callback(waiter);
    taken = ppt__word_take_or_announce(&lock->word, HELD, 0, due,
                                       extra(waiter));
    if (taken) {
        ppt__waitq_unlink(&lock->queue, waiter);
    } else if (waiter->born != ppt__generation) {
        ppt__waiter_restart(waiter, false);
        push(lock, waiter);
    }
    ppt__waitq_unguard(&lock->queue);
    return taken;
}

/* Out of the queue, for reason, unless the lock is free (L6). */
static int finish_cancel(ppt_lock_t *lock, const ppt__waiter_t *waiter,
                        int reason, const ppt__wait_options_t *options)
{
    bool late = reason == ETIMEDOUT && ppt__now() >= options->deadline;
    bool taken = late && ppt__word_take(&lock->word, HELD, 0, extra(waiter));

    ppt__waitq_finish_cancel(&lock->queue);
    return taken ? 0 : reason;
}

static int acquire_queued(ppt_lock_t *lock, ppt__waiter_t *waiter,
                          const ppt__wait_options_t *options)
{
    bool vain = false;

    for (;;) {
        int result = vain ? EINTR
                          : ppt__waiter_sleep(waiter, options->deadline,
                                              options->flags);

        if (result == EINTR) /* or woken in vain (L7) */
            result = ppt__waiter_ask(waiter, options);
        vain = false;
        if (result == 0 && waiter->grant == PPT__GRANT_AGAIN) {
            if (acquire_in_place(lock, waiter))
                return 0;
            continue;
        }
        if (result != 0 && ppt__waiter_start_cancel(waiter, &lock->queue))
            return finish_cancel(lock, waiter, result, options);
        if (result != 0) /* notified: the wake-up is on its way */
            ppt__waiter_sleep_on(waiter);
        if (claim(lock, waiter, options->flags))
            return 0;
        vain = options->on_interrupt != NULL;
    }
}

struct attempt {
    ppt_lock_t *lock;
    ppt__waiter_t *waiter;
};

/* A callback that does not return: nobody notifies the waiter (L2). */
static void callback_left(void *arg)
{
    struct attempt *attempt = arg;

    ppt__waiter_quit(attempt->waiter, &attempt->lock->queue);
    ppt__waiter_end(attempt->waiter);
}

/* Out of line of the short path: it has a cleanup handler. */
static int queue_and_acquire(ppt_lock_t *lock, ppt__waiter_t *waiter,
                             const ppt__wait_options_t *options,
                             bool transient)
{
    struct attempt attempt = { lock, waiter };
    int result;

    ppt__waiter_start(waiter, false);
    waiter->transient = transient;
    pthread_cleanup_push(callback_left, &attempt);
    result = acquire_or_queue(lock, waiter)
                 ? 0
                 : acquire_queued(lock, waiter, options);
    pthread_cleanup_pop(0);
    ppt__waiter_end(waiter);
    return result;
}

static PPT__SLOW int acquire_with(ppt_lock_t *lock, ppt__waiter_t *waiter,
                                  const ppt__wait_options_t *options,
                                  bool transient)
{
    if (options->deadline < 0)
        return EINVAL;
    end_void_hold(lock);
    if (ppt__word_take(&lock->word, HELD, 0, mark(transient)))
        return 0;
    if (options->deadline == PPT_TRY)
        return EBUSY;
    if (!(options->flags & PPT__INTERRUPTIBLE)
        && acquire_awake(lock, options->deadline, 0, mark(transient)))
        return 0;
    return queue_and_acquire(lock, waiter, options, transient);
}

static PPT__SLOW int acquire_slowly(ppt_lock_t *lock,
                                    const ppt__wait_options_t *options,
                                    bool transient)
{
    ppt__waiter_t waiter;

    return acquire_with(lock, &waiter, options, transient);
}

int ppt_lock_acquire(ppt_lock_t *lock, int64_t deadline)
{
    if (deadline >= 0 && ppt__word_take(&lock->word, HELD, 0, 0))
        return 0;
    return acquire_slowly(lock, &(ppt__wait_options_t){ .deadline = deadline },
                          false);
}

int ppt_lock_acquire_interruptible(ppt_lock_t *lock, int64_t deadline,
                                   ppt_interrupt_fn on_interrupt, void *arg)
{
    if (deadline >= 0 && ppt__word_take(&lock->word, HELD, 0, 0))
        return 0;
    return acquire_slowly(lock,
                          &(ppt__wait_options_t){ deadline, PPT__INTERRUPTIBLE,
                                            on_interrupt, arg },
                          false);
}

/*
 * With the guard held: notify those at the front that pass, and the next, who
 * takes the lock; that one comes last.  L10
 */
static ppt__wake_list_t take_next(ppt_lock_t *lock)
{
    ppt__wake_list_t list = { NULL, NULL, 0 };
    ppt__waiter_t *waiter;

    do {
        waiter = ppt__waitq_pop_ready(&lock->queue); /* L2 */
        if (waiter != NULL)
            ppt__wake_list_append(&list, waiter);
    } while (waiter != NULL && waiter->passes);
    return list;
}

/* What word becomes by a release that wakes list. */
static uint32_t after_release(const ppt_lock_t *lock, ppt__wake_list_t list)
{
    uint32_t word = ppt__word_load(&lock->word);
    uint32_t next = word & TURN;

    if (list.last != NULL && !list.last->passes)
        next |= word & HAND_OVER ? HELD | mark(true) : TURN; /* L3, L2 */
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
    ppt__wake_list_t list;
    uint32_t next;

    guard(lock);
    if (!(ppt__word_load(&lock->word) & HELD)) {
        ppt__waitq_unguard(&lock->queue);
        return EPERM;
    }
    list = take_next(lock);
    next = after_release(lock, list);
    __atomic_store_n(&lock->word, next, __ATOMIC_RELEASE);
    ppt__waitq_unguard(&lock->queue);
    ppt__wake_list_wake(list, next & HELD ? PPT__GRANT_LOCK : PPT__GRANT_TURN);
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
        if (ppt__word_change(&lock->word, &word,
                             word & (TRANSIENT - 1) & ~(uint32_t)HELD))
            return 0;
    return word & HELD ? release_to_queue(lock) : EPERM;
}

bool ppt__lock_requeue(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    bool queued;

    guard(lock);
    queued = ppt__word_announce(&lock->word, HELD, 0, 0);
    if (queued)
        push(lock, waiter);
    ppt__waitq_unguard(&lock->queue);
    return queued;
}

void ppt__lock_take(ppt_lock_t *lock, ppt__waiter_t *waiter)
{
    if (waiter->grant == PPT__GRANT_NOTHING)
        acquire_slowly(lock, &ppt__no_options, waiter->transient);
    else if (!claim(lock, waiter, 0))
        acquire_queued(lock, waiter, &ppt__no_options);
}

int ppt_lock_acquire_transient(ppt_lock_t *lock, int64_t deadline)
{
    return acquire_slowly(lock, &(ppt__wait_options_t){ .deadline = deadline },
                          true);
}

int ppt_lock_acquire_transient_interruptible(ppt_lock_t *lock,
                                             ppt_waiter_t *waiter,
                                             int64_t deadline,
                                             ppt_interrupt_fn on_interrupt,
                                             void *arg)
{
    return acquire_with(lock, (ppt__waiter_t *)(void *)waiter,
                        &(ppt__wait_options_t){ deadline, PPT__INTERRUPTIBLE,
                                          on_interrupt, arg },
                        true);
}

void ppt_lock_make_transient(ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    while ((word & HELD)
           && !ppt__word_change(&lock->word, &word, word | mark(true)))
        ;
}

void ppt_lock_settle(ppt_lock_t *lock)
{
    __atomic_fetch_and(&lock->word, TRANSIENT - 1, __ATOMIC_RELAXED);
}

bool ppt__lock_is_transient(const ppt_lock_t *lock)
{
    return ppt__word_load(&lock->word) & TRANSIENT;
}

void ppt_lock_init(ppt_lock_t *lock)
{
    *lock = (ppt_lock_t)PPT_LOCK_INITIALIZER;
}

static bool is_busy(const ppt_lock_t *lock)
{
    return is_held(lock) || (ppt__word_load(&lock->word) & TURN);
}

int ppt_lock_destroy(ppt_lock_t *lock)
{
    bool busy;

    guard(lock); /* L9 */
    busy = is_busy(lock);
    ppt__waitq_unguard(&lock->queue);
    if (busy || ppt__waitq_drain(&lock->queue) != 0)
        return EBUSY;
    /* The last to leave the queue may have taken the lock (L2, L6). */
    guard(lock);
    busy = is_busy(lock) || lock->queue.length > 0;
    ppt__waitq_unguard(&lock->queue);
    return busy ? EBUSY : 0;
}

bool ppt_lock_locked(const ppt_lock_t *lock)
{
    return is_held(lock);
}

unsigned ppt_lock_waiting(const ppt_lock_t *lock)
{
    return ppt__waitq_waiting(&lock->queue);
}

void ppt_lock_after_fork(ppt_lock_t *lock)
{
    ppt_lock_init(lock);
}

/* L8 */
void ppt_lock_keep_after_fork(ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    ppt_lock_init(lock);
    if ((word & (HELD | TRANSIENT)) == HELD)
        lock->word = HELD;
}
