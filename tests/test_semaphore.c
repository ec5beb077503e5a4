/* SPDX-License-Identifier: MIT */
/* The promises of semaphore.h; what a lock does, too: test_lockable.c. */
#include "lockable.h"

#include <stdlib.h>
#include <string.h>

/* A thread that takes one unit, and keeps it. */
static void start(taker_t *taker, ppt_semaphore_t *semaphore,
                  ppt_interrupt_fn on_interrupt, void *arg)
{
    lockable_t lockable = { &semaphore_kind, semaphore };

    taker->keep = true;
    if (on_interrupt == NULL)
        taker_start(taker, lockable, PPT_FOREVER);
    else
        taker_start_interruptible(taker, lockable, on_interrupt, arg);
}

static void acquire(ppt_semaphore_t *semaphore)
{
    ck_assert_int_eq(ppt_semaphore_acquire(semaphore, PPT_FOREVER), 0);
}

static void release(ppt_semaphore_t *semaphore, uint32_t units)
{
    ck_assert_int_eq(ppt_semaphore_release(semaphore, units), 0);
}

/* Units units, and nobody waits; in working order. */
static void ck_has(ppt_semaphore_t *semaphore, uint32_t units)
{
    uint32_t i;

    ck_assert_uint_eq(ppt_semaphore_value(semaphore), units);
    ck_assert_uint_eq(ppt_semaphore_waiting(semaphore), 0);
    for (i = 0; i < units; i++)
        ck_assert_int_eq(ppt_semaphore_acquire(semaphore, PPT_TRY), 0);
    ck_assert_int_eq(ppt_semaphore_acquire(semaphore, PPT_TRY), EBUSY);
    release(semaphore, units);
    ck_assert_uint_eq(ppt_semaphore_value(semaphore), units);
    ck_assert_int_eq(ppt_semaphore_destroy(semaphore), 0);
}

/* Alone */

/* Proves ppt_semaphore_init 0, ppt_semaphore_destroy 0. */
START_TEST(all_ways_to_make_one_give_it_the_units)
{
    static ppt_semaphore_t in_static_memory;
    static ppt_semaphore_t with_three = PPT_SEMAPHORE_INITIALIZER(3);
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(1);

    ck_has(&in_static_memory, 0);
    ck_has(&with_three, 3);
    ck_has(&semaphore, 1);
    memset(&semaphore, 0xa5, sizeof semaphore);
    ck_assert_int_eq(ppt_semaphore_init(&semaphore, 7), 0);
    ck_has(&semaphore, 7);
    ck_has(&semaphore, 7); /* destroyed, and usable on */
}
END_TEST

/* Proves ppt_semaphore_init EINVAL. */
START_TEST(too_many_units_are_refused_and_change_nothing)
{
    static const uint32_t too_many[] = { PPT_SEMAPHORE_MAX + 1, UINT32_MAX };
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(2);
    int i;

    for (i = 0; i < LENGTH(too_many); i++) {
        ck_assert_int_eq(ppt_semaphore_init(&semaphore, too_many[i]),
                         EINVAL);
        ck_has(&semaphore, 2);
    }
    ck_assert_int_eq(ppt_semaphore_init(&semaphore, PPT_SEMAPHORE_MAX), 0);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), PPT_SEMAPHORE_MAX);
}
END_TEST

/* Proves ppt_semaphore_release EOVERFLOW. */
START_TEST(release_of_too_many_is_an_overflow_and_changes_nothing)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(1);

    ck_assert_int_eq(ppt_semaphore_release(&semaphore, PPT_SEMAPHORE_MAX),
                     EOVERFLOW);
    ck_assert_int_eq(ppt_semaphore_release(&semaphore, UINT32_MAX),
                     EOVERFLOW);
    ck_has(&semaphore, 1);
    release(&semaphore, PPT_SEMAPHORE_MAX - 1);
    ck_assert_int_eq(ppt_semaphore_release(&semaphore, 1), EOVERFLOW);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), PPT_SEMAPHORE_MAX);
    acquire(&semaphore);
    release(&semaphore, 1);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), PPT_SEMAPHORE_MAX);
}
END_TEST

/* Two */

/* Proves ppt_semaphore_release EOVERFLOW. */
START_TEST(release_while_threads_wait_may_overflow_too)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    taker_t taker = { 0 };

    start(&taker, &semaphore, NULL, NULL);
    ck_assert_int_eq(ppt_semaphore_release(&semaphore,
                                           PPT_SEMAPHORE_MAX + 1), EOVERFLOW);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 1);
    release(&semaphore, PPT_SEMAPHORE_MAX);
    taker_join(&taker, 0);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), PPT_SEMAPHORE_MAX - 1);
}
END_TEST

/* Proves ppt_semaphore_release 0. */
START_TEST(release_of_no_units_changes_nothing)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    taker_t taker = { 0 };

    release(&semaphore, 0);
    ck_has(&semaphore, 0);
    start(&taker, &semaphore, NULL, NULL);
    release(&semaphore, 0);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 1);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), 0);
    release(&semaphore, 1);
    taker_join(&taker, 0);
    ck_has(&semaphore, 0);
}
END_TEST

/*
 * Nobody is queued then, but the word says so: the next release finds out.
 * Proves ppt_semaphore_release 0, semaphore.c S1.
 */
START_TEST(units_are_kept_after_the_only_waiter_has_left)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);

    ck_assert_int_eq(ppt_semaphore_acquire(&semaphore, ppt_deadline(MS)),
                     ETIMEDOUT);
    release(&semaphore, 3);
    ck_has(&semaphore, 3);
}
END_TEST

/* Proves ppt_semaphore_t Fairness, semaphore.c S3. */
START_TEST(unit_given_to_a_waiter_is_not_taken_by_another)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    taker_t taker = { 0 };

    signals_install(0);
    start(&taker, &semaphore, NULL, NULL);
    taker_hold(&taker);
    release(&semaphore, 1);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 0);
    ck_assert_int_eq(ppt_semaphore_acquire(&semaphore, PPT_TRY), EBUSY);
    ck_assert_int_eq(ppt_semaphore_acquire(&semaphore, ppt_deadline(MS)),
                     ETIMEDOUT);
    signals_let_go();
    taker_join(&taker, 0);
    ck_has(&semaphore, 0);
}
END_TEST

/* Many */

/* Proves ppt_semaphore_release 0, ppt_semaphore_value. */
START_TEST(release_of_n_wakes_the_first_n_and_keeps_the_rest)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    taker_t takers[10] = { { .result = -1 } };
    int i;

    for (i = 0; i < 10; i++)
        start(&takers[i], &semaphore, NULL, NULL);
    release(&semaphore, 7);
    for (i = 0; i < 7; i++)
        taker_join(&takers[i], 0);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 3);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), 0);
    release(&semaphore, 5);
    for (; i < 10; i++)
        taker_join(&takers[i], 0);
    ck_has(&semaphore, 2);
}
END_TEST

enum { ITEMS = 20000, LAST = -1, SLOTS = 4 };

struct buffer {
    ppt_semaphore_t filled, empty;
    int64_t end;      /* of the items, however few they are by then */
    int slots[SLOTS]; /* by who has a unit of empty, or of filled */
    int wrong;        /* the consumer's */
};

static void fill(struct buffer *buffer, int i, int item)
{
    ppt_semaphore_acquire(&buffer->empty, PPT_FOREVER);
    buffer->slots[i % SLOTS] = item;
    ppt_semaphore_release(&buffer->filled, 1);
}

static void produce(void *arg)
{
    struct buffer *buffer = arg;
    int i;

    for (i = 0; i < ITEMS && ppt_now() < buffer->end; i++)
        fill(buffer, i, i);
    fill(buffer, i, LAST);
}

static void consume(void *arg)
{
    struct buffer *buffer = arg;
    int i, item = 0;

    for (i = 0; item != LAST; i++) {
        ppt_semaphore_acquire(&buffer->filled, PPT_FOREVER);
        item = buffer->slots[i % SLOTS];
        buffer->wrong += item != i && item != LAST;
        ppt_semaphore_release(&buffer->empty, 1);
    }
}

/*
 * Proves ppt_semaphore_t Orders, ppt_semaphore_acquire Orders,
 * ppt_semaphore_release Orders.
 */
START_TEST(takers_see_what_was_written_before_the_release)
{
    struct buffer buffer = { .empty = PPT_SEMAPHORE_INITIALIZER(SLOTS),
                             .end = ppt_deadline(LIMIT / 3) };
    worker_t producer, consumer;

    worker_start(&producer, produce, &buffer);
    worker_start(&consumer, consume, &buffer);
    worker_join(&producer);
    worker_join(&consumer);
    ck_assert_int_eq(buffer.wrong, 0);
    ck_has(&buffer.filled, 0);
    ck_has(&buffer.empty, SLOTS);
}
END_TEST

/* Interrupts */

/*
 * Given before the callback could be called: it is not.
 * Proves semaphore.c S3.
 */
START_TEST(unit_given_while_the_handler_runs_is_kept)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    interruption_t seen = { .answer = 77 };
    taker_t taker = { 0 };

    signals_install(_i);
    start(&taker, &semaphore, interrupted, &seen);
    taker_hold(&taker);
    release(&semaphore, 1);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), 0);
    signals_let_go();
    taker_join(&taker, 0);
    ck_assert_int_eq(seen.calls, 0);
    ck_has(&semaphore, 0);
}
END_TEST

/* The first is passed by while its callback runs, however long that is. */
static void release_while_a_callback_runs(int flags, int answer)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    interruption_t seen = { .answer = answer, .stay = 1 };
    taker_t first = { 0 }, second = { 0 };

    signals_install(flags);
    start(&first, &semaphore, interrupted, &seen);
    start(&second, &semaphore, NULL, NULL);
    interrupt_until(&first.worker, peek(&seen.calls) == 1);
    release(&semaphore, 2);
    taker_join(&second, 0);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), 1);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 1);
    ck_assert_int_eq(ppt_semaphore_destroy(&semaphore), EBUSY);
    poke(&seen.stay, 0);
    taker_join(&first, answer);
    ck_has(&semaphore, answer == 0 ? 0 : 1);
}

/* Proves semaphore.c S4. */
START_TEST(release_while_a_callback_runs_wakes_the_next)
{
    release_while_a_callback_runs(_i, 77);
}
END_TEST

/* Proves semaphore.c S4. */
START_TEST(unit_released_while_the_callback_runs_is_taken_after_it)
{
    release_while_a_callback_runs(_i, 0);
}
END_TEST

/*
 * The only one to wait; its unit may be taken by a thread that runs.
 * Proves semaphore.c S4.
 */
START_TEST(waiter_that_missed_a_release_in_its_callback_is_the_next)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    interruption_t seen = { .stay = 1 };
    taker_t first = { 0 }, second = { 0 };

    signals_install(_i);
    start(&first, &semaphore, interrupted, &seen);
    interrupt_until(&first.worker, peek(&seen.calls) == 1);
    release(&semaphore, 1);
    ck_assert_int_eq(ppt_semaphore_acquire(&semaphore, PPT_TRY), 0);
    start(&second, &semaphore, NULL, NULL);
    poke(&seen.stay, 0);
    interrupt_until(&first.worker, peek(&seen.calls) > 1);
    await(worker_asleep(&first.worker));
    release(&semaphore, 1);
    taker_join(&first, 0);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 1);
    release(&semaphore, 1);
    taker_join(&second, 0);
    ck_has(&semaphore, 0);
}
END_TEST

/* The end of a semaphore */

struct heir {
    ppt_semaphore_t *semaphore;
    int ready;
    int destroyed; /* what destroy said */
};

static void inherit(void *arg)
{
    struct heir *heir = arg;

    poke(&heir->ready, 1);
    ppt_semaphore_acquire(heir->semaphore, PPT_FOREVER);
    ppt_semaphore_acquire(heir->semaphore, PPT_FOREVER);
    heir->destroyed = ppt_semaphore_destroy(heir->semaphore);
    memset(heir->semaphore, 0xdd, sizeof *heir->semaphore);
    free(heir->semaphore);
}

/*
 * The releaser may still be inside release when the memory goes.
 * Proves ppt_semaphore_destroy 0.
 */
START_TEST(memory_may_be_freed_by_the_last_taker)
{
    int round;

    for (round = 0; round < 500; round++) {
        struct heir heir = { malloc(sizeof(ppt_semaphore_t)), 0, -1 };
        worker_t worker;

        ck_assert_ptr_nonnull(heir.semaphore);
        ppt_semaphore_init(heir.semaphore, 0);
        worker_start(&worker, inherit, &heir);
        if (round % 2 == 0)
            await(ppt_semaphore_waiting(heir.semaphore) == 1);
        else
            await(peek(&heir.ready));
        release(heir.semaphore, 2);
        worker_join(&worker);
        ck_assert_int_eq(heir.destroyed, 0);
    }
}
END_TEST

/* Forks */

static int make_new(void *arg)
{
    ppt_semaphore_t *semaphore = arg;

    ppt_semaphore_after_fork(semaphore);
    require(ppt_semaphore_value(semaphore) == 2);
    require(ppt_semaphore_waiting(semaphore) == 0);
    require(ppt_semaphore_acquire(semaphore, PPT_TRY) == 0);
    require(ppt_semaphore_acquire(semaphore, PPT_TRY) == 0);
    require(ppt_semaphore_acquire(semaphore, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_semaphore_release(semaphore, 1) == 0);
    require(ppt_semaphore_value(semaphore) == 1);
    require(ppt_semaphore_destroy(semaphore) == 0);
    return 0;
}

/* Without a call to make it new. */
static int go_on(void *arg)
{
    ppt_semaphore_t *semaphore = arg;

    require(ppt_semaphore_value(semaphore) == 0);
    require(ppt_semaphore_waiting(semaphore) == 0);
    require(ppt_semaphore_acquire(semaphore, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_semaphore_release(semaphore, 1) == 0);
    require(ppt_semaphore_acquire(semaphore, PPT_TRY) == 0);
    require(ppt_semaphore_destroy(semaphore) == 0);
    return 0;
}

/* Proves ppt_semaphore_t Fork, ppt_semaphore_after_fork. */
START_TEST(child_makes_a_semaphore_that_is_waited_for_new)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(2);
    taker_t takers[3] = { { .result = -1 } };
    int i;

    acquire(&semaphore);
    acquire(&semaphore);
    for (i = 0; i < LENGTH(takers); i++)
        start(&takers[i], &semaphore, NULL, NULL);
    ck_assert_int_eq(in_child(make_new, &semaphore), 0);
    ck_assert_int_eq(in_child(go_on, &semaphore), 0);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 3);
    release(&semaphore, 5);
    for (i = 0; i < LENGTH(takers); i++)
        taker_join(&takers[i], 0);
    ck_has(&semaphore, 2);
}
END_TEST

struct shared {
    ppt_semaphore_t semaphore;
    int stop;
};

static void use_until(void *arg)
{
    struct shared *shared = arg;

    while (!peek(&shared->stop)) {
        ppt_semaphore_acquire(&shared->semaphore, PPT_FOREVER);
        ppt_semaphore_release(&shared->semaphore, 1);
    }
}

/* Proves ppt_semaphore_after_fork. */
START_TEST(fork_may_catch_the_semaphore_in_any_state)
{
    struct shared shared = { PPT_SEMAPHORE_INITIALIZER(2), 0 };
    worker_t workers[4];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], use_until, &shared);
    for (i = 0; i < 30; i++)
        ck_assert_int_eq(in_child(make_new, &shared.semaphore), 0);
    poke(&shared.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_has(&shared.semaphore, 2);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_give_it_the_units,
        too_many_units_are_refused_and_change_nothing,
        release_of_too_many_is_an_overflow_and_changes_nothing,
        release_while_threads_wait_may_overflow_too,
        release_of_no_units_changes_nothing,
        units_are_kept_after_the_only_waiter_has_left,
        unit_given_to_a_waiter_is_not_taken_by_another,
        release_of_n_wakes_the_first_n_and_keeps_the_rest,
        takers_see_what_was_written_before_the_release,
        memory_may_be_freed_by_the_last_taker,
        child_makes_a_semaphore_that_is_waited_for_new,
        fork_may_catch_the_semaphore_in_any_state,
    };
    const TTest *const with_sa_flags[] = {
        unit_given_while_the_handler_runs_is_kept,
        release_while_a_callback_runs_wakes_the_next,
        unit_released_while_the_callback_runs_is_taken_after_it,
        waiter_that_missed_a_release_in_its_callback_is_the_next,
    };
    TCase *tcase = add_case(suite, "semaphore");

    add_list(tcase, tests, LENGTH(tests));
    add_with_sa_flags(tcase, with_sa_flags, LENGTH(with_sa_flags));
}
