/*
 * The promises of cond.h about a wait that returns without the lock, and what
 * a release of the lock does with its waiter.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_support.h"

static void wait_and_unlock(void *arg)
{
    waiter_t *self = arg;

    ppt_lock_acquire(self->lock, PPT_FOREVER);
    self->result = ppt_cond_wait_unlock(self->cond, self->lock, PPT_FOREVER);
    self->released = 0;
}

/* Proves ppt_cond_wait_unlock 0, cond.c C5. */
START_TEST(wait_unlock_returns_without_the_lock)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    waiter_t waiter;

    start_with(&waiter, &cond, &lock, wait_and_unlock);
    ppt_lock_acquire(&lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_lock_release(&lock), 0);
    join(&waiter);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0); /* it is free */
    start_with(&waiter, &cond, &lock, wait_and_unlock);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    join(&waiter);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
    ck_new(&cond);
}
END_TEST

/* Proves ppt_cond_wait_unlock ETIMEDOUT. */
START_TEST(wait_unlock_that_times_out_returns_without_the_lock)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    int64_t deadline = ppt_deadline(10 * MS);

    ppt_lock_acquire(&lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_wait_unlock(&cond, &lock, deadline), ETIMEDOUT);
    ck_assert_int_ge(ppt_now(), deadline);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
    ck_new(&cond);
}
END_TEST

/* Proves ppt_cond_wait_unlock_yielding. */
START_TEST(wait_unlock_that_yields_is_one_that_does_not)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    int64_t deadline = ppt_deadline(10 * MS);

    ck_assert_int_eq(ppt_cond_wait_unlock_yielding(&cond, &lock, PPT_TRY),
                     EPERM);
    ppt_lock_acquire(&lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_wait_unlock_yielding(&cond, &lock, deadline),
                     ETIMEDOUT);
    ck_assert_int_ge(ppt_now(), deadline);
    ck_assert(!ppt_lock_locked(&lock));
    ck_new(&cond);
}
END_TEST

/* Proves ppt_cond_wait_unlock {EPERM,EINVAL}. */
START_TEST(wait_unlock_that_is_refused_changes_nothing)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    ck_assert_int_eq(ppt_cond_wait_unlock(&cond, &lock, PPT_TRY), EPERM);
    ck_assert(!ppt_lock_locked(&lock));
    ppt_lock_acquire(&lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_wait_unlock(&cond, &lock, -1), EINVAL);
    ck_assert(ppt_lock_locked(&lock));
    ck_new(&cond);
}
END_TEST

static void wait_and_stay(void *arg)
{
    waiter_t *self = arg;

    ppt_lock_acquire(self->lock, PPT_FOREVER);
    self->result = ppt_cond_wait(self->cond, self->lock, PPT_FOREVER);
    await(!peek(self->stay));
    self->released = ppt_lock_release(self->lock);
}

/* All but the third and the fifth return without the lock. */
/* Proves lock.c L10. */
START_TEST(release_wakes_those_that_pass_up_to_one_that_takes_the_lock)
{
    static void (*const waits[])(void *) = {
        wait_and_unlock, wait_and_unlock, wait_and_stay,
        wait_and_unlock, wait_and_stay, wait_and_unlock
    };
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    waiter_t waiters[LENGTH(waits)];
    int i, stay = 1;

    if (!pin_to(0)) /* the threads that follow, too */
        return;
    for (i = 0; i < LENGTH(waits); i++) {
        waiters[i].stay = &stay;
        start_with(&waiters[i], &cond, &lock, waits[i]);
    }
    ppt_lock_acquire(&lock, PPT_FOREVER);
    ck_assert_int_eq(ppt_cond_broadcast(&cond), LENGTH(waits));
    ck_assert_uint_eq(ppt_lock_waiting(&lock), LENGTH(waits));
    ck_assert_int_eq(ppt_lock_destroy(&lock), EBUSY);
    ck_assert_int_eq(ppt_lock_release(&lock), 0);
    join(&waiters[0]);
    join(&waiters[1]);
    await(ppt_lock_locked(&lock));
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 3);
    ck_assert(!worker_done(&waiters[3].worker));
    poke(&stay, 0);
    for (i = 2; i < LENGTH(waits); i++)
        join(&waiters[i]);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
}
END_TEST

struct late {
    ppt_cond_t *cond;
    ppt_lock_t *lock;
    int64_t deadline;
    int result;
};

static void wait_and_unlock_until(void *arg)
{
    struct late *late = arg;

    ppt_lock_acquire(late->lock, PPT_FOREVER);
    late->result = ppt_cond_wait_unlock(late->cond, late->lock,
                                        late->deadline);
}

/*
 * Moved to the lock's queue, where its deadline passes: unless that passed
 * before the thread began to wait.
 * Proves ppt_cond_wait_unlock 0.
 */
START_TEST(waiter_that_passes_returns_0_after_its_deadline_if_notified_before)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    struct late late = { &cond, &lock, ppt_deadline(100 * MS), -1 };
    worker_t worker;
    int notified;

    if (!pin_to(0))
        return;
    worker_start(&worker, wait_and_unlock_until, &late);
    await(worker_done(&worker)
          || (ppt_cond_waiting(&cond) == 1 && worker_asleep(&worker)));
    ppt_lock_acquire(&lock, PPT_FOREVER);
    notified = ppt_cond_signal(&cond);
    await(ppt_now() > late.deadline);
    ck_assert(notified == 0 || !worker_done(&worker));
    ppt_lock_release(&lock);
    worker_join(&worker);
    ck_assert_int_eq(late.result, notified == 1 ? 0 : ETIMEDOUT);
    ck_assert_int_eq(ppt_lock_destroy(&lock), 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        wait_unlock_returns_without_the_lock,
        wait_unlock_that_times_out_returns_without_the_lock,
        wait_unlock_that_is_refused_changes_nothing,
        wait_unlock_that_yields_is_one_that_does_not,
        release_wakes_those_that_pass_up_to_one_that_takes_the_lock,
        waiter_that_passes_returns_0_after_its_deadline_if_notified_before,
    };

    add_list(add_case(suite, "cond"), tests, LENGTH(tests));
}
