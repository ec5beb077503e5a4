/* SPDX-License-Identifier: MIT */
/*
 * The promises of gilsched.h about threads that wait: when the holder is asked
 * to let go, which of them is woken, and when they leave the lock alone.
 */
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

void add_tests(Suite *suite)
{
    const TTest *const events[] = {
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
        lock_is_left_alone_for_who_was_soon_back,
        lock_that_was_left_alone_in_vain_is_taken,
        lock_is_not_left_alone_while_others_wait,
        lock_is_not_left_alone_once_others_wait,
        lock_is_not_left_alone_while_nobody_watches,
        who_watches_asks_when_it_is_owed_time,
    };

    add_list(add_case(suite, "events"), events, LENGTH(events));
}
