/*
 * Deadlines of waits for a condition with any lock, and signals that come
 * shortly before or after them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds_support.h"

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(try_does_not_wait)
{
    int64_t before = ppt_now();
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_assert_int_eq(wait_alone(&pair, PPT_TRY), ETIMEDOUT);
    ck_assert_int_lt(ppt_now() - before, LATE);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(expired_deadline_is_a_timeout_with_the_lock_held)
{
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_assert_int_eq(wait_alone(&pair, 1), ETIMEDOUT);
    ck_assert_int_eq(wait_alone(&pair, ppt_now()), ETIMEDOUT);
    pair_destroy(&pair);
}
END_TEST

/*
 * Proves ppt_cond_wait ETIMEDOUT, ppt_cond_wait_mutex ETIMEDOUT, time.h
 * Promise.
 */
START_TEST(timeout_is_never_early)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);

        ck_assert_int_eq(wait_alone(&pair, deadline), ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
    }
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait EINVAL, ppt_cond_wait_mutex EINVAL, time.h Range. */
START_TEST(negative_deadline_is_refused)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(pair_lock(&pair), 0);
        ck_assert_int_eq(pair.kind->wait_interruptible(&pair, negative[i],
                                                       NULL, NULL), EINVAL);
        ck_assert_uint_eq(pair_waiting(&pair), 0);
        ck_assert_int_eq(pair_unlock(&pair), 0);
        ck_assert_int_eq(wait_alone(&pair, negative[i]), EINVAL);
    }
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait 0, ppt_cond_wait_mutex 0, ppt_pthread_cond_wait 0. */
START_TEST(deadline_does_not_keep_a_signal_away)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, ppt_deadline(LIMIT));
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/*
 * Start waiter, and keep it in a handler until its deadline has passed: it is
 * queued, and cannot leave, for as long as that takes.
 */
static void start_late(waiter_t *waiter, pair_t *pair)
{
    unsigned before = pair_waiting(pair);
    int64_t timeout;

    for (timeout = 300 * MS;; timeout *= 2) {
        int64_t deadline = ppt_deadline(timeout);

        waiter_start(waiter, pair, deadline);
        if (signals_hold_past(&waiter->worker, deadline)
            && pair_waiting(pair) > before)
            return;
        signals_let_go();
        waiter_join(waiter, ETIMEDOUT);
        ck_assert_int_ge(waiter->returned, deadline);
    }
}

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(timeout_consumes_no_signal)
{
    waiter_t timed = { 0 }, patient = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    start_late(&timed, &pair);
    waiter_start(&patient, &pair, PPT_FOREVER);
    signals_let_go();
    waiter_join(&timed, ETIMEDOUT);
    ck_assert_uint_eq(pair_waiting(&pair), 1);
    signal_one(&pair);
    waiter_join(&patient, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(waiter_in_the_middle_may_time_out)
{
    waiter_t first = { 0 }, timed = { 0 }, last = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    waiter_start(&first, &pair, PPT_FOREVER);
    start_late(&timed, &pair);
    waiter_start(&last, &pair, PPT_FOREVER);
    signals_let_go();
    waiter_join(&timed, ETIMEDOUT);
    signal_one(&pair);
    waiter_join(&first, 0);
    ck_assert(!worker_done(&last.worker));
    signal_one(&pair);
    waiter_join(&last, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait 0. */
START_TEST(signal_after_the_deadline_but_before_the_timeout_is_kept)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    start_late(&waiter, &pair);
    signal_one(&pair);
    signals_let_go();
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(deadline_that_passes_in_a_handler_is_a_timeout)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    start_late(&waiter, &pair);
    signals_let_go();
    waiter_join(&waiter, ETIMEDOUT);
    ck_notified(&pair, pair.kind->signal(&pair), 0);
    pair_destroy(&pair);
}
END_TEST

void add_tests(Suite *suite)
{
    const struct of_kinds list[] = {
        ALL(try_does_not_wait),
        ALL(expired_deadline_is_a_timeout_with_the_lock_held),
        ALL(timeout_is_never_early),
        INTERRUPTIBLE(negative_deadline_is_refused),
        ALL(deadline_does_not_keep_a_signal_away),
        ALL(timeout_consumes_no_signal),
        ALL(waiter_in_the_middle_may_time_out),
        ALL(signal_after_the_deadline_but_before_the_timeout_is_kept),
        ALL(deadline_that_passes_in_a_handler_is_a_timeout),
    };

    add_kinds(suite, list, LENGTH(list));
}
