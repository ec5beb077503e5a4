/* SPDX-License-Identifier: MIT */
/* waitq_support.h - what the tests of the queue's inside share. */
#ifndef WAITQ_SUPPORT_H
#define WAITQ_SUPPORT_H

#include "support.h"
#include "wait/wait.h"

static inline void enqueue(ppt_waitq_t *queue, ppt__waiter_t *waiter)
{
    ppt__waiter_start(waiter, false);
    ppt__waitq_guard(queue);
    ppt__waitq_push(queue, waiter);
    ppt__waitq_unguard(queue);
}

static inline ppt__waiter_t *pop(ppt_waitq_t *queue)
{
    ppt__waiter_t *waiter;

    ppt__waitq_guard(queue);
    waiter = ppt__waitq_pop(queue);
    ppt__waitq_unguard(queue);
    return waiter;
}

static inline uint32_t state_of(const ppt__waiter_t *waiter)
{
    return __atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE);
}

/* As a waiter that was preempted halfway through leaving. */
static inline void begin_to_leave(ppt__waiter_t *waiter)
{
    ck_assert(!(state_of(waiter) & PPT__NOTIFIED));
    __atomic_fetch_or(&waiter->state, PPT__CANCELLED, __ATOMIC_RELAXED);
}

static inline void ck_present(ppt_waitq_t *queue, int present, unsigned length)
{
    ppt__waitq_guard(queue);
    ck_assert_int_eq(ppt__waitq_present(queue), present);
    ppt__waitq_unguard(queue);
    ck_assert_uint_eq(ppt__waitq_length(queue), length);
}

static inline ppt__wake_list_t take(ppt_waitq_t *queue, int n)
{
    ppt__wake_list_t chain;

    ppt__waitq_guard(queue);
    chain = ppt__waitq_take(queue, n);
    ppt__waitq_unguard(queue);
    return chain;
}

static inline void ck_empty(ppt_waitq_t *queue)
{
    ck_present(queue, 0, 0);
    ck_assert_ptr_null(pop(queue));
    ck_assert_int_eq(ppt__waitq_drain(queue), 0);
}

static inline void ck_no_post(ppt__waiter_t *waiter)
{
    ck_assert_int_eq(ppt__sem_wait(&waiter->sem, PPT_TRY, 0), ETIMEDOUT);
}

#endif
