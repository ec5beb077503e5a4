/* SPDX-License-Identifier: MIT */
/* A barrier that is broken or reset: timeouts, aborts, resets. */
#include "party.h"

/* Timeouts */

/* Proves ppt_barrier_wait ETIMEDOUT, ppt_barrier_broken. */
START_TEST(timeout_breaks_the_barrier_for_all)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
    party_t first = { .result = -1 }, timed = { .result = -1 },
            last = { .result = -1 };
    int64_t deadline;

    party_start(&first, &barrier, PPT_FOREVER);
    deadline = ppt_deadline(20 * MS);
    party_start(&timed, &barrier, deadline);
    party_start_unseen(&last, &barrier, PPT_FOREVER);
    party_join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    party_join(&first, ECANCELED);
    party_join(&last, ECANCELED);
    ck_broken(&barrier);
    ppt_barrier_reset(&barrier);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait ETIMEDOUT, time.h Promise. */
START_TEST(timeout_is_never_early)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    int i;

    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);
        uint32_t index = NO_INDEX;

        ck_assert_int_eq(ppt_barrier_wait(&barrier, deadline, &index),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
        ck_assert_uint_eq(index, NO_INDEX);
        ck_empty(&barrier, true);
        ppt_barrier_reset(&barrier);
    }
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait ETIMEDOUT. */
START_TEST(expired_deadline_is_a_timeout)
{
    const int64_t expired[] = { PPT_TRY, 1, ppt_now() };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    int i;

    for (i = 0; i < LENGTH(expired); i++) {
        ck_assert_int_eq(ppt_barrier_wait(&barrier, expired[i], NULL),
                         ETIMEDOUT);
        ck_empty(&barrier, true);
        ppt_barrier_reset(&barrier);
        ck_assert_int_eq(ppt_barrier_wait_interruptible(
                             &barrier, expired[i], NULL, NULL, NULL),
                         ETIMEDOUT);
        ck_empty(&barrier, true);
        ppt_barrier_reset(&barrier);
    }
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait EINVAL, time.h Range. */
START_TEST(negative_deadline_is_refused_and_changes_nothing)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };
    uint32_t index = NO_INDEX;
    int i;

    party_start(&party, &barrier, PPT_FOREVER);
    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(ppt_barrier_wait(&barrier, negative[i], &index),
                         EINVAL);
        ck_assert_int_eq(ppt_barrier_wait_interruptible(
                             &barrier, negative[i], &index, NULL, NULL),
                         EINVAL);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
        ck_assert(!ppt_barrier_broken(&barrier));
    }
    ck_assert_uint_eq(index, NO_INDEX);
    arrive_last(&barrier, 0);
    party_join(&party, 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(deadline_does_not_matter_where_all_arrive_in_time)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    party_start(&party, &barrier, ppt_deadline(2 * LIMIT));
    arrive_last(&barrier, 0);
    party_join(&party, 0);
    barrier_finish(&barrier);
}
END_TEST

/* The timed one is inside a signal handler when all have arrived. */
START_TEST(round_that_is_complete_before_the_timeout_is_kept)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };
    int64_t timeout;

    signals_install(0);
    for (timeout = 300 * MS;; timeout *= 2) {
        int64_t deadline = ppt_deadline(timeout);

        party_start(&party, &barrier, deadline);
        if (signals_hold_past(&party.worker, deadline)
            && ppt_barrier_n_waiting(&barrier) == 1)
            break;
        signals_let_go();
        party_join(&party, ETIMEDOUT);
        ppt_barrier_reset(&barrier);
    }
    arrive_last(&barrier, 0);
    signals_let_go();
    party_join(&party, 0);
    barrier_finish(&barrier);
}
END_TEST

/* Abort and reset */

/* Proves ppt_barrier_wait ECANCELED, ppt_barrier_abort. */
START_TEST(abort_cancels_present_and_future_waits_until_a_reset)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
    party_t parties[3] = { { .result = -1 } };
    int i;

    party_start_all(parties, LENGTH(parties), &barrier);
    ppt_barrier_abort(&barrier);
    party_join_all(parties, LENGTH(parties), ECANCELED);
    for (i = 0; i < 4; i++) {
        ck_broken(&barrier);
        ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_TRY, NULL),
                         ECANCELED);
    }
    ppt_barrier_abort(&barrier);
    ck_broken(&barrier);
    ppt_barrier_reset(&barrier);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_abort, ppt_barrier_broken. */
START_TEST(abort_of_an_empty_barrier_breaks_it)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);

    ppt_barrier_abort(&barrier);
    ck_broken(&barrier);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
}
END_TEST

/* Proves ppt_barrier_wait ECANCELED, ppt_barrier_reset. */
START_TEST(reset_cancels_present_waits_and_leaves_the_barrier_whole)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
    party_t parties[3] = { { .result = -1 } };

    party_start_all(parties, LENGTH(parties), &barrier);
    ppt_barrier_reset(&barrier);
    ck_empty(&barrier, false);
    ck_works(&barrier); /* while the old ones may still be on their way */
    party_join_all(parties, LENGTH(parties), ECANCELED);
    ppt_barrier_reset(&barrier);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_reset. */
START_TEST(abort_and_reset_at_once_cancel_only_the_present_waits)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    int round;

    for (round = 0; round < 20; round++) {
        party_t parties[2] = { { .result = -1 } };

        party_start_all(parties, LENGTH(parties), &barrier);
        ppt_barrier_abort(&barrier);
        ppt_barrier_reset(&barrier);
        ck_works(&barrier);
        party_join_all(parties, LENGTH(parties), ECANCELED);
    }
    barrier_finish(&barrier);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "broken");
    const TTest *const tests[] = {
        timeout_breaks_the_barrier_for_all,
        timeout_is_never_early,
        expired_deadline_is_a_timeout,
        negative_deadline_is_refused_and_changes_nothing,
        deadline_does_not_matter_where_all_arrive_in_time,
        round_that_is_complete_before_the_timeout_is_kept,
        abort_cancels_present_and_future_waits_until_a_reset,
        abort_of_an_empty_barrier_breaks_it,
        reset_cancels_present_waits_and_leaves_the_barrier_whole,
        abort_and_reset_at_once_cancel_only_the_present_waits,
    };

    add_list(tcase, tests, LENGTH(tests));
}
