/* SPDX-License-Identifier: MIT */
/* What spin.h says of spins, of yields and of the number of CPUs. */
#include "waitq_support.h"

#include <errno.h>
#include <stdio.h>

#include "port/port.h"
#include "pyplusthread/cond.h"
#include "wait/spin.h"

/* Spinning is a hint; but it must not go on in vain */

START_TEST(spin_is_advised_only_for_another_cpu)
{
    ppt_waitq_t queue = { 0 };

    ck_assert(ppt__spin_pays(&queue) == (ppt__cpu_count() > 1));
    ppt__spin_learn(&queue, false, false, false);
    ck_assert(!ppt__spin_pays(&queue));
    ppt__spin_learn(&queue, true, false, false);
    ck_assert(ppt__spin_pays(&queue) == (ppt__cpu_count() > 1));
}
END_TEST

START_TEST(where_a_queue_is_new_the_thread_goes_by_its_own_last_wait)
{
    ppt_waitq_t new = { 0 }, known = { 0 };

    ppt__spin_learn(&known, true, false, false);
    ppt__spin_note(false, false, false);
    ck_assert(!ppt__spin_pays(&new));
    ck_assert(ppt__spin_pays(&known) == (ppt__cpu_count() > 1));
    ppt__spin_note(true, false, false);
    ck_assert(ppt__spin_pays(&new) == (ppt__cpu_count() > 1));
}
END_TEST

START_TEST(waiter_notes_where_it_was_woken_from)
{
    ppt_waitq_t queue = { 0 }, new = { 0 };
    ppt__waiter_t waiter;

    ppt__spin_note(true, false, false);
    ppt__waiter_start(&waiter, false);
    waiter.cpu = ppt__cpu();
    ppt__waitq_push(&queue, &waiter);
    ppt__wake_list_wake(ppt__waitq_take(&queue, 1), PPT__GRANT_NOTHING);
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_assert(ppt__spin_pays(&new) == (waiter.remote && ppt__cpu_count() > 1));
    ppt__waiter_end(&waiter);
}
END_TEST

START_TEST(spins_in_vain_are_followed_by_a_break_and_a_probe)
{
    ppt_waitq_t queue = { 0 };
    int round;

    if (ppt__cpu_count() == 1)
        return;
    for (round = 0; round < 3; round++) {
        int spins = 0, skipped = 0;

        ppt__spin_done(&queue, true);
        while (ppt__spin_pays(&queue)) {
            ppt__spin_done(&queue, false);
            ck_assert_int_lt(++spins, 100);
        }
        while (!ppt__spin_pays(&queue))
            ck_assert_int_lt(++skipped, 1000);
        ck_assert_int_gt(skipped, spins);
        ppt__spin_done(&queue, false); /* the probe was in vain, too */
        ck_assert(!ppt__spin_pays(&queue));
    }
}
END_TEST

/* How long a spin may last: so long as what it saves */

static int64_t limit_after(int64_t latency)
{
    int i;

    for (i = 0; i < 100; i++)
        ppt__spin_measured(latency);
    return ppt__spin_limit();
}

START_TEST(spin_may_last_for_two_remote_wake_ups)
{
    ck_assert_int_eq(limit_after(30 * US) / US, 59);
    ck_assert_int_eq(limit_after(60 * US) / US, 119);
    ck_assert_int_eq(limit_after(20 * US) / US, 40);
}
END_TEST

START_TEST(spin_limit_has_bounds)
{
    ck_assert_int_eq(limit_after(1), PPT__SPIN_NS);
    ck_assert_int_ge(limit_after(PPT__SPIN_LIMIT_NS / 2),
                     PPT__SPIN_LIMIT_NS - 20);
    ck_assert_int_le(ppt__spin_limit(), PPT__SPIN_LIMIT_NS);
}
END_TEST

START_TEST(wake_up_of_a_busy_cpu_does_not_lengthen_spins)
{
    int64_t limit = limit_after(30 * US);

    ck_assert_int_eq(limit_after(PPT__SPIN_LIMIT_NS / 2 + 1), limit);
    ck_assert_int_eq(limit_after(3 * MS), limit);
}
END_TEST

/* A process that goes on on another machine may find an earlier time there. */
START_TEST(clock_that_was_set_back_does_not_change_the_limit)
{
    static const int64_t back[] = { 1, MS, 3 * SECOND, 3600 * SECOND };
    int64_t limit = limit_after(30 * US);
    int i;

    for (i = 0; i < LENGTH(back); i++)
        ck_assert_int_eq(limit_after(-back[i]), limit);
}
END_TEST

/*
 * CPU time of a wait that spins and that nobody ends; 0 if another thread has
 * wanted this CPU, and so ended the spin, or one not long before.
 */
static int64_t spin_in_vain(void)
{
    uint64_t preemptions = ppt__preemptions();
    bool yields = ppt__yield_pays(ppt_now());
    ppt__waiter_t waiter;
    int64_t took;

    ppt__waiter_start(&waiter, true);
    took = cpu_time();
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, ppt_deadline(2 * MS), 0),
                     ETIMEDOUT);
    took = cpu_time() - took;
    ppt__waiter_end(&waiter);
    return yields && ppt__preemptions() == preemptions ? took : 0;
}

static bool counts_sleeps(void)
{
    uint64_t before = ppt__sleeps();

    nap();
    return ppt__sleeps() != before;
}

/* Where others want the CPU all the time nothing can be said. */
START_TEST(spin_goes_on_to_its_limit_while_nobody_else_wants_the_cpu)
{
    int64_t least = limit_after(PPT__SPIN_LIMIT_NS / 2) * 3 / 4;
    int64_t end = ppt_deadline(3 * SECOND);
    int64_t longest = 0;
    int undisturbed = 0;

    if (!counts_sleeps())
        return; /* nor who wanted the CPU */
    while (longest < least && undisturbed < 20 && ppt_now() < end) {
        int64_t took = spin_in_vain();

        undisturbed += took != 0;
        longest = took > longest ? took : longest;
        while (!ppt__yield_pays(ppt_now()) && ppt_now() < end)
            nap();
    }
    if (longest < least && undisturbed < 20)
        printf("# not tested: others wanted the CPU\n");
    ck_assert(longest >= least || undisturbed < 20);
}
END_TEST

struct sleeper {
    worker_t worker;
    ppt__waiter_t waiter;
    int64_t woken_at;
    int64_t back;
};

static void sleep_and_look(void *arg)
{
    struct sleeper *sleeper = arg;

    ppt__waiter_sleep(&sleeper->waiter, PPT_FOREVER, 0);
    sleeper->back = ppt_now();
    sleeper->woken_at = sleeper->waiter.woken_at;
}

/* As if it were on another CPU, or not. */
static void start_sleeper(struct sleeper *sleeper, bool remote)
{
    ppt__waiter_start(&sleeper->waiter, false);
    __atomic_fetch_or(&sleeper->waiter.state, PPT__NOTIFIED, __ATOMIC_RELAXED);
    worker_start(&sleeper->worker, sleep_and_look, sleeper);
    while (!ppt__waiter_asleep(&sleeper->waiter))
        nap();
    sleeper->waiter.remote = remote;
}

static void join_sleeper(struct sleeper *sleeper)
{
    worker_join(&sleeper->worker);
    ppt__waiter_end(&sleeper->waiter);
}

static void wake_a_sleeper(struct sleeper *sleeper, bool remote)
{
    start_sleeper(sleeper, remote);
    ppt__waiter_wake(&sleeper->waiter, PPT__GRANT_NOTHING);
    join_sleeper(sleeper);
}

START_TEST(thread_that_slept_knows_when_a_remote_cpu_woke_it)
{
    int64_t begin = ppt_now();
    struct sleeper sleeper;

    wake_a_sleeper(&sleeper, true);
    ck_assert_int_ge(sleeper.woken_at, begin);
    ck_assert_int_le(sleeper.woken_at, sleeper.back);
    wake_a_sleeper(&sleeper, false);
    ck_assert_int_eq(sleeper.woken_at, 0);
}
END_TEST

/* The others wait for the system calls that wake those before them. */
START_TEST(of_many_that_are_woken_the_first_on_a_remote_cpu_knows_when)
{
    static const bool remote[] = { false, true, true, false, true };
    ppt__wake_list_t list = { NULL, NULL, 0 };
    struct sleeper sleepers[LENGTH(remote)];
    int64_t begin = ppt_now();
    int i;

    for (i = 0; i < LENGTH(remote); i++) {
        start_sleeper(&sleepers[i], remote[i]);
        ppt__wake_list_append(&list, &sleepers[i].waiter);
    }
    ppt__wake_list_wake(list, PPT__GRANT_NOTHING);
    for (i = 0; i < LENGTH(remote); i++) {
        join_sleeper(&sleepers[i]);
        if (i == 1)
            ck_assert_int_ge(sleepers[i].woken_at, begin);
        else
            ck_assert_int_eq(sleepers[i].woken_at, 0);
    }
}
END_TEST

/*
 * As one that runs a signal handler, or whose deadline has passed and that
 * waits for a lock.
 */
START_TEST(thread_that_was_awake_when_it_was_woken_does_not_measure)
{
    int64_t limit = limit_after(30 * US);
    int round;

    for (round = 0; round < 20; round++) {
        ppt__waiter_t waiter;

        ppt__waiter_start(&waiter, false);
        ck_assert_int_eq(ppt__waiter_sleep(&waiter, 1, 0), ETIMEDOUT);
        __atomic_fetch_or(&waiter.state, PPT__NOTIFIED, __ATOMIC_RELAXED);
        waiter.remote = true;
        ppt__waiter_wake(&waiter, PPT__GRANT_NOTHING);
        ck_assert_int_ne(waiter.woken_at, 0);
        ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
        ppt__waiter_end(&waiter);
    }
    ck_assert_int_eq(ppt__spin_limit(), limit);
}
END_TEST

/* Times long past: the waits of other tests are not concerned. */
START_TEST(long_yield_is_followed_by_waits_without_any)
{
    int64_t lost = 3 * MS;
    int64_t back = 2 * lost;

    ck_assert(ppt__yield_pays(back));
    ck_assert(ppt__yield_done(0, 10 * US));
    ck_assert(ppt__yield_pays(10 * US));
    ck_assert(!ppt__yield_done(back - lost, back));
    ck_assert(!ppt__yield_pays(back));
    ck_assert(!ppt__yield_pays(back + 10 * lost));
    ck_assert(ppt__yield_pays(back + 100 * lost));
}
END_TEST

/* Yields, at made-up times */

START_TEST(short_yield_may_be_followed_by_others)
{
    ck_assert(ppt__yield_pays(SECOND));
    ck_assert(ppt__yield_done(SECOND, SECOND + 10 * US));
    ck_assert(ppt__yield_pays(SECOND + 10 * US));
}
END_TEST

START_TEST(long_yield_is_followed_by_half_a_second_without_any_at_most)
{
    static const int64_t lengths[] = { 300 * US, 3 * MS, 10 * MS, SECOND,
                                       3600 * SECOND,
                                       365 * 24 * 3600 * SECOND };
    int64_t begin = SECOND;
    int i;

    for (i = 0; i < LENGTH(lengths); i++) {
        int64_t counted = lengths[i] < 10 * MS ? lengths[i] : 10 * MS;
        int64_t back = begin + lengths[i];

        ck_assert(ppt__yield_pays(begin));
        ck_assert(!ppt__yield_done(begin, back));
        ck_assert(!ppt__yield_pays(back));
        ck_assert(!ppt__yield_pays(back + 10 * counted));
        begin = back + SECOND / 2;
    }
    ck_assert(ppt__yield_pays(begin));
}
END_TEST

struct yielder {
    bool goes_on;
    bool stopped;
};

static void yield_for_long(void *arg)
{
    struct yielder *yielder = arg;

    yielder->goes_on = ppt__yield_done(SECOND, 2 * SECOND);
    yielder->stopped = !ppt__yield_pays(2 * SECOND);
}

START_TEST(long_yield_of_one_thread_does_not_keep_others_from_yielding)
{
    struct yielder yielder = { true, false };
    worker_t worker;

    worker_start(&worker, yield_for_long, &yielder);
    worker_join(&worker);
    ck_assert(!yielder.goes_on);
    ck_assert(yielder.stopped);
    ck_assert(ppt__yield_pays(2 * SECOND));
}
END_TEST

/* The number of CPUs, as looked up at made-up times */

#define LOOK_EVERY (150 * MS)
#define LOOKS_TO_LOWER 8

static void look(int times)
{
    static int64_t now = 365 * 24 * 3600 * SECOND;

    while (times-- > 0)
        ppt__yield_pays(now += LOOK_EVERY);
}

/* Whether CPUs 0 and 1 can be had, and the system says who may use them. */
static bool two_cpus(void)
{
    if (ppt__cpu() >= 0 && allow_cpus("0,1", true)
        && ppt__cpus_allowed() == 2)
        return true;
    printf("# not tested: needs CPUs 0 and 1, and taskset\n");
    return false;
}

static void allow_and_look(const char *list)
{
    ck_assert(allow_cpus(list, true));
    look(LOOKS_TO_LOWER);
}

START_TEST(more_cpus_are_seen_at_the_next_look)
{
    int i;

    if (!two_cpus())
        return;
    for (i = 0; i < 3; i++) {
        allow_and_look("0");
        ck_assert_int_eq(ppt__cpu_count(), 1);
        ck_assert(allow_cpus("0,1", true));
        look(1);
        ck_assert_int_eq(ppt__cpu_count(), 2);
    }
}
END_TEST

START_TEST(fewer_cpus_are_seen_after_some_looks_that_agree)
{
    int i;

    if (!two_cpus())
        return;
    look(1);
    for (i = 0; i < 10; i++) {
        ck_assert(allow_cpus("0", true));
        look(LOOKS_TO_LOWER - 1);
        ck_assert_int_eq(ppt__cpu_count(), 2);
        ck_assert(allow_cpus("0,1", true));
        look(1);
    }
    allow_and_look("0");
    ck_assert_int_eq(ppt__cpu_count(), 1);
}
END_TEST

struct pinned {
    int go;
};

static void look_when_told(void *arg)
{
    struct pinned *pinned = arg;

    while (!peek(&pinned->go))
        nap();
    look(3 * LOOKS_TO_LOWER);
}

/* The worker inherits CPU 0; then its starter goes on to other CPUs. */
START_TEST(thread_that_pins_itself_does_not_hide_the_first_threads_cpus)
{
    static const char *const first[] = { "0,1", "1" };
    int i;

    if (!two_cpus())
        return;
    look(1);
    for (i = 0; i < LENGTH(first); i++) {
        struct pinned pinned = { 0 };
        worker_t worker;

        ck_assert(pin_to(0));
        worker_start(&worker, look_when_told, &pinned);
        ck_assert(allow_cpus(first[i], false));
        poke(&pinned.go, 1);
        worker_join(&worker);
        ck_assert_int_eq(ppt__cpu_count(), 2);
    }
}
END_TEST

START_TEST(waker_on_another_cpu_counts_whoever_is_pinned)
{
    if (!two_cpus())
        return;
    ppt__spin_note(true, false, true);
    allow_and_look("0");
    allow_and_look("0");
    ck_assert_int_eq(ppt__cpu_count(), 2);
    ppt__spin_note(false, false, true);
    allow_and_look("0");
    ck_assert_int_eq(ppt__cpu_count(), 1);
}
END_TEST

/* The number of CPUs, as looked up by whoever waits */

static int wait_interruptibly(ppt_cond_t *cond, ppt_lock_t *lock,
                              int64_t deadline)
{
    return ppt_cond_wait_interruptible(cond, lock, deadline, NULL, NULL);
}

static int wait_and_unlock(ppt_cond_t *cond, ppt_lock_t *lock,
                           int64_t deadline)
{
    int result = ppt_cond_wait_unlock(cond, lock, deadline);

    ppt_lock_acquire(lock, PPT_FOREVER);
    return result;
}

typedef int (*wait_fn)(ppt_cond_t *cond, ppt_lock_t *lock, int64_t deadline);

static const wait_fn waits[] = { ppt_cond_wait, wait_and_unlock,
                                 wait_interruptibly };

struct pair {
    ppt_lock_t lock;
    ppt_cond_t changed;
    wait_fn wait;
    int turn;    /* guarded by lock */
    int threads;
    int stop;
};

static void take_turns(void *arg)
{
    struct pair *pair = arg;
    int me = bump(&pair->threads);

    ppt_lock_acquire(&pair->lock, PPT_FOREVER);
    while (!peek(&pair->stop)) {
        if (pair->turn % 2 != me) {
            pair->wait(&pair->changed, &pair->lock, ppt_deadline(10 * MS));
            continue;
        }
        pair->turn++;
        ppt_cond_signal(&pair->changed);
    }
    ppt_lock_release(&pair->lock);
}

/* Whether looks are made, and not how soon: the test's limit is long. */
START_TEST(count_follows_the_process_while_its_threads_wait)
{
    struct pair pair = { .wait = waits[_i] };
    worker_t workers[2];
    int i;

    if (!two_cpus())
        return;
    ck_assert(allow_cpus("0", true));
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], take_turns, &pair);
    for (i = 0; i < 2; i++) {
        ck_assert(allow_cpus("0", true));
        await(ppt__cpu_count() == 1);
        ck_assert(allow_cpus("0,1", true));
        await(ppt__cpu_count() == 2);
    }
    poke(&pair.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *spins = add_case(suite, "spins");
    TCase *yields = add_case(suite, "yields");
    TCase *cpus = add_case(suite, "cpus");
    const TTest *const of_spins[] = {
        spin_is_advised_only_for_another_cpu,
        where_a_queue_is_new_the_thread_goes_by_its_own_last_wait,
        waiter_notes_where_it_was_woken_from,
        spins_in_vain_are_followed_by_a_break_and_a_probe,
        spin_may_last_for_two_remote_wake_ups,
        spin_limit_has_bounds,
        wake_up_of_a_busy_cpu_does_not_lengthen_spins,
        clock_that_was_set_back_does_not_change_the_limit,
        spin_goes_on_to_its_limit_while_nobody_else_wants_the_cpu,
        thread_that_slept_knows_when_a_remote_cpu_woke_it,
        of_many_that_are_woken_the_first_on_a_remote_cpu_knows_when,
        thread_that_was_awake_when_it_was_woken_does_not_measure,
    };
    const TTest *const of_yields[] = {
        short_yield_may_be_followed_by_others,
        long_yield_is_followed_by_half_a_second_without_any_at_most,
        long_yield_of_one_thread_does_not_keep_others_from_yielding,
        long_yield_is_followed_by_waits_without_any,
    };
    const TTest *const of_cpus[] = {
        more_cpus_are_seen_at_the_next_look,
        fewer_cpus_are_seen_after_some_looks_that_agree,
        thread_that_pins_itself_does_not_hide_the_first_threads_cpus,
        waker_on_another_cpu_counts_whoever_is_pinned,
    };

    add_list(spins, of_spins, LENGTH(of_spins));
    add_list(yields, of_yields, LENGTH(of_yields));
    add_list(cpus, of_cpus, LENGTH(of_cpus));
    tcase_add_loop_test(cpus,
                        count_follows_the_process_while_its_threads_wait, 0,
                        LENGTH(waits));
}
