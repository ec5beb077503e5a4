/*
 * Waits for a condition with any lock while signal handlers run or the thread
 * is cancelled, and the callback that decides whether they go on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds_support.h"

#include <signal.h>

/* A callback that uses the pair it interrupted. */
struct busy_interruption {
    interruption_t seen;
    pair_t *pair;
    int notified;   /* what its signal returned */
    int got_lock; /* what locking and unlocking said */
};

static int signal_on_interrupt(void *arg)
{
    struct busy_interruption *busy = arg;

    if (busy->seen.calls == 0)
        busy->notified = busy->pair->kind->signal(busy->pair);
    return interrupted(&busy->seen);
}

static int lock_on_interrupt(void *arg)
{
    struct busy_interruption *busy = arg;

    busy->got_lock = pair_lock(busy->pair) | pair_unlock(busy->pair);
    return interrupted(&busy->seen);
}

START_TEST(handler_does_not_end_a_wait_that_is_not_interruptible)
{
    static const int flags[] = { 0, SA_RESTART };
    int i;

    for (i = 0; i < LENGTH(flags); i++) {
        waiter_t waiter = { 0 };
        pair_t pair;

        signals_install(flags[i]);
        pair_init(&pair, kinds[_i]);
        waiter_start(&waiter, &pair, PPT_FOREVER);
        interrupt_until(&waiter.worker, signals_handled() >= 5);
        ck_assert_uint_eq(pair_waiting(&pair), 1);
        signal_one(&pair);
        waiter_join(&waiter, 0);
        pair_destroy(&pair);
    }
}
END_TEST

/*
 * Proves ppt_cond_wait_interruptible EINTR,
 * ppt_cond_wait_mutex_interruptible.
 */
START_TEST(without_a_callback_a_handler_ends_the_wait_with_eintr)
{
    static const int flags[] = { 0, SA_RESTART };
    int i;

    for (i = 0; i < LENGTH(flags); i++) {
        waiter_t waiter = { 0 };
        pair_t pair;

        signals_install(flags[i]);
        pair_init(&pair, kinds[_i]);
        waiter_start_interruptible(&waiter, &pair, NULL, NULL);
        interrupt_until(&waiter.worker, worker_done(&waiter.worker));
        waiter_join(&waiter, EINTR);
        ck_assert_int_ge(signals_handled(), 1);
        ck_assert_uint_eq(pair_waiting(&pair), 0);
        pair_destroy(&pair);
    }
}
END_TEST

/* Proves ppt_interrupt_fn 0. */
START_TEST(callback_may_say_go_on_and_the_place_is_kept)
{
    interruption_t seen = { 0 };
    waiter_t first = { 0 }, second = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    waiter_start_interruptible(&first, &pair, interrupted, &seen);
    waiter_start(&second, &pair, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) >= 3);
    ck_assert_uint_eq(pair_waiting(&pair), 2);
    signal_one(&pair);
    waiter_join(&first, 0);
    ck_assert(!worker_done(&second.worker));
    signal_one(&pair);
    waiter_join(&second, 0);
    pair_destroy(&pair);
}
END_TEST

/*
 * Proves ppt_cond_wait_interruptible other,
 * ppt_cond_wait_mutex_interruptible, ppt_interrupt_fn other.
 */
START_TEST(callback_may_give_up_and_no_signal_is_consumed)
{
    interruption_t seen = { .answer = 77 };
    waiter_t first = { 0 }, second = { 0 };
    pair_t pair;

    signals_install(SA_RESTART);
    pair_init(&pair, kinds[_i]);
    waiter_start_interruptible(&first, &pair, interrupted, &seen);
    waiter_start(&second, &pair, PPT_FOREVER);
    interrupt_until(&first.worker, worker_done(&first.worker));
    waiter_join(&first, 77);
    ck_assert_int_eq(seen.calls, 1);
    signal_one(&pair);
    waiter_join(&second, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_interrupt_fn other. */
START_TEST(signal_given_while_the_callback_runs_is_kept)
{
    interruption_t seen = { .answer = 77, .stay = 1 };
    waiter_t first = { 0 }, second = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    waiter_start_interruptible(&first, &pair, interrupted, &seen);
    waiter_start(&second, &pair, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) == 1);
    signal_one(&pair);
    ck_assert(!worker_done(&second.worker));
    poke(&seen.stay, 0);
    waiter_join(&first, 0);
    ck_assert_uint_eq(pair_waiting(&pair), 1);
    signal_one(&pair);
    waiter_join(&second, 0);
    pair_destroy(&pair);
}
END_TEST

START_TEST(callback_may_signal_the_same_condition)
{
    struct busy_interruption busy = { .seen.answer = 77 };
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    busy.pair = &pair;
    waiter_start_interruptible(&waiter, &pair, signal_on_interrupt, &busy);
    interrupt_until(&waiter.worker, worker_done(&waiter.worker));
    waiter_join(&waiter, 0);
    ck_notified(&pair, busy.notified, 1);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait_interruptible other. */
START_TEST(callback_runs_without_the_lock)
{
    struct busy_interruption busy = { .seen.answer = 77, .got_lock = -1 };
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    busy.pair = &pair;
    waiter_start_interruptible(&waiter, &pair, lock_on_interrupt, &busy);
    interrupt_until(&waiter.worker, worker_done(&waiter.worker));
    waiter_join(&waiter, 77);
    ck_assert_int_eq(busy.got_lock, 0);
    pair_destroy(&pair);
}
END_TEST

/* A handler that waits itself: for another condition, with another lock. */
static pair_t *handlers_pair;
static int handlers_result = -1;

static void waiting_handler(int signal)
{
    (void)signal;
    pair_lock(handlers_pair);
    handlers_result = handlers_pair->kind->wait(handlers_pair, PPT_FOREVER);
    pair_unlock(handlers_pair);
}

START_TEST(handler_may_wait_for_another_object)
{
    struct sigaction action = { .sa_handler = waiting_handler };
    waiter_t waiter = { 0 };
    pair_t pair, other;

    pair_init(&pair, kinds[_i]);
    pair_init(&other, kinds[_i]);
    handlers_pair = &other;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    worker_interrupt(&waiter.worker);
    await(pair_waiting(&other) == 1);
    signal_one(&pair); /* the outer wait's comes first */
    signal_one(&other);
    waiter_join(&waiter, 0);
    ck_assert_int_eq(handlers_result, 0);
    pair_destroy(&other);
    pair_destroy(&pair);
}
END_TEST

START_TEST(wait_is_not_a_cancellation_point)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    ck_assert_int_eq(pthread_cancel(waiter.worker.thread), 0);
    interrupt_until(&waiter.worker, signals_handled() >= 3);
    ck_assert_uint_eq(pair_waiting(&pair), 1);
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

void add_tests(Suite *suite)
{
    const struct of_kinds list[] = {
        ALL(handler_does_not_end_a_wait_that_is_not_interruptible),
        INTERRUPTIBLE(without_a_callback_a_handler_ends_the_wait_with_eintr),
        INTERRUPTIBLE(callback_may_say_go_on_and_the_place_is_kept),
        INTERRUPTIBLE(callback_may_give_up_and_no_signal_is_consumed),
        INTERRUPTIBLE(signal_given_while_the_callback_runs_is_kept),
        INTERRUPTIBLE(callback_may_signal_the_same_condition),
        INTERRUPTIBLE(callback_runs_without_the_lock),
        ALL(handler_may_wait_for_another_object),
        INTERRUPTIBLE(wait_is_not_a_cancellation_point),
    };

    add_kinds(suite, list, LENGTH(list));
}
