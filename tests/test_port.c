/* SPDX-License-Identifier: MIT */
/* The numbered promises of port.h, of the port that is linked. */
#define _DEFAULT_SOURCE /* MAP_ANON */
#include "support.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef SYS_futex_time64
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#endif

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

static int64_t cpu_time(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * SECOND + used.tv_nsec;
}

/* A page of its own, which a touch after its end is sure to hit. */
static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *page_map(int protection)
{
    void *page = mmap(NULL, page_size(), protection, MAP_PRIVATE | MAP_ANON,
                      -1, 0);

    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
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

START_TEST(p1_now_is_positive_and_never_goes_back_between_threads)
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

START_TEST(p1_now_counts_nanoseconds)
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

START_TEST(p2_cpu_is_a_cpu_or_unknown)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    int i;

    for (i = 0; i < 1000; i++) {
        ck_assert_int_ge(ppt__cpu(), -1);
        ck_assert_int_lt(ppt__cpu(), cpus);
    }
}
END_TEST

START_TEST(p2_cpu_is_the_one_that_the_thread_is_pinned_to)
{
    if (pin_to(0))
        ck_assert(ppt__cpu() == 0 || ppt__cpu() == -1);
}
END_TEST

START_TEST(p3_cpus_allowed_are_what_the_process_was_given)
{
    int given = number_from("env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT"
                            " nproc 2>/dev/null");

    ck_assert_int_ge(ppt__cpus_allowed(), 1);
    if (given != 0)
        ck_assert_int_eq(ppt__cpus_allowed(), given);
}
END_TEST

START_TEST(p3_cpus_allowed_follow_what_the_process_is_given)
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

/* The thread inherits CPU 0; then its starter goes on to other CPUs. */
START_TEST(p3_pinned_thread_counts_the_first_threads_cpus_too)
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

START_TEST(p4_yield_lets_the_other_thread_of_this_cpu_go)
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

START_TEST(p5_port_has_a_known_name)
{
    const char *name = ppt__port_name();

    ck_assert(strcmp(name, "linux") == 0 || strcmp(name, "posix") == 0);
    ck_assert_str_eq(ppt_port(), name);
}
END_TEST

/* P6, P8, P9 on one thread */

START_TEST(p6_new_semaphore_is_0)
{
    ppt__sem_t sem;

    memset(&sem, 0xa5, sizeof sem);
    ppt__sem_init(&sem);
    ck_assert_int_eq(ppt__sem_wait(&sem, PPT_TRY, 0), ETIMEDOUT);
    ppt__sem_destroy(&sem);
    ppt__sem_init(&sem);
    ck_assert_int_eq(ppt__sem_wait(&sem, ppt_deadline(MS), 0), ETIMEDOUT);
    ppt__sem_destroy(&sem);
}
END_TEST

START_TEST(p9_post_that_is_there_is_taken_whatever_the_deadline)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_now(),
                                  ppt_deadline(LIMIT), PPT_FOREVER };
    static const unsigned flags[] = { 0, PPT__INTERRUPTIBLE,
                                      PPT__CANCELLABLE,
                                      PPT__INTERRUPTIBLE
                                      | PPT__CANCELLABLE };
    ppt__sem_t sem;
    int i, j;

    ppt__sem_init(&sem);
    for (i = 0; i < LENGTH(deadlines); i++)
        for (j = 0; j < LENGTH(flags); j++) {
            ppt__sem_post(&sem);
            ck_assert_int_eq(ppt__sem_wait(&sem, deadlines[i], flags[j]), 0);
            ck_assert_int_eq(ppt__sem_wait(&sem, PPT_TRY, flags[j]),
                             ETIMEDOUT); /* lowered to 0 */
        }
    ppt__sem_destroy(&sem);
}
END_TEST

START_TEST(p9_timeout_is_never_early)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt__sem_t sem;
    int i;

    ppt__sem_init(&sem);
    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);
        unsigned flags = (unsigned)i % 4;

        ck_assert_int_eq(ppt__sem_wait(&sem, deadline, flags), ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
    }
    ppt__sem_destroy(&sem);
}
END_TEST

START_TEST(p9_sleep_uses_no_cpu)
{
    int64_t before = cpu_time();
    ppt__sem_t sem;

    ppt__sem_init(&sem);
    ck_assert_int_eq(ppt__sem_wait(&sem, ppt_deadline(200 * MS), 0),
                     ETIMEDOUT);
    ck_assert_int_lt(cpu_time() - before, 50 * MS);
    ppt__sem_destroy(&sem);
}
END_TEST

/* P8, P9: a thread that waits once, and what it saw */

typedef struct sleeper {
    worker_t worker;
    ppt__sem_t *sem;
    int64_t deadline;
    unsigned flags;
    int entered;
    int result; /* -1: it was cancelled */
    int type;   /* of cancellation, after the wait */
    int state;
} sleeper_t;

static void sleep_once(void *arg)
{
    sleeper_t *sleeper = arg;

    poke(&sleeper->entered, 1);
    sleeper->result = ppt__sem_wait(sleeper->sem, sleeper->deadline,
                                    sleeper->flags);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &sleeper->state);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &sleeper->type);
}

static void start(sleeper_t *sleeper, ppt__sem_t *sem, int64_t deadline,
                  unsigned flags)
{
    sleeper->sem = sem;
    sleeper->deadline = deadline;
    sleeper->flags = flags;
    sleeper->result = -1;
    worker_start(&sleeper->worker, sleep_once, sleeper);
    await(worker_asleep(&sleeper->worker)
          || worker_done(&sleeper->worker));
}

static void join(sleeper_t *sleeper, int result)
{
    worker_join(&sleeper->worker);
    ck_assert_int_eq(sleeper->result, result);
}

static void ck_posts(ppt__sem_t *sem, int posts)
{
    ck_assert_int_eq(ppt__sem_wait(sem, PPT_TRY, 0),
                     posts == 1 ? 0 : ETIMEDOUT);
}

START_TEST(p8_post_wakes_the_waiter_whatever_its_deadline)
{
    const int64_t deadlines[] = { ppt_deadline(LIMIT), PPT_FOREVER - 1,
                                  PPT_FOREVER };
    int i;

    for (i = 0; i < 4 * LENGTH(deadlines); i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        start(&sleeper, &sem, deadlines[i / 4], (unsigned)i % 4);
        ck_assert(!worker_done(&sleeper.worker));
        ppt__sem_post(&sem);
        join(&sleeper, 0);
        ck_posts(&sem, 0);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

static void post(void *arg)
{
    ppt__sem_post(arg);
}

/* Sleeps whose deadline is far ahead */

struct far_wait {
    ppt__sem_t sem;
    int64_t deadline;
    unsigned flags;
    int result;
    int64_t cpu_time; /* that the wait took */
};

static void wait_on_the_clock(void *arg)
{
    struct far_wait *wait = arg;
    int64_t before = cpu_time();

    wait->result = ppt__sem_wait(&wait->sem, wait->deadline, wait->flags);
    wait->cpu_time = cpu_time() - before;
}

static void ck_sleeps(int64_t deadline, unsigned flags)
{
    struct far_wait wait = { .deadline = deadline, .flags = flags };
    int64_t begin = ppt_now();
    worker_t worker;

    ppt__sem_init(&wait.sem);
    worker_start(&worker, wait_on_the_clock, &wait);
    await(ppt_now() > begin + 200 * MS);
    ck_assert(!worker_done(&worker));
    ppt__sem_post(&wait.sem);
    worker_join(&worker);
    ck_assert_int_eq(wait.result, 0);
    ck_assert_int_lt(wait.cpu_time, 20 * MS);
    ppt__sem_destroy(&wait.sem);
}

/* A 32-bit time_t, or its sum with the present, ends before these. */
static void ck_sleeps_for_years(void)
{
    const int64_t year = 365 * 86400 * SECOND;
    const int64_t deadlines[] = { ppt_deadline(30 * year),
                                  ppt_deadline(70 * year),
                                  ppt_deadline(140 * year),
                                  PPT_FOREVER - 1, PPT_FOREVER };
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        ck_sleeps(deadlines[i], 0);
        ck_sleeps(deadlines[i], PPT__INTERRUPTIBLE);
    }
}

START_TEST(p9_far_deadline_is_slept_for_without_cpu)
{
    ck_sleeps_for_years();
}
END_TEST

#ifdef SYS_futex_time64
/* From here on, this process's kernel is one of before Linux 5.1. */
static bool forget_futex_time64(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_time64, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { LENGTH(code), code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

START_TEST(p9_old_kernels_without_futex_time64_will_do)
{
    bool posix = strcmp(ppt__port_name(), "posix") == 0;
    int64_t deadline;
    ppt__sem_t sem;

    if (posix && sizeof(time_t) > sizeof(long))
        return; /* glibc 2.36 itself does not sleep, but spins */
    if (!forget_futex_time64())
        return; /* in QEMU */
    errno = 0;
    ck_assert_int_eq(syscall(SYS_futex_time64, NULL, 0, 0, NULL), -1);
    ck_assert_int_eq(errno, ENOSYS);
    ck_sleeps_for_years();
    ppt__sem_init(&sem);
    deadline = ppt_deadline(50 * MS);
    ck_assert_int_eq(ppt__sem_wait(&sem, deadline, 0), ETIMEDOUT);
    ck_assert_int_ge(ppt_now(), deadline);
    ppt__sem_destroy(&sem);
}
END_TEST
#endif

struct baton {
    ppt__sem_t there, back;
    int plain; /* guarded by having been woken */
};

static void echo(void *arg)
{
    struct baton *baton = arg;
    int i;

    for (i = 0; i < 1000; i++) {
        ppt__sem_wait(&baton->there, PPT_FOREVER, 0);
        baton->plain++;
        ppt__sem_post(&baton->back);
    }
}

START_TEST(p8_no_post_is_lost_and_each_publishes_the_writes_before_it)
{
    struct baton baton = { .plain = 0 };
    worker_t worker;
    int i;

    ppt__sem_init(&baton.there);
    ppt__sem_init(&baton.back);
    worker_start(&worker, echo, &baton);
    for (i = 0; i < 1000; i++) {
        baton.plain++;
        ppt__sem_post(&baton.there);
        ck_assert_int_eq(ppt__sem_wait(&baton.back, PPT_FOREVER, 0), 0);
        ck_assert_int_eq(baton.plain, 2 * i + 2);
    }
    worker_join(&worker);
    ppt__sem_destroy(&baton.there);
    ppt__sem_destroy(&baton.back);
}
END_TEST

/* P7, P8: the semaphore's memory goes while post may be on its way out */

struct mailbox {
    ppt__sem_t *sem; /* posted by the other thread */
    int stop;
};

static void post_what_arrives(void *arg)
{
    struct mailbox *mailbox = arg;

    while (!peek(&mailbox->stop)) {
        ppt__sem_t *sem = __atomic_exchange_n(&mailbox->sem, NULL,
                                              __ATOMIC_ACQ_REL);

        if (sem != NULL)
            ppt__sem_post(sem);
        else
            ppt__yield();
    }
}

START_TEST(p7_p8_memory_may_go_as_soon_as_the_waiter_has_returned)
{
    struct mailbox mailbox = { NULL, 0 };
    worker_t worker;
    int round;

    worker_start(&worker, post_what_arrives, &mailbox);
    for (round = 0; round < 2000; round++) {
        ppt__sem_t *sem = page_map(PROT_READ | PROT_WRITE);

        ppt__sem_init(sem);
        __atomic_store_n(&mailbox.sem, sem, __ATOMIC_RELEASE);
        ck_assert_int_eq(ppt__sem_wait(sem, ppt_deadline(LIMIT), 0), 0);
        ppt__sem_destroy(sem);
        munmap(sem, page_size());
    }
    poke(&mailbox.stop, 1);
    worker_join(&worker);
}
END_TEST

/* P9: signal handlers; the loop's variable is their sa_flags */

/* Its handler, where it is restarted, may not be seen to run by all tools. */
static void interrupt_often(const worker_t *worker)
{
    int i;

    for (i = 0; i < 100; i++) {
        worker_interrupt(worker);
        nap();
    }
}

START_TEST(p9_handlers_run_is_not_reported_unless_asked_for)
{
    static const unsigned flags[] = { 0, PPT__CANCELLABLE };
    const int64_t deadlines[] = { PPT_FOREVER, ppt_deadline(2 * LIMIT) };
    int i;

    for (i = 0; i < 4; i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        signals_install(_i);
        ppt__sem_init(&sem);
        start(&sleeper, &sem, deadlines[i / 2], flags[i % 2]);
        interrupt_often(&sleeper.worker);
        ck_assert(!worker_done(&sleeper.worker));
        ppt__sem_post(&sem);
        join(&sleeper, 0);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

START_TEST(p9_handlers_run_is_reported_where_asked_for)
{
    static const unsigned flags[] = { PPT__INTERRUPTIBLE,
                                      PPT__INTERRUPTIBLE
                                      | PPT__CANCELLABLE };
    const int64_t deadlines[] = { PPT_FOREVER, ppt_deadline(2 * LIMIT) };
    int i;

    for (i = 0; i < 4; i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        signals_install(_i);
        ppt__sem_init(&sem);
        start(&sleeper, &sem, deadlines[i / 2], flags[i % 2]);
        interrupt_until(&sleeper.worker, worker_done(&sleeper.worker));
        join(&sleeper, EINTR);
        ck_posts(&sem, 0);
        ppt__sem_post(&sem); /* it can be waited for again */
        ck_posts(&sem, 1);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

START_TEST(p9_post_given_while_a_handler_runs_is_not_lost)
{
    sleeper_t sleeper = { 0 };
    ppt__sem_t sem;

    signals_install(_i);
    ppt__sem_init(&sem);
    start(&sleeper, &sem, PPT_FOREVER, PPT__INTERRUPTIBLE);
    signals_hold();
    worker_interrupt(&sleeper.worker);
    await(signals_held() == 1);
    ppt__sem_post(&sem);
    signals_let_go();
    worker_join(&sleeper.worker);
    if (sleeper.result == EINTR)
        ck_posts(&sem, 1);
    else
        ck_assert_int_eq(sleeper.result, 0);
    ppt__sem_destroy(&sem);
}
END_TEST

START_TEST(p9_deadline_that_passes_in_a_handler_is_a_timeout)
{
    int64_t deadline = ppt_deadline(200 * MS);
    sleeper_t sleeper = { 0 };
    ppt__sem_t sem;

    signals_install(_i);
    ppt__sem_init(&sem);
    start(&sleeper, &sem, deadline, 0);
    signals_hold();
    worker_interrupt(&sleeper.worker);
    await(ppt_now() > deadline);
    signals_let_go();
    join(&sleeper, ETIMEDOUT);
    ppt__sem_destroy(&sem);
}
END_TEST

/* P9: cancellation */

START_TEST(p9_wait_is_no_cancellation_point_unless_asked_for)
{
    static const unsigned flags[] = { 0, PPT__INTERRUPTIBLE };
    int i;

    for (i = 0; i < LENGTH(flags); i++) {
        int64_t deadline = ppt_deadline(50 * MS);
        sleeper_t sleeper = { 0 }, timed = { 0 };
        ppt__sem_t sem, never;

        ppt__sem_init(&sem);
        ppt__sem_init(&never);
        start(&sleeper, &sem, PPT_FOREVER, flags[i]);
        start(&timed, &never, deadline, flags[i]);
        pthread_cancel(sleeper.worker.thread);
        pthread_cancel(timed.worker.thread);
        worker_join(&timed.worker);
        ck_assert_int_ne(timed.result, -1);
        ppt__sem_post(&sem);
        worker_join(&sleeper.worker);
        ck_assert_int_ne(sleeper.result, -1);
        ppt__sem_destroy(&never);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

START_TEST(p9_cancellable_wait_ends_the_cancelled_thread)
{
    const int64_t deadlines[] = { PPT_FOREVER, ppt_deadline(2 * LIMIT) };
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        start(&sleeper, &sem, deadlines[i], PPT__CANCELLABLE);
        ck_assert_int_eq(pthread_cancel(sleeper.worker.thread), 0);
        join(&sleeper, -1);
        ppt__sem_post(&sem);
        ck_posts(&sem, 1);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* Whoever wins, the post is either taken by the thread or still there. */
START_TEST(p9_cancelled_thread_has_not_taken_the_post)
{
    int round;

    for (round = 0; round < 500; round++) {
        sleeper_t sleeper = { .result = -1, .deadline = PPT_FOREVER,
                              .flags = PPT__CANCELLABLE };
        worker_t poster;
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        sleeper.sem = &sem;
        worker_start(&sleeper.worker, sleep_once, &sleeper);
        if (round % 2 == 0)
            await(worker_asleep(&sleeper.worker));
        if (round % 3 == 0) {
            ppt__sem_post(&sem);
            pthread_cancel(sleeper.worker.thread);
        } else {
            worker_start(&poster, post, &sem);
            pthread_cancel(sleeper.worker.thread);
            worker_join(&poster);
        }
        worker_join(&sleeper.worker);
        ck_posts(&sem, sleeper.result == 0 ? 0 : 1);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

START_TEST(p9_wait_leaves_the_thread_as_cancellable_as_it_was)
{
    unsigned flags;

    for (flags = 0; flags < 4; flags++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        start(&sleeper, &sem, PPT_FOREVER, flags);
        ppt__sem_post(&sem);
        join(&sleeper, 0);
        ck_assert_int_eq(sleeper.type, PTHREAD_CANCEL_DEFERRED);
        ck_assert_int_eq(sleeper.state, PTHREAD_CANCEL_ENABLE);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* P10, P11 */

struct word_wait {
    uint32_t word;
    int64_t cpu_time; /* that the wait took */
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
    int64_t before = cpu_time();

    wait_while_0(wait);
    wait->cpu_time = cpu_time() - before;
}

START_TEST(p10_wait_for_a_word_that_has_changed_returns)
{
    uint32_t word = 1;

    ppt__word_wait(&word, 0);
    ppt__word_wait(&word, UINT32_MAX);
    ck_assert_uint_eq(word, 1);
}
END_TEST

START_TEST(p10_thread_that_waits_for_a_word_leaves_the_cpu_to_others)
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
    ck_assert_int_lt(wait.cpu_time, 100 * MS);
}
END_TEST

START_TEST(p11_each_wake_ends_the_sleep_of_one_thread)
{
    struct word_wait wait = { 0, 0 };
    worker_t workers[5];
    int i;

    for (i = 0; i < LENGTH(workers); i++) {
        worker_start(&workers[i], wait_while_0, &wait);
        await(worker_asleep(&workers[i]));
    }
    __atomic_store_n(&wait.word, 1, __ATOMIC_RELEASE);
    for (i = 0; i < LENGTH(workers); i++)
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

START_TEST(p11_wake_after_the_change_is_never_lost)
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

START_TEST(p11_wake_does_not_touch_the_word)
{
    uint32_t *word = page_map(PROT_NONE);

    ppt__word_wake(word);
    munmap(word, page_size());
    ppt__word_wake(word);
}
END_TEST

/* P12 */

static void pause_while_0(void *arg)
{
    while (word_of(arg) == 0)
        ppt__pause();
}

START_TEST(p13_sleeps_are_counted_if_at_all)
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

START_TEST(p12_pause_does_not_stop_a_spin_loop)
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
    TCase *tcase = add_case(suite, "port");
    TCase *cancellation = add_case(suite, "cancellation");
    const TTest *const tests[] = {
        p1_now_is_positive_and_never_goes_back_between_threads,
        p1_now_counts_nanoseconds,
        p2_cpu_is_a_cpu_or_unknown,
        p2_cpu_is_the_one_that_the_thread_is_pinned_to,
        p3_cpus_allowed_are_what_the_process_was_given,
        p3_cpus_allowed_follow_what_the_process_is_given,
        p3_pinned_thread_counts_the_first_threads_cpus_too,
        p4_yield_lets_the_other_thread_of_this_cpu_go,
        p5_port_has_a_known_name,
        p6_new_semaphore_is_0,
        p9_post_that_is_there_is_taken_whatever_the_deadline,
        p9_timeout_is_never_early,
        p9_sleep_uses_no_cpu,
        p8_post_wakes_the_waiter_whatever_its_deadline,
        p9_far_deadline_is_slept_for_without_cpu,
#ifdef SYS_futex_time64
        p9_old_kernels_without_futex_time64_will_do,
#endif
        p8_no_post_is_lost_and_each_publishes_the_writes_before_it,
        p7_p8_memory_may_go_as_soon_as_the_waiter_has_returned,
        p9_wait_leaves_the_thread_as_cancellable_as_it_was,
        p10_wait_for_a_word_that_has_changed_returns,
        p10_thread_that_waits_for_a_word_leaves_the_cpu_to_others,
        p11_each_wake_ends_the_sleep_of_one_thread,
        p11_wake_after_the_change_is_never_lost,
        p11_wake_does_not_touch_the_word,
        p12_pause_does_not_stop_a_spin_loop,
        p13_sleeps_are_counted_if_at_all,
    };
    const TTest *const with_cancellation[] = {
        p9_wait_is_no_cancellation_point_unless_asked_for,
        p9_cancellable_wait_ends_the_cancelled_thread,
        p9_cancelled_thread_has_not_taken_the_post,
    };
    const TTest *const with_signals[] = {
        p9_handlers_run_is_not_reported_unless_asked_for,
        p9_handlers_run_is_reported_where_asked_for,
        p9_post_given_while_a_handler_runs_is_not_lost,
        p9_deadline_that_passes_in_a_handler_is_a_timeout,
    };
    int i;

    add_list(tcase, tests, LENGTH(tests));
    add_list(cancellation, with_cancellation, LENGTH(with_cancellation));
    tcase_set_tags(cancellation, "cancellation");
    for (i = 0; i < LENGTH(with_signals); i++) {
        tcase_add_loop_test(tcase, with_signals[i], 0, 1);
        tcase_add_loop_test(tcase, with_signals[i], SA_RESTART,
                            SA_RESTART + 1);
    }
}
