/*
 * Threads that are cancelled while they wait for the drop-in, or before.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pthread_support.h"

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
    const TTest *const cancellations[] = {
        cancelled_wait_cleans_up_with_the_mutex_held,
        cancelled_wait_waits_for_the_mutex,
        cancelled_wait_consumes_no_signal,
        wait_with_a_cancellation_pending_acts_upon_it,
        thread_that_disabled_cancellation_is_not_cancelled,
    };
    TCase *cancellation = add_case(suite, "cancellation");
    TCase *race = add_case(suite, "cancellation, at once");

    tcase_set_tags(cancellation, "cancellation");
    add_list(cancellation, cancellations, LENGTH(cancellations));
    tcase_set_tags(race, "cancellation_race");
    tcase_add_test(race, signal_and_cancellation_at_once_lose_nothing);
}
