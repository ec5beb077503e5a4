/* SPDX-License-Identifier: MIT */
/* Mutexes of a type, and a thread that waits with one, and what it saw. */
#ifndef PTHREAD_SUPPORT_H
#define PTHREAD_SUPPORT_H

#include "support.h"

#include <sched.h>
#include <time.h>

#include "pyplusthread/pthread.h"

static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };

static inline void mutex_init(pthread_mutex_t *mutex, int type, int robust)
{
    pthread_mutexattr_t attr;

    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, type), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, robust), 0);
    ck_assert_int_eq(pthread_mutex_init(mutex, &attr), 0);
    pthread_mutexattr_destroy(&attr);
}

static inline void error_checking(pthread_mutex_t *mutex)
{
    mutex_init(mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
}

static inline int64_t clock_now(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static inline struct timespec timespec_of(int64_t ns)
{
    struct timespec time = { .tv_sec = (time_t)(ns / SECOND),
                             .tv_nsec = (long)(ns % SECOND) };

    return time;
}

/* What a thread waits with: an ordinary condition, or the drop-in. */
enum call { NATIVE, WAIT, TIMEDWAIT, CLOCKWAIT };

typedef struct waiter {
    worker_t worker;
    enum call call;
    ppt_pthread_cond_t *cond;
    pthread_mutex_t *mutex;
    clockid_t clock;
    int64_t deadline; /* on clock */
    int cancellable;  /* PTHREAD_CANCEL_ENABLE or _DISABLE */
    int early;        /* it is to be cancelled before it waits */
    int result;       /* -1: the wait did not return */
    int unlocked;     /* what unlocking said: 0 if the mutex was held */
} waiter_t;

static inline int call(waiter_t *waiter)
{
    struct timespec abstime = timespec_of(waiter->deadline);

    switch (waiter->call) {
    case NATIVE:
        return ppt_cond_wait_mutex(&waiter->cond->cond, waiter->mutex,
                                   PPT_FOREVER);
    case WAIT:
        return ppt_pthread_cond_wait(waiter->cond, waiter->mutex);
    case TIMEDWAIT:
        return ppt_pthread_cond_timedwait(waiter->cond, waiter->mutex,
                                          &abstime);
    default:
        return ppt_pthread_cond_clockwait(waiter->cond, waiter->mutex,
                                          waiter->clock, &abstime);
    }
}

static inline void unlock(void *arg)
{
    waiter_t *waiter = arg;

    waiter->unlocked = pthread_mutex_unlock(waiter->mutex);
}

static inline void wait_once(void *arg)
{
    waiter_t *waiter = arg;

    pthread_setcancelstate(waiter->cancellable, NULL);
    pthread_mutex_lock(waiter->mutex);
    pthread_cleanup_push(unlock, waiter);
    while (peek(&waiter->early) == 1)
        sched_yield(); /* not a cancellation point */
    waiter->result = call(waiter);
    if (waiter->result == EOWNERDEAD)
        pthread_mutex_consistent(waiter->mutex);
    pthread_cleanup_pop(1);
}

static inline void start(waiter_t *waiter, enum call how,
                         ppt_pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    unsigned before = ppt_cond_waiting(&cond->cond);

    waiter->call = how;
    waiter->cond = cond;
    waiter->mutex = mutex;
    waiter->clock = CLOCK_MONOTONIC;
    waiter->deadline = clock_now(how == TIMEDWAIT ? CLOCK_REALTIME
                                                  : CLOCK_MONOTONIC)
                       + 10 * LIMIT;
    waiter->result = -1;
    waiter->unlocked = -1;
    worker_start(&waiter->worker, wait_once, waiter);
    if (waiter->early)
        return;
    await(ppt_cond_waiting(&cond->cond) == before + 1);
    await(worker_asleep(&waiter->worker));
}

static inline void join(waiter_t *waiter, int result)
{
    worker_join(&waiter->worker);
    ck_assert_int_eq(waiter->result, result);
    ck_assert_int_eq(waiter->unlocked, 0);
}

#endif
