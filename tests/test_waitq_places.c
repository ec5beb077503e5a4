/* SPDX-License-Identifier: MIT */
/* Places in a queue: who has left, who comes back, and what a fork leaves. */
#include "waitq_support.h"

#include <sched.h>
#include <string.h>

#include "pyplusthread/barrier.h"

enum { MANY = 8 };

static void enqueue_many(ppt_waitq_t *queue, ppt__waiter_t *waiters)
{
    int i;

    for (i = 0; i < MANY; i++)
        enqueue(queue, &waiters[i]);
}

/* Proves waitq.c I3. */
START_TEST(waiter_that_has_left_is_met_by_one_waker_only)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];

    enqueue_many(&queue, waiters);
    begin_to_leave(&waiters[0]);
    ck_assert_ptr_eq(pop(&queue), &waiters[1]);
    ck_assert(!waiters[0].linked);
    ck_assert_ptr_eq(queue.head, &waiters[2]);
    ck_present(&queue, MANY - 2, MANY - 1); /* it still counts itself */
    ppt__waitq_guard(&queue);
    ppt__waitq_unlink(&queue, &waiters[0]);
    ppt__waitq_unguard(&queue);
    ck_present(&queue, MANY - 2, MANY - 2);
}
END_TEST

static void push_in_order(ppt_waitq_t *queue, ppt__waiter_t *waiter,
                          uint32_t ticket)
{
    ppt__waiter_start(waiter, false);
    waiter->ticket = ticket;
    ppt__waitq_guard(queue);
    ppt__waitq_push_in_order(queue, waiter);
    ppt__waitq_unguard(queue);
}

/*
 * _i is where the tickets begin: they may wrap around.
 * Proves waitq.c I4.
 */
START_TEST(waiters_go_back_to_where_their_tickets_say)
{
    static const uint32_t order[] = { 2, 0, 4, 1, 3 };
    uint32_t first = UINT32_MAX - (uint32_t)_i;
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[LENGTH(order)];
    int i;

    for (i = 0; i < LENGTH(order); i++)
        push_in_order(&queue, &waiters[order[i]], first + order[i]);
    for (i = 0; i < LENGTH(order); i++)
        ck_assert_ptr_eq(pop(&queue), &waiters[i]);
}
END_TEST

/* Proves waitq.c I4. */
START_TEST(waiter_in_a_callback_is_passed_by_and_keeps_its_place)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    ppt__waiter_t *ready;

    enqueue_many(&queue, waiters);
    ck_assert(ppt__waiter_enter_callback(&waiters[0]));
    ppt__waitq_guard(&queue);
    ready = ppt__waitq_pop_ready(&queue);
    ppt__waitq_unguard(&queue);
    ck_assert_ptr_eq(ready, &waiters[1]);
    ck_assert_ptr_eq(pop(&queue), &waiters[0]);
}
END_TEST

/* Proves waitq.c I1. */
START_TEST(waiter_that_was_notified_does_not_step_out)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    pop(&queue);
    ck_assert(!ppt__waiter_enter_callback(&waiter));
}
END_TEST

START_TEST(waiter_that_quits_in_a_callback_is_passed_by_to_the_end)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert(ppt__waiter_enter_callback(&waiter));
    ppt__waiter_quit(&waiter, &queue);
    ck_assert_uint_eq(state_of(&waiter), PPT__IN_CALLBACK | PPT__CANCELLED);
    ck_present(&queue, 0, 0);
}
END_TEST

/* Destroy against the last thread on its way out, which the test plays. */

typedef struct end {
    worker_t worker;
    ppt_lock_t lock;
    ppt_barrier_t barrier;
    int result;
} end_t;

static void destroy_lock(void *arg)
{
    end_t *end = arg;

    end->result = ppt_lock_destroy(&end->lock);
}

static bool is_draining(ppt_waitq_t *queue)
{
    bool draining;

    ppt__waitq_guard(queue);
    draining = queue->draining;
    ppt__waitq_unguard(queue);
    return draining;
}

/*
 * Its deadline has passed, and the lock is free (lock.c, L6).
 * Proves lock.c L6.
 */
START_TEST(lock_that_the_last_to_leave_takes_is_not_destroyed)
{
    end_t end = { .lock = PPT_LOCK_INITIALIZER };
    ppt__waiter_t waiter;

    enqueue(&end.lock.queue, &waiter);
    begin_to_leave(&waiter);
    worker_start(&end.worker, destroy_lock, &end);
    await(is_draining(&end.lock.queue));
    ppt__waitq_guard(&end.lock.queue);
    ppt__waitq_unlink(&end.lock.queue, &waiter);
    ck_assert_int_eq(ppt_lock_acquire(&end.lock, PPT_TRY), 0);
    ppt__waitq_finish_cancel(&end.lock.queue);
    worker_join(&end.worker);
    ck_assert_int_eq(end.result, EBUSY);
}
END_TEST

static int leave_thread(void *arg)
{
    poke(arg, 1);
    for (;;) {
        sched_yield();
        pthread_testcancel();
    }
    return 0;
}

static void wait_and_be_cancelled(void *arg)
{
    end_t *end = arg;

    ppt_barrier_wait_interruptible(&end->barrier, PPT_FOREVER, NULL,
                                   leave_thread, &end->result);
}

/*
 * Its round has lost another member: it is told to arrive again (barrier.c,
 * B2, B4), and will not.
 * Proves barrier.c B2, barrier.c B4.
 */
START_TEST(barrier_does_not_wait_for_a_party_that_left_from_its_callback)
{
    enum { ARRIVE_AGAIN = 16 };
    end_t end = { .barrier = PPT_BARRIER_INITIALIZER(3) };
    ppt_waitq_t *queue = &end.barrier.queue;
    ppt__waiter_t *waiter;

    signals_install(0);
    worker_start(&end.worker, wait_and_be_cancelled, &end);
    await(worker_asleep(&end.worker));
    interrupt_until(&end.worker, peek(&end.result) == 1);
    ppt__waitq_guard(queue);
    waiter = ppt__waitq_pop(queue);
    __atomic_store_n(&end.barrier.again, 1, __ATOMIC_RELEASE);
    ppt__waitq_unguard(queue);
    ppt__waiter_wake(waiter, ARRIVE_AGAIN);
    ck_assert_int_eq(pthread_cancel(end.worker.thread), 0);
    await(worker_done(&end.worker));
    ck_assert_int_eq(pthread_join(end.worker.thread, NULL), 0);
    ck_assert_int_eq(ppt_barrier_destroy(&end.barrier), 0);
}
END_TEST

/* In a child: what the parent left behind. */
struct legacy {
    ppt_waitq_t queue;
    ppt__waiter_t first, notified;
};

static int begin_anew(void *arg)
{
    struct legacy *legacy = arg;
    ppt__waiter_t own;

    require(ppt__waitq_waiting(&legacy->queue) == 0);
    enqueue(&legacy->queue, &own);
    require(ppt__waitq_waiting(&legacy->queue) == 1);
    require(pop(&legacy->queue) == &own);
    require(pop(&legacy->queue) == NULL);
    require(ppt__waitq_drain(&legacy->queue) == 0);
    return 0;
}

/* Proves waitq.c I6. */
START_TEST(child_finds_its_parents_waiters_void)
{
    struct legacy legacy = { .queue = { 0 } };

    enqueue(&legacy.queue, &legacy.first);
    ck_assert_int_eq(in_child(begin_anew, &legacy), 0);
    ck_present(&legacy.queue, 1, 1);
}
END_TEST

/*
 * In the midst of a change, at that.
 * Proves waitq.c I6.
 */
START_TEST(child_finds_a_guard_that_its_parent_holds_free)
{
    struct legacy legacy = { .queue = { 0 } };
    int result;

    enqueue(&legacy.queue, &legacy.first);
    ppt__waitq_guard(&legacy.queue);
    legacy.queue.head = (void *)1;
    result = in_child(begin_anew, &legacy);
    legacy.queue.head = &legacy.first;
    ppt__waitq_unguard(&legacy.queue);
    ck_assert_int_eq(result, 0);
    ck_present(&legacy.queue, 1, 1);
}
END_TEST

static int go_on(void *arg)
{
    struct legacy *legacy = arg;

    require(ppt__waiter_sleep(&legacy->notified, PPT_FOREVER, 0) == 0);
    require(legacy->notified.grant == PPT__GRANT_NOTHING);
    require(ppt__waiter_sleep(&legacy->first, PPT_FOREVER, 0) == 0);
    require(legacy->first.grant == PPT__GRANT_AGAIN);
    require(ppt__waiter_cancel(&legacy->first, &legacy->queue));
    require(ppt__waitq_waiting(&legacy->queue) == 0);
    return 0;
}

/* Proves waitq.c I6. */
START_TEST(wait_that_began_before_a_fork_is_void_unless_it_was_notified)
{
    struct legacy legacy = { .queue = { 0 } };

    enqueue(&legacy.queue, &legacy.notified);
    enqueue(&legacy.queue, &legacy.first);
    ck_assert_ptr_eq(pop(&legacy.queue), &legacy.notified);
    ck_assert_int_eq(in_child(go_on, &legacy), 0);
}
END_TEST

/* Two waiters are asleep, but for the system call. */
static void fall_asleep(ppt__waiter_t *waiter)
{
    ck_assert_int_eq(ppt__waiter_sleep(waiter, 1, 0), ETIMEDOUT);
}

/* Proves waitq.c I7. */
START_TEST(all_of_a_batch_may_go_before_any_is_woken)
{
    bool in_two_steps = strcmp(ppt__port_name(), "linux") == 0;
    ppt__batch_t batch = { .remote = 0, .local = 0 };
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    int i;

    enqueue_many(&queue, waiters);
    for (i = 0; i < MANY; i++)
        fall_asleep(&waiters[i]);
    for (i = 0; i < MANY; i++)
        ppt__batch_give(&batch, pop(&queue), PPT__GRANT_NOTHING);
    ck_assert_int_eq(batch.remote + batch.local, MANY);
    for (i = 0; i < MANY; i++)
        ck_assert(state_of(&waiters[i]) & PPT__WOKEN);
    if (in_two_steps) /* as one whose deadline passes */
        ppt__waiter_sleep_on(&waiters[0]);
    ppt__batch_wake(&batch);
    for (i = in_two_steps; i < MANY; i++)
        ppt__waiter_sleep_on(&waiters[i]);
}
END_TEST

/* Proves waitq.c I7. */
START_TEST(batch_that_is_full_is_woken_and_goes_on)
{
    ppt__batch_t batch = { .remote = 0, .local = 0 };
    static ppt__waiter_t waiters[PPT__BATCH + MANY];
    ppt_waitq_t queue = { 0 };
    int i;

    for (i = 0; i < LENGTH(waiters); i++) {
        enqueue(&queue, &waiters[i]);
        fall_asleep(&waiters[i]);
    }
    for (i = 0; i < LENGTH(waiters); i++) {
        ppt__waiter_t *waiter = pop(&queue);

        waiter->remote = i % 3 == 0;
        ppt__batch_give(&batch, waiter, PPT__GRANT_NOTHING);
    }
    ck_assert_int_eq(batch.remote + batch.local, MANY);
    for (i = 0; i < PPT__BATCH; i++)
        ppt__waiter_sleep_on(&waiters[i]);
    ppt__batch_wake(&batch);
    for (i = PPT__BATCH; i < LENGTH(waiters); i++)
        ppt__waiter_sleep_on(&waiters[i]);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "waitq");
    TCase *cancellation = add_case(suite, "cancellation");
    const TTest *const tests[] = {
        waiter_that_has_left_is_met_by_one_waker_only,
        waiter_in_a_callback_is_passed_by_and_keeps_its_place,
        waiter_that_was_notified_does_not_step_out,
        waiter_that_quits_in_a_callback_is_passed_by_to_the_end,
        lock_that_the_last_to_leave_takes_is_not_destroyed,
        child_finds_its_parents_waiters_void,
        child_finds_a_guard_that_its_parent_holds_free,
        wait_that_began_before_a_fork_is_void_unless_it_was_notified,
        all_of_a_batch_may_go_before_any_is_woken,
        batch_that_is_full_is_woken_and_goes_on,
    };

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_test(
        cancellation,
        barrier_does_not_wait_for_a_party_that_left_from_its_callback);
    tcase_set_tags(cancellation, "cancellation");
    tcase_add_loop_test(tcase, waiters_go_back_to_where_their_tickets_say,
                        0, 6);
}
