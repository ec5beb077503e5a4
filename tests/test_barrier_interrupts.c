/* SPDX-License-Identifier: MIT */
/* Interrupts of a wait at a barrier; the loop's variable is sa_flags. */
#include "party.h"

#include <string.h>

START_TEST(handler_does_not_end_a_wait_that_is_not_interruptible)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };
    int i;

    signals_install(_i);
    party_start(&party, &barrier, PPT_FOREVER);
    for (i = 0; i < 100; i++) {
        worker_interrupt(&party.worker);
        nap();
    }
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
    ck_assert(!ppt_barrier_broken(&barrier));
    arrive_last(&barrier, 0);
    party_join(&party, 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait_interruptible EINTR. */
START_TEST(interrupted_thread_leaves_with_eintr_and_breaks_nothing)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t party = { .result = -1 }, stays = { .result = -1 },
            replaces = { .result = -1 };

    signals_install(_i);
    party_start_interruptible(&party, &barrier, NULL, NULL);
    party_start(&stays, &barrier, PPT_FOREVER);
    interrupt_until(&party.worker, worker_done(&party.worker));
    party_join(&party, EINTR);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
    ck_assert(!ppt_barrier_broken(&barrier));
    party_start(&replaces, &barrier, PPT_FOREVER);
    ck_assert(!worker_done(&stays.worker)); /* it counts as not arrived */
    arrive_last(&barrier, 0);
    party_join(&stays, 0);
    party_join(&replaces, 0);
    ck_assert_uint_eq(stays.index, 0);
    ck_assert_uint_eq(replaces.index, 1);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_interrupt_fn 0. */
START_TEST(callback_may_say_go_on_and_the_place_is_kept)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t first = { .result = -1 }, second = { .result = -1 };
    interruption_t seen = { 0 };

    signals_install(_i);
    party_start_interruptible(&first, &barrier, interrupted, &seen);
    party_start(&second, &barrier, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) >= 3);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 2);
    arrive_last(&barrier, 0);
    party_join(&first, 0);
    party_join(&second, 0);
    ck_assert_uint_eq(first.index, 0);
    ck_assert_uint_eq(second.index, 1);
    barrier_finish(&barrier);
}
END_TEST

/*
 * Whatever was in that memory before; it may be used again at once.
 * Proves ppt_barrier_wait_with.
 */
START_TEST(waiter_may_be_elsewhere_than_on_the_stack)
{
    static const int answers[] = { 0, 77 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    ppt_waiter_t waiter;
    int i;

    signals_install(_i);
    memset(&waiter, 0xa5, sizeof waiter);
    for (i = 0; i < LENGTH(answers); i++) {
        interruption_t seen = { .answer = answers[i] };
        party_t party = { .waiter = &waiter };

        party_start_interruptible(&party, &barrier, interrupted, &seen);
        interrupt_until(&party.worker, peek(&seen.calls) >= 1);
        if (answers[i] == 0)
            arrive_last(&barrier, 0);
        party_join(&party, answers[i]);
        ck_assert_uint_eq(party.index, answers[i] == 0 ? 0 : NO_INDEX);
    }
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait_interruptible other, ppt_interrupt_fn other. */
START_TEST(callback_may_give_up_and_the_barrier_is_not_broken)
{
    static const int answers[] = { 77, ETIMEDOUT, ECANCELED, -1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t stays = { .result = -1 };
    int i;

    signals_install(_i);
    party_start(&stays, &barrier, PPT_FOREVER);
    for (i = 0; i < LENGTH(answers); i++) {
        interruption_t seen = { .answer = answers[i] };
        party_t party = { .result = 0 };

        party_start_interruptible(&party, &barrier, interrupted, &seen);
        interrupt_until(&party.worker, worker_done(&party.worker));
        party_join(&party, answers[i]);
        ck_assert_int_eq(seen.calls, 1);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
        ck_assert(!ppt_barrier_broken(&barrier));
    }
    ppt_barrier_abort(&barrier);
    party_join(&stays, ECANCELED);
}
END_TEST

/* Proves ppt_interrupt_fn other. */
START_TEST(round_completed_while_the_callback_runs_is_not_lost)
{
    interruption_t seen = { .answer = 77, .stay = 1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    signals_install(_i);
    party_start_interruptible(&party, &barrier, interrupted, &seen);
    interrupt_until(&party.worker, peek(&seen.calls) == 1);
    arrive_last(&barrier, 0);
    poke(&seen.stay, 0);
    party_join(&party, 0);
    ck_assert_uint_eq(party.index, 0);
    barrier_finish(&barrier);
}
END_TEST

/* Proves ppt_interrupt_fn other. */
START_TEST(reset_while_the_callback_runs_is_not_lost)
{
    interruption_t seen = { .stay = 1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    signals_install(_i);
    party_start_interruptible(&party, &barrier, interrupted, &seen);
    interrupt_until(&party.worker, peek(&seen.calls) == 1);
    ppt_barrier_reset(&barrier);
    poke(&seen.stay, 0);
    party_join(&party, ECANCELED);
    barrier_finish(&barrier);
}
END_TEST

static int abort_on_interrupt(void *arg)
{
    ppt_barrier_abort(arg);
    return 77;
}

/*
 * It can no longer end the wait, but it runs.
 * Proves ppt_barrier_wait_interruptible other.
 */
START_TEST(callback_runs_while_the_action_of_the_round_does)
{
    interruption_t seen = { .answer = 77 };
    party_t party = { .result = -1 }, last = { .result = -1 };
    action_t action = { .stay = 1 };
    ppt_barrier_t barrier;

    signals_install(_i);
    barrier_init(&barrier, 2, act, &action);
    party_start_interruptible(&party, &barrier, interrupted, &seen);
    party_start_unseen(&last, &barrier, PPT_FOREVER);
    await(peek(&action.inside) == 1);
    interrupt_until(&party.worker, peek(&seen.calls) >= 2);
    ck_assert(!worker_done(&party.worker));
    poke(&action.stay, 0);
    party_join(&party, 0);
    party_join(&last, 0);
    barrier_finish(&barrier);
}
END_TEST

START_TEST(callback_may_use_the_barrier_it_interrupted)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    signals_install(_i);
    party_start_interruptible(&party, &barrier, abort_on_interrupt, &barrier);
    interrupt_until(&party.worker, worker_done(&party.worker));
    party_join(&party, ECANCELED);
    ck_broken(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait_interruptible other. */
START_TEST(interruptible_wait_times_out_and_breaks_the_barrier)
{
    int64_t deadline = ppt_deadline(50 * MS);
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    interruption_t seen = { 0 };
    party_t timed = { .interruptible = true, .on_interrupt = interrupted,
                      .arg = &seen };
    party_t other = { .result = -1 };

    signals_install(_i);
    party_start(&other, &barrier, PPT_FOREVER);
    party_start(&timed, &barrier, deadline);
    interrupt_until(&timed.worker, worker_done(&timed.worker));
    party_join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    party_join(&other, ECANCELED);
    ck_broken(&barrier);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "interrupts");
    const TTest *const tests[] = {
        handler_does_not_end_a_wait_that_is_not_interruptible,
        interrupted_thread_leaves_with_eintr_and_breaks_nothing,
        callback_may_say_go_on_and_the_place_is_kept,
        waiter_may_be_elsewhere_than_on_the_stack,
        callback_may_give_up_and_the_barrier_is_not_broken,
        round_completed_while_the_callback_runs_is_not_lost,
        reset_while_the_callback_runs_is_not_lost,
        callback_runs_while_the_action_of_the_round_does,
        callback_may_use_the_barrier_it_interrupted,
        interruptible_wait_times_out_and_breaks_the_barrier,
    };

    add_with_sa_flags(tcase, tests, LENGTH(tests));
}
