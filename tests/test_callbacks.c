/*
 * Callbacks that do not return: the thread exits, or is cancelled, inside
 * one.  The object must be as after a callback that gave up, and where a
 * lock is to be held again, the clean-up handlers find it held.  What C++
 * exceptions do is in callbacks.cc.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"

#include <sched.h>
#include <signal.h>

#include "pyplusthread/barrier.h"
#include "pyplusthread/semaphore.h"

/* The ways to leave, and the loop's variable: kind or flag, times two. */
enum { EXIT, CANCEL, WAYS };

typedef struct leaver {
    int way;
    int calls;
} leaver_t;

static int leave(void *arg)
{
    leaver_t *leaver = arg;

    bump(&leaver->calls);
    if (leaver->way == EXIT)
        pthread_exit(NULL);
    for (;;) {
        sched_yield();
        pthread_testcancel(); /* not in a call that ThreadSanitizer wraps */
    }
    return 0;
}

/* Have worker, which waits interruptibly, leave from its callback. */
static void see_it_leave(const worker_t *worker, leaver_t *leaver)
{
    interrupt_until(worker, peek(&leaver->calls) == 1);
    if (leaver->way == CANCEL)
        ck_assert_int_eq(pthread_cancel(worker->thread), 0);
    await(worker_done(worker));
}

static void join_left(worker_t *worker, const leaver_t *leaver)
{
    void *value = NULL;

    await(worker_done(worker));
    ck_assert_int_eq(pthread_join(worker->thread, &value), 0);
    ck_assert(value == (leaver->way == CANCEL ? PTHREAD_CANCELED : NULL));
    ck_assert_int_eq(leaver->calls, 1);
}

/* A condition */

typedef struct quitter {
    worker_t worker;
    pair_t *pair;
    leaver_t leaver;
    int unlocked; /* what the clean-up handler's unlock said */
} quitter_t;

static void unlock_at_the_end(void *arg)
{
    quitter_t *quitter = arg;

    quitter->unlocked = pair_unlock(quitter->pair);
}

static void wait_and_leave(void *arg)
{
    quitter_t *quitter = arg;
    pair_t *pair = quitter->pair;

    pair_lock(pair);
    pthread_cleanup_push(unlock_at_the_end, quitter);
    pair->kind->wait_interruptible(pair, PPT_FOREVER, leave,
                                   &quitter->leaver);
    pthread_cleanup_pop(1);
}

static void quitter_start(quitter_t *quitter, pair_t *pair, int way)
{
    unsigned before = pair_waiting(pair);

    *quitter = (quitter_t){ .pair = pair, .leaver = { way, 0 },
                            .unlocked = -1 };
    worker_start(&quitter->worker, wait_and_leave, quitter);
    await(pair_waiting(pair) > before && worker_asleep(&quitter->worker));
}

static void quitter_join(quitter_t *quitter)
{
    join_left(&quitter->worker, &quitter->leaver);
    ck_assert_int_eq(quitter->unlocked, 0);
}

/* kinds[0] waits in steps, and has its callback outside the library. */
enum { WITH_A_CALLBACK = 1, CASES = WAYS * KINDS_INTERRUPTIBLE };

/* Proves ppt_interrupt_fn Left, cond.c C4. */
START_TEST(thread_that_leaves_from_a_callback_leaves_the_condition)
{
    waiter_t next = { 0 };
    quitter_t quitter;
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i / WAYS]);
    quitter_start(&quitter, &pair, _i % WAYS);
    waiter_start(&next, &pair, PPT_FOREVER);
    see_it_leave(&quitter.worker, &quitter.leaver);
    quitter_join(&quitter);
    ck_assert_uint_eq(pair_waiting(&pair), 1);
    ck_assert_int_eq(pair.kind->signal(&pair), 1);
    waiter_join(&next, 0);
    pair_destroy(&pair);
}
END_TEST

/*
 * As in a cancelled pthread_cond_wait.
 * Proves ppt_interrupt_fn Left, cond.c C4.
 */
START_TEST(thread_that_leaves_from_a_callback_waits_for_the_lock)
{
    quitter_t quitter;
    pair_t pair;

    signals_install(0);
    pair_init(&pair, kinds[_i / WAYS]);
    quitter_start(&quitter, &pair, _i % WAYS);
    pair_lock(&pair);
    interrupt_until(&quitter.worker, peek(&quitter.leaver.calls) == 1);
    if (_i % WAYS == CANCEL)
        pthread_cancel(quitter.worker.thread);
    await(pair_waiting(&pair) == 0);
    ck_assert(!worker_done(&quitter.worker));
    ck_assert_int_eq(pair_unlock(&pair), 0);
    quitter_join(&quitter);
    pair_destroy(&pair);
}
END_TEST

/* A lock; the loop's variable is the way */

typedef struct taker {
    worker_t worker;
    ppt_lock_t *lock;
    leaver_t *leaver; /* NULL: none */
    int result;
} taker_t;

static void take(void *arg)
{
    taker_t *taker = arg;

    if (taker->leaver != NULL)
        taker->result = ppt_lock_acquire_interruptible(
            taker->lock, PPT_FOREVER, leave, taker->leaver);
    else
        taker->result = ppt_lock_acquire(taker->lock, PPT_FOREVER);
    ppt_lock_release(taker->lock);
}

static void taker_start(taker_t *taker, ppt_lock_t *lock, leaver_t *leaver)
{
    unsigned before = ppt_lock_waiting(lock);

    *taker = (taker_t){ .lock = lock, .leaver = leaver, .result = -1 };
    worker_start(&taker->worker, take, taker);
    await(ppt_lock_waiting(lock) > before && worker_asleep(&taker->worker));
}

static void ck_free(ppt_lock_t *lock)
{
    ck_assert_uint_eq(ppt_lock_waiting(lock), 0);
    ck_assert_int_eq(ppt_lock_acquire(lock, PPT_TRY), 0);
    ck_assert_int_eq(ppt_lock_release(lock), 0);
    ck_assert_int_eq(ppt_lock_destroy(lock), 0);
}

/* Proves ppt_interrupt_fn Left. */
START_TEST(thread_that_leaves_from_a_callback_leaves_the_lock)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    leaver_t leaver = { _i, 0 };
    taker_t first, second;

    signals_install(0);
    ppt_lock_acquire(&lock, PPT_FOREVER);
    taker_start(&first, &lock, &leaver);
    taker_start(&second, &lock, NULL);
    see_it_leave(&first.worker, &leaver);
    join_left(&first.worker, &leaver);
    ck_assert_int_eq(first.result, -1);
    ck_assert(ppt_lock_locked(&lock));
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    ck_assert_int_eq(ppt_lock_release(&lock), 0);
    worker_join(&second.worker);
    ck_assert_int_eq(second.result, 0);
    ck_free(&lock);
}
END_TEST

/*
 * The lock is free meanwhile, and stays so.
 * Proves ppt_interrupt_fn Left.
 */
START_TEST(release_is_not_lost_to_a_thread_that_leaves_from_a_callback)
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    leaver_t leaver = { CANCEL, 0 };
    taker_t first, second;

    signals_install(0);
    ppt_lock_acquire(&lock, PPT_FOREVER);
    taker_start(&first, &lock, &leaver);
    taker_start(&second, &lock, NULL);
    interrupt_until(&first.worker, peek(&leaver.calls) == 1);
    ck_assert_int_eq(ppt_lock_release(&lock), 0);
    worker_join(&second.worker);
    ck_assert_int_eq(second.result, 0);
    ck_assert_uint_eq(ppt_lock_waiting(&lock), 1);
    ck_assert_int_eq(pthread_cancel(first.worker.thread), 0);
    join_left(&first.worker, &leaver);
    ck_free(&lock);
}
END_TEST

/* A semaphore; the loop's variable is the way */

typedef struct user {
    worker_t worker;
    ppt_semaphore_t *semaphore;
    leaver_t *leaver; /* NULL: none */
    int result;
} user_t;

static void take_unit(void *arg)
{
    user_t *user = arg;

    if (user->leaver != NULL)
        user->result = ppt_semaphore_acquire_interruptible(
            user->semaphore, PPT_FOREVER, leave, user->leaver);
    else
        user->result = ppt_semaphore_acquire(user->semaphore, PPT_FOREVER);
}

static void user_start(user_t *user, ppt_semaphore_t *semaphore,
                       leaver_t *leaver)
{
    unsigned before = ppt_semaphore_waiting(semaphore);

    *user = (user_t){ .semaphore = semaphore, .leaver = leaver,
                      .result = -1 };
    worker_start(&user->worker, take_unit, user);
    await(ppt_semaphore_waiting(semaphore) > before
          && worker_asleep(&user->worker));
}

/* Proves ppt_interrupt_fn Left. */
START_TEST(thread_that_leaves_from_a_callback_leaves_the_semaphore)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    leaver_t leaver = { _i, 0 };
    user_t first, second;

    signals_install(0);
    user_start(&first, &semaphore, &leaver);
    user_start(&second, &semaphore, NULL);
    see_it_leave(&first.worker, &leaver);
    join_left(&first.worker, &leaver);
    ck_assert_int_eq(first.result, -1);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 1);
    ck_assert_int_eq(ppt_semaphore_release(&semaphore, 1), 0);
    worker_join(&second.worker);
    ck_assert_int_eq(second.result, 0);
    ck_assert_uint_eq(ppt_semaphore_value(&semaphore), 0);
    ck_assert_int_eq(ppt_semaphore_destroy(&semaphore), 0);
}
END_TEST

/*
 * One for each of the two that wait: the first one's stays.
 * Proves semaphore.c S4.
 */
START_TEST(unit_is_not_lost_to_a_thread_that_leaves_from_a_callback)
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    leaver_t leaver = { CANCEL, 0 };
    user_t first, second;

    signals_install(0);
    user_start(&first, &semaphore, &leaver);
    user_start(&second, &semaphore, NULL);
    interrupt_until(&first.worker, peek(&leaver.calls) == 1);
    ck_assert_int_eq(ppt_semaphore_release(&semaphore, 2), 0);
    worker_join(&second.worker);
    ck_assert_int_eq(second.result, 0);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 1);
    ck_assert_int_eq(pthread_cancel(first.worker.thread), 0);
    join_left(&first.worker, &leaver);
    ck_assert_uint_eq(ppt_semaphore_waiting(&semaphore), 0);
    ck_assert_int_eq(ppt_semaphore_acquire(&semaphore, PPT_TRY), 0);
    ck_assert_int_eq(ppt_semaphore_acquire(&semaphore, PPT_TRY), EBUSY);
    ck_assert_int_eq(ppt_semaphore_destroy(&semaphore), 0);
}
END_TEST

/* A barrier; the loop's variable is the way */

typedef struct party {
    worker_t worker;
    ppt_barrier_t *barrier;
    int64_t deadline;
    leaver_t *leaver; /* NULL: none */
    int result;
} party_t;

static void meet(void *arg)
{
    party_t *party = arg;

    if (party->leaver != NULL)
        party->result = ppt_barrier_wait_interruptible(
            party->barrier, party->deadline, NULL, leave, party->leaver);
    else
        party->result = ppt_barrier_wait(party->barrier, party->deadline,
                                         NULL);
}

static void party_start(party_t *party, ppt_barrier_t *barrier,
                        int64_t deadline, leaver_t *leaver)
{
    *party = (party_t){ .barrier = barrier, .deadline = deadline,
                        .leaver = leaver, .result = -1 };
    worker_start(&party->worker, meet, party);
}

static void party_start_and_see(party_t *party, ppt_barrier_t *barrier,
                                int64_t deadline, leaver_t *leaver)
{
    uint32_t before = ppt_barrier_n_waiting(barrier);

    party_start(party, barrier, deadline, leaver);
    await(ppt_barrier_n_waiting(barrier) > before
          && worker_asleep(&party->worker));
}

static void party_join(party_t *party, int result)
{
    worker_join(&party->worker);
    ck_assert_int_eq(party->result, result);
}

/* All three meet, and the barrier ends. */
static void finish(ppt_barrier_t *barrier)
{
    party_t parties[3];
    int i;

    ck_assert_uint_eq(ppt_barrier_n_waiting(barrier), 0);
    ck_assert(!ppt_barrier_broken(barrier));
    for (i = 0; i < LENGTH(parties); i++)
        party_start(&parties[i], barrier, PPT_FOREVER, NULL);
    for (i = 0; i < LENGTH(parties); i++)
        party_join(&parties[i], 0);
    ck_assert_int_eq(ppt_barrier_destroy(barrier), 0);
}

/* Leaves the first time, returns 0 after that. */
static int leave_once(void *arg)
{
    leaver_t *leaver = arg;

    return peek(&leaver->calls) == 0 ? leave(leaver) : 0;
}

/* Proves ppt_barrier_action_fn other, barrier.c B6. */
START_TEST(thread_that_leaves_from_the_action_breaks_the_barrier)
{
    leaver_t leaver = { _i, 0 };
    ppt_barrier_t barrier;
    party_t parties[3];

    ck_assert_int_eq(ppt_barrier_init(&barrier, 3, leave_once, &leaver), 0);
    party_start_and_see(&parties[0], &barrier, PPT_FOREVER, NULL);
    party_start_and_see(&parties[1], &barrier, ppt_deadline(LIMIT), NULL);
    party_start(&parties[2], &barrier, PPT_FOREVER, NULL);
    await(peek(&leaver.calls) == 1);
    if (_i == CANCEL)
        ck_assert_int_eq(pthread_cancel(parties[2].worker.thread), 0);
    join_left(&parties[2].worker, &leaver);
    party_join(&parties[0], ECANCELED);
    party_join(&parties[1], ECANCELED);
    ck_assert(ppt_barrier_broken(&barrier));
    ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_FOREVER, NULL),
                     ECANCELED);
    ppt_barrier_reset(&barrier);
    finish(&barrier);
}
END_TEST

/* Proves barrier.c B6. */
START_TEST(barrier_may_end_after_a_thread_left_from_its_action)
{
    leaver_t leaver = { _i, 0 };
    ppt_barrier_t barrier;
    party_t party;

    ck_assert_int_eq(ppt_barrier_init(&barrier, 1, leave_once, &leaver), 0);
    party_start(&party, &barrier, PPT_FOREVER, NULL);
    await(peek(&leaver.calls) == 1);
    if (_i == CANCEL)
        ck_assert_int_eq(pthread_cancel(party.worker.thread), 0);
    join_left(&party.worker, &leaver);
    ck_assert(ppt_barrier_broken(&barrier));
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
}
END_TEST

/* Proves ppt_interrupt_fn Left, barrier.c B6. */
START_TEST(thread_that_leaves_from_a_callback_has_not_arrived)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    leaver_t leaver = { _i, 0 };
    party_t first, stays, replaces;

    signals_install(0);
    party_start_and_see(&first, &barrier, PPT_FOREVER, &leaver);
    party_start_and_see(&stays, &barrier, PPT_FOREVER, NULL);
    see_it_leave(&first.worker, &leaver);
    join_left(&first.worker, &leaver);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
    ck_assert(!ppt_barrier_broken(&barrier));
    party_start_and_see(&replaces, &barrier, PPT_FOREVER, NULL);
    ck_assert(!worker_done(&stays.worker));
    ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_FOREVER, NULL), 0);
    party_join(&stays, 0);
    party_join(&replaces, 0);
    finish(&barrier);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const both_ways[] = {
        thread_that_leaves_from_a_callback_leaves_the_lock,
        thread_that_leaves_from_a_callback_leaves_the_semaphore,
        thread_that_leaves_from_the_action_breaks_the_barrier,
        barrier_may_end_after_a_thread_left_from_its_action,
        thread_that_leaves_from_a_callback_has_not_arrived,
    };
    TCase *tcase = add_case(suite, "callbacks");
    int i;

    tcase_add_loop_test(tcase,
                        thread_that_leaves_from_a_callback_leaves_the_condition,
                        WAYS * WITH_A_CALLBACK, CASES);
    tcase_add_loop_test(tcase,
                        thread_that_leaves_from_a_callback_waits_for_the_lock,
                        WAYS * WITH_A_CALLBACK, CASES);
    tcase_add_test(tcase,
                   release_is_not_lost_to_a_thread_that_leaves_from_a_callback);
    tcase_add_test(tcase,
                   unit_is_not_lost_to_a_thread_that_leaves_from_a_callback);
    for (i = 0; i < LENGTH(both_ways); i++)
        tcase_add_loop_test(tcase, both_ways[i], 0, WAYS);
    tcase_set_tags(tcase, "cancellation");
}
