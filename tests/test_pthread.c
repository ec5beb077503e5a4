/*
 * The promises of pthread.h about making and unmaking the drop-in.  Mutexes
 * of all types are in test_pthread_mutexes.c, clocks in
 * test_pthread_deadlines.c, cancellation in test_pthread_cancel.c; the
 * promises of every condition are in test_cond.c and the files that it names.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pthread_support.h"

#include <string.h>

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

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        static_initialiser_is_a_condition_on_the_realtime_clock,
        init_takes_the_clock_of_the_attribute,
        process_shared_condition_is_refused,
        condition_on_another_clock_is_refused,
        destroy_with_waiters_is_busy,
        signal_and_broadcast_return_0_when_nobody_waits,
    };

    add_list(add_case(suite, "pthread"), tests, LENGTH(tests));
}
