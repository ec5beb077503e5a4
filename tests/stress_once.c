/*
 * Once under everything at once: many threads come at the same time, some
 * leave their routines, and the first that finds it done ends the memory.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "pyplusthread/once.h"

enum { THREADS = 6 };

/* What all threads of one round share. */
struct stage {
    ppt_once_t once;
    uint64_t seed;
    int threads;  /* gives each its number */
    int gate;     /* they wait here for the last one */
    int running;
    int finished; /* by the routine that returned */
    int odd;      /* what no thread may see */
};

static void do_or_leave(void *arg)
{
    struct stage *stage = arg;
    dice_t dice_mine = dice(stage->seed, peek(&stage->finished));
    bool leaves;

    if (bump(&stage->running) != 0 || stage->finished != 0)
        bump(&stage->odd);
    leaves = roll(&dice_mine, 3) == 0;
    stage->seed++;
    __atomic_fetch_sub(&stage->running, 1, __ATOMIC_ACQ_REL);
    if (leaves)
        pthread_exit(NULL);
    stage->finished++;
}

static void come(void *arg)
{
    struct stage *stage = arg;

    bump(&stage->gate);
    while (peek(&stage->gate) < THREADS)
        sched_yield();
    ppt_once_run(&stage->once, do_or_leave, stage);
    if (stage->finished != 1)
        bump(&stage->odd);
}

/* Proves once.c O5. */
START_TEST(routine_is_finished_once_whoever_leaves_it)
{
    int64_t end = stress_end();
    uint64_t first_seed = seed();
    int left = 0;
    int rounds;

    for (rounds = 0; ppt_now() < end; rounds++) {
        struct stage stage = { .seed = first_seed + 7 * (uint64_t)rounds };
        worker_t workers[THREADS];
        int i;

        for (i = 0; i < THREADS; i++)
            worker_start(&workers[i], come, &stage);
        for (i = 0; i < THREADS; i++)
            worker_join(&workers[i]);
        left += (int)(stage.seed - first_seed - 7 * (uint64_t)rounds) - 1;
        ck_assert_int_eq(stage.odd, 0);
        ck_assert(ppt_once_done(&stage.once) == (stage.finished == 1));
        ck_assert_int_eq(ppt_once_destroy(&stage.once), 0);
    }
    printf("# %d rounds, left %d times\n", rounds, left);
}
END_TEST

/* One runs it; another polls, and ends the memory */

struct object {
    ppt_once_t once;
    int filled;
};

struct owner {
    struct object object;
    int odd;
};

static void fill(void *arg)
{
    ((struct object *)arg)->filled = 1;
}

static void fill_once(void *arg)
{
    struct object *object = arg;

    ppt_once_run(&object->once, fill, object);
}

static void poll_and_end(void *arg)
{
    struct owner *owner = arg;
    struct object *object = &owner->object;

    while (!ppt_once_done(&object->once))
        ;
    owner->odd += object->filled != 1;
    owner->odd += ppt_once_destroy(&object->once) != 0;
    memset(object, 0xdd, sizeof *object);
}

/* Proves ppt_once_destroy 0, once.c O3. */
START_TEST(who_finds_it_done_may_end_the_memory)
{
    int64_t end = stress_end();
    struct owner owner = { .odd = 0 };
    struct object ended;
    int rounds;

    memset(&ended, 0xdd, sizeof ended);
    for (rounds = 0; ppt_now() < end; rounds++) {
        worker_t poller, runner;

        memset(&owner.object, 0, sizeof owner.object);
        worker_start(&poller, poll_and_end, &owner);
        worker_start(&runner, fill_once, &owner.object);
        worker_join(&runner);
        worker_join(&poller);
        ck_assert_mem_eq(&owner.object, &ended, sizeof ended);
    }
    printf("# %d rounds\n", rounds);
    ck_assert_int_eq(owner.odd, 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        routine_is_finished_once_whoever_leaves_it,
        who_finds_it_done_may_end_the_memory,
    };

    add_list(add_case(suite, "once"), tests, LENGTH(tests));
}
