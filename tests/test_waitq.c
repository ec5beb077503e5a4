/* SPDX-License-Identifier: MIT */
/* The queue, waitq.h and the invariants of waitq.c; I6, I7: _places. */
#include "support.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "waitq_support.h"

enum { MANY = 8 };

/* The FIFO, on one thread; nobody sleeps */

static void enqueue_many(ppt_waitq_t *queue, ppt__waiter_t *waiters)
{
    int i;

    for (i = 0; i < MANY; i++) {
        enqueue(queue, &waiters[i]);
        ck_present(queue, i + 1, (unsigned)i + 1);
    }
}

START_TEST(all_zero_memory_is_an_empty_queue)
{
    ppt_waitq_t queue;

    memset(&queue, 0, sizeof queue);
    ck_empty(&queue);
    ck_assert_ptr_null(take(&queue, INT_MAX).first);
    ck_assert_int_eq(take(&queue, INT_MAX).length, 0);
}
END_TEST

/* Proves waitq.c I4. */
START_TEST(waiters_are_notified_in_the_order_of_the_queue)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    int i;

    enqueue_many(&queue, waiters);
    for (i = 0; i < MANY; i++) {
        ck_assert_ptr_eq(pop(&queue), &waiters[i]);
        ck_assert(state_of(&waiters[i]) & PPT__NOTIFIED);
        ck_present(&queue, MANY - 1 - i, (unsigned)(MANY - 1 - i));
    }
    ck_empty(&queue);
}
END_TEST

static ppt__waiter_t *take_last(ppt_waitq_t *queue)
{
    ppt__wake_list_t list;

    ppt__waitq_guard(queue);
    list = ppt__waitq_take_last(queue);
    ppt__waitq_unguard(queue);
    ck_assert_int_eq(list.length, list.first != NULL);
    ck_assert_ptr_eq(list.last, list.first);
    return list.first;
}

/* Proves waitq.c I4. */
START_TEST(last_waiter_is_notified_where_that_is_asked_for)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    int i;

    enqueue_many(&queue, waiters);
    begin_to_leave(&waiters[MANY - 1]);
    for (i = MANY - 2; i >= 0; i--) {
        ck_assert_ptr_eq(take_last(&queue), &waiters[i]);
        ck_assert(state_of(&waiters[i]) & PPT__NOTIFIED);
        ck_present(&queue, i, (unsigned)i + 1);
    }
    ck_assert_ptr_null(take_last(&queue));
    ppt__waitq_guard(&queue);
    ppt__waitq_unlink(&queue, &waiters[MANY - 1]);
    ppt__waitq_unguard(&queue);
    ck_empty(&queue);
}
END_TEST

/* Proves waitq.c I4. */
START_TEST(waiter_pushed_in_front_is_notified_next)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[3];

    enqueue(&queue, &waiters[0]);
    enqueue(&queue, &waiters[1]);
    ppt__waiter_start(&waiters[2], false);
    ppt__waitq_guard(&queue);
    ppt__waitq_push_front(&queue, &waiters[2]);
    ppt__waitq_unguard(&queue);
    ck_assert_ptr_eq(pop(&queue), &waiters[2]);
    ck_assert_ptr_eq(pop(&queue), &waiters[0]);
    ck_assert_ptr_eq(pop(&queue), &waiters[1]);
    ppt__waiter_restart(&waiters[2], false);
    ppt__waitq_guard(&queue);
    ppt__waitq_push_front(&queue, &waiters[2]); /* of an empty queue */
    ppt__waitq_unguard(&queue);
    ck_assert_ptr_eq(pop(&queue), &waiters[2]);
    ck_empty(&queue);
}
END_TEST

static void ck_chain(ppt__wake_list_t chain, ppt__waiter_t *first, int length)
{
    ppt__waiter_t *waiter = chain.first;
    int i;

    ck_assert_int_eq(chain.length, length);
    for (i = 0; i < length; i++) {
        ck_assert_ptr_eq(waiter, &first[i]);
        ck_assert(state_of(waiter) & PPT__NOTIFIED);
        ck_assert(!(state_of(waiter) & PPT__WOKEN));
        if (i == length - 1)
            ck_assert_ptr_eq(chain.last, waiter);
        waiter = waiter->next;
    }
    ck_assert_ptr_null(waiter);
}

/* Proves waitq.c I4. */
START_TEST(take_chooses_the_first_n_or_all_that_there_are)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];

    enqueue_many(&queue, waiters);
    ck_chain(take(&queue, 0), waiters, 0);
    ck_chain(take(&queue, -1), waiters, 0);
    ck_chain(take(&queue, INT_MIN), waiters, 0);
    ck_present(&queue, MANY, MANY);
    ck_chain(take(&queue, 1), waiters, 1);
    ck_chain(take(&queue, 3), waiters + 1, 3);
    ck_present(&queue, MANY - 4, MANY - 4);
    ck_chain(take(&queue, MANY), waiters + 4, MANY - 4);
    ck_chain(take(&queue, INT_MAX), waiters, 0);
    ck_empty(&queue);
}
END_TEST

/*
 * The loop's variable is the place of the one that goes.
 * Proves waitq.c I3.
 */
START_TEST(leaving_keeps_the_order_of_the_others)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    int i;

    enqueue_many(&queue, waiters);
    ck_assert(ppt__waiter_cancel(&waiters[_i], &queue));
    ck_assert_uint_eq(state_of(&waiters[_i]), PPT__CANCELLED);
    ck_present(&queue, MANY - 1, MANY - 1);
    for (i = 0; i < MANY; i++)
        if (i != _i)
            ck_assert_ptr_eq(pop(&queue), &waiters[i]);
    ck_empty(&queue);
}
END_TEST

/* Proves waitq.c I3. */
START_TEST(all_may_leave)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    int i;

    enqueue_many(&queue, waiters);
    for (i = 0; i < MANY; i++)
        ck_assert(ppt__waiter_cancel(&waiters[(i + 3) % MANY], &queue));
    ck_empty(&queue);
}
END_TEST

/* I1 */

/* Proves waitq.c I1. */
START_TEST(notified_waiter_cannot_leave)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_ptr_eq(pop(&queue), &waiter);
    ck_assert(!ppt__waiter_cancel(&waiter, &queue));
    ppt__waiter_wake(&waiter, PPT__GRANT_NOTHING);
    ck_assert(!ppt__waiter_cancel(&waiter, &queue));
    ck_assert(!(state_of(&waiter) & PPT__CANCELLED));
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_empty(&queue);
}
END_TEST

/* Proves waitq.c I1. */
START_TEST(cancelled_waiter_is_passed_by)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];

    enqueue_many(&queue, waiters);
    begin_to_leave(&waiters[0]);
    begin_to_leave(&waiters[2]);
    ck_present(&queue, MANY - 2, MANY);
    ck_assert_ptr_eq(pop(&queue), &waiters[1]);
    ck_chain(take(&queue, MANY), waiters + 3, MANY - 3);
    ck_present(&queue, 0, 2);
    ck_assert_ptr_null(pop(&queue));
    ck_assert(ppt__waiter_cancel(&waiters[2], &queue));
    ck_assert(ppt__waiter_cancel(&waiters[0], &queue));
    ck_assert(!(state_of(&waiters[0]) & PPT__NOTIFIED));
    ck_empty(&queue);
}
END_TEST

/* I1: a wake-up is given or it is not, and both sides agree */

struct race {
    ppt_waitq_t queue;
    int begun, rounds;
    int woken;  /* waits that returned 0 */
    int odd;    /* a post too many */
    int stop;
};

static void time_out_again_and_again(void *arg)
{
    struct race *race = arg;
    dice_t mine = dice(1, 1);

    while (!peek(&race->stop)) {
        ppt__wait_options_t options = {
            .deadline = ppt_deadline(roll(&mine, 60) * US)
        };
        ppt__waiter_t waiter;

        enqueue(&race->queue, &waiter);
        if (ppt__waiter_wait(&waiter, &race->queue, &options) == 0)
            bump(&race->woken);
        if (ppt__sem_wait(&waiter.sem, PPT_TRY, 0) != ETIMEDOUT)
            bump(&race->odd);
        ppt__waiter_end(&waiter);
        bump(&race->rounds);
    }
}

/* Proves waitq.c I1. */
START_TEST(waker_and_waiter_agree_on_who_was_first)
{
    int64_t end = ppt_deadline(300 * MS);
    struct race race = { .stop = 0 };
    worker_t workers[3];
    int notified = 0;
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], time_out_again_and_again, &race);
    while (ppt_now() < end || notified == 0 || peek(&race.rounds) < 100) {
        ppt__wake_list_t chain = take(&race.queue, 2);

        notified += chain.length;
        ppt__wake_list_wake(chain, PPT__GRANT_NOTHING);
        if (notified % 4 == 0)
            nap();
    }
    poke(&race.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(race.woken, notified);
    ck_assert_int_eq(race.odd, 0);
    ck_empty(&race.queue);
}
END_TEST

/* I3: drain */

struct drainer {
    ppt_waitq_t *queue;
    int result;
};

static void drain_and_free(void *arg)
{
    struct drainer *drainer = arg;

    drainer->result = ppt__waitq_drain(drainer->queue);
    memset(drainer->queue, 0xdd, sizeof *drainer->queue);
    free(drainer->queue);
}

/* Proves waitq.c I3. */
START_TEST(drain_refuses_a_queue_with_waiters_and_changes_nothing)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[2];

    enqueue(&queue, &waiters[0]);
    enqueue(&queue, &waiters[1]);
    ck_assert_int_eq(ppt__waitq_drain(&queue), EBUSY);
    begin_to_leave(&waiters[0]);
    ck_assert_int_eq(ppt__waitq_drain(&queue), EBUSY);
    ck_present(&queue, 1, 2);
    ck_assert(ppt__waiter_cancel(&waiters[0], &queue));
    ck_assert_ptr_eq(pop(&queue), &waiters[1]);
    ck_empty(&queue);
}
END_TEST

/* Proves waitq.c I3. */
START_TEST(drain_waits_for_waiters_that_are_leaving)
{
    struct drainer drainer = { calloc(1, sizeof(ppt_waitq_t)), -1 };
    ppt__waiter_t waiters[2];
    worker_t worker;

    ck_assert_ptr_nonnull(drainer.queue);
    enqueue(drainer.queue, &waiters[0]);
    enqueue(drainer.queue, &waiters[1]);
    begin_to_leave(&waiters[0]);
    begin_to_leave(&waiters[1]);
    worker_start(&worker, drain_and_free, &drainer);
    await(worker_asleep(&worker) || worker_done(&worker));
    ck_assert(!worker_done(&worker));
    ck_assert(ppt__waiter_cancel(&waiters[1], drainer.queue));
    ck_assert(!worker_done(&worker));
    ck_assert(ppt__waiter_cancel(&waiters[0], drainer.queue));
    worker_join(&worker);
    ck_assert_int_eq(drainer.result, 0);
}
END_TEST

struct leaver {
    ppt_waitq_t *queue;
    int queued;
};

static void wait_for_a_moment(void *arg)
{
    struct leaver *leaver = arg;
    ppt__wait_options_t options = { .deadline = 0 };
    ppt__waiter_t waiter;

    enqueue(leaver->queue, &waiter);
    options.deadline = ppt_deadline(20 * US);
    poke(&leaver->queued, 1);
    ppt__waiter_wait(&waiter, leaver->queue, &options);
    ppt__waiter_end(&waiter);
}

/*
 * AddressSanitizer looks on; others see a queue that never gets empty.
 * Proves waitq.c I3.
 */
START_TEST(drained_queue_is_not_touched_any_more)
{
    int round;

    for (round = 0; round < 500; round++) {
        struct leaver leaver = { calloc(1, sizeof(ppt_waitq_t)), 0 };
        worker_t worker;

        ck_assert_ptr_nonnull(leaver.queue);
        worker_start(&worker, wait_for_a_moment, &leaver);
        while (!peek(&leaver.queued)
               || ppt__waitq_drain(leaver.queue) == EBUSY)
            ppt__yield();
        memset(leaver.queue, 0xdd, sizeof *leaver.queue);
        free(leaver.queue);
        worker_join(&worker);
    }
}
END_TEST

/* I5: the guard */

struct guarded {
    ppt_waitq_t queue;
    long plain; /* guarded by queue.guard */
};

static void count_under_guard(void *arg)
{
    struct guarded *guarded = arg;
    int i;

    for (i = 0; i < 20000; i++) {
        ppt__waitq_guard(&guarded->queue);
        guarded->plain++;
        ppt__waitq_unguard(&guarded->queue);
    }
}

/* Proves waitq.c I5. */
START_TEST(guard_excludes)
{
    struct guarded guarded = { .plain = 0 };
    worker_t workers[4];
    int i;

    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], count_under_guard, &guarded);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(guarded.plain, 20000L * LENGTH(workers));
}
END_TEST

struct guest {
    ppt_waitq_t queue;
    int cpu_percent;
};

static void guard_once(void *arg)
{
    struct guest *guest = arg;
    stretch_t stretch = stretch_begin();

    ppt__waitq_guard(&guest->queue);
    ppt__waitq_unguard(&guest->queue);
    guest->cpu_percent = stretch_cpu_percent(&stretch);
}

/* Proves waitq.c I5. */
START_TEST(contended_guard_is_slept_for)
{
    struct guest guest = { .cpu_percent = 100 };
    int64_t begin;
    worker_t worker;

    ppt__waitq_guard(&guest.queue);
    worker_start(&worker, guard_once, &guest);
    await(worker_asleep(&worker));
    begin = ppt_now();
    await(ppt_now() > begin + 200 * MS);
    ck_assert(!worker_done(&worker));
    ppt__waitq_unguard(&guest.queue);
    worker_join(&worker);
    ck_assert_int_lt(guest.cpu_percent, 50);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "waitq");
    const TTest *const tests[] = {
        all_zero_memory_is_an_empty_queue,
        waiters_are_notified_in_the_order_of_the_queue,
        last_waiter_is_notified_where_that_is_asked_for,
        waiter_pushed_in_front_is_notified_next,
        take_chooses_the_first_n_or_all_that_there_are,
        all_may_leave,
        notified_waiter_cannot_leave,
        cancelled_waiter_is_passed_by,
        waker_and_waiter_agree_on_who_was_first,
        drain_refuses_a_queue_with_waiters_and_changes_nothing,
        drain_waits_for_waiters_that_are_leaving,
        drained_queue_is_not_touched_any_more,
        guard_excludes,
        contended_guard_is_slept_for,
    };

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, leaving_keeps_the_order_of_the_others, 0,
                        MANY);
}
