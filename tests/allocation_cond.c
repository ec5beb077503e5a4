/* SPDX-License-Identifier: MIT */
/* No call of cond.h or pthread.h allocates: test_allocation.c. */
#include "actors.h"

#include <time.h>

static void use_cond(stage_t *stage)
{
    CALL(ppt_cond_init)(&stage->cond);
    wants(stage, 0, CALL(ppt_cond_signal)(&stage->cond));
    wants(stage, 0, CALL(ppt_cond_signal_n)(&stage->cond, 2));
    wants(stage, 0, CALL(ppt_cond_signal_last)(&stage->cond));
    wants(stage, 0, CALL(ppt_cond_broadcast)(&stage->cond));
    wants(stage, 0u, CALL(ppt_cond_waiting)(&stage->cond));
    CALL(ppt_cond_after_fork)(&stage->cond);
    wants(stage, 0, CALL(ppt_cond_destroy)(&stage->cond));
}

static void time_out(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_TRY));
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_wait)(&stage->cond, &stage->lock, soon()));
}

static void time_out_and_unlock(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_TRY));
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_wait_unlock)(&stage->cond, &stage->lock, soon()));
    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_TRY));
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_wait_unlock_yielding)(&stage->cond, &stage->lock,
                                              soon()));
}

static void time_out_interruptibly(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_TRY));
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_wait_interruptible)(&stage->cond, &stage->lock,
                                            soon(), go_on, NULL));
}

static void time_out_with_mutex(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_wait_mutex)(&stage->cond, &stage->mutex, soon()));
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_wait_mutex_interruptible)(&stage->cond,
                                                  &stage->mutex, soon(),
                                                  go_on, NULL));
}

static void time_out_in_steps(stage_t *stage)
{
    ppt_waiter_t waiter;

    CALL(ppt_cond_enqueue)(&stage->cond, &waiter);
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_sleep)(&stage->cond, &waiter, soon()));
}

static void time_out_in_steps_uninterruptibly(stage_t *stage)
{
    ppt_waiter_t waiter;

    CALL(ppt_cond_enqueue_uninterruptible)(&stage->cond, &waiter);
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_sleep_uninterruptible)(&stage->cond, &waiter,
                                               soon()));
    wants(stage, false, CALL(ppt_cond_wakes_remotely)(&stage->cond));
    CALL(ppt_cond_enqueue_uninterruptible)(&stage->cond, &waiter);
    wants(stage, ETIMEDOUT,
          CALL(ppt_cond_sleep_yielding)(&stage->cond, &waiter, soon()));
}

static void cancel(stage_t *stage)
{
    ppt_waiter_t waiter;

    CALL(ppt_cond_enqueue)(&stage->cond, &waiter);
    wants(stage, 0, CALL(ppt_cond_cancel)(&stage->cond, &waiter));
}

START_TEST(no_call_of_a_condition_that_nobody_signals_allocates)
{
    static const part_fn parts[] = { use_cond, time_out, time_out_and_unlock,
                                     time_out_interruptibly,
                                     time_out_with_mutex,
                                     time_out_in_steps,
                                     time_out_in_steps_uninterruptibly,
                                     cancel };

    play_alone(parts, LENGTH(parts));
}
END_TEST

static void wait_with_lock(stage_t *stage)
{
    CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER);
    wants(stage, 0,
          CALL(ppt_cond_wait)(&stage->cond, &stage->lock, PPT_FOREVER));
    CALL(ppt_lock_release)(&stage->lock);
}

static void wait_and_unlock(stage_t *stage)
{
    CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER);
    wants(stage, 0,
          CALL(ppt_cond_wait_unlock)(&stage->cond, &stage->lock,
                                     PPT_FOREVER));
}

static void wait_interruptibly(stage_t *stage)
{
    CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER);
    wants(stage, 0,
          CALL(ppt_cond_wait_interruptible)(&stage->cond, &stage->lock,
                                            PPT_FOREVER, go_on, NULL));
    CALL(ppt_lock_release)(&stage->lock);
}

static void wait_in_steps(stage_t *stage)
{
    ppt_waiter_t waiter;

    CALL(ppt_cond_enqueue)(&stage->cond, &waiter);
    wants(stage, 0,
          CALL(ppt_cond_sleep)(&stage->cond, &waiter, PPT_FOREVER));
}

static void wait_with_mutex(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 0,
          CALL(ppt_cond_wait_mutex)(&stage->cond, &stage->mutex,
                                    PPT_FOREVER));
    pthread_mutex_unlock(&stage->mutex);
}

static void wait_with_mutex_interruptibly(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 0,
          CALL(ppt_cond_wait_mutex_interruptible)(&stage->cond,
                                                  &stage->mutex, PPT_FOREVER,
                                                  go_on, NULL));
    pthread_mutex_unlock(&stage->mutex);
}

static const part_fn waits[] = { wait_with_lock, wait_and_unlock,
                                 wait_interruptibly, wait_in_steps,
                                 wait_with_mutex,
                                 wait_with_mutex_interruptibly };

/* With the lock held: on one CPU the waiter is moved to the lock's queue. */
static void signal_with_lock(stage_t *stage)
{
    CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER);
    wants(stage, 1, CALL(ppt_cond_signal)(&stage->cond));
    CALL(ppt_lock_release)(&stage->lock);
}

static void signal_n(stage_t *stage)
{
    wants(stage, 1, CALL(ppt_cond_signal_n)(&stage->cond, 2));
}

static void signal_last(stage_t *stage)
{
    wants(stage, 1, CALL(ppt_cond_signal_last)(&stage->cond));
}

static void signal_unlock(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 1,
          CALL(ppt_cond_signal_unlock)(&stage->cond, &stage->mutex));
}

static void broadcast_unlock(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 1,
          CALL(ppt_cond_broadcast_unlock)(&stage->cond, &stage->mutex));
}

START_TEST(no_wait_that_is_signalled_allocates)
{
    play_with(signal_with_lock, waits, LENGTH(waits));
    play_with(signal_n, waits, LENGTH(waits));
    play_with(signal_last, waits, LENGTH(waits));
    play_with(signal_unlock, waits, LENGTH(waits));
    play_with(broadcast_unlock, waits, LENGTH(waits));
    pin_to(0); /* the threads that follow, too */
    play_with(signal_with_lock, waits, LENGTH(waits));
}
END_TEST

static void broadcast(stage_t *stage)
{
    CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER);
    wants(stage, LENGTH(waits), CALL(ppt_cond_broadcast)(&stage->cond));
    CALL(ppt_lock_release)(&stage->lock);
}

START_TEST(no_broadcast_and_no_interrupted_wait_allocates)
{
    stage_t stage = STAGE;
    actor_t waiting[LENGTH(waits)], waking;
    int i;

    signals_install(0);
    for (i = 0; i < LENGTH(waits); i++)
        start_and_sleep(&waiting[i], &stage, waits[i]);
    interrupt_until(&waiting[2].worker, signals_handled() > 3);
    start(&waking, &stage, broadcast);
    join(&waking);
    for (i = 0; i < LENGTH(waits); i++)
        join(&waiting[i]);
}
END_TEST

/* Waits that spin, or yield, and end before the thread has slept. */
static void take_turns(stage_t *stage)
{
    int64_t end = CALL(ppt_deadline)(200 * MS);

    CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER);
    while (CALL(ppt_now)() < end) {
        CALL(ppt_cond_signal)(&stage->cond);
        CALL(ppt_cond_wait)(&stage->cond, &stage->lock, end);
    }
    CALL(ppt_lock_release)(&stage->lock);
}

START_TEST(no_wait_of_a_pair_that_takes_turns_allocates)
{
    stage_t stage = STAGE;
    actor_t actors[2];
    int i;

    for (i = 0; i < LENGTH(actors); i++)
        start(&actors[i], &stage, take_turns);
    for (i = 0; i < LENGTH(actors); i++)
        join(&actors[i]);
}
END_TEST

/* The drop-in */

static void use_posix_cond(stage_t *stage)
{
    ppt_pthread_cond_t *cond = &stage->posix_cond;

    wants(stage, 0, CALL(ppt_pthread_cond_init)(cond, NULL));
    wants(stage, 0, CALL(ppt_pthread_cond_signal)(cond));
    wants(stage, 0, CALL(ppt_pthread_cond_broadcast)(cond));
    wants(stage, 0, CALL(ppt_pthread_cond_destroy)(cond));
}

static void time_out_on(stage_t *stage, clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    pthread_mutex_lock(&stage->mutex);
    wants(stage, ETIMEDOUT,
          CALL(ppt_pthread_cond_clockwait)(&stage->posix_cond, &stage->mutex,
                                           clock, &at));
    at.tv_nsec = (at.tv_nsec + MS) % SECOND;
    at.tv_sec += at.tv_nsec < MS;
    wants(stage, ETIMEDOUT,
          CALL(ppt_pthread_cond_clockwait)(&stage->posix_cond, &stage->mutex,
                                           clock, &at));
    pthread_mutex_unlock(&stage->mutex);
}

static void time_out_on_either_clock(stage_t *stage)
{
    time_out_on(stage, CLOCK_MONOTONIC);
    time_out_on(stage, CLOCK_REALTIME);
}

static void time_out_posix(stage_t *stage)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    pthread_mutex_lock(&stage->mutex);
    wants(stage, ETIMEDOUT,
          CALL(ppt_pthread_cond_timedwait)(&stage->posix_cond, &stage->mutex,
                                           &at));
}

START_TEST(no_call_of_the_drop_in_that_nobody_signals_allocates)
{
    static const part_fn parts[] = { use_posix_cond,
                                     time_out_on_either_clock,
                                     time_out_posix };

    play_alone(parts, LENGTH(parts));
}
END_TEST

static void wait_posix(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 0,
          CALL(ppt_pthread_cond_wait)(&stage->posix_cond, &stage->mutex));
    pthread_mutex_unlock(&stage->mutex);
}

static void timed_wait_posix(stage_t *stage)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += LIMIT / SECOND;
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 0,
          CALL(ppt_pthread_cond_timedwait)(&stage->posix_cond, &stage->mutex,
                                           &at));
    pthread_mutex_unlock(&stage->mutex);
}

static void signal_posix(stage_t *stage)
{
    pthread_mutex_lock(&stage->mutex);
    wants(stage, 0, CALL(ppt_pthread_cond_signal)(&stage->posix_cond));
    pthread_mutex_unlock(&stage->mutex);
}

static void broadcast_posix(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_pthread_cond_broadcast)(&stage->posix_cond));
}

START_TEST(no_call_of_the_drop_in_that_is_signalled_allocates)
{
    static const part_fn parts[] = { wait_posix, timed_wait_posix };

    play_with(signal_posix, parts, LENGTH(parts));
    play_with(broadcast_posix, parts, LENGTH(parts));
}
END_TEST

void add_cond_tests(TCase *tcase)
{
    const TTest *const tests[] = {
        no_call_of_a_condition_that_nobody_signals_allocates,
        no_wait_that_is_signalled_allocates,
        no_broadcast_and_no_interrupted_wait_allocates,
        no_wait_of_a_pair_that_takes_turns_allocates,
        no_call_of_the_drop_in_that_nobody_signals_allocates,
        no_call_of_the_drop_in_that_is_signalled_allocates,
    };

    add_list(tcase, tests, LENGTH(tests));
}
