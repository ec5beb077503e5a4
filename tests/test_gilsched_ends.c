/* SPDX-License-Identifier: MIT */
/*
 * Threads that end in the midst of a wait, as CPython ends them while it shuts
 * down.  The memory of one that has ended cannot be read or written.
 *
 * CPython up to 3.13 ends a thread in take_gil: on the word of ASK, with the
 * GIL's mutex held, or when it has taken the lock and let go of it again; from
 * 3.14 on it lets the thread hang there.  So no thread of it ends while it is
 * queued, and none between being woken and the next call: that takes a system
 * that never runs the thread again.  Nor does one end while it holds the lock,
 * but the main thread may when Python has shut down, with the lock held.
 */
#include <sys/mman.h>

#include "gilsched_support.h"

/* No system has larger pages. */
#define PAGE 65536

typedef union {
    ppt_gilsched_thread_t thread;
    _Alignas(PAGE) char bytes[PAGE];
} page_t;

static page_t pages[2];
static ppt_gilsched_thread_t *const x = &pages[0].thread;
static ppt_gilsched_thread_t *const y = &pages[1].thread;

/* Whoever looks at the thread from now on is killed. */
static void end(ppt_gilsched_thread_t *thread)
{
    memset(thread, 0xff, sizeof *thread);
    ck_assert_int_eq(mprotect(thread, PAGE, PROT_NONE), 0);
}

/* For what looks at all memory when the process ends. */
static void give_back(void)
{
    ck_assert_int_eq(mprotect(pages, sizeof pages, PROT_READ | PROT_WRITE),
                     0);
}

static void asks_and_ends(ppt_gilsched_thread_t *thread)
{
    ck_assert_int_eq(want(thread), PPT_GILSCHED_ASK);
    ppt_gilsched_asked(&sched);
    end(thread);
}

/* It sleeps, and has the holder asked after this long. */
static void asks_after(ppt_gilsched_thread_t *thread, int64_t length)
{
    sleeps(thread);
    ck_assert_int_le(until, sim_clock + length);
    pass(until - sim_clock);
    ck_assert_int_eq(want(thread), PPT_GILSCHED_ASK);
    ppt_gilsched_asked(&sched);
}

/* Proves ppt_gilsched_want Returns, sched.c S6. */
START_TEST(who_asks_and_ends_wants_nothing_any_more)
{
    take(&a);
    sleeps(x);
    pass(PATIENCE);
    asks_and_ends(x);
    ck_assert_uint_eq(ppt_gilsched_waiting(&sched), 0);
    ck_assert_ptr_null(let_go());
    take(&b);
    ck_assert_ptr_null(let_go());
}
END_TEST

START_TEST(next_who_comes_asks_again)
{
    take(&a);
    sleeps(x);
    pass(PATIENCE);
    asks_and_ends(x);
    asks_after(&b, PATIENCE);
    ck_assert_ptr_null(let_go());
    comes(&b);
}
END_TEST

/*
 * b and c have looked when they were not the last: each sleeps for a slice.
 * Proves sched.c S9.
 */
START_TEST(last_of_the_others_asks_a_slice_later)
{
    int64_t last;

    take(&a);
    sleeps(&b);
    sleeps(&c);
    sleeps(x);
    sleeps(&b);
    sleeps(&c);
    last = until;
    ck_assert_int_eq(last, sim_clock + SLICE);
    pass(PATIENCE);
    asks_and_ends(x);
    pass(last - sim_clock);
    asks(&c);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
}
END_TEST

/*
 * x is the first, or in the midst, and asks since the last was not heard.
 * Proves sched.c S6.
 */
START_TEST(others_keep_their_places)
{
    take(&a);
    sleeps(_i == 0 ? x : &b);
    sleeps(_i == 0 ? &b : x);
    sleeps(&c);
    pass(PATIENCE);
    asks(&c);
    pass(PATIENCE);
    asks_and_ends(x);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
    ck_assert_ptr_null(let_go());
}
END_TEST

/* x has been forced off, and b, which did it, has been soon back once. */
static void x_watches(void)
{
    compute(x, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(x);
    ck_assert_ptr_eq(let_go(), x);
    pass(BRIEF - 1);
    take(&b);
    sleeps(x);
    ck_assert(x->watches);
}

/* Once it is owed time. */
static void watcher_asks_and_ends(void)
{
    while (want(x) != PPT_GILSCHED_ASK)
        pass(BRIEF);
    ppt_gilsched_asked(&sched);
    end(x);
}

/* Proves sched.c S9. */
START_TEST(who_watches_may_end)
{
    x_watches();
    watcher_asks_and_ends();
    ck_assert_ptr_null(let_go());
    take(&a);
    sleeps(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
}
END_TEST

START_TEST(lock_may_have_been_left_alone_before)
{
    x_watches();
    ck_assert_ptr_null(let_go());
    pass(BRIEF / 2);
    sleeps(x);
    take(&c);
    watcher_asks_and_ends();
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a);
    comes(&a);
}
END_TEST

/* It was woken, and is gone. */
static void is_woken_and_ends(ppt_gilsched_thread_t *thread)
{
    ck_assert_ptr_eq(let_go(), thread);
    end(thread);
}

/* Proves sched.c S9. */
START_TEST(who_keeps_time_wakes_the_next_if_the_woken_one_ends)
{
    take(&a);
    sleeps(x);
    sleeps(&b);
    sleeps(&c);
    ck_assert_int_eq(until, sim_clock + PATIENCE);
    is_woken_and_ends(x);
    pass(PATIENCE);
    sleeps(&c);
    ck_assert_ptr_eq(sched.coming, &b);
    comes(&b);
    ck_assert_ptr_eq(let_go(), &c);
}
END_TEST

START_TEST(newcomer_has_the_free_lock_if_the_woken_one_ends)
{
    take(&a);
    sleeps(x);
    is_woken_and_ends(x);
    sleeps(&b);
    ck_assert_int_le(until, sim_clock + PATIENCE);
    pass(until - sim_clock);
    comes(&b);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &c);
}
END_TEST

/* Whoever takes the lock meanwhile, and lets go of it, wakes the next. */
START_TEST(next_release_wakes_another_if_the_woken_one_ends)
{
    compute(&c, &b);
    asks(x);
    is_woken_and_ends(x);
    take(&c);
    ck_assert(c.cpu_bound);
    asks(&b);
    pass(PATIENCE);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
}
END_TEST

/* Those that compute, and wait for no others, look once in a slice. */
START_TEST(cpu_bound_threads_go_on_if_the_woken_one_ends)
{
    compute(x, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_null(let_go());
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(x);
    sleeps(&a);
    ck_assert(x->cpu_bound && a.cpu_bound);
    ck_assert_ptr_eq(let_go(), &a);
    comes(&a);
    is_woken_and_ends(x);
    a.cpu_bound = true; /* as one that has been forced off */
    ck_assert(ppt_gilsched_may_overtake(&sched, &a));
    take(&c);
    ck_assert_ptr_null(let_go());
    sleeps(&a);
    ck_assert_int_le(until, sim_clock + SLICE);
    pass(until - sim_clock);
    comes(&a);
}
END_TEST

/*
 * As CPython up to 3.13 ends most of them.
 * Proves sched.c S9.
 */
START_TEST(who_takes_the_lock_and_lets_go_may_end)
{
    take(&a);
    sleeps(x);
    sleeps(&b);
    if (_i == 1) {
        pass(PATIENCE);
        asks(&b);
        pass(PATIENCE);
        asks(x);
    }
    ck_assert_ptr_eq(let_go(), x);
    comes(x);
    ck_assert_ptr_eq(let_go(), &b);
    end(x);
    comes(&b);
    sleeps(&c);
    ck_assert_ptr_eq(let_go(), &c);
    comes(&c);
}
END_TEST

START_TEST(cpu_bound_thread_that_was_forced_off_may_end)
{
    compute(x, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    end(x);
    comes(&b);
    ck_assert_ptr_null(let_go());
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    sleeps(&a);
    ck_assert_ptr_eq(let_go(), &a);
}
END_TEST

/*
 * As Python's main thread, which has shut down while others wait.
 * Proves sched.c S9.
 */
START_TEST(holder_may_end)
{
    compute(&a, &b);
    asks(&b);
    ck_assert_ptr_eq(let_go(), &b);
    comes(&b);
    ck_assert_ptr_null(let_go());
    take(x);
    end(x);
    sleeps(&a);
    asks_after(&c, PATIENCE);
    asks_after(&c, PATIENCE);
    ck_assert_int_ne(want(&a), PPT_GILSCHED_TAKE);
}
END_TEST

START_TEST(who_is_on_its_way_and_has_ended_may_be_overtaken)
{
    sched.yields = true;
    take(&a);
    asks(x);
    is_woken_and_ends(x);
    ck_assert(ppt_gilsched_may_overtake(&sched, &b));
    pass(PATIENCE);
    ck_assert(ppt_gilsched_may_overtake(&sched, &b));
    take(&b);
    ck_assert_ptr_null(let_go());
}
END_TEST

/*
 * All of them one after the other.
 * Proves sched.c S9.
 */
START_TEST(everybody_may_end)
{
    take(&a);
    sleeps(x);
    sleeps(y);
    sleeps(&b);
    pass(PATIENCE);
    asks(&b);
    is_woken_and_ends(x);
    pass(PATIENCE);
    sleeps(&b);
    ck_assert_ptr_eq(sched.coming, y);
    end(y);
    pass(PATIENCE);
    comes(&b);
    ck_assert_ptr_null(let_go());
}
END_TEST

/* Whole programs: the first six go on, the others end, at their times. */

enum { STAY = 6, END = 8 };

static void fill(sim_thread_t *threads, int asks, int wakes)
{
    int i;

    for (i = 0; i < STAY + END; i++) {
        threads[i].hold = i % 3 == 0 ? PPT_FOREVER : (10 + 7 * i) * US;
        threads[i].block = (i % 5) * 30 * US;
        threads[i].start = i * 130 * US;
        if (i < STAY)
            continue;
        threads[i].asks = asks == 0 ? 0 : asks + i % 4;
        threads[i].wakes = wakes == 0 ? 0 : wakes + i % 4;
    }
}

static int ended(const sim_thread_t *threads)
{
    int i, count = 0;

    for (i = STAY; i < STAY + END; i++)
        count += threads[i].state == SIM_ENDED;
    return count;
}

static bool is_untouched(const sim_thread_t *thread)
{
    const unsigned char *byte = (const unsigned char *)&thread->sched;
    size_t i;

    for (i = 0; i < sizeof thread->sched; i++)
        if (byte[i] != 0xff)
            return false;
    return true;
}

/* Proves sched.c S9. */
START_TEST(others_go_on_whoever_ends)
{
    static sim_thread_t threads[STAY + END];
    int times = 1 + _i / 3;
    int i;

    fill(threads, _i % 3 == 1 ? 0 : times, _i % 3 == 0 ? 0 : times);
    simulate(threads, STAY + END, SECOND);
    ck_assert_int_ge(ended(threads), END / 2);
    for (i = STAY; i < STAY + END; i++)
        ck_assert(threads[i].state != SIM_ENDED || is_untouched(&threads[i]));
    for (i = 0; i < STAY; i++) {
        ck_assert_int_gt(threads[i].held, SECOND / 500);
        ck_assert_int_le(threads[i].worst, (END + STAY) * SLICE);
    }
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        who_asks_and_ends_wants_nothing_any_more,
        next_who_comes_asks_again,
        last_of_the_others_asks_a_slice_later,
        who_watches_may_end,
        lock_may_have_been_left_alone_before,
        who_keeps_time_wakes_the_next_if_the_woken_one_ends,
        newcomer_has_the_free_lock_if_the_woken_one_ends,
        next_release_wakes_another_if_the_woken_one_ends,
        cpu_bound_threads_go_on_if_the_woken_one_ends,
        cpu_bound_thread_that_was_forced_off_may_end,
        holder_may_end,
        who_is_on_its_way_and_has_ended_may_be_overtaken,
        everybody_may_end,
    };
    TCase *tcase = add_case(suite, "events");

    tcase_add_checked_fixture(tcase, NULL, give_back);
    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, others_keep_their_places, 0, 2);
    tcase_add_loop_test(tcase, who_takes_the_lock_and_lets_go_may_end, 0, 2);
    tcase = add_case(suite, "programs");
    tcase_add_loop_test(tcase, others_go_on_whoever_ends, 0, 12);
}
