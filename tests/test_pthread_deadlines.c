/*
 * The promises of pthread.h about deadlines, on either clock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pthread_support.h"

#include <limits.h>

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

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        bad_nanoseconds_are_refused_before_the_mutex_is_touched,
        unknown_clock_is_refused_before_the_mutex_is_touched,
        expired_deadline_is_a_timeout_with_the_mutex_held,
        timeout_is_never_early_on_either_clock,
        deadline_beyond_all_time_does_not_overflow,
    };

    add_list(add_case(suite, "pthread"), tests, LENGTH(tests));
}
