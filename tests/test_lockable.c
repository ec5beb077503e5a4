/*
 * The promises that lock.h, gil.h and semaphore.h make alike, of a lock, of a
 * gil, and of a semaphore of one unit.  Those of waits that a handler
 * interrupts are in test_lockable_interrupts.c, those that one of the three
 * makes alone in test_lock.c, test_semaphore.c, test_gil.c and the files that
 * test_gil.c names.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lockable.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 500, DEPOSITS = 5000 };

/* The loop's variable is the kind. */
static lockable_t make(int i, lockable_memory_t *memory)
{
    return lockable_make(lockable_kinds[i], memory);
}

static lockable_t make_held(int i, lockable_memory_t *memory)
{
    return lockable_make_held(lockable_kinds[i], memory);
}

/* Either way to acquire it; both, where there are two, have one result. */
static int acquire(lockable_t lockable, int64_t deadline)
{
    const lockable_kind_t *kind = lockable.kind;
    int result = kind->acquire(lockable.object, deadline);

    if (kind->acquire_interruptible != NULL) {
        if (result == 0)
            lockable_release(lockable);
        ck_assert_int_eq(kind->acquire_interruptible(lockable.object,
                                                     deadline, NULL, NULL),
                         result);
    }
    return result;
}

/* Alone */

/* Proves ppt_{gil,lock,semaphore}_acquire 0, ppt_{gil,lock}_locked. */
START_TEST(free_one_is_taken_at_once)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_deadline(SECOND),
                                  PPT_FOREVER };
    lockable_memory_t memory;
    lockable_t lockable = make(_i, &memory);
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        ck_assert_int_eq(acquire(lockable, deadlines[i]), 0);
        ck_assert(lockable.kind->locked(lockable.object));
        lockable_release(lockable);
        ck_assert(!lockable.kind->locked(lockable.object));
    }
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{gil,lock,semaphore}_acquire EBUSY. */
START_TEST(try_of_a_held_one_is_busy_and_leaves_nobody_waiting)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);

    ck_assert_int_eq(acquire(lockable, PPT_TRY), EBUSY);
    ck_unwanted(lockable);
    lockable_release(lockable);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{gil,lock,semaphore}_acquire ETIMEDOUT. */
START_TEST(expired_deadline_of_a_held_one_is_a_timeout)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);

    ck_assert_int_eq(acquire(lockable, 1), ETIMEDOUT);
    ck_assert_int_eq(acquire(lockable, ppt_now()), ETIMEDOUT);
    ck_unwanted(lockable);
    lockable_release(lockable);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{gil,lock,semaphore}_acquire ETIMEDOUT, time.h Promise. */
START_TEST(timeout_is_never_early_and_leaves_nobody_waiting)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    lockable_memory_t memory;
    lockable_t lockable = make(_i, &memory);
    int i;

    lockable_acquire(lockable);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);

        ck_assert_int_eq(lockable.kind->acquire(lockable.object, deadline),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
        ck_assert_uint_eq(lockable_waiting(lockable), 0);
    }
    ck_unwanted(lockable);
    lockable_release(lockable);
    ck_free(lockable);
}
END_TEST

static void ck_refuses_negative(lockable_t lockable)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    bool locked = lockable.kind->locked(lockable.object);
    int i;

    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(acquire(lockable, negative[i]), EINVAL);
        ck_assert_int_eq(lockable.kind->locked(lockable.object), locked);
        ck_assert_uint_eq(lockable_waiting(lockable), 0);
    }
}

/* Proves ppt_{gil,lock,semaphore}_acquire EINVAL, time.h Range. */
START_TEST(negative_deadline_is_refused_and_changes_nothing)
{
    lockable_memory_t memory;
    lockable_t lockable = make(_i, &memory);

    ck_refuses_negative(lockable);
    lockable_acquire(lockable);
    ck_refuses_negative(lockable);
    lockable_release(lockable);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{gil,lock}_release EPERM. */
START_TEST(release_of_a_free_one_is_refused_and_changes_nothing)
{
    lockable_memory_t memory;
    lockable_t lockable = make(_i, &memory);
    taker_t taker = { 0 };

    ck_assert_int_eq(lockable.kind->release(lockable.object), EPERM);
    ck_free(lockable);
    lockable_acquire(lockable);
    ck_assert_int_eq(acquire(lockable, ppt_deadline(MS)), ETIMEDOUT);
    taker_start(&taker, lockable, PPT_FOREVER);
    lockable_release(lockable);
    taker_join(&taker, 0);
    ck_assert_int_eq(lockable.kind->release(lockable.object), EPERM);
    ck_assert_int_eq(lockable.kind->release(lockable.object), EPERM);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{gil,lock}_destroy EBUSY. */
START_TEST(destroy_of_a_held_one_is_busy_and_changes_nothing)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);

    ck_assert_int_eq(lockable.kind->destroy(lockable.object), EBUSY);
    ck_assert(lockable.kind->locked(lockable.object));
    lockable_release(lockable);
    ck_assert_int_eq(lockable.kind->destroy(lockable.object), 0);
}
END_TEST

/* Two and three */

/* Proves ppt_{gil,lock,semaphore}_destroy EBUSY. */
START_TEST(destroy_of_one_waited_for_is_busy_and_changes_nothing)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);
    taker_t taker = { 0 };

    taker_start(&taker, lockable, PPT_FOREVER);
    ck_assert_int_eq(lockable.kind->destroy(lockable.object), EBUSY);
    ck_assert_uint_eq(lockable_waiting(lockable), 1);
    lockable_release(lockable);
    taker_join(&taker, 0);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{gil,lock,semaphore}_acquire 0, ppt_{gil,lock}_release 0. */
START_TEST(release_wakes_a_timed_waiter_before_its_deadline)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);
    taker_t taker = { 0 };

    taker_start(&taker, lockable, ppt_deadline(LIMIT));
    lockable_release(lockable);
    taker_join(&taker, 0);
    ck_free(lockable);
}
END_TEST

/*
 * Start taker, and keep it in a handler until its deadline has passed: it is
 * queued, and cannot leave, for as long as that takes.
 */
static void start_late(taker_t *taker, lockable_t lockable)
{
    unsigned before = lockable_waiting(lockable);
    int64_t timeout;

    for (timeout = 300 * MS;; timeout *= 2) {
        int64_t deadline = ppt_deadline(timeout);

        taker_start(taker, lockable, deadline);
        if (signals_hold_past(&taker->worker, deadline)
            && lockable_waiting(lockable) > before)
            return;
        signals_let_go();
        taker_join(taker, ETIMEDOUT);
        ck_assert_int_ge(taker->returned, deadline);
    }
}

/* Proves ppt_{gil,lock,semaphore}_acquire ETIMEDOUT. */
START_TEST(timed_waiter_in_the_middle_may_leave)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);
    taker_t first = { 0 }, timed = { 0 }, last = { 0 };
    int turn = 0;

    signals_install(0);
    first.turn = last.turn = &turn;
    taker_start(&first, lockable, PPT_FOREVER);
    start_late(&timed, lockable);
    taker_start(&last, lockable, PPT_FOREVER);
    signals_let_go();
    taker_join(&timed, ETIMEDOUT);
    ck_assert_uint_eq(lockable_waiting(lockable), 2);
    lockable_release(lockable);
    taker_join(&first, 0);
    taker_join(&last, 0);
    ck_assert_int_eq(first.place, 0);
    ck_assert_int_eq(last.place, 1);
    ck_free(lockable);
}
END_TEST

START_TEST(acquire_is_not_a_cancellation_point)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);
    taker_t taker = { .result = -1 };

    signals_install(0);
    taker_start(&taker, lockable, PPT_FOREVER);
    ck_assert_int_eq(pthread_cancel(taker.worker.thread), 0);
    worker_interrupt_often(&taker.worker, 3);
    ck_assert_uint_eq(lockable_waiting(lockable), 1);
    lockable_release(lockable);
    taker_join(&taker, 0);
    ck_free(lockable);
}
END_TEST

/* Many */

/* Not of a semaphore: it is handed over each time, which takes long. */
struct account {
    lockable_t lockable;
    long balance; /* guarded by lockable */
};

static void deposit(void *arg)
{
    struct account *account = arg;
    lockable_t lockable = account->lockable;
    int i;

    for (i = 0; i < DEPOSITS; i++) {
        lockable.kind->acquire(lockable.object, PPT_FOREVER);
        account->balance++;
        lockable.kind->release(lockable.object);
    }
}

/*
 * Proves ppt_lock_t Orders, ppt_lock_acquire Orders, ppt_lock_release Orders.
 */
START_TEST(holders_exclude_each_other_and_see_each_others_writes)
{
    lockable_memory_t memory;
    struct account account = { make(_i, &memory), 0 };
    worker_t workers[8];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], deposit, &account);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(account.balance, (long)DEPOSITS * LENGTH(workers));
    ck_free(account.lockable);
}
END_TEST

/*
 * Proves ppt_gil_t Order, ppt_{gil,lock,semaphore}_waiting,
 * ppt_{lock,semaphore}_t Fairness, ppt_semaphore_t Real time.
 */
START_TEST(five_hundred_waiters_queue_in_fifo_order)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held(_i, &memory);
    int turn = 0;
    taker_t *takers = taker_start_many(lockable, MANY, &turn);
    int i;

    lockable_release(lockable);
    for (i = 0; i < MANY; i++) {
        taker_join(&takers[i], 0);
        ck_assert_int_eq(takers[i].place, i);
    }
    free(takers);
    ck_free(lockable);
}
END_TEST

/* The end of it */

struct heir {
    lockable_t lockable;
    int ready;
    int destroyed; /* what destroy said */
};

static void inherit(void *arg)
{
    struct heir *heir = arg;
    lockable_t lockable = heir->lockable;

    poke(&heir->ready, 1);
    lockable.kind->acquire(lockable.object, PPT_FOREVER);
    lockable.kind->release(lockable.object);
    heir->destroyed = lockable.kind->destroy(lockable.object);
    memset(lockable.object, 0xdd, sizeof(lockable_memory_t));
    free(lockable.object);
}

/*
 * The releaser may still be inside release when the memory goes.
 * Proves ppt_{gil,lock}_destroy 0, gil.c G1, gil.c G4, lock.c L4.
 */
START_TEST(memory_may_be_freed_by_the_next_holder)
{
    int round;

    for (round = 0; round < 500; round++) {
        lockable_memory_t *memory = malloc(sizeof *memory);
        struct heir heir = { .destroyed = -1 };
        worker_t worker;

        ck_assert_ptr_nonnull(memory);
        heir.lockable = make(_i, memory);
        lockable_acquire(heir.lockable);
        worker_start(&worker, inherit, &heir);
        if (round % 2 == 0)
            await(lockable_waiting(heir.lockable) == 1);
        else
            await(peek(&heir.ready));
        lockable_release(heir.lockable);
        worker_join(&worker);
        ck_assert_int_eq(heir.destroyed, 0);
    }
}
END_TEST

static void add_kinds(TCase *tcase, const TTest *const *tests, int n,
                      int begin)
{
    int i;

    for (i = 0; i < n; i++)
        tcase_add_loop_test(tcase, tests[i], begin, LOCKABLE_KINDS);
}

static void add_of_one_thread(TCase *tcase)
{
    const TTest *const of_all[] = {
        free_one_is_taken_at_once,
        try_of_a_held_one_is_busy_and_leaves_nobody_waiting,
        expired_deadline_of_a_held_one_is_a_timeout,
        timeout_is_never_early_and_leaves_nobody_waiting,
        negative_deadline_is_refused_and_changes_nothing,
    };
    const TTest *const of_held[] = {
        release_of_a_free_one_is_refused_and_changes_nothing,
        destroy_of_a_held_one_is_busy_and_changes_nothing,
        holders_exclude_each_other_and_see_each_others_writes,
    };

    add_kinds(tcase, of_all, LENGTH(of_all), 0);
    add_kinds(tcase, of_held, LENGTH(of_held), LOCKABLE_HELD);
}

static void add_of_several(TCase *tcase)
{
    const TTest *const tests[] = {
        destroy_of_one_waited_for_is_busy_and_changes_nothing,
        release_wakes_a_timed_waiter_before_its_deadline,
        timed_waiter_in_the_middle_may_leave,
        acquire_is_not_a_cancellation_point,
        five_hundred_waiters_queue_in_fifo_order,
        memory_may_be_freed_by_the_next_holder,
    };

    add_kinds(tcase, tests, LENGTH(tests), 0);
}

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "lockable");

    add_of_one_thread(tcase);
    add_of_several(tcase);
}
