/*
 * sleeper.h - a thread that waits once for the port's semaphore, and what it
 * saw.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SLEEPER_H
#define SLEEPER_H

#include "support.h"

#include "port/port.h"

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

static inline void sleep_once(void *arg)
{
    sleeper_t *sleeper = arg;

    poke(&sleeper->entered, 1);
    sleeper->result = ppt__sem_wait(sleeper->sem, sleeper->deadline,
                                    sleeper->flags);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &sleeper->state);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &sleeper->type);
}

static inline void sleeper_start(sleeper_t *sleeper, ppt__sem_t *sem,
                                 int64_t deadline, unsigned flags)
{
    sleeper->sem = sem;
    sleeper->deadline = deadline;
    sleeper->flags = flags;
    sleeper->result = -1;
    worker_start(&sleeper->worker, sleep_once, sleeper);
    await(worker_asleep(&sleeper->worker)
          || worker_done(&sleeper->worker));
}

static inline void sleeper_join(sleeper_t *sleeper, int result)
{
    worker_join(&sleeper->worker);
    ck_assert_int_eq(sleeper->result, result);
}

/* Whether sem has been posted; it is no more. */
static inline void ck_posts(ppt__sem_t *sem, int posts)
{
    ck_assert_int_eq(ppt__sem_wait(sem, PPT_TRY, 0),
                     posts == 1 ? 0 : ETIMEDOUT);
}

/* For a thread that posts. */
static inline void post(void *arg)
{
    ppt__sem_post(arg);
}

#endif
