/*
 * The gil under everything at once: CPU-bound threads, I/O threads, timeouts,
 * threads that are both, and signal handlers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "pyplusthread/gil.h"

enum { CPU_BOUND = 3, IO = 4, BOTH = 2, THREADS = CPU_BOUND + IO + BOTH };

/* What all threads of one test share. */
struct stage {
    ppt_gil_t gil;
    uint64_t seed;
    int threads; /* gives each its number */
    int stop;
    long inside;     /* guarded by gil: how often it was held */
    int odd;         /* what may not happen */
};

/* A thread's own, apart from progress, which all look at. */
typedef struct actor {
    worker_t worker;
    struct stage *stage;
    dice_t dice;
    long inside;
    uint64_t acquired;
    uint64_t yielded;
    uint64_t skipped;
    int progress;
} actor_t;

static void touch(actor_t *actor)
{
    struct stage *stage = actor->stage;
    long inside = stage->inside;

    if (roll(&actor->dice, 64) == 0)
        sched_yield();
    stage->inside = inside + 1;
    actor->inside++;
    bump(&actor->progress);
}

static int64_t some_deadline(dice_t *dice)
{
    switch (roll(dice, 4)) {
    case 0:
        return PPT_TRY;
    case 1:
        return ppt_deadline(roll(dice, 50) * US);
    case 2:
        return ppt_deadline(roll(dice, 2000) * US);
    default:
        return PPT_FOREVER;
    }
}

static bool come_back(actor_t *actor, int64_t deadline)
{
    int result = ppt_gil_acquire(&actor->stage->gil, deadline);

    if (result == 0)
        actor->acquired++;
    else if (deadline == PPT_TRY ? result != EBUSY : result != ETIMEDOUT)
        bump(&actor->stage->odd);
    return result == 0;
}

static void release_for_io(actor_t *actor)
{
    if (ppt_gil_release(&actor->stage->gil) != 0)
        bump(&actor->stage->odd);
}

static void give_way(actor_t *actor)
{
    if (ppt_gil_yield(&actor->stage->gil))
        actor->yielded++;
    else
        actor->skipped++;
}

static actor_t *enter(void *arg)
{
    actor_t *actor = arg;

    actor->dice = dice(actor->stage->seed, bump(&actor->stage->threads));
    return actor;
}

static void compute(void *arg)
{
    actor_t *actor = enter(arg);

    come_back(actor, PPT_FOREVER);
    while (!peek(&actor->stage->stop)) {
        touch(actor);
        give_way(actor);
    }
    release_for_io(actor);
}

static void do_io(void *arg)
{
    actor_t *actor = enter(arg);

    while (!peek(&actor->stage->stop)) {
        if (come_back(actor, some_deadline(&actor->dice))) {
            touch(actor);
            release_for_io(actor);
        }
        if (roll(&actor->dice, 64) == 0)
            nap();
    }
}

static void do_both(void *arg)
{
    actor_t *actor = enter(arg);

    while (!peek(&actor->stage->stop)) {
        uint32_t steps = roll(&actor->dice, 200);

        come_back(actor, PPT_FOREVER);
        do {
            touch(actor);
            give_way(actor);
        } while (steps-- > 0);
        release_for_io(actor);
    }
}

static void start_all(struct stage *stage, actor_t *actors)
{
    int i;

    memset(actors, 0, THREADS * sizeof *actors);
    for (i = 0; i < THREADS; i++) {
        actors[i].stage = stage;
        worker_start(&actors[i].worker,
                     i < CPU_BOUND ? compute
                                   : i < CPU_BOUND + IO ? do_io : do_both,
                     &actors[i]);
    }
}

static bool all_progressed(const actor_t *actors)
{
    int i;

    for (i = 0; i < THREADS; i++)
        if (peek(&actors[i].progress) < 20)
            return false;
    return true;
}

/* All go on until each has got somewhere: so none may starve. */
static void disturb_until_end(struct stage *stage, const actor_t *actors)
{
    int64_t end = stress_end();
    dice_t mine = dice(stage->seed, bump(&stage->threads));

    while (ppt_now() < end || !all_progressed(actors)) {
        worker_interrupt(&actors[roll(&mine, THREADS)].worker);
        nap();
        ck_assert_int_lt(ppt_now(), end + LIMIT);
    }
    poke(&stage->stop, 1);
}

static void ck_sums(struct stage *stage, const actor_t *actors)
{
    uint64_t acquired = 0, yielded = 0, skipped = 0;
    ppt_gil_stats_t stats;
    long inside = 0;
    int i;

    for (i = 0; i < THREADS; i++) {
        inside += actors[i].inside;
        acquired += actors[i].acquired;
        yielded += actors[i].yielded;
        skipped += actors[i].skipped;
    }
    ppt_gil_get_stats(&stage->gil, &stats);
    printf("# %ld times held, %llu yields to I/O, %llu turns\n", inside,
           (unsigned long long)stats.io_handovers,
           (unsigned long long)stats.turns);
    ck_assert_int_eq(stage->odd, 0);
    ck_assert_int_eq(stage->inside, inside);
    ck_assert_uint_eq(stats.acquisitions, acquired + yielded);
    ck_assert_uint_eq(stats.io_handovers + stats.turns, yielded);
    ck_assert_uint_eq(stats.skipped, skipped);
}

/* Proves ppt_gil_t Starvation, gil.c G1. */
START_TEST(one_holder_at_a_time_and_nobody_starves)
{
    static const uint32_t yield_every[] = { 1, 10, 100 };
    actor_t actors[THREADS];
    struct stage stage;
    int i;

    signals_install(0);
    memset(&stage, 0, sizeof stage);
    stage.seed = seed();
    ppt_gil_init(&stage.gil, yield_every[_i]);
    start_all(&stage, actors);
    disturb_until_end(&stage, actors);
    for (i = 0; i < THREADS; i++)
        worker_join(&actors[i].worker);
    ck_sums(&stage, actors);
    ck_assert_uint_eq(ppt_gil_waiting(&stage.gil), 0);
    ck_assert_int_eq(ppt_gil_destroy(&stage.gil), 0);
}
END_TEST

/* Nothing but turns: no wake-up may be lost, or all stand still */

struct ring {
    ppt_gil_t gil;
    int stop;
    long turns; /* guarded by gil */
};

static void take_turns(void *arg)
{
    struct ring *ring = arg;

    ppt_gil_acquire(&ring->gil, PPT_FOREVER);
    while (!peek(&ring->stop))
        if (ppt_gil_yield(&ring->gil))
            ring->turns++;
    ppt_gil_release(&ring->gil);
}

/* Proves ppt_gil_t Starvation, gil.c G2, gil.c G5. */
START_TEST(turns_go_on)
{
    static const uint32_t yield_every[] = { 1, 7, 100 };
    int64_t end = stress_end();
    struct ring ring = { .stop = 0 };
    worker_t workers[4];
    ppt_gil_stats_t stats;
    int i;

    ppt_gil_init(&ring.gil, yield_every[_i]);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], take_turns, &ring);
    do {
        nap();
        ppt_gil_get_stats(&ring.gil, &stats);
        ck_assert_int_lt(ppt_now(), end + LIMIT);
    } while (ppt_now() < end || stats.turns < 100);
    poke(&ring.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    printf("# %ld turns\n", ring.turns);
    ck_assert_int_eq(ppt_gil_destroy(&ring.gil), 0);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "gil");

    tcase_add_loop_test(tcase, one_holder_at_a_time_and_nobody_starves, 0, 3);
    tcase_add_loop_test(tcase, turns_go_on, 0, 3);
}
