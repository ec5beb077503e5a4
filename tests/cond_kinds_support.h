/* SPDX-License-Identifier: MIT */
/* Waits and signals that the tests of conditions of every kind share. */
#ifndef COND_KINDS_SUPPORT_H
#define COND_KINDS_SUPPORT_H

#include "cond_kinds.h"

#include <stdlib.h>

static inline void ck_notified(const pair_t *pair, int returned, int notified)
{
    ck_assert_int_eq(returned, pair->kind->counts ? notified : 0);
}

/* A wait on the test's own thread. */
static inline int wait_alone(pair_t *pair, int64_t deadline)
{
    int result;

    ck_assert_int_eq(pair_lock(pair), 0);
    result = pair->kind->wait(pair, deadline);
    ck_assert_int_eq(pair_unlock(pair), 0);
    ck_assert_uint_eq(pair_waiting(pair), 0);
    return result;
}

static inline void signal_one(pair_t *pair)
{
    ck_notified(pair, pair->kind->signal(pair), 1);
}

static inline waiter_t *start_many(pair_t *pair, int n)
{
    waiter_t *waiters = calloc((size_t)n, sizeof *waiters);
    int i;

    ck_assert_ptr_nonnull(waiters);
    for (i = 0; i < n; i++) {
        waiter_start(&waiters[i], pair, PPT_FOREVER);
        ck_assert_uint_eq(pair_waiting(pair), (unsigned)i + 1);
    }
    return waiters;
}

static inline void join_all(waiter_t *waiters, int n, int result)
{
    int i;

    for (i = 0; i < n; i++)
        waiter_join(&waiters[i], result);
}

/* A test, and the kinds that make the promise: from first to before end. */
struct of_kinds {
    const TTest *test;
    int first;
    int end;
};

#define ALL(test) { test, 0, KINDS }
#define INTERRUPTIBLE(test) { test, 0, KINDS_INTERRUPTIBLE }
#define FREED(test) { test, KINDS_FREED, KINDS }

static inline void add_kind(Suite *suite, const struct of_kinds *list, int n,
                            int kind)
{
    TCase *tcase = add_case(suite, kinds[kind]->name);
    int i;

    for (i = 0; i < n; i++)
        if (list[i].first <= kind && kind < list[i].end)
            tcase_add_loop_test(tcase, list[i].test, kind, kind + 1);
}

/* Each of the tests for each of its kinds; _i is the kind. */
static inline void add_kinds(Suite *suite, const struct of_kinds *list, int n)
{
    int kind;

    for (kind = 0; kind < KINDS; kind++)
        add_kind(suite, list, n, kind);
}

#endif
