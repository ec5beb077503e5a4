/*
 * support.h - what the tests share: main(), threads that are joined with a
 * limit, polling, signals, forks and random numbers.
 *
 * Check's assertions are for the test's own thread.  Workers record; the
 * test joins them and checks.  Nothing here uses what is being tested,
 * except ppt_now.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pyplusthread/time.h"

#define US INT64_C(1000)
#define MS (1000 * US)
#define SECOND (1000 * MS)

/* What must happen, and has not happened after this long, never will. */
#define LIMIT (30 * SECOND)

/* What a wait that must end at once may take on a busy machine. */
#define LATE (20 * SECOND)

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Each program's list of tests, for main(). */
void add_tests(Suite *suite);
TCase *add_case(Suite *suite, const char *name);
void add_list(TCase *tcase, const TTest *const *tests, int n);

/* Twice: _i is the sa_flags of signal handlers, 0 and SA_RESTART. */
void add_with_sa_flags(TCase *tcase, const TTest *const *tests, int n);

/* Sleep for a moment: between two looks, and never to order threads. */
void nap(void);

/* Poll until what is true. */
#define await(what)                                                         \
    do {                                                                    \
        int64_t await_limit = ppt_now() + LIMIT;                            \
        while (!(what)) {                                                   \
            ck_assert_msg(ppt_now() < await_limit, "never: %s", #what);     \
            nap();                                                          \
        }                                                                   \
    } while (0)

/* Numbers that several threads write. */
static inline int peek(const int *number)
{
    return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

static inline void poke(int *number, int value)
{
    __atomic_store_n(number, value, __ATOMIC_RELEASE);
}

/* Add 1; what it was before. */
static inline int bump(int *number)
{
    return __atomic_fetch_add(number, 1, __ATOMIC_ACQ_REL);
}

/* A thread. */
typedef struct worker {
    pthread_t thread;
    void (*run)(void *arg);
    void *arg;
    int started;
    int done;
    char status[64]; /* the file that says whether it sleeps */
} worker_t;

void worker_start(worker_t *worker, void (*run)(void *arg), void *arg);
void worker_join(worker_t *worker);
bool worker_done(const worker_t *worker);

/* Whether the system has put it to sleep. */
bool worker_asleep(const worker_t *worker);

/* Put the test's thread on cpu, if there is that CPU, and a command for it. */
bool pin_to(int cpu);

/* Let it, or all threads of the process, run on the CPUs in list: "0,1". */
bool allow_cpus(const char *list, bool all_threads);

/* From now on a system call fails with error in this process, if it can. */
bool refuse_call(unsigned number, int error);

/* What CPU time this thread has used. */
int64_t cpu_time(void);

/*
 * A stretch of this thread's time, and how much of it was CPU time: a share,
 * since what the thread does now and then adds up when the stretch is long.
 */
typedef struct stretch {
    int64_t began;
    int64_t cpu_time;
} stretch_t;

stretch_t stretch_begin(void);
int stretch_cpu_percent(const stretch_t *stretch);

/* A page of its own, which a touch after its end is sure to hit. */
void *page_map(int protection);
void page_unmap(void *page);

/*
 * SIGUSR1: its handler counts.  After signals_hold, handlers that start stay
 * inside until signals_let_go; after signals_linger, for a short while.
 */
void signals_install(int sa_flags);
void signals_linger(void);
void signals_hold(void);
void signals_let_go(void);

/*
 * Keep worker, which waits until deadline, in a handler until deadline has
 * passed.  False if it was done before; and it may have timed out before the
 * handler ran, so look whether it still waits.
 */
bool signals_hold_past(const worker_t *worker, int64_t deadline);
int signals_handled(void);
int signals_held(void);

void worker_interrupt(const worker_t *worker);

/* Interrupt worker again and again until what is true. */
#define interrupt_until(worker, what)                                       \
    do {                                                                    \
        int64_t interrupt_limit = ppt_now() + LIMIT;                        \
        while (!(what)) {                                                   \
            ck_assert_msg(ppt_now() < interrupt_limit, "never: %s", #what); \
            worker_interrupt(worker);                                       \
            nap();                                                          \
        }                                                                   \
    } while (0)

/*
 * Interrupt worker, which sleeps, until so many handlers have run.  With
 * ThreadSanitizer none runs in some of the functions that ports sleep in, so
 * there many signals will do.
 */
void worker_interrupt_often(const worker_t *worker, int handlers);

/* The callback of an interruptible wait: what it does, and what was seen. */
typedef struct interruption {
    int calls;
    int answer; /* what it returns */
    int stay;   /* while not 0, it does not return */
} interruption_t;

int interrupted(void *interruption);

/* Run check(arg) in a forked child; 0 if all it required was true. */
int in_child(int (*check)(void *arg), void *arg);

/* For such a check. */
#define require(what)                                                       \
    do {                                                                    \
        if (!(what))                                                        \
            return complain(__FILE__, __LINE__, #what);                     \
    } while (0)

int complain(const char *file, int line, const char *what);

/* Poll in a child, where nothing can be asserted, for a limited time. */
#define poll_for(what)                                                      \
    do {                                                                    \
        int64_t poll_limit = ppt_now() + LIMIT / 3;                         \
        while (!(what) && ppt_now() < poll_limit)                           \
            nap();                                                          \
    } while (0)

/* Random numbers: xorshift64*.  Each thread has its own. */
typedef struct dice {
    uint64_t state;
} dice_t;

/* From PPT_TEST_SEED or the clock; says so on the standard output. */
uint64_t seed(void);
dice_t dice(uint64_t seed, int thread);

/* 0 to below - 1. */
uint32_t roll(dice_t *dice, uint32_t below);

/* When a stress test has run for long enough: PPT_TEST_MS, 300 by default. */
int64_t stress_end(void);

#endif
