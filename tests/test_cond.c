/*
 * Which waiters a signal notifies, for a condition with any lock: with a
 * ppt_lock_t, with a pthread_mutex_t, waited for in steps, and as the drop-in
 * for pthread_cond_t.  What else holds for all of them is in
 * test_cond_timeouts.c, test_cond_interrupts.c and test_cond_ends.c, the rest
 * in test_cond_own.c, test_cond_steps.c and test_cond_unlock.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds_support.h"

#include <limits.h>
#include <signal.h>

#define MANY 500

/* Alone */

/* Proves ppt_cond_t Exact, ppt_cond_signal Returns. */
START_TEST(signal_is_not_kept_for_a_later_waiter)
{
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_notified(&pair, pair.kind->signal(&pair), 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, 7), 0);
    ck_notified(&pair, pair.kind->broadcast(&pair), 0);
    ck_assert_int_eq(wait_alone(&pair, ppt_deadline(10 * MS)), ETIMEDOUT);
    pair_destroy(&pair);
}
END_TEST

/* Two */

/* Proves ppt_cond_t Locks, cond.c C1. */
START_TEST(signal_with_the_lock_held_wakes_the_waiter)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    pair_lock(&pair);
    signal_one(&pair);
    ck_assert(!worker_done(&waiter.worker));
    pair_unlock(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Locks. */
START_TEST(signal_without_the_lock_wakes_the_waiter)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Many */

/* Proves ppt_cond_t Order. */
START_TEST(waiters_are_notified_first_come_first_served)
{
    enum { N = 20 };
    waiter_t *waiters;
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, N);
    for (i = 0; i < N; i++) {
        signal_one(&pair);
        waiter_join(&waiters[i], 0);
        ck_assert_uint_eq(pair_waiting(&pair), (unsigned)(N - 1 - i));
    }
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

static void ck_asleep(waiter_t *waiters, int n)
{
    int i;

    for (i = 0; i < n; i++)
        ck_assert(!worker_done(&waiters[i].worker));
}

/* Proves ppt_cond_t Exact, ppt_cond_signal Returns. */
START_TEST(signal_n_chooses_the_first_n)
{
    enum { N = 12 };
    waiter_t *waiters;
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, N);
    ck_notified(&pair, pair.kind->signal_n(&pair, 0), 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, -1), 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, INT_MIN), 0);
    ck_assert_uint_eq(pair_waiting(&pair), N);
    ck_notified(&pair, pair.kind->signal_n(&pair, 5), 5);
    join_all(waiters, 5, 0);
    ck_assert_uint_eq(pair_waiting(&pair), N - 5);
    ck_asleep(waiters + 5, N - 5);
    ck_notified(&pair, pair.kind->signal_n(&pair, N), N - 5);
    join_all(waiters + 5, N - 5, 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, INT_MAX), 0);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Exact, ppt_cond_signal Returns. */
START_TEST(broadcast_chooses_all_present_waiters)
{
    waiter_t late = { 0 };
    waiter_t *waiters;
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, 10);
    pair_lock(&pair);
    ck_notified(&pair, pair.kind->broadcast(&pair), 10);
    ck_assert_uint_eq(pair_waiting(&pair), 0);
    pair_unlock(&pair);
    waiter_start(&late, &pair, PPT_FOREVER);
    join_all(waiters, 10, 0);
    ck_assert(!worker_done(&late.worker));
    signal_one(&pair);
    waiter_join(&late, 0);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Exact, ppt_cond_waiting. */
START_TEST(five_hundred_threads_wait_and_each_signal_wakes_one)
{
    int turn = 0;
    waiter_t *waiters;
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, MANY);
    for (i = 0; i < MANY; i++)
        waiters[i].turn = &turn;
    for (i = 0; i < 100; i++)
        signal_one(&pair);
    join_all(waiters, 100, 0);
    ck_asleep(waiters + 100, MANY - 100);
    ck_notified(&pair, pair.kind->signal_n(&pair, 100), 100);
    join_all(waiters + 100, 100, 0);
    ck_asleep(waiters + 200, MANY - 200);
    ck_notified(&pair, pair.kind->broadcast(&pair), MANY - 200);
    join_all(waiters + 200, MANY - 200, 0);
    ck_assert_int_eq(turn, MANY);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/* Stealing */

typedef struct outcome {
    int timed; /* what the wait of the timed waiter returned */
    int late;  /* and that of the one that came after the signal */
} outcome_t;

/* Keep waiter, which is queued, inside a signal handler. */
static void hold(waiter_t *waiter)
{
    await(worker_asleep(&waiter->worker));
    signals_hold();
    worker_interrupt(&waiter->worker);
    await(signals_held() == 1);
}

/*
 * The first waiter is inside a signal handler when it is signalled.  One
 * behind it times out, another comes only then.  Neither may get the signal.
 */
static outcome_t try_to_steal(pair_t *pair)
{
    waiter_t first = { 0 }, timed = { 0 }, late = { 0 };
    outcome_t outcome;

    waiter_start(&first, pair, PPT_FOREVER);
    hold(&first);
    waiter_start(&timed, pair, ppt_deadline(200 * MS));
    signal_one(pair);
    worker_join(&timed.worker);
    waiter_start(&late, pair, ppt_deadline(50 * MS));
    worker_join(&late.worker);
    outcome.timed = timed.result;
    outcome.late = late.result;

    signals_let_go();
    if (outcome.timed == 0 || outcome.late == 0)
        pair->kind->broadcast(pair); /* the first one was robbed */
    while (!worker_done(&first.worker) && pair->kind == &control_kind) {
        sem_post(&pair->condition->control.sem);
        nap();
    }
    waiter_join(&first, 0);
    return outcome;
}

/* Proves ppt_cond_t Exact. */
START_TEST(later_waiter_cannot_take_an_earlier_ones_signal)
{
    outcome_t outcome;
    pair_t pair;

    signals_install(_i % 2 == 0 ? 0 : SA_RESTART);
    pair_init(&pair, kinds[_i]);
    outcome = try_to_steal(&pair);
    ck_assert_int_eq(outcome.timed, ETIMEDOUT);
    ck_assert_int_eq(outcome.late, ETIMEDOUT);
    pair_destroy(&pair);
}
END_TEST

/*
 * The test above is able to fail: a semaphore and a counter do.
 * Proves ppt_cond_t Exact.
 */
START_TEST(a_shared_semaphore_is_caught_stealing)
{
    outcome_t outcome;
    pair_t pair;

    signals_install(0);
    pair_init(&pair, &control_kind);
    outcome = try_to_steal(&pair);
    ck_assert(outcome.timed == 0 || outcome.late == 0);
    pair_destroy(&pair);
}
END_TEST

void add_tests(Suite *suite)
{
    const struct of_kinds list[] = {
        ALL(signal_is_not_kept_for_a_later_waiter),
        ALL(signal_with_the_lock_held_wakes_the_waiter),
        ALL(signal_without_the_lock_wakes_the_waiter),
        ALL(waiters_are_notified_first_come_first_served),
        ALL(signal_n_chooses_the_first_n),
        ALL(broadcast_chooses_all_present_waiters),
        ALL(five_hundred_threads_wait_and_each_signal_wakes_one),
        ALL(later_waiter_cannot_take_an_earlier_ones_signal),
    };
    TCase *tcase = add_case(suite, "control");

    tcase_add_test(tcase, a_shared_semaphore_is_caught_stealing);
    add_kinds(suite, list, LENGTH(list));
}
