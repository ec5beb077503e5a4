/*
 * The promises of cond.h that only a condition with a ppt_lock_t can keep;
 * those of every condition are in test_cond.c and the files that it names.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_support.h"

#include <string.h>

/* Proves ppt_cond_init. */
START_TEST(all_ways_to_make_one_make_a_condition_without_waiters)
{
    static ppt_cond_t in_static_memory;
    ppt_cond_t cond = PPT_COND_INITIALIZER;

    ck_new(&in_static_memory);
    ck_new(&cond);
    memset(&cond, 0xa5, sizeof cond);
    ppt_cond_init(&cond);
    ck_new(&cond);
    ck_new(&cond); /* destroyed, and usable as after init */
}
END_TEST

START_TEST(condition_is_at_most_48_bytes)
{
    ck_assert_uint_le(sizeof(ppt_cond_t), 48);
}
END_TEST

/* Proves ppt_cond_wait EPERM. */
START_TEST(wait_without_the_lock_is_refused_and_changes_nothing)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_assert_int_eq(ppt_cond_wait(&cond, &lock, PPT_FOREVER), EPERM);
    ck_assert_int_eq(ppt_cond_wait(&cond, &lock, ppt_deadline(MS)), EPERM);
    ck_assert_int_eq(ppt_cond_wait_interruptible(&cond, &lock, PPT_FOREVER,
                                                 NULL, NULL), EPERM);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 0);
    ck_assert(!ppt_lock_locked(&lock));
}
END_TEST

/* Proves cond.c C2. */
START_TEST(signalled_waiters_queue_for_the_lock_that_is_held)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    waiter_t waiters[3];
    int i;

    for (i = 0; i < LENGTH(waiters); i++)
        start(&waiters[i], &cond, &lock);
    ppt_lock_acquire(&lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 2);
    await(ppt_lock_waiting(&lock) == 1);
    ck_assert_int_eq(ppt_cond_broadcast(&cond), 2);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 0);
    await(ppt_lock_waiting(&lock) == 3);
    ck_assert_int_eq(ppt_lock_destroy(&lock), EBUSY);
    ck_assert_int_eq(ppt_lock_release(&lock), 0);
    for (i = 0; i < LENGTH(waiters); i++)
        join(&waiters[i]);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
}
END_TEST

/* Proves ppt_cond_t Locks. */
START_TEST(one_condition_serves_one_lock_after_another)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t locks[3] = { PPT_LOCK_INITIALIZER };
    int i;

    for (i = 0; i < LENGTH(locks); i++) {
        waiter_t waiter;

        start(&waiter, &cond, &locks[i]);
        ppt_lock_acquire(&locks[i], PPT_FOREVER);
        ck_assert_int_eq(ppt_cond_signal(&cond), 1);
        ppt_lock_release(&locks[i]);
        join(&waiter);
        memset(&locks[i], 0xdd, sizeof locks[i]); /* it is not needed now */
    }
}
END_TEST

/* Proves ppt_cond_t Locks. */
START_TEST(one_condition_serves_two_locks_at_once)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t held = PPT_LOCK_INITIALIZER, loose = PPT_LOCK_INITIALIZER;
    waiter_t waiters[4];
    int i;

    for (i = 0; i < LENGTH(waiters); i++)
        start(&waiters[i], &cond, i % 2 == 0 ? &held : &loose);
    ppt_lock_acquire(&held, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_broadcast(&cond), LENGTH(waiters));
    join(&waiters[1]);
    join(&waiters[3]);
    await(ppt_lock_waiting(&held) == 2);
    ppt_lock_release(&held);
    join(&waiters[0]);
    join(&waiters[2]);
}
END_TEST

/* A thread that waits with a callback, and one that wants the lock. */
struct slow {
    ppt_cond_t cond;
    ppt_lock_t lock;
    interruption_t seen;
    int result;
};

static void wait_interruptibly(void *arg)
{
    struct slow *slow = arg;

    ppt_lock_acquire(&slow->lock, PPT_FOREVER);
    slow->result = ppt_cond_wait_interruptible(&slow->cond, &slow->lock,
                                               PPT_FOREVER, interrupted,
                                               &slow->seen);
    ppt_lock_release(&slow->lock);
}

static void use_lock(void *arg)
{
    struct slow *slow = arg;

    ppt_lock_acquire(&slow->lock, PPT_FOREVER);
    ppt_lock_release(&slow->lock);
}

/* Proves cond.c C2. */
START_TEST(signalled_waiter_in_its_callback_does_not_keep_others_from_the_lock)
{
    struct slow slow = { .seen.stay = 1, .result = -1 };
    worker_t waiter, other;

    signals_install(0);
    worker_start(&waiter, wait_interruptibly, &slow);
    await(ppt_cond_waiting(&slow.cond) == 1);
    interrupt_until(&waiter, peek(&slow.seen.calls) == 1);
    ppt_lock_acquire(&slow.lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_signal(&slow.cond), 1);
    worker_start(&other, use_lock, &slow);
    await(ppt_lock_waiting(&slow.lock) >= 1 && worker_asleep(&other));
    ppt_lock_release(&slow.lock);
    worker_join(&other);
    ck_assert(!worker_done(&waiter));
    poke(&slow.seen.stay, 0);
    worker_join(&waiter);
    ck_assert_int_eq(slow.result, 0);
}
END_TEST

static int find_free(void *arg)
{
    ppt_lock_keep_after_fork(arg);
    require(!ppt_lock_locked(arg));
    return 0;
}

static void signal_without_the_lock(void *arg)
{
    waiter_t *self = arg;

    await(ppt_cond_signal(self->cond) == 1);
}

static void signal_with_the_lock(void *arg)
{
    waiter_t *self = arg;

    ppt_lock_acquire(self->lock, PPT_FOREVER);
    await(ppt_cond_signal(self->cond) == 1);
    await(ppt_lock_waiting(self->lock) == 1);
    ppt_lock_release(self->lock);
}

/* Until the lock is handed over, as it is to a waiter passed over for long. */
static void signal_and_pass_over(void *arg)
{
    waiter_t *self = arg;

    ppt_lock_acquire(self->lock, PPT_FOREVER);
    await(ppt_cond_signal(self->cond) == 1);
    do {
        int64_t end = ppt_now() + MS;

        await(ppt_now() > end);
        ppt_lock_release(self->lock);
    } while (ppt_lock_acquire(self->lock, PPT_TRY) == 0);
}

/* Proves ppt_lock_make_transient. */
START_TEST(wait_takes_the_lock_as_it_was_held)
{
    static void (*const signals[])(void *) = {
        signal_without_the_lock, signal_with_the_lock, signal_and_pass_over
    };
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    waiter_t waiter = { .cond = &cond, .lock = &lock };
    int i, transient;

    for (i = 0; i < LENGTH(signals); i++)
        for (transient = 0; transient <= 1; transient++) {
            ppt_lock_acquire(&lock, PPT_FOREVER);
            if (transient)
                ppt_lock_make_transient(&lock);
            worker_start(&waiter.worker, signals[i], &waiter);
            ck_assert_int_eq(ppt_cond_wait(&cond, &lock, PPT_FOREVER), 0);
            ck_assert(ppt_lock_locked(&lock));
            worker_join(&waiter.worker); /* a sanitizer counts threads */
            ck_assert_int_eq(in_child(find_free, &lock), !transient);
            ck_assert_int_eq(ppt_lock_release(&lock), 0);
        }
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
}
END_TEST

/* No lock orders the accesses to text: ThreadSanitizer judges, too. */
struct letter {
    ppt_cond_t cond;
    ppt_lock_t lock; /* not held by the signaller */
    int text; /* written before the signal, read after the wait */
    int read;
};

static void receive(void *arg)
{
    struct letter *letter = arg;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&letter->cond, &waiter);
    sleep_now(&letter->cond, &waiter);
    letter->read = letter->text;
}

static void receive_without_the_lock(void *arg)
{
    struct letter *letter = arg;

    ppt_lock_acquire(&letter->lock, PPT_FOREVER);
    ppt_cond_wait_unlock(&letter->cond, &letter->lock, PPT_FOREVER);
    letter->read = letter->text;
}

/* Proves ppt_cond_{wait,wait_unlock,signal} Orders. */
START_TEST(writes_before_the_signal_are_seen)
{
    static void (*const receivers[])(void *) = { receive,
                                                 receive_without_the_lock };
    int round;

    for (round = 1; round <= 200; round++) {
        struct letter letter = { .cond = PPT_COND_INITIALIZER,
                                 .lock = PPT_LOCK_INITIALIZER };
        worker_t worker;

        worker_start(&worker, receivers[round / 2 % 2], &letter);
        await(ppt_cond_waiting(&letter.cond) == 1);
        if (round % 2 == 0)
            await(worker_asleep(&worker));
        letter.text = round;
        ck_assert_int_eq(ppt_cond_signal(&letter.cond), 1);
        worker_join(&worker);
        ck_assert_int_eq(letter.read, round);
    }
}
END_TEST

/* Forks */

static int make_new(void *arg)
{
    ppt_cond_t *cond = arg;
    ppt_waiter_t waiter;

    ppt_cond_after_fork(cond);
    require(ppt_cond_waiting(cond) == 0);
    require(ppt_cond_broadcast(cond) == 0);
    ppt_cond_enqueue(cond, &waiter);
    require(ppt_cond_signal(cond) == 1);
    require(sleep_now(cond, &waiter) == 0);
    ppt_cond_enqueue(cond, &waiter);
    require(ppt_cond_sleep(cond, &waiter, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_cond_destroy(cond) == 0);
    return 0;
}

/* Proves ppt_cond_after_fork. */
START_TEST(child_forgets_the_parents_waiters_and_the_parent_does_not)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    waiter_t waiters[3];
    int i;

    for (i = 0; i < LENGTH(waiters); i++)
        start(&waiters[i], &cond, &lock);
    ck_assert_int_eq(in_child(make_new, &cond), 0);
    ck_assert_int_eq(ppt_cond_broadcast(&cond), LENGTH(waiters));
    for (i = 0; i < LENGTH(waiters); i++)
        join(&waiters[i]);
}
END_TEST

struct busy {
    ppt_cond_t cond;
    int stop;
};

static void use_until(void *arg)
{
    struct busy *busy = arg;

    while (!peek(&busy->stop)) {
        ppt_waiter_t waiter;

        ppt_cond_enqueue(&busy->cond, &waiter);
        ppt_cond_signal(&busy->cond);
        ppt_cond_sleep(&busy->cond, &waiter, PPT_FOREVER);
    }
}

/* Proves ppt_cond_after_fork. */
START_TEST(fork_may_catch_the_condition_in_any_state)
{
    struct busy busy = { PPT_COND_INITIALIZER, 0 };
    worker_t workers[3];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], use_until, &busy);
    for (i = 0; i < 30; i++)
        ck_assert_int_eq(in_child(make_new, &busy.cond), 0);
    poke(&busy.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_new(&busy.cond);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_condition_without_waiters,
        condition_is_at_most_48_bytes,
        wait_without_the_lock_is_refused_and_changes_nothing,
        signalled_waiters_queue_for_the_lock_that_is_held,
        one_condition_serves_one_lock_after_another,
        one_condition_serves_two_locks_at_once,
        signalled_waiter_in_its_callback_does_not_keep_others_from_the_lock,
        wait_takes_the_lock_as_it_was_held,
        writes_before_the_signal_are_seen,
        child_forgets_the_parents_waiters_and_the_parent_does_not,
        fork_may_catch_the_condition_in_any_state,
    };

    add_list(add_case(suite, "cond"), tests, LENGTH(tests));
}
