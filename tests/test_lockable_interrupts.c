/*
 * What lock.h, semaphore.h and gil.h promise alike of a thread that waits and
 * is interrupted by signal handlers; the loop's variable is twice the kind,
 * and whether the handlers are installed with SA_RESTART.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lockable.h"

#include <signal.h>
#include <string.h>

static lockable_t make_held_and_install(int i, lockable_memory_t *memory)
{
    signals_install(i % 2 != 0 ? SA_RESTART : 0);
    return lockable_make_held(lockable_kinds[i / 2], memory);
}

START_TEST(handler_does_not_end_a_wait_that_is_not_interruptible)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held_and_install(_i, &memory);
    taker_t taker = { 0 };

    taker_start(&taker, lockable, PPT_FOREVER);
    worker_interrupt_often(&taker.worker, 5);
    ck_assert_uint_eq(lockable_waiting(lockable), 1);
    lockable_release(lockable);
    taker_join(&taker, 0);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_{lock,semaphore}_acquire_interruptible EINTR. */
START_TEST(without_a_callback_a_handler_ends_the_wait_with_eintr)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held_and_install(_i, &memory);
    taker_t taker = { 0 };

    taker_start_interruptible(&taker, lockable, NULL, NULL);
    interrupt_until(&taker.worker, worker_done(&taker.worker));
    taker_join(&taker, EINTR);
    ck_assert_uint_eq(lockable_waiting(lockable), 0);
    lockable_release(lockable);
    ck_free(lockable);
}
END_TEST

/* Proves ppt_interrupt_fn 0. */
START_TEST(callback_may_say_go_on_and_the_first_stays_the_first)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held_and_install(_i, &memory);
    taker_t first = { 0 }, second = { 0 };
    interruption_t seen = { 0 };
    int turn = 0;

    first.turn = second.turn = &turn;
    taker_start_interruptible(&first, lockable, interrupted, &seen);
    taker_start(&second, lockable, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) >= 3);
    await(lockable_waiting(lockable) == 2 && worker_asleep(&first.worker));
    lockable_release(lockable);
    taker_join(&first, 0);
    taker_join(&second, 0);
    ck_assert_int_eq(first.place, 0);
    ck_free(lockable);
}
END_TEST

/*
 * Proves ppt_{lock,semaphore}_acquire_interruptible other, ppt_interrupt_fn
 * other.
 */
START_TEST(callback_may_give_up_and_nothing_is_taken)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held_and_install(_i, &memory);
    interruption_t seen = { .answer = 77 };
    taker_t first = { 0 }, second = { 0 };

    taker_start_interruptible(&first, lockable, interrupted, &seen);
    taker_start(&second, lockable, PPT_FOREVER);
    interrupt_until(&first.worker, worker_done(&first.worker));
    taker_join(&first, 77);
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_uint_eq(lockable_waiting(lockable), 1);
    lockable_release(lockable);
    taker_join(&second, 0);
    ck_free(lockable);
}
END_TEST

/* The first is passed by while its callback runs, however long that is. */
static void release_while_a_callback_runs(int i, int answer)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held_and_install(i, &memory);
    interruption_t seen = { .answer = answer, .stay = 1 };
    taker_t first = { 0 }, second = { 0 };

    taker_start_interruptible(&first, lockable, interrupted, &seen);
    taker_start(&second, lockable, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) == 1);
    ck_assert_uint_eq(lockable_waiting(lockable), 2);
    lockable_release(lockable);
    taker_join(&second, 0);
    ck_assert(!lockable.kind->locked(lockable.object));
    ck_assert_uint_eq(lockable_waiting(lockable), 1);
    ck_assert_int_eq(lockable.kind->destroy(lockable.object), EBUSY);
    ck_assert(!worker_done(&first.worker));
    poke(&seen.stay, 0);
    taker_join(&first, answer);
    ck_free(lockable);
}

/* Proves lock.c L2. */
START_TEST(release_while_a_callback_runs_wakes_the_next)
{
    release_while_a_callback_runs(_i, 77);
}
END_TEST

/* Proves lock.c L2. */
START_TEST(what_is_released_while_the_callback_runs_is_taken_after_it)
{
    release_while_a_callback_runs(_i, 0);
}
END_TEST

/* It is going to touch the lock when the callback has returned. */
static void destroy_while_a_callback_runs(int i, int answer)
{
    lockable_memory_t memory;
    lockable_t lockable = make_held_and_install(i, &memory);
    interruption_t seen = { .answer = answer, .stay = 1 };
    taker_t taker = { 0 };

    taker_start_interruptible(&taker, lockable, interrupted, &seen);
    interrupt_until(&taker.worker, peek(&seen.calls) == 1);
    lockable_release(lockable);
    ck_assert_uint_eq(lockable_waiting(lockable), 1);
    ck_assert_int_eq(lockable.kind->destroy(lockable.object), EBUSY);
    poke(&seen.stay, 0);
    taker_join(&taker, answer);
    ck_free(lockable);
}

/* Proves ppt_{lock,semaphore}_destroy EBUSY, ppt_{lock,semaphore}_waiting. */
START_TEST(destroy_while_a_callback_runs_is_busy)
{
    destroy_while_a_callback_runs(_i, 0);
    destroy_while_a_callback_runs(_i, 77);
}
END_TEST

/* Three that queue one after the other, and what each sees. */
struct queued {
    lockable_memory_t memory;
    lockable_t lockable;
    int turn;
    taker_t takers[3];
    interruption_t seen[3];
};

static void start_queued(struct queued *queued, int kind, int stay)
{
    int i;

    memset(queued, 0, sizeof *queued);
    queued->lockable = make_held_and_install(kind, &queued->memory);
    for (i = 0; i < LENGTH(queued->takers); i++) {
        queued->seen[i].stay = stay;
        queued->takers[i].turn = &queued->turn;
        taker_start_interruptible(&queued->takers[i], queued->lockable,
                                  interrupted, &queued->seen[i]);
    }
}

static void await_callback(struct queued *queued, int i)
{
    interrupt_until(&queued->takers[i].worker,
                    peek(&queued->seen[i].calls) >= 1);
}

/*
 * Let a callback return, and see that its thread has slept since.  The next
 * callback may still run.
 */
static void end_callback(struct queued *queued, int i)
{
    int calls = peek(&queued->seen[i].calls);

    poke(&queued->seen[i].stay, 0);
    interrupt_until(&queued->takers[i].worker,
                    peek(&queued->seen[i].calls) > calls);
}

static void ck_in_order(struct queued *queued)
{
    int i;

    await(lockable_waiting(queued->lockable) == LENGTH(queued->takers));
    for (i = 0; i < LENGTH(queued->takers); i++)
        await(worker_asleep(&queued->takers[i].worker));
    lockable_release(queued->lockable);
    for (i = 0; i < LENGTH(queued->takers); i++) {
        taker_join(&queued->takers[i], 0);
        ck_assert_int_eq(queued->takers[i].place, i);
    }
    ck_free(queued->lockable);
}

/* Proves ppt_{lock,semaphore}_t Fairness, lock.c L5. */
START_TEST(interrupted_waiter_keeps_its_place)
{
    struct queued queued;
    int i;

    for (i = 0; i < LENGTH(queued.takers); i++) {
        start_queued(&queued, _i, 0);
        interrupt_until(&queued.takers[i].worker,
                        peek(&queued.seen[i].calls) >= 3);
        ck_in_order(&queued);
    }
}
END_TEST

/* Proves ppt_interrupt_fn 0, lock.c L5. */
START_TEST(callbacks_that_end_in_another_order_leave_the_queue_as_it_is)
{
    struct queued queued;
    int i;

    start_queued(&queued, _i, 1);
    for (i = 0; i < LENGTH(queued.takers); i++)
        await_callback(&queued, i);
    for (i = 0; i < LENGTH(queued.takers); i++)
        end_callback(&queued, i);
    ck_in_order(&queued);
}
END_TEST

/*
 * The first is passed by while it is in its callback, but loses no more.
 * Proves lock.c L5.
 */
START_TEST(waiter_that_missed_a_release_in_its_callback_is_the_next)
{
    struct queued queued;

    start_queued(&queued, _i, 0);
    poke(&queued.seen[0].stay, 1);
    await_callback(&queued, 0);
    queued.takers[1].keep = true;
    lockable_release(queued.lockable);
    taker_join(&queued.takers[1], 0);
    ck_assert_uint_eq(lockable_waiting(queued.lockable), 2);
    end_callback(&queued, 0);
    await(worker_asleep(&queued.takers[0].worker));
    lockable_release(queued.lockable);
    taker_join(&queued.takers[0], 0);
    taker_join(&queued.takers[2], 0);
    ck_assert_int_eq(queued.takers[1].place, 0);
    ck_assert_int_eq(queued.takers[0].place, 1);
    ck_free(queued.lockable);
}
END_TEST

/* A callback that uses what it interrupted the wait for. */
struct user {
    interruption_t seen;
    lockable_t lockable;
    int taken; /* what acquiring said */
};

static int use_on_interrupt(void *arg)
{
    struct user *user = arg;
    lockable_t lockable = user->lockable;

    if (user->seen.calls == 0) {
        lockable.kind->release(lockable.object);
        user->taken = lockable.kind->acquire(lockable.object, PPT_TRY);
        lockable.kind->release(lockable.object);
    }
    return interrupted(&user->seen);
}

START_TEST(callback_may_use_what_it_interrupted)
{
    static const int answers[] = { 0, 77 };
    int i;

    for (i = 0; i < LENGTH(answers); i++) {
        lockable_memory_t memory;
        lockable_t lockable = make_held_and_install(_i, &memory);
        struct user user = { { .answer = answers[i] }, lockable, -1 };
        taker_t taker = { 0 };

        taker_start_interruptible(&taker, lockable, use_on_interrupt, &user);
        interrupt_until(&taker.worker, worker_done(&taker.worker));
        taker_join(&taker, answers[i]);
        ck_assert_int_eq(user.taken, 0);
        ck_free(lockable);
    }
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "interrupts");
    const TTest *const interruptible[] = {
        without_a_callback_a_handler_ends_the_wait_with_eintr,
        callback_may_say_go_on_and_the_first_stays_the_first,
        callback_may_give_up_and_nothing_is_taken,
        release_while_a_callback_runs_wakes_the_next,
        what_is_released_while_the_callback_runs_is_taken_after_it,
        destroy_while_a_callback_runs_is_busy,
        interrupted_waiter_keeps_its_place,
        callbacks_that_end_in_another_order_leave_the_queue_as_it_is,
        waiter_that_missed_a_release_in_its_callback_is_the_next,
        callback_may_use_what_it_interrupted,
    };
    int i;

    tcase_add_loop_test(tcase,
                        handler_does_not_end_a_wait_that_is_not_interruptible,
                        0, 2 * LOCKABLE_KINDS);
    for (i = 0; i < LENGTH(interruptible); i++)
        tcase_add_loop_test(tcase, interruptible[i], 0,
                            2 * LOCKABLE_INTERRUPTIBLE);
}
