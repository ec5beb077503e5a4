/*
 * The barrier under everything at once: more threads than parties, timeouts,
 * interrupts, failing actions, aborts and resets.  The end of its memory is
 * in stress_barrier_memory.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "pyplusthread/barrier.h"

enum { THREADS = 8, PARTIES = 3, ACTION_FAILED = 55, GIVEN_UP = 77 };

/* What all threads of one test share. */
struct stage {
    ppt_barrier_t barrier;
    uint64_t seed;
    dice_t actions; /* the running action's, as the next two */
    int passed;     /* actions that said go on */
    int failed;     /* and that did not */
    int inside;
    int stop;
    int threads; /* gives each its number */
    int indices[PARTIES]; /* how often each was given by a wait */
    int answered;         /* waits that returned what the action did */
    int odd;              /* what may not happen */
};

static int sometimes_fail(void *arg)
{
    struct stage *stage = arg;
    bool fails = roll(&stage->actions, 16) == 0;

    if (bump(&stage->inside) != 0)
        bump(&stage->odd);
    if (roll(&stage->actions, 8) == 0)
        sched_yield();
    if (fails)
        stage->failed++;
    else
        poke(&stage->passed, stage->passed + 1);
    poke(&stage->inside, 0);
    return fails ? ACTION_FAILED : 0;
}

static void stage_init(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    stage->seed = seed();
    stage->actions = dice(stage->seed, -1);
    ck_assert_int_eq(ppt_barrier_init(&stage->barrier, PARTIES,
                                      sometimes_fail, stage), 0);
}

static int64_t some_deadline(dice_t *dice)
{
    switch (roll(dice, 8)) {
    case 0:
        return ppt_deadline(roll(dice, 50) * US);
    case 1:
        return ppt_deadline(roll(dice, 1000) * US);
    case 2:
        return roll(dice, 8) == 0 ? PPT_TRY : PPT_FOREVER;
    default:
        return PPT_FOREVER;
    }
}

static int sometimes_give_up(void *arg)
{
    return roll(arg, 2) == 0 ? GIVEN_UP : 0;
}

static int some_wait(ppt_barrier_t *barrier, dice_t *dice, uint32_t *index)
{
    int64_t deadline = some_deadline(dice);

    if (roll(dice, 2) == 0)
        return ppt_barrier_wait(barrier, deadline, index);
    return ppt_barrier_wait_interruptible(
        barrier, deadline, index,
        roll(dice, 2) == 0 ? NULL : sometimes_give_up, dice);
}

/* Note how a wait ended; true if the barrier may be broken. */
static bool note(struct stage *stage, int result, uint32_t index)
{
    if (result == 0 && index < PARTIES)
        bump(&stage->indices[index]);
    else if (result == ACTION_FAILED)
        bump(&stage->answered);
    else if (result != ETIMEDOUT && result != ECANCELED && result != EINTR
             && result != GIVEN_UP)
        bump(&stage->odd);
    return result == ETIMEDOUT || result == ECANCELED
           || result == ACTION_FAILED;
}

static void meet_and_mend(void *arg)
{
    struct stage *stage = arg;
    dice_t mine = dice(stage->seed, bump(&stage->threads));

    while (!peek(&stage->stop)) {
        uint32_t index = PARTIES;
        int result = some_wait(&stage->barrier, &mine, &index);

        if (note(stage, result, index) && roll(&mine, 4) == 0)
            ppt_barrier_reset(&stage->barrier);
        if (roll(&mine, 16) == 0)
            sched_yield();
    }
}

static void disturb_until_end(struct stage *stage, const worker_t *workers)
{
    int64_t end = stress_end();
    dice_t mine = dice(stage->seed, bump(&stage->threads));

    while (ppt_now() < end || peek(&stage->passed) < 100) {
        worker_interrupt(&workers[roll(&mine, THREADS)]);
        switch (roll(&mine, 16)) {
        case 0:
            ppt_barrier_abort(&stage->barrier);
            nap();
            ppt_barrier_reset(&stage->barrier);
            break;
        case 1:
            ppt_barrier_reset(&stage->barrier);
            break;
        default:
            nap();
        }
        ck_assert_int_lt(ppt_now(), end + LIMIT);
    }
    poke(&stage->stop, 1);
}

/* Some may still reset the barrier that others are then going to wait at. */
static void let_all_go(struct stage *stage, const worker_t *workers)
{
    int i;

    for (i = 0; i < THREADS; i++)
        while (!worker_done(&workers[i])) {
            ppt_barrier_abort(&stage->barrier);
            nap();
        }
}

/* Proves ppt_barrier_t Reuse, barrier.c B1. */
START_TEST(rounds_are_full_whatever_ends_the_waits)
{
    worker_t workers[THREADS];
    struct stage stage;
    int i;

    signals_install(0);
    stage_init(&stage);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], meet_and_mend, &stage);
    disturb_until_end(&stage, workers);
    let_all_go(&stage, workers);
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# %d rounds, %d failed\n", stage.passed, stage.failed);
    ck_assert_int_eq(stage.odd, 0);
    for (i = 0; i < PARTIES; i++)
        ck_assert_int_eq(stage.indices[i], stage.passed);
    ck_assert_int_eq(stage.answered, stage.failed);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&stage.barrier), 0);
    ck_assert_int_eq(ppt_barrier_destroy(&stage.barrier), 0);
}
END_TEST

/* As many threads as parties, and nothing else: none may be left behind */

struct march {
    ppt_barrier_t barrier;
    int steps[THREADS]; /* each by its own thread */
    int threads;
    int stop;           /* decided by the action, for all of a round */
    int asked;          /* to decide so */
    int odd;
};

static int decide(void *arg)
{
    struct march *march = arg;

    march->stop = peek(&march->asked);
    return 0;
}

static void keep_step(void *arg)
{
    struct march *march = arg;
    int me = bump(&march->threads);
    bool more = true;

    while (more) {
        int i;

        march->steps[me]++;
        if (ppt_barrier_wait(&march->barrier, PPT_FOREVER, NULL) != 0)
            bump(&march->odd);
        for (i = 0; i < THREADS; i++)
            if (march->steps[i] != march->steps[me])
                bump(&march->odd);
        more = !march->stop;
        if (ppt_barrier_wait(&march->barrier, PPT_FOREVER, NULL) != 0)
            bump(&march->odd);
    }
}

/* Proves ppt_barrier_t Reuse. */
START_TEST(all_keep_step_round_after_round)
{
    int64_t end = stress_end();
    struct march march = { .odd = 0 };
    worker_t workers[THREADS];
    int i;

    ck_assert_int_eq(ppt_barrier_init(&march.barrier, THREADS, decide,
                                      &march), 0);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i], keep_step, &march);
    while (ppt_now() < end)
        nap();
    poke(&march.asked, 1);
    for (i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    printf("# %d steps\n", march.steps[0]);
    ck_assert_int_eq(march.odd, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&march.barrier), 0);
}
END_TEST

/* Timeouts that expire while the last one arrives: it is met by all or none */

enum { SQUAD = 24 };

struct squad {
    ppt_barrier_t gate; /* between rounds; its action looks at them */
    ppt_barrier_t barrier;
    uint64_t seed;
    dice_t dice;    /* the action's, as the next five */
    int64_t moment; /* when the timeouts of this round expire */
    int64_t end;
    int stop;
    int rounds;
    int split;
    int members;
    int met; /* in this round, how many */
    int met_by_all;
};

static int look_at_round(void *arg)
{
    struct squad *squad = arg;
    int met = peek(&squad->met);

    squad->met_by_all += met == SQUAD;
    squad->split += met != 0 && met != SQUAD;
    squad->rounds++;
    poke(&squad->met, 0);
    ppt_barrier_reset(&squad->barrier);
    squad->moment = ppt_now() + 300 * US + roll(&squad->dice, 200) * US;
    squad->stop = ppt_now() >= squad->end;
    return 0;
}

static int arrive_at(ppt_barrier_t *barrier, int64_t moment)
{
    while (ppt_now() < moment)
        ;
    return ppt_barrier_wait(barrier, PPT_FOREVER, NULL);
}

static void meet_or_not(void *arg)
{
    struct squad *squad = arg;
    int me = bump(&squad->members);
    dice_t mine = dice(squad->seed, me);

    for (;;) {
        int64_t jitter = roll(&mine, 20000);
        int result;

        ppt_barrier_wait(&squad->gate, PPT_FOREVER, NULL);
        if (squad->stop)
            break;
        if (me == 0)
            result = arrive_at(&squad->barrier, squad->moment + 5 * jitter);
        else
            result = ppt_barrier_wait(&squad->barrier,
                                      squad->moment + jitter, NULL);
        if (result == 0)
            bump(&squad->met);
    }
}

/* Proves ppt_barrier_wait 0, barrier.c B2. */
START_TEST(round_is_met_by_all_or_by_none)
{
    struct squad squad = { .members = 0 };
    worker_t workers[SQUAD];
    int i;

    squad.seed = seed();
    squad.dice = dice(squad.seed, -1);
    squad.end = stress_end();
    ppt_barrier_init(&squad.gate, SQUAD, look_at_round, &squad);
    ppt_barrier_init(&squad.barrier, SQUAD, NULL, NULL);
    for (i = 0; i < SQUAD; i++)
        worker_start(&workers[i], meet_or_not, &squad);
    for (i = 0; i < SQUAD; i++)
        worker_join(&workers[i]);
    printf("# %d rounds, %d met\n", squad.rounds, squad.met_by_all);
    ck_assert_int_eq(squad.split, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&squad.gate), 0);
    ck_assert_int_eq(ppt_barrier_destroy(&squad.barrier), 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        rounds_are_full_whatever_ends_the_waits,
        all_keep_step_round_after_round,
        round_is_met_by_all_or_by_none,
    };

    add_list(add_case(suite, "barrier"), tests, LENGTH(tests));
}
