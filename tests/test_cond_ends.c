/*
 * The end of a condition with any lock, and of its memory.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds_support.h"

/* Proves ppt_cond_destroy EBUSY. */
START_TEST(destroy_with_waiters_is_busy_and_changes_nothing)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    ck_assert_int_eq(pair.kind->destroy(pair.condition), EBUSY);
    ck_assert_uint_eq(pair_waiting(&pair), 1);
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_destroy 0. */
START_TEST(destroyed_condition_can_be_made_again)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_assert_int_eq(pair.kind->destroy(pair.condition), 0);
    pair.kind->init(pair.condition);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/*
 * With the lock held no woken thread gets out before the memory is gone.
 * Proves cond.c C3.
 */
START_TEST(memory_may_be_freed_right_after_a_broadcast)
{
    enum { N = 8 };
    waiter_t *waiters;
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, N);
    pair_lock(&pair);
    ck_notified(&pair, pair.kind->broadcast(&pair), N);
    pair_part(&pair);
    pair_unlock(&pair);
    join_all(waiters, N, 0);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/*
 * The same, while the waiter may be anywhere between queueing and sleep.
 * Proves ppt_cond_destroy 0.
 */
START_TEST(memory_may_be_freed_before_the_waiter_fell_asleep)
{
    int round;

    signals_install(0);
    signals_linger();
    for (round = 0; round < 100; round++) {
        waiter_t waiter = { .deadline = PPT_FOREVER };
        pair_t pair;

        pair_init(&pair, kinds[_i]);
        waiter.pair = &pair;
        worker_start(&waiter.worker, waiter_run, &waiter);
        while (pair_waiting(&pair) == 0)
            ;
        worker_interrupt(&waiter.worker);
        ck_notified(&pair, pair.kind->broadcast(&pair), 1);
        pair_part(&pair);
        waiter_join(&waiter, 0);
        pair_destroy(&pair);
    }
}
END_TEST

void add_tests(Suite *suite)
{
    const struct of_kinds list[] = {
        ALL(destroy_with_waiters_is_busy_and_changes_nothing),
        ALL(destroyed_condition_can_be_made_again),
        FREED(memory_may_be_freed_right_after_a_broadcast),
        FREED(memory_may_be_freed_before_the_waiter_fell_asleep),
    };

    add_kinds(suite, list, LENGTH(list));
}
