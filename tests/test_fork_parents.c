/*
 * Forks while other threads wait for a condition or a lock, signal and time
 * out: the parent's waiters are void in the child.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"

#include <signal.h>

/* The parent's threads wait; the child calls nothing to make it new */

static void *wait_in_child(void *arg)
{
    pair_t *pair = arg;
    intptr_t result;

    pair_lock(pair);
    result = pair->kind->wait(pair, ppt_deadline(LIMIT / 3));
    pair_unlock(pair);
    return (void *)result;
}

/* The pair's locks are new, or known to be free. */
static int use_in_child(void *arg)
{
    pair_t *pair = arg;
    const kind_t *kind = pair->kind;
    void *result = NULL;
    pthread_t thread;

    require(pair_waiting(pair) == 0);
    require(kind->signal(pair) == 0);
    require(kind->broadcast(pair) == 0);
    require(pair_lock(pair) == 0);
    require(kind->wait(pair, ppt_deadline(MS)) == ETIMEDOUT);
    require(pair_unlock(pair) == 0);
    require(pthread_create(&thread, NULL, wait_in_child, pair) == 0);
    poll_for(pair_waiting(pair) == 1);
    require(kind->signal(pair) == (kind->counts ? 1 : 0));
    require(pthread_join(thread, &result) == 0 && result == NULL);
    require(pair_waiting(pair) == 0);
    require(kind->destroy(pair->condition) == 0);
    return 0;
}

/* Proves ppt_cond_t Fork. */
START_TEST(parents_waiters_are_void_in_the_child)
{
    waiter_t waiters[4] = { { .result = -1 } };
    pair_t pair;
    int i;

    pair_init(&pair, kinds[_i]);
    for (i = 0; i < LENGTH(waiters); i++)
        waiter_start(&waiters[i], &pair, PPT_FOREVER);
    ck_assert_int_eq(in_child(use_in_child, &pair), 0);
    ck_assert_uint_eq(pair_waiting(&pair), LENGTH(waiters));
    pair.kind->broadcast(&pair);
    for (i = 0; i < LENGTH(waiters); i++)
        waiter_join(&waiters[i], 0);
    pair_destroy(&pair);
}
END_TEST

/* The same of a lock, which the parent's threads take and wait for */

struct contended {
    ppt_lock_t lock;
    int stop;
    int held; /* by the thread that waited */
};

static void *acquire_in_child(void *arg)
{
    ppt_lock_t *lock = arg;

    return (void *)(intptr_t)ppt_lock_acquire(lock, ppt_deadline(LIMIT / 3));
}

/* The thread that forked holds the lock, and so no other of the parent. */
static int use_lock_in_child(void *arg)
{
    struct contended *contended = arg;
    ppt_lock_t *lock = &contended->lock;
    void *result = NULL;
    pthread_t thread;

    require(ppt_lock_locked(lock));
    require(ppt_lock_waiting(lock) == 0);
    require(ppt_lock_acquire(lock, PPT_TRY) == EBUSY);
    require(ppt_lock_acquire(lock, ppt_deadline(MS)) == ETIMEDOUT);
    require(pthread_create(&thread, NULL, acquire_in_child, lock) == 0);
    poll_for(ppt_lock_waiting(lock) == 1);
    require(ppt_lock_release(lock) == 0);
    require(pthread_join(thread, &result) == 0 && result == NULL);
    require(ppt_lock_release(lock) == 0);
    require(ppt_lock_acquire(lock, PPT_TRY) == 0);
    require(ppt_lock_release(lock) == 0);
    require(ppt_lock_destroy(lock) == 0);
    return 0;
}

static void acquire_until_stopped(void *arg)
{
    struct contended *contended = arg;

    while (!peek(&contended->stop)) {
        ppt_lock_acquire(&contended->lock, PPT_FOREVER);
        ppt_lock_release(&contended->lock);
    }
}

/* Proves ppt_lock_t Fork, lock.c L9. */
START_TEST(child_keeps_a_lock_that_it_holds_and_nobody_waits)
{
    struct contended contended = { .lock = PPT_LOCK_INITIALIZER };
    worker_t workers[4];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], acquire_until_stopped, &contended);
    for (i = 0; i < 50; i++) {
        ck_assert_int_eq(ppt_lock_acquire(&contended.lock, PPT_FOREVER), 0);
        ck_assert_int_eq(in_child(use_lock_in_child, &contended), 0);
        ck_assert_int_eq(ppt_lock_release(&contended.lock), 0);
    }
    poke(&contended.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
}
END_TEST

/*
 * A waiter that was woken, or handed the lock, does not get a CPU: the child
 * finds the lock on its way to somebody who is not there.
 */
static int use_free_lock_in_child(void *arg)
{
    struct contended *contended = arg;

    require(ppt_lock_acquire(&contended->lock, PPT_TRY) == 0
            || ppt_lock_acquire(&contended->lock, ppt_deadline(MS)) == 0);
    return use_lock_in_child(arg);
}

static void acquire_once(void *arg)
{
    struct contended *contended = arg;

    if (ppt_lock_acquire(&contended->lock, PPT_FOREVER) == 0)
        poke(&contended->held, 1);
}

/* The waiter has been passed over for long: lock.c's HAND_OVER. */
static bool is_owed(const ppt_lock_t *lock)
{
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) & 8;
}

static void hold_in_handler(const worker_t *worker)
{
    signals_hold();
    worker_interrupt(worker);
    await(signals_held() == 1);
}

/* Woken while it is kept from running, it finds the lock taken again. */
static void pass_over(struct contended *contended, const worker_t *worker)
{
    while (!is_owed(&contended->lock)) {
        hold_in_handler(worker);
        ck_assert_int_eq(ppt_lock_release(&contended->lock), 0);
        ck_assert_int_eq(ppt_lock_acquire(&contended->lock, PPT_TRY), 0);
        signals_let_go();
        await(ppt_lock_waiting(&contended->lock) == 1
              && worker_asleep(worker));
    }
}

/* Proves ppt_lock_t Fork, lock.c L9. */
START_TEST(lock_on_its_way_to_a_parents_waiter_is_free_in_the_child)
{
    struct contended contended = { .lock = PPT_LOCK_INITIALIZER };
    worker_t worker;

    signals_install(SA_RESTART);
    ck_assert_int_eq(ppt_lock_acquire(&contended.lock, PPT_TRY), 0);
    worker_start(&worker, acquire_once, &contended);
    await(ppt_lock_waiting(&contended.lock) == 1 && worker_asleep(&worker));
    if (_i == 1)
        pass_over(&contended, &worker);
    hold_in_handler(&worker);
    ck_assert_int_eq(ppt_lock_release(&contended.lock), 0);
    ck_assert(ppt_lock_locked(&contended.lock) == (_i == 1));
    ck_assert_int_eq(in_child(use_free_lock_in_child, &contended), 0);
    signals_let_go();
    worker_join(&worker);
    ck_assert_int_eq(peek(&contended.held), 1);
    ck_assert_int_eq(ppt_lock_release(&contended.lock), 0);
    ck_assert_int_eq(ppt_lock_destroy(&contended.lock), 0);
}
END_TEST

/* Threads at full speed, caught at any moment. */
struct busy {
    pair_t pair;
    uint64_t seed;
    int threads; /* gives each its number */
    int stop;
};

static void use_until_stopped(void *arg)
{
    struct busy *busy = arg;
    pair_t *pair = &busy->pair;
    dice_t random = dice(busy->seed, bump(&busy->threads));

    while (!peek(&busy->stop)) {
        uint32_t what = roll(&random, 8);

        pair_lock(pair);
        if (what > 2)
            pair->kind->wait(pair, ppt_deadline(roll(&random, 200 * US)));
        else if (what > 0)
            pair->kind->signal(pair);
        else
            pair->kind->broadcast(pair);
        pair_unlock(pair);
    }
}

/* The mutex may be a parent's thread's: the child has locks of its own. */
static int use_in_child_at_any_moment(void *arg)
{
    struct busy *busy = arg;

    ppt_lock_after_fork(&busy->pair.locks->lock);
    require(pthread_mutex_init(&busy->pair.locks->mutex, NULL) == 0);
    return use_in_child(&busy->pair);
}

/* Proves ppt_cond_t Fork. */
START_TEST(fork_may_catch_the_condition_in_any_state)
{
    struct busy busy = { .seed = seed() };
    worker_t workers[4];
    int i;

    pair_init(&busy.pair, kinds[_i]);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], use_until_stopped, &busy);
    for (i = 0; i < 50; i++)
        ck_assert_int_eq(in_child(use_in_child_at_any_moment, &busy), 0);
    poke(&busy.stop, 1);
    while (!worker_done(&workers[0]))
        busy.pair.kind->broadcast(&busy.pair);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    pair_destroy(&busy.pair);
}
END_TEST

/* ThreadSanitizer and QEMU fail if a child of many threads starts one. */
void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "fork");

    tcase_set_tags(tcase, "child_threads");
    tcase_add_loop_test(tcase, parents_waiters_are_void_in_the_child, 0,
                        KINDS);
    tcase_add_loop_test(
        tcase, lock_on_its_way_to_a_parents_waiter_is_free_in_the_child, 0,
        2);
    if (ADDRESS_SANITIZER) /* a busy parent's locks of its own stay taken */
        return;
    tcase_add_loop_test(tcase, fork_may_catch_the_condition_in_any_state, 0,
                        KINDS);
    tcase_add_test(tcase,
                   child_keeps_a_lock_that_it_holds_and_nobody_waits);
}
