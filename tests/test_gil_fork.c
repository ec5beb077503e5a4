/*
 * Forks while threads hold and want a gil.  A child of a process with threads
 * starts none of its own: ThreadSanitizer and QEMU fail if it does.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_support.h"

enum { EVERY_IN_CHILD = 7 };

/* Which yield is the first turn. */
static int first_turn(ppt_gil_t *gil)
{
    runner_t runner = { .place = -1 };
    int calls = 1;

    acquire_from(&runner, gil);
    do
        calls++;
    while (!ppt_gil_yield(gil));
    ppt_gil_release(gil);
    join_runner(&runner);
    return calls;
}

static int make_new(void *arg)
{
    ppt_gil_t *gil = arg;
    ppt_gil_stats_t stats;

    ppt_gil_after_fork(gil);
    ppt_gil_get_stats(gil, &stats);
    require(stats.acquisitions == 0 && stats.io_handovers == 0);
    require(stats.turns == 0 && stats.skipped == 0);
    require(!ppt_gil_locked(gil));
    require(ppt_gil_waiting(gil) == 0);
    require(ppt_gil_release(gil) == EPERM);
    require(ppt_gil_acquire(gil, PPT_TRY) == 0);
    require(!ppt_gil_should_yield(gil));
    require(ppt_gil_acquire(gil, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_gil_release(gil) == 0);
    require(ppt_gil_destroy(gil) == 0);
    return 0;
}

static int make_new_and_count(void *arg)
{
    ppt_gil_after_fork(arg);
    require(first_turn(arg) == EVERY_IN_CHILD);
    return make_new(arg);
}

/* Proves ppt_gil_after_fork. */
START_TEST(child_keeps_yield_every)
{
    ppt_gil_t gil;

    ppt_gil_init(&gil, EVERY_IN_CHILD);
    lockable_acquire(of(&gil));
    ck_assert(!ppt_gil_yield(&gil));
    ck_assert_int_eq(in_child(make_new_and_count, &gil), 0);
    ck_assert(ppt_gil_locked(&gil));
    lockable_release(of(&gil));
    ck_assert_int_eq(first_turn(&gil), EVERY_IN_CHILD - 1);
}
END_TEST

/* Proves ppt_gil_after_fork. */
START_TEST(child_makes_a_gil_that_is_held_and_waited_for_new)
{
    runner_t runner = { .place = -1 };
    taker_t comers[3] = { { .result = -1 } };
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, EVERY_IN_CHILD);
    acquire_from(&runner, &gil);
    for (i = 0; i < LENGTH(comers); i++)
        taker_start(&comers[i], of(&gil), PPT_FOREVER);
    ck_assert_int_eq(in_child(make_new, &gil), 0);
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 4);
    lockable_release(of(&gil));
    for (i = 0; i < LENGTH(comers); i++)
        taker_join(&comers[i], 0);
    join_runner(&runner);
    ck_free(of(&gil));
}
END_TEST

/* Proves ppt_gil_t Fork, ppt_gil_after_fork. */
START_TEST(fork_may_catch_the_gil_in_any_state)
{
    struct traffic traffic = { .stop = 0 };
    worker_t workers[4];
    int i;

    ppt_gil_init(&traffic.gil, EVERY_IN_CHILD);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i],
                     i < 2 ? come_again_and_again : yield_until_stopped,
                     &traffic);
    for (i = 0; i < 30; i++)
        ck_assert_int_eq(in_child(make_new, &traffic.gil), 0);
    poke(&traffic.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_free(of(&traffic.gil));
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        child_keeps_yield_every,
        child_makes_a_gil_that_is_held_and_waited_for_new,
        fork_may_catch_the_gil_in_any_state,
    };

    add_list(add_case(suite, "gil"), tests, LENGTH(tests));
}
