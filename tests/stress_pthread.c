/* SPDX-License-Identifier: MIT */
/* The drop-in under cancellations that race with signals and timeouts. */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pyplusthread/pthread.h"

enum { THREADS = 6 };

/* Tokens that threads wait for, some of which are cancelled. */
struct stage {
    ppt_pthread_cond_t cond;
    pthread_mutex_t mutex; /* error-checking */
    uint64_t seed;
    int threads;  /* gives each its number */
    bool timed;   /* some waits have a deadline */
    int tokens;   /* guarded by mutex, as is the rest */
    long taken;
    long given;
    bool stop;
    int cancelled;
    int odd;      /* a mutex that was not held */
};

static void stage_init(struct stage *stage, bool timed)
{
    pthread_mutexattr_t attr;

    memset(stage, 0, sizeof *stage);
    stage->seed = seed();
    stage->timed = timed;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    ck_assert_int_eq(pthread_mutex_init(&stage->mutex, &attr), 0);
    pthread_mutexattr_destroy(&attr);
    ck_assert_int_eq(ppt_pthread_cond_init(&stage->cond, NULL), 0);
}

static void stage_destroy(struct stage *stage)
{
    ck_assert_int_eq(ppt_pthread_cond_destroy(&stage->cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&stage->mutex), 0);
}

static struct timespec in_us(uint32_t us)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += (long)us * 1000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void some_wait(struct stage *stage, dice_t *dice)
{
    struct timespec at = in_us(roll(dice, 200));

    if (stage->timed && roll(dice, 2) == 0)
        ppt_pthread_cond_timedwait(&stage->cond, &stage->mutex, &at);
    else
        ppt_pthread_cond_wait(&stage->cond, &stage->mutex);
}

static void unlock(void *arg)
{
    struct stage *stage = arg;

    if (pthread_mutex_unlock(&stage->mutex) != 0)
        bump(&stage->odd);
}

static void take_tokens(void *arg)
{
    struct stage *stage = arg;
    dice_t mine = dice(stage->seed, bump(&stage->threads));

    pthread_mutex_lock(&stage->mutex);
    pthread_cleanup_push(unlock, stage);
    while (!stage->stop) {
        while (stage->tokens == 0 && !stage->stop)
            some_wait(stage, &mine);
        if (stage->tokens > 0) {
            stage->tokens--;
            stage->taken++;
        }
    }
    pthread_cleanup_pop(1);
}

static void give_token(struct stage *stage, dice_t *dice)
{
    pthread_mutex_lock(&stage->mutex);
    stage->tokens++;
    stage->given++;
    if (roll(dice, 2) == 0) {
        ppt_pthread_cond_signal(&stage->cond);
        pthread_mutex_unlock(&stage->mutex);
    } else {
        pthread_mutex_unlock(&stage->mutex);
        ppt_pthread_cond_signal(&stage->cond);
    }
}

static bool all_taken(struct stage *stage)
{
    bool all;

    pthread_mutex_lock(&stage->mutex);
    all = stage->tokens == 0;
    pthread_mutex_unlock(&stage->mutex);
    return all;
}

/*
 * Give tokens, cancel one of the threads at about the same time, and see that
 * the others take the tokens all the same: a signal that went down with a
 * cancelled thread would leave one behind.
 */
static void give_and_cancel(struct stage *stage, worker_t *workers,
                            dice_t *dice)
{
    worker_t *victim = &workers[roll(dice, THREADS - 1)];
    uint32_t tokens = roll(dice, THREADS), when = roll(dice, THREADS);
    uint32_t i;

    for (i = 0; i < THREADS; i++) {
        if (i == when)
            pthread_cancel(victim->thread);
        if (i < tokens)
            give_token(stage, dice);
    }
    worker_join(victim);
    await(all_taken(stage));
    worker_start(victim, take_tokens, stage);
    stage->cancelled++;
}

static void run(bool timed)
{
    int64_t end = stress_end();
    worker_t workers[THREADS];
    struct stage stage;
    dice_t mine;
    int i;

    stage_init(&stage, timed);
    mine = dice(stage.seed, bump(&stage.threads));
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], take_tokens, &stage);
    while (ppt_now() < end)
        give_and_cancel(&stage, workers, &mine);
    pthread_mutex_lock(&stage.mutex);
    stage.stop = true;
    ppt_pthread_cond_broadcast(&stage.cond);
    pthread_mutex_unlock(&stage.mutex);
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# %ld tokens, %d cancelled\n", stage.given, stage.cancelled);
    ck_assert_int_eq(stage.given, stage.taken);
    ck_assert_int_eq(stage.odd, 0);
    stage_destroy(&stage);
}

/* Proves pthread.c D2. */
START_TEST(cancelled_threads_take_no_signal_with_them)
{
    run(false);
}
END_TEST

/* Proves pthread.c D2. */
START_TEST(cancelled_threads_and_timeouts_take_no_signal_with_them)
{
    run(true);
}
END_TEST

/* Cancelled, notified by a broadcast, and the memory is gone */

struct mortal {
    ppt_pthread_cond_t *cond;
    pthread_mutex_t mutex;
};

static void unlock_mutex(void *mutex)
{
    pthread_mutex_unlock(mutex);
}

static void wait_once(void *arg)
{
    struct mortal *mortal = arg;

    pthread_mutex_lock(&mortal->mutex);
    pthread_cleanup_push(unlock_mutex, &mortal->mutex);
    ppt_pthread_cond_wait(mortal->cond, &mortal->mutex);
    pthread_cleanup_pop(1);
}

static void cancel_and_free(dice_t *dice)
{
    struct mortal mortal = { malloc(sizeof *mortal.cond),
                             PTHREAD_MUTEX_INITIALIZER };
    uint32_t victim = roll(dice, 3);
    worker_t workers[2];
    int i;

    ck_assert_ptr_nonnull(mortal.cond);
    ck_assert_int_eq(ppt_pthread_cond_init(mortal.cond, NULL), 0);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], wait_once, &mortal);
    await(ppt_cond_waiting(&mortal.cond->cond) == 2);
    if (victim < 2)
        pthread_cancel(workers[victim].thread);
    pthread_mutex_lock(&mortal.mutex);
    ppt_pthread_cond_broadcast(mortal.cond);
    pthread_mutex_unlock(&mortal.mutex);
    ck_assert_int_eq(ppt_pthread_cond_destroy(mortal.cond), 0);
    memset(mortal.cond, 0xdd, sizeof *mortal.cond);
    free(mortal.cond);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
}

/* Proves ppt_pthread_cond_destroy, pthread.c D1. */
START_TEST(condition_may_be_freed_while_a_thread_is_cancelled)
{
    int64_t end = stress_end();
    dice_t mine = dice(seed(), 0);
    int rounds;

    for (rounds = 0; ppt_now() < end; rounds++)
        cancel_and_free(&mine);
    printf("# %d conditions\n", rounds);
}
END_TEST

/* The woken thread unlocks the mutex that the signal has unlocked */

enum { HANDOVERS = 4 };

struct relay {
    ppt_cond_t cond[2];
    pthread_mutex_t mutex;
    int threads;
    int turn; /* guarded by mutex, as is the rest */
    bool stop;
    long turns;
    int odd;
};

static void relay_on(void *arg)
{
    struct relay *relay = arg;
    int me = bump(&relay->threads) % 2;
    bool more = true;

    while (more) {
        int notified;

        pthread_mutex_lock(&relay->mutex);
        while (relay->turn != me && !relay->stop)
            ppt_cond_wait_mutex(&relay->cond[me], &relay->mutex,
                                PPT_FOREVER);
        relay->turn = !me;
        relay->turns++;
        more = !relay->stop;
        notified = more ? ppt_cond_signal_unlock(&relay->cond[!me],
                                               &relay->mutex)
                      : ppt_cond_broadcast_unlock(&relay->cond[!me],
                                                  &relay->mutex);
        if (notified < 0)
            bump(&relay->odd);
    }
}

/* Proves ppt_cond_signal_unlock Returns. */
START_TEST(signals_that_unlock_lose_no_wake_up)
{
    int64_t end = stress_end();
    struct relay relay = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    worker_t workers[HANDOVERS];
    int i;

    for (i = 0; i < HANDOVERS; i++)
        worker_start(&workers[i], relay_on, &relay);
    while (ppt_now() < end)
        nap();
    pthread_mutex_lock(&relay.mutex);
    relay.stop = true;
    ppt_cond_broadcast(&relay.cond[0]);
    ck_assert_int_ge(ppt_cond_broadcast_unlock(&relay.cond[1],
                                               &relay.mutex), 0);
    for (i = 0; i < HANDOVERS; i++)
        worker_join(&workers[i]);
    printf("# %ld turns\n", relay.turns);
    ck_assert_int_eq(relay.odd, 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        signals_that_unlock_lose_no_wake_up,
    };
    const TTest *const cancellations[] = {
        cancelled_threads_take_no_signal_with_them,
        cancelled_threads_and_timeouts_take_no_signal_with_them,
        condition_may_be_freed_while_a_thread_is_cancelled,
    };
    TCase *cancellation = add_case(suite, "cancellation");

    add_list(add_case(suite, "pthread"), tests, LENGTH(tests));
    tcase_set_tags(cancellation, "cancellation_race");
    add_list(cancellation, cancellations, LENGTH(cancellations));
}
