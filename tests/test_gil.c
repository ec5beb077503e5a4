/* SPDX-License-Identifier: MIT */
/* The promises of gil.h. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "pyplusthread/gil.h"

#define MANY 200

static void acquire(ppt_gil_t *gil)
{
    ck_assert_int_eq(ppt_gil_acquire(gil, PPT_FOREVER), 0);
    ck_assert(ppt_gil_locked(gil));
}

static void release(ppt_gil_t *gil)
{
    ck_assert_int_eq(ppt_gil_release(gil), 0);
}

static void ck_free(ppt_gil_t *gil)
{
    ck_assert(!ppt_gil_locked(gil));
    ck_assert_uint_eq(ppt_gil_waiting(gil), 0);
    ck_assert_int_eq(ppt_gil_acquire(gil, PPT_TRY), 0);
    ck_assert(!ppt_gil_yield(gil));
    ck_assert_int_eq(ppt_gil_release(gil), 0);
    ck_assert_int_eq(ppt_gil_destroy(gil), 0);
}

/*
 * A gil whose clock stands still, for tests of the order: so CPU-bound threads
 * are not owed time, and nobody is late.
 */
static int64_t standing_clock(void)
{
    return PPT_FOREVER / 2;
}

#define ORDERED { .sched = { .now = standing_clock } }

/* A thread that comes back from I/O once, and what it saw */

typedef struct comer {
    worker_t worker;
    ppt_gil_t *gil;
    int64_t deadline;
    int *turn; /* guarded by the gil: counts those who had it */
    int place; /* among those */
    int result;
    int released;
    int64_t returned;
} comer_t;

static void come_back(void *arg)
{
    comer_t *comer = arg;

    comer->result = ppt_gil_acquire(comer->gil, comer->deadline);
    comer->returned = ppt_now();
    if (comer->result != 0)
        return;
    if (comer->turn != NULL)
        comer->place = (*comer->turn)++;
    comer->released = ppt_gil_release(comer->gil);
}

/* Start one while the gil is held, and see it queued. */
static void start(comer_t *comer, ppt_gil_t *gil, int64_t deadline)
{
    unsigned before = ppt_gil_waiting(gil);

    comer->gil = gil;
    comer->deadline = deadline;
    worker_start(&comer->worker, come_back, comer);
    await(ppt_gil_waiting(gil) > before || worker_done(&comer->worker));
    if (deadline == PPT_FOREVER)
        await(worker_asleep(&comer->worker));
}

static comer_t *start_many(ppt_gil_t *gil, int n, int *turn)
{
    comer_t *comers = calloc((size_t)n, sizeof *comers);
    int i;

    ck_assert_ptr_nonnull(comers);
    for (i = 0; i < n; i++) {
        comers[i].turn = turn;
        start(&comers[i], gil, PPT_FOREVER);
        ck_assert_uint_eq(ppt_gil_waiting(gil), (unsigned)i + 1);
    }
    return comers;
}

static void join(comer_t *comer, int result)
{
    worker_join(&comer->worker);
    ck_assert_int_eq(comer->result, result);
    ck_assert_int_eq(comer->released, 0);
}

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
 * has called yield once.
 */
static void acquire_from(runner_t *runner, ppt_gil_t *gil)
{
    runner->gil = gil;
    worker_start(&runner->worker, run, runner);
    await(peek(&runner->holds));
    acquire(gil);
    await(ppt_gil_waiting(gil) == 1);
}

static void join_runner(runner_t *runner)
{
    worker_join(&runner->worker);
    ck_assert(runner->gave_way);
}

/* Alone */

START_TEST(all_ways_to_make_one_make_a_free_gil)
{
    static ppt_gil_t in_static_memory;
    ppt_gil_t gil = PPT_GIL_INITIALIZER;

    ck_free(&in_static_memory);
    ck_free(&gil);
    memset(&gil, 0xa5, sizeof gil);
    ppt_gil_init(&gil, 0);
    ck_free(&gil);
    memset(&gil, 0xa5, sizeof gil);
    ppt_gil_init(&gil, 5);
    ck_free(&gil);
}
END_TEST

START_TEST(free_gil_is_taken_at_once)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_deadline(SECOND),
                                  PPT_FOREVER };
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        ck_assert_int_eq(ppt_gil_acquire(&gil, deadlines[i]), 0);
        ck_assert(ppt_gil_locked(&gil));
        release(&gil);
        ck_assert(!ppt_gil_locked(&gil));
    }
    ck_free(&gil);
}
END_TEST

START_TEST(try_of_a_held_gil_is_busy_and_leaves_nobody_waiting)
{
    ppt_gil_t gil = PPT_GIL_INITIALIZER;

    acquire(&gil);
    ck_assert_int_eq(ppt_gil_acquire(&gil, PPT_TRY), EBUSY);
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 0);
    ck_assert(!ppt_gil_should_yield(&gil));
    release(&gil);
    ck_free(&gil);
}
END_TEST

START_TEST(timeout_is_never_early_and_leaves_nobody_waiting)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    int i;

    acquire(&gil);
    ck_assert_int_eq(ppt_gil_acquire(&gil, 1), ETIMEDOUT);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);

        ck_assert_int_eq(ppt_gil_acquire(&gil, deadline), ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
        ck_assert_uint_eq(ppt_gil_waiting(&gil), 0);
    }
    ck_assert(!ppt_gil_yield(&gil));
    ck_assert(!ppt_gil_should_yield(&gil));
    release(&gil);
    ck_free(&gil);
}
END_TEST

START_TEST(negative_deadline_is_refused_and_changes_nothing)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    int i;

    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(ppt_gil_acquire(&gil, negative[i]), EINVAL);
        ck_assert(!ppt_gil_locked(&gil));
        acquire(&gil);
        ck_assert_int_eq(ppt_gil_acquire(&gil, negative[i]), EINVAL);
        ck_assert(ppt_gil_locked(&gil));
        ck_assert_uint_eq(ppt_gil_waiting(&gil), 0);
        release(&gil);
    }
    ck_free(&gil);
}
END_TEST

START_TEST(release_of_a_free_gil_is_refused_and_changes_nothing)
{
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    comer_t comer = { .result = -1 };

    ck_assert_int_eq(ppt_gil_release(&gil), EPERM);
    ck_free(&gil);
    acquire(&gil);
    start(&comer, &gil, PPT_FOREVER);
    release(&gil);
    join(&comer, 0);
    ck_assert_int_eq(ppt_gil_release(&gil), EPERM);
    ck_assert_int_eq(ppt_gil_release(&gil), EPERM);
    ck_free(&gil);
}
END_TEST

START_TEST(destroy_of_a_held_gil_is_busy_and_changes_nothing)
{
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    comer_t comer = { .result = -1 };

    acquire(&gil);
    ck_assert_int_eq(ppt_gil_destroy(&gil), EBUSY);
    ck_assert(ppt_gil_locked(&gil));
    start(&comer, &gil, PPT_FOREVER);
    ck_assert_int_eq(ppt_gil_destroy(&gil), EBUSY);
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 1);
    release(&gil);
    join(&comer, 0);
    ck_free(&gil);
}
END_TEST

START_TEST(yield_does_nothing_where_nobody_waits)
{
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, (uint32_t)_i);
    acquire(&gil);
    for (i = 0; i < 1000; i++) {
        ck_assert(!ppt_gil_should_yield(&gil));
        ck_assert(!ppt_gil_yield(&gil));
        ck_assert(ppt_gil_locked(&gil));
    }
    release(&gil);
    ck_free(&gil);
}
END_TEST

/* Order */

START_TEST(release_wakes_a_timed_waiter_before_its_deadline)
{
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    comer_t comer = { .result = -1 };

    acquire(&gil);
    start(&comer, &gil, ppt_deadline(LIMIT));
    release(&gil);
    join(&comer, 0);
    ck_free(&gil);
}
END_TEST

START_TEST(timed_waiter_in_the_middle_may_leave)
{
    ppt_gil_t gil = ORDERED;
    comer_t first = { .result = -1 }, timed = { .result = -1 },
            last = { .result = -1 };
    int64_t deadline;
    int turn = 0;

    first.turn = last.turn = &turn;
    acquire(&gil);
    start(&first, &gil, PPT_FOREVER);
    deadline = ppt_deadline(500 * MS); /* last is queued by then */
    start(&timed, &gil, deadline);
    start(&last, &gil, PPT_FOREVER);
    join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 2);
    ck_assert(ppt_gil_yield(&gil));
    ck_assert_int_eq(turn, 2);
    release(&gil);
    join(&first, 0);
    join(&last, 0);
    ck_assert_int_eq(first.place, 0);
    ck_assert_int_eq(last.place, 1);
    ck_free(&gil);
}
END_TEST

START_TEST(two_hundred_io_threads_come_in_fifo_order)
{
    ppt_gil_t gil = ORDERED;
    int turn = 0;
    comer_t *comers;
    int i;

    acquire(&gil);
    comers = start_many(&gil, MANY, &turn);
    release(&gil);
    for (i = 0; i < MANY; i++) {
        join(&comers[i], 0);
        ck_assert_int_eq(comers[i].place, i);
    }
    free(comers);
    ck_free(&gil);
}
END_TEST

START_TEST(io_goes_before_cpu_bound_threads_when_the_gil_is_released)
{
    ppt_gil_t gil = ORDERED;
    runner_t runner = { .place = -1 };
    comer_t comers[3] = { { .result = -1 } };
    int turn = 0;
    int i;

    runner.turn = &turn;
    acquire_from(&runner, &gil);
    for (i = 0; i < LENGTH(comers); i++) {
        comers[i].turn = &turn;
        start(&comers[i], &gil, PPT_FOREVER);
    }
    release(&gil);
    for (i = 0; i < LENGTH(comers); i++) {
        join(&comers[i], 0);
        ck_assert_int_eq(comers[i].place, i);
    }
    join_runner(&runner);
    ck_assert_int_eq(runner.place, LENGTH(comers));
    ck_free(&gil);
}
END_TEST

START_TEST(io_gets_the_gil_at_the_next_yield)
{
    ppt_gil_t gil = ORDERED;
    int turn = 0;
    int i;

    acquire(&gil);
    for (i = 1; i <= 20; i++) {
        comer_t comer = { .turn = &turn };

        ck_assert(!ppt_gil_should_yield(&gil));
        start(&comer, &gil, PPT_FOREVER);
        ck_assert(ppt_gil_should_yield(&gil));
        ck_assert(ppt_gil_yield(&gil));
        ck_assert_int_eq(turn, i);
        join(&comer, 0);
    }
    release(&gil);
    ck_free(&gil);
}
END_TEST

START_TEST(thread_that_made_way_for_io_resumes_before_cpu_bound_ones)
{
    ppt_gil_t gil = ORDERED;
    runner_t runner = { .place = -1 };
    comer_t comer = { .result = -1 };
    int turn = 0;

    runner.turn = comer.turn = &turn;
    acquire_from(&runner, &gil);
    start(&comer, &gil, PPT_FOREVER);
    ck_assert(ppt_gil_yield(&gil));
    ck_assert_int_eq(turn++, 1); /* this thread's place */
    release(&gil);
    join(&comer, 0);
    join_runner(&runner);
    ck_assert_int_eq(comer.place, 0);
    ck_assert_int_eq(runner.place, 2);
    ck_free(&gil);
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

START_TEST(cpu_bound_threads_take_turns_in_fifo_order)
{
    struct ring *ring = calloc(1, sizeof *ring);
    worker_t workers[RING];
    int begin, i;

    ck_assert_ptr_nonnull(ring);
    ppt_gil_init(&ring->gil, 1);
    ring->gil.sched.now = standing_clock;
    acquire(&ring->gil);
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
    release(&ring->gil);
    for (i = 0; i < RING; i++)
        worker_join(&workers[i]);
    for (i = begin + RING + 1; i < LOGGED; i++)
        ck_assert_int_eq(ring->log[i], ring->log[i - RING - 1]);
    ck_free(&ring->gil);
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
    acquire(&counted->gil);
    yield_and_note(counted, 0);
    release(&counted->gil);
    worker_join(&worker);
    ck_assert(counted->switched[0]);
    for (i = 1; i < CALLS; i++) {
        bool turn = (i + 1) % expected == 0;

        ck_assert_int_eq(counted->switched[i], turn);
        ck_assert_int_eq(counted->promised[i], turn);
        ck_assert_int_eq(counted->caller[i] != counted->caller[i - 1],
                         counted->switched[i - 1]);
    }
    ck_free(&counted->gil);
    free(counted);
}

START_TEST(exactly_every_nth_yield_is_a_turn)
{
    static const uint32_t numbers[] = { 1, 2, 3, 17, 100, 250 };

    ck_turns(numbers[_i], (int)numbers[_i]);
}
END_TEST

START_TEST(yield_every_is_a_hundred_by_default)
{
    ck_assert_int_eq(PPT_GIL_YIELD_EVERY, 100);
    ck_turns(0, PPT_GIL_YIELD_EVERY);
}
END_TEST

START_TEST(each_gil_counts_its_own_yields)
{
    ppt_gil_t gil, other;
    runner_t runner = { .place = -1 };
    int call, i;

    ppt_gil_init(&gil, 10);
    ppt_gil_init(&other, 4);
    gil.sched.now = other.sched.now = standing_clock;
    acquire(&other);
    acquire_from(&runner, &gil);
    for (call = 2; call < 10; call++) {
        for (i = 0; i < 3; i++)
            ck_assert(!ppt_gil_yield(&other));
        ck_assert(!ppt_gil_yield(&gil));
    }
    ck_assert(ppt_gil_yield(&gil));
    release(&other);
    release(&gil);
    join_runner(&runner);
    ck_free(&gil);
    ck_free(&other);
}
END_TEST

/* A yield that makes way for I/O is counted, too, and may end the turn. */
START_TEST(turn_comes_even_if_io_waits_at_each_yield)
{
    enum { EVERY = 10 };
    runner_t runner = { .place = -1 };
    int turn = 0;
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, EVERY);
    gil.sched.now = standing_clock;
    runner.turn = &turn;
    acquire_from(&runner, &gil);
    for (i = 0; i < 2 * EVERY; i++) {
        comer_t comer = { .turn = &turn };

        start(&comer, &gil, PPT_FOREVER);
        ck_assert(ppt_gil_yield(&gil));
        join(&comer, 0);
    }
    join_runner(&runner);
    ck_assert_int_eq(turn, 2 * EVERY + 1);
    ck_assert_int_eq(runner.place, EVERY - 1); /* its yield was one more */
    release(&gil);
    ck_free(&gil);
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

/* The loop's variable is the number of other CPU-bound threads. */
START_TEST(nobody_starves_whoever_comes)
{
    struct traffic traffic = { .stop = 0 };
    worker_t workers[LENGTH(traffic.served)], others[2];
    int64_t limit = ppt_deadline(LIMIT);
    int i;

    acquire(&traffic.gil);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], come_again_and_again, &traffic);
    for (i = 0; i < _i; i++)
        worker_start(&others[i], yield_until_stopped, &traffic);
    while (!all_served(&traffic, 200)) {
        ppt_gil_yield(&traffic.gil);
        ck_assert_int_lt(ppt_now(), limit);
    }
    poke(&traffic.stop, 1);
    release(&traffic.gil);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    for (i = 0; i < _i; i++)
        worker_join(&others[i]);
    ck_free(&traffic.gil);
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

START_TEST(counters_tell_what_happened)
{
    runner_t runner = { .place = -1 };
    comer_t comer = { .result = -1 };
    ppt_gil_t gil;

    ppt_gil_init(&gil, 4);
    gil.sched.now = standing_clock;
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
    start(&comer, &gil, PPT_FOREVER);
    ck_assert(ppt_gil_yield(&gil));   /* the comer, and this one again */
    ck_stats(&gil, 4, 2, 0, 1);
    ck_assert(ppt_gil_yield(&gil));   /* the runner, and this one again */
    ck_stats(&gil, 6, 2, 1, 1);
    release(&gil);
    ck_stats(&gil, 6, 2, 1, 1);
    ppt_gil_release(&gil);
    ck_stats(&gil, 6, 2, 1, 1);
    join(&comer, 0);
    join_runner(&runner);
    ck_free(&gil);
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
    ck_free(&account.gil);
}
END_TEST

/* Signal handlers; the loop's variable is sa_flags */

START_TEST(handler_does_not_end_an_acquire)
{
    ppt_gil_t gil = PPT_GIL_INITIALIZER;
    comer_t comer = { .result = -1 };
    int i;

    signals_install(_i);
    acquire(&gil);
    start(&comer, &gil, PPT_FOREVER);
    for (i = 0; i < 100; i++) {
        worker_interrupt(&comer.worker);
        nap();
    }
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 1);
    release(&gil);
    join(&comer, 0);
    ck_free(&gil);
}
END_TEST

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
    release(&gil);
    join_runner(&runner);
    ck_free(&gil);
}
END_TEST

/* The end of a gil */

struct heir {
    ppt_gil_t *gil;
    int ready;
    int destroyed; /* what destroy said */
};

static void inherit(void *arg)
{
    struct heir *heir = arg;

    poke(&heir->ready, 1);
    ppt_gil_acquire(heir->gil, PPT_FOREVER);
    ppt_gil_release(heir->gil);
    heir->destroyed = ppt_gil_destroy(heir->gil);
    memset(heir->gil, 0xdd, sizeof *heir->gil);
    free(heir->gil);
}

/* The releaser may still be inside release when the memory goes. */
START_TEST(memory_may_be_freed_by_the_next_holder)
{
    int round;

    for (round = 0; round < 500; round++) {
        struct heir heir = { malloc(sizeof(ppt_gil_t)), 0, -1 };
        worker_t worker;

        ck_assert_ptr_nonnull(heir.gil);
        ppt_gil_init(heir.gil, 0);
        acquire(heir.gil);
        worker_start(&worker, inherit, &heir);
        if (round % 2 == 0)
            await(ppt_gil_waiting(heir.gil) == 1);
        else
            await(peek(&heir.ready));
        release(heir.gil);
        worker_join(&worker);
        ck_assert_int_eq(heir.destroyed, 0);
    }
}
END_TEST

/*
 * Forks.  A child of a process with threads starts none of its own, which
 * ThreadSanitizer could not bear.
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

START_TEST(child_keeps_yield_every)
{
    ppt_gil_t gil;

    ppt_gil_init(&gil, EVERY_IN_CHILD);
    acquire(&gil);
    ck_assert(!ppt_gil_yield(&gil));
    ck_assert_int_eq(in_child(make_new_and_count, &gil), 0);
    ck_assert(ppt_gil_locked(&gil));
    release(&gil);
    ck_assert_int_eq(first_turn(&gil), EVERY_IN_CHILD - 1);
}
END_TEST

START_TEST(child_makes_a_gil_that_is_held_and_waited_for_new)
{
    runner_t runner = { .place = -1 };
    comer_t comers[3] = { { .result = -1 } };
    ppt_gil_t gil;
    int i;

    ppt_gil_init(&gil, EVERY_IN_CHILD);
    acquire_from(&runner, &gil);
    for (i = 0; i < LENGTH(comers); i++)
        start(&comers[i], &gil, PPT_FOREVER);
    ck_assert_int_eq(in_child(make_new, &gil), 0);
    ck_assert_uint_eq(ppt_gil_waiting(&gil), 4);
    release(&gil);
    for (i = 0; i < LENGTH(comers); i++)
        join(&comers[i], 0);
    join_runner(&runner);
    ck_free(&gil);
}
END_TEST

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
    ck_free(&traffic.gil);
}
END_TEST

static void add_loop_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, yield_does_nothing_where_nobody_waits, 0, 3);
    tcase_add_loop_test(tcase, exactly_every_nth_yield_is_a_turn, 0, 6);
    tcase_add_loop_test(tcase, nobody_starves_whoever_comes, 0, 3);
    tcase_add_loop_test(
        tcase, holders_exclude_each_other_and_see_each_others_writes, 0, 3);
    tcase_add_loop_test(tcase, handler_does_not_end_an_acquire, 0, 1);
    tcase_add_loop_test(tcase, handler_does_not_end_an_acquire, SA_RESTART,
                        SA_RESTART + 1);
    tcase_add_loop_test(tcase, handler_does_not_end_a_yield, 0, 1);
    tcase_add_loop_test(tcase, handler_does_not_end_a_yield, SA_RESTART,
                        SA_RESTART + 1);
}

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_free_gil,
        free_gil_is_taken_at_once,
        try_of_a_held_gil_is_busy_and_leaves_nobody_waiting,
        timeout_is_never_early_and_leaves_nobody_waiting,
        negative_deadline_is_refused_and_changes_nothing,
        release_of_a_free_gil_is_refused_and_changes_nothing,
        destroy_of_a_held_gil_is_busy_and_changes_nothing,
        release_wakes_a_timed_waiter_before_its_deadline,
        timed_waiter_in_the_middle_may_leave,
        two_hundred_io_threads_come_in_fifo_order,
        io_goes_before_cpu_bound_threads_when_the_gil_is_released,
        io_gets_the_gil_at_the_next_yield,
        thread_that_made_way_for_io_resumes_before_cpu_bound_ones,
        cpu_bound_threads_take_turns_in_fifo_order,
        yield_every_is_a_hundred_by_default,
        each_gil_counts_its_own_yields,
        turn_comes_even_if_io_waits_at_each_yield,
        counters_tell_what_happened,
        memory_may_be_freed_by_the_next_holder,
        child_keeps_yield_every,
        child_makes_a_gil_that_is_held_and_waited_for_new,
        fork_may_catch_the_gil_in_any_state,
    };
    TCase *tcase = add_case(suite, "gil");

    add_list(tcase, tests, LENGTH(tests));
    add_loop_tests(tcase);
}
