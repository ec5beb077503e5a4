/*
 * The semaphore under everything at once: tries, timeouts, interrupts,
 * releases of several units, and memory that ends with the last unit.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyplusthread/semaphore.h"

enum { THREADS = 8, UNITS = 3 };

/* What all threads of one test share. */
struct stage {
    ppt_semaphore_t semaphore;
    uint64_t seed;
    int stop;
    int threads; /* gives each its number */
    int holders; /* who have a unit, and say so */
    int taken;   /* how many acquires returned 0 */
    int given;   /* how many units were released */
    int odd;     /* results that no call may have */
};

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
    if (roll(arg, 8) == 0)
        nap();
    return roll(arg, 3) == 0 ? ECANCELED : 0;
}

static int some_acquire(ppt_semaphore_t *semaphore, dice_t *dice)
{
    int64_t deadline = some_deadline(dice);

    if (roll(dice, 2) == 0)
        return ppt_semaphore_acquire(semaphore, deadline);
    return ppt_semaphore_acquire_interruptible(
        semaphore, deadline, roll(dice, 2) == 0 ? NULL : sometimes_give_up,
        dice);
}

static bool expected(int result)
{
    return result == EBUSY || result == ETIMEDOUT || result == EINTR
           || result == ECANCELED;
}

static void work_for_a_while(dice_t *dice)
{
    if (roll(dice, 16) == 0)
        sched_yield();
    if (roll(dice, 256) == 0)
        nap();
}

static void use_unit(struct stage *stage, dice_t *dice)
{
    bump(&stage->taken);
    if (bump(&stage->holders) >= UNITS)
        bump(&stage->odd);
    work_for_a_while(dice);
    __atomic_fetch_sub(&stage->holders, 1, __ATOMIC_ACQ_REL);
    if (ppt_semaphore_release(&stage->semaphore, 1) != 0)
        bump(&stage->odd);
}

/* Take all that can be had at once, and give them back together. */
static void use_several(struct stage *stage)
{
    uint32_t units = 0;

    while (units < UNITS
           && ppt_semaphore_acquire(&stage->semaphore, PPT_TRY) == 0)
        units++;
    if (ppt_semaphore_release(&stage->semaphore, units) != 0)
        bump(&stage->odd);
}

static void take_and_count(void *arg)
{
    struct stage *stage = arg;
    dice_t dice_mine = dice(stage->seed, bump(&stage->threads));

    while (!peek(&stage->stop)) {
        int result = some_acquire(&stage->semaphore, &dice_mine);

        if (result == 0)
            use_unit(stage, &dice_mine);
        else if (!expected(result))
            bump(&stage->odd);
        if (roll(&dice_mine, 8) == 0)
            use_several(stage);
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

/* Proves semaphore.c S2. */
START_TEST(units_are_conserved_whatever_ends_the_waits)
{
    struct stage stage = { .seed = seed() };
    worker_t workers[THREADS];
    int i;

    signals_install(0);
    ppt_semaphore_init(&stage.semaphore, UNITS);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], take_and_count, &stage);
    interrupt_until_end(&stage, workers);
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# taken %d times\n", stage.taken);
    ck_assert_int_eq(stage.odd, 0);
    ck_assert_uint_eq(ppt_semaphore_value(&stage.semaphore), UNITS);
    ck_assert_uint_eq(ppt_semaphore_waiting(&stage.semaphore), 0);
    ck_assert_int_eq(ppt_semaphore_destroy(&stage.semaphore), 0);
}
END_TEST

/* Units that are made and used up: as many as were made can be had */

static void take_until_stopped(void *arg)
{
    struct stage *stage = arg;
    dice_t dice_mine = dice(stage->seed, bump(&stage->threads));

    for (;;) {
        int result = some_acquire(&stage->semaphore, &dice_mine);

        if (result == 0)
            bump(&stage->taken);
        else if (!expected(result))
            bump(&stage->odd);
        if (result != 0 && peek(&stage->stop))
            return;
    }
}

/* Several at once: each finds what the others have made of the word. */
static void give_until_end(void *arg)
{
    struct stage *stage = arg;
    int64_t end = stress_end();
    dice_t dice_mine = dice(stage->seed, bump(&stage->threads));

    while (ppt_now() < end) {
        uint32_t units = roll(&dice_mine, 3);

        if (ppt_semaphore_release(&stage->semaphore, units) != 0)
            bump(&stage->odd);
        __atomic_fetch_add(&stage->given, (int)units, __ATOMIC_ACQ_REL);
        work_for_a_while(&dice_mine);
    }
}

static bool all_done(const worker_t *workers, int n)
{
    while (n > 0 && worker_done(&workers[n - 1]))
        n--;
    return n == 0;
}

static void interrupt_one_of(const worker_t *workers, dice_t *dice)
{
    worker_interrupt(&workers[roll(dice, THREADS)]);
    sched_yield();
}

/* Proves ppt_semaphore_release 0. */
START_TEST(as_many_units_are_taken_as_are_released)
{
    struct stage stage = { .seed = seed() };
    worker_t workers[THREADS], givers[UNITS];
    dice_t dice_mine = dice(stage.seed, bump(&stage.threads));
    int i;

    signals_install(0);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], take_until_stopped, &stage);
    for (i = 0; i < LENGTH(givers); i++)
        worker_start(&givers[i], give_until_end, &stage);
    while (!all_done(givers, LENGTH(givers)))
        interrupt_one_of(workers, &dice_mine);
    for (i = 0; i < LENGTH(givers); i++)
        worker_join(&givers[i]);
    await(peek(&stage.taken) == stage.given);
    poke(&stage.stop, 1);
    for (i = 0; i < THREADS; i++)
        while (!worker_done(&workers[i])) { /* it waits for ever, or not */
            stage.given++;
            ppt_semaphore_release(&stage.semaphore, 1);
            nap();
        }
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# %d units\n", stage.taken);
    ck_assert_int_eq(stage.odd, 0);
    ck_assert_uint_eq(ppt_semaphore_value(&stage.semaphore),
                      (uint32_t)(stage.given - stage.taken));
    ck_assert_int_eq(ppt_semaphore_destroy(&stage.semaphore), 0);
}
END_TEST

/* The thread that takes the last unit frees the semaphore */

enum { GIVERS = 3 };

struct owner {
    ppt_semaphore_t *semaphore;
    int odd;
};

static void give_one(void *arg)
{
    ppt_semaphore_release(arg, 1);
}

static void take_all_and_free(void *arg)
{
    struct owner *owner = arg;
    ppt_semaphore_t *semaphore = owner->semaphore;
    int i;

    for (i = 0; i < GIVERS; i++)
        ppt_semaphore_acquire(semaphore, PPT_FOREVER);
    if (ppt_semaphore_destroy(semaphore) != 0)
        owner->odd++;
    memset(semaphore, 0xdd, sizeof *semaphore);
    free(semaphore);
}

/* Proves ppt_semaphore_destroy 0, semaphore.c S5. */
START_TEST(last_taker_may_free_the_semaphore)
{
    int64_t end = stress_end();
    struct owner owner = { 0 };
    int rounds;

    for (rounds = 0; ppt_now() < end; rounds++) {
        worker_t givers[GIVERS], taker;
        int i;

        owner.semaphore = calloc(1, sizeof *owner.semaphore);
        ck_assert_ptr_nonnull(owner.semaphore);
        worker_start(&taker, take_all_and_free, &owner);
        for (i = 0; i < GIVERS; i++)
            worker_start(&givers[i], give_one, owner.semaphore);
        for (i = 0; i < GIVERS; i++)
            worker_join(&givers[i]);
        worker_join(&taker);
    }
    printf("# %d semaphores\n", rounds);
    ck_assert_int_eq(owner.odd, 0);
}
END_TEST

/* The thread that takes what a release leaves over ends the memory */

static void take_one(void *arg)
{
    ppt_semaphore_acquire(arg, PPT_FOREVER);
}

static void take_rest_and_end(void *arg)
{
    ppt_semaphore_t *semaphore = arg;

    while (ppt_semaphore_acquire(semaphore, PPT_TRY) != 0)
        ;
    ppt_semaphore_destroy(semaphore);
    memset(semaphore, 0xdd, sizeof *semaphore);
}

/* Proves semaphore.c S5. */
START_TEST(release_does_not_touch_a_semaphore_whose_rest_is_taken)
{
    int64_t end = stress_end();
    ppt_semaphore_t ended, semaphore;
    int rounds;

    memset(&ended, 0xdd, sizeof ended);
    for (rounds = 0; ppt_now() < end; rounds++) {
        worker_t waiting, polling;

        ppt_semaphore_init(&semaphore, 0);
        worker_start(&waiting, take_one, &semaphore);
        await(ppt_semaphore_waiting(&semaphore) == 1);
        worker_start(&polling, take_rest_and_end, &semaphore);
        while (!peek(&polling.started))
            sched_yield();
        ppt_semaphore_release(&semaphore, 2);
        worker_join(&waiting);
        worker_join(&polling);
        ck_assert_mem_eq(&semaphore, &ended, sizeof ended);
    }
    printf("# %d rounds\n", rounds);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        units_are_conserved_whatever_ends_the_waits,
        as_many_units_are_taken_as_are_released,
        last_taker_may_free_the_semaphore,
        release_does_not_touch_a_semaphore_whose_rest_is_taken,
    };

    add_list(add_case(suite, "semaphore"), tests, LENGTH(tests));
}
