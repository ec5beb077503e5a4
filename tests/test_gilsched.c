/* SPDX-License-Identifier: MIT */
/* The promises of gilsched.h, with a clock that the tests set. */
#include <string.h>

#include "gilsched_support.h"

static ppt_gilsched_thread_t d;

/* d and a have been forced off; now b has the lock. */
static void force_off_two(void)
{
    compute(&d, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_null(let_go());
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert(a.cpu_bound && d.cpu_bound && !b.cpu_bound);
}

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

/* Proves ppt_gilsched_want Returns. */
START_TEST(cpu_bound_holder_is_asked_at_once)
{
    compute(&a, &b);
    ck_assert_int_eq(want(&c), PPT_GILSCHED_ASK);
}
END_TEST

/* Proves ppt_gilsched_want Returns. */
START_TEST(other_holder_is_asked_after_patience)
{
    take(&a);
    pass(10 * PATIENCE); /* nobody waits */
    sleeps(&b);
    ck_assert_int_eq(until, sim_clock + PATIENCE);
    pass(PATIENCE - 1);
    sleeps(&b);
    pass(1);
    ck_assert_int_eq(want(&b), PPT_GILSCHED_ASK);
}
END_TEST

/* Proves sched.c S2. */
START_TEST(last_in_the_queue_keeps_time)
{
    take(&a);
    sleeps(&b);
    ck_assert_int_eq(until, sim_clock + PATIENCE);
    pass(1);
    sleeps(&c);
    ck_assert_int_eq(until, sim_clock - 1 + PATIENCE);
    sleeps(&b);
    ck_assert_int_eq(until, sim_clock + SLICE);
    pass(PATIENCE);
    sleeps(&b);
    ck_assert_int_eq(want(&c), PPT_GILSCHED_ASK);
}
END_TEST

/*
 * The others may be able to ask where the last is not.
 * Proves sched.c S2.
 */
START_TEST(all_ask_if_the_last_was_not_heard)
{
    take(&a);
    sleeps(&b);
    sleeps(&c);
    sleeps(&d);
    pass(PATIENCE);
    asks(&d);
    sleeps(&c);
    pass(PATIENCE);
    asks(&c);
    pass(PATIENCE);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b); /* each has kept its place */
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_ptr_eq(let_go(), &d);
}
END_TEST

/* Proves ppt_gilsched_asked, sched.c S5. */
START_TEST(request_that_was_not_heard_is_renewed)
{
    compute(&a, &b);
    asks(&b);
    ck_assert_int_eq(until, sim_clock + PATIENCE);
    pass(PATIENCE - 1);
    sleeps(&b);
    pass(1);
    asks(&b);
    ck_assert_uint_eq(sched.stats.renewals, 1);
}
END_TEST

/* Proves sched.c S5. */
START_TEST(request_swallowed_by_another_hold_is_renewed)
{
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    compute(&c, &d);
    ck_assert_int_eq(want(&b), PPT_GILSCHED_ASK);
}
END_TEST

/* Proves sched.c S1. */
START_TEST(one_thread_is_on_its_way_at_a_time)
{
    take(&a);
    sleeps(&b);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &b);
    take(&d); /* first */
    ck_assert_ptr_null(let_go());
    ck_assert_uint_eq(sched.stats.wakes, 1);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
}
END_TEST

/* Proves sched.c S4. */
START_TEST(who_was_passed_over_queues_in_front)
{
    take(&a);
    sleeps(&b);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &b);
    take(&d);
    sleeps(&b);
    ck_assert_uint_eq(sched.stats.vain_wakes, 1);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
}
END_TEST

START_TEST(who_was_passed_over_for_long_has_the_holder_asked)
{
    int i;

    take(&a);
    sleeps(&b);
    for (i = 0; i < 10; i++) {
        ck_assert_ptr_eq(let_go(), &b);
        take(&a);
        sleeps(&b);
        pass(PATIENCE / 10);
    }
    ck_assert_ptr_eq(let_go(), &b);
    take(&a);
    ck_assert_int_eq(want(&b), PPT_GILSCHED_ASK);
}
END_TEST

/* Proves sched.c S4. */
START_TEST(free_lock_is_taken_by_others_if_the_woken_one_does_not_come)
{
    take(&a);
    sleeps(&b);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &b);
    sleeps(&c);
    ck_assert_int_le(until, sim_clock + PATIENCE);
    pass(PATIENCE);
    comes(&c);
    sleeps(&b);
    ck_assert_ptr_eq(let_go(), &b); /* in front */
}
END_TEST

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

/* Proves sched.c S4. */
START_TEST(first_of_the_others_is_woken_if_the_woken_one_does_not_come)
{
    take(&a);
    sleeps(&b);
    sleeps(&c);
    sleeps(&d);
    ck_assert_ptr_eq(let_go(), &b);
    pass(PATIENCE);
    sleeps(&d); /* it keeps time */
    ck_assert_ptr_eq(sched.coming, &c);
    comes(&c);
    sleeps(&b);
    ck_assert_int_eq(until, sim_clock + SLICE);
    sleeps(&d);
    ck_assert_int_eq(until, sim_clock + PATIENCE);
    ck_assert_ptr_eq(let_go(), &b);
}
END_TEST

/*
 * Both of them have been woken in vain.
 * Proves sched.c S6.
 */
START_TEST(who_asks_keeps_time_on_though_it_was_passed_over)
{
    take(&d);
    sleeps(&a);
    sleeps(&b);
    ck_assert_ptr_eq(let_go(), &a);
    take(&c);
    pass(PATIENCE);
    ck_assert_ptr_eq(let_go(), &b);
    take(&d);
    sleeps(&b);
    sleeps(&a);
    pass(PATIENCE);
    asks(&b);
    ck_assert_int_eq(until, sim_clock + PATIENCE);
    pass(PATIENCE);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &a);
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

/* b, back from blocking, has interrupted a, and was soon back once. */
static void be_brief(void)
{
    force_off_two();
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a); /* nothing is known of b yet */
    pass(BRIEF - 1);
    take(&b);
    sleeps(&a);
}

/* Proves ppt_gilsched_t Order, sched.c S7. */
START_TEST(lock_is_left_alone_for_who_was_soon_back)
{
    uint64_t wakes;
    int i;

    be_brief();
    wakes = sched.stats.wakes;
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(until, sim_clock + BRIEF);
        ck_assert_ptr_null(let_go());
        pass(BRIEF / 2);
        sleeps(&a);
        take(&b);
        pass(BRIEF / 2);
        sleeps(&a);
    }
    ck_assert_uint_eq(sched.stats.wakes, wakes);
}
END_TEST

/* Proves sched.c S7. */
START_TEST(lock_that_was_left_alone_in_vain_is_taken)
{
    be_brief();
    ck_assert_ptr_null(let_go());
    pass(BRIEF / 2);
    sleeps(&a);
    ck_assert_int_eq(until, sim_clock + BRIEF / 2);
    pass(BRIEF / 2);
    comes(&a);
    pass(BRIEF);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a); /* b was not soon back */
}
END_TEST

/* Proves sched.c S7. */
START_TEST(lock_is_not_left_alone_while_others_wait)
{
    be_brief();
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    sleeps(&a);
    ck_assert_int_eq(until, sim_clock + SLICE);
    ck_assert_ptr_eq(let_go(), &a);
}
END_TEST

/*
 * As c is before those that it was left alone by.
 * Proves sched.c S7.
 */
START_TEST(lock_is_not_left_alone_once_others_wait)
{
    force_off_two();
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a);
    pass(BRIEF - 1);
    take(&b);
    sleeps(&d); /* watches: a is on its way */
    ck_assert_ptr_null(let_go());
    sleeps(&c);
    comes(&a);
}
END_TEST

/*
 * Nobody would take it, should b not be back.
 * Proves sched.c S1.
 */
START_TEST(lock_is_not_left_alone_while_nobody_watches)
{
    be_brief();
    sleeps(&c);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &c);
    pass(PATIENCE);
    take(&b);
    ck_assert_ptr_eq(let_go(), &a);
}
END_TEST

/* Proves sched.c S7. */
START_TEST(who_watches_asks_when_it_is_owed_time)
{
    be_brief();
    sleeps(&d); /* keeps time, for a slice */
    ck_assert_uint_eq(ppt_gilsched_waiting(&sched), 2);
    ck_assert(d.cpu_bound);
    while (want(&a) != PPT_GILSCHED_ASK) {
        pass(BRIEF / 2);
        ck_assert_int_lt(sim_clock, 2 * SECOND);
    }
    ck_assert_int_le(sim_clock, SECOND + 10 * MS);
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
    ck_assert_int_ge(share(threads, 1), 280);
    ck_assert_int_gt(threads[1].holds, 0);
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
    ck_assert_int_ge(share(threads, 4), others == 0 ? 970 : 280);
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
        ck_assert_int_ge(share(threads, computing), 280);
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
    ck_assert_int_ge(share(threads + 1, 1), 280);
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
        cpu_bound_holder_is_asked_at_once,
        other_holder_is_asked_after_patience,
        last_in_the_queue_keeps_time,
        all_ask_if_the_last_was_not_heard,
        request_that_was_not_heard_is_renewed,
        request_swallowed_by_another_hold_is_renewed,
        one_thread_is_on_its_way_at_a_time,
        who_was_passed_over_queues_in_front,
        who_was_passed_over_for_long_has_the_holder_asked,
        free_lock_is_taken_by_others_if_the_woken_one_does_not_come,
        who_asks_keeps_time_on_though_it_was_passed_over,
        first_of_the_others_is_woken_if_the_woken_one_does_not_come,
        process_that_was_stopped_owes_no_more_than_a_window,
        long_hold_counts_for_no_more_than_a_window,
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
        lock_is_left_alone_for_who_was_soon_back,
        lock_that_was_left_alone_in_vain_is_taken,
        lock_is_not_left_alone_while_others_wait,
        lock_is_not_left_alone_once_others_wait,
        lock_is_not_left_alone_while_nobody_watches,
        who_watches_asks_when_it_is_owed_time,
        after_fork_the_lock_is_free,
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
    tcase_add_loop_test(
        tcase, no_rhythm_of_another_gives_one_more_than_its_share, 0, 15);
    tcase_add_loop_test(tcase, cpu_bound_threads_get_equal_shares, 0, 20);
    tcase_add_loop_test(tcase, back_from_blocking_waits_a_few_microseconds, 0,
                        9);
}
