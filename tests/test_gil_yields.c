/*
 * Yields of a gil: which of them let another thread have it, and which do
 * nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_support.h"

#include <stdlib.h>

/* Proves ppt_gil_yield false. */
START_TEST(yield_does_nothing_where_nobody_waits)
{
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, (uint32_t)_i);
    lockable_acquire(of(&gil));
    for (i = 0; i < 1000; i++) {
        ck_assert(!ppt_gil_should_yield(&gil));
        ck_assert(!ppt_gil_yield(&gil));
        ck_assert(ppt_gil_locked(&gil));
    }
    lockable_release(of(&gil));
    ck_free(of(&gil));
}
END_TEST

/* Every yield_every-th yield */

enum { CALLS = 1000 };

struct counted {
    ppt_gil_t gil;
    int calls;              /* of yield; guarded by gil, like the rest */
    bool promised[CALLS];   /* what the predicate said before each, */
    bool switched[CALLS];   /* what it returned, */
    int caller[CALLS];      /* and who called */
    int holds;
};

static void yield_and_note(struct counted *counted, int me)
{
    while (counted->calls < CALLS) {
        int call = counted->calls++;
        int look;

        counted->caller[call] = me;
        for (look = 0; look < 3; look++)
            counted->promised[call] = ppt_gil_should_yield(&counted->gil);
        counted->switched[call] = ppt_gil_yield(&counted->gil);
    }
}

static void yield_to_the_test(void *arg)
{
    struct counted *counted = arg;

    ppt_gil_acquire(&counted->gil, PPT_FOREVER);
    poke(&counted->holds, 1);
    while (!ppt_gil_should_yield(&counted->gil))
        nap();
    yield_and_note(counted, 1);
    ppt_gil_release(&counted->gil);
}

/* Two threads yield; the first call lets the test's thread in. */
static void ck_turns(uint32_t yield_every, int expected)
{
    struct counted *counted = calloc(1, sizeof *counted);
    worker_t worker;
    int i;

    ck_assert_ptr_nonnull(counted);
    ppt_gil_init(&counted->gil, yield_every);
    counted->gil.sched.now = standing_clock;
    worker_start(&worker, yield_to_the_test, counted);
    await(peek(&counted->holds));
    lockable_acquire(of(&counted->gil));
    yield_and_note(counted, 0);
    lockable_release(of(&counted->gil));
    worker_join(&worker);
    ck_assert(counted->switched[0]);
    for (i = 1; i < CALLS; i++) {
        bool turn = (i + 1) % expected == 0;

        ck_assert_int_eq(counted->switched[i], turn);
        ck_assert_int_eq(counted->promised[i], turn);
        ck_assert_int_eq(counted->caller[i] != counted->caller[i - 1],
                         counted->switched[i - 1]);
    }
    ck_free(of(&counted->gil));
    free(counted);
}

/* Proves ppt_gil_yield true, ppt_gil_should_yield, gil.c G3. */
START_TEST(exactly_every_nth_yield_is_a_turn)
{
    static const uint32_t numbers[] = { 1, 2, 3, 17, 100, 250 };

    ck_turns(numbers[_i], (int)numbers[_i]);
}
END_TEST

/* Proves ppt_gil_init. */
START_TEST(yield_every_is_a_hundred_by_default)
{
    ck_assert_int_eq(PPT_GIL_YIELD_EVERY, 100);
    ck_turns(0, PPT_GIL_YIELD_EVERY);
}
END_TEST

/* Proves ppt_gil_yield true. */
START_TEST(each_gil_counts_its_own_yields)
{
    ppt_gil_t gil, other;
    runner_t runner = { .place = -1 };
    int call, i;

    ppt_gil_init(&gil, 10);
    ppt_gil_init(&other, 4);
    other.sched.now = standing_clock;
    lockable_acquire(of(&other));
    acquire_from(&runner, &gil);
    for (call = 2; call < 10; call++) {
        for (i = 0; i < 3; i++)
            ck_assert(!ppt_gil_yield(&other));
        ck_assert(!ppt_gil_yield(&gil));
    }
    ck_assert(ppt_gil_yield(&gil));
    lockable_release(of(&other));
    lockable_release(of(&gil));
    join_runner(&runner);
    ck_free(of(&gil));
    ck_free(of(&other));
}
END_TEST

/*
 * A yield that makes way for I/O is counted, too, and may end the turn.
 * Proves ppt_gil_t Starvation.
 */
START_TEST(turn_comes_even_if_io_waits_at_each_yield)
{
    enum { EVERY = 10 };
    runner_t runner = { .place = -1 };
    int turn = 0;
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, EVERY);
    runner.turn = &turn;
    acquire_from(&runner, &gil);
    for (i = 0; i < 2 * EVERY; i++) {
        taker_t comer = { .turn = &turn };

        taker_start(&comer, of(&gil), PPT_FOREVER);
        ck_assert(ppt_gil_yield(&gil));
        taker_join(&comer, 0);
    }
    join_runner(&runner);
    ck_assert_int_eq(turn, 2 * EVERY + 1);
    ck_assert_int_eq(runner.place, EVERY - 1); /* its yield was one more */
    lockable_release(of(&gil));
    ck_free(of(&gil));
}
END_TEST

/* Signal handlers; the loop's variable is sa_flags */

START_TEST(handler_does_not_end_a_yield)
{
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    runner_t runner = { .place = -1 };
    int turn = 0;
    int i;

    signals_install(_i);
    runner.turn = &turn;
    acquire_from(&runner, &gil);
    for (i = 0; i < 100; i++) {
        worker_interrupt(&runner.worker);
        nap();
    }
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 1);
    ck_assert_int_eq(turn, 0);
    lockable_release(of(&gil));
    join_runner(&runner);
    ck_free(of(&gil));
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        yield_every_is_a_hundred_by_default,
        each_gil_counts_its_own_yields,
        turn_comes_even_if_io_waits_at_each_yield,
    };
    const TTest *const of_handlers[] = { handler_does_not_end_a_yield };
    TCase *tcase = add_case(suite, "gil");

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, yield_does_nothing_where_nobody_waits, 0, 3);
    tcase_add_loop_test(tcase, exactly_every_nth_yield_is_a_turn, 0, 6);
    add_with_sa_flags(tcase, of_handlers, LENGTH(of_handlers));
}
