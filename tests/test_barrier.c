/* SPDX-License-Identifier: MIT */
/* The promises of barrier.h: rounds and their actions. */
#include "party.h"

#include <stdlib.h>
#include <string.h>

#define MANY 200

/* Making one */

/* Proves ppt_barrier_init 0, ppt_barrier_parties. */
START_TEST(all_ways_to_make_one_make_a_whole_barrier)
{
    static ppt_barrier_t in_static_memory = PPT_BARRIER_INITIALIZER(2);
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);

    ck_assert_uint_eq(ppt_barrier_parties(&in_static_memory), 2);
    ck_assert_uint_eq(ppt_barrier_parties(&barrier), 3);
    barrier_finish(&in_static_memory);
    barrier_finish(&barrier);
    barrier_init(&barrier, 4, NULL, NULL);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_init EINVAL. */
START_TEST(impossible_numbers_of_parties_are_refused_and_change_nothing)
{
    static const uint32_t wrong[] = { 0, (uint32_t)INT32_MAX + 1,
                                      UINT32_MAX };
    ppt_barrier_t barrier, before;
    int i;

    memset(&barrier, 0xa5, sizeof barrier);
    memset(&before, 0xa5, sizeof before);
    for (i = 0; i < LENGTH(wrong); i++) {
        ck_assert_int_eq(ppt_barrier_init(&barrier, wrong[i], NULL, NULL),
                         EINVAL);
        ck_assert_mem_eq(&barrier, &before, sizeof barrier);
    }
    barrier_init(&barrier, INT32_MAX, NULL, NULL);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
}
END_TEST

/* Proves ppt_barrier_wait EINVAL. */
START_TEST(barrier_without_parties_is_refused_and_nothing_changes)
{
    ppt_barrier_t barrier, before;
    uint32_t index = NO_INDEX;

    memset(&barrier, 0, sizeof barrier);
    memset(&before, 0, sizeof before);
    ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_FOREVER, &index),
                     EINVAL);
    ck_assert_int_eq(ppt_barrier_wait_interruptible(
                         &barrier, PPT_FOREVER, &index, NULL, NULL), EINVAL);
    ck_assert_mem_eq(&barrier, &before, sizeof barrier);
    ck_assert_uint_eq(index, NO_INDEX);
}
END_TEST

/* Rounds */

/* Proves ppt_barrier_wait 0. */
START_TEST(single_party_never_waits)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_deadline(SECOND),
                                  PPT_FOREVER };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(1);
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        uint32_t index = NO_INDEX;

        ck_assert_int_eq(ppt_barrier_wait(&barrier, deadlines[i], &index), 0);
        ck_assert_uint_eq(index, 0);
        ck_assert_int_eq(ppt_barrier_wait_interruptible(
                             &barrier, deadlines[i], NULL, NULL, NULL), 0);
    }
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(nobody_goes_before_all_have_arrived)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(5);
    party_t parties[4] = { { .result = -1 } };
    int i;

    for (i = 0; i < LENGTH(parties); i++) {
        int j;

        party_start(&parties[i], &barrier, PPT_FOREVER);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), (uint32_t)i + 1);
        for (j = 0; j <= i; j++)
            ck_assert(!worker_done(&parties[j].worker));
    }
    arrive_last(&barrier, 0);
    party_join_all(parties, LENGTH(parties), 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0, ppt_barrier_n_waiting. */
START_TEST(index_is_the_order_of_arrival)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(6);
    int round;

    for (round = 0; round < 3; round++)
        ck_works(&barrier); /* looks at each index */
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(index_is_not_asked_for)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    party_start(&party, &barrier, PPT_FOREVER);
    ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_FOREVER, NULL), 0);
    party_join(&party, 0);
    ck_assert_uint_eq(party.index, 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(last_to_arrive_need_not_wait_whatever_its_deadline)
{
    static const int64_t deadlines[] = { PPT_TRY, 1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        party_t parties[2] = { { .result = -1 } };

        party_start_all(parties, LENGTH(parties), &barrier);
        ck_assert_int_eq(ppt_barrier_wait(&barrier, deadlines[i], NULL), 0);
        party_join_all(parties, LENGTH(parties), 0);
    }
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(two_hundred_threads_meet)
{
    party_t *parties = calloc(MANY, sizeof *parties);
    bool given[MANY] = { false };
    ppt_barrier_t barrier;
    int i;

    ck_assert_ptr_nonnull(parties);
    barrier_init(&barrier, MANY, NULL, NULL);
    for (i = 0; i < MANY; i++)
        party_start_unseen(&parties[i], &barrier, PPT_FOREVER);
    for (i = 0; i < MANY; i++) {
        party_join(&parties[i], 0);
        ck_assert_uint_lt(parties[i].index, MANY);
        ck_assert(!given[parties[i].index]);
        given[parties[i].index] = true;
    }
    ck_empty(&barrier, false);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
    free(parties);
}
END_TEST

/* The header's example: each round writes a row that all parties read */

enum { ROUNDS = 300, WRITERS = 4 };

struct table {
    ppt_barrier_t barrier;
    int writers; /* gives each its number */
    int rows[2][WRITERS];
    int indices[ROUNDS][WRITERS];
    int odd;
};

static void write_and_read(void *arg)
{
    struct table *table = arg;
    int me = bump(&table->writers);
    int round, i;

    for (round = 0; round < ROUNDS; round++) {
        int *row = table->rows[round % 2];
        uint32_t index = NO_INDEX;

        row[me] = round;
        if (ppt_barrier_wait(&table->barrier, PPT_FOREVER, &index) != 0
            || index >= WRITERS) {
            bump(&table->odd);
            return;
        }
        table->indices[round][index]++;
        for (i = 0; i < WRITERS; i++)
            if (row[i] != round)
                bump(&table->odd);
    }
}

/* Proves ppt_barrier_wait Orders. */
START_TEST(each_sees_what_all_wrote_before_and_has_its_own_index)
{
    struct table *table = calloc(1, sizeof *table);
    worker_t workers[WRITERS];
    int i, j;

    ck_assert_ptr_nonnull(table);
    barrier_init(&table->barrier, WRITERS, NULL, NULL);
    for (i = 0; i < WRITERS; i++)
        worker_start(&workers[i], write_and_read, table);
    for (i = 0; i < WRITERS; i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(table->odd, 0);
    for (i = 0; i < ROUNDS; i++)
        for (j = 0; j < WRITERS; j++)
            ck_assert_int_eq(table->indices[i][j], 1);
    barrier_finish(&table->barrier);
    free(table);
}
END_TEST

/* Actions */

/* Proves ppt_barrier_action_fn 0. */
START_TEST(action_is_run_once_a_round_by_one_of_the_threads)
{
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int round, i;

    barrier_init(&barrier, 3, act, &action);
    for (round = 1; round <= 5; round++) {
        party_t parties[2] = { { .result = -1 } };
        bool one_of_them;

        party_start_all(parties, LENGTH(parties), &barrier);
        ck_assert_int_eq(peek(&action.runs), round - 1);
        arrive_last(&barrier, 0);
        ck_assert_int_eq(action.plain, round);
        one_of_them = pthread_equal(action.thread, pthread_self());
        for (i = 0; i < LENGTH(parties); i++)
            one_of_them |= pthread_equal(action.thread,
                                         parties[i].worker.thread);
        party_join_all(parties, LENGTH(parties), 0);
        ck_assert(one_of_them);
        ck_assert_int_eq(peek(&action.runs), round);
    }
    barrier_finish(&barrier);
}
END_TEST

START_TEST(action_of_a_single_party_is_run_each_time)
{
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int round;

    barrier_init(&barrier, 1, act, &action);
    for (round = 1; round <= 5; round++) {
        arrive_last(&barrier, 0);
        ck_assert_int_eq(action.plain, round);
    }
    poke(&action.answer, 55);
    arrive_last(&barrier, 55);
    ck_broken(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait Orders, barrier.c B3. */
START_TEST(action_returns_before_anybody_goes)
{
    party_t parties[3] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int i;

    barrier_init(&barrier, 3, act, &action);
    start_action(parties, LENGTH(parties), &barrier, &action);
    for (i = 0; i < LENGTH(parties); i++) {
        await(worker_asleep(&parties[i].worker)
              || worker_done(&parties[i].worker));
        ck_assert(!worker_done(&parties[i].worker));
    }
    poke(&action.stay, 0);
    party_join_all(parties, LENGTH(parties), 0);
    ck_assert_int_eq(action.plain, 1);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_action_fn other, ppt_barrier_wait other. */
START_TEST(failed_action_breaks_the_barrier)
{
    party_t parties[4] = { { .result = -1 } };
    action_t action = { .answer = 55 };
    ppt_barrier_t barrier;
    int canceled = 0, answered = 0;
    int i;

    barrier_init(&barrier, 4, act, &action);
    for (i = 0; i < LENGTH(parties); i++)
        party_start_unseen(&parties[i], &barrier, PPT_FOREVER);
    for (i = 0; i < LENGTH(parties); i++) {
        worker_join(&parties[i].worker);
        ck_assert_uint_eq(parties[i].index, NO_INDEX);
        canceled += parties[i].result == ECANCELED;
        answered += parties[i].result == 55;
        if (parties[i].result == 55)
            ck_assert(pthread_equal(action.thread,
                                    parties[i].worker.thread));
    }
    ck_assert_int_eq(canceled, 3);
    ck_assert_int_eq(answered, 1);
    ck_broken(&barrier);
    ck_assert_int_eq(peek(&action.runs), 1);
    poke(&action.answer, 0);
    ppt_barrier_reset(&barrier);
    barrier_finish(&barrier);
}
END_TEST

/*
 * The next round is complete while the action of the last one runs.
 * Proves ppt_barrier_t Reuse, barrier.c B3.
 */
START_TEST(actions_never_overlap_and_the_next_round_need_not_wait)
{
    party_t first[2] = { { .result = -1 } }, next[2] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int i;

    barrier_init(&barrier, 2, act, &action);
    start_action(first, LENGTH(first), &barrier, &action);
    /* Its place is taken at once. */
    party_start(&next[0], &barrier, PPT_FOREVER);
    party_start_unseen(&next[1], &barrier, PPT_FOREVER);
    await(ppt_barrier_n_waiting(&barrier) == 0);
    await(worker_asleep(&next[1].worker));
    ck_assert_int_eq(peek(&action.runs), 1);
    for (i = 0; i < 2; i++)
        ck_assert(!worker_done(&first[i].worker)
                  && !worker_done(&next[i].worker));
    poke(&action.stay, 0);
    party_join_all(first, LENGTH(first), 0);
    party_join_all(next, LENGTH(next), 0);
    ck_assert_int_eq(peek(&action.runs), 2);
    ck_assert_int_eq(peek(&action.overlaps), 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_abort, ppt_barrier_reset. */
START_TEST(abort_does_not_disturb_a_running_action_nor_its_round)
{
    party_t parties[3] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;

    barrier_init(&barrier, 3, act, &action);
    start_action(parties, LENGTH(parties), &barrier, &action);
    ppt_barrier_abort(&barrier);
    ck_assert(ppt_barrier_broken(&barrier));
    poke(&action.stay, 0);
    party_join_all(parties, LENGTH(parties), 0);
    ck_broken(&barrier);
}
END_TEST

/* More threads than parties, round after round */

/* Proves ppt_barrier_t Reuse. */
START_TEST(more_threads_than_parties_meet_in_full_rounds)
{
    struct crowd crowd = { .met = 0 };
    worker_t workers[CROWD];
    int i;

    barrier_init(&crowd.barrier, 3, act, &crowd.action);
    for (i = 0; i < CROWD; i++)
        worker_start(&workers[i], meet_until_broken, &crowd);
    await(peek(&crowd.action.runs) >= 500);
    ppt_barrier_abort(&crowd.barrier);
    for (i = 0; i < CROWD; i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(crowd.odd, 0);
    ck_assert_int_eq(crowd.action.overlaps, 0);
    ck_assert_int_eq(crowd.action.plain, crowd.action.runs);
    ck_assert_int_eq(crowd.met, 3 * crowd.action.runs);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(crowd.indices[i], crowd.action.runs);
    ck_broken(&crowd.barrier);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "barrier");
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_whole_barrier,
        impossible_numbers_of_parties_are_refused_and_change_nothing,
        barrier_without_parties_is_refused_and_nothing_changes,
        single_party_never_waits,
        nobody_goes_before_all_have_arrived,
        index_is_the_order_of_arrival,
        index_is_not_asked_for,
        last_to_arrive_need_not_wait_whatever_its_deadline,
        two_hundred_threads_meet,
        each_sees_what_all_wrote_before_and_has_its_own_index,
        action_is_run_once_a_round_by_one_of_the_threads,
        action_of_a_single_party_is_run_each_time,
        action_returns_before_anybody_goes,
        failed_action_breaks_the_barrier,
        actions_never_overlap_and_the_next_round_need_not_wait,
        abort_does_not_disturb_a_running_action_nor_its_round,
        more_threads_than_parties_meet_in_full_rounds,
    };

    add_list(tcase, tests, LENGTH(tests));
}
