/* SPDX-License-Identifier: MIT */
/* One wait of one thread, waiter.h and wait.h: I2, and how a wait ends. */
#include "sitter.h"

#include <limits.h>
#include <sys/mman.h>

enum { MANY = 8 };

/* I2 */

/* Proves waitq.c I2. */
START_TEST(waiter_woken_before_it_slept_is_owed_no_post)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_ptr_eq(pop(&queue), &waiter);
    ppt__waiter_wake(&waiter, PPT__GRANT_NOTHING);
    ck_no_post(&waiter);
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_no_post(&waiter);
    ppt__waiter_end(&waiter);
}
END_TEST

START_TEST(wake_up_is_seen_whatever_the_deadline)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_now(), PPT_FOREVER };
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        ppt__wait_options_t options = { .deadline = deadlines[i] };
        ppt_waitq_t queue = { 0 };
        ppt__waiter_t waiter;

        enqueue(&queue, &waiter);
        ck_assert_int_eq(ppt__waiter_sleep(&waiter, 1, 0), ETIMEDOUT);
        ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
        ck_assert_int_eq(ppt__waiter_wait(&waiter, &queue, &options), 0);
        ck_no_post(&waiter);
        ppt__waiter_end(&waiter);
    }
}
END_TEST

START_TEST(what_the_waker_gives_arrives)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_uint_eq(waiter.grant, PPT__GRANT_NOTHING);
    pop(&queue)->result = 5;
    ppt__waiter_wake(&waiter, PPT__GRANT_LOCK);
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_assert_uint_eq(waiter.grant, PPT__GRANT_LOCK);
    ck_assert_int_eq(waiter.result, 5);
    ppt__waiter_restart(&waiter, false);
    ck_assert_uint_eq(waiter.grant, PPT__GRANT_NOTHING);
    ck_assert_int_eq(waiter.result, 0);
    ck_assert_uint_eq(state_of(&waiter), 0);
    ppt__waiter_end(&waiter);
}
END_TEST

/* Proves waitq.c I2. */
START_TEST(sleeping_waiter_gets_exactly_one_post)
{
    ppt_waitq_t queue = { 0 };
    sitter_t sitter;

    sitter_start(&sitter, &queue, ppt__no_options);
    ck_assert_ptr_eq(pop(&queue), sitter.waiter);
    ck_assert(!worker_done(&sitter.worker)); /* notified, not woken yet */
    ppt__waiter_wake(sitter.waiter, PPT__GRANT_TURN);
    sitter_join(&sitter, 0);
    ck_assert_uint_eq(sitter.grant, PPT__GRANT_TURN);
    ck_empty(&queue);
}
END_TEST

START_TEST(chain_wakes_all_of_it_and_nobody_else)
{
    ppt_waitq_t queue = { 0 };
    sitter_t sitters[MANY];
    int i;

    for (i = 0; i < MANY; i++)
        sitter_start(&sitters[i], &queue, ppt__no_options);
    ppt__wake_list_wake(take(&queue, MANY / 2), PPT__GRANT_TURN);
    for (i = 0; i < MANY / 2; i++) {
        sitter_join(&sitters[i], 0);
        ck_assert_uint_eq(sitters[i].grant, PPT__GRANT_TURN);
    }
    for (; i < MANY; i++)
        ck_assert(!worker_done(&sitters[i].worker));
    ppt__wake_list_wake(take(&queue, MANY), PPT__GRANT_NOTHING);
    for (i = MANY / 2; i < MANY; i++)
        sitter_join(&sitters[i], 0);
    ck_empty(&queue);
}
END_TEST

static void run_and_unmap(void *arg)
{
    sitter_t *sitter = arg;

    sitter_run(sitter);
    page_unmap(sitter->waiter);
}

/* Proves waitq.c I2. */
START_TEST(waiters_memory_may_go_as_soon_as_it_has_returned)
{
    int round;

    for (round = 0; round < 300; round++) {
        ppt_waitq_t queue = { 0 };
        sitter_t sitters[3];
        int i;

        for (i = 0; i < LENGTH(sitters); i++) {
            sitters[i].queue = &queue;
            sitters[i].options = ppt__no_options;
            sitters[i].waiter = page_map(PROT_READ | PROT_WRITE);
            enqueue(&queue, sitters[i].waiter);
            worker_start(&sitters[i].worker, run_and_unmap,
                         &sitters[i]);
        }
        if (round % 2 == 0)
            await(ppt__waiter_asleep(sitters[2].waiter));
        ppt__wake_list_wake(take(&queue, INT_MAX), PPT__GRANT_NOTHING);
        for (i = 0; i < LENGTH(sitters); i++)
            sitter_join(&sitters[i], 0);
    }
}
END_TEST

/* Moved waiters: notified in one queue, woken from another */

/* Proves waitq.c I1. */
START_TEST(moved_waiter_cannot_leave_and_is_woken_from_its_new_queue)
{
    ppt__wait_options_t options = { .deadline = 1 };
    ppt_waitq_t from = { 0 }, to = { 0 };
    ppt__waiter_t other;
    sitter_t sitter = { .queue = &from, .options = options };

    sitter.waiter = &sitter.memory;
    enqueue(&from, sitter.waiter);
    enqueue(&to, &other);
    ck_assert_ptr_eq(pop(&from), sitter.waiter);
    ppt__waitq_guard(&to);
    ppt__waitq_push(&to, sitter.waiter);
    ppt__waitq_unguard(&to);
    sitter_start_queued(&sitter);
    await(ppt__waiter_asleep(sitter.waiter)
          && worker_asleep(&sitter.worker));
    ck_present(&to, 2, 2);
    ck_assert_ptr_eq(pop(&to), &other);
    ck_assert_ptr_eq(pop(&to), sitter.waiter);
    ppt__waiter_wake(sitter.waiter, PPT__GRANT_TURN);
    sitter_join(&sitter, 0);
    ck_empty(&from);
    ck_empty(&to);
}
END_TEST

/* How a wait ends */

/* Proves time.h Promise. */
START_TEST(timeout_is_never_early_and_leaves_the_queue)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_waitq_t queue = { 0 };
    int i;

    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);
        ppt__wait_options_t options = { .deadline = deadline };
        ppt__waiter_t waiter;

        enqueue(&queue, &waiter);
        ck_assert_int_eq(ppt__waiter_wait(&waiter, &queue, &options),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_present(&queue, 0, 0);
        ppt__waiter_end(&waiter);
    }
}
END_TEST

START_TEST(sleep_that_ends_without_a_wake_up_keeps_the_place)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;
    int i;

    enqueue(&queue, &waiter);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(ppt__waiter_sleep(&waiter, ppt_deadline(MS), 0),
                         ETIMEDOUT);
        ck_present(&queue, 1, 1);
    }
    ck_assert(ppt__waiter_cancel(&waiter, &queue));
    ppt__waiter_end(&waiter);
    ck_empty(&queue);
}
END_TEST

START_TEST(wait_that_ends_early_can_be_left_in_two_steps)
{
    ppt__wait_options_t options = { .deadline = 1 };
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_int_eq(ppt__waiter_rest(&waiter, &options), ETIMEDOUT);
    ck_present(&queue, 1, 1);
    ck_assert(ppt__waiter_start_cancel(&waiter, &queue));
    ck_assert_int_eq(ppt__waitq_present(&queue), 0); /* guarded */
    ppt__waitq_finish_cancel(&queue);
    ck_empty(&queue);
    enqueue(&queue, &waiter);
    ck_assert_ptr_eq(pop(&queue), &waiter);
    ck_assert(!ppt__waiter_start_cancel(&waiter, &queue));
    ck_empty(&queue); /* not guarded */
}
END_TEST

static ppt__wait_options_t interruptible(interruption_t *seen)
{
    ppt__wait_options_t options = { PPT_FOREVER, PPT__INTERRUPTIBLE,
                             seen != NULL ? interrupted : NULL, seen };

    return options;
}

START_TEST(without_a_callback_a_handler_ends_the_wait_with_eintr)
{
    ppt_waitq_t queue = { 0 };
    sitter_t sitter;

    signals_install(_i);
    sitter_start(&sitter, &queue, interruptible(NULL));
    interrupt_until(&sitter.worker, worker_done(&sitter.worker));
    sitter_join(&sitter, EINTR);
    ck_empty(&queue);
}
END_TEST

START_TEST(callback_says_whether_to_keep_the_place)
{
    ppt_waitq_t queue = { 0 };
    interruption_t seen = { .answer = 0 };
    sitter_t sitter;

    signals_install(_i);
    sitter_start(&sitter, &queue, interruptible(&seen));
    interrupt_until(&sitter.worker, peek(&seen.calls) >= 3);
    ck_present(&queue, 1, 1);
    poke(&seen.answer, 77);
    interrupt_until(&sitter.worker, worker_done(&sitter.worker));
    sitter_join(&sitter, 77);
    ck_empty(&queue);
}
END_TEST

START_TEST(waiter_in_a_callback_is_not_asleep)
{
    ppt_waitq_t queue = { 0 };
    interruption_t seen = { .stay = 1 };
    sitter_t sitter;

    signals_install(_i);
    sitter_start(&sitter, &queue, interruptible(&seen));
    interrupt_until(&sitter.worker, peek(&seen.calls) == 1);
    ck_assert(!ppt__waiter_asleep(sitter.waiter));
    poke(&seen.stay, 0);
    await(ppt__waiter_asleep(sitter.waiter));
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    sitter_join(&sitter, 0);
}
END_TEST

/* Proves waitq.c I1. */
START_TEST(wake_up_given_while_the_callback_runs_is_not_lost)
{
    ppt_waitq_t queue = { 0 };
    interruption_t seen = { .answer = 77, .stay = 1 };
    sitter_t sitter;

    signals_install(_i);
    sitter_start(&sitter, &queue, interruptible(&seen));
    interrupt_until(&sitter.worker, peek(&seen.calls) == 1);
    ck_assert_ptr_eq(pop(&queue), sitter.waiter);
    poke(&seen.stay, 0);
    ppt__waiter_wake(sitter.waiter, PPT__GRANT_NOTHING);
    sitter_join(&sitter, 0);
    ck_empty(&queue);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "waiter");
    const TTest *const tests[] = {
        waiter_woken_before_it_slept_is_owed_no_post,
        wake_up_is_seen_whatever_the_deadline,
        what_the_waker_gives_arrives,
        sleeping_waiter_gets_exactly_one_post,
        chain_wakes_all_of_it_and_nobody_else,
        waiters_memory_may_go_as_soon_as_it_has_returned,
        moved_waiter_cannot_leave_and_is_woken_from_its_new_queue,
        timeout_is_never_early_and_leaves_the_queue,
        sleep_that_ends_without_a_wake_up_keeps_the_place,
        wait_that_ends_early_can_be_left_in_two_steps,
    };
    const TTest *const with_signals[] = {
        without_a_callback_a_handler_ends_the_wait_with_eintr,
        callback_says_whether_to_keep_the_place,
        waiter_in_a_callback_is_not_asleep,
        wake_up_given_while_the_callback_runs_is_not_lost,
    };

    add_list(tcase, tests, LENGTH(tests));
    add_with_sa_flags(tcase, with_signals, LENGTH(with_signals));
}
