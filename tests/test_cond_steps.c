/*
 * The promises of cond.h about a wait in steps: enqueue, sleep and cancel.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_support.h"

#include <string.h>

START_TEST(waiter_needs_no_initialisation)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;
    int byte;

    for (byte = 0; byte < 256; byte += 51) {
        memset(&waiter, byte, sizeof waiter);
        ppt_cond_enqueue(&cond, &waiter);
        ck_assert_int_eq(ppt_cond_signal(&cond), 1);
        ck_assert_int_eq(sleep_now(&cond, &waiter), 0);
    }
}
END_TEST

/* Proves ppt_cond_enqueue, cond.c C1. */
START_TEST(enqueue_takes_a_place_that_a_signal_may_choose_before_the_sleep)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t first, second;

    ppt_cond_enqueue(&cond, &first);
    ppt_cond_enqueue(&cond, &second);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 2);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &second), 0);
    ck_assert_int_eq(sleep_now(&cond, &first), 0);
}
END_TEST

/* Proves ppt_cond_signal_last. */
START_TEST(signal_last_notifies_the_waiter_that_came_last)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t first, second, third;

    ck_assert_int_eq(ppt_cond_signal_last(&cond), 0);
    ppt_cond_enqueue(&cond, &first);
    ppt_cond_enqueue(&cond, &second);
    ppt_cond_enqueue(&cond, &third);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &third), 0);
    ck_assert_int_eq(ppt_cond_signal_last(&cond), 1);
    ck_assert_int_eq(sleep_now(&cond, &second), 0);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &first), 0);
    ck_assert_int_eq(ppt_cond_signal_last(&cond), 0);
    ck_new(&cond);
}
END_TEST

/* Proves ppt_cond_sleep 0. */
START_TEST(signal_chooses_it_even_when_the_deadline_has_passed)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, PPT_TRY), 0);
}
END_TEST

/*
 * Not told where the machine has one CPU, or the system no such command.
 * Proves ppt_cond_wakes_remotely, ppt_woken_remotely.
 */
START_TEST(waiter_knows_whether_it_was_woken_from_another_cpu)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t near, far;

    if (!pin_to(0))
        return;
    ppt_cond_enqueue(&cond, &near);
    ppt_cond_enqueue(&cond, &far);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(sleep_now(&cond, &near), 0);
    ck_assert(!ppt_woken_remotely());
    ck_assert(!ppt_cond_wakes_remotely(&cond));
    ck_assert(!pin_to(1) || ppt_cond_signal(&cond) == 1);
    if (ppt_cond_cancel(&cond, &far) == EALREADY) {
        ck_assert(ppt_woken_remotely());
        ck_assert(ppt_cond_wakes_remotely(&cond));
    }
}
END_TEST

static void sleep_yielding(void *arg)
{
    waiter_t *self = arg;
    ppt_waiter_t waiter;

    ppt_cond_enqueue_uninterruptible(self->cond, &waiter);
    self->result = ppt_cond_sleep_yielding(self->cond, &waiter, PPT_FOREVER);
}

/* Proves ppt_cond_sleep_yielding. */
START_TEST(sleep_that_yields_is_a_sleep)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    waiter_t sleeper = { .cond = &cond, .result = -1 };
    int64_t deadline = ppt_deadline(10 * MS);
    ppt_waiter_t waiter;

    worker_start(&sleeper.worker, sleep_yielding, &sleeper);
    await(worker_asleep(&sleeper.worker));
    ck_assert_int_eq(ppt_cond_signal_last(&cond), 1);
    worker_join(&sleeper.worker);
    ck_assert_int_eq(sleeper.result, 0);
    ppt_cond_enqueue_uninterruptible(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_sleep_yielding(&cond, &waiter, -1), EINVAL);
    ck_assert_int_eq(ppt_cond_sleep_yielding(&cond, &waiter, deadline),
                     ETIMEDOUT);
    ck_assert_int_ge(ppt_now(), deadline);
    ck_new(&cond);
}
END_TEST

/* Proves ppt_cond_sleep ETIMEDOUT. */
START_TEST(timeout_of_sleep_is_never_early_and_ends_the_wait)
{
    static const int64_t timeouts[] = { 0, 1, 50 * US, MS, 20 * MS };
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;
    int i;

    for (i = 0; i < LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i]);

        ppt_cond_enqueue(&cond, &waiter);
        ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, deadline),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_uint_eq(ppt_cond_waiting(&cond), 0);
        ck_assert_int_eq(ppt_cond_signal(&cond), 0);
    }
}
END_TEST

/* Proves ppt_cond_sleep EINVAL. */
START_TEST(negative_deadline_of_sleep_is_refused_and_the_place_is_kept)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, -1), EINVAL);
    ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, INT64_MIN), EINVAL);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 1);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(sleep_now(&cond, &waiter), 0);
}
END_TEST

/* Proves ppt_cond_cancel 0. */
START_TEST(cancel_gives_up_the_place_and_consumes_no_signal)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiters[3];
    int i;

    for (i = 0; i < 3; i++)
        ppt_cond_enqueue(&cond, &waiters[i]);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &waiters[1]), 0);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 2);
    ck_assert_int_eq(ppt_cond_signal_n(&cond, 3), 2);
    ck_assert_int_eq(sleep_now(&cond, &waiters[0]), 0);
    ck_assert_int_eq(sleep_now(&cond, &waiters[2]), 0);
}
END_TEST

/* Proves ppt_cond_cancel EALREADY. */
START_TEST(cancel_says_when_a_signal_had_notified_the_waiter)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t first, second;

    ppt_cond_enqueue(&cond, &first);
    ppt_cond_enqueue(&cond, &second);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &first), EALREADY);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1); /* pass it on */
    ck_assert_int_eq(sleep_now(&cond, &second), 0);
}
END_TEST

/* What a thread that waits in steps did. */
struct steps {
    ppt_cond_t cond;
    int interrupts; /* how often sleep returned EINTR */
    int enough;     /* then it gives up */
    int slept;      /* what sleep returned at last */
    int cancelled;  /* what cancel returned */
};

static void take_steps(void *arg)
{
    struct steps *steps = arg;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&steps->cond, &waiter);
    do {
        steps->slept = sleep_now(&steps->cond, &waiter);
        if (steps->slept == EINTR)
            bump(&steps->interrupts);
    } while (steps->slept == EINTR && !peek(&steps->enough));
    if (steps->slept == EINTR)
        steps->cancelled = ppt_cond_cancel(&steps->cond, &waiter);
}

/* Proves ppt_cond_sleep EINTR. */
START_TEST(interrupted_sleep_keeps_the_place_and_may_be_resumed)
{
    struct steps steps = { .cond = PPT_COND_INITIALIZER };
    worker_t worker;

    signals_install(0);
    worker_start(&worker, take_steps, &steps);
    interrupt_until(&worker, peek(&steps.interrupts) >= 3);
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 1);
    ck_assert_int_eq(ppt_cond_signal(&steps.cond), 1);
    worker_join(&worker);
    ck_assert_int_eq(steps.slept, 0);
}
END_TEST

/* Proves ppt_cond_sleep EINTR. */
START_TEST(interrupted_sleep_may_be_cancelled)
{
    struct steps steps = { .cond = PPT_COND_INITIALIZER, .cancelled = -1 };
    worker_t worker;

    signals_install(0);
    poke(&steps.enough, 1);
    worker_start(&worker, take_steps, &steps);
    interrupt_until(&worker, worker_done(&worker));
    worker_join(&worker);
    ck_assert_int_eq(steps.slept, EINTR);
    ck_assert_int_eq(steps.cancelled, 0);
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 0);
}
END_TEST

static void take_steps_to_the_end(void *arg)
{
    struct steps *steps = arg;
    ppt_waiter_t waiter;

    ppt_cond_enqueue_uninterruptible(&steps->cond, &waiter);
    steps->slept = ppt_cond_sleep_uninterruptible(&steps->cond, &waiter,
                                                  PPT_FOREVER);
}

/* Proves ppt_cond_enqueue_uninterruptible. */
START_TEST(handler_does_not_end_a_sleep_that_is_not_interruptible)
{
    struct steps steps = { .cond = PPT_COND_INITIALIZER, .slept = -1 };
    int before = signals_handled();
    worker_t worker;

    signals_install(0);
    worker_start(&worker, take_steps_to_the_end, &steps);
    interrupt_until(&worker, signals_handled() >= before + 3);
    await(worker_asleep(&worker));
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 1);
    ck_assert_int_eq(ppt_cond_signal(&steps.cond), 1);
    worker_join(&worker);
    ck_assert_int_eq(steps.slept, 0);
}
END_TEST

/* Proves ppt_cond_enqueue_uninterruptible. */
START_TEST(timeout_of_a_sleep_that_is_not_interruptible_ends_the_wait)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    int64_t deadline = ppt_deadline(10 * MS);
    ppt_waiter_t waiter;

    ppt_cond_enqueue_uninterruptible(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_sleep_uninterruptible(&cond, &waiter, -1),
                     EINVAL);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 1);
    ck_assert_int_eq(ppt_cond_sleep_uninterruptible(&cond, &waiter, deadline),
                     ETIMEDOUT);
    ck_assert_int_ge(ppt_now(), deadline);
    ck_new(&cond);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        waiter_needs_no_initialisation,
        enqueue_takes_a_place_that_a_signal_may_choose_before_the_sleep,
        signal_last_notifies_the_waiter_that_came_last,
        sleep_that_yields_is_a_sleep,
        waiter_knows_whether_it_was_woken_from_another_cpu,
        signal_chooses_it_even_when_the_deadline_has_passed,
        timeout_of_sleep_is_never_early_and_ends_the_wait,
        negative_deadline_of_sleep_is_refused_and_the_place_is_kept,
        cancel_gives_up_the_place_and_consumes_no_signal,
        cancel_says_when_a_signal_had_notified_the_waiter,
        interrupted_sleep_keeps_the_place_and_may_be_resumed,
        interrupted_sleep_may_be_cancelled,
        handler_does_not_end_a_sleep_that_is_not_interruptible,
        timeout_of_a_sleep_that_is_not_interruptible_ends_the_wait,
    };

    add_list(add_case(suite, "cond"), tests, LENGTH(tests));
}
