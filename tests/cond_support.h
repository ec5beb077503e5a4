/* SPDX-License-Identifier: MIT */
/* A thread that waits once for a condition, with a ppt_lock_t. */
#ifndef COND_SUPPORT_H
#define COND_SUPPORT_H

#include "support.h"

#include "pyplusthread/cond.h"
#include "pyplusthread/lock.h"

typedef struct waiter {
    worker_t worker;
    ppt_cond_t *cond;
    ppt_lock_t *lock;
    int *stay; /* where it is not 0, a thread with the lock keeps it */
    int result;
    int released;
} waiter_t;

static inline void wait_once(void *arg)
{
    waiter_t *waiter = arg;

    ppt_lock_acquire(waiter->lock, PPT_FOREVER);
    waiter->result = ppt_cond_wait(waiter->cond, waiter->lock, PPT_FOREVER);
    waiter->released = ppt_lock_release(waiter->lock);
}

static inline void start_with(waiter_t *waiter, ppt_cond_t *cond,
                              ppt_lock_t *lock, void (*wait)(void *))
{
    unsigned before = ppt_cond_waiting(cond);

    waiter->cond = cond;
    waiter->lock = lock;
    worker_start(&waiter->worker, wait, waiter);
    await(ppt_cond_waiting(cond) == before + 1);
    await(worker_asleep(&waiter->worker));
}

static inline void start(waiter_t *waiter, ppt_cond_t *cond,
                         ppt_lock_t *lock)
{
    start_with(waiter, cond, lock, wait_once);
}

static inline void join(waiter_t *waiter)
{
    worker_join(&waiter->worker);
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_int_eq(waiter->released, 0);
}

/* A wait in steps on the test's own thread, for a signal that has come. */
static inline int sleep_now(ppt_cond_t *cond, ppt_waiter_t *waiter)
{
    return ppt_cond_sleep(cond, waiter, PPT_FOREVER);
}

/* Signals reach a waiter of cond, and it has no other. */
static inline void ck_new(ppt_cond_t *cond)
{
    ppt_waiter_t waiter;

    ck_assert_uint_eq(ppt_cond_waiting(cond), 0);
    ck_assert_int_eq(ppt_cond_broadcast(cond), 0);
    ppt_cond_enqueue(cond, &waiter);
    ck_assert_uint_eq(ppt_cond_waiting(cond), 1);
    ck_assert_int_eq(ppt_cond_broadcast(cond), 1);
    ck_assert_int_eq(sleep_now(cond, &waiter), 0);
    ck_assert_int_eq(ppt_cond_destroy(cond), 0);
}

#endif
