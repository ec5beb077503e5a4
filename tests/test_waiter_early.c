/* SPDX-License-Identifier: MIT */
/* Early wakes, waiter.h: the waiter spins until it is woken, or sleeps on. */
#include "sitter.h"

typedef struct early {
    sitter_t sitter; /* what comes after that sleep, and when it ends */
    int64_t length;
    int64_t spun;
    int woken;
} early_t;

static void sleep_then_spin(void *arg)
{
    early_t *early = arg;
    ppt__waiter_t *waiter = early->sitter.waiter;

    poke(&early->woken, ppt__waiter_sleep_then_spin(waiter, early->length,
                                                    &early->spun));
    if (peek(&early->woken))
        early->sitter.result = 0;
    else
        early->sitter.result = ppt__waiter_sleep(waiter, PPT_FOREVER, 0);
    early->sitter.left_over = ppt__sem_wait(&waiter->sem, PPT_TRY, 0);
    ppt__waiter_end(waiter);
}

static void start_early(early_t *early, ppt_waitq_t *queue, int64_t length)
{
    ppt__waiter_t *waiter = &early->sitter.memory;

    early->length = length;
    early->woken = -1;
    early->sitter.waiter = waiter;
    enqueue(queue, waiter);
    worker_start(&early->sitter.worker, sleep_then_spin, early);
    await(ppt__waiter_asleep(waiter) && worker_asleep(&early->sitter.worker));
}

static void hold(const worker_t *worker)
{
    signals_install(0);
    signals_hold();
    worker_interrupt(worker);
    await(signals_held() == 1);
}

START_TEST(sleep_that_nobody_ends_early_is_a_sleep)
{
    ppt_waitq_t queue = { 0 };
    early_t early;

    start_early(&early, &queue, LIMIT);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    sitter_join(&early.sitter, 0);
    ck_assert_int_eq(early.woken, true);
    ck_assert_int_eq(early.spun, -1);
}
END_TEST

START_TEST(waiter_woken_early_spins_until_it_is_woken)
{
    ppt_waitq_t queue = { 0 };
    early_t early;

    start_early(&early, &queue, LIMIT);
    ppt__waiter_wake_early(early.sitter.waiter);
    await(!ppt__waiter_asleep(early.sitter.waiter));
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    sitter_join(&early.sitter, 0);
    ck_assert_int_eq(early.woken, true);
    ck_assert_int_ge(early.spun, 0);
}
END_TEST

START_TEST(waiter_woken_too_early_sleeps_on)
{
    ppt_waitq_t queue = { 0 };
    early_t early;
    int i;

    start_early(&early, &queue, MS);
    for (i = 0; i < 3; i++) {
        /* The later ones come too late. */
        ppt__waiter_wake_early(early.sitter.waiter);
        await(peek(&early.woken) == 0);
        await(!(state_of(early.sitter.waiter) & PPT__WOKEN_EARLY));
        await(ppt__waiter_asleep(early.sitter.waiter)
              && worker_asleep(&early.sitter.worker));
        ck_assert(!worker_done(&early.sitter.worker));
    }
    ck_present(&queue, 1, 1);
    ck_assert_int_ge(early.spun, MS);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    sitter_join(&early.sitter, 0);
}
END_TEST

/* Proves waitq.c I2. */
START_TEST(early_wake_of_a_waiter_that_is_awake_does_nothing)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ppt__waiter_wake_early(&waiter);
    ck_no_post(&waiter);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    ck_no_post(&waiter);
}
END_TEST

/* Proves waitq.c I2. */
START_TEST(early_wake_and_wake_up_before_the_waiter_runs_are_one_post)
{
    ppt_waitq_t queue = { 0 };
    early_t early;

    start_early(&early, &queue, MS);
    hold(&early.sitter.worker);
    ppt__waiter_wake_early(early.sitter.waiter);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    signals_let_go();
    sitter_join(&early.sitter, 0);
}
END_TEST

/*
 * As a waker that is preempted halfway through waking.
 * Proves waitq.c I2.
 */
START_TEST(waiter_woken_early_stays_until_its_waker_needs_it_no_more)
{
    ppt_waitq_t queue = { 0 };
    early_t early;
    ppt__waiter_t *waiter;
    int i;

    start_early(&early, &queue, MS);
    hold(&early.sitter.worker);
    ppt__waiter_wake_early(early.sitter.waiter);
    waiter = pop(&queue);
    if ((__atomic_fetch_or(&waiter->state, PPT__WOKEN, __ATOMIC_ACQ_REL)
         & (PPT__ASLEEP | PPT__WOKEN_EARLY)) == PPT__ASLEEP) {
        signals_let_go();
        for (i = 0; i < 100; i++)
            nap();
        ck_assert(!worker_done(&early.sitter.worker));
        ppt__sem_post(&waiter->sem);
    }
    signals_let_go();
    sitter_join(&early.sitter, 0);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "early");
    const TTest *const tests[] = {
        sleep_that_nobody_ends_early_is_a_sleep,
        waiter_woken_early_spins_until_it_is_woken,
        waiter_woken_too_early_sleeps_on,
        early_wake_of_a_waiter_that_is_awake_does_nothing,
        early_wake_and_wake_up_before_the_waiter_runs_are_one_post,
        waiter_woken_early_stays_until_its_waker_needs_it_no_more,
    };

    add_list(tcase, tests, LENGTH(tests));
}
