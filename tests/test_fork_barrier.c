/*
 * Forks while threads meet at a barrier: from an interrupt callback or the
 * action, and while the parent's threads wait or act.
 *
 * SPDX-License-Identifier: MIT
 */
#include "forker.h"

#include <unistd.h>

/* The child's second thread: meet the first when it waits again. */
static void *arrive_in_child(void *arg)
{
    forker_t *forker = arg;

    poll_for(ppt_barrier_n_waiting(&forker->barrier) == 1);
    ppt_barrier_wait(&forker->barrier, ppt_deadline(LIMIT / 3), NULL);
    return NULL;
}

/* A barrier */

static int wait_at_barrier(forker_t *forker)
{
    return ppt_barrier_wait_interruptible(&forker->barrier, PPT_FOREVER,
                                          NULL, fork_in_callback, forker);
}

static int renew_barrier(forker_t *forker)
{
    ppt_barrier_after_fork(&forker->barrier);
    return start_helper(forker, arrive_in_child);
}

static int ck_barrier_in_child(forker_t *forker, int result)
{
    require(result == forker->answer);
    require(ppt_barrier_n_waiting(&forker->barrier) == 0);
    require(!ppt_barrier_broken(&forker->barrier));
    if (forker->answer == 0)
        require(pthread_join(forker->helper, NULL) == 0);
    require(ppt_barrier_destroy(&forker->barrier) == 0);
    return 0;
}

/* Proves ppt_interrupt_fn Fork. */
START_TEST(child_of_a_callback_goes_on_waiting_at_the_barrier)
{
    forker_t forker = { .answer = _i, .prepare = renew_barrier,
                        .check = ck_barrier_in_child,
                        .wait = wait_at_barrier };

    ck_assert_int_eq(ppt_barrier_init(&forker.barrier, 2, NULL, NULL), 0);
    forker_start(&forker);
    forker_join(&forker, GIVEN_UP);
    ck_assert_int_eq(ppt_barrier_destroy(&forker.barrier), 0);
}
END_TEST

/* An action that forks: the parent's round is not the child's to release. */

typedef struct rounds {
    ppt_barrier_t barrier;
    pid_t parent;
    int status; /* the child's */
    int result; /* of the party that waits in the parent */
} rounds_t;

static int fork_in_action(void *arg)
{
    rounds_t *rounds = arg;
    pid_t child = fork();

    if (child == 0) {
        alarm((unsigned)(LIMIT / SECOND));
        ppt_barrier_after_fork(&rounds->barrier);
        return 0;
    }
    rounds->status = status_of(child);
    return 0;
}

static void arrive_first(void *arg)
{
    rounds_t *rounds = arg;

    rounds->result = ppt_barrier_wait(&rounds->barrier, PPT_FOREVER, NULL);
}

static int ck_after_action_in_child(rounds_t *rounds, int result)
{
    require(result == 0);
    require(ppt_barrier_n_waiting(&rounds->barrier) == 0);
    require(ppt_barrier_wait(&rounds->barrier, PPT_TRY, NULL) == ETIMEDOUT);
    require(ppt_barrier_destroy(&rounds->barrier) == 0);
    return 0;
}

/* Proves ppt_barrier_action_fn other. */
START_TEST(child_of_an_action_releases_nobody)
{
    rounds_t rounds = { .parent = getpid(), .status = -1, .result = -1 };
    worker_t worker;
    int result;

    ppt_barrier_init(&rounds.barrier, 2, fork_in_action, &rounds);
    worker_start(&worker, arrive_first, &rounds);
    await(ppt_barrier_n_waiting(&rounds.barrier) == 1);
    result = ppt_barrier_wait(&rounds.barrier, PPT_FOREVER, NULL);
    if (getpid() != rounds.parent)
        _exit(ck_after_action_in_child(&rounds, result));
    worker_join(&worker);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(rounds.status, 0);
    ck_assert_int_eq(rounds.result, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&rounds.barrier), 0);
}
END_TEST

/* The last party has arrived, and its action waits for the child to end. */
static int wait_for_the_fork(void *arg)
{
    forker_t *forker = arg;

    poke(&forker->stay, 0);
    poll_for(peek(&forker->status) != -1);
    return 0;
}

static int ck_orphan_in_child(forker_t *forker, int result)
{
    require(result == ECANCELED);
    require(ppt_barrier_destroy(&forker->barrier) == 0);
    return 0;
}

/* Proves ppt_interrupt_fn Fork. */
START_TEST(child_of_a_callback_is_not_told_of_a_round_that_the_parent_ends)
{
    forker_t forker = {
        .wait = wait_at_barrier, .prepare = renew_barrier,
        .check = ck_orphan_in_child, .stay = 1, .answer = GIVEN_UP,
    };

    ppt_barrier_init(&forker.barrier, 2, wait_for_the_fork, &forker);
    forker_start(&forker);
    ck_assert_int_eq(ppt_barrier_wait(&forker.barrier, PPT_FOREVER, NULL), 0);
    forker_join(&forker, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&forker.barrier), 0);
}
END_TEST

/* The same of a barrier, where the parent's thread has arrived, or acts */

struct meeting {
    ppt_barrier_t barrier;
    int acts;
    int stay;
};

static int stay_in_action(void *arg)
{
    struct meeting *meeting = arg;

    poke(&meeting->acts, 1);
    while (peek(&meeting->stay))
        nap();
    return 0;
}

static void arrive(void *arg)
{
    struct meeting *meeting = arg;

    ppt_barrier_wait(&meeting->barrier, PPT_FOREVER, NULL);
}

static void *meet_in_child(void *arg)
{
    struct meeting *meeting = arg;

    return (void *)(intptr_t)ppt_barrier_wait(
        &meeting->barrier, ppt_deadline(LIMIT / 3), NULL);
}

static int use_barrier_in_child(void *arg)
{
    struct meeting *meeting = arg;
    void *result = NULL;
    pthread_t thread;

    poke(&meeting->stay, 0);
    require(ppt_barrier_n_waiting(&meeting->barrier) == 0);
    require(pthread_create(&thread, NULL, meet_in_child, meeting) == 0);
    require(meet_in_child(meeting) == NULL);
    require(pthread_join(thread, &result) == 0 && result == NULL);
    require(ppt_barrier_destroy(&meeting->barrier) == 0);
    return 0;
}

/* Proves ppt_barrier_t Fork, barrier.c B7. */
START_TEST(round_of_the_parent_is_void_in_the_child)
{
    struct meeting meeting = { .stay = _i };
    worker_t workers[2];
    int i;

    ppt_barrier_init(&meeting.barrier, 2, stay_in_action, &meeting);
    worker_start(&workers[0], arrive, &meeting);
    await(ppt_barrier_n_waiting(&meeting.barrier) == 1);
    if (_i == 1) {
        worker_start(&workers[1], arrive, &meeting);
        await(peek(&meeting.acts));
    }
    ck_assert_int_eq(in_child(use_barrier_in_child, &meeting), 0);
    poke(&meeting.stay, 0);
    if (_i == 0)
        worker_start(&workers[1], arrive, &meeting);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(ppt_barrier_destroy(&meeting.barrier), 0);
}
END_TEST

/* ThreadSanitizer and QEMU fail if a child of many threads starts one. */
void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "fork");

    tcase_set_tags(tcase, "child_threads");
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_at_the_barrier, 0, 1);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_at_the_barrier, 55, 56);
    tcase_add_test(tcase, child_of_an_action_releases_nobody);
    tcase_add_test(
        tcase, child_of_a_callback_is_not_told_of_a_round_that_the_parent_ends);
    tcase_add_loop_test(tcase, round_of_the_parent_is_void_in_the_child, 0,
                        2);
}
