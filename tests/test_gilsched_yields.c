/* SPDX-License-Identifier: MIT */
/* The promises of gilsched.h for an interpreter whose threads yield. */
#include "gilsched_support.h"

/* The holder's next check interval; returns the thread that is woken. */
static ppt_gilsched_thread_t *yield(bool slice_over)
{
    ppt_gilsched_thread_t *before = sched.coming;

    ppt_gilsched_wake(ppt_gilsched_yield(&sched, sched.holder, slice_over));
    return sched.coming != before ? sched.coming : NULL;
}

/* The thread that is woken when it gives up, or NULL. */
static ppt_gilsched_thread_t *give_up(ppt_gilsched_thread_t *thread)
{
    ppt_gilsched_thread_t *before = sched.coming;

    ppt_gilsched_wake(ppt_gilsched_give_up(&sched, thread));
    return sched.coming != before ? sched.coming : NULL;
}

/* A thread that blocked. */
static bool may_overtake(void)
{
    static const ppt_gilsched_thread_t other;

    return ppt_gilsched_may_overtake(&sched, &other);
}

static void start(void)
{
    sched.yields = true;
}

/* Proves ppt_gilsched_want Returns. */
START_TEST(holder_is_asked_at_once)
{
    take(&a);
    asks(&b);
    ck_assert_ptr_eq(yield(false), &b);
    ck_assert(a.cpu_bound);
}
END_TEST

START_TEST(next_holder_is_asked_for_those_who_still_wait)
{
    take(&a);
    asks(&b);
    sleeps(&c);
    ck_assert_ptr_eq(yield(false), &b);
    comes(&b);
    ck_assert_int_ne(sched.asked_at, 0);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_int_eq(sched.asked_at, 0);
}
END_TEST

/*
 * Though it was asked, and others have waited for long.
 * Proves ppt_gilsched_t CPU-bound.
 */
START_TEST(who_lets_go_without_a_yield_is_not_cpu_bound)
{
    take(&a);
    asks(&b);
    pass(3 * PATIENCE);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert(!a.cpu_bound);
    ck_assert_uint_eq(sched.stats.forced, 0);
}
END_TEST

/* a and b are CPU-bound and want the lock; c, back from blocking, has it. */
static void two_give_way(bool slice_over)
{
    take(&b);
    asks(&c);
    ck_assert_ptr_eq(yield(false), &c);
    sleeps(&b);
    comes(&c);
    ck_assert_ptr_eq(let_go(), &b);
    take(&a); /* overtakes it */
    sleeps(&b);
    asks(&c);
    ck_assert_ptr_eq(yield(slice_over), &c);
    sleeps(&a);
    comes(&c);
}

/* Proves ppt_gilsched_yield. */
START_TEST(who_was_asked_to_yield_resumes_first)
{
    two_give_way(false);
    ck_assert_ptr_eq(let_go(), &a);
    comes(&a);
    ck_assert_ptr_eq(let_go(), &b);
}
END_TEST

/* Proves ppt_gilsched_yield. */
START_TEST(who_yields_at_the_end_of_its_slice_resumes_last)
{
    two_give_way(true);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_eq(yield(true), &a);
    sleeps(&b);
    comes(&a);
    ck_assert_ptr_eq(yield(true), &b);
}
END_TEST

/* A slice that ends is of its full length, however long it was. */
START_TEST(next_slice_is_not_shorter_by_a_long_one)
{
    two_give_way(true);
    ck_assert_int_eq(a.used, 0);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    pass(5 * SLICE);
    ck_assert_ptr_eq(yield(true), &a);
    sleeps(&b);
    ck_assert_int_eq(b.used, 0);
}
END_TEST

/* a, CPU-bound, is woken for the lock, and owed time. */
static void owe_time(void)
{
    take(&a);
    asks(&b);
    ck_assert_ptr_eq(yield(false), &b);
    sleeps(&a);
    comes(&b);
    pass(PATIENCE - US); /* longer, and b were CPU-bound itself */
    ck_assert_ptr_eq(let_go(), &a);
}

START_TEST(holder_is_not_asked_while_cpu_bound_threads_are_owed_time)
{
    int64_t now;

    owe_time();
    comes(&a);
    sleeps(&b);
    now = sim_clock;
    ck_assert_int_eq(sched.asked_at, 0);
    ck_assert_int_gt(until, now + 200 * US);
    ck_assert_int_lt(until, now + PATIENCE);
    pass(until - now);
    ck_assert_int_eq(want(&b), PPT_GILSCHED_ASK);
}
END_TEST

/* Proves ppt_gilsched_may_overtake true. */
START_TEST(who_is_on_its_way_may_be_overtaken)
{
    take(&a);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert(may_overtake());
    take(&c);
    ck_assert_ptr_null(let_go());
    ck_assert(may_overtake());
    comes(&b);
}
END_TEST

/* Proves ppt_gilsched_may_overtake false. */
START_TEST(who_was_passed_over_for_long_is_not_overtaken)
{
    take(&a);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    take(&c);
    asks(&b); /* has found it taken */
    pass(PATIENCE);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert(!may_overtake());
    sleeps(&c);
    comes(&b);
}
END_TEST

/* Proves ppt_gilsched_may_overtake false. */
START_TEST(cpu_bound_thread_that_is_owed_time_is_not_overtaken)
{
    owe_time();
    ck_assert(!may_overtake());
    sleeps(&b);
    comes(&a);
}
END_TEST

/*
 * It may have been stopped by a signal, and the lock must not be idle.
 * Proves ppt_gilsched_may_overtake true.
 */
START_TEST(who_is_late_may_be_overtaken_whatever_it_is)
{
    owe_time();
    pass(PATIENCE);
    ck_assert(may_overtake());
}
END_TEST

/* Proves ppt_gilsched_give_up. */
START_TEST(who_gives_up_waits_no_more)
{
    take(&a);
    asks(&b);
    sleeps(&c);
    ck_assert_ptr_null(give_up(&b));
    ck_assert_uint_eq(ppt_gilsched_waiting(&sched), 1);
    ck_assert_int_ne(sched.asked_at, 0); /* for c */
    ck_assert_ptr_eq(let_go(), &c);
}
END_TEST

/* Proves ppt_gilsched_give_up. */
START_TEST(request_ends_with_the_last_who_made_it)
{
    take(&a);
    asks(&b);
    ck_assert_ptr_null(give_up(&b));
    ck_assert_int_eq(sched.asked_at, 0);
    ck_assert_ptr_null(let_go());
}
END_TEST

/* Proves ppt_gilsched_give_up. */
START_TEST(who_is_woken_and_gives_up_passes_it_on)
{
    take(&a);
    asks(&b);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert_ptr_eq(give_up(&b), &c);
    comes(&c);
}
END_TEST

/*
 * It begins anew: at the end of the queue.
 * Proves ppt_gilsched_give_up.
 */
START_TEST(who_gave_up_may_want_it_again)
{
    take(&a);
    asks(&b);
    sleeps(&c);
    give_up(&b);
    sleeps(&b);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
}
END_TEST

/* Proves account.c A2. */
START_TEST(account_ends_with_the_cpu_bound_thread_that_gives_up)
{
    owe_time();
    give_up(&a);
    pass(SECOND);
    take(&b);
    asks(&c);
    ck_assert_ptr_eq(yield(false), &c);
}
END_TEST

/* Proves ppt_gilsched_after_fork. */
START_TEST(fork_changes_nothing_of_how_threads_give_way)
{
    ppt_gilsched_after_fork(&sched);
    ck_assert(sched.yields);
}
END_TEST

/* Whole programs; computing threads yield when they are asked. */

/* Proves ppt_gilsched_t Starvation. */
START_TEST(cpu_bound_threads_keep_their_share)
{
    static const int64_t hold[] = { 5 * US, 50 * US, 500 * US };
    static const int64_t block[] = { 0, 5 * US, 200 * US };
    int64_t on = hold[_i % 3], off = block[_i / 3];
    sim_thread_t threads[] = { COMPUTING, BLOCKING(on, off),
                               BLOCKING(on, off), BLOCKING(on, off) };

    yields = true;
    simulate(threads, 4, SECOND);
    ck_assert_int_ge(share(threads, 1), 280);
    ck_assert_int_gt(threads[1].holds, 0);
}
END_TEST

/* It comes when the others are known: each has had to yield once. */
START_TEST(back_from_blocking_waits_for_the_next_yield)
{
    sim_thread_t threads[] = { BLOCKING(20 * US, 5 * MS), COMPUTING,
                               COMPUTING, COMPUTING };

    yields = true;
    threads[0].start = 50 * MS;
    simulate_with(SAME_CPU, threads, 4, SECOND);
    ck_assert_int_ge(threads[0].holds, 180);
    ck_assert_int_le(threads[0].worst, SIM_CHECK_NS + 2 * SAME_CPU);
}
END_TEST

/* Proves ppt_gilsched_t Starvation. */
START_TEST(nobody_starves)
{
    sim_thread_t threads[16];
    int i;

    yields = true;
    memset(threads, 0, sizeof threads);
    for (i = 0; i < 16; i++) {
        threads[i].hold = i < 4 ? PPT_FOREVER : (10 + 7 * i) * US;
        threads[i].block = (i % 5) * 30 * US;
        threads[i].start = i * 13 * US;
    }
    simulate(threads, 16, SECOND);
    for (i = 0; i < 16; i++)
        ck_assert_int_gt(threads[i].held, SECOND / 500);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        holder_is_asked_at_once,
        next_holder_is_asked_for_those_who_still_wait,
        who_lets_go_without_a_yield_is_not_cpu_bound,
        who_was_asked_to_yield_resumes_first,
        who_yields_at_the_end_of_its_slice_resumes_last,
        next_slice_is_not_shorter_by_a_long_one,
        holder_is_not_asked_while_cpu_bound_threads_are_owed_time,
        who_is_on_its_way_may_be_overtaken,
        who_was_passed_over_for_long_is_not_overtaken,
        cpu_bound_thread_that_is_owed_time_is_not_overtaken,
        who_is_late_may_be_overtaken_whatever_it_is,
        who_gives_up_waits_no_more,
        request_ends_with_the_last_who_made_it,
        who_is_woken_and_gives_up_passes_it_on,
        who_gave_up_may_want_it_again,
        account_ends_with_the_cpu_bound_thread_that_gives_up,
        fork_changes_nothing_of_how_threads_give_way,
        back_from_blocking_waits_for_the_next_yield,
        nobody_starves,
    };
    TCase *tcase = add_case(suite, "gilsched_yields");

    tcase_add_checked_fixture(tcase, start, NULL);
    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, cpu_bound_threads_keep_their_share, 0, 9);
}
