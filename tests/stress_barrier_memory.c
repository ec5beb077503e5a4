/*
 * Memory that ends with the first thread that returns from the barrier in it,
 * or as soon as destroy allows it.
 *
 * SPDX-License-Identifier: MIT
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pyplusthread/barrier.h"

enum { PARTIES = 3 };

/* The first to return frees the barrier */

struct owners {
    ppt_barrier_t *barrier;
    int returned;
    int odd;
};

static void meet_and_drop(void *arg)
{
    struct owners *owners = arg;

    if (ppt_barrier_wait(owners->barrier, PPT_FOREVER, NULL) != 0)
        bump(&owners->odd);
    if (bump(&owners->returned) != 0)
        return;
    if (ppt_barrier_destroy(owners->barrier) != 0)
        bump(&owners->odd);
    memset(owners->barrier, 0xdd, sizeof *owners->barrier);
    free(owners->barrier);
}

/* Proves ppt_barrier_destroy 0, barrier.c B4. */
START_TEST(first_to_return_may_free_the_barrier)
{
    int64_t end = stress_end();
    int rounds;

    for (rounds = 0; ppt_now() < end; rounds++) {
        struct owners owners = { .odd = 0 };
        worker_t workers[4];
        int i;

        owners.barrier = calloc(1, sizeof *owners.barrier);
        ck_assert_ptr_nonnull(owners.barrier);
        ppt_barrier_init(owners.barrier, LENGTH(workers), NULL, NULL);
        for (i = 0; i < LENGTH(workers); i++)
            worker_start(&workers[i], meet_and_drop, &owners);
        for (i = 0; i < LENGTH(workers); i++)
            worker_join(&workers[i]);
        ck_assert_int_eq(owners.odd, 0);
    }
    printf("# %d barriers\n", rounds);
}
END_TEST

/*
 * A thread that is no party waits until destroy allows the end of the
 * memory, which it takes away at once.
 */
enum { PAGE = 1 << 16 };

struct visit {
    ppt_barrier_t *barrier; /* a mapping of its own */
    worker_t workers[PARTIES];
    int64_t deadlines[PARTIES];
    int results[PARTIES];
    int coming; /* gives each its number */
    int work;   /* of the action */
    int acted;  /* the action has returned, or nearly so */
};

static int work_and_say_so(void *arg)
{
    struct visit *visit = arg;
    int i;

    for (i = 0; i < visit->work; i++)
        sched_yield();
    poke(&visit->acted, 1);
    return 0;
}

static void visit_once(void *arg)
{
    struct visit *visit = arg;
    int i = bump(&visit->coming);

    visit->results[i] = ppt_barrier_wait(visit->barrier,
                                         visit->deadlines[i], NULL);
}

static void open_visit(struct visit *visit, dice_t *dice, bool acts)
{
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int i;

    ck_assert_ptr_ne(memory, MAP_FAILED);
    memset(visit, 0, sizeof *visit);
    visit->barrier = memory;
    visit->work = (int)roll(dice, 20);
    ck_assert_int_eq(ppt_barrier_init(visit->barrier, PARTIES,
                                      acts ? work_and_say_so : NULL, visit),
                     0);
    for (i = 0; i < PARTIES; i++)
        visit->deadlines[i] = PPT_FOREVER;
}

static bool all_but_one_in(const struct visit *visit)
{
    int i, done = 0;

    for (i = 0; i < PARTIES - 1; i++)
        done += worker_done(&visit->workers[i]);
    return ppt_barrier_n_waiting(visit->barrier) == PARTIES - 1
           || done == PARTIES - 1;
}

/* All but the last: from now on destroy is EBUSY until the round is over. */
static void let_all_but_one_in(struct visit *visit)
{
    int i;

    for (i = 0; i < PARTIES - 1; i++) {
        worker_start(&visit->workers[i], visit_once, visit);
        await(peek(&visit->coming) == i + 1);
    }
    await(all_but_one_in(visit));
}

/* Poll, and take the memory away as soon as that is allowed. */
static void end_memory(struct visit *visit)
{
    int64_t limit = ppt_now() + LIMIT;
    int result;

    while ((result = ppt_barrier_destroy(visit->barrier)) == EBUSY)
        ck_assert_int_lt(ppt_now(), limit);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(munmap(visit->barrier, PAGE), 0);
}

/* Barriers that a few threads meet at, each once, one after the other. */
enum { ROW = 200 };

struct row {
    ppt_barrier_t barriers[ROW];
    int passed[ROW]; /* how many have returned */
    int acted;       /* actions that have returned, or nearly so */
    int polled;      /* the barrier that is polled */
    int odd;
};

static int count_actions(void *arg)
{
    struct row *row = arg;

    sched_yield();
    bump(&row->acted);
    return 0;
}

static void walk(void *arg)
{
    struct row *row = arg;
    int i;

    for (i = 0; i < ROW; i++) {
        while (peek(&row->polled) < i)
            sched_yield();
        if (ppt_barrier_wait(&row->barriers[i], PPT_FOREVER, NULL) != 0)
            bump(&row->odd);
        bump(&row->passed[i]);
    }
}

/* Busy from the first arrival on, until the round is over. */
static void poll_one(struct row *row, int i, bool acts)
{
    ppt_barrier_t *barrier = &row->barriers[i];
    int64_t limit = ppt_now() + LIMIT;
    int result;

    poke(&row->polled, i);
    while (ppt_barrier_n_waiting(barrier) == 0 && peek(&row->passed[i]) == 0)
        sched_yield();
    while ((result = ppt_barrier_destroy(barrier)) == EBUSY)
        ck_assert_int_lt(ppt_now(), limit);
    memset(barrier, 0xff, sizeof *barrier);
    ck_assert_int_eq(result, 0);
    if (acts)
        ck_assert_int_eq(peek(&row->acted), i + 1);
}

static bool untouched(const struct row *row)
{
    const unsigned char *bytes = (const unsigned char *)row->barriers;
    size_t i;

    for (i = 0; i < sizeof row->barriers; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static void poll_row(struct row *row, bool acts)
{
    worker_t workers[PARTIES];
    int i;

    memset(row, 0, sizeof *row);
    row->polled = -1;
    for (i = 0; i < ROW; i++)
        ck_assert_int_eq(ppt_barrier_init(&row->barriers[i], PARTIES,
                                          acts ? count_actions : NULL, row),
                         0);
    for (i = 0; i < PARTIES; i++)
        worker_start(&workers[i], walk, row);
    for (i = 0; i < ROW; i++)
        poll_one(row, i, acts);
    for (i = 0; i < PARTIES; i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(row->odd, 0);
    ck_assert(untouched(row));
}

static void poll_while_all_meet(bool acts)
{
    int64_t end = stress_end();
    static struct row row;
    int rows = 0;

    do {
        poll_row(&row, acts);
        rows++;
    } while (ppt_now() < end);
    printf("# %d barriers\n", rows * ROW);
}

/* Proves barrier.c B5. */
START_TEST(memory_may_end_when_destroy_is_no_longer_busy)
{
    poll_while_all_meet(false);
}
END_TEST

/* Proves barrier.c B5. */
START_TEST(memory_may_end_when_destroy_is_no_longer_busy_after_an_action)
{
    poll_while_all_meet(true);
}
END_TEST

/*
 * The last one never comes: the first that times out ends the round.
 * Proves barrier.c B4.
 */
START_TEST(memory_may_end_when_a_timeout_has_ended_the_round)
{
    int64_t end = stress_end();
    dice_t random = dice(seed(), 0);
    int rounds, i;

    for (rounds = 0; ppt_now() < end; rounds++) {
        struct visit visit;

        open_visit(&visit, &random, false);
        visit.deadlines[1] = ppt_deadline(MS + roll(&random, MS));
        let_all_but_one_in(&visit);
        end_memory(&visit);
        for (i = 0; i < PARTIES - 1; i++)
            worker_join(&visit.workers[i]);
        ck_assert_int_eq(visit.results[0], ECANCELED);
        ck_assert_int_eq(visit.results[1], ETIMEDOUT);
    }
    printf("# %d barriers\n", rounds);
}
END_TEST

/*
 * Timeouts race the last arrival, who ends the memory when it is back: the
 * others are certainly inside, or out.
 * Proves barrier.c B5.
 */
START_TEST(last_to_arrive_may_end_the_memory_whatever_became_of_the_others)
{
    int64_t end = stress_end();
    dice_t random = dice(seed(), 0);
    int rounds, met = 0;

    for (rounds = 0; ppt_now() < end; rounds++) {
        struct visit visit;
        int result, i;

        open_visit(&visit, &random, rounds % 2 != 0);
        visit.deadlines[0] = ppt_deadline(MS + roll(&random, MS));
        visit.deadlines[1] = visit.deadlines[0] + roll(&random, 100 * US);
        let_all_but_one_in(&visit);
        while (ppt_now() < visit.deadlines[0]
               && !ppt_barrier_broken(visit.barrier))
            sched_yield();
        result = ppt_barrier_wait(visit.barrier, PPT_FOREVER, NULL);
        end_memory(&visit);
        for (i = 0; i < PARTIES - 1; i++)
            worker_join(&visit.workers[i]);
        met += result == 0;
        ck_assert_int_eq(visit.results[0] == 0, result == 0);
        ck_assert_int_eq(visit.results[1] == 0, result == 0);
    }
    printf("# %d barriers, %d rounds met\n", rounds, met);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        first_to_return_may_free_the_barrier,
        memory_may_end_when_destroy_is_no_longer_busy,
        memory_may_end_when_destroy_is_no_longer_busy_after_an_action,
        memory_may_end_when_a_timeout_has_ended_the_round,
        last_to_arrive_may_end_the_memory_whatever_became_of_the_others,
    };

    add_list(add_case(suite, "barrier"), tests, LENGTH(tests));
}
