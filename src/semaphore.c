/*
 * semaphore.c - a counting semaphore with timeouts.
 *
 * Idea
 *   One word has the number of units, or says that threads are queued
 *   (Dijkstra, "Over seinpalen", 1962).  A release gives units to the waiters
 *   in the order of the queue, as a baton (Andrews, "Concurrent Programming",
 *   1991, section 4.4): a waiter that is woken has its unit, and need not
 *   compete for it with threads that came later.
 *
 * State                 writer                            guard
 *   word: the units     takers, releasers                 none (atomic)
 *         or QUEUED     waiters; a release                queue.guard
 *   start               init                              never changes
 *   queue               see waitq.c
 *
 * Invariants
 *   S1  word is QUEUED, and there are no units, while a waiter is queued that
 *       does not run its callback.  (word may stay QUEUED a little longer: the
 *       next release changes it.)  It is set under the guard, by one atomic
 *       operation that sees no unit.
 *   S2  While word is QUEUED only the holder of the guard changes it.
 *   S3  A waiter that is notified has a unit, which was never in word, and
 *       touches the semaphore no more.  It cannot leave without it (waitq
 *       I1).
 *   S4  A waiter in a callback is not notified, so a callback that does not
 *       return takes no unit with it.  When it has returned, its thread looks
 *       at word itself before it sleeps on in its place.
 *   S5  A release touches nothing of the semaphore once word has its units,
 *       or once the guard is released.
 *
 * Races
 *   Lost wake-up: queueing and releasing are operations on one word (S1).
 *   Timeout against release: waitq I1; a waiter whose timeout loses the race
 *   has its unit (S3).
 *   Release against a callback: the release passes the waiter by, and the
 *   waiter looks at word afterwards (S4); both under the guard.
 *   Destroy against a release: S5, and drain's guard.  Destroy against a
 *   timeout or a callback: the waiter is counted in the queue meanwhile.
 *   Fork: the child finds an empty queue (waitq I6), and word as it was; if
 *   that is QUEUED, the next release finds nobody, and changes it (S1).
 *
 * SPDX-License-Identifier: MIT
 */
#include "pyplusthread/semaphore.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "wait/wait.h"
#include "wait/word.h"

/* Instead of a number of units. */
#define QUEUED (PPT_SEMAPHORE_MAX + 1)

static bool has_units(uint32_t word)
{
    return word != 0 && word != QUEUED;
}

static bool take(ppt_semaphore_t *semaphore)
{
    uint32_t word = ppt__word_load(&semaphore->word);

    while (has_units(word))
        if (ppt__word_change(&semaphore->word, &word, word - 1))
            return true;
    return false;
}

/* With the guard held: true where a unit was taken, or else QUEUED (S1). */
static bool take_or_announce(ppt_semaphore_t *semaphore)
{
    uint32_t word;

    do {
        if (take(semaphore))
            return true;
        word = 0;
    } while (!ppt__word_change(&semaphore->word, &word, QUEUED)
             && word != QUEUED);
    return false;
}

static void push(ppt_semaphore_t *semaphore, ppt__waiter_t *waiter,
                 unsigned flags)
{
    waiter->spins = !(flags & PPT__INTERRUPTIBLE)
                    && ppt__spin_pays(&semaphore->queue);
    ppt__waitq_push(&semaphore->queue, waiter);
}

/* Take a unit, or queue at the end; true where one was taken. */
static bool take_or_queue(ppt_semaphore_t *semaphore, ppt__waiter_t *waiter,
                          unsigned flags)
{
    bool taken;

    ppt__waitq_guard(&semaphore->queue);
    taken = take_or_announce(semaphore);
    if (!taken)
        push(semaphore, waiter, flags);
    ppt__waitq_unguard(&semaphore->queue);
    return taken;
}

/*
 * Back from a callback: take a unit, or sleep on in the old place (S4), which
 * a fork has voided for the child.
 */
static bool take_in_place(ppt_semaphore_t *semaphore, ppt__waiter_t *waiter)
{
    bool taken;

    ppt__waitq_guard(&semaphore->queue);
    waiter->grant = PPT__GRANT_NOTHING;
    ppt__waiter_leave_callback(waiter);
    taken = take_or_announce(semaphore);
    if (taken) {
        ppt__waitq_unlink(&semaphore->queue, waiter);
    } else if (waiter->born != ppt__generation) {
        ppt__waiter_restart(waiter, false);
        ppt__waitq_push(&semaphore->queue, waiter);
    }
    ppt__waitq_unguard(&semaphore->queue);
    return taken;
}

/* Queued: until it has a unit, or leaves. */
static int await_unit(ppt_semaphore_t *semaphore, ppt__waiter_t *waiter,
                      const ppt__wait_options_t *options)
{
    for (;;) {
        int result = ppt__waiter_sleep(waiter, options->deadline,
                                       options->flags);

        if (result == EINTR)
            result = ppt__waiter_ask(waiter, options);
        if (result == 0 && waiter->grant == PPT__GRANT_AGAIN) {
            if (take_in_place(semaphore, waiter))
                return 0;
            continue;
        }
        if (result != 0 && ppt__waiter_cancel(waiter, &semaphore->queue))
            return result;
        if (result != 0) /* notified: the wake-up is on its way */
            ppt__waiter_sleep_on(waiter);
        return 0; /* S3 */
    }
}

struct attempt {
    ppt_semaphore_t *semaphore;
    ppt__waiter_t waiter;
};

/* A callback that does not return: S4. */
static void callback_left(void *arg)
{
    struct attempt *attempt = arg;

    ppt__waiter_quit(&attempt->waiter, &attempt->semaphore->queue);
    ppt__waiter_end(&attempt->waiter);
}

static PPT__SLOW int acquire_slowly(ppt_semaphore_t *semaphore,
                                    const ppt__wait_options_t *options)
{
    struct attempt attempt = { .semaphore = semaphore };
    int result;

    if (options->deadline < 0)
        return EINVAL;
    if (options->deadline == PPT_TRY)
        return EBUSY;
    ppt__waiter_start(&attempt.waiter, false);
    pthread_cleanup_push(callback_left, &attempt);
    result = take_or_queue(semaphore, &attempt.waiter, options->flags)
                 ? 0
                 : await_unit(semaphore, &attempt.waiter, options);
    pthread_cleanup_pop(0);
    ppt__waiter_end(&attempt.waiter);
    return result;
}

int ppt_semaphore_acquire(ppt_semaphore_t *semaphore, int64_t deadline)
{
    if (deadline >= 0 && take(semaphore))
        return 0;
    return acquire_slowly(semaphore,
                          &(ppt__wait_options_t){ .deadline = deadline });
}

int ppt_semaphore_acquire_interruptible(ppt_semaphore_t *semaphore,
                                        int64_t deadline,
                                        ppt_interrupt_fn on_interrupt,
                                        void *arg)
{
    if (deadline >= 0 && take(semaphore))
        return 0;
    return acquire_slowly(semaphore,
                          &(ppt__wait_options_t){ deadline, PPT__INTERRUPTIBLE,
                                            on_interrupt, arg });
}

/* 0, or EOVERFLOW, or EAGAIN where threads are queued. */
static int add(ppt_semaphore_t *semaphore, uint32_t units)
{
    uint32_t word = ppt__word_load(&semaphore->word);

    while (word != QUEUED) {
        if (units > PPT_SEMAPHORE_MAX - word)
            return EOVERFLOW;
        if (ppt__word_change(&semaphore->word, &word, word + units))
            return 0;
    }
    return units > PPT_SEMAPHORE_MAX ? EOVERFLOW : EAGAIN;
}

/* What word becomes where units are left over (S1). */
static uint32_t after_giving(const ppt_semaphore_t *semaphore, uint32_t units)
{
    return units == 0 && semaphore->queue.head != NULL ? QUEUED : units;
}

/* 0, or EAGAIN where nobody is queued any more. */
static PPT__SLOW int give(ppt_semaphore_t *semaphore, uint32_t units)
{
    ppt__wake_list_t list;

    ppt__waitq_guard(&semaphore->queue);
    if (ppt__word_load(&semaphore->word) != QUEUED) {
        ppt__waitq_unguard(&semaphore->queue);
        return EAGAIN;
    }
    list = ppt__waitq_take_ready(&semaphore->queue, (int)units); /* S4 */
    units -= (uint32_t)list.length;
    /* S2 */
    __atomic_store_n(&semaphore->word, after_giving(semaphore, units),
                     __ATOMIC_RELEASE);
    ppt__waitq_unguard(&semaphore->queue); /* S5 */
    ppt__wake_list_wake(list, PPT__GRANT_NOTHING);
    return 0;
}

int ppt_semaphore_release(ppt_semaphore_t *semaphore, uint32_t units)
{
    int result;

    while ((result = add(semaphore, units)) == EAGAIN)
        if (give(semaphore, units) == 0)
            return 0;
    return result;
}

int ppt_semaphore_init(ppt_semaphore_t *semaphore, uint32_t units)
{
    if (units > PPT_SEMAPHORE_MAX)
        return EINVAL;
    *semaphore = (ppt_semaphore_t)PPT_SEMAPHORE_INITIALIZER(units);
    return 0;
}

int ppt_semaphore_destroy(ppt_semaphore_t *semaphore)
{
    return ppt__waitq_drain(&semaphore->queue);
}

uint32_t ppt_semaphore_value(const ppt_semaphore_t *semaphore)
{
    uint32_t word = ppt__word_load(&semaphore->word);

    return has_units(word) ? word : 0;
}

unsigned ppt_semaphore_waiting(const ppt_semaphore_t *semaphore)
{
    return ppt__waitq_waiting(&semaphore->queue);
}

void ppt_semaphore_after_fork(ppt_semaphore_t *semaphore)
{
    ppt_semaphore_init(semaphore, semaphore->start);
}
