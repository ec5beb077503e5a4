/*
 * The promises of pthread.h about mutexes: of all types, whether they are
 * owned or not, and unlocked by a signal.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pthread_support.h"

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

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        mutexes_of_all_types_will_do,
        wait_with_a_mutex_that_is_not_owned_leaves_nobody_waiting,
        signal_unlock_chooses_one_and_broadcast_unlock_all,
        signal_unlock_unlocks_when_nobody_waits,
        signal_unlock_wakes_even_when_it_cannot_unlock,
    };
    TCase *robust = add_case(suite, "robust");

    add_list(add_case(suite, "pthread"), tests, LENGTH(tests));
    tcase_set_tags(robust, "robust");
    tcase_add_test(robust,
                   wait_reports_that_the_owner_of_a_robust_mutex_died);
}
