/* SPDX-License-Identifier: MIT */
/* The promises of port.h, of the port that is linked, but for P6 to P9. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <time.h>
#include <unistd.h>

#include "port/port.h"
#include "pyplusthread/version.h"

/* A number that a shell command prints; 0 where there is no such command. */
static int number_from(const char *command)
{
    FILE *output = popen(command, "r");
    int number = 0;

    ck_assert_ptr_nonnull(output);
    if (fscanf(output, "%d", &number) != 1)
        number = 0;
    pclose(output);
    return number;
}

/* P1 */

static pthread_mutex_t clocks = PTHREAD_MUTEX_INITIALIZER;
static int64_t latest; /* that any thread has seen; guarded by clocks */

static void compare_clocks(void *arg)
{
    int *backwards = arg;
    int i;

    for (i = 0; i < 50000; i++) {
        int64_t now;

        pthread_mutex_lock(&clocks);
        now = ppt__now();
        if (now < latest || now <= 0)
            bump(backwards);
        latest = now;
        pthread_mutex_unlock(&clocks);
    }
}

/* Proves port.h P1. */
START_TEST(now_is_positive_and_never_goes_back_between_threads)
{
    worker_t workers[2];
    int backwards = 0;
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], compare_clocks, &backwards);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(backwards, 0);
}
END_TEST

/* Proves port.h P1. */
START_TEST(now_counts_nanoseconds)
{
    struct timespec before, after;
    int64_t begin, elapsed;

    clock_gettime(CLOCK_MONOTONIC, &before);
    begin = ppt__now();
    await(ppt__now() >= begin + 20 * MS);
    clock_gettime(CLOCK_MONOTONIC, &after);
    elapsed = (after.tv_sec - before.tv_sec) * SECOND
              + after.tv_nsec - before.tv_nsec;
    ck_assert_int_ge(elapsed, 20 * MS);
}
END_TEST

/* P2, P3 */

/* Proves port.h P2. */
START_TEST(cpu_is_a_cpu_or_unknown)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    int i;

    for (i = 0; i < 1000; i++) {
        ck_assert_int_ge(ppt__cpu(), -1);
        ck_assert_int_lt(ppt__cpu(), cpus);
    }
}
END_TEST

/* Proves port.h P2. */
START_TEST(cpu_is_the_one_that_the_thread_is_pinned_to)
{
    if (pin_to(0))
        ck_assert(ppt__cpu() == 0 || ppt__cpu() == -1);
}
END_TEST

/* Proves port.h P3. */
START_TEST(cpus_allowed_are_what_the_process_was_given)
{
    int given = number_from("env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT"
                            " nproc 2>/dev/null");

    ck_assert_int_ge(ppt__cpus_allowed(), 1);
    if (given != 0)
        ck_assert_int_eq(ppt__cpus_allowed(), given);
}
END_TEST

/* Proves port.h P3. */
START_TEST(cpus_allowed_follow_what_the_process_is_given)
{
    if (ppt__cpu() < 0 || !allow_cpus("0", true))
        return;
    ck_assert_int_eq(ppt__cpus_allowed(), 1);
    if (!allow_cpus("0,1", true) || number_from("nproc") != 2)
        return;
    ck_assert_int_eq(ppt__cpus_allowed(), 2);
    ck_assert(allow_cpus("1", true));
    ck_assert_int_eq(ppt__cpus_allowed(), 1);
}
END_TEST

struct pinned {
    int go;
    int allowed;
};

static void count_when_told(void *arg)
{
    struct pinned *pinned = arg;

    while (!peek(&pinned->go))
        nap();
    pinned->allowed = ppt__cpus_allowed();
}

/*
 * The thread inherits CPU 0; then its starter goes on to other CPUs.
 * Proves port.h P3.
 */
START_TEST(pinned_thread_counts_the_first_threads_cpus_too)
{
    static const char *const first[] = { "0", "1", "0,1" };
    static const int expected[] = { 1, 2, 2 };
    int i;

    if (ppt__cpu() < 0 || !allow_cpus("0,1", true)
        || number_from("nproc") != 2)
        return;
    for (i = 0; i < LENGTH(first); i++) {
        struct pinned pinned = { 0, 0 };
        worker_t worker;

        ck_assert(pin_to(0));
        worker_start(&worker, count_when_told, &pinned);
        ck_assert(allow_cpus(first[i], false));
        poke(&pinned.go, 1);
        worker_join(&worker);
        ck_assert_int_eq(pinned.allowed, expected[i]);
    }
}
END_TEST

/* P4 */

struct turns {
    int turn;
    int threads;
};

static void take_turns(void *arg)
{
    struct turns *turns = arg;
    int me = bump(&turns->threads);
    int i;

    for (i = 0; i < 100; i++) {
        while (peek(&turns->turn) % 2 != me)
            ppt__yield();
        bump(&turns->turn);
    }
}

/* Proves port.h P4. */
START_TEST(yield_lets_the_other_thread_of_this_cpu_go)
{
    struct turns turns = { 0, 0 };
    worker_t workers[2];
    int i;

    pin_to(0); /* its threads too */
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], take_turns, &turns);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(turns.turn, 200);
}
END_TEST

/* P5 */

/* Proves port.h P5. */
START_TEST(port_has_a_known_name)
{
    const char *name = ppt__port_name();

    ck_assert(strcmp(name, "linux") == 0 || strcmp(name, "posix") == 0);
    ck_assert_str_eq(ppt_port(), name);
}
END_TEST

/* P10, P11 */

struct word_wait {
    uint32_t word;
    int cpu_percent; /* that the wait took */
};

static uint32_t word_of(const struct word_wait *wait)
{
    return __atomic_load_n(&wait->word, __ATOMIC_ACQUIRE);
}

static void wait_while_0(void *arg)
{
    struct word_wait *wait = arg;

    while (word_of(wait) == 0)
        ppt__word_wait(&wait->word, 0);
}

static void wait_while_0_on_the_clock(void *arg)
{
    struct word_wait *wait = arg;
    stretch_t stretch = stretch_begin();

    wait_while_0(wait);
    wait->cpu_percent = stretch_cpu_percent(&stretch);
}

/* Proves port.h P10. */
START_TEST(wait_for_a_word_that_has_changed_returns)
{
    uint32_t word = 1;

    ppt__word_wait(&word, 0);
    ppt__word_wait(&word, UINT32_MAX);
    ck_assert_uint_eq(word, 1);
}
END_TEST

/* Proves port.h P10. */
START_TEST(thread_that_waits_for_a_word_leaves_the_cpu_to_others)
{
    struct word_wait wait = { 0, 0 };
    int64_t begin;
    worker_t worker;

    pin_to(0); /* its threads too */
    worker_start(&worker, wait_while_0_on_the_clock, &wait);
    await(worker_asleep(&worker));
    begin = ppt_now();
    await(ppt_now() > begin + 200 * MS);
    ck_assert(!worker_done(&worker));
    __atomic_store_n(&wait.word, 1, __ATOMIC_RELEASE);
    ppt__word_wake(&wait.word);
    worker_join(&worker);
    ck_assert_int_lt(wait.cpu_percent, 50);
}
END_TEST

/* Proves port.h P11. */
START_TEST(each_wake_ends_the_sleep_of_two_threads)
{
    struct word_wait wait = { 0, 0 };
    worker_t workers[5];
    int i;

    for (i = 0; i < LENGTH(workers); i++) {
        worker_start(&workers[i], wait_while_0, &wait);
        await(worker_asleep(&workers[i]));
    }
    __atomic_store_n(&wait.word, 1, __ATOMIC_RELEASE);
    for (i = 0; i < LENGTH(workers); i += 2)
        ppt__word_wake(&wait.word);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
}
END_TEST

static void swap_words(void *arg)
{
    struct word_wait *wait = arg;
    int i;

    for (i = 0; i < 1000; i++) {
        while (word_of(wait) == 0)
            ppt__word_wait(&wait->word, 0);
        __atomic_store_n(&wait->word, 0, __ATOMIC_RELEASE);
        ppt__word_wake(&wait->word);
    }
}

/* Proves port.h P11. */
START_TEST(wake_after_the_change_is_never_lost)
{
    struct word_wait wait = { 0, 0 };
    worker_t worker;
    int i;

    worker_start(&worker, swap_words, &wait);
    for (i = 0; i < 1000; i++) {
        __atomic_store_n(&wait.word, 1, __ATOMIC_RELEASE);
        ppt__word_wake(&wait.word);
        while (word_of(&wait) == 1)
            ppt__word_wait(&wait.word, 1);
    }
    worker_join(&worker);
}
END_TEST

/* Proves port.h P11. */
START_TEST(wake_does_not_touch_the_word)
{
    uint32_t *word = page_map(PROT_NONE);

    ppt__word_wake(word);
    page_unmap(word);
    ppt__word_wake(word);
}
END_TEST

/* P12 */

static void pause_while_0(void *arg)
{
    while (word_of(arg) == 0)
        ppt__pause();
}

/* Proves port.h P13. */
START_TEST(sleeps_are_counted_if_at_all)
{
    uint64_t before = ppt__sleeps(), after;

    nap();
    after = ppt__sleeps();
#if defined(__linux__)
    ck_assert_uint_gt(after, before);
#else
    ck_assert_uint_ge(after, before);
#endif
}
END_TEST

static void yield_until_stopped(void *arg)
{
    int *stop = arg;

    while (!peek(stop))
        ppt__yield();
}

/* Proves port.h P14. */
START_TEST(yield_to_another_thread_is_counted_if_at_all)
{
    uint64_t before;
    worker_t worker;
    int stop = 0;

    if (!pin_to(0))
        return;
    worker_start(&worker, yield_until_stopped, &stop);
    before = ppt__preemptions();
    await((ppt__yield(), ppt__preemptions() > before || ppt__cpu() < 0));
    ck_assert_uint_ge(ppt__preemptions(), before);
    poke(&stop, 1);
    worker_join(&worker);
}
END_TEST

/* Whether the port tells how often a thread has slept. */
static bool tells(void)
{
    uint64_t before = ppt__sleeps();

    nap();
    return ppt__sleeps() != before;
}

static bool nap_was_a_sleep_only(void)
{
    uint64_t sleeps = ppt__sleeps(), preemptions = ppt__preemptions();

    nap();
    return ppt__sleeps() > sleeps && ppt__preemptions() == preemptions;
}

static bool yield_was_a_preemption_only(void)
{
    uint64_t sleeps = ppt__sleeps(), preemptions = ppt__preemptions();

    ppt__yield();
    return ppt__preemptions() > preemptions && ppt__sleeps() == sleeps;
}

/* Some time: others may have the CPU.  Proves port.h P13, port.h P14. */
START_TEST(sleeps_and_preemptions_are_told_apart)
{
    worker_t worker;
    int stop = 0;

    if (!tells() || !pin_to(0))
        return;
    await(nap_was_a_sleep_only());
    worker_start(&worker, yield_until_stopped, &stop);
    await(yield_was_a_preemption_only());
    poke(&stop, 1);
    worker_join(&worker);
}
END_TEST

static bool yield_was_nothing(void)
{
    uint64_t preemptions = ppt__preemptions();

    ppt__yield();
    return ppt__preemptions() == preemptions;
}

/* Proves port.h P14. */
START_TEST(yield_that_nobody_wants_is_not_counted)
{
    await(yield_was_nothing());
}
END_TEST

#if defined(SYS_getrusage)
/* As in a sandbox.  Proves port.h P13, port.h P14. */
START_TEST(system_that_does_not_tell_says_always_the_same)
{
    uint64_t sleeps, preemptions;

    if (!refuse_call(SYS_getrusage, EPERM))
        return; /* in QEMU */
    errno = EBADMSG;
    sleeps = ppt__sleeps();
    preemptions = ppt__preemptions();
    ck_assert_int_eq(errno, EBADMSG);
    nap();
    ck_assert_uint_eq(ppt__sleeps(), sleeps);
    ck_assert_uint_eq(ppt__preemptions(), preemptions);
}
END_TEST
#endif

/* Proves port.h P12. */
START_TEST(pause_does_not_stop_a_spin_loop)
{
    struct word_wait wait = { 0, 0 };
    worker_t worker;

    worker_start(&worker, pause_while_0, &wait);
    await(peek(&worker.started));
    __atomic_store_n(&wait.word, 1, __ATOMIC_RELEASE);
    worker_join(&worker);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        now_is_positive_and_never_goes_back_between_threads,
        now_counts_nanoseconds,
        cpu_is_a_cpu_or_unknown,
        cpu_is_the_one_that_the_thread_is_pinned_to,
        cpus_allowed_are_what_the_process_was_given,
        cpus_allowed_follow_what_the_process_is_given,
        pinned_thread_counts_the_first_threads_cpus_too,
        yield_lets_the_other_thread_of_this_cpu_go,
        port_has_a_known_name,
        wait_for_a_word_that_has_changed_returns,
        thread_that_waits_for_a_word_leaves_the_cpu_to_others,
        each_wake_ends_the_sleep_of_two_threads,
        wake_after_the_change_is_never_lost,
        wake_does_not_touch_the_word,
        sleeps_are_counted_if_at_all,
        yield_to_another_thread_is_counted_if_at_all,
        sleeps_and_preemptions_are_told_apart,
        yield_that_nobody_wants_is_not_counted,
#if defined(SYS_getrusage)
        system_that_does_not_tell_says_always_the_same,
#endif
        pause_does_not_stop_a_spin_loop,
    };

    add_list(add_case(suite, "port"), tests, LENGTH(tests));
}
