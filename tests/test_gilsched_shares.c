/* SPDX-License-Identifier: MIT */
/*
 * The promises of gilsched.h about shares: the time slices of CPU-bound
 * threads, and what each thread gets in whole programs.
 */
#include <string.h>

#include "gilsched_support.h"

static ppt_gilsched_thread_t d;

/* The holder's slice, of which used is gone, ends; thread has waited. */
static void end_slice(ppt_gilsched_thread_t *thread, int64_t used)
{
    pass(SLICE - used - 1);
    sleeps(thread);
    pass(1);
    asks(thread);
    ck_assert_ptr_eq(let_go(), thread);
    comes(thread);
}

/* a and b are CPU-bound; a has just begun a slice, b waits. */
static void compute_both(void)
{
    compute(&a, &c);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(&a);
    end_slice(&a, 0);
    ck_assert(b.cpu_bound);
    sleeps(&b);
    end_slice(&b, 0);
    sleeps(&a);
    end_slice(&a, 0);
    sleeps(&b);
}

/* Proves ppt_gilsched_t Order, ppt_gilsched_took. */
START_TEST(cpu_bound_threads_take_slices)
{
    compute_both();
    ck_assert_int_eq(until, sim_clock + SLICE);
    end_slice(&b, 0);
    sleeps(&a);
    ck_assert_int_eq(until, sim_clock + SLICE);
    end_slice(&a, 0);
}
END_TEST

/* Proves ppt_gilsched_t Order. */
START_TEST(who_made_way_resumes_first_with_the_rest_of_its_slice)
{
    compute_both();
    pass(SLICE / 2);
    asks(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a);
    comes(&a);
    sleeps(&b);
    ck_assert_int_eq(until, sim_clock + SLICE / 2);
}
END_TEST

START_TEST(who_resumes_and_asks_keeps_the_rest_of_its_slice)
{
    compute(&a, &b);
    pass(SLICE / 2);
    asks(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    sleeps(&a);
    pass(SLICE);
    asks(&a);
    ck_assert_int_ge(a.used, SLICE / 2);
}
END_TEST

/* Proves ppt_gilsched_t Order. */
START_TEST(who_made_way_after_its_slice_queues_last)
{
    compute_both();
    pass(SLICE);
    asks(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &b);
}
END_TEST

START_TEST(next_slice_begins_though_others_come_all_the_time)
{
    compute_both();
    pass(SLICE);
    asks(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    sleeps(&d);
    pass(PATIENCE - 1);
    ck_assert_ptr_eq(let_go(), &d);
    comes(&d);
    sleeps(&c);
    pass(1);
    ck_assert_ptr_eq(let_go(), &b);
}
END_TEST

/* S8: what each has been served */

static bool may_overtake(const ppt_gilsched_thread_t *thread)
{
    return ppt_gilsched_may_overtake(&sched, thread);
}

/* a has had the lock for too long, and makes way for b, which is woken. */
static void lead(void)
{
    compute_both();
    pass(2 * SLICE);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert_int_ge(a.served - b.served, SLICE);
}

/* Proves ppt_gilsched_t Order, sched.c S8. */
START_TEST(who_leads_by_a_slice_does_not_resume_first)
{
    compute_both();
    a.served = b.served + SLICE; /* but has not used its slice */
    asks(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &b);
}
END_TEST

/* Proves ppt_gilsched_may_overtake false, sched.c S8. */
START_TEST(who_leads_by_a_slice_leaves_the_lock_to_the_next)
{
    lead();
    ck_assert(!may_overtake(&a));
    sleeps(&a);
    comes(&b);
}
END_TEST

/* Proves ppt_gilsched_may_overtake true. */
START_TEST(who_does_not_lead_may_overtake)
{
    compute_both();
    pass(SLICE);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert(may_overtake(&a));
    ck_assert(may_overtake(&c));
}
END_TEST

/* Proves sched.c S8. */
START_TEST(who_leads_by_two_slices_is_asked_at_once)
{
    lead();
    a.served = b.served + 2 * SLICE;
    a.used = 0;
    take(&a);
    asks(&b);
}
END_TEST

/*
 * It was the only one when it was woken.
 * Proves sched.c S8.
 */
START_TEST(who_is_woken_and_leads_has_the_next_woken_instead)
{
    lead();
    comes(&b);
    asks(&c);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_ptr_eq(let_go(), &a);
    sleeps(&b);
    sleeps(&a);
    ck_assert_ptr_eq(sched.coming, &b);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &a);
}
END_TEST

/* Proves sched.c S8. */
START_TEST(call_that_kept_the_lock_counts_for_two_slices)
{
    int64_t before;

    compute_both();
    before = a.served;
    pass(SECOND);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    ck_assert_int_eq(a.served, before + 2 * SLICE);
}
END_TEST

/* Proves sched.c S8. */
START_TEST(thread_that_blocked_is_owed_four_slices)
{
    compute(&d, &c);
    asks(&c);
    ck_assert_ptr_eq(let_go(), &c); /* d makes way, and blocks */
    comes(&c);
    sched.level = d.served + 100 * SLICE;
    sleeps(&d);
    ck_assert_int_eq(d.served, sched.level - 4 * SLICE);
}
END_TEST

/* Proves ppt_gilsched_t Order. */
START_TEST(slice_follows_the_switch_interval)
{
    sched.slice = SLICE / 5;
    compute(&a, &c);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(&a);
    ck_assert_int_eq(until, sim_clock + SLICE / 5);
    sched.slice = 2 * SLICE;
    sleeps(&a);
    ck_assert_int_eq(until, sim_clock + 2 * SLICE);
}
END_TEST

/* Whole programs */

/* Proves ppt_gilsched_t Starvation, account.c A1. */
START_TEST(cpu_bound_threads_keep_their_share)
{
    static const int64_t hold[] = { 5 * US, 50 * US, 500 * US };
    static const int64_t block[] = { 0, 5 * US, 200 * US };
    int64_t on = hold[_i % 3], off = block[_i / 3];
    sim_thread_t threads[] = { COMPUTING, BLOCKING(on, off),
                               BLOCKING(on, off), BLOCKING(on, off) };

    simulate(threads, 4, SECOND);
    ck_assert_int_ge(share(threads, 1), 290);
    ck_assert_int_gt(threads[1].holds, 0);
}
END_TEST

/* Both get theirs, however small.  Proves account.c A4. */
START_TEST(any_share_is_kept_in_the_mean)
{
    static const int thousandths[] = { 1, 10, 100, 500, 900, 990, 999 };
    sim_thread_t threads[] = { COMPUTING, BLOCKING(5 * US, 0),
                               BLOCKING(5 * US, 0), BLOCKING(5 * US, 0) };

    cpu_share = (uint32_t)thousandths[_i] * 1000;
    simulate(threads, 4, SECOND);
    cpu_share = 0;
    ck_assert_int_ge(share(threads, 1), thousandths[_i] * 96 / 100);
    ck_assert_int_gt(threads[1].holds + threads[2].holds + threads[3].holds,
                     10);
}
END_TEST

/* Proves sched.c S8. */
START_TEST(cpu_bound_threads_get_equal_shares)
{
    static const int64_t hold[] = { 5 * US, 20 * US, 20 * US, 20 * US };
    static const int64_t block[] = { 0, 20 * US, 100 * US, 5 * MS };
    int others = _i / 4;
    sim_thread_t threads[8];
    int i;

    memset(threads, 0, sizeof threads);
    for (i = 0; i < 8; i++) {
        threads[i].hold = i < 4 ? PPT_FOREVER : hold[_i % 4];
        threads[i].block = block[_i % 4];
        threads[i].start = i * 7 * US;
    }
    simulate(threads, 4 + others, SECOND);
    ck_assert_int_ge(spread(threads, 4), 80);
    ck_assert_int_ge(share(threads, 4), others == 0 ? 970 : 290);
}
END_TEST

/*
 * Where one always finds the lock free when it comes back, by its rhythm.
 * Proves sched.c S8.
 */
START_TEST(no_rhythm_of_another_gives_one_more_than_its_share)
{
    static const int64_t hold[] = { 3 * US, 7 * US, 15 * US, 30 * US };
    static const int64_t block[] = { 1 * US,  5 * US,  10 * US, 20 * US,
                                     30 * US, 45 * US, 60 * US, 100 * US };
    int computing = 2 + _i / 3;
    sim_thread_t threads[8];
    int i, which;

    for (which = 0; which < 32; which++) {
        memset(threads, 0, sizeof threads);
        for (i = 0; i < computing; i++) {
            threads[i].hold = PPT_FOREVER;
            threads[i].start = i * 7 * US;
        }
        threads[i].hold = hold[which % 4];
        threads[i].block = block[which / 4];
        simulate_with(_i % 3 == 0 ? SAME_CPU : _i % 3 * 50 * US - 20 * US,
                      threads, computing + 1, SECOND);
        ck_assert_int_ge(spread(threads, computing), 80);
        ck_assert_int_ge(share(threads, computing), 290);
    }
}
END_TEST

/*
 * Also one whose period is a time slice, and which meets each slice's end.
 * Proves ppt_gilsched_t Starvation.
 */
START_TEST(back_from_blocking_waits_a_few_microseconds)
{
    sim_thread_t threads[] = { BLOCKING(20 * US, 5 * MS - _i / 3 * 50 * US),
                               COMPUTING, COMPUTING, COMPUTING };
    const ppt_gilsched_stats_t *stats = &sim.sched.stats;

    simulate(threads, 2 + _i % 3, SECOND);
    ck_assert_int_ge(threads[0].holds, 190);
    ck_assert_int_le(threads[0].worst, 4 * MS); /* before they are known */
    ck_assert_int_le(stats->io_waited / threads[0].holds, 100 * US);
}
END_TEST

/*
 * As two threads that wake each other through pipes.
 * Proves sched.c S7.
 */
START_TEST(brief_releases_are_seldom_interrupted)
{
    sim_thread_t threads[] = { BLOCKING(7 * US, 10 * US), COMPUTING };

    simulate_with(SAME_CPU, threads, 2, SECOND);
    ck_assert_int_ge(threads[0].holds, 40000);
    ck_assert_int_ge(share(threads + 1, 1), 290);
    ck_assert_uint_le(sim.sched.stats.forced, 1000);
}
END_TEST

/* Proves ppt_gilsched_t Starvation. */
START_TEST(nobody_starves)
{
    sim_thread_t threads[16];
    int i;

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

START_TEST(threads_that_compute_alone_take_slices)
{
    sim_thread_t threads[] = { COMPUTING, COMPUTING };

    simulate(threads, 2, SECOND);
    ck_assert_int_ge(share(threads, 2), 970);
    ck_assert_uint_le(sim.sched.stats.holds, SECOND / SLICE + 10);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const events[] = {
        cpu_bound_threads_take_slices,
        who_made_way_resumes_first_with_the_rest_of_its_slice,
        who_resumes_and_asks_keeps_the_rest_of_its_slice,
        who_made_way_after_its_slice_queues_last,
        next_slice_begins_though_others_come_all_the_time,
        who_leads_by_a_slice_does_not_resume_first,
        who_leads_by_a_slice_leaves_the_lock_to_the_next,
        who_does_not_lead_may_overtake,
        who_leads_by_two_slices_is_asked_at_once,
        who_is_woken_and_leads_has_the_next_woken_instead,
        call_that_kept_the_lock_counts_for_two_slices,
        thread_that_blocked_is_owed_four_slices,
        slice_follows_the_switch_interval,
    };
    const TTest *const programs[] = {
        brief_releases_are_seldom_interrupted,
        nobody_starves,
        threads_that_compute_alone_take_slices,
    };
    TCase *tcase = add_case(suite, "events");

    add_list(tcase, events, LENGTH(events));
    tcase = add_case(suite, "programs");
    add_list(tcase, programs, LENGTH(programs));
    tcase_add_loop_test(tcase, cpu_bound_threads_keep_their_share, 0, 9);
    tcase_add_loop_test(tcase, any_share_is_kept_in_the_mean, 0, 7);
    tcase_add_loop_test(
        tcase, no_rhythm_of_another_gives_one_more_than_its_share, 0, 15);
    tcase_add_loop_test(tcase, cpu_bound_threads_get_equal_shares, 0, 20);
    tcase_add_loop_test(tcase, back_from_blocking_waits_a_few_microseconds, 0,
                        9);
}
