/* SPDX-License-Identifier: MIT */
/*
 * The promises of gilsched.h about classes of threads and their order, with a
 * clock that the tests set.
 */
#include "gilsched_support.h"

static ppt_gilsched_thread_t d;

static int64_t times_read;

static int64_t count_reads(void)
{
    times_read++;
    return sim_clock;
}

/* Proves account.c A2. */
START_TEST(events_read_no_clock_while_nobody_waits)
{
    sched.now = count_reads;
    times_read = 0;
    take(&a);
    ck_assert_ptr_null(let_go());
    take(&b);
    ck_assert_ptr_null(let_go());
    ck_assert_int_eq(times_read, 0);
}
END_TEST

/*
 * Proves ppt_gilsched_t Order, ppt_gilsched_let_go Returns,
 * ppt_gilsched_waiting.
 */
START_TEST(first_come_first_served)
{
    take(&a);
    sleeps(&b);
    sleeps(&c);
    sleeps(&d);
    ck_assert_uint_eq(ppt_gilsched_waiting(&sched), 3);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_ptr_eq(let_go(), &d);
    comes(&d);
    ck_assert_ptr_null(let_go());
}
END_TEST

/* Proves ppt_gilsched_t Order. */
START_TEST(back_from_blocking_goes_before_cpu_bound)
{
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(&a);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_ptr_eq(let_go(), &a);
}
END_TEST

/* Proves ppt_gilsched_t CPU-bound. */
START_TEST(cpu_bound_is_who_was_forced_off)
{
    take(&a);
    ck_assert(!a.cpu_bound);
    force_off(&a, &b);
    ck_assert(a.cpu_bound);
    ck_assert_uint_eq(sched.stats.forced, 1);
}
END_TEST

/* Proves ppt_gilsched_t CPU-bound. */
START_TEST(who_lets_go_by_itself_is_not_cpu_bound)
{
    take(&a);
    sleeps(&b);
    pass(PATIENCE - 1);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert(!a.cpu_bound);
    comes(&b);
    ck_assert_ptr_null(let_go());
    compute(&a, &b);
    ck_assert_ptr_null(let_go());
    ck_assert(!a.cpu_bound);
}
END_TEST

/* Proves ppt_gilsched_t CPU-bound. */
START_TEST(who_has_blocked_is_not_cpu_bound)
{
    compute(&a, &b);
    asks(&b);
    let_go();
    comes(&b);
    pass(PATIENCE + 1);
    slept++;
    sleeps(&a);
    ck_assert(!a.cpu_bound);
}
END_TEST

/* Proves ppt_gilsched_t CPU-bound. */
START_TEST(who_had_no_cpu_is_still_cpu_bound)
{
    compute(&a, &b);
    asks(&b);
    let_go();
    comes(&b);
    pass(PATIENCE + 1);
    sleeps(&a);
    ck_assert(a.cpu_bound);
}
END_TEST

/* Proves ppt_gilsched_detained. */
START_TEST(who_was_detained_has_not_blocked)
{
    compute(&a, &b);
    asks(&b);
    let_go();
    pass(PATIENCE + 1);
    slept++;
    comes(&b);
    ppt_gilsched_detained(&sched, &a);
    sleeps(&a);
    ck_assert(a.cpu_bound);
}
END_TEST

/* Proves ppt_gilsched_back. */
START_TEST(who_waits_for_the_guard_has_not_blocked)
{
    compute(&a, &b);
    asks(&b);
    let_go();
    ppt_gilsched_back(&sched, &a);
    pass(PATIENCE + 1);
    slept++;
    comes(&b);
    sleeps(&a);
    ck_assert(a.cpu_bound);
}
END_TEST

/* Proves ppt_gilsched_back. */
START_TEST(who_has_blocked_before_it_waits_for_the_guard_is_not_cpu_bound)
{
    compute(&a, &b);
    asks(&b);
    let_go();
    comes(&b);
    pass(PATIENCE + 1);
    slept++;
    ppt_gilsched_back(&sched, &a);
    ck_assert(!a.cpu_bound);
}
END_TEST

/* c, which has just come, has the holder asked after this long. */
static int64_t time_to_ask(void)
{
    int64_t begin = sim_clock;

    while (want(&c) != PPT_GILSCHED_ASK)
        pass(10 * US);
    return sim_clock - begin;
}

/* Proves account.c A3. */
START_TEST(process_that_was_stopped_owes_no_more_than_a_window)
{
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    pass(60 * SECOND);
    comes(&b);
    ppt_gilsched_detained(&sched, &a);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a);
    comes(&a);
    ck_assert_int_le(time_to_ask(), 10 * MS);
}
END_TEST

/* Others come all the time, and a waits: until it goes first. */
static int64_t time_to_go_first(void)
{
    int64_t begin = sim_clock;

    sleeps(&a);
    sleeps(&c);
    for (;;) {
        ppt_gilsched_thread_t *next = let_go();

        comes(next);
        if (next == &a)
            return sim_clock - begin;
        pass(100 * US);
        sleeps(next == &c ? &d : &c);
    }
}

/* Proves account.c A3. */
START_TEST(long_hold_counts_for_no_more_than_a_window)
{
    compute(&a, &b);
    pass(10 * SECOND);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_int_le(time_to_go_first(), 60 * MS);
}
END_TEST

/* Proves ppt_gilsched_after_fork. */
START_TEST(after_fork_the_lock_is_free)
{
    sched.slice = 7;
    sched.cpu_share = 8;
    take(&a);
    sleeps(&b);
    ppt_gilsched_after_fork(&sched);
    ck_assert_uint_eq(ppt_gilsched_waiting(&sched), 0);
    ck_assert_ptr_null(sched.holder);
    ck_assert_int_eq(sched.slice, 7);
    ck_assert_uint_eq(sched.cpu_share, 8);
    ck_assert_ptr_null(let_go());
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const events[] = {
        events_read_no_clock_while_nobody_waits,
        first_come_first_served,
        back_from_blocking_goes_before_cpu_bound,
        cpu_bound_is_who_was_forced_off,
        who_lets_go_by_itself_is_not_cpu_bound,
        who_has_blocked_is_not_cpu_bound,
        who_had_no_cpu_is_still_cpu_bound,
        who_was_detained_has_not_blocked,
        who_waits_for_the_guard_has_not_blocked,
        who_has_blocked_before_it_waits_for_the_guard_is_not_cpu_bound,
        process_that_was_stopped_owes_no_more_than_a_window,
        long_hold_counts_for_no_more_than_a_window,
        after_fork_the_lock_is_free,
    };

    add_list(add_case(suite, "events"), events, LENGTH(events));
}
