/* SPDX-License-Identifier: MIT */
/* The promises that lock.h makes alone; test_lockable.c has the others. */
#include "lockable.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

static lockable_t of(ppt_lock_t *lock)
{
    lockable_t lockable = { &lock_kind, lock };

    return lockable;
}

/* Alone */

/* Proves ppt_lock_init, ppt_lock_destroy 0. */
START_TEST(all_ways_to_make_one_make_a_free_lock)
{
    static ppt_lock_t in_static_memory;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_free(of(&in_static_memory));
    ck_free(of(&lock));
    memset(&lock, 0xa5, sizeof lock);
    ppt_lock_init(&lock);
    ck_free(of(&lock));
    ck_free(of(&lock)); /* destroyed, and usable as after init */
}
END_TEST

/* Two */

/* Proves ppt_lock_release 0. */
START_TEST(any_thread_may_release)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .keep = true };

    lockable_acquire(of(&lock));
    taker_start(&taker, of(&lock), PPT_FOREVER);
    lockable_release(of(&lock));
    taker_join(&taker, 0);
    ck_assert(ppt_lock_locked(&lock));
    lockable_release(of(&lock));
    ck_free(of(&lock));
}
END_TEST

/* Fairness */

static int release_and_take(taker_t *taker)
{
    lockable_release(taker->lockable);
    return ppt_lock_acquire(taker->lockable.object, PPT_TRY);
}

/*
 * Release the lock to a waiter that is kept from running, and take it again
 * in passing; 0 as long as that succeeds.
 */
static int pass_over_held(taker_t *taker)
{
    int64_t end = ppt_now() + MS;
    int result;

    await(ppt_now() > end);
    result = release_and_take(taker);
    signals_let_go();
    return result;
}

static int pass_over(taker_t *taker)
{
    taker_hold(taker);
    return pass_over_held(taker);
}

/*
 * Not sooner than promised: a waiter that was passed over twice may have
 * spent the time between waiting for a CPU.
 * Proves ppt_lock_t Fairness, lock.c L2, lock.c L3.
 */
START_TEST(waiter_that_is_passed_over_is_handed_the_lock)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t first = { 0 }, second = { 0 };
    int turn = 0, passes = 0;

    signals_install(0);
    first.turn = second.turn = &turn;
    lockable_acquire(of(&lock));
    taker_start(&first, of(&lock), PPT_FOREVER);
    taker_start(&second, of(&lock), PPT_FOREVER);
    while (pass_over(&first) == 0)
        ck_assert_int_lt(++passes, 100);
    ck_assert_int_ge(passes, 4);
    taker_join(&first, 0);
    taker_join(&second, 0);
    ck_assert_int_eq(first.place, 0);
    ck_free(of(&lock));
}
END_TEST

/* A callback that is not asleep while it stays. */
static int stay_awake(void *arg)
{
    interruption_t *seen = arg;

    bump(&seen->calls);
    while (peek(&seen->stay))
        sched_yield();
    return 0;
}

/*
 * The fourth time it is in its callback when the lock is released again.
 * Proves ppt_lock_t Fairness, lock.c L3.
 */
START_TEST(waiter_that_is_passed_over_is_handed_the_lock_after_its_callback)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    interruption_t seen = { 0 };
    taker_t taker = { 0 };
    int i, calls;

    signals_install(0);
    lockable_acquire(of(&lock));
    taker_start_interruptible(&taker, of(&lock), stay_awake, &seen);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(pass_over(&taker), 0);
    taker_hold(&taker);
    calls = peek(&seen.calls);
    poke(&seen.stay, 1);
    ck_assert_int_eq(pass_over_held(&taker), 0);
    await(peek(&seen.calls) > calls);
    ck_assert_int_eq(release_and_take(&taker), 0);
    poke(&seen.stay, 0);
    ck_assert_int_eq(pass_over(&taker), EBUSY);
    taker_join(&taker, 0);
    ck_free(of(&lock));
}
END_TEST

/* Interrupts */

/*
 * The handler starts while the thread sleeps; meanwhile the lock is released
 * to the thread, and taken by another. So the wait goes on.
 * Proves ppt_interrupt_fn 0, lock.c L7.
 */
START_TEST(handler_is_followed_by_the_callback_though_a_release_came_between)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    interruption_t seen = { 0 };
    taker_t taker = { 0 };

    signals_install(_i);
    lockable_acquire(of(&lock));
    taker_start_interruptible(&taker, of(&lock), interrupted, &seen);
    taker_hold(&taker);
    lockable_release(of(&lock));
    ck_assert_int_eq(ppt_lock_acquire(&lock, PPT_TRY), 0);
    signals_let_go();
    await(peek(&seen.calls) == 1);
    lockable_release(of(&lock));
    taker_join(&taker, 0);
    ck_free(of(&lock));
}
END_TEST

/* A handler that waits itself, for another lock. */
static ppt_lock_t handlers_lock = PPT_LOCK_INITIALIZER;
static int handlers_result = -1;

static void waiting_handler(int signal)
{
    (void)signal;
    handlers_result = ppt_lock_acquire(&handlers_lock, PPT_FOREVER);
    ppt_lock_release(&handlers_lock);
}

START_TEST(handler_may_wait_for_another_lock)
{
    struct sigaction action = { .sa_handler = waiting_handler };
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { 0 };

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    lockable_acquire(of(&lock));
    lockable_acquire(of(&handlers_lock));
    taker_start(&taker, of(&lock), PPT_FOREVER);
    worker_interrupt(&taker.worker);
    await(ppt_lock_waiting(&handlers_lock) == 1);
    lockable_release(of(&lock)); /* the outer wait's turn comes first */
    lockable_release(of(&handlers_lock));
    taker_join(&taker, 0);
    ck_assert_int_eq(handlers_result, 0);
    ck_free(of(&lock));
}
END_TEST

/* Forks */

static int make_new(void *arg)
{
    ppt_lock_t *lock = arg;

    ppt_lock_after_fork(lock);
    require(!ppt_lock_locked(lock));
    require(ppt_lock_waiting(lock) == 0);
    require(ppt_lock_release(lock) == EPERM);
    require(ppt_lock_acquire(lock, PPT_TRY) == 0);
    require(ppt_lock_acquire(lock, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_lock_release(lock) == 0);
    require(ppt_lock_destroy(lock) == 0);
    return 0;
}

/* Proves ppt_lock_after_fork. */
START_TEST(child_makes_a_held_lock_new_and_the_parents_stays)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t takers[3] = { { .result = -1 } };
    int i;

    lockable_acquire(of(&lock));
    for (i = 0; i < LENGTH(takers); i++)
        taker_start(&takers[i], of(&lock), PPT_FOREVER);
    ck_assert_int_eq(in_child(make_new, &lock), 0);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 3);
    lockable_release(of(&lock));
    for (i = 0; i < LENGTH(takers); i++)
        taker_join(&takers[i], 0);
    ck_free(of(&lock));
}
END_TEST

static int keep_held(void *arg)
{
    ppt_lock_t *lock = arg;

    ppt_lock_keep_after_fork(lock);
    require(ppt_lock_locked(lock));
    require(ppt_lock_waiting(lock) == 0);
    require(ppt_lock_acquire(lock, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_lock_release(lock) == 0);
    require(ppt_lock_destroy(lock) == 0);
    return 0;
}

static int keep_free(void *arg)
{
    ppt_lock_t *lock = arg;

    ppt_lock_keep_after_fork(lock);
    require(ppt_lock_waiting(lock) == 0);
    require(ppt_lock_release(lock) == EPERM);
    require(ppt_lock_acquire(lock, PPT_TRY) == 0);
    return keep_held(lock);
}

/* Proves ppt_lock_keep_after_fork, lock.c L8. */
START_TEST(child_keeps_a_lock_held_unless_the_hold_is_transient)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .result = -1 };

    ppt_lock_make_transient(&lock); /* free: no effect */
    ck_assert_int_eq(in_child(keep_free, &lock), 0);
    lockable_acquire(of(&lock));
    taker_start(&taker, of(&lock), PPT_FOREVER);
    ck_assert_int_eq(in_child(keep_held, &lock), 0);
    ppt_lock_make_transient(&lock);
    ck_assert_int_eq(in_child(keep_free, &lock), 0);
    ck_assert(ppt_lock_locked(&lock));
    lockable_release(of(&lock));
    taker_join(&taker, 0);
    lockable_acquire(of(&lock));
    ppt_lock_make_transient(&lock);
    lockable_release(of(&lock)); /* while nobody waits */
    lockable_acquire(of(&lock));
    ck_assert_int_eq(in_child(keep_held, &lock), 0);
    lockable_release(of(&lock));
    ck_free(of(&lock));
}
END_TEST

/* Without after_fork. */
static int find_free(void *arg)
{
    ppt_lock_t *lock = arg;

    require(!ppt_lock_locked(lock));
    require(ppt_lock_acquire(lock, PPT_TRY) == 0);
    require(ppt_lock_acquire(lock, PPT_TRY) == EBUSY);
    require(ppt_lock_release(lock) == 0);
    require(ppt_lock_acquire_transient(lock, PPT_FOREVER) == 0);
    require(ppt_lock_locked(lock));
    require(ppt_lock_acquire_transient(lock, PPT_TRY) == EBUSY);
    require(ppt_lock_release(lock) == 0);
    require(ppt_lock_destroy(lock) == 0);
    return 0;
}

static int find_held(void *arg)
{
    ppt_lock_t *lock = arg;

    require(ppt_lock_locked(lock));
    require(ppt_lock_acquire(lock, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_lock_acquire_transient(lock, PPT_TRY) == EBUSY);
    require(ppt_lock_release(lock) == 0);
    return find_free(lock);
}

static int find_free_twice(void *arg)
{
    require(ppt_lock_acquire_transient(arg, PPT_TRY) == 0);
    require(in_child(find_free, arg) == 0);
    require(ppt_lock_locked(arg));
    ppt_lock_settle(arg);
    return in_child(find_held, arg);
}

/* Proves ppt_lock_t Fork, ppt_lock_make_transient, lock.c L8. */
START_TEST(transient_hold_is_void_in_the_child)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_assert_int_eq(ppt_lock_acquire_transient(&lock, -1), EINVAL);
    ck_assert_int_eq(ppt_lock_acquire_transient(&lock, PPT_TRY), 0);
    ck_assert(ppt_lock_locked(&lock));
    ck_assert_int_eq(ppt_lock_acquire(&lock, ppt_deadline(MS)), ETIMEDOUT);
    ck_assert_int_eq(in_child(find_free, &lock), 0);
    ck_assert_int_eq(in_child(find_free_twice, &lock), 0);
    ppt_lock_settle(&lock);
    ck_assert_int_eq(in_child(find_held, &lock), 0);
    ppt_lock_make_transient(&lock);
    ck_assert_int_eq(in_child(find_free, &lock), 0);
    lockable_release(of(&lock));
    ck_free(of(&lock));
}
END_TEST

static void take_transiently(void *arg)
{
    taker_t *taker = arg;
    ppt_lock_t *lock = taker->lockable.object;
    ppt_waiter_t waiter;

    if (taker->interruptible)
        taker->result = ppt_lock_acquire_transient_interruptible(
            lock, &waiter, taker->deadline, taker->on_interrupt, taker->arg);
    else
        taker->result = ppt_lock_acquire_transient(lock, taker->deadline);
}

/* Proves ppt_lock_make_transient. */
START_TEST(waiter_takes_the_lock_transiently)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .lockable = of(&lock),
                      .deadline = PPT_FOREVER };
    int i;

    for (i = 0; i < 2; i++) {
        taker.interruptible = i > 0;
        taker.result = -1;
        lockable_acquire(of(&lock));
        worker_start(&taker.worker, take_transiently, &taker);
        await(ppt_lock_waiting(&lock) == 1);
        lockable_release(of(&lock));
        worker_join(&taker.worker);
        ck_assert_int_eq(taker.result, 0);
        ck_assert(ppt_lock_locked(&lock));
        ck_assert_int_eq(in_child(find_free, &lock), 0);
        lockable_release(of(&lock));
    }
    ck_free(of(&lock));
}
END_TEST

struct shared {
    ppt_lock_t lock;
    int stop;
};

static void use_until(void *arg)
{
    struct shared *shared = arg;

    while (!peek(&shared->stop)) {
        ppt_lock_acquire(&shared->lock, PPT_FOREVER);
        ppt_lock_release(&shared->lock);
    }
}

/* Proves ppt_lock_after_fork. */
START_TEST(fork_may_catch_the_lock_in_any_state)
{
    struct shared shared = { PPT_LOCK_INITIALIZER, 0 };
    worker_t workers[3];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], use_until, &shared);
    for (i = 0; i < 30; i++)
        ck_assert_int_eq(in_child(make_new, &shared.lock), 0);
    poke(&shared.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_free(of(&shared.lock));
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_free_lock,
        any_thread_may_release,
        waiter_that_is_passed_over_is_handed_the_lock,
        waiter_that_is_passed_over_is_handed_the_lock_after_its_callback,
        handler_may_wait_for_another_lock,
        child_makes_a_held_lock_new_and_the_parents_stays,
        fork_may_catch_the_lock_in_any_state,
        child_keeps_a_lock_held_unless_the_hold_is_transient,
        transient_hold_is_void_in_the_child,
        waiter_takes_the_lock_transiently,
    };
    const TTest *const with_sa_flags[] = {
        handler_is_followed_by_the_callback_though_a_release_came_between,
    };
    TCase *tcase = add_case(suite, "lock");

    add_list(tcase, tests, LENGTH(tests));
    add_with_sa_flags(tcase, with_sa_flags, LENGTH(with_sa_flags));
}
