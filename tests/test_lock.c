/* SPDX-License-Identifier: MIT */
/* The promises of lock.h. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "pyplusthread/lock.h"

#define MANY 500

/* A thread that takes the lock once, and what it saw. */
typedef struct taker {
    worker_t worker;
    ppt_lock_t *lock;
    int64_t deadline;
    bool interruptible;
    ppt_interrupt_fn on_interrupt;
    void *arg;
    bool keep;  /* do not release it */
    int *turn;  /* guarded by the lock: counts those who had it */
    int place;  /* among those */
    int result;
    int released;
    int64_t returned;
} taker_t;

static void take_once(void *arg)
{
    taker_t *taker = arg;

    if (taker->interruptible)
        taker->result = ppt_lock_acquire_interruptible(
            taker->lock, taker->deadline, taker->on_interrupt, taker->arg);
    else
        taker->result = ppt_lock_acquire(taker->lock, taker->deadline);
    taker->returned = ppt_now();
    if (taker->result != 0)
        return;
    if (taker->turn != NULL)
        taker->place = (*taker->turn)++;
    if (!taker->keep)
        taker->released = ppt_lock_release(taker->lock);
}

/* Start one while the lock is held, and see it queued. */
static void start(taker_t *taker, ppt_lock_t *lock, int64_t deadline)
{
    unsigned before = ppt_lock_waiting(lock);

    taker->lock = lock;
    taker->deadline = deadline;
    worker_start(&taker->worker, take_once, taker);
    await(ppt_lock_waiting(lock) > before || worker_done(&taker->worker));
    if (deadline == PPT_FOREVER)
        await(worker_asleep(&taker->worker));
}

static void start_interruptible(taker_t *taker, ppt_lock_t *lock,
                                ppt_interrupt_fn on_interrupt, void *arg)
{
    taker->interruptible = true;
    taker->on_interrupt = on_interrupt;
    taker->arg = arg;
    start(taker, lock, PPT_FOREVER);
}

static void join(taker_t *taker, int result)
{
    worker_join(&taker->worker);
    ck_assert_int_eq(taker->result, result);
    ck_assert_int_eq(taker->released, 0);
}

static void acquire(ppt_lock_t *lock)
{
    ck_assert_int_eq(ppt_lock_acquire(lock, PPT_FOREVER), 0);
    ck_assert(ppt_lock_locked(lock));
}

static void release(ppt_lock_t *lock)
{
    ck_assert_int_eq(ppt_lock_release(lock), 0);
}

static void ck_free(ppt_lock_t *lock)
{
    ck_assert(!ppt_lock_locked(lock));
    ck_assert_uint_eq(ppt_lock_waiting(lock), 0);
    ck_assert_int_eq(ppt_lock_acquire(lock, PPT_TRY), 0);
    ck_assert_int_eq(ppt_lock_release(lock), 0);
    ck_assert_int_eq(ppt_lock_destroy(lock), 0);
}

/* Alone */

START_TEST(all_ways_to_make_one_make_a_free_lock)
{
    static ppt_lock_t in_static_memory;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_free(&in_static_memory);
    ck_free(&lock);
    memset(&lock, 0xa5, sizeof lock);
    ppt_lock_init(&lock);
    ck_free(&lock);
    ck_free(&lock); /* destroyed, and usable as after init */
}
END_TEST

START_TEST(free_lock_is_taken_at_once)
{
    const int64_t deadlines[] = { PPT_TRY, ppt_deadline(SECOND),
                                  PPT_FOREVER };
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        ck_assert_int_eq(ppt_lock_acquire(&lock, deadlines[i]), 0);
        ck_assert(ppt_lock_locked(&lock));
        release(&lock);
        ck_assert_int_eq(ppt_lock_acquire_interruptible(&lock, deadlines[i],
                                                        NULL, NULL), 0);
        release(&lock);
        ck_assert(!ppt_lock_locked(&lock));
    }
}
END_TEST

START_TEST(try_of_a_held_lock_is_busy)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    acquire(&lock);
    ck_assert_int_eq(ppt_lock_acquire(&lock, PPT_TRY), EBUSY);
    ck_assert_int_eq(ppt_lock_acquire_interruptible(&lock, PPT_TRY, NULL,
                                                    NULL), EBUSY);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 0);
    release(&lock);
    ck_free(&lock);
}
END_TEST

START_TEST(expired_deadline_of_a_held_lock_is_a_timeout)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    acquire(&lock);
    ck_assert_int_eq(ppt_lock_acquire(&lock, 1), ETIMEDOUT);
    ck_assert_int_eq(ppt_lock_acquire(&lock, ppt_now()), ETIMEDOUT);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 0);
    release(&lock);
    ck_free(&lock);
}
END_TEST

START_TEST(timeout_is_never_early)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    int i;

    acquire(&lock);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);

        ck_assert_int_eq(ppt_lock_acquire(&lock, deadline), ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
    }
    release(&lock);
    ck_free(&lock);
}
END_TEST

static void ck_refuses_negative(ppt_lock_t *lock)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    bool locked = ppt_lock_locked(lock);
    int i;

    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(ppt_lock_acquire(lock, negative[i]), EINVAL);
        ck_assert_int_eq(ppt_lock_acquire_interruptible(lock, negative[i],
                                                        NULL, NULL), EINVAL);
        ck_assert_int_eq(ppt_lock_locked(lock), locked);
        ck_assert_uint_eq(ppt_lock_waiting(lock), 0);
    }
}

START_TEST(negative_deadline_is_refused_and_changes_nothing)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_refuses_negative(&lock);
    acquire(&lock);
    ck_refuses_negative(&lock);
    release(&lock);
    ck_free(&lock);
}
END_TEST

START_TEST(release_of_a_free_lock_is_refused_and_changes_nothing)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_assert_int_eq(ppt_lock_release(&lock), EPERM);
    ck_free(&lock);
    acquire(&lock);
    ck_assert_int_eq(ppt_lock_acquire(&lock, ppt_deadline(MS)), ETIMEDOUT);
    release(&lock);
    ck_assert_int_eq(ppt_lock_release(&lock), EPERM);
    ck_assert_int_eq(ppt_lock_release(&lock), EPERM);
    ck_free(&lock);
}
END_TEST

START_TEST(destroy_of_a_held_lock_is_busy_and_changes_nothing)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    acquire(&lock);
    ck_assert_int_eq(ppt_lock_destroy(&lock), EBUSY);
    ck_assert(ppt_lock_locked(&lock));
    release(&lock);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
}
END_TEST

START_TEST(destroy_of_a_lock_waited_for_is_busy_and_changes_nothing)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { 0 };

    acquire(&lock);
    start(&taker, &lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_lock_destroy(&lock), EBUSY);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    release(&lock);
    join(&taker, 0);
    ck_free(&lock);
}
END_TEST

/* Two */

START_TEST(any_thread_may_release)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .keep = true };

    acquire(&lock);
    start(&taker, &lock, PPT_FOREVER);
    release(&lock);
    join(&taker, 0);
    ck_assert(ppt_lock_locked(&lock));
    release(&lock);
    ck_free(&lock);
}
END_TEST

START_TEST(release_wakes_a_timed_waiter_before_its_deadline)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { 0 };

    acquire(&lock);
    start(&taker, &lock, ppt_deadline(LIMIT));
    release(&lock);
    join(&taker, 0);
    ck_free(&lock);
}
END_TEST

START_TEST(timed_waiter_in_the_middle_may_leave)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t first = { 0 }, timed = { 0 }, last = { 0 };
    int64_t deadline;

    acquire(&lock);
    start(&first, &lock, PPT_FOREVER);
    deadline = ppt_deadline(500 * MS); /* last is queued by then */
    start(&timed, &lock, deadline);
    start(&last, &lock, PPT_FOREVER);
    join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 2);
    release(&lock);
    join(&first, 0);
    join(&last, 0);
    ck_free(&lock);
}
END_TEST

/* Many */

struct account {
    ppt_lock_t lock;
    long balance; /* guarded by lock */
};

static void deposit(void *arg)
{
    struct account *account = arg;
    int i;

    for (i = 0; i < 20000; i++) {
        ppt_lock_acquire(&account->lock, PPT_FOREVER);
        account->balance++;
        ppt_lock_release(&account->lock);
    }
}

START_TEST(holders_exclude_each_other_and_see_each_others_writes)
{
    struct account account = { PPT_LOCK_INITIALIZER, 0 };
    worker_t workers[8];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], deposit, &account);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(account.balance, 20000L * LENGTH(workers));
    ck_free(&account.lock);
}
END_TEST

static taker_t *start_many(ppt_lock_t *lock, int n, int *turn)
{
    taker_t *takers = calloc((size_t)n, sizeof *takers);
    int i;

    ck_assert_ptr_nonnull(takers);
    for (i = 0; i < n; i++) {
        takers[i].turn = turn;
        start(&takers[i], lock, PPT_FOREVER);
        ck_assert_uint_eq(ppt_lock_waiting(lock), (unsigned)i + 1);
    }
    return takers;
}

START_TEST(five_hundred_waiters_queue_in_fifo_order)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    int turn = 0;
    taker_t *takers;
    int i;

    acquire(&lock);
    takers = start_many(&lock, MANY, &turn);
    release(&lock);
    for (i = 0; i < MANY; i++) {
        join(&takers[i], 0);
        ck_assert_int_eq(takers[i].place, i);
    }
    free(takers);
    ck_free(&lock);
}
END_TEST

/* Fairness */

/* Keep taker, which is queued, inside a signal handler. */
static void hold(taker_t *taker)
{
    await(worker_asleep(&taker->worker));
    signals_hold();
    worker_interrupt(&taker->worker);
    await(signals_held() == 1);
}

/*
 * Release the lock to a waiter that is kept from running, and take it again
 * in passing; 0 as long as that succeeds.
 */
static int pass_over(taker_t *taker)
{
    int64_t end = ppt_now() + MS;
    int result;

    hold(taker);
    await(ppt_now() > end);
    release(taker->lock);
    result = ppt_lock_acquire(taker->lock, PPT_TRY);
    signals_let_go();
    return result;
}

START_TEST(waiter_that_is_passed_over_is_handed_the_lock)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t first = { 0 }, second = { 0 };
    int turn = 0, passes = 0;

    signals_install(0);
    first.turn = second.turn = &turn;
    acquire(&lock);
    start(&first, &lock, PPT_FOREVER);
    start(&second, &lock, PPT_FOREVER);
    while (pass_over(&first) == 0)
        ck_assert_int_lt(++passes, 10);
    join(&first, 0);
    join(&second, 0);
    ck_assert_int_eq(first.place, 0);
    ck_free(&lock);
}
END_TEST

/* Interrupts */

START_TEST(handler_does_not_end_a_wait_that_is_not_interruptible)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { 0 };

    signals_install(_i);
    acquire(&lock);
    start(&taker, &lock, PPT_FOREVER);
    interrupt_until(&taker.worker, signals_handled() >= 5);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    release(&lock);
    join(&taker, 0);
    ck_free(&lock);
}
END_TEST

START_TEST(without_a_callback_a_handler_ends_the_wait_with_eintr)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { 0 };

    signals_install(_i);
    acquire(&lock);
    start_interruptible(&taker, &lock, NULL, NULL);
    interrupt_until(&taker.worker, worker_done(&taker.worker));
    join(&taker, EINTR);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 0);
    release(&lock);
    ck_free(&lock);
}
END_TEST

START_TEST(callback_may_say_go_on_and_the_first_stays_the_first)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t first = { 0 }, second = { 0 };
    interruption_t seen = { 0 };
    int turn = 0;

    signals_install(_i);
    first.turn = second.turn = &turn;
    acquire(&lock);
    start_interruptible(&first, &lock, interrupted, &seen);
    start(&second, &lock, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) >= 3);
    await(ppt_lock_waiting(&lock) == 2 && worker_asleep(&first.worker));
    release(&lock);
    join(&first, 0);
    join(&second, 0);
    ck_assert_int_eq(first.place, 0);
    ck_free(&lock);
}
END_TEST

START_TEST(callback_may_give_up_and_the_lock_is_not_taken)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    interruption_t seen = { .answer = 77 };
    taker_t first = { 0 }, second = { 0 };

    signals_install(_i);
    acquire(&lock);
    start_interruptible(&first, &lock, interrupted, &seen);
    start(&second, &lock, PPT_FOREVER);
    interrupt_until(&first.worker, worker_done(&first.worker));
    join(&first, 77);
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    release(&lock);
    join(&second, 0);
    ck_free(&lock);
}
END_TEST

/* The first is passed by while its callback runs, however long that is. */
static void release_while_a_callback_runs(int flags, int answer)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    interruption_t seen = { .answer = answer, .stay = 1 };
    taker_t first = { 0 }, second = { 0 };

    signals_install(flags);
    acquire(&lock);
    start_interruptible(&first, &lock, interrupted, &seen);
    start(&second, &lock, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) == 1);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 2);
    release(&lock);
    join(&second, 0);
    ck_assert_int_eq(ppt_lock_destroy(&lock), EBUSY);
    ck_assert(!worker_done(&first.worker));
    poke(&seen.stay, 0);
    join(&first, answer);
    ck_free(&lock);
}

START_TEST(release_while_a_callback_runs_wakes_the_next)
{
    release_while_a_callback_runs(_i, 77);
}
END_TEST

START_TEST(lock_released_while_the_callback_runs_is_taken_after_it)
{
    release_while_a_callback_runs(_i, 0);
}
END_TEST

/* It is going to touch the lock when the callback has returned. */
static void destroy_while_a_callback_runs(int flags, int answer)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    interruption_t seen = { .answer = answer, .stay = 1 };
    taker_t taker = { 0 };

    signals_install(flags);
    acquire(&lock);
    start_interruptible(&taker, &lock, interrupted, &seen);
    interrupt_until(&taker.worker, peek(&seen.calls) == 1);
    release(&lock);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    ck_assert_int_eq(ppt_lock_destroy(&lock), EBUSY);
    poke(&seen.stay, 0);
    join(&taker, answer);
    ck_free(&lock);
}

START_TEST(destroy_while_a_callback_runs_is_busy)
{
    destroy_while_a_callback_runs(_i, 0);
    destroy_while_a_callback_runs(_i, 77);
}
END_TEST

/* Three that queue one after the other, and what each sees. */
struct queued {
    ppt_lock_t lock;
    int turn;
    taker_t takers[3];
    interruption_t seen[3];
};

static void start_queued(struct queued *queued, int stay)
{
    int i;

    memset(queued, 0, sizeof *queued);
    acquire(&queued->lock);
    for (i = 0; i < LENGTH(queued->takers); i++) {
        queued->seen[i].stay = stay;
        queued->takers[i].turn = &queued->turn;
        start_interruptible(&queued->takers[i], &queued->lock, interrupted,
                            &queued->seen[i]);
    }
}

static void await_callback(struct queued *queued, int i)
{
    interrupt_until(&queued->takers[i].worker,
                    peek(&queued->seen[i].calls) >= 1);
}

/* Let a callback return, and see that its thread has slept since. */
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

    await(ppt_lock_waiting(&queued->lock) == LENGTH(queued->takers));
    for (i = 0; i < LENGTH(queued->takers); i++)
        await(worker_asleep(&queued->takers[i].worker));
    release(&queued->lock);
    for (i = 0; i < LENGTH(queued->takers); i++) {
        join(&queued->takers[i], 0);
        ck_assert_int_eq(queued->takers[i].place, i);
    }
    ck_free(&queued->lock);
}

START_TEST(interrupted_waiter_keeps_its_place)
{
    struct queued queued;
    int i;

    signals_install(_i);
    for (i = 0; i < LENGTH(queued.takers); i++) {
        start_queued(&queued, 0);
        interrupt_until(&queued.takers[i].worker,
                        peek(&queued.seen[i].calls) >= 3);
        ck_in_order(&queued);
    }
}
END_TEST

START_TEST(callbacks_that_end_in_another_order_leave_the_queue_as_it_is)
{
    struct queued queued;
    int i;

    signals_install(_i);
    start_queued(&queued, 1);
    for (i = 0; i < LENGTH(queued.takers); i++)
        await_callback(&queued, i);
    for (i = 0; i < LENGTH(queued.takers); i++)
        end_callback(&queued, i);
    ck_in_order(&queued);
}
END_TEST

/* The first is passed by while it is in its callback, but loses no more. */
START_TEST(waiter_that_missed_a_release_in_its_callback_is_the_next)
{
    struct queued queued;

    signals_install(_i);
    start_queued(&queued, 0);
    poke(&queued.seen[0].stay, 1);
    await_callback(&queued, 0);
    queued.takers[1].keep = true;
    release(&queued.lock);
    join(&queued.takers[1], 0);
    ck_assert_uint_eq(ppt_lock_waiting(&queued.lock), 2);
    end_callback(&queued, 0);
    release(&queued.lock);
    join(&queued.takers[0], 0);
    join(&queued.takers[2], 0);
    ck_assert_int_eq(queued.takers[1].place, 0);
    ck_assert_int_eq(queued.takers[0].place, 1);
    ck_free(&queued.lock);
}
END_TEST

/*
 * The handler starts while the thread sleeps; meanwhile the lock is released
 * to the thread, and taken by another.  So the wait goes on.
 */
START_TEST(handler_is_followed_by_the_callback_though_a_release_came_between)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    interruption_t seen = { 0 };
    taker_t taker = { 0 };

    signals_install(_i);
    acquire(&lock);
    start_interruptible(&taker, &lock, interrupted, &seen);
    hold(&taker);
    release(&lock);
    ck_assert_int_eq(ppt_lock_acquire(&lock, PPT_TRY), 0);
    signals_let_go();
    await(peek(&seen.calls) == 1);
    release(&lock);
    join(&taker, 0);
    ck_free(&lock);
}
END_TEST

/* A callback that uses the lock it interrupted. */
struct user {
    interruption_t seen;
    ppt_lock_t *lock;
    int taken; /* what acquiring said */
};

static int use_on_interrupt(void *arg)
{
    struct user *user = arg;

    if (user->seen.calls == 0) {
        ppt_lock_release(user->lock);
        user->taken = ppt_lock_acquire(user->lock, PPT_TRY);
        ppt_lock_release(user->lock);
    }
    return interrupted(&user->seen);
}

START_TEST(callback_may_use_the_lock_it_interrupted)
{
    static const int answers[] = { 0, 77 };
    int i;

    signals_install(_i);
    for (i = 0; i < LENGTH(answers); i++) {
        ppt_lock_t lock = PPT_LOCK_INITIALIZER;
        struct user user = { { .answer = answers[i] }, &lock, -1 };
        taker_t taker = { 0 };

        acquire(&lock);
        start_interruptible(&taker, &lock, use_on_interrupt, &user);
        interrupt_until(&taker.worker, worker_done(&taker.worker));
        join(&taker, answers[i]);
        ck_assert_int_eq(user.taken, 0);
        ck_free(&lock);
    }
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
    acquire(&lock);
    acquire(&handlers_lock);
    start(&taker, &lock, PPT_FOREVER);
    worker_interrupt(&taker.worker);
    await(ppt_lock_waiting(&handlers_lock) == 1);
    release(&lock); /* the outer wait's turn comes first */
    release(&handlers_lock);
    join(&taker, 0);
    ck_assert_int_eq(handlers_result, 0);
    ck_free(&lock);
}
END_TEST

START_TEST(acquire_is_not_a_cancellation_point)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .result = -1 };

    signals_install(0);
    acquire(&lock);
    start(&taker, &lock, PPT_FOREVER);
    ck_assert_int_eq(pthread_cancel(taker.worker.thread), 0);
    interrupt_until(&taker.worker, signals_handled() >= 3);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    release(&lock);
    join(&taker, 0);
    ck_free(&lock);
}
END_TEST

/* The end of a lock */

struct heir {
    ppt_lock_t *lock;
    int ready;
    int destroyed; /* what destroy said */
};

static void inherit(void *arg)
{
    struct heir *heir = arg;

    poke(&heir->ready, 1);
    ppt_lock_acquire(heir->lock, PPT_FOREVER);
    ppt_lock_release(heir->lock);
    heir->destroyed = ppt_lock_destroy(heir->lock);
    memset(heir->lock, 0xdd, sizeof *heir->lock);
    free(heir->lock);
}

/* The releaser may still be inside release when the memory goes. */
START_TEST(memory_may_be_freed_by_the_next_holder)
{
    int round;

    for (round = 0; round < 500; round++) {
        struct heir heir = { malloc(sizeof(ppt_lock_t)), 0, -1 };
        worker_t worker;

        ck_assert_ptr_nonnull(heir.lock);
        ppt_lock_init(heir.lock);
        acquire(heir.lock);
        worker_start(&worker, inherit, &heir);
        if (round % 2 == 0)
            await(ppt_lock_waiting(heir.lock) == 1);
        else
            await(peek(&heir.ready));
        release(heir.lock);
        worker_join(&worker);
        ck_assert_int_eq(heir.destroyed, 0);
    }
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

START_TEST(child_makes_a_held_lock_new_and_the_parents_stays)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t takers[3] = { { .result = -1 } };
    int i;

    acquire(&lock);
    for (i = 0; i < LENGTH(takers); i++)
        start(&takers[i], &lock, PPT_FOREVER);
    ck_assert_int_eq(in_child(make_new, &lock), 0);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 3);
    release(&lock);
    for (i = 0; i < LENGTH(takers); i++)
        join(&takers[i], 0);
    ck_free(&lock);
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

START_TEST(child_keeps_a_lock_held_unless_the_hold_is_transient)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .result = -1 };

    ppt_lock_make_transient(&lock); /* free: no effect */
    ck_assert_int_eq(in_child(keep_free, &lock), 0);
    acquire(&lock);
    start(&taker, &lock, PPT_FOREVER);
    ck_assert_int_eq(in_child(keep_held, &lock), 0);
    ppt_lock_make_transient(&lock);
    ck_assert_int_eq(in_child(keep_free, &lock), 0);
    ck_assert(ppt_lock_locked(&lock));
    release(&lock);
    join(&taker, 0);
    acquire(&lock);
    ppt_lock_make_transient(&lock);
    release(&lock); /* while nobody waits */
    acquire(&lock);
    ck_assert_int_eq(in_child(keep_held, &lock), 0);
    release(&lock);
    ck_free(&lock);
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
    release(&lock);
    ck_free(&lock);
}
END_TEST

static void take_transiently(void *arg)
{
    taker_t *taker = arg;

    ppt_waiter_t waiter;

    if (taker->interruptible)
        taker->result = ppt_lock_acquire_transient_interruptible(
            taker->lock, &waiter, taker->deadline, taker->on_interrupt,
            taker->arg);
    else
        taker->result = ppt_lock_acquire_transient(taker->lock,
                                                   taker->deadline);
}

START_TEST(waiter_takes_the_lock_transiently)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    taker_t taker = { .lock = &lock, .deadline = PPT_FOREVER };
    int i;

    for (i = 0; i < 2; i++) {
        taker.interruptible = i > 0;
        taker.result = -1;
        acquire(&lock);
        worker_start(&taker.worker, take_transiently, &taker);
        await(ppt_lock_waiting(&lock) == 1);
        release(&lock);
        worker_join(&taker.worker);
        ck_assert_int_eq(taker.result, 0);
        ck_assert(ppt_lock_locked(&lock));
        ck_assert_int_eq(in_child(find_free, &lock), 0);
        release(&lock);
    }
    ck_free(&lock);
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
    ck_free(&shared.lock);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_free_lock,
        free_lock_is_taken_at_once,
        try_of_a_held_lock_is_busy,
        expired_deadline_of_a_held_lock_is_a_timeout,
        timeout_is_never_early,
        negative_deadline_is_refused_and_changes_nothing,
        release_of_a_free_lock_is_refused_and_changes_nothing,
        destroy_of_a_held_lock_is_busy_and_changes_nothing,
        destroy_of_a_lock_waited_for_is_busy_and_changes_nothing,
        any_thread_may_release,
        release_wakes_a_timed_waiter_before_its_deadline,
        timed_waiter_in_the_middle_may_leave,
        holders_exclude_each_other_and_see_each_others_writes,
        five_hundred_waiters_queue_in_fifo_order,
        waiter_that_is_passed_over_is_handed_the_lock,
        handler_may_wait_for_another_lock,
        acquire_is_not_a_cancellation_point,
        memory_may_be_freed_by_the_next_holder,
        child_makes_a_held_lock_new_and_the_parents_stays,
        fork_may_catch_the_lock_in_any_state,
        child_keeps_a_lock_held_unless_the_hold_is_transient,
        transient_hold_is_void_in_the_child,
        waiter_takes_the_lock_transiently,
    };
    const TTest *const with_sa_flags[] = {
        handler_does_not_end_a_wait_that_is_not_interruptible,
        without_a_callback_a_handler_ends_the_wait_with_eintr,
        callback_may_say_go_on_and_the_first_stays_the_first,
        callback_may_give_up_and_the_lock_is_not_taken,
        release_while_a_callback_runs_wakes_the_next,
        lock_released_while_the_callback_runs_is_taken_after_it,
        destroy_while_a_callback_runs_is_busy,
        handler_is_followed_by_the_callback_though_a_release_came_between,
        interrupted_waiter_keeps_its_place,
        callbacks_that_end_in_another_order_leave_the_queue_as_it_is,
        waiter_that_missed_a_release_in_its_callback_is_the_next,
        callback_may_use_the_lock_it_interrupted,
    };
    TCase *tcase = add_case(suite, "lock");
    int i;

    add_list(tcase, tests, LENGTH(tests));
    for (i = 0; i < LENGTH(with_sa_flags); i++) {
        tcase_add_loop_test(tcase, with_sa_flags[i], 0, 1);
        tcase_add_loop_test(tcase, with_sa_flags[i], SA_RESTART,
                            SA_RESTART + 1);
    }
}
