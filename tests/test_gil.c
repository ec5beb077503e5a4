/* SPDX-License-Identifier: MIT */
/* The promises that gil.h makes alone; test_lockable.c has the others. */
#include "lockable.h"

#include <stdlib.h>
#include <string.h>

static lockable_t of(ppt_gil_t *gil)
{
    lockable_t lockable = { &gil_kind, gil };

    return lockable;
}

#define ORDERED { .sched = { .now = standing_clock } }

/* A thread that becomes CPU-bound: it gives way once, and later ends */

typedef struct runner {
    worker_t worker;
    ppt_gil_t *gil;
    int holds;
    int *turn;
    int place;
    bool gave_way;
} runner_t;

static void run(void *arg)
{
    runner_t *runner = arg;

    ppt_gil_acquire(runner->gil, PPT_FOREVER);
    poke(&runner->holds, 1);
    while (!ppt_gil_should_yield(runner->gil))
        nap();
    runner->gave_way = ppt_gil_yield(runner->gil); /* to the test's thread */
    if (runner->turn != NULL)
        runner->place = (*runner->turn)++;
    ppt_gil_release(runner->gil);
}

/*
 * Take gil, which is free, with a CPU-bound thread waiting for it.  That one
 * has called yield once.  The clock stands, or the lock would go back to it
 * when this thread is slow to come.
 */
static void acquire_from(runner_t *runner, ppt_gil_t *gil)
{
    gil->sched.now = standing_clock;
    runner->gil = gil;
    worker_start(&runner->worker, run, runner);
    await(peek(&runner->holds));
    lockable_acquire(of(gil));
    await(ppt_gil_waiting(gil) == 1);
}

static void join_runner(runner_t *runner)
{
    worker_join(&runner->worker);
    ck_assert(runner->gave_way);
}

/* Alone */

/* Proves ppt_gil_init. */
START_TEST(all_ways_to_make_one_make_a_free_gil)
{
    static ppt_gil_t in_static_memory;
    ppt_gil_t gil = PPT_GIL_INITIALIZER;

    ck_free(of(&in_static_memory));
    ck_free(of(&gil));
    memset(&gil, 0xa5, sizeof gil);
    ppt_gil_init(&gil, 0);
    ck_free(of(&gil));
    memset(&gil, 0xa5, sizeof gil);
    ppt_gil_init(&gil, 5);
    ck_free(of(&gil));
}
END_TEST

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

/* Order */

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

/* Starvation */

/* I/O threads that come again and again; CPU-bound ones that yield */

struct traffic {
    ppt_gil_t gil;
    int served[6];
    int members;
    int stop;
};

static void come_again_and_again(void *arg)
{
    struct traffic *traffic = arg;
    int me = bump(&traffic->members);

    while (!peek(&traffic->stop)) {
        ppt_gil_acquire(&traffic->gil, PPT_FOREVER);
        bump(&traffic->served[me]);
        ppt_gil_release(&traffic->gil);
    }
}

static bool all_served(struct traffic *traffic, int at_least)
{
    int i;

    for (i = 0; i < LENGTH(traffic->served); i++)
        if (peek(&traffic->served[i]) < at_least)
            return false;
    return true;
}

static void yield_until_stopped(void *arg)
{
    struct traffic *traffic = arg;

    ppt_gil_acquire(&traffic->gil, PPT_FOREVER);
    while (!peek(&traffic->stop))
        ppt_gil_yield(&traffic->gil);
    ppt_gil_release(&traffic->gil);
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

/* Counters */

static void ck_stats(const ppt_gil_t *gil, uint64_t acquisitions,
                     uint64_t io_handovers, uint64_t turns,
                     uint64_t skipped)
{
    ppt_gil_stats_t stats;

    ppt_gil_get_stats(gil, &stats);
    ck_assert_uint_eq(stats.acquisitions, acquisitions);
    ck_assert_uint_eq(stats.io_handovers, io_handovers);
    ck_assert_uint_eq(stats.turns, turns);
    ck_assert_uint_eq(stats.skipped, skipped);
}

/* Proves ppt_gil_get_stats. */
START_TEST(counters_tell_what_happened)
{
    runner_t runner = { .place = -1 };
    taker_t comer = { .result = -1 };
    ppt_gil_t gil;

    ppt_gil_init(&gil, 4);
    ck_stats(&gil, 0, 0, 0, 0);
    acquire_from(&runner, &gil);      /* its yield is the first */
    ck_stats(&gil, 2, 1, 0, 0);
    ck_assert(!ppt_gil_yield(&gil));
    ck_stats(&gil, 2, 1, 0, 1);
    ppt_gil_should_yield(&gil);
    ppt_gil_acquire(&gil, PPT_TRY);
    ppt_gil_acquire(&gil, ppt_deadline(MS));
    ppt_gil_acquire(&gil, -1);
    ck_stats(&gil, 2, 1, 0, 1);
    taker_start(&comer, of(&gil), PPT_FOREVER);
    ck_assert(ppt_gil_yield(&gil));   /* the comer, and this one again */
    ck_stats(&gil, 4, 2, 0, 1);
    ck_assert(ppt_gil_yield(&gil));   /* the runner, and this one again */
    ck_stats(&gil, 6, 2, 1, 1);
    lockable_release(of(&gil));
    ck_stats(&gil, 6, 2, 1, 1);
    ppt_gil_release(&gil);
    ck_stats(&gil, 6, 2, 1, 1);
    taker_join(&comer, 0);
    join_runner(&runner);
    ck_free(of(&gil));
}
END_TEST

/* Exclusion */

struct account {
    ppt_gil_t gil;
    long balance; /* guarded by gil */
};

static void deposit(void *arg)
{
    struct account *account = arg;
    int i;

    ppt_gil_acquire(&account->gil, PPT_FOREVER);
    for (i = 0; i < 5000; i++) {
        account->balance++;
        ppt_gil_yield(&account->gil);
        if (i % 50 == 0) {
            ppt_gil_release(&account->gil);
            ppt_gil_acquire(&account->gil, PPT_FOREVER);
        }
    }
    ppt_gil_release(&account->gil);
}

/* Proves ppt_gil_acquire Orders. */
START_TEST(holders_exclude_each_other_and_see_each_others_writes)
{
    struct account account;
    worker_t workers[8];
    int i;

    account.balance = 0;
    ppt_gil_init(&account.gil, (uint32_t)_i);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], deposit, &account);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(account.balance, 5000L * LENGTH(workers));
    ck_free(of(&account.gil));
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

/*
 * Forks.  A child of a process with threads starts none of its own:
 * ThreadSanitizer and QEMU fail if it does.
 */

enum { EVERY_IN_CHILD = 7 };

/* Which yield is the first turn. */
static int first_turn(ppt_gil_t *gil)
{
    runner_t runner = { .place = -1 };
    int calls = 1;

    acquire_from(&runner, gil);
    do
        calls++;
    while (!ppt_gil_yield(gil));
    ppt_gil_release(gil);
    join_runner(&runner);
    return calls;
}

static int make_new(void *arg)
{
    ppt_gil_t *gil = arg;
    ppt_gil_stats_t stats;

    ppt_gil_after_fork(gil);
    ppt_gil_get_stats(gil, &stats);
    require(stats.acquisitions == 0 && stats.io_handovers == 0);
    require(stats.turns == 0 && stats.skipped == 0);
    require(!ppt_gil_locked(gil));
    require(ppt_gil_waiting(gil) == 0);
    require(ppt_gil_release(gil) == EPERM);
    require(ppt_gil_acquire(gil, PPT_TRY) == 0);
    require(!ppt_gil_should_yield(gil));
    require(ppt_gil_acquire(gil, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_gil_release(gil) == 0);
    require(ppt_gil_destroy(gil) == 0);
    return 0;
}

static int make_new_and_count(void *arg)
{
    ppt_gil_after_fork(arg);
    require(first_turn(arg) == EVERY_IN_CHILD);
    return make_new(arg);
}

/* Proves ppt_gil_after_fork. */
START_TEST(child_keeps_yield_every)
{
    ppt_gil_t gil;

    ppt_gil_init(&gil, EVERY_IN_CHILD);
    lockable_acquire(of(&gil));
    ck_assert(!ppt_gil_yield(&gil));
    ck_assert_int_eq(in_child(make_new_and_count, &gil), 0);
    ck_assert(ppt_gil_locked(&gil));
    lockable_release(of(&gil));
    ck_assert_int_eq(first_turn(&gil), EVERY_IN_CHILD - 1);
}
END_TEST

/* Proves ppt_gil_after_fork. */
START_TEST(child_makes_a_gil_that_is_held_and_waited_for_new)
{
    runner_t runner = { .place = -1 };
    taker_t comers[3] = { { .result = -1 } };
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, EVERY_IN_CHILD);
    acquire_from(&runner, &gil);
    for (i = 0; i < LENGTH(comers); i++)
        taker_start(&comers[i], of(&gil), PPT_FOREVER);
    ck_assert_int_eq(in_child(make_new, &gil), 0);
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 4);
    lockable_release(of(&gil));
    for (i = 0; i < LENGTH(comers); i++)
        taker_join(&comers[i], 0);
    join_runner(&runner);
    ck_free(of(&gil));
}
END_TEST

/* Proves ppt_gil_t Fork, ppt_gil_after_fork. */
START_TEST(fork_may_catch_the_gil_in_any_state)
{
    struct traffic traffic = { .stop = 0 };
    worker_t workers[4];
    int i;

    ppt_gil_init(&traffic.gil, EVERY_IN_CHILD);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i],
                     i < 2 ? come_again_and_again : yield_until_stopped,
                     &traffic);
    for (i = 0; i < 30; i++)
        ck_assert_int_eq(in_child(make_new, &traffic.gil), 0);
    poke(&traffic.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_free(of(&traffic.gil));
}
END_TEST

static void add_loop_tests(TCase *tcase)
{
    const TTest *const of_handlers[] = { handler_does_not_end_a_yield };

    tcase_add_loop_test(tcase, yield_does_nothing_where_nobody_waits, 0, 3);
    tcase_add_loop_test(tcase, exactly_every_nth_yield_is_a_turn, 0, 6);
    tcase_add_loop_test(tcase, nobody_starves_whoever_comes, 0, 3);
    tcase_add_loop_test(
        tcase, holders_exclude_each_other_and_see_each_others_writes, 0, 3);
    add_with_sa_flags(tcase, of_handlers, LENGTH(of_handlers));
}

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_free_gil,
        io_goes_before_cpu_bound_threads_when_the_gil_is_released,
        io_gets_the_gil_at_the_next_yield,
        thread_that_made_way_for_io_resumes_before_cpu_bound_ones,
        cpu_bound_threads_take_turns_in_fifo_order,
        yield_every_is_a_hundred_by_default,
        each_gil_counts_its_own_yields,
        turn_comes_even_if_io_waits_at_each_yield,
        counters_tell_what_happened,
        child_keeps_yield_every,
        child_makes_a_gil_that_is_held_and_waited_for_new,
        fork_may_catch_the_gil_in_any_state,
    };
    TCase *tcase = add_case(suite, "gil");

    add_list(tcase, tests, LENGTH(tests));
    add_loop_tests(tcase);
}
