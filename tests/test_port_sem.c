/* SPDX-License-Identifier: MIT */
/* The port's semaphore: P6 to P9. */
#define _DEFAULT_SOURCE /* syscall */
#include "sleeper.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On one thread */

/* Proves port.h P6. */
START_TEST(new_semaphore_is_0)
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

/* Proves port.h P9. */
START_TEST(post_that_is_there_is_taken_whatever_the_deadline)
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

/* Proves port.h P9. */
START_TEST(timeout_is_never_early)
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

/* Proves port.h P9. */
START_TEST(sleep_uses_no_cpu)
{
    stretch_t stretch = stretch_begin();
    ppt__sem_t sem;

    ppt__sem_init(&sem);
    ck_assert_int_eq(ppt__sem_wait(&sem, ppt_deadline(200 * MS), 0),
                     ETIMEDOUT);
    ck_assert_int_lt(stretch_cpu_percent(&stretch), 50);
    ppt__sem_destroy(&sem);
}
END_TEST

/* Proves port.h P8. */
START_TEST(post_wakes_the_waiter_whatever_its_deadline)
{
    const int64_t deadlines[] = { ppt_deadline(LIMIT), PPT_FOREVER - 1,
                                  PPT_FOREVER };
    int i;

    for (i = 0; i < 4 * LENGTH(deadlines); i++) {
        sleeper_t sleeper = { 0 };
        ppt__sem_t sem;

        ppt__sem_init(&sem);
        sleeper_start(&sleeper, &sem, deadlines[i / 4], (unsigned)i % 4);
        ck_assert(!worker_done(&sleeper.worker));
        ppt__sem_post(&sem);
        sleeper_join(&sleeper, 0);
        ck_posts(&sem, 0);
        ppt__sem_destroy(&sem);
    }
}
END_TEST

/* Sleeps whose deadline is far ahead */

struct far_wait {
    ppt__sem_t sem;
    int64_t deadline;
    unsigned flags;
    int result;
    int cpu_percent; /* that the wait took */
};

static void wait_on_the_clock(void *arg)
{
    struct far_wait *wait = arg;
    stretch_t stretch = stretch_begin();

    wait->result = ppt__sem_wait(&wait->sem, wait->deadline, wait->flags);
    wait->cpu_percent = stretch_cpu_percent(&stretch);
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
    ck_assert_int_lt(wait.cpu_percent, 50);
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

/* Proves port.h P9. */
START_TEST(far_deadline_is_slept_for_without_cpu)
{
    ck_sleeps_for_years();
}
END_TEST

#ifdef SYS_futex_time64
/* Proves port.h P9. */
START_TEST(old_kernels_without_futex_time64_will_do)
{
    bool posix = strcmp(ppt__port_name(), "posix") == 0;
    int64_t deadline;
    ppt__sem_t sem;

    if (posix && sizeof(time_t) > sizeof(long))
        return; /* glibc 2.36 itself does not sleep, but spins */
    if (!refuse_call(SYS_futex_time64, ENOSYS))
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

/* Proves port.h P8. */
START_TEST(no_post_is_lost_and_each_publishes_the_writes_before_it)
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

/* Proves port.h P7, port.h P8. */
START_TEST(memory_may_go_as_soon_as_the_waiter_has_returned)
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
        page_unmap(sem);
    }
    poke(&mailbox.stop, 1);
    worker_join(&worker);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        new_semaphore_is_0,
        post_that_is_there_is_taken_whatever_the_deadline,
        timeout_is_never_early,
        sleep_uses_no_cpu,
        post_wakes_the_waiter_whatever_its_deadline,
        far_deadline_is_slept_for_without_cpu,
#ifdef SYS_futex_time64
        old_kernels_without_futex_time64_will_do,
#endif
        no_post_is_lost_and_each_publishes_the_writes_before_it,
        memory_may_go_as_soon_as_the_waiter_has_returned,
    };

    add_list(add_case(suite, "sem"), tests, LENGTH(tests));
}
