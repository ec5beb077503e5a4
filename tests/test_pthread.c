/*
 * The promises of pthread.h beyond those of every condition, which
 * test_cond.c has: mutexes of all types, clocks, cancellation.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <limits.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "pyplusthread/pthread.h"

static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };

/* A mutex of a type, and what the threads that wait with it saw. */

static void mutex_init(pthread_mutex_t *mutex, int type, int robust)
{
    pthread_mutexattr_t attr;

    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, type), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, robust), 0);
    ck_assert_int_eq(pthread_mutex_init(mutex, &attr), 0);
    pthread_mutexattr_destroy(&attr);
}

static void error_checking(pthread_mutex_t *mutex)
{
    mutex_init(mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
}

static int64_t clock_now(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
    struct timespec time = { .tv_sec = (time_t)(ns / SECOND),
                             .tv_nsec = (long)(ns % SECOND) };

    return time;
}

/* What a thread waits with: an ordinary condition, or the drop-in. */
enum call { NATIVE, WAIT, TIMEDWAIT, CLOCKWAIT };

typedef struct waiter {
    worker_t worker;
    enum call call;
    ppt_pthread_cond_t *cond;
    pthread_mutex_t *mutex;
    clockid_t clock;
    int64_t deadline; /* on clock */
    int cancellable;  /* PTHREAD_CANCEL_ENABLE or _DISABLE */
    int early;        /* it is to be cancelled before it waits */
    int result;       /* -1: the wait did not return */
    int unlocked;     /* what unlocking said: 0 if the mutex was held */
} waiter_t;

static int call(waiter_t *waiter)
{
    struct timespec abstime = timespec_of(waiter->deadline);

    switch (waiter->call) {
    case NATIVE:
        return ppt_cond_wait_mutex(&waiter->cond->cond, waiter->mutex,
                                   PPT_FOREVER);
    case WAIT:
        return ppt_pthread_cond_wait(waiter->cond, waiter->mutex);
    case TIMEDWAIT:
        return ppt_pthread_cond_timedwait(waiter->cond, waiter->mutex,
                                          &abstime);
    default:
        return ppt_pthread_cond_clockwait(waiter->cond, waiter->mutex,
                                          waiter->clock, &abstime);
    }
}

static void unlock(void *arg)
{
    waiter_t *waiter = arg;

    waiter->unlocked = pthread_mutex_unlock(waiter->mutex);
}

static void wait_once(void *arg)
{
    waiter_t *waiter = arg;

    pthread_setcancelstate(waiter->cancellable, NULL);
    pthread_mutex_lock(waiter->mutex);
    pthread_cleanup_push(unlock, waiter);
    while (peek(&waiter->early) == 1)
        sched_yield(); /* not a cancellation point */
    waiter->result = call(waiter);
    if (waiter->result == EOWNERDEAD)
        pthread_mutex_consistent(waiter->mutex);
    pthread_cleanup_pop(1);
}

static void start(waiter_t *waiter, enum call how, ppt_pthread_cond_t *cond,
                  pthread_mutex_t *mutex)
{
    unsigned before = ppt_cond_waiting(&cond->cond);

    waiter->call = how;
    waiter->cond = cond;
    waiter->mutex = mutex;
    waiter->clock = CLOCK_MONOTONIC;
    waiter->deadline = clock_now(how == TIMEDWAIT ? CLOCK_REALTIME
                                                  : CLOCK_MONOTONIC)
                       + 10 * LIMIT;
    waiter->result = -1;
    waiter->unlocked = -1;
    worker_start(&waiter->worker, wait_once, waiter);
    if (waiter->early)
        return;
    await(ppt_cond_waiting(&cond->cond) == before + 1);
    await(worker_asleep(&waiter->worker));
}

static void join(waiter_t *waiter, int result)
{
    worker_join(&waiter->worker);
    ck_assert_int_eq(waiter->result, result);
    ck_assert_int_eq(waiter->unlocked, 0);
}

/* Mutexes */

/* Proves ppt_cond_wait_mutex other. */
START_TEST(mutexes_of_all_types_will_do)
{
    static const int types[] = { PTHREAD_MUTEX_DEFAULT, PTHREAD_MUTEX_NORMAL,
                                 PTHREAD_MUTEX_ERRORCHECK,
                                 PTHREAD_MUTEX_RECURSIVE };
    static const int robust[] = { PTHREAD_MUTEX_STALLED,
                                  PTHREAD_MUTEX_ROBUST };
    int i;

    for (i = 0; i < 4 * LENGTH(types); i++) {
        ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
        waiter_t waiter = { 0 };
        pthread_mutex_t mutex;

        mutex_init(&mutex, types[i / 4], robust[i / 2 % 2]);
        start(&waiter, i % 2 == 0 ? NATIVE : WAIT, &cond, &mutex);
        ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
        join(&waiter, 0);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* Proves ppt_cond_wait_mutex other, ppt_pthread_cond_wait EPERM. */
START_TEST(wait_with_a_mutex_that_is_not_owned_leaves_nobody_waiting)
{
    static const int robust[] = { PTHREAD_MUTEX_STALLED,
                                  PTHREAD_MUTEX_ROBUST };
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    struct timespec at = timespec_of(clock_now(CLOCK_REALTIME) + LIMIT);
    int i;

    for (i = 0; i < LENGTH(robust); i++) {
        pthread_mutex_t mutex;

        mutex_init(&mutex, PTHREAD_MUTEX_ERRORCHECK, robust[i]);
        ck_assert_int_eq(ppt_cond_wait_mutex(&cond.cond, &mutex,
                                             PPT_FOREVER), EPERM);
        ck_assert_int_eq(ppt_cond_wait_mutex_interruptible(
                             &cond.cond, &mutex, PPT_FOREVER, NULL, NULL),
                         EPERM);
        ck_assert_int_eq(ppt_pthread_cond_wait(&cond, &mutex), EPERM);
        ck_assert_int_eq(ppt_pthread_cond_timedwait(&cond, &mutex, &at),
                         EPERM);
        ck_assert_int_eq(ppt_pthread_cond_clockwait(
                             &cond, &mutex, CLOCK_REALTIME, &at), EPERM);
        ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 0);
        ck_assert_int_eq(ppt_cond_broadcast(&cond.cond), 0);
        ck_assert_int_eq(ppt_pthread_cond_destroy(&cond), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

static void lock_and_die(void *mutex)
{
    pthread_mutex_lock(mutex);
}

/* Proves ppt_cond_wait_mutex other, ppt_pthread_cond_wait other. */
START_TEST(wait_reports_that_the_owner_of_a_robust_mutex_died)
{
    static const enum call calls[] = { NATIVE, WAIT, TIMEDWAIT };
    int i;

    for (i = 0; i < LENGTH(calls); i++) {
        ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
        waiter_t waiter = { 0 };
        pthread_mutex_t mutex;
        worker_t mortal;

        mutex_init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
        start(&waiter, calls[i], &cond, &mutex);
        worker_start(&mortal, lock_and_die, &mutex);
        worker_join(&mortal);
        ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
        join(&waiter, EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* Signals that unlock */

static int owned_by_nobody(pthread_mutex_t *mutex)
{
    return pthread_mutex_trylock(mutex) == 0
           && pthread_mutex_unlock(mutex) == 0;
}

/* Proves ppt_cond_signal_unlock Returns. */
START_TEST(signal_unlock_chooses_one_and_broadcast_unlock_all)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    waiter_t waiters[5] = { { .result = 0 } };
    pthread_mutex_t mutex;
    int i;

    error_checking(&mutex);
    for (i = 0; i < LENGTH(waiters); i++)
        start(&waiters[i], NATIVE, &cond, &mutex);
    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(ppt_cond_signal_unlock(&cond.cond, &mutex), 1);
    join(&waiters[0], 0);
    ck_assert(owned_by_nobody(&mutex));
    ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 4);
    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(ppt_cond_broadcast_unlock(&cond.cond, &mutex), 4);
    for (i = 1; i < LENGTH(waiters); i++)
        join(&waiters[i], 0);
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_cond_signal_unlock Returns. */
START_TEST(signal_unlock_unlocks_when_nobody_waits)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    pthread_mutex_t mutex;

    error_checking(&mutex);
    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(ppt_cond_signal_unlock(&cond, &mutex), 0);
    ck_assert(owned_by_nobody(&mutex));
    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(ppt_cond_broadcast_unlock(&cond, &mutex), 0);
    ck_assert(owned_by_nobody(&mutex));
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_cond_signal_unlock Returns. */
START_TEST(signal_unlock_wakes_even_when_it_cannot_unlock)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    waiter_t waiters[3] = { { .result = 0 } };
    pthread_mutex_t mutex;
    int i;

    error_checking(&mutex);
    for (i = 0; i < LENGTH(waiters); i++)
        start(&waiters[i], NATIVE, &cond, &mutex);
    ck_assert_int_eq(ppt_cond_signal_unlock(&cond.cond, &mutex), -EPERM);
    join(&waiters[0], 0);
    ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 2);
    ck_assert_int_eq(ppt_cond_broadcast_unlock(&cond.cond, &mutex), -EPERM);
    join(&waiters[1], 0);
    join(&waiters[2], 0);
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Making and unmaking the drop-in */

/* Proves ppt_pthread_cond_init 0. */
START_TEST(static_initialiser_is_a_condition_on_the_realtime_clock)
{
    static ppt_pthread_cond_t in_static_memory;
    ppt_pthread_cond_t initialised = PPT_PTHREAD_COND_INITIALIZER;
    ppt_pthread_cond_t *conds[] = { &in_static_memory, &initialised };
    pthread_mutex_t mutex;
    int i;

    error_checking(&mutex);
    for (i = 0; i < LENGTH(conds); i++) {
        int64_t deadline = clock_now(CLOCK_REALTIME) + 20 * MS;
        struct timespec at = timespec_of(deadline);
        waiter_t waiter = { 0 };

        pthread_mutex_lock(&mutex);
        ck_assert_int_eq(ppt_pthread_cond_timedwait(conds[i], &mutex, &at),
                         ETIMEDOUT);
        ck_assert_int_ge(clock_now(CLOCK_REALTIME), deadline);
        pthread_mutex_unlock(&mutex);
        start(&waiter, WAIT, conds[i], &mutex);
        ck_assert_int_eq(ppt_pthread_cond_broadcast(conds[i]), 0);
        join(&waiter, 0);
        ck_assert_int_eq(ppt_pthread_cond_destroy(conds[i]), 0);
    }
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_pthread_cond_init 0. */
START_TEST(init_takes_the_clock_of_the_attribute)
{
    int i;

    for (i = 0; i < LENGTH(clocks); i++) {
        int64_t deadline = clock_now(clocks[i]) + 20 * MS;
        struct timespec at = timespec_of(deadline);
        pthread_condattr_t attr;
        ppt_pthread_cond_t cond;
        pthread_mutex_t mutex;

        error_checking(&mutex);
        memset(&cond, 0xa5, sizeof cond);
        pthread_condattr_init(&attr);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i]), 0);
        ck_assert_int_eq(ppt_pthread_cond_init(&cond, &attr), 0);
        pthread_condattr_destroy(&attr);
        pthread_mutex_lock(&mutex);
        ck_assert_int_eq(ppt_pthread_cond_timedwait(&cond, &mutex, &at),
                         ETIMEDOUT);
        ck_assert_int_ge(clock_now(clocks[i]), deadline);
        ck_assert_int_lt(clock_now(clocks[i]), deadline + LATE);
        pthread_mutex_unlock(&mutex);
        ck_assert_int_eq(ppt_pthread_cond_destroy(&cond), 0);
        pthread_mutex_destroy(&mutex);
    }
}
END_TEST

/* Proves ppt_pthread_cond_init ENOTSUP. */
START_TEST(process_shared_condition_is_refused)
{
    pthread_condattr_t attr;
    ppt_pthread_cond_t cond;

    pthread_condattr_init(&attr);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr,
                                                 PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(ppt_pthread_cond_init(&cond, &attr), ENOTSUP);
    pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE);
    ck_assert_int_eq(ppt_pthread_cond_init(&cond, &attr), 0);
    pthread_condattr_destroy(&attr);
}
END_TEST

/*
 * Those that a C library takes at all: musl's does, glibc's refuses them.
 * Proves ppt_pthread_cond_init EINVAL.
 */
START_TEST(condition_on_another_clock_is_refused)
{
    static const clockid_t others[] = { CLOCK_PROCESS_CPUTIME_ID,
                                        CLOCK_THREAD_CPUTIME_ID, 7, 11 };
    ppt_pthread_cond_t cond;
    int i;

    for (i = 0; i < LENGTH(others); i++) {
        pthread_condattr_t attr;
        int taken;

        pthread_condattr_init(&attr);
        taken = pthread_condattr_setclock(&attr, others[i]) == 0;
        ck_assert_int_eq(ppt_pthread_cond_init(&cond, &attr),
                         taken ? EINVAL : 0);
        pthread_condattr_destroy(&attr);
    }
}
END_TEST

/* Proves ppt_pthread_cond_destroy. */
START_TEST(destroy_with_waiters_is_busy)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    waiter_t waiter = { 0 };
    pthread_mutex_t mutex;

    error_checking(&mutex);
    start(&waiter, WAIT, &cond, &mutex);
    ck_assert_int_eq(ppt_pthread_cond_destroy(&cond), EBUSY);
    ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
    join(&waiter, 0);
    ck_assert_int_eq(ppt_pthread_cond_destroy(&cond), 0);
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_pthread_cond_signal. */
START_TEST(signal_and_broadcast_return_0_when_nobody_waits)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;

    ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
    ck_assert_int_eq(ppt_pthread_cond_broadcast(&cond), 0);
}
END_TEST

/* Deadlines */

/* Proves ppt_pthread_cond_wait EINVAL. */
START_TEST(bad_nanoseconds_are_refused_before_the_mutex_is_touched)
{
    static const long bad[] = { -1, LONG_MIN, 1000000000, LONG_MAX };
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutex;
    int i, owned;

    error_checking(&mutex);
    for (i = 0; i < 2 * LENGTH(bad); i++) {
        struct timespec at = { .tv_sec = i % 2 == 0 ? 0 : LONG_MAX,
                               .tv_nsec = bad[i / 2] };

        for (owned = 0; owned < 2; owned++) {
            if (owned)
                pthread_mutex_lock(&mutex);
            ck_assert_int_eq(ppt_pthread_cond_timedwait(&cond, &mutex, &at),
                             EINVAL);
            ck_assert_int_eq(ppt_pthread_cond_clockwait(
                                 &cond, &mutex, CLOCK_MONOTONIC, &at),
                             EINVAL);
            ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 0);
        }
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    }
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_pthread_cond_wait EINVAL. */
START_TEST(unknown_clock_is_refused_before_the_mutex_is_touched)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    struct timespec at = { 0 };
    pthread_mutex_t mutex;

    error_checking(&mutex);
    ck_assert_int_eq(ppt_pthread_cond_clockwait(
                         &cond, &mutex, CLOCK_PROCESS_CPUTIME_ID, &at),
                     EINVAL);
    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(ppt_pthread_cond_clockwait(&cond, &mutex,
                                                (clockid_t)12345, &at),
                     EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 0);
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_pthread_cond_wait ETIMEDOUT. */
START_TEST(expired_deadline_is_a_timeout_with_the_mutex_held)
{
    static const struct timespec expired[] = {
        { 0, 0 }, { 0, 999999999 }, { 1, 0 }, { -1, 0 }, { -1, 999999999 },
        { LONG_MIN, 0 },
    };
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutex;
    int i;

    error_checking(&mutex);
    for (i = 0; i < 2 * LENGTH(expired); i++) {
        pthread_mutex_lock(&mutex);
        ck_assert_int_eq(ppt_pthread_cond_timedwait(&cond, &mutex,
                                                    &expired[i / 2]),
                         ETIMEDOUT);
        ck_assert_int_eq(ppt_pthread_cond_clockwait(&cond, &mutex,
                                                    clocks[i % 2],
                                                    &expired[i / 2]),
                         ETIMEDOUT);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 0);
    }
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves ppt_pthread_cond_wait ETIMEDOUT, time.h Promise. */
START_TEST(timeout_is_never_early_on_either_clock)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutex;
    int i;

    error_checking(&mutex);
    pthread_mutex_lock(&mutex);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        clockid_t clock = clocks[i % 2];
        int64_t deadline = clock_now(clock) + timeouts[i / 10];
        struct timespec at = timespec_of(deadline);

        ck_assert_int_eq(ppt_pthread_cond_clockwait(&cond, &mutex, clock,
                                                    &at), ETIMEDOUT);
        ck_assert_int_ge(clock_now(clock), deadline);
        ck_assert_int_lt(clock_now(clock), deadline + LATE);
    }
    pthread_mutex_unlock(&mutex);
    pthread_mutex_destroy(&mutex);
}
END_TEST

static void wait_for_ages(void *arg)
{
    static const struct timespec ages = { .tv_sec = LONG_MAX,
                                          .tv_nsec = 999999999 };
    waiter_t *waiter = arg;

    pthread_mutex_lock(waiter->mutex);
    waiter->result = ppt_pthread_cond_clockwait(
        waiter->cond, waiter->mutex, waiter->clock, &ages);
    unlock(waiter);
}

/* Proves ppt_pthread_cond_wait 0. */
START_TEST(deadline_beyond_all_time_does_not_overflow)
{
    int i;

    for (i = 0; i < LENGTH(clocks); i++) {
        ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
        waiter_t waiter = { .cond = &cond, .clock = clocks[i] };
        pthread_mutex_t mutex;

        error_checking(&mutex);
        waiter.mutex = &mutex;
        worker_start(&waiter.worker, wait_for_ages, &waiter);
        await(ppt_cond_waiting(&cond.cond) == 1);
        await(worker_asleep(&waiter.worker));
        ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
        join(&waiter, 0);
        pthread_mutex_destroy(&mutex);
    }
}
END_TEST

/* Cancellation */

static void cancel(waiter_t *waiter)
{
    ck_assert_int_eq(pthread_cancel(waiter->worker.thread), 0);
}

/* Proves pthread.c D2. */
START_TEST(cancelled_wait_cleans_up_with_the_mutex_held)
{
    static const enum call calls[] = { WAIT, TIMEDWAIT, CLOCKWAIT };
    int i;

    for (i = 0; i < LENGTH(calls); i++) {
        ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
        waiter_t waiter = { 0 };
        pthread_mutex_t mutex;

        error_checking(&mutex);
        start(&waiter, calls[i], &cond, &mutex);
        cancel(&waiter);
        join(&waiter, -1);
        ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 0);
        ck_assert_int_eq(ppt_pthread_cond_destroy(&cond), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* Proves pthread.c D2. */
START_TEST(cancelled_wait_waits_for_the_mutex)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    waiter_t waiter = { 0 };
    pthread_mutex_t mutex;

    error_checking(&mutex);
    start(&waiter, WAIT, &cond, &mutex);
    pthread_mutex_lock(&mutex);
    cancel(&waiter);
    await(ppt_cond_waiting(&cond.cond) == 0);
    ck_assert(!worker_done(&waiter.worker));
    pthread_mutex_unlock(&mutex);
    join(&waiter, -1);
    pthread_mutex_destroy(&mutex);
}
END_TEST

/* Proves pthread.c D2. */
START_TEST(cancelled_wait_consumes_no_signal)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    waiter_t first = { 0 }, second = { 0 };
    pthread_mutex_t mutex;

    error_checking(&mutex);
    start(&first, WAIT, &cond, &mutex);
    start(&second, TIMEDWAIT, &cond, &mutex);
    pthread_mutex_lock(&mutex);
    cancel(&first);
    await(ppt_cond_waiting(&cond.cond) == 1); /* it is not out yet */
    ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
    pthread_mutex_unlock(&mutex);
    join(&first, -1);
    join(&second, 0);
    pthread_mutex_destroy(&mutex);
}
END_TEST

/*
 * Whichever comes first: one of the two returns from its wait, and only one.
 * Proves pthread.c D2.
 */
START_TEST(signal_and_cancellation_at_once_lose_nothing)
{
    int round;

    for (round = 0; round < 100; round++) {
        ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
        waiter_t first = { 0 }, second = { 0 };
        pthread_mutex_t mutex;

        error_checking(&mutex);
        start(&first, WAIT, &cond, &mutex);
        start(&second, CLOCKWAIT, &cond, &mutex);
        if (round % 2 == 0)
            cancel(&first);
        ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
        if (round % 2 == 1)
            cancel(&first);
        worker_join(&first.worker);
        ck_assert_int_eq(first.unlocked, 0);
        if (first.result == 0) {
            ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 1);
            ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
        }
        join(&second, 0);
        ck_assert_int_eq(ppt_pthread_cond_destroy(&cond), 0);
        pthread_mutex_destroy(&mutex);
    }
}
END_TEST

START_TEST(wait_with_a_cancellation_pending_acts_upon_it)
{
    static const enum call calls[] = { WAIT, TIMEDWAIT, CLOCKWAIT };
    int i;

    for (i = 0; i < LENGTH(calls); i++) {
        ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
        waiter_t waiter = { .early = 1 };
        pthread_mutex_t mutex;

        error_checking(&mutex);
        start(&waiter, calls[i], &cond, &mutex);
        cancel(&waiter);
        poke(&waiter.early, 2);
        join(&waiter, -1);
        ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 0);
        pthread_mutex_destroy(&mutex);
    }
}
END_TEST

START_TEST(thread_that_disabled_cancellation_is_not_cancelled)
{
    ppt_pthread_cond_t cond = PPT_PTHREAD_COND_INITIALIZER;
    waiter_t waiter = { .cancellable = PTHREAD_CANCEL_DISABLE };
    pthread_mutex_t mutex;

    signals_install(0);
    error_checking(&mutex);
    start(&waiter, WAIT, &cond, &mutex);
    cancel(&waiter);
    interrupt_until(&waiter.worker, signals_handled() >= 3);
    ck_assert_uint_eq(ppt_cond_waiting(&cond.cond), 1);
    ck_assert_int_eq(ppt_pthread_cond_signal(&cond), 0);
    join(&waiter, 0);
    pthread_mutex_destroy(&mutex);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        mutexes_of_all_types_will_do,
        wait_with_a_mutex_that_is_not_owned_leaves_nobody_waiting,
        signal_unlock_chooses_one_and_broadcast_unlock_all,
        signal_unlock_unlocks_when_nobody_waits,
        signal_unlock_wakes_even_when_it_cannot_unlock,
        static_initialiser_is_a_condition_on_the_realtime_clock,
        init_takes_the_clock_of_the_attribute,
        process_shared_condition_is_refused,
        condition_on_another_clock_is_refused,
        destroy_with_waiters_is_busy,
        signal_and_broadcast_return_0_when_nobody_waits,
        bad_nanoseconds_are_refused_before_the_mutex_is_touched,
        unknown_clock_is_refused_before_the_mutex_is_touched,
        expired_deadline_is_a_timeout_with_the_mutex_held,
        timeout_is_never_early_on_either_clock,
        deadline_beyond_all_time_does_not_overflow,
    };
    const TTest *const cancellations[] = {
        cancelled_wait_cleans_up_with_the_mutex_held,
        cancelled_wait_waits_for_the_mutex,
        cancelled_wait_consumes_no_signal,
        wait_with_a_cancellation_pending_acts_upon_it,
        thread_that_disabled_cancellation_is_not_cancelled,
    };
    TCase *cancellation = add_case(suite, "cancellation");
    TCase *race = add_case(suite, "cancellation, at once");
    TCase *robust = add_case(suite, "robust");

    add_list(add_case(suite, "pthread"), tests, LENGTH(tests));
    tcase_set_tags(robust, "robust");
    tcase_add_test(robust,
                   wait_reports_that_the_owner_of_a_robust_mutex_died);
    tcase_set_tags(cancellation, "cancellation");
    add_list(cancellation, cancellations, LENGTH(cancellations));
    tcase_set_tags(race, "cancellation_race");
    tcase_add_test(race, signal_and_cancellation_at_once_lose_nothing);
}
