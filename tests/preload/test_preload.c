/*
 * What POSIX promises of conditions, asked by a program that knows nothing
 * else.  It runs with the C library's conditions, which are right, and with
 * ours preloaded.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../support.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "objects.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t static_cond = PTHREAD_COND_INITIALIZER;

/* A thread that waits until told to go on. */
typedef struct waiter {
    worker_t worker;
    pthread_cond_t *cond;
    bool inside; /* guarded by mutex, as is the rest */
    bool go;
    int result;
    bool cleaned_up;
} waiter_t;

/* Its clean-up handler: the mutex is held, or a try would succeed. */
static void clean_up(void *arg)
{
    waiter_t *waiter = arg;

    waiter->cleaned_up = pthread_mutex_trylock(&mutex) == EBUSY;
    pthread_mutex_unlock(&mutex);
}

static void wait_to_go(void *arg)
{
    waiter_t *waiter = arg;

    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(clean_up, waiter);
    waiter->inside = true;
    while (!waiter->go && waiter->result == 0)
        waiter->result = pthread_cond_wait(waiter->cond, &mutex);
    waiter->inside = false;
    pthread_cleanup_pop(0);
    pthread_mutex_unlock(&mutex);
}

/* Whoever is inside when the mutex is free waits. */
static bool is_inside(const waiter_t *waiter)
{
    bool inside;

    pthread_mutex_lock(&mutex);
    inside = waiter->inside;
    pthread_mutex_unlock(&mutex);
    return inside;
}

static void start(waiter_t *waiter, pthread_cond_t *cond)
{
    memset(waiter, 0, sizeof *waiter);
    waiter->cond = cond;
    worker_start(&waiter->worker, wait_to_go, waiter);
    await(is_inside(waiter));
}

static void let_go(waiter_t *waiter, int (*wake)(pthread_cond_t *cond))
{
    pthread_mutex_lock(&mutex);
    waiter->go = true;
    ck_assert_int_eq(wake(waiter->cond), 0);
    pthread_mutex_unlock(&mutex);
}

static void join(waiter_t *waiter)
{
    worker_join(&waiter->worker);
    ck_assert_int_eq(waiter->result, 0);
}

static void wait_and_wake(pthread_cond_t *cond)
{
    waiter_t one;

    start(&one, cond);
    let_go(&one, pthread_cond_signal);
    join(&one);
    start(&one, cond);
    let_go(&one, pthread_cond_broadcast);
    join(&one);
}

static void init(pthread_cond_t *cond, clockid_t clock)
{
    pthread_condattr_t attr;

    memset(cond, 0xa5, sizeof *cond);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, clock);
    ck_assert_int_eq(pthread_cond_init(cond, &attr), 0);
    pthread_condattr_destroy(&attr);
}

static int64_t read_clock(clockid_t clock, struct timespec *at)
{
    clock_gettime(clock, at);
    return at->tv_sec * SECOND + at->tv_nsec;
}

START_TEST(static_initialiser_is_a_condition)
{
    wait_and_wake(&static_cond);
}
END_TEST

START_TEST(initialised_memory_is_a_condition_whatever_it_held)
{
    pthread_cond_t cond;

    init(&cond, CLOCK_MONOTONIC);
    wait_and_wake(&cond);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
    memset(&cond, 0xa5, sizeof cond);
    ck_assert_int_eq(pthread_cond_init(&cond, NULL), 0);
    wait_and_wake(&cond);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}
END_TEST

START_TEST(broadcast_wakes_all)
{
    waiter_t waiters[20];
    int i;

    for (i = 0; i < LENGTH(waiters); i++)
        start(&waiters[i], &static_cond);
    pthread_mutex_lock(&mutex);
    for (i = 0; i < LENGTH(waiters); i++)
        waiters[i].go = true;
    pthread_cond_broadcast(&static_cond);
    pthread_mutex_unlock(&mutex);
    for (i = 0; i < LENGTH(waiters); i++)
        join(&waiters[i]);
}
END_TEST

/* Proves preload.c R2. */
START_TEST(memory_may_be_freed_right_after_a_broadcast)
{
    pthread_cond_t *cond = malloc(sizeof *cond);
    waiter_t waiter;

    init(cond, CLOCK_REALTIME);
    start(&waiter, cond);
    let_go(&waiter, pthread_cond_broadcast);
    ck_assert_int_eq(pthread_cond_destroy(cond), 0);
    memset(cond, 0xa5, sizeof *cond);
    free(cond);
    join(&waiter);
}
END_TEST

/* A timeout of the condition's clock, or of another that is named. */
static void check_timeout(clockid_t of_cond, clockid_t clock)
{
    pthread_cond_t cond;
    struct timespec at;
    int64_t end;
    int result = 0;

    init(&cond, of_cond);
    end = read_clock(clock, &at) + 20 * MS;
    at.tv_sec = (time_t)(end / SECOND);
    at.tv_nsec = (long)(end % SECOND);
    pthread_mutex_lock(&mutex);
    while (result == 0)
        result = of_cond == clock
                     ? pthread_cond_timedwait(&cond, &mutex, &at)
                     : pthread_cond_clockwait(&cond, &mutex, clock, &at);
    ck_assert_int_ge(read_clock(clock, &at), end);
    ck_assert_int_eq(result, ETIMEDOUT);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}

START_TEST(timeout_is_never_early_on_either_clock)
{
    check_timeout(CLOCK_REALTIME, CLOCK_REALTIME);
    check_timeout(CLOCK_MONOTONIC, CLOCK_MONOTONIC);
    check_timeout(CLOCK_REALTIME, CLOCK_MONOTONIC);
    check_timeout(CLOCK_MONOTONIC, CLOCK_REALTIME);
}
END_TEST

START_TEST(bad_nanoseconds_are_refused)
{
    const struct timespec at = { .tv_sec = 0, .tv_nsec = SECOND };

    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(pthread_cond_timedwait(&static_cond, &mutex, &at),
                     EINVAL);
    ck_assert_int_eq(pthread_cond_clockwait(&static_cond, &mutex,
                                            CLOCK_MONOTONIC, &at), EINVAL);
    pthread_mutex_unlock(&mutex);
}
END_TEST

START_TEST(cancelled_wait_cleans_up_with_the_mutex_held)
{
    waiter_t waiter;
    void *result;

    start(&waiter, &static_cond);
    pthread_cancel(waiter.worker.thread);
    await(worker_done(&waiter.worker));
    ck_assert_int_eq(pthread_join(waiter.worker.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert(waiter.cleaned_up);
    wait_and_wake(&static_cond);
}
END_TEST

/*
 * Or the wait has not been cancelled: it may return with the signal, and does
 * so now and then since glibc 2.41.
 */
START_TEST(cancelled_wait_consumes_no_signal)
{
    waiter_t cancelled, other;

    start(&cancelled, &static_cond);
    start(&other, &static_cond);
    pthread_mutex_lock(&mutex);
    pthread_cancel(cancelled.worker.thread);
    cancelled.go = other.go = true;
    pthread_cond_signal(&static_cond);
    pthread_mutex_unlock(&mutex);
    await(worker_done(&cancelled.worker));
    pthread_join(cancelled.worker.thread, NULL);
    if (!cancelled.cleaned_up)
        let_go(&other, pthread_cond_signal);
    join(&other);
}
END_TEST

/* Whose child has a single thread, and conditions without waiters. */
static int wait_and_wake_in_child(void *arg)
{
    waiter_t *waiter = arg;

    memset(waiter, 0, sizeof *waiter);
    pthread_mutex_init(&mutex, NULL);
    pthread_cond_init(&static_cond, NULL);
    wait_and_wake(&static_cond);
    return 0;
}

START_TEST(child_of_a_fork_has_conditions_too)
{
    waiter_t waiter, others;

    start(&waiter, &static_cond);
    ck_assert_int_eq(in_child(wait_and_wake_in_child, &others), 0);
    let_go(&waiter, pthread_cond_signal);
    join(&waiter);
}
END_TEST

/* C11 */

static struct {
    mtx_t mutex;
    cnd_t cond;
    int turn; /* guarded by mutex */
} c11;

static int take_turns(void *arg)
{
    int me = *(int *)arg, i;

    for (i = 0; i < 1000; i++) {
        mtx_lock(&c11.mutex);
        while (c11.turn % 2 != me)
            cnd_wait(&c11.cond, &c11.mutex);
        c11.turn++;
        if (me == 0)
            cnd_signal(&c11.cond);
        else
            cnd_broadcast(&c11.cond);
        mtx_unlock(&c11.mutex);
    }
    return me;
}

START_TEST(conditions_of_c11_work)
{
    struct timespec past = { .tv_sec = 1, .tv_nsec = 0 };
    int numbers[] = { 0, 1 }, result;
    thrd_t thread;

    mtx_init(&c11.mutex, mtx_plain);
    ck_assert_int_eq(cnd_init(&c11.cond), thrd_success);
    ck_assert_int_eq(thrd_create(&thread, take_turns, &numbers[0]),
                     thrd_success);
    take_turns(&numbers[1]);
    thrd_join(thread, &result);
    ck_assert_int_eq(c11.turn, 2000);
    mtx_lock(&c11.mutex);
    ck_assert_int_eq(cnd_timedwait(&c11.cond, &c11.mutex, &past),
                     thrd_timedout);
    mtx_unlock(&c11.mutex);
    cnd_destroy(&c11.cond);
}
END_TEST

/* Libraries: objects.h */

START_TEST(conditions_may_be_used_before_any_other_constructor_has_run)
{
    ck_assert(early_uses_went_well());
}
END_TEST

START_TEST(conditions_may_be_shared_with_a_library_that_is_loaded_later)
{
    void *library = dlopen(PLUGIN, RTLD_NOW);
    void (*wake)(pthread_mutex_t *mutex, pthread_cond_t *cond, bool *go);
    pthread_cond_t *(*its_own)(void);
    waiter_t waiter;

    ck_assert_msg(library != NULL, "%s", dlerror());
    *(void **)&wake = dlsym(library, "plugin_wake");
    *(void **)&its_own = dlsym(library, "plugin_cond");
    start(&waiter, &static_cond);
    wake(&mutex, &static_cond, &waiter.go);
    join(&waiter);
    wait_and_wake(its_own());
    dlclose(library);
}
END_TEST

START_TEST(functions_that_are_looked_up_by_name_are_the_same)
{
    int (*wake)(pthread_cond_t *cond);
    waiter_t waiter;

    *(void **)&wake = dlsym(RTLD_DEFAULT, "pthread_cond_signal");
    ck_assert_ptr_nonnull(*(void **)&wake);
    start(&waiter, &static_cond);
    let_go(&waiter, wake);
    join(&waiter);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const conditions[] = {
        static_initialiser_is_a_condition,
        initialised_memory_is_a_condition_whatever_it_held,
        broadcast_wakes_all,
        memory_may_be_freed_right_after_a_broadcast,
        timeout_is_never_early_on_either_clock,
        bad_nanoseconds_are_refused,
        cancelled_wait_cleans_up_with_the_mutex_held,
        cancelled_wait_consumes_no_signal,
        child_of_a_fork_has_conditions_too,
    };
    const TTest *const others[] = {
        conditions_of_c11_work,
        conditions_may_be_used_before_any_other_constructor_has_run,
        conditions_may_be_shared_with_a_library_that_is_loaded_later,
        functions_that_are_looked_up_by_name_are_the_same,
    };

    add_list(add_case(suite, "conditions"), conditions, LENGTH(conditions));
    add_list(add_case(suite, "others"), others, LENGTH(others));
}
