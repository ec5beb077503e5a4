/* Places in a queue: who has left, who comes back, and what a fork leaves. */
#include "waitq_support.h"

#include <string.h>

enum { MANY = 8 };

static void enqueue_many(ppt_waitq_t *queue, ppt__waiter_t *waiters)
{
    int i;

    for (i = 0; i < MANY; i++)
        enqueue(queue, &waiters[i]);
}

START_TEST(waiter_that_has_left_is_met_by_one_waker_only)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];

    enqueue_many(&queue, waiters);
    begin_to_leave(&waiters[0]);
    ck_assert_ptr_eq(pop(&queue), &waiters[1]);
    ck_assert(!waiters[0].linked);
    ck_assert_ptr_eq(queue.head, &waiters[2]);
    ck_present(&queue, MANY - 2, MANY - 1); /* until it has counted itself out */
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

/* _i is where the tickets begin: they may wrap around. */
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

START_TEST(waiter_in_a_callback_is_passed_by_and_keeps_its_place)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    ppt__waiter_t *ready;

    enqueue_many(&queue, waiters);
    ck_assert(ppt__waiter_step_out(&waiters[0]));
    ppt__waitq_guard(&queue);
    ready = ppt__waitq_pop_ready(&queue);
    ppt__waitq_unguard(&queue);
    ck_assert_ptr_eq(ready, &waiters[1]);
    ck_assert_ptr_eq(pop(&queue), &waiters[0]);
}
END_TEST

START_TEST(waiter_that_was_chosen_does_not_step_out)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    pop(&queue);
    ck_assert(!ppt__waiter_step_out(&waiter));
}
END_TEST

/* In a child: what the parent left behind. */
struct legacy {
    ppt_waitq_t queue;
    ppt__waiter_t first, chosen;
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
    require(ppt__waitq_retire(&legacy->queue) == 0);
    return 0;
}

START_TEST(child_finds_its_parents_waiters_void)
{
    struct legacy legacy = { .queue = { 0 } };

    enqueue(&legacy.queue, &legacy.first);
    ck_assert_int_eq(in_child(begin_anew, &legacy), 0);
    ck_present(&legacy.queue, 1, 1);
}
END_TEST

/* In the midst of a change, at that. */
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

    require(ppt__waiter_sleep(&legacy->chosen, PPT_FOREVER, 0) == 0);
    require(legacy->chosen.grant == PPT__GRANT_NOTHING);
    require(ppt__waiter_sleep(&legacy->first, PPT_FOREVER, 0) == 0);
    require(legacy->first.grant == PPT__GRANT_AGAIN);
    require(ppt__waiter_leave(&legacy->first, &legacy->queue));
    require(ppt__waitq_length(&legacy->queue) == 0);
    return 0;
}

START_TEST(wait_that_began_before_a_fork_is_void_unless_it_was_chosen)
{
    struct legacy legacy = { .queue = { 0 } };

    enqueue(&legacy.queue, &legacy.chosen);
    enqueue(&legacy.queue, &legacy.first);
    ck_assert_ptr_eq(pop(&legacy.queue), &legacy.chosen);
    ck_assert_int_eq(in_child(go_on, &legacy), 0);
}
END_TEST

/* Two waiters are asleep, but for the system call. */
static void fall_asleep(ppt__waiter_t *waiter)
{
    ck_assert_int_eq(ppt__waiter_sleep(waiter, 1, 0), ETIMEDOUT);
}

START_TEST(all_of_a_batch_may_go_before_any_is_woken)
{
    bool in_two_steps = strcmp(ppt__port_name(), "linux") == 0;
    ppt__batch_t batch = { .far = 0, .near = 0 };
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiters[MANY];
    int i;

    enqueue_many(&queue, waiters);
    for (i = 0; i < MANY; i++)
        fall_asleep(&waiters[i]);
    for (i = 0; i < MANY; i++)
        ppt__batch_give(&batch, pop(&queue), PPT__GRANT_NOTHING);
    ck_assert_int_eq(batch.far + batch.near, MANY);
    for (i = 0; i < MANY; i++)
        ck_assert(state_of(&waiters[i]) & PPT__WOKEN);
    if (in_two_steps) /* as one whose deadline passes */
        ppt__waiter_sleep_on(&waiters[0]);
    ppt__batch_wake(&batch);
    for (i = in_two_steps; i < MANY; i++)
        ppt__waiter_sleep_on(&waiters[i]);
}
END_TEST

START_TEST(batch_that_is_full_is_woken_and_goes_on)
{
    ppt__batch_t batch = { .far = 0, .near = 0 };
    static ppt__waiter_t waiters[PPT__BATCH + MANY];
    ppt_waitq_t queue = { 0 };
    int i;

    for (i = 0; i < LENGTH(waiters); i++) {
        enqueue(&queue, &waiters[i]);
        fall_asleep(&waiters[i]);
    }
    for (i = 0; i < LENGTH(waiters); i++) {
        ppt__waiter_t *waiter = pop(&queue);

        waiter->far = i % 3 == 0;
        ppt__batch_give(&batch, waiter, PPT__GRANT_NOTHING);
    }
    ck_assert_int_eq(batch.far + batch.near, MANY);
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
    const TTest *const tests[] = {
        waiter_that_has_left_is_met_by_one_waker_only,
        waiter_in_a_callback_is_passed_by_and_keeps_its_place,
        waiter_that_was_chosen_does_not_step_out,
        child_finds_its_parents_waiters_void,
        child_finds_a_guard_that_its_parent_holds_free,
        wait_that_began_before_a_fork_is_void_unless_it_was_chosen,
        all_of_a_batch_may_go_before_any_is_woken,
        batch_that_is_full_is_woken_and_goes_on,
    };

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, waiters_go_back_to_where_their_tickets_say,
                        0, 6);
}
