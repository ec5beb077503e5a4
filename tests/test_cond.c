/*
 * The promises of cond.h that hold for a condition with any lock: with a
 * ppt_lock_t, with a pthread_mutex_t, waited for in steps, and as the
 * drop-in for pthread_cond_t.  The rest is in test_cond_own.c,
 * test_cond_steps.c and test_cond_unlock.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#define MANY 500

static void ck_notified(const pair_t *pair, int returned, int notified)
{
    ck_assert_int_eq(returned, pair->kind->counts ? notified : 0);
}

/* A wait on the test's own thread. */
static int wait_alone(pair_t *pair, int64_t deadline)
{
    int result;

    ck_assert_int_eq(pair_lock(pair), 0);
    result = pair->kind->wait(pair, deadline);
    ck_assert_int_eq(pair_unlock(pair), 0);
    ck_assert_uint_eq(pair_waiting(pair), 0);
    return result;
}

static void signal_one(pair_t *pair)
{
    ck_notified(pair, pair->kind->signal(pair), 1);
}

/* Alone */

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(try_does_not_wait)
{
    int64_t before = ppt_now();
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_assert_int_eq(wait_alone(&pair, PPT_TRY), ETIMEDOUT);
    ck_assert_int_lt(ppt_now() - before, LATE);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(expired_deadline_is_a_timeout_with_the_lock_held)
{
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_assert_int_eq(wait_alone(&pair, 1), ETIMEDOUT);
    ck_assert_int_eq(wait_alone(&pair, ppt_now()), ETIMEDOUT);
    pair_destroy(&pair);
}
END_TEST

/*
 * Proves ppt_cond_wait ETIMEDOUT, ppt_cond_wait_mutex ETIMEDOUT, time.h
 * Promise.
 */
START_TEST(timeout_is_never_early)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);

        ck_assert_int_eq(wait_alone(&pair, deadline), ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
    }
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait EINVAL, ppt_cond_wait_mutex EINVAL, time.h Range. */
START_TEST(negative_deadline_is_refused)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(pair_lock(&pair), 0);
        ck_assert_int_eq(pair.kind->wait_interruptible(&pair, negative[i],
                                                       NULL, NULL), EINVAL);
        ck_assert_uint_eq(pair_waiting(&pair), 0);
        ck_assert_int_eq(pair_unlock(&pair), 0);
        ck_assert_int_eq(wait_alone(&pair, negative[i]), EINVAL);
    }
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Exact, ppt_cond_signal Returns. */
START_TEST(signal_is_not_kept_for_a_later_waiter)
{
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    ck_notified(&pair, pair.kind->signal(&pair), 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, 7), 0);
    ck_notified(&pair, pair.kind->broadcast(&pair), 0);
    ck_assert_int_eq(wait_alone(&pair, ppt_deadline(10 * MS)), ETIMEDOUT);
    pair_destroy(&pair);
}
END_TEST

/* Two */

/* Proves ppt_cond_t Locks, cond.c C1. */
START_TEST(signal_with_the_lock_held_wakes_the_waiter)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    pair_lock(&pair);
    signal_one(&pair);
    ck_assert(!worker_done(&waiter.worker));
    pair_unlock(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Locks. */
START_TEST(signal_without_the_lock_wakes_the_waiter)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, PPT_FOREVER);
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait 0, ppt_cond_wait_mutex 0, ppt_pthread_cond_wait 0. */
START_TEST(deadline_does_not_keep_a_signal_away)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&waiter, &pair, ppt_deadline(LIMIT));
    signal_one(&pair);
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Many */

static waiter_t *start_many(pair_t *pair, int n)
{
    waiter_t *waiters = calloc((size_t)n, sizeof *waiters);
    int i;

    ck_assert_ptr_nonnull(waiters);
    for (i = 0; i < n; i++) {
        waiter_start(&waiters[i], pair, PPT_FOREVER);
        ck_assert_uint_eq(pair_waiting(pair), (unsigned)i + 1);
    }
    return waiters;
}

/* Proves ppt_cond_t Order. */
START_TEST(waiters_are_notified_first_come_first_served)
{
    enum { N = 20 };
    waiter_t *waiters;
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, N);
    for (i = 0; i < N; i++) {
        signal_one(&pair);
        waiter_join(&waiters[i], 0);
        ck_assert_uint_eq(pair_waiting(&pair), (unsigned)(N - 1 - i));
    }
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

static void ck_asleep(waiter_t *waiters, int n)
{
    int i;

    for (i = 0; i < n; i++)
        ck_assert(!worker_done(&waiters[i].worker));
}

static void join_all(waiter_t *waiters, int n, int result)
{
    int i;

    for (i = 0; i < n; i++)
        waiter_join(&waiters[i], result);
}

/* Proves ppt_cond_t Exact, ppt_cond_signal Returns. */
START_TEST(signal_n_chooses_the_first_n)
{
    enum { N = 12 };
    waiter_t *waiters;
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, N);
    ck_notified(&pair, pair.kind->signal_n(&pair, 0), 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, -1), 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, INT_MIN), 0);
    ck_assert_uint_eq(pair_waiting(&pair), N);
    ck_notified(&pair, pair.kind->signal_n(&pair, 5), 5);
    join_all(waiters, 5, 0);
    ck_assert_uint_eq(pair_waiting(&pair), N - 5);
    ck_asleep(waiters + 5, N - 5);
    ck_notified(&pair, pair.kind->signal_n(&pair, N), N - 5);
    join_all(waiters + 5, N - 5, 0);
    ck_notified(&pair, pair.kind->signal_n(&pair, INT_MAX), 0);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Exact, ppt_cond_signal Returns. */
START_TEST(broadcast_chooses_all_present_waiters)
{
    waiter_t late = { 0 };
    waiter_t *waiters;
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, 10);
    pair_lock(&pair);
    ck_notified(&pair, pair.kind->broadcast(&pair), 10);
    ck_assert_uint_eq(pair_waiting(&pair), 0);
    pair_unlock(&pair);
    waiter_start(&late, &pair, PPT_FOREVER);
    join_all(waiters, 10, 0);
    ck_assert(!worker_done(&late.worker));
    signal_one(&pair);
    waiter_join(&late, 0);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_t Exact, ppt_cond_waiting. */
START_TEST(five_hundred_threads_wait_and_each_signal_wakes_one)
{
    int turn = 0;
    waiter_t *waiters;
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    waiters = start_many(&pair, MANY);
    for (i = 0; i < MANY; i++)
        waiters[i].turn = &turn;
    for (i = 0; i < 100; i++)
        signal_one(&pair);
    join_all(waiters, 100, 0);
    ck_asleep(waiters + 100, MANY - 100);
    ck_notified(&pair, pair.kind->signal_n(&pair, 100), 100);
    join_all(waiters + 100, 100, 0);
    ck_asleep(waiters + 200, MANY - 200);
    ck_notified(&pair, pair.kind->broadcast(&pair), MANY - 200);
    join_all(waiters + 200, MANY - 200, 0);
    ck_assert_int_eq(turn, MANY);
    free(waiters);
    pair_destroy(&pair);
}
END_TEST

/* Timeouts */

/* Long enough for the next thread to be started and queued, even slowly. */
#define A_WHILE (500 * MS)

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(timeout_consumes_no_signal)
{
    waiter_t timed = { 0 }, patient = { 0 };
    int64_t deadline = ppt_deadline(A_WHILE);
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&timed, &pair, deadline);
    waiter_start(&patient, &pair, PPT_FOREVER);
    waiter_join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    ck_assert_uint_eq(pair_waiting(&pair), 1);
    signal_one(&pair);
    waiter_join(&patient, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(waiter_in_the_middle_may_time_out)
{
    waiter_t first = { 0 }, timed = { 0 }, last = { 0 };
    pair_t pair;

    pair_init(&pair, kinds[_i]);
    waiter_start(&first, &pair, PPT_FOREVER);
    waiter_start(&timed, &pair, ppt_deadline(A_WHILE));
    waiter_start(&last, &pair, PPT_FOREVER);
    waiter_join(&timed, ETIMEDOUT);
    signal_one(&pair);
    waiter_join(&first, 0);
    ck_assert(!worker_done(&last.worker));
    signal_one(&pair);
    waiter_join(&last, 0);
    pair_destroy(&pair);
}
END_TEST

/* Keep waiter, which is queued, inside a signal handler. */
static void hold(waiter_t *waiter)
{
    await(worker_asleep(&waiter->worker));
    signals_hold();
    worker_interrupt(&waiter->worker);
    await(signals_held() == 1);
}

/* Start waiter, and keep it in a handler until its deadline has passed. */
static void start_late(waiter_t *waiter, pair_t *pair)
{
    int64_t timeout;

    for (timeout = 300 * MS;; timeout *= 2) {
        int64_t deadline = ppt_deadline(timeout);

        waiter_start(waiter, pair, deadline);
        if (signals_hold_past(&waiter->worker, deadline)
            && pair_waiting(pair) == 1)
            return;
        signals_let_go();
        waiter_join(waiter, ETIMEDOUT);
    }
}

/* Proves ppt_cond_wait 0. */
START_TEST(signal_after_the_deadline_but_before_the_timeout_is_kept)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    start_late(&waiter, &pair);
    signal_one(&pair);
    signals_let_go();
    waiter_join(&waiter, 0);
    pair_destroy(&pair);
}
END_TEST

/* Proves ppt_cond_wait ETIMEDOUT. */
START_TEST(deadline_that_passes_in_a_handler_is_a_timeout)
{
    waiter_t waiter = { 0 };
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i]);
    start_late(&waiter, &pair);
    signals_let_go();
    waiter_join(&waiter, ETIMEDOUT);
    ck_notified(&pair, pair.kind->signal(&pair), 0);
    pair_destroy(&pair);
}
END_TEST

/* Stealing */

typedef struct outcome {
    int timed; /* what the wait of the timed waiter returned */
    int late;  /* and that of the one that came after the signal */
} outcome_t;

/*
 * The first waiter is inside a signal handler when it is signalled.  One
 * behind it times out, another comes only then.  Neither may get the signal.
 */
static outcome_t try_to_steal(pair_t *pair)
{
    waiter_t first = { 0 }, timed = { 0 }, late = { 0 };
    outcome_t outcome;

    waiter_start(&first, pair, PPT_FOREVER);
    hold(&first);
    waiter_start(&timed, pair, ppt_deadline(200 * MS));
    signal_one(pair);
    worker_join(&timed.worker);
    waiter_start(&late, pair, ppt_deadline(50 * MS));
    worker_join(&late.worker);
    outcome.timed = timed.result;
    outcome.late = late.result;

    signals_let_go();
    if (outcome.timed == 0 || outcome.late == 0)
        pair->kind->broadcast(pair); /* the first one was robbed */
    while (!worker_done(&first.worker) && pair->kind == &control_kind) {
        sem_post(&pair->condition->control.sem);
        nap();
    }
    waiter_join(&first, 0);
    return outcome;
}

/* Proves ppt_cond_t Exact. */
START_TEST(later_waiter_cannot_take_an_earlier_ones_signal)
{
    outcome_t outcome;
    pair_t pair;

    signals_install(_i % 2 == 0 ? 0 : SA_RESTART);
    pair_init(&pair, kinds[_i]);
    outcome = try_to_steal(&pair);
    ck_assert_int_eq(outcome.timed, ETIMEDOUT);
    ck_assert_int_eq(outcome.late, ETIMEDOUT);
    pair_destroy(&pair);
}
END_TEST

/*
 * The test above is able to fail: a semaphore and a counter do.
 * Proves ppt_cond_t Exact.
 */
START_TEST(a_shared_semaphore_is_caught_stealing)
{
    outcome_t outcome;
    pair_t pair;

    signals_install(0);
    pair_init(&pair, &control_kind);
    outcome = try_to_steal(&pair);
    ck_assert(outcome.timed == 0 || outcome.late == 0);
    pair_destroy(&pair);
}
END_TEST

/* Interrupts */

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

/* The end of a condition */

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

/* The list */

struct list {
    const TTest *test;
    int first; /* of the kinds that make the promise */
    int end;
};

static void add_kind(Suite *suite, const struct list *list, int n, int kind)
{
    TCase *tcase = add_case(suite, kinds[kind]->name);
    int i;

    for (i = 0; i < n; i++)
        if (list[i].first <= kind && kind < list[i].end)
            tcase_add_loop_test(tcase, list[i].test, kind, kind + 1);
}

#define ALL(test) { test, 0, KINDS }
#define INTERRUPTIBLE(test) { test, 0, KINDS_INTERRUPTIBLE }
#define FREED(test) { test, KINDS_FREED, KINDS }

void add_tests(Suite *suite)
{
    const struct list list[] = {
        ALL(try_does_not_wait),
        ALL(expired_deadline_is_a_timeout_with_the_lock_held),
        ALL(timeout_is_never_early),
        INTERRUPTIBLE(negative_deadline_is_refused),
        ALL(signal_is_not_kept_for_a_later_waiter),
        ALL(signal_with_the_lock_held_wakes_the_waiter),
        ALL(signal_without_the_lock_wakes_the_waiter),
        ALL(deadline_does_not_keep_a_signal_away),
        ALL(waiters_are_notified_first_come_first_served),
        ALL(signal_n_chooses_the_first_n),
        ALL(broadcast_chooses_all_present_waiters),
        ALL(five_hundred_threads_wait_and_each_signal_wakes_one),
        ALL(timeout_consumes_no_signal),
        ALL(waiter_in_the_middle_may_time_out),
        ALL(signal_after_the_deadline_but_before_the_timeout_is_kept),
        ALL(deadline_that_passes_in_a_handler_is_a_timeout),
        ALL(later_waiter_cannot_take_an_earlier_ones_signal),
        ALL(handler_does_not_end_a_wait_that_is_not_interruptible),
        INTERRUPTIBLE(without_a_callback_a_handler_ends_the_wait_with_eintr),
        INTERRUPTIBLE(callback_may_say_go_on_and_the_place_is_kept),
        INTERRUPTIBLE(callback_may_give_up_and_no_signal_is_consumed),
        INTERRUPTIBLE(signal_given_while_the_callback_runs_is_kept),
        INTERRUPTIBLE(callback_may_signal_the_same_condition),
        INTERRUPTIBLE(callback_runs_without_the_lock),
        ALL(handler_may_wait_for_another_object),
        ALL(destroy_with_waiters_is_busy_and_changes_nothing),
        ALL(destroyed_condition_can_be_made_again),
        FREED(memory_may_be_freed_right_after_a_broadcast),
        FREED(memory_may_be_freed_before_the_waiter_fell_asleep),
        INTERRUPTIBLE(wait_is_not_a_cancellation_point),
    };
    TCase *tcase = add_case(suite, "control");
    int kind;

    tcase_add_test(tcase, a_shared_semaphore_is_caught_stealing);
    for (kind = 0; kind < KINDS; kind++)
        add_kind(suite, list, LENGTH(list), kind);
}
