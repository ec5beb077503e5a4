/* SPDX-License-Identifier: MIT */
/* The end of a barrier: destroy, memory, and forks. */
#include "party.h"

#include <stdlib.h>
#include <string.h>

/* Proves ppt_barrier_destroy EBUSY. */
START_TEST(destroy_with_waiters_is_busy_and_changes_nothing)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t parties[2] = { { .result = -1 } };
    int i;

    for (i = 0; i < LENGTH(parties); i++) {
        party_start(&parties[i], &barrier, PPT_FOREVER);
        ck_assert_int_eq(ppt_barrier_destroy(&barrier), EBUSY);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier),
                          (uint32_t)i + 1);
    }
    ck_assert(!ppt_barrier_broken(&barrier));
    arrive_last(&barrier, 0);
    party_join_all(parties, LENGTH(parties), 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_destroy EBUSY, barrier.c B5. */
START_TEST(destroy_while_the_action_runs_is_busy)
{
    party_t parties[2] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;

    barrier_init(&barrier, 2, act, &action);
    start_action(parties, LENGTH(parties), &barrier, &action);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), EBUSY);
    poke(&action.stay, 0);
    party_join_all(parties, LENGTH(parties), 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_destroy 0. */
START_TEST(destroy_without_waiters_leaves_a_barrier_that_can_be_used)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
    party_start(&party, &barrier, PPT_FOREVER);
    arrive_last(&barrier, 0);
    party_join_all(&party, 1, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
    ppt_barrier_abort(&barrier);
    arrive_last(&barrier, ECANCELED);
    ppt_barrier_reset(&barrier);
    barrier_finish(&barrier);
}
END_TEST

struct last_round {
    ppt_barrier_t *barrier;
    int returned;  /* counts the threads that did */
    int destroyed; /* what destroy said to the first */
    int result;    /* what wait should return; or, to one, the other */
    int other;
    int odd;
};

static void meet_and_free(void *arg)
{
    struct last_round *round = arg;
    int result = ppt_barrier_wait(round->barrier, PPT_FOREVER, NULL);

    if (result != round->result && result != round->other)
        bump(&round->odd);
    if (bump(&round->returned) == 0) {
        round->destroyed = ppt_barrier_destroy(round->barrier);
        memset(round->barrier, 0xdd, sizeof *round->barrier);
        free(round->barrier);
    }
}

static void ck_first_may_free(ppt_barrier_action_fn fn, action_t *action,
                              int result)
{
    int i, j;

    for (i = 0; i < 200; i++) {
        struct last_round round = { .destroyed = -1, .result = result };
        worker_t workers[4];

        round.other = peek(&action->answer);
        round.barrier = malloc(sizeof *round.barrier);
        ck_assert_ptr_nonnull(round.barrier);
        barrier_init(round.barrier, LENGTH(workers), fn, action);
        for (j = 0; j < LENGTH(workers); j++)
            worker_start(&workers[j], meet_and_free, &round);
        for (j = 0; j < LENGTH(workers); j++)
            worker_join(&workers[j]);
        ck_assert_int_eq(round.destroyed, 0);
        ck_assert_int_eq(round.odd, 0);
    }
}

/*
 * The others, and who ran the action, may still be inside wait.
 * Proves ppt_barrier_destroy 0.
 */
START_TEST(memory_may_be_freed_by_the_first_to_return)
{
    action_t action = { .answer = 0 };

    ck_first_may_free(NULL, &action, 0);
    ck_first_may_free(act, &action, 0);
}
END_TEST

/* Proves ppt_barrier_destroy 0. */
START_TEST(memory_may_be_freed_by_the_first_to_return_from_a_failed_round)
{
    action_t action = { .answer = 55 };

    ck_first_may_free(act, &action, ECANCELED);
}
END_TEST

static bool all_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    size_t i;

    for (i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/*
 * The barrier's memory is reused as soon as destroy allows it.
 * Proves ppt_barrier_destroy 0.
 */
START_TEST(destroy_waits_for_a_thread_that_is_timing_out)
{
    int round;

    for (round = 0; round < 500; round++) {
        ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
        party_t party = { .result = -1 };

        party_start(&party, &barrier, ppt_deadline(100 * US));
        while (ppt_barrier_destroy(&barrier) == EBUSY)
            ;
        memset(&barrier, 0, sizeof barrier);
        party_join(&party, ETIMEDOUT);
        ck_assert(all_zero(&barrier, sizeof barrier));
    }
}
END_TEST

/* Proves ppt_barrier_destroy 0. */
START_TEST(destroyed_barrier_can_be_made_again)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);

    ppt_barrier_abort(&barrier);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
    barrier_init(&barrier, 3, NULL, NULL);
    barrier_finish(&barrier);
}
END_TEST

/*
 * Forks.  A child of a process with threads starts none of its own, which
 * ThreadSanitizer could not bear; so it meets nobody, unless it is the only
 * party.
 */

static int meet_nobody(ppt_barrier_t *barrier)
{
    require(ppt_barrier_wait(barrier, ppt_deadline(MS), NULL) == ETIMEDOUT);
    require(ppt_barrier_broken(barrier));
    require(ppt_barrier_wait(barrier, PPT_FOREVER, NULL) == ECANCELED);
    ppt_barrier_reset(barrier);
    return 0;
}

static int meet_oneself(ppt_barrier_t *barrier)
{
    action_t *action = barrier->arg;

    poke(&action->stay, 0);
    poke(&action->runs, 0);
    require(ppt_barrier_wait(barrier, PPT_FOREVER, NULL) == 0);
    require(peek(&action->runs) == 1);
    return 0;
}

static int make_new(void *arg)
{
    ppt_barrier_t *barrier = arg;
    uint32_t parties = ppt_barrier_parties(barrier);

    ppt_barrier_after_fork(barrier);
    require(!ppt_barrier_broken(barrier));
    require(ppt_barrier_n_waiting(barrier) == 0);
    require(ppt_barrier_parties(barrier) == parties);
    require((parties == 1 ? meet_oneself : meet_nobody)(barrier) == 0);
    require(ppt_barrier_destroy(barrier) == 0);
    return 0;
}

static void *wait_in_child(void *barrier)
{
    ppt_barrier_wait(barrier, PPT_FOREVER, NULL);
    return NULL;
}

static int make_new_and_meet(void *arg)
{
    ppt_barrier_t *barrier = arg;
    action_t *action = barrier->arg;
    pthread_t thread;

    ppt_barrier_after_fork(barrier);
    require(pthread_create(&thread, NULL, wait_in_child, barrier) == 0);
    require(ppt_barrier_wait(barrier, PPT_FOREVER, NULL) == 0);
    require(pthread_join(thread, NULL) == 0);
    require(peek(&action->runs) == 1);
    return make_new(barrier);
}

/* Proves ppt_barrier_after_fork. */
START_TEST(child_makes_a_broken_barrier_new)
{
    action_t action = { 0 };
    ppt_barrier_t barrier;

    barrier_init(&barrier, 2, act, &action);
    ppt_barrier_abort(&barrier);
    ck_assert_int_eq(in_child(make_new_and_meet, &barrier), 0);
    ck_broken(&barrier);
}
END_TEST

/* Proves ppt_barrier_after_fork. */
START_TEST(child_makes_a_barrier_that_is_waited_at_new)
{
    action_t action = { 0 };
    party_t parties[2] = { { .result = -1 } };
    ppt_barrier_t barrier;

    barrier_init(&barrier, 3, act, &action);
    party_start_all(parties, LENGTH(parties), &barrier);
    ck_assert_int_eq(in_child(make_new, &barrier), 0);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 2);
    arrive_last(&barrier, 0);
    party_join_all(parties, LENGTH(parties), 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_after_fork. */
START_TEST(child_makes_a_barrier_whose_action_runs_new)
{
    action_t action = { 0 };
    party_t party = { .result = -1 };
    ppt_barrier_t barrier;

    barrier_init(&barrier, 1, act, &action);
    start_action(&party, 1, &barrier, &action);
    ck_assert_int_eq(in_child(make_new, &barrier), 0);
    poke(&action.stay, 0);
    party_join(&party, 0);
    barrier_finish(&barrier);
}
END_TEST

/*
 * The loop's variable is the number of parties.
 * Proves ppt_barrier_after_fork.
 */
START_TEST(fork_may_catch_the_barrier_in_any_state)
{
    struct crowd crowd = { .met = 0 };
    worker_t workers[4];
    int i;

    barrier_init(&crowd.barrier, (uint32_t)_i, act, &crowd.action);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], meet_until_broken, &crowd);
    for (i = 0; i < 20; i++)
        ck_assert_int_eq(in_child(make_new, &crowd.barrier), 0);
    ppt_barrier_abort(&crowd.barrier);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(crowd.odd, 0);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "ends");
    const TTest *const tests[] = {
        destroy_with_waiters_is_busy_and_changes_nothing,
        destroy_while_the_action_runs_is_busy,
        destroy_without_waiters_leaves_a_barrier_that_can_be_used,
        memory_may_be_freed_by_the_first_to_return,
        memory_may_be_freed_by_the_first_to_return_from_a_failed_round,
        destroy_waits_for_a_thread_that_is_timing_out,
        destroyed_barrier_can_be_made_again,
        child_makes_a_broken_barrier_new,
        child_makes_a_barrier_that_is_waited_at_new,
        child_makes_a_barrier_whose_action_runs_new,
    };

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, fork_may_catch_the_barrier_in_any_state, 1, 4);
}
