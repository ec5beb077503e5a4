/* SPDX-License-Identifier: MIT */
/* The spin for a mutex of the system's, mutex.h. */
#include "support.h"

#include <errno.h>

#include "wait/mutex.h"
#include "wait/spin.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void unlock(void *arg)
{
    (void)arg;
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
}

START_TEST(spin_for_a_free_mutex_locks_it)
{
    ck_assert_int_eq(ppt__mutex_spin(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    unlock(NULL);
}
END_TEST

START_TEST(spin_for_a_mutex_that_stays_locked_ends)
{
    int64_t begin = ppt_now();

    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(ppt__mutex_spin(&mutex), EBUSY);
    ck_assert_int_ge(ppt_now() - begin, PPT__SPIN_NS);
    unlock(NULL);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    unlock(NULL);
}
END_TEST

static void lock_spinning(void *arg)
{
    int *result = arg;

    do
        *result = ppt__mutex_spin(&mutex);
    while (*result == EBUSY);
    if (*result == 0)
        unlock(NULL);
}

START_TEST(spin_has_the_mutex_once_another_thread_releases_it)
{
    worker_t worker;
    int result = -1;

    pthread_mutex_lock(&mutex);
    worker_start(&worker, lock_spinning, &result);
    ck_assert(!worker_done(&worker));
    unlock(NULL);
    worker_join(&worker);
    ck_assert_int_eq(result, 0);
}
END_TEST

static void lock_and_end(void *arg)
{
    pthread_mutex_lock(arg);
}

START_TEST(spin_for_a_mutex_whose_owner_has_ended_says_so)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t robust;
    worker_t worker;
    int result;

    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(pthread_mutex_init(&robust, &attr), 0);
    worker_start(&worker, lock_and_end, &robust);
    worker_join(&worker);
    result = ppt__mutex_spin(&robust);
    if (result == EBUSY && pthread_mutex_trylock(&robust) == EBUSY)
        return; /* QEMU's user mode knows no robust mutexes */
    ck_assert_int_eq(result, EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&robust), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&robust), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&robust), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *spins = add_case(suite, "spins");

    tcase_add_test(spins, spin_for_a_free_mutex_locks_it);
    tcase_add_test(spins, spin_for_a_mutex_that_stays_locked_ends);
    tcase_add_test(spins, spin_has_the_mutex_once_another_thread_releases_it);
    tcase_add_test(spins, spin_for_a_mutex_whose_owner_has_ended_says_so);
}
