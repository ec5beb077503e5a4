/* SPDX-License-Identifier: MIT */
/* The invariants of waitq.c and what waitq.h says; I6, I7: _places. */
#define _DEFAULT_SOURCE /* MAP_ANON */
#include "support.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "waitq_support.h"

enum { MANY = 8 };

static ppt__wake_list_t take(ppt_waitq_t *queue, int n)
{
    ppt__wake_list_t chain;

    ppt__waitq_guard(queue);
    chain = ppt__waitq_take(queue, n);
    ppt__waitq_unguard(queue);
    return chain;
}

static void ck_empty(ppt_waitq_t *queue)
{
    ck_present(queue, 0, 0);
    ck_assert_ptr_null(pop(queue));
    ck_assert_int_eq(ppt__waitq_drain(queue), 0);
}

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

/* The loop's variable is the place of the one that goes. */
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

/* I2 */

static void ck_no_post(ppt__waiter_t *waiter)
{
    ck_assert_int_eq(ppt__sem_wait(&waiter->sem, PPT_TRY, 0), ETIMEDOUT);
}

START_TEST(waiter_woken_before_it_slept_is_owed_no_post)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_ptr_eq(pop(&queue), &waiter);
    ppt__waiter_wake(&waiter, PPT__GRANT_NOTHING);
    ck_no_post(&waiter);
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_no_post(&waiter);
    ppt__waiter_end(&waiter);
}
END_TEST

START_TEST(wake_up_is_seen_whatever_the_deadline)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_now(), PPT_FOREVER };
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        ppt__wait_options_t options = { .deadline = deadlines[i] };
        ppt_waitq_t queue = { 0 };
        ppt__waiter_t waiter;

        enqueue(&queue, &waiter);
        ck_assert_int_eq(ppt__waiter_sleep(&waiter, 1, 0), ETIMEDOUT);
        ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
        ck_assert_int_eq(ppt__waiter_wait(&waiter, &queue, &options), 0);
        ck_no_post(&waiter);
        ppt__waiter_end(&waiter);
    }
}
END_TEST

START_TEST(what_the_waker_gives_arrives)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_uint_eq(waiter.grant, PPT__GRANT_NOTHING);
    pop(&queue)->result = 5;
    ppt__waiter_wake(&waiter, PPT__GRANT_LOCK);
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_assert_uint_eq(waiter.grant, PPT__GRANT_LOCK);
    ck_assert_int_eq(waiter.result, 5);
    ppt__waiter_restart(&waiter, false);
    ck_assert_uint_eq(waiter.grant, PPT__GRANT_NOTHING);
    ck_assert_int_eq(waiter.result, 0);
    ck_assert_uint_eq(state_of(&waiter), 0);
    ppt__waiter_end(&waiter);
}
END_TEST

/* A thread that waits, and what it saw */

typedef struct sitter {
    worker_t worker;
    ppt_waitq_t *queue;
    ppt__wait_options_t options;
    ppt__waiter_t *waiter;
    ppt__waiter_t memory;
    int result;
    int left_over; /* what waiting for one more post said */
    uint32_t grant;
    int64_t returned;
} sitter_t;

static void sit_down(void *arg)
{
    sitter_t *sitter = arg;

    sitter->result = ppt__waiter_wait(sitter->waiter, sitter->queue,
                                      &sitter->options);
    sitter->returned = ppt_now();
    sitter->left_over = ppt__sem_wait(&sitter->waiter->sem, PPT_TRY, 0);
    sitter->grant = sitter->waiter->grant;
    ppt__waiter_end(sitter->waiter);
}

/* Start one that is queued already, and see it asleep. */
static void start_queued(sitter_t *sitter)
{
    worker_start(&sitter->worker, sit_down, sitter);
    if (sitter->options.deadline == PPT_FOREVER)
        await(ppt__waiter_asleep(sitter->waiter)
              && worker_asleep(&sitter->worker));
}

static void start(sitter_t *sitter, ppt_waitq_t *queue,
                  ppt__wait_options_t options)
{
    sitter->queue = queue;
    sitter->options = options;
    sitter->waiter = &sitter->memory;
    enqueue(queue, sitter->waiter);
    start_queued(sitter);
}

static void join(sitter_t *sitter, int result)
{
    worker_join(&sitter->worker);
    ck_assert_int_eq(sitter->result, result);
    ck_assert_int_eq(sitter->left_over, ETIMEDOUT);
}

START_TEST(sleeping_waiter_gets_exactly_one_post)
{
    ppt_waitq_t queue = { 0 };
    sitter_t sitter;

    start(&sitter, &queue, ppt__no_options);
    ck_assert_ptr_eq(pop(&queue), sitter.waiter);
    ck_assert(!worker_done(&sitter.worker)); /* notified, not woken yet */
    ppt__waiter_wake(sitter.waiter, PPT__GRANT_TURN);
    join(&sitter, 0);
    ck_assert_uint_eq(sitter.grant, PPT__GRANT_TURN);
    ck_empty(&queue);
}
END_TEST

START_TEST(chain_wakes_all_of_it_and_nobody_else)
{
    ppt_waitq_t queue = { 0 };
    sitter_t sitters[MANY];
    int i;

    for (i = 0; i < MANY; i++)
        start(&sitters[i], &queue, ppt__no_options);
    ppt__wake_list_wake(take(&queue, MANY / 2), PPT__GRANT_TURN);
    for (i = 0; i < MANY / 2; i++) {
        join(&sitters[i], 0);
        ck_assert_uint_eq(sitters[i].grant, PPT__GRANT_TURN);
    }
    for (; i < MANY; i++)
        ck_assert(!worker_done(&sitters[i].worker));
    ppt__wake_list_wake(take(&queue, MANY), PPT__GRANT_NOTHING);
    for (i = MANY / 2; i < MANY; i++)
        join(&sitters[i], 0);
    ck_empty(&queue);
}
END_TEST

static ppt__waiter_t *page_map(void)
{
    void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE),
                      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);

    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
}

static void sit_down_and_unmap(void *arg)
{
    sitter_t *sitter = arg;

    sit_down(sitter);
    munmap(sitter->waiter, (size_t)sysconf(_SC_PAGESIZE));
}

START_TEST(waiters_memory_may_go_as_soon_as_it_has_returned)
{
    int round;

    for (round = 0; round < 300; round++) {
        ppt_waitq_t queue = { 0 };
        sitter_t sitters[3];
        int i;

        for (i = 0; i < LENGTH(sitters); i++) {
            sitters[i].queue = &queue;
            sitters[i].options = ppt__no_options;
            sitters[i].waiter = page_map();
            enqueue(&queue, sitters[i].waiter);
            worker_start(&sitters[i].worker, sit_down_and_unmap,
                         &sitters[i]);
        }
        if (round % 2 == 0)
            await(ppt__waiter_asleep(sitters[2].waiter));
        ppt__wake_list_wake(take(&queue, INT_MAX), PPT__GRANT_NOTHING);
        for (i = 0; i < LENGTH(sitters); i++)
            join(&sitters[i], 0);
    }
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

/* Moved waiters: notified in one queue, woken from another */

START_TEST(moved_waiter_cannot_leave_and_is_woken_from_its_new_queue)
{
    ppt__wait_options_t options = { .deadline = 1 };
    ppt_waitq_t from = { 0 }, to = { 0 };
    ppt__waiter_t other;
    sitter_t sitter = { .queue = &from, .options = options };

    sitter.waiter = &sitter.memory;
    enqueue(&from, sitter.waiter);
    enqueue(&to, &other);
    ck_assert_ptr_eq(pop(&from), sitter.waiter);
    ppt__waitq_guard(&to);
    ppt__waitq_push(&to, sitter.waiter);
    ppt__waitq_unguard(&to);
    start_queued(&sitter);
    await(ppt__waiter_asleep(sitter.waiter)
          && worker_asleep(&sitter.worker));
    ck_present(&to, 2, 2);
    ck_assert_ptr_eq(pop(&to), &other);
    ck_assert_ptr_eq(pop(&to), sitter.waiter);
    ppt__waiter_wake(sitter.waiter, PPT__GRANT_TURN);
    join(&sitter, 0);
    ck_empty(&from);
    ck_empty(&to);
}
END_TEST

/* How a wait ends */

START_TEST(timeout_is_never_early_and_leaves_the_queue)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_waitq_t queue = { 0 };
    int i;

    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);
        ppt__wait_options_t options = { .deadline = deadline };
        ppt__waiter_t waiter;

        enqueue(&queue, &waiter);
        ck_assert_int_eq(ppt__waiter_wait(&waiter, &queue, &options),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_present(&queue, 0, 0);
        ppt__waiter_end(&waiter);
    }
}
END_TEST

START_TEST(sleep_that_ends_without_a_wake_up_keeps_the_place)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;
    int i;

    enqueue(&queue, &waiter);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(ppt__waiter_sleep(&waiter, ppt_deadline(MS), 0),
                         ETIMEDOUT);
        ck_present(&queue, 1, 1);
    }
    ck_assert(ppt__waiter_cancel(&waiter, &queue));
    ppt__waiter_end(&waiter);
    ck_empty(&queue);
}
END_TEST

START_TEST(wait_that_ends_early_can_be_left_in_two_steps)
{
    ppt__wait_options_t options = { .deadline = 1 };
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ck_assert_int_eq(ppt__waiter_rest(&waiter, &options), ETIMEDOUT);
    ck_present(&queue, 1, 1);
    ck_assert(ppt__waiter_start_cancel(&waiter, &queue));
    ck_assert_int_eq(ppt__waitq_present(&queue), 0); /* guarded */
    ppt__waitq_finish_cancel(&queue);
    ck_empty(&queue);
    enqueue(&queue, &waiter);
    ck_assert_ptr_eq(pop(&queue), &waiter);
    ck_assert(!ppt__waiter_start_cancel(&waiter, &queue));
    ck_empty(&queue); /* not guarded */
}
END_TEST

static ppt__wait_options_t interruptible(interruption_t *seen)
{
    ppt__wait_options_t options = { PPT_FOREVER, PPT__INTERRUPTIBLE,
                             seen != NULL ? interrupted : NULL, seen };

    return options;
}

START_TEST(without_a_callback_a_handler_ends_the_wait_with_eintr)
{
    ppt_waitq_t queue = { 0 };
    sitter_t sitter;

    signals_install(_i);
    start(&sitter, &queue, interruptible(NULL));
    interrupt_until(&sitter.worker, worker_done(&sitter.worker));
    join(&sitter, EINTR);
    ck_empty(&queue);
}
END_TEST

START_TEST(callback_says_whether_to_keep_the_place)
{
    ppt_waitq_t queue = { 0 };
    interruption_t seen = { .answer = 0 };
    sitter_t sitter;

    signals_install(_i);
    start(&sitter, &queue, interruptible(&seen));
    interrupt_until(&sitter.worker, peek(&seen.calls) >= 3);
    ck_present(&queue, 1, 1);
    poke(&seen.answer, 77);
    interrupt_until(&sitter.worker, worker_done(&sitter.worker));
    join(&sitter, 77);
    ck_empty(&queue);
}
END_TEST

START_TEST(waiter_in_a_callback_is_not_asleep)
{
    ppt_waitq_t queue = { 0 };
    interruption_t seen = { .stay = 1 };
    sitter_t sitter;

    signals_install(_i);
    start(&sitter, &queue, interruptible(&seen));
    interrupt_until(&sitter.worker, peek(&seen.calls) == 1);
    ck_assert(!ppt__waiter_asleep(sitter.waiter));
    poke(&seen.stay, 0);
    await(ppt__waiter_asleep(sitter.waiter));
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    join(&sitter, 0);
}
END_TEST

START_TEST(wake_up_given_while_the_callback_runs_is_not_lost)
{
    ppt_waitq_t queue = { 0 };
    interruption_t seen = { .answer = 77, .stay = 1 };
    sitter_t sitter;

    signals_install(_i);
    start(&sitter, &queue, interruptible(&seen));
    interrupt_until(&sitter.worker, peek(&seen.calls) == 1);
    ck_assert_ptr_eq(pop(&queue), sitter.waiter);
    poke(&seen.stay, 0);
    ppt__waiter_wake(sitter.waiter, PPT__GRANT_NOTHING);
    join(&sitter, 0);
    ck_empty(&queue);
}
END_TEST

/* Early wakes */

typedef struct early {
    sitter_t sitter; /* what comes after that sleep, and when it ends */
    int64_t length;
    int64_t spun;
    int woken;
} early_t;

static void sleep_then_spin(void *arg)
{
    early_t *early = arg;
    ppt__waiter_t *waiter = early->sitter.waiter;

    poke(&early->woken, ppt__waiter_sleep_then_spin(waiter, early->length,
                                         &early->spun));
    if (peek(&early->woken))
        early->sitter.result = 0;
    else
        early->sitter.result = ppt__waiter_sleep(waiter, PPT_FOREVER, 0);
    early->sitter.left_over = ppt__sem_wait(&waiter->sem, PPT_TRY, 0);
    ppt__waiter_end(waiter);
}

static void start_early(early_t *early, ppt_waitq_t *queue, int64_t length)
{
    ppt__waiter_t *waiter = &early->sitter.memory;

    early->length = length;
    early->woken = -1;
    early->sitter.waiter = waiter;
    enqueue(queue, waiter);
    worker_start(&early->sitter.worker, sleep_then_spin, early);
    await(ppt__waiter_asleep(waiter) && worker_asleep(&early->sitter.worker));
}

static void hold(const worker_t *worker)
{
    signals_install(0);
    signals_hold();
    worker_interrupt(worker);
    await(signals_held() == 1);
}

START_TEST(sleep_that_nobody_ends_early_is_a_sleep)
{
    ppt_waitq_t queue = { 0 };
    early_t early;

    start_early(&early, &queue, LIMIT);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    join(&early.sitter, 0);
    ck_assert_int_eq(early.woken, true);
    ck_assert_int_eq(early.spun, -1);
}
END_TEST

START_TEST(waiter_woken_early_spins_until_it_is_woken)
{
    ppt_waitq_t queue = { 0 };
    early_t early;

    start_early(&early, &queue, LIMIT);
    ppt__waiter_wake_early(early.sitter.waiter);
    await(!ppt__waiter_asleep(early.sitter.waiter));
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    join(&early.sitter, 0);
    ck_assert_int_eq(early.woken, true);
    ck_assert_int_ge(early.spun, 0);
}
END_TEST

START_TEST(waiter_woken_too_early_sleeps_on)
{
    ppt_waitq_t queue = { 0 };
    early_t early;
    int i;

    start_early(&early, &queue, MS);
    for (i = 0; i < 3; i++) {
        /* The later ones come too late. */
        ppt__waiter_wake_early(early.sitter.waiter);
        await(peek(&early.woken) == 0);
        await(!(state_of(early.sitter.waiter) & PPT__WOKEN_EARLY));
        await(ppt__waiter_asleep(early.sitter.waiter)
              && worker_asleep(&early.sitter.worker));
        ck_assert(!worker_done(&early.sitter.worker));
    }
    ck_present(&queue, 1, 1);
    ck_assert_int_ge(early.spun, MS);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    join(&early.sitter, 0);
}
END_TEST

START_TEST(early_wake_of_a_waiter_that_is_awake_does_nothing)
{
    ppt_waitq_t queue = { 0 };
    ppt__waiter_t waiter;

    enqueue(&queue, &waiter);
    ppt__waiter_wake_early(&waiter);
    ck_no_post(&waiter);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    ck_no_post(&waiter);
}
END_TEST

START_TEST(early_wake_and_wake_up_before_the_waiter_runs_are_one_post)
{
    ppt_waitq_t queue = { 0 };
    early_t early;

    start_early(&early, &queue, MS);
    hold(&early.sitter.worker);
    ppt__waiter_wake_early(early.sitter.waiter);
    ppt__waiter_wake(pop(&queue), PPT__GRANT_NOTHING);
    signals_let_go();
    join(&early.sitter, 0);
}
END_TEST

/* As a waker that is preempted halfway through waking. */
START_TEST(waiter_woken_early_stays_until_its_waker_needs_it_no_more)
{
    ppt_waitq_t queue = { 0 };
    early_t early;
    ppt__waiter_t *waiter;
    int i;

    start_early(&early, &queue, MS);
    hold(&early.sitter.worker);
    ppt__waiter_wake_early(early.sitter.waiter);
    waiter = pop(&queue);
    if ((__atomic_fetch_or(&waiter->state, PPT__WOKEN, __ATOMIC_ACQ_REL)
         & (PPT__ASLEEP | PPT__WOKEN_EARLY)) == PPT__ASLEEP) {
        signals_let_go();
        for (i = 0; i < 100; i++)
            nap();
        ck_assert(!worker_done(&early.sitter.worker));
        ppt__sem_post(&waiter->sem);
    }
    signals_let_go();
    join(&early.sitter, 0);
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

/* AddressSanitizer looks on; others see a queue that never gets empty. */
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
    int64_t cpu_time;
};

static int64_t cpu_time(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * SECOND + used.tv_nsec;
}

static void guard_once(void *arg)
{
    struct guest *guest = arg;
    int64_t before = cpu_time();

    ppt__waitq_guard(&guest->queue);
    ppt__waitq_unguard(&guest->queue);
    guest->cpu_time = cpu_time() - before;
}

START_TEST(contended_guard_is_slept_for)
{
    struct guest guest = { .cpu_time = 0 };
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
    ck_assert_int_lt(guest.cpu_time, 100 * MS);
}
END_TEST

/* Spinning is a hint; but it must not go on in vain */

START_TEST(spin_is_advised_only_for_another_cpu)
{
    ppt_waitq_t queue = { 0 };

    ck_assert(ppt__spin_pays(&queue) == (ppt__cpu_count() > 1));
    ppt__spin_learn(&queue, false, false, false);
    ck_assert(!ppt__spin_pays(&queue));
    ppt__spin_learn(&queue, true, false, false);
    ck_assert(ppt__spin_pays(&queue) == (ppt__cpu_count() > 1));
}
END_TEST

START_TEST(where_a_queue_is_new_the_thread_goes_by_its_own_last_wait)
{
    ppt_waitq_t new = { 0 }, known = { 0 };

    ppt__spin_learn(&known, true, false, false);
    ppt__spin_note(false, false, false);
    ck_assert(!ppt__spin_pays(&new));
    ck_assert(ppt__spin_pays(&known) == (ppt__cpu_count() > 1));
    ppt__spin_note(true, false, false);
    ck_assert(ppt__spin_pays(&new) == (ppt__cpu_count() > 1));
}
END_TEST

START_TEST(waiter_notes_where_it_was_woken_from)
{
    ppt_waitq_t queue = { 0 }, new = { 0 };
    ppt__waiter_t waiter;

    ppt__spin_note(true, false, false);
    ppt__waiter_start(&waiter, false);
    waiter.cpu = ppt__cpu();
    ppt__waitq_push(&queue, &waiter);
    ppt__wake_list_wake(ppt__waitq_take(&queue, 1), PPT__GRANT_NOTHING);
    ck_assert_int_eq(ppt__waiter_sleep(&waiter, PPT_FOREVER, 0), 0);
    ck_assert(ppt__spin_pays(&new) == (waiter.remote && ppt__cpu_count() > 1));
    ppt__waiter_end(&waiter);
}
END_TEST

START_TEST(spins_in_vain_are_followed_by_a_break_and_a_probe)
{
    ppt_waitq_t queue = { 0 };
    int round;

    if (ppt__cpu_count() == 1)
        return;
    for (round = 0; round < 3; round++) {
        int spins = 0, skipped = 0;

        ppt__spin_done(&queue, true);
        while (ppt__spin_pays(&queue)) {
            ppt__spin_done(&queue, false);
            ck_assert_int_lt(++spins, 100);
        }
        while (!ppt__spin_pays(&queue))
            ck_assert_int_lt(++skipped, 1000);
        ck_assert_int_gt(skipped, spins);
        ppt__spin_done(&queue, false); /* the probe was in vain, too */
        ck_assert(!ppt__spin_pays(&queue));
    }
}
END_TEST

/* Times long past: the waits of other tests are not concerned. */
START_TEST(long_yield_is_followed_by_waits_without_any)
{
    int64_t lost = 3 * MS;
    int64_t back = 2 * lost;

    ck_assert(ppt__yield_pays(back));
    ck_assert(ppt__yield_done(0, 10 * US));
    ck_assert(ppt__yield_pays(10 * US));
    ck_assert(!ppt__yield_done(back - lost, back));
    ck_assert(!ppt__yield_pays(back));
    ck_assert(!ppt__yield_pays(back + 10 * lost));
    ck_assert(ppt__yield_pays(back + 100 * lost));
}
END_TEST

static void add_with_signals(TCase *tcase, const TTest *const *tests, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        tcase_add_loop_test(tcase, tests[i], 0, 1);
        tcase_add_loop_test(tcase, tests[i], SA_RESTART, SA_RESTART + 1);
    }
}

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
        waiter_woken_before_it_slept_is_owed_no_post,
        wake_up_is_seen_whatever_the_deadline,
        what_the_waker_gives_arrives,
        sleeping_waiter_gets_exactly_one_post,
        chain_wakes_all_of_it_and_nobody_else,
        waiters_memory_may_go_as_soon_as_it_has_returned,
        waker_and_waiter_agree_on_who_was_first,
        moved_waiter_cannot_leave_and_is_woken_from_its_new_queue,
        timeout_is_never_early_and_leaves_the_queue,
        sleep_that_ends_without_a_wake_up_keeps_the_place,
        wait_that_ends_early_can_be_left_in_two_steps,
        sleep_that_nobody_ends_early_is_a_sleep,
        waiter_woken_early_spins_until_it_is_woken,
        waiter_woken_too_early_sleeps_on,
        early_wake_of_a_waiter_that_is_awake_does_nothing,
        early_wake_and_wake_up_before_the_waiter_runs_are_one_post,
        waiter_woken_early_stays_until_its_waker_needs_it_no_more,
        drain_refuses_a_queue_with_waiters_and_changes_nothing,
        drain_waits_for_waiters_that_are_leaving,
        drained_queue_is_not_touched_any_more,
        guard_excludes,
        contended_guard_is_slept_for,
        spin_is_advised_only_for_another_cpu,
        where_a_queue_is_new_the_thread_goes_by_its_own_last_wait,
        waiter_notes_where_it_was_woken_from,
        spins_in_vain_are_followed_by_a_break_and_a_probe,
        long_yield_is_followed_by_waits_without_any,
    };
    const TTest *const with_signals[] = {
        without_a_callback_a_handler_ends_the_wait_with_eintr,
        callback_says_whether_to_keep_the_place,
        waiter_in_a_callback_is_not_asleep,
        wake_up_given_while_the_callback_runs_is_not_lost,
    };

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, leaving_keeps_the_order_of_the_others, 0,
                        MANY);
    add_with_signals(tcase, with_signals, LENGTH(with_signals));
}
