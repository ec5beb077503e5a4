/*
 * The promises of cond.h that only a ppt_lock_t or a wait in steps can keep;
 * those of every condition are in test_cond.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <string.h>

#include "pyplusthread/cond.h"
#include "pyplusthread/lock.h"

/* A thread that waits once. */
typedef struct waiter {
    worker_t worker;
    ppt_cond_t *cond;
    ppt_lock_t *lock;
    int *stay; /* where it is not 0, a thread with the lock keeps it */
    int result;
    int released;
} waiter_t;

static void wait_once(void *arg)
{
    waiter_t *waiter = arg;

    ppt_lock_acquire(waiter->lock, PPT_FOREVER);
    waiter->result = ppt_cond_wait(waiter->cond, waiter->lock, PPT_FOREVER);
    waiter->released = ppt_lock_release(waiter->lock);
}

static void start_with(waiter_t *waiter, ppt_cond_t *cond, ppt_lock_t *lock,
                       void (*wait)(void *))
{
    unsigned before = ppt_cond_waiting(cond);

    waiter->cond = cond;
    waiter->lock = lock;
    worker_start(&waiter->worker, wait, waiter);
    await(ppt_cond_waiting(cond) == before + 1);
    await(worker_asleep(&waiter->worker));
}

static void start(waiter_t *waiter, ppt_cond_t *cond, ppt_lock_t *lock)
{
    start_with(waiter, cond, lock, wait_once);
}

static void join(waiter_t *waiter)
{
    worker_join(&waiter->worker);
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_int_eq(waiter->released, 0);
}

/* A wait in steps on the test's own thread, for a signal that has come. */
static int sleep_now(ppt_cond_t *cond, ppt_waiter_t *waiter)
{
    return ppt_cond_sleep(cond, waiter, PPT_FOREVER);
}

/* Signals reach a waiter of cond, and it has no other. */
static void ck_new(ppt_cond_t *cond)
{
    ppt_waiter_t waiter;

    ck_assert_uint_eq(ppt_cond_waiting(cond), 0);
    ck_assert_int_eq(ppt_cond_broadcast(cond), 0);
    ppt_cond_enqueue(cond, &waiter);
    ck_assert_uint_eq(ppt_cond_waiting(cond), 1);
    ck_assert_int_eq(ppt_cond_broadcast(cond), 1);
    ck_assert_int_eq(sleep_now(cond, &waiter), 0);
    ck_assert_int_eq(ppt_cond_destroy(cond), 0);
}

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

/* In steps */

START_TEST(waiter_needs_no_initialisation)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;
    int byte;

    for (byte = 0; byte < 256; byte += 51) {
        memset(&waiter, byte, sizeof waiter);
        ppt_cond_enqueue(&cond, &waiter);
        ck_assert_int_eq(ppt_cond_signal(&cond), 1);
        ck_assert_int_eq(sleep_now(&cond, &waiter), 0);
    }
}
END_TEST

/* Proves ppt_cond_enqueue, cond.c C1. */
START_TEST(enqueue_takes_a_place_that_a_signal_may_choose_before_the_sleep)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t first, second;

    ppt_cond_enqueue(&cond, &first);
    ppt_cond_enqueue(&cond, &second);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 2);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &second), 0);
    ck_assert_int_eq(sleep_now(&cond, &first), 0);
}
END_TEST

/* Proves ppt_cond_sleep 0. */
START_TEST(signal_chooses_it_even_when_the_deadline_has_passed)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, PPT_TRY), 0);
}
END_TEST

/*
 * Not told where the machine has one CPU, or the system no such command.
 * Proves ppt_cond_wakes_remotely, ppt_woken_remotely.
 */
START_TEST(waiter_knows_whether_it_was_woken_from_another_cpu)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t near, far;

    if (!pin_to(0))
        return;
    ppt_cond_enqueue(&cond, &near);
    ppt_cond_enqueue(&cond, &far);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(sleep_now(&cond, &near), 0);
    ck_assert(!ppt_woken_remotely());
    ck_assert(!ppt_cond_wakes_remotely(&cond));
    ck_assert(!pin_to(1) || ppt_cond_signal(&cond) == 1);
    if (ppt_cond_cancel(&cond, &far) == EALREADY) {
        ck_assert(ppt_woken_remotely());
        ck_assert(ppt_cond_wakes_remotely(&cond));
    }
}
END_TEST

/* Waits that return without the lock */

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

/* Moved to the lock's queue, where its deadline passes. */
/* Proves ppt_cond_wait_unlock 0. */
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
    await(ppt_cond_waiting(&cond) == 1 && worker_asleep(&worker));
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

/* Proves ppt_cond_sleep ETIMEDOUT. */
START_TEST(timeout_of_sleep_is_never_early_and_ends_the_wait)
{
    static const int64_t timeouts[] = { 0, 1, 50 * US, MS, 20 * MS };
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;
    int i;

    for (i = 0; i < LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i]);

        ppt_cond_enqueue(&cond, &waiter);
        ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, deadline),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_uint_eq(ppt_cond_waiting(&cond), 0);
        ck_assert_int_eq(ppt_cond_signal(&cond), 0);
    }
}
END_TEST

/* Proves ppt_cond_sleep EINVAL. */
START_TEST(negative_deadline_of_sleep_is_refused_and_the_place_is_kept)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, -1), EINVAL);
    ck_assert_int_eq(ppt_cond_sleep(&cond, &waiter, INT64_MIN), EINVAL);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 1);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(sleep_now(&cond, &waiter), 0);
}
END_TEST

/* Proves ppt_cond_cancel 0. */
START_TEST(cancel_gives_up_the_place_and_consumes_no_signal)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t waiters[3];
    int i;

    for (i = 0; i < 3; i++)
        ppt_cond_enqueue(&cond, &waiters[i]);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &waiters[1]), 0);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 2);
    ck_assert_int_eq(ppt_cond_signal_n(&cond, 3), 2);
    ck_assert_int_eq(sleep_now(&cond, &waiters[0]), 0);
    ck_assert_int_eq(sleep_now(&cond, &waiters[2]), 0);
}
END_TEST

/* Proves ppt_cond_cancel EALREADY. */
START_TEST(cancel_says_when_a_signal_had_notified_the_waiter)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    ppt_waiter_t first, second;

    ppt_cond_enqueue(&cond, &first);
    ppt_cond_enqueue(&cond, &second);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1);
    ck_assert_int_eq(ppt_cond_cancel(&cond, &first), EALREADY);
    ck_assert_int_eq(ppt_cond_signal(&cond), 1); /* pass it on */
    ck_assert_int_eq(sleep_now(&cond, &second), 0);
}
END_TEST

/* What a thread that waits in steps did. */
struct steps {
    ppt_cond_t cond;
    int interrupts; /* how often sleep returned EINTR */
    int enough;     /* then it gives up */
    int slept;      /* what sleep returned at last */
    int cancelled;  /* what cancel returned */
};

static void take_steps(void *arg)
{
    struct steps *steps = arg;
    ppt_waiter_t waiter;

    ppt_cond_enqueue(&steps->cond, &waiter);
    do {
        steps->slept = sleep_now(&steps->cond, &waiter);
        if (steps->slept == EINTR)
            bump(&steps->interrupts);
    } while (steps->slept == EINTR && !peek(&steps->enough));
    if (steps->slept == EINTR)
        steps->cancelled = ppt_cond_cancel(&steps->cond, &waiter);
}

/* Proves ppt_cond_sleep EINTR. */
START_TEST(interrupted_sleep_keeps_the_place_and_may_be_resumed)
{
    struct steps steps = { .cond = PPT_COND_INITIALIZER };
    worker_t worker;

    signals_install(0);
    worker_start(&worker, take_steps, &steps);
    interrupt_until(&worker, peek(&steps.interrupts) >= 3);
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 1);
    ck_assert_int_eq(ppt_cond_signal(&steps.cond), 1);
    worker_join(&worker);
    ck_assert_int_eq(steps.slept, 0);
}
END_TEST

/* Proves ppt_cond_sleep EINTR. */
START_TEST(interrupted_sleep_may_be_cancelled)
{
    struct steps steps = { .cond = PPT_COND_INITIALIZER, .cancelled = -1 };
    worker_t worker;

    signals_install(0);
    poke(&steps.enough, 1);
    worker_start(&worker, take_steps, &steps);
    interrupt_until(&worker, worker_done(&worker));
    worker_join(&worker);
    ck_assert_int_eq(steps.slept, EINTR);
    ck_assert_int_eq(steps.cancelled, 0);
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 0);
}
END_TEST

static void take_steps_to_the_end(void *arg)
{
    struct steps *steps = arg;
    ppt_waiter_t waiter;

    ppt_cond_enqueue_uninterruptible(&steps->cond, &waiter);
    steps->slept = ppt_cond_sleep_uninterruptible(&steps->cond, &waiter,
                                                  PPT_FOREVER);
}

/* Proves ppt_cond_enqueue_uninterruptible. */
START_TEST(handler_does_not_end_a_sleep_that_is_not_interruptible)
{
    struct steps steps = { .cond = PPT_COND_INITIALIZER, .slept = -1 };
    int before = signals_handled();
    worker_t worker;

    signals_install(0);
    worker_start(&worker, take_steps_to_the_end, &steps);
    interrupt_until(&worker, signals_handled() >= before + 3);
    await(worker_asleep(&worker));
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 1);
    ck_assert_int_eq(ppt_cond_signal(&steps.cond), 1);
    worker_join(&worker);
    ck_assert_int_eq(steps.slept, 0);
}
END_TEST

/* Proves ppt_cond_enqueue_uninterruptible. */
START_TEST(timeout_of_a_sleep_that_is_not_interruptible_ends_the_wait)
{
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    int64_t deadline = ppt_deadline(10 * MS);
    ppt_waiter_t waiter;

    ppt_cond_enqueue_uninterruptible(&cond, &waiter);
    ck_assert_int_eq(ppt_cond_sleep_uninterruptible(&cond, &waiter, -1),
                     EINVAL);
    ck_assert_uint_eq(ppt_cond_waiting(&cond), 1);
    ck_assert_int_eq(ppt_cond_sleep_uninterruptible(&cond, &waiter, deadline),
                     ETIMEDOUT);
    ck_assert_int_ge(ppt_now(), deadline);
    ck_new(&cond);
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
        waiter_needs_no_initialisation,
        enqueue_takes_a_place_that_a_signal_may_choose_before_the_sleep,
        wait_unlock_returns_without_the_lock,
        wait_unlock_that_times_out_returns_without_the_lock,
        wait_unlock_that_is_refused_changes_nothing,
        release_wakes_those_that_pass_up_to_one_that_takes_the_lock,
        waiter_that_passes_returns_0_after_its_deadline_if_notified_before,
        wait_takes_the_lock_as_it_was_held,
        waiter_knows_whether_it_was_woken_from_another_cpu,
        signal_chooses_it_even_when_the_deadline_has_passed,
        timeout_of_sleep_is_never_early_and_ends_the_wait,
        negative_deadline_of_sleep_is_refused_and_the_place_is_kept,
        cancel_gives_up_the_place_and_consumes_no_signal,
        cancel_says_when_a_signal_had_notified_the_waiter,
        interrupted_sleep_keeps_the_place_and_may_be_resumed,
        interrupted_sleep_may_be_cancelled,
        handler_does_not_end_a_sleep_that_is_not_interruptible,
        timeout_of_a_sleep_that_is_not_interruptible_ends_the_wait,
        writes_before_the_signal_are_seen,
        child_forgets_the_parents_waiters_and_the_parent_does_not,
        fork_may_catch_the_condition_in_any_state,
    };

    add_list(add_case(suite, "cond"), tests, LENGTH(tests));
}
