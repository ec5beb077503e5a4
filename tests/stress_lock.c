/*
 * The lock under everything at once: tries, timeouts, interrupts, releases
 * by other threads, and memory that ends with the last release.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyplusthread/lock.h"

enum { THREADS = 8 };

/* What all threads of one test share. */
struct stage {
    ppt_lock_t lock;
    uint64_t seed;
    int stop;
    int threads; /* gives each its number */
    long inside; /* guarded by lock: how often it was taken */
    int taken;   /* how many acquires returned 0 */
    int odd;     /* results that no call may have */
};

static void stage_init(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    stage->seed = seed();
}

static int64_t some_deadline(dice_t *dice)
{
    switch (roll(dice, 4)) {
    case 0:
        return PPT_TRY;
    case 1:
        return PPT_FOREVER;
    case 2:
        return ppt_deadline(roll(dice, 2000) * US);
    default:
        return ppt_deadline(roll(dice, 50) * US);
    }
}

static int sometimes_give_up(void *arg)
{
    return roll(arg, 3) == 0 ? ECANCELED : 0;
}

static int some_acquire(ppt_lock_t *lock, dice_t *dice)
{
    int64_t deadline = some_deadline(dice);

    if (roll(dice, 2) == 0)
        return ppt_lock_acquire(lock, deadline);
    return ppt_lock_acquire_interruptible(
        lock, deadline, roll(dice, 2) == 0 ? NULL : sometimes_give_up, dice);
}

static bool expected(int result)
{
    return result == EBUSY || result == ETIMEDOUT || result == EINTR
           || result == ECANCELED;
}

static void hold_for_a_while(dice_t *dice)
{
    if (roll(dice, 16) == 0)
        sched_yield();
    if (roll(dice, 256) == 0)
        nap();
}

static void take_and_count(void *arg)
{
    struct stage *stage = arg;
    dice_t dice_mine = dice(stage->seed, bump(&stage->threads));

    while (!peek(&stage->stop)) {
        int result = some_acquire(&stage->lock, &dice_mine);

        if (result == 0) {
            long inside = stage->inside;

            bump(&stage->taken);
            hold_for_a_while(&dice_mine);
            stage->inside = inside + 1;
            result = ppt_lock_release(&stage->lock);
            if (result != 0)
                bump(&stage->odd);
        } else if (!expected(result)) {
            bump(&stage->odd);
        }
    }
}

static void interrupt_until_end(struct stage *stage, const worker_t *workers)
{
    int64_t end = stress_end();
    dice_t dice_mine = dice(stage->seed, bump(&stage->threads));

    while (ppt_now() < end) {
        worker_interrupt(&workers[roll(&dice_mine, THREADS)]);
        if (roll(&dice_mine, 8) == 0)
            nap();
        else
            sched_yield();
    }
    poke(&stage->stop, 1);
}

/* Proves ppt_lock_t Orders. */
START_TEST(one_holder_at_a_time_whatever_ends_the_waits)
{
    worker_t workers[THREADS];
    struct stage stage;
    int i;

    signals_install(0);
    stage_init(&stage);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], take_and_count, &stage);
    interrupt_until_end(&stage, workers);
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# taken %d times\n", stage.taken);
    ck_assert_int_eq(stage.odd, 0);
    ck_assert_int_eq(stage.inside, stage.taken);
    ck_assert_uint_eq(ppt_lock_waiting(&stage.lock), 0);
    ck_assert_int_eq(ppt_lock_destroy(&stage.lock), 0);
}
END_TEST

/* No wake-up is lost: every lock is released by another thread */

struct ring {
    ppt_lock_t turn[THREADS]; /* free: it is this thread's turn */
    int threads;
    int stop;
    long rounds; /* guarded by having the turn */
};

static void pass_on(void *arg)
{
    struct ring *ring = arg;
    int me = bump(&ring->threads);
    bool more = true;

    while (more) {
        ppt_lock_acquire(&ring->turn[me], PPT_FOREVER);
        ring->rounds++;
        more = ring->rounds <= THREADS || !peek(&ring->stop);
        ppt_lock_release(&ring->turn[(me + 1) % THREADS]);
    }
}

/* Proves ppt_lock_release 0, lock.c L1. */
START_TEST(no_release_is_lost)
{
    int64_t end = stress_end();
    worker_t workers[THREADS];
    struct ring ring = { .rounds = 0 };
    int i;

    for (i = 1; i < THREADS; i++)
        ck_assert_int_eq(ppt_lock_acquire(&ring.turn[i], PPT_TRY), 0);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], pass_on, &ring);
    while (ppt_now() < end)
        nap();
    poke(&ring.stop, 1);
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# %ld turns\n", ring.rounds);
    ck_assert_int_gt(ring.rounds, THREADS);
}
END_TEST

/* The last to release the lock frees it */

struct object {
    ppt_lock_t lock;
    int users; /* guarded by lock */
};

struct owners {
    struct object *object;
    int odd;
};

static void use_and_drop(void *arg)
{
    struct owners *owners = arg;
    struct object *object = owners->object;
    bool last;

    ppt_lock_acquire(&object->lock, PPT_FOREVER);
    last = --object->users == 0;
    ppt_lock_release(&object->lock);
    if (!last)
        return;
    if (ppt_lock_destroy(&object->lock) != 0)
        bump(&owners->odd);
    memset(object, 0xdd, sizeof *object);
    free(object);
}

/* Proves ppt_lock_destroy 0, lock.c L4. */
START_TEST(last_user_may_free_the_lock)
{
    int64_t end = stress_end();
    struct owners owners = { 0 };
    int rounds;

    for (rounds = 0; ppt_now() < end; rounds++) {
        worker_t workers[4];
        int i;

        owners.object = calloc(1, sizeof *owners.object);
        ck_assert_ptr_nonnull(owners.object);
        owners.object->users = LENGTH(workers);
        for (i = 0; i < LENGTH(workers); i++)
            worker_start(&workers[i], use_and_drop, &owners);
        for (i = 0; i < LENGTH(workers); i++)
            worker_join(&workers[i]);
    }
    printf("# %d locks\n", rounds);
    ck_assert_int_eq(owners.odd, 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        one_holder_at_a_time_whatever_ends_the_waits,
        no_release_is_lost,
        last_user_may_free_the_lock,
    };

    add_list(add_case(suite, "lock"), tests, LENGTH(tests));
}
