/* SPDX-License-Identifier: MIT */
/* Handlers and cancellation in a wait for the port's semaphore: P9. */
#include "sleeper.h"

/* Signal handlers; the loop's variable is their sa_flags */

/* Its handler, where it is restarted, may not be seen to run by all tools. */
static void interrupt_often(const worker_t *worker)
{
    int i;

    for (i = 0; i < 100; i++) {
        worker_interrupt(worker);
        nap();
    }
}

/* Proves port.h P9. */
START_TEST(handlers_run_is_not_reported_unless_asked_for)
{
    static const unsigned flags[] = { 0, PPT__CANCELLABLE };
    const int64_t deadlines[] = { PPT_FOREVER, ppt_deadline(2 * LIMIT) };
    int i;

    for (i = 0; i < 4; i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        signals_install(_i);
        ppt__sem_init(&sem);
        sleeper_start(&sleeper, &sem, deadlines[i / 2], flags[i % 2]);
        interrupt_often(&sleeper.worker);
        ck_assert(!worker_done(&sleeper.worker));
        ppt__sem_post(&sem);
        sleeper_join(&sleeper, 0);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* Proves port.h P9. */
START_TEST(handlers_run_is_reported_where_asked_for)
{
    static const unsigned flags[] = { PPT__INTERRUPTIBLE,
                                      PPT__INTERRUPTIBLE
                                      | PPT__CANCELLABLE };
    const int64_t deadlines[] = { PPT_FOREVER, ppt_deadline(2 * LIMIT) };
    int i;

    for (i = 0; i < 4; i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        signals_install(_i);
        ppt__sem_init(&sem);
        sleeper_start(&sleeper, &sem, deadlines[i / 2], flags[i % 2]);
        interrupt_until(&sleeper.worker, worker_done(&sleeper.worker));
        sleeper_join(&sleeper, EINTR);
        ck_posts(&sem, 0);
        ppt__sem_post(&sem); /* it can be waited for again */
        ck_posts(&sem, 1);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* Proves port.h P9. */
START_TEST(post_given_while_a_handler_runs_is_not_lost)
{
    sleeper_t sleeper = { 0 };
    ppt__sem_t sem;

    signals_install(_i);
    ppt__sem_init(&sem);
    sleeper_start(&sleeper, &sem, PPT_FOREVER, PPT__INTERRUPTIBLE);
    signals_hold();
    worker_interrupt(&sleeper.worker);
    await(signals_held() == 1);
    ppt__sem_post(&sem);
    signals_let_go();
    worker_join(&sleeper.worker);
    if (sleeper.result == EINTR)
        ck_posts(&sem, 1);
    else
        ck_assert_int_eq(sleeper.result, 0);
    ppt__sem_destroy(&sem);
}
END_TEST

/* Proves port.h P9. */
START_TEST(deadline_that_passes_in_a_handler_is_a_timeout)
{
    int64_t deadline = ppt_deadline(200 * MS);
    sleeper_t sleeper = { 0 };
    ppt__sem_t sem;

    signals_install(_i);
    ppt__sem_init(&sem);
    sleeper_start(&sleeper, &sem, deadline, 0);
    signals_hold();
    worker_interrupt(&sleeper.worker);
    await(ppt_now() > deadline);
    signals_let_go();
    sleeper_join(&sleeper, ETIMEDOUT);
    ppt__sem_destroy(&sem);
}
END_TEST

/* Cancellation */

/* Proves port.h P9. */
START_TEST(wait_is_no_cancellation_point_unless_asked_for)
{
    static const unsigned flags[] = { 0, PPT__INTERRUPTIBLE };
    int i;

    for (i = 0; i < LENGTH(flags); i++) {
        int64_t deadline = ppt_deadline(50 * MS);
        sleeper_t sleeper = { 0 }, timed = { 0 };
        ppt__sem_t sem, never;

        ppt__sem_init(&sem);
        ppt__sem_init(&never);
        sleeper_start(&sleeper, &sem, PPT_FOREVER, flags[i]);
        sleeper_start(&timed, &never, deadline, flags[i]);
        pthread_cancel(sleeper.worker.thread);
        pthread_cancel(timed.worker.thread);
        worker_join(&timed.worker);
        ck_assert_int_ne(timed.result, -1);
        ppt__sem_post(&sem);
        worker_join(&sleeper.worker);
        ck_assert_int_ne(sleeper.result, -1);
        ppt__sem_destroy(&never);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* Proves port.h P9. */
START_TEST(cancellable_wait_ends_the_cancelled_thread)
{
    const int64_t deadlines[] = { PPT_FOREVER, ppt_deadline(2 * LIMIT) };
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        sleeper_start(&sleeper, &sem, deadlines[i], PPT__CANCELLABLE);
        ck_assert_int_eq(pthread_cancel(sleeper.worker.thread), 0);
        sleeper_join(&sleeper, -1);
        ppt__sem_post(&sem);
        ck_posts(&sem, 1);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/*
 * Whoever wins, the post is either taken by the thread or still there.
 * Proves port.h P9.
 */
START_TEST(cancelled_thread_has_not_taken_the_post)
{
    int round;

    for (round = 0; round < 500; round++) {
        sleeper_t sleeper = { .result = -1, .deadline = PPT_FOREVER,
                              .flags = PPT__CANCELLABLE };
        worker_t poster;
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        sleeper.sem = &sem;
        worker_start(&sleeper.worker, sleep_once, &sleeper);
        if (round % 2 == 0)
            await(worker_asleep(&sleeper.worker));
        if (round % 3 == 0) {
            ppt__sem_post(&sem);
            pthread_cancel(sleeper.worker.thread);
        } else {
            worker_start(&poster, post, &sem);
            pthread_cancel(sleeper.worker.thread);
            worker_join(&poster);
        }
        worker_join(&sleeper.worker);
        ck_posts(&sem, sleeper.result == 0 ? 0 : 1);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* Proves port.h P9. */
START_TEST(wait_leaves_the_thread_as_cancellable_as_it_was)
{
    unsigned flags;

    for (flags = 0; flags < 4; flags++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        sleeper_start(&sleeper, &sem, PPT_FOREVER, flags);
        ppt__sem_post(&sem);
        sleeper_join(&sleeper, 0);
        ck_assert_int_eq(sleeper.type, PTHREAD_CANCEL_DEFERRED);
        ck_assert_int_eq(sleeper.state, PTHREAD_CANCEL_ENABLE);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "interrupts");
    TCase *cancellation = add_case(suite, "cancellation");
    const TTest *const with_signals[] = {
        handlers_run_is_not_reported_unless_asked_for,
        handlers_run_is_reported_where_asked_for,
        post_given_while_a_handler_runs_is_not_lost,
        deadline_that_passes_in_a_handler_is_a_timeout,
    };
    const TTest *const with_cancellation[] = {
        wait_is_no_cancellation_point_unless_asked_for,
        cancellable_wait_ends_the_cancelled_thread,
        cancelled_thread_has_not_taken_the_post,
    };

    add_with_sa_flags(tcase, with_signals, LENGTH(with_signals));
    tcase_add_test(tcase, wait_leaves_the_thread_as_cancellable_as_it_was);
    add_list(cancellation, with_cancellation, LENGTH(with_cancellation));
    tcase_set_tags(cancellation, "cancellation");
}
