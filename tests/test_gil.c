/*
 * The promises that gil.h makes alone about making a gil, exclusion and
 * counters; test_lockable.c has those that lock.h and semaphore.h make, too.
 * The order of threads is in test_gil_order.c, yields are in
 * test_gil_yields.c, and forks are in test_gil_fork.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_support.h"

#include <string.h>

/* Proves ppt_gil_init. */
START_TEST(all_ways_to_make_one_make_a_free_gil)
{
    static ppt_gil_t in_static_memory;
    ppt_gil_t gil = PPT_GIL_INITIALIZER;

    ck_free(of(&in_static_memory));
    ck_free(of(&gil));
    memset(&gil, 0xa5, sizeof gil);
    ppt_gil_init(&gil, 0);
    ck_free(of(&gil));
    memset(&gil, 0xa5, sizeof gil);
    ppt_gil_init(&gil, 5);
    ck_free(of(&gil));
}
END_TEST

/* Counters */

static void ck_stats(const ppt_gil_t *gil, uint64_t acquisitions,
                     uint64_t io_handovers, uint64_t turns,
                     uint64_t skipped)
{
    ppt_gil_stats_t stats;

    ppt_gil_get_stats(gil, &stats);
    ck_assert_uint_eq(stats.acquisitions, acquisitions);
    ck_assert_uint_eq(stats.io_handovers, io_handovers);
    ck_assert_uint_eq(stats.turns, turns);
    ck_assert_uint_eq(stats.skipped, skipped);
}

/* Proves ppt_gil_get_stats. */
START_TEST(counters_tell_what_happened)
{
    runner_t runner = { .place = -1 };
    taker_t comer = { .result = -1 };
    ppt_gil_t gil;

    ppt_gil_init(&gil, 4);
    ck_stats(&gil, 0, 0, 0, 0);
    acquire_from(&runner, &gil);      /* its yield is the first */
    ck_stats(&gil, 2, 1, 0, 0);
    ck_assert(!ppt_gil_yield(&gil));
    ck_stats(&gil, 2, 1, 0, 1);
    ppt_gil_should_yield(&gil);
    ppt_gil_acquire(&gil, PPT_TRY);
    ppt_gil_acquire(&gil, ppt_deadline(MS));
    ppt_gil_acquire(&gil, -1);
    ck_stats(&gil, 2, 1, 0, 1);
    taker_start(&comer, of(&gil), PPT_FOREVER);
    ck_assert(ppt_gil_yield(&gil));   /* the comer, and this one again */
    ck_stats(&gil, 4, 2, 0, 1);
    ck_assert(ppt_gil_yield(&gil));   /* the runner, and this one again */
    ck_stats(&gil, 6, 2, 1, 1);
    lockable_release(of(&gil));
    ck_stats(&gil, 6, 2, 1, 1);
    ppt_gil_release(&gil);
    ck_stats(&gil, 6, 2, 1, 1);
    taker_join(&comer, 0);
    join_runner(&runner);
    ck_free(of(&gil));
}
END_TEST

/* Exclusion */

struct account {
    ppt_gil_t gil;
    int64_t end;  /* of the deposits, however few they are by then */
    long balance; /* guarded by gil, like the next */
    long deposits;
};

static void deposit(void *arg)
{
    struct account *account = arg;
    int i;

    ppt_gil_acquire(&account->gil, PPT_FOREVER);
    for (i = 0; i < 5000 && ppt_now() < account->end; i++) {
        account->balance++;
        ppt_gil_yield(&account->gil);
        if (i % 50 == 0) {
            ppt_gil_release(&account->gil);
            ppt_gil_acquire(&account->gil, PPT_FOREVER);
        }
    }
    account->deposits += i;
    ppt_gil_release(&account->gil);
}

/* Proves ppt_gil_acquire Orders. */
START_TEST(holders_exclude_each_other_and_see_each_others_writes)
{
    struct account account = { .end = ppt_deadline(LIMIT / 3) };
    worker_t workers[8];
    int i;

    ppt_gil_init(&account.gil, (uint32_t)_i);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], deposit, &account);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(account.balance, account.deposits);
    ck_free(of(&account.gil));
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "gil");

    tcase_add_test(tcase, all_ways_to_make_one_make_a_free_gil);
    tcase_add_test(tcase, counters_tell_what_happened);
    tcase_add_loop_test(
        tcase, holders_exclude_each_other_and_see_each_others_writes, 0, 3);
}
