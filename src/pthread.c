/*
 * pthread.c - conditions with a pthread_mutex_t, and the drop-in for
 * pthread_cond_t.
 *
 * Idea
 *   cond.c with another lock.  A thread that was woken by another CPU spins
 *   for the mutex before it blocks on it: the signaller, which usually still
 *   holds it, is about to let go.  Of many that a broadcast has notified only
 *   as many do as there are other CPUs.
 *
 * State
 *   inside   threads inside a wait of a drop-in condition, and DRAINING,
 *            set by destroy; atomic; counted up under the queue's guard
 *   born     the process in which that was, likewise (waitq I6)
 *
 * Invariants
 *   D1  A thread counts itself in before it queues, and out when it knows
 *       how its wait ended.  destroy waits until all are out.  So a thread
 *       that was notified and is cancelled at the same moment can still pass
 *       its signal on.  (cond.c needs no such count: only a cancelled thread
 *       returns to the condition after it was notified.)
 *   D2  A cancelled thread leaves the queue, or else passes on the signal
 *       that notified it; then it takes the mutex.
 *
 * Races
 *   Cancellation against signal: waitq I1, then D2.
 *   Cancellation against destroy: D1.
 *   Unlocking fails (not the owner): the waiter leaves again, or passes on
 *   the signal that notified it in between.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pyplusthread/pthread.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "cond.h"
#include "wait/mutex.h"
#include "wait/wait.h"

#define NS_PER_S INT64_C(1000000000)
#define DRAINING UINT32_C(0x80000000)

/* Lock mutex after a wait.  The condition may be gone. */
static int relock(pthread_mutex_t *mutex, const ppt__waiter_t *waiter)
{
    int result = pthread_mutex_trylock(mutex);

    if (result == EBUSY && waiter->remote && !waiter->behind)
        result = ppt__mutex_spin(mutex);
    return result == EBUSY ? pthread_mutex_lock(mutex) : result;
}

/* Give up a wait; if it was notified, another waiter is to have the signal. */
static void give_up(ppt_cond_t *cond, ppt__waiter_t *waiter)
{
    if (ppt__waiter_cancel(waiter, &cond->queue))
        return;
    ppt__waiter_sleep_on(waiter);
    ppt_cond_signal(cond);
}

struct wait {
    ppt_cond_t *cond;
    pthread_mutex_t *mutex;
    ppt__waiter_t waiter;
};

/* As cond.c's C4. */
static void callback_left(void *arg)
{
    struct wait *wait = arg;

    ppt__waiter_quit(&wait->waiter, &wait->cond->queue);
    ppt__waiter_end(&wait->waiter);
    pthread_mutex_lock(wait->mutex);
}

static int wait_mutex(ppt_cond_t *cond, pthread_mutex_t *mutex,
                      const ppt__wait_options_t *options)
{
    struct wait wait = { .cond = cond, .mutex = mutex };
    int result, locked;

    if (options->deadline < 0)
        return EINVAL;
    ppt__cond_enqueue(cond, &wait.waiter, options->flags);
    result = pthread_mutex_unlock(mutex);
    if (result != 0) {
        give_up(cond, &wait.waiter);
        ppt__waiter_end(&wait.waiter);
        return result;
    }
    pthread_cleanup_push(callback_left, &wait);
    result = ppt__waiter_wait(&wait.waiter, &cond->queue, options);
    pthread_cleanup_pop(0);
    locked = relock(mutex, &wait.waiter);
    ppt__waiter_end(&wait.waiter);
    return locked != 0 ? locked : result;
}

int ppt_cond_wait_mutex(ppt_cond_t *cond, pthread_mutex_t *mutex,
                        int64_t deadline)
{
    return wait_mutex(cond, mutex,
                      &(ppt__wait_options_t){ .deadline = deadline });
}

int ppt_cond_wait_mutex_interruptible(ppt_cond_t *cond,
                                      pthread_mutex_t *mutex,
                                      int64_t deadline,
                                      ppt_interrupt_fn on_interrupt,
                                      void *arg)
{
    return wait_mutex(cond, mutex,
                      &(ppt__wait_options_t){ deadline, PPT__INTERRUPTIBLE,
                                        on_interrupt, arg });
}

static int signal_unlock(ppt_cond_t *cond, pthread_mutex_t *mutex, int n)
{
    ppt__wake_list_t list = ppt__cond_notify(cond, n);
    int result = pthread_mutex_unlock(mutex);

    /* The condition may be gone. */
    ppt__wake_list_wake(list, PPT__GRANT_NOTHING);
    return result == 0 ? list.length : -result;
}

int ppt_cond_signal_unlock(ppt_cond_t *cond, pthread_mutex_t *mutex)
{
    return signal_unlock(cond, mutex, 1);
}

int ppt_cond_broadcast_unlock(ppt_cond_t *cond, pthread_mutex_t *mutex)
{
    return signal_unlock(cond, mutex, INT_MAX);
}

static bool known(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

int ppt_pthread_cond_init(ppt_pthread_cond_t *cond,
                          const pthread_condattr_t *attr)
{
    clockid_t clock = CLOCK_REALTIME;
    int shared = PTHREAD_PROCESS_PRIVATE;

    if (attr != NULL) {
        pthread_condattr_getpshared(attr, &shared);
        pthread_condattr_getclock(attr, &clock);
    }
    if (shared != PTHREAD_PROCESS_PRIVATE)
        return ENOTSUP;
    if (!known(clock))
        return EINVAL;
    *cond = (ppt_pthread_cond_t)PPT_PTHREAD_COND_INITIALIZER;
    cond->monotonic = clock == CLOCK_MONOTONIC;
    return 0;
}

/* With the guard held: forget the parent's threads (waitq I6). */
static void refresh(ppt_pthread_cond_t *cond)
{
    if (cond->born == ppt__generation)
        return;
    cond->born = ppt__generation;
    __atomic_store_n(&cond->inside, 0, __ATOMIC_RELAXED);
}

/* D1 */
static void enqueue(ppt_pthread_cond_t *cond, ppt__waiter_t *waiter)
{
    ppt_waitq_t *queue = &cond->cond.queue;

    ppt__waiter_start(waiter, ppt__spin_pays(queue));
    ppt__waitq_guard(queue);
    refresh(cond);
    __atomic_fetch_add(&cond->inside, 1, __ATOMIC_RELAXED);
    ppt__waitq_push(queue, waiter);
    ppt__waitq_unguard(queue);
}

static void count_out(ppt_pthread_cond_t *cond)
{
    /* Pairs with the load in destroy. */
    if (__atomic_fetch_sub(&cond->inside, 1, __ATOMIC_RELEASE)
        == (DRAINING | 1))
        ppt__word_wake(&cond->inside); /* it may be gone */
}

/* D1 */
int ppt_pthread_cond_destroy(ppt_pthread_cond_t *cond)
{
    uint32_t inside;
    int result = ppt__waitq_drain(&cond->cond.queue);

    if (result != 0)
        return result;
    ppt__waitq_guard(&cond->cond.queue);
    refresh(cond);
    ppt__waitq_unguard(&cond->cond.queue);
    __atomic_fetch_or(&cond->inside, DRAINING, __ATOMIC_RELAXED);
    for (;;) {
        inside = __atomic_load_n(&cond->inside, __ATOMIC_ACQUIRE);
        if (inside == DRAINING)
            break;
        ppt__word_wait(&cond->inside, inside);
    }
    cond->inside = 0;
    return 0;
}

/* On its clock; saturated. */
static int64_t in_nanoseconds(const struct timespec *at)
{
    int64_t seconds = at->tv_sec;

    if (seconds < 0)
        return PPT_TRY;
    if (seconds > PPT_FOREVER / NS_PER_S - 1)
        return PPT_FOREVER;
    return seconds * NS_PER_S + at->tv_nsec;
}

static bool is_past(clockid_t clock, int64_t deadline)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return deadline <= in_nanoseconds(&now);
}

static int sleep_until(ppt_cond_t *cond, ppt__waiter_t *waiter,
                       clockid_t clock, int64_t deadline)
{
    unsigned flags = PPT__CANCELLABLE;
    int result;

    if (deadline != PPT_FOREVER && is_past(clock, deadline))
        deadline = PPT_TRY; /* at once, on any clock */
    else if (clock == CLOCK_REALTIME)
        flags |= PPT__REALTIME;
    while ((result = ppt__waiter_sleep(waiter, deadline, flags)) == 0
           && waiter->grant == PPT__GRANT_AGAIN)
        ppt__waiter_queue_again(waiter, &cond->queue);
    if (result == 0 || ppt__waiter_cancel(waiter, &cond->queue))
        return result;
    ppt__waiter_sleep_on(waiter);
    return 0;
}

struct cancellable {
    ppt_pthread_cond_t *cond;
    pthread_mutex_t *mutex;
    ppt__waiter_t waiter;
};

/* D2.  Runs before the clean-up handlers of the caller. */
static void cancelled(void *arg)
{
    struct cancellable *wait = arg;

    give_up(&wait->cond->cond, &wait->waiter);
    count_out(wait->cond);
    ppt__waiter_end(&wait->waiter);
    pthread_mutex_lock(wait->mutex);
}

static int wait_cancellable(ppt_pthread_cond_t *cond, pthread_mutex_t *mutex,
                            clockid_t clock, int64_t deadline)
{
    struct cancellable wait = { .cond = cond, .mutex = mutex };
    int result, locked;

    pthread_testcancel();
    enqueue(cond, &wait.waiter);
    result = pthread_mutex_unlock(mutex);
    if (result != 0) {
        give_up(&cond->cond, &wait.waiter);
        count_out(cond);
        ppt__waiter_end(&wait.waiter);
        return result;
    }
    pthread_cleanup_push(cancelled, &wait);
    result = sleep_until(&cond->cond, &wait.waiter, clock, deadline);
    pthread_cleanup_pop(0);
    count_out(cond);
    locked = relock(mutex, &wait.waiter);
    ppt__waiter_end(&wait.waiter);
    return locked != 0 ? locked : result;
}

int ppt_pthread_cond_wait(ppt_pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return wait_cancellable(cond, mutex, CLOCK_MONOTONIC, PPT_FOREVER);
}

int ppt_pthread_cond_clockwait(ppt_pthread_cond_t *cond,
                               pthread_mutex_t *mutex, clockid_t clock,
                               const struct timespec *abstime)
{
    if (!known(clock) || abstime->tv_nsec < 0
        || abstime->tv_nsec >= NS_PER_S)
        return EINVAL;
    return wait_cancellable(cond, mutex, clock, in_nanoseconds(abstime));
}

int ppt_pthread_cond_timedwait(ppt_pthread_cond_t *cond,
                               pthread_mutex_t *mutex,
                               const struct timespec *abstime)
{
    return ppt_pthread_cond_clockwait(
        cond, mutex, cond->monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME,
        abstime);
}

int ppt_pthread_cond_signal(ppt_pthread_cond_t *cond)
{
    ppt_cond_signal(&cond->cond);
    return 0;
}

int ppt_pthread_cond_broadcast(ppt_pthread_cond_t *cond)
{
    ppt_cond_broadcast(&cond->cond);
    return 0;
}
