/*
 * waiter.c - one wait of one thread: to spin, to sleep, to be woken.
 *
 * waitq.c has the invariants.  This file's part of them is the waiter's
 * state: NOTIFIED or CANCELLED (I1), ASLEEP and WOKEN and the post (I2).
 *
 * SPDX-License-Identifier: MIT
 */
#include "waiter.h"

#include <errno.h>
#include <stddef.h>

#include "pyplusthread/time.h"

#include "fork.h"
#include "spin.h"

_Static_assert(sizeof(ppt__waiter_t) <= sizeof(ppt_waiter_t),
               "a waiter fits into its public storage");

const ppt__wait_options_t ppt__no_options = { PPT_FOREVER, 0, NULL, NULL };

void ppt__waiter_start(ppt__waiter_t *waiter, bool spins)
{
    waiter->lock = NULL;
    waiter->passed_over = 0;
    waiter->yields = true;
    waiter->transient = false;
    waiter->passes = false;
    ppt__sem_init(&waiter->sem);
    ppt__waiter_restart(waiter, spins);
}

void ppt__waiter_restart(ppt__waiter_t *waiter, bool spins)
{
    waiter->grant = PPT__GRANT_NOTHING;
    waiter->result = 0;
    waiter->remote = false;
    waiter->behind = false;
    waiter->cpu = ppt__cpu();
    waiter->born = ppt__generation;
    waiter->spins = spins;
    __atomic_store_n(&waiter->state, 0, __ATOMIC_RELAXED);
}

void ppt__waiter_end(ppt__waiter_t *waiter)
{
    ppt__sem_destroy(&waiter->sem);
}

static bool owes_post(uint32_t state)
{
    return (state & (PPT__ASLEEP | PPT__WOKEN_EARLY)) == PPT__ASLEEP;
}

/* Compared with a remote wake-up, reading the clock takes no time. */
static int64_t wake_time(const ppt__waiter_t *waiter)
{
    return waiter->remote
                   && owes_post(
                       __atomic_load_n(&waiter->state, __ATOMIC_RELAXED))
               ? ppt__now()
               : 0;
}

static ppt__sem_t *give(ppt__waiter_t *waiter, uint32_t grant,
                        int64_t woken_at)
{
    ppt__sem_t *sem = &waiter->sem;

    waiter->grant = (uint8_t)grant;
    waiter->woken_at = woken_at;
    /* Pairs with the acquiring looks at state in spin and sleep. */
    if (!owes_post(__atomic_fetch_or(&waiter->state, PPT__WOKEN,
                                     __ATOMIC_ACQ_REL)))
        return NULL;
    ppt__sem_raise(sem); /* I2: the post */
    return sem;
}

ppt__sem_t *ppt__waiter_give(ppt__waiter_t *waiter, uint32_t grant)
{
    return give(waiter, grant, wake_time(waiter));
}

void ppt__waiter_wake(ppt__waiter_t *waiter, uint32_t grant)
{
    ppt__sem_t *sem = ppt__waiter_give(waiter, grant);

    if (sem != NULL)
        ppt__sem_wake(sem);
}

void ppt__batch_wake(ppt__batch_t *batch)
{
    int i;

    for (i = 0; i < batch->remote; i++)
        ppt__sem_wake(batch->sems[i]);
    for (i = PPT__BATCH - batch->local; i < PPT__BATCH; i++)
        ppt__sem_wake(batch->sems[i]);
    batch->remote = batch->local = 0;
}

/*
 * Those on this CPU are woken last: a system may switch to them at once.  The
 * first one on another CPU measures its wake-up; those after it would measure
 * the system calls for those before them, too.
 */
void ppt__batch_give(ppt__batch_t *batch, ppt__waiter_t *waiter,
                     uint32_t grant)
{
    bool remote = waiter->remote;
    int64_t woken_at = batch->remote == 0 ? wake_time(waiter) : 0;
    ppt__sem_t *sem = give(waiter, grant, woken_at);

    if (sem == NULL)
        return;
    if (batch->remote + batch->local == PPT__BATCH)
        ppt__batch_wake(batch);
    if (remote)
        batch->sems[batch->remote++] = sem;
    else
        batch->sems[PPT__BATCH - ++batch->local] = sem;
}

/* I7 */
void ppt__wake_list_wake(ppt__wake_list_t list, uint32_t grant)
{
    ppt__waiter_t *waiter = list.first;
    ppt__batch_t batch;

    batch.remote = batch.local = 0;
    while (waiter != NULL) {
        ppt__waiter_t *next = waiter->next; /* before it is gone */

        ppt__batch_give(&batch, waiter, grant);
        waiter = next;
    }
    ppt__batch_wake(&batch);
}

static bool is_woken(const ppt__waiter_t *waiter)
{
    return __atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE) & PPT__WOKEN;
}

static bool spin(const ppt__waiter_t *waiter, int64_t end)
{
    do {
        int looks;

        for (looks = PPT__LOOKS; looks > 0; looks--) {
            if (is_woken(waiter))
                return true;
            ppt__pause();
        }
    } while (ppt__now() < end);
    return false;
}

/* Let others on this CPU run: the waker may be among them. */
static bool yield(const ppt__waiter_t *waiter, int64_t deadline)
{
    int64_t begin = ppt__now();
    int64_t now = begin;
    bool goes_on = ppt__yield_pays(now);
    int times;

    for (times = 0; goes_on && times < PPT__YIELDS && now < deadline;
         times++) {
        if (is_woken(waiter))
            return true;
        ppt__yield();
        now = ppt__now();
        goes_on = ppt__yield_done(begin, now);
        begin = now;
    }
    return is_woken(waiter);
}

/* A deadline on another clock than ppt__now's does not matter for so long. */
static int64_t on_our_clock(int64_t deadline, unsigned flags)
{
    return flags & PPT__REALTIME ? PPT_FOREVER : deadline;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* For as long as nobody else wants this CPU; end may have passed. */
static bool spin_on(const ppt__waiter_t *waiter, int64_t end)
{
    uint64_t preemptions = ppt__preemptions();
    int64_t now = ppt__now();
    bool goes_on = ppt__yield_pays(now);

    while (goes_on && now < end && !is_woken(waiter)) {
        int64_t begin = now;

        ppt__yield();
        now = ppt__now();
        goes_on = ppt__yield_done(begin, now)
                  && ppt__preemptions() == preemptions;
    }
    return is_woken(waiter);
}

static bool spin_until(const ppt__waiter_t *waiter, int64_t deadline)
{
    int64_t begin = ppt__now();

    return spin(waiter, earlier(begin + PPT__SPIN_NS, deadline))
           || (waiter->yields && ppt__spin_limit() > PPT__SPIN_NS
               && spin_on(waiter,
                          earlier(begin + ppt__spin_limit(), deadline)));
}

static bool spin_or_yield(const ppt__waiter_t *waiter, int64_t deadline)
{
    if (waiter->spins)
        return spin_until(waiter, deadline);
    return waiter->yields && yield(waiter, deadline);
}

/*
 * True if it was woken before it fell asleep: then no post is owed (I2).  A
 * wait that a signal shall interrupt sleeps at once: before, a handler would
 * go unnoticed.
 */
static bool woken_awake(ppt__waiter_t *waiter, int64_t deadline,
                        unsigned flags)
{
    if (__atomic_load_n(&waiter->state, __ATOMIC_RELAXED) & PPT__ASLEEP)
        return false; /* resumed: it had fallen asleep before */
    if (!(flags & PPT__INTERRUPTIBLE)
        && spin_or_yield(waiter, on_our_clock(deadline, flags)))
        return true;
    return __atomic_fetch_or(&waiter->state, PPT__ASLEEP, __ATOMIC_ACQ_REL)
           & PPT__WOKEN;
}

/*
 * The post has been taken.  True if it was the wake-up's; if not it was a
 * early wake's, and bits are cleared.  I2: one or the other, at one instant.
 */
static bool woken_or_clear(ppt__waiter_t *waiter, uint32_t bits)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE);

    while (!(state & PPT__WOKEN))
        if (__atomic_compare_exchange_n(&waiter->state, &state,
                                        state & ~bits, true,
                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

/*
 * I6: queued in the parent.  A wake-up that had been given before the fork
 * is kept, but nobody will post it here.
 */
static PPT__SLOW int sleep_in_the_child(ppt__waiter_t *waiter)
{
    if (!(__atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE) & PPT__NOTIFIED))
        waiter->grant = PPT__GRANT_AGAIN;
    return 0;
}

static void note(const ppt__waiter_t *waiter, bool awake, bool late)
{
    if (!awake && !late && waiter->woken_at != 0)
        ppt__spin_measured(ppt__now() - waiter->woken_at);
    ppt__spin_note(waiter->remote, waiter->spins, awake);
}

int ppt__waiter_sleep(ppt__waiter_t *waiter, int64_t deadline,
                      unsigned flags)
{
    int result = 0;
    bool awake, late;

    if (waiter->born != ppt__generation)
        return sleep_in_the_child(waiter);
    late = is_woken(waiter); /* between two sleeps: not out of one */
    awake = woken_awake(waiter, deadline, flags);
    if (!awake)
        do
            result = ppt__sem_wait(&waiter->sem, deadline, flags);
        while (result == 0 && !woken_or_clear(waiter, PPT__WOKEN_EARLY));
    if (result == 0)
        note(waiter, awake, late);
    return result;
}

void ppt__waiter_sleep_on(ppt__waiter_t *waiter)
{
    ppt__waiter_sleep(waiter, PPT_FOREVER, 0);
}

void ppt__waiter_wake_early(ppt__waiter_t *waiter)
{
    uint32_t state = PPT__ASLEEP;

    if (__atomic_compare_exchange_n(&waiter->state, &state,
                                    PPT__ASLEEP | PPT__WOKEN_EARLY, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ppt__sem_post(&waiter->sem);
}

bool ppt__waiter_sleep_then_spin(ppt__waiter_t *waiter, int64_t length,
                                 int64_t *spun)
{
    int64_t begin;
    bool success;

    *spun = -1;
    if (woken_awake(waiter, PPT_FOREVER, 0))
        return true;
    ppt__sem_wait(&waiter->sem, PPT_FOREVER, 0);
    if (woken_or_clear(waiter, PPT__ASLEEP | PPT__WOKEN_EARLY))
        return true;
    begin = ppt__now();
    success = spin(waiter, begin + length);
    *spun = ppt__now() - begin;
    return success;
}

/* One that was notified may have been moved already. */
bool ppt__waiter_enter_callback(ppt__waiter_t *waiter)
{
    uint32_t state = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED);

    do {
        if (state & PPT__NOTIFIED)
            return false;
    } while (!__atomic_compare_exchange_n(&waiter->state, &state,
                                          state | PPT__IN_CALLBACK, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

void ppt__waiter_leave_callback(ppt__waiter_t *waiter)
{
    __atomic_fetch_and(&waiter->state, ~(uint32_t)PPT__IN_CALLBACK,
                       __ATOMIC_RELAXED);
}

int ppt__waiter_ask(ppt__waiter_t *waiter, const ppt__wait_options_t *options)
{
    int result;

    if (options->on_interrupt == NULL || !ppt__waiter_enter_callback(waiter))
        return EINTR;
    result = options->on_interrupt(options->arg);
    if (result == 0)
        waiter->grant = PPT__GRANT_AGAIN; /* IN_CALLBACK: nobody else grants */
    return result;
}

static int interrupted(ppt__waiter_t *waiter,
                       const ppt__wait_options_t *options)
{
    int result;

    if (options->on_interrupt == NULL || !ppt__waiter_enter_callback(waiter))
        return EINTR;
    result = options->on_interrupt(options->arg);
    ppt__waiter_leave_callback(waiter);
    return result;
}

int ppt__waiter_rest(ppt__waiter_t *waiter, const ppt__wait_options_t *options)
{
    int result;

    do {
        result = ppt__waiter_sleep(waiter, options->deadline, options->flags);
        if (result == 0)
            return 0;
        if (result == EINTR)
            result = interrupted(waiter, options);
    } while (result == 0);
    return result;
}
