/*
 * In which order threads get a gil: I/O before CPU-bound threads, each in
 * FIFO order, and nobody starves.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_support.h"

#include <stdlib.h>

/* Proves ppt_gil_t Order. */
START_TEST(io_goes_before_cpu_bound_threads_when_the_gil_is_released)
{
    ppt_gil_t gil = ORDERED;
    runner_t runner = { .place = -1 };
    taker_t comers[3] = { { .result = -1 } };
    int turn = 0;
    int i;

    runner.turn = &turn;
    acquire_from(&runner, &gil);
    for (i = 0; i < LENGTH(comers); i++) {
        comers[i].turn = &turn;
        taker_start(&comers[i], of(&gil), PPT_FOREVER);
    }
    lockable_release(of(&gil));
    for (i = 0; i < LENGTH(comers); i++) {
        taker_join(&comers[i], 0);
        ck_assert_int_eq(comers[i].place, i);
    }
    join_runner(&runner);
    ck_assert_int_eq(runner.place, LENGTH(comers));
    ck_free(of(&gil));
}
END_TEST

/*
 * Proves ppt_gil_acquire 0, ppt_gil_yield true, ppt_gil_should_yield, gil.c
 * G3.
 */
START_TEST(io_gets_the_gil_at_the_next_yield)
{
    ppt_gil_t gil = ORDERED;
    int turn = 0;
    int i;

    lockable_acquire(of(&gil));
    for (i = 1; i <= 20; i++) {
        taker_t comer = { .turn = &turn };

        ck_assert(!ppt_gil_should_yield(&gil));
        taker_start(&comer, of(&gil), PPT_FOREVER);
        ck_assert(ppt_gil_should_yield(&gil));
        ck_assert(ppt_gil_yield(&gil));
        ck_assert_int_eq(turn, i);
        taker_join(&comer, 0);
    }
    lockable_release(of(&gil));
    ck_free(of(&gil));
}
END_TEST

/* Proves ppt_gil_t Order. */
START_TEST(thread_that_made_way_for_io_resumes_before_cpu_bound_ones)
{
    ppt_gil_t gil = ORDERED;
    runner_t runner = { .place = -1 };
    taker_t comer = { .result = -1 };
    int turn = 0;

    runner.turn = comer.turn = &turn;
    acquire_from(&runner, &gil);
    taker_start(&comer, of(&gil), PPT_FOREVER);
    ck_assert(ppt_gil_yield(&gil));
    ck_assert_int_eq(turn++, 1); /* this thread's place */
    lockable_release(of(&gil));
    taker_join(&comer, 0);
    join_runner(&runner);
    ck_assert_int_eq(comer.place, 0);
    ck_assert_int_eq(runner.place, 2);
    ck_free(of(&gil));
}
END_TEST

/* CPU-bound threads that take turns at each yield, and log who had it */

enum { RING = 5, LOGGED = 500 };

struct ring {
    ppt_gil_t gil;
    int log[LOGGED + RING];
    int logged; /* guarded by gil */
    int members;
    int stop;
};

static void note(struct ring *ring, int me)
{
    if (ring->logged < LOGGED)
        ring->log[ring->logged++] = me;
    else
        poke(&ring->stop, 1);
}

static void go_round(void *arg)
{
    struct ring *ring = arg;
    int me = bump(&ring->members);

    ppt_gil_acquire(&ring->gil, PPT_FOREVER);
    while (!peek(&ring->stop)) {
        note(ring, me);
        ppt_gil_yield(&ring->gil);
    }
    ppt_gil_release(&ring->gil);
}

/* Proves ppt_gil_t Order. */
START_TEST(cpu_bound_threads_take_turns_in_fifo_order)
{
    struct ring *ring = calloc(1, sizeof *ring);
    worker_t workers[RING];
    int begin, i;

    ck_assert_ptr_nonnull(ring);
    ppt_gil_init(&ring->gil, 1);
    ring->gil.sched.now = standing_clock;
    lockable_acquire(of(&ring->gil));
    for (i = 0; i < RING; i++) {
        worker_start(&workers[i], go_round, ring);
        await(ppt_gil_waiting(&ring->gil) == (unsigned)i + 1
              && worker_asleep(&workers[i]));
        ck_assert(ppt_gil_yield(&ring->gil));
    }
    begin = ring->logged; /* from here on, all of them, and this thread */
    while (!peek(&ring->stop)) {
        note(ring, RING);
        ck_assert(ppt_gil_yield(&ring->gil));
    }
    lockable_release(of(&ring->gil));
    for (i = 0; i < RING; i++)
        worker_join(&workers[i]);
    for (i = begin + RING + 1; i < LOGGED; i++)
        ck_assert_int_eq(ring->log[i], ring->log[i - RING - 1]);
    ck_free(of(&ring->gil));
    free(ring);
}
END_TEST

/* Starvation */

static bool all_served(struct traffic *traffic, int at_least)
{
    int i;

    for (i = 0; i < LENGTH(traffic->served); i++)
        if (peek(&traffic->served[i]) < at_least)
            return false;
    return true;
}

/*
 * The loop's variable is the number of other CPU-bound threads.
 * Proves ppt_gil_t Starvation.
 */
START_TEST(nobody_starves_whoever_comes)
{
    struct traffic traffic = { .stop = 0 };
    worker_t workers[LENGTH(traffic.served)], others[2];
    int64_t limit = ppt_deadline(LIMIT);
    int i;

    lockable_acquire(of(&traffic.gil));
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], come_again_and_again, &traffic);
    for (i = 0; i < _i; i++)
        worker_start(&others[i], yield_until_stopped, &traffic);
    while (!all_served(&traffic, 200)) {
        ppt_gil_yield(&traffic.gil);
        ck_assert_int_lt(ppt_now(), limit);
    }
    poke(&traffic.stop, 1);
    lockable_release(of(&traffic.gil));
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    for (i = 0; i < _i; i++)
        worker_join(&others[i]);
    ck_free(of(&traffic.gil));
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        io_goes_before_cpu_bound_threads_when_the_gil_is_released,
        io_gets_the_gil_at_the_next_yield,
        thread_that_made_way_for_io_resumes_before_cpu_bound_ones,
        cpu_bound_threads_take_turns_in_fifo_order,
    };
    TCase *tcase = add_case(suite, "gil");

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, nobody_starves_whoever_comes, 0, 3);
}
