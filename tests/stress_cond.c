/*
 * Conditions of all kinds under everything at once: signals with and without
 * the lock, timeouts, interrupts, and an oracle that counts.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITERS = 8, SIGNALLERS = 2, THREADS = WAITERS + SIGNALLERS };

/* What all threads of one test share. */
struct stage {
    pair_t pair;
    uint64_t seed;
    int stop;
    int threads;   /* gives each its number */
    int given;     /* how many waits the signals ended */
    int taken;     /* how many waits returned 0 */
    int waits;
    int odd;       /* results that no wait may have, locks not held */
};

static void stage_init(struct stage *stage, const kind_t *kind)
{
    memset(stage, 0, sizeof *stage);
    stage->seed = seed();
    pair_init(&stage->pair, kind);
}

static dice_t my_dice(struct stage *stage)
{
    return dice(stage->seed, bump(&stage->threads));
}

static void add(int *sum, int number)
{
    __atomic_fetch_add(sum, number, __ATOMIC_RELAXED);
}

/* Some of them expired, most of them soon. */
static int64_t some_deadline(dice_t *dice)
{
    switch (roll(dice, 4)) {
    case 0:
        return PPT_FOREVER;
    case 1:
        return ppt_deadline(roll(dice, 20) * US);
    case 2:
        return ppt_deadline(roll(dice, 2000) * US);
    default:
        return ppt_deadline(roll(dice, 100) * US);
    }
}

static int sometimes_give_up(void *arg)
{
    return roll(arg, 3) == 0 ? ECANCELED : 0;
}

static int some_wait(pair_t *pair, dice_t *dice)
{
    const kind_t *kind = pair->kind;
    int64_t deadline = some_deadline(dice);

    if (kind->wait_interruptible == NULL || roll(dice, 2) == 0)
        return kind->wait(pair, deadline);
    return kind->wait_interruptible(
        pair, deadline, roll(dice, 2) == 0 ? NULL : sometimes_give_up, dice);
}

static bool expected(int result)
{
    return result == 0 || result == ETIMEDOUT || result == EINTR
           || result == ECANCELED;
}

/* Exactly one wait for each signal */

static void wait_and_count(void *arg)
{
    struct stage *stage = arg;
    dice_t dice = my_dice(stage);

    while (!peek(&stage->stop)) {
        int result;

        pair_lock(&stage->pair);
        result = some_wait(&stage->pair, &dice);
        if (pair_unlock(&stage->pair) != 0 || !expected(result))
            bump(&stage->odd);
        add(&stage->taken, result == 0);
        add(&stage->waits, 1);
    }
}

static int some_signal(pair_t *pair, dice_t *dice)
{
    switch (roll(dice, 8)) {
    case 0:
        return pair->kind->broadcast(pair);
    case 1:
        return pair->kind->signal_n(pair, (int)roll(dice, WAITERS));
    default:
        return pair->kind->signal(pair);
    }
}

static void signal_and_count(void *arg)
{
    struct stage *stage = arg;
    dice_t dice = my_dice(stage);

    while (!peek(&stage->stop)) {
        if (roll(&dice, 2) == 0) {
            add(&stage->given, some_signal(&stage->pair, &dice));
        } else {
            pair_lock(&stage->pair);
            add(&stage->given, some_signal(&stage->pair, &dice));
            pair_unlock(&stage->pair);
        }
        if (roll(&dice, 4) == 0)
            sched_yield();
        if (roll(&dice, 64) == 0)
            nap();
    }
}

static bool all_done(const worker_t *workers, int n)
{
    while (n > 0 && worker_done(&workers[n - 1]))
        n--;
    return n == 0;
}

/* Let all threads come to their end: those that wait for ever, too. */
static void finish(struct stage *stage, worker_t *workers, int n)
{
    int64_t limit = ppt_now() + LIMIT;
    int i;

    poke(&stage->stop, 1);
    while (!all_done(workers, n)) {
        ck_assert_msg(ppt_now() < limit, "a thread does not return");
        add(&stage->given, stage->pair.kind->broadcast(&stage->pair));
        nap();
    }
    for (i = 0; i < n; i++)
        worker_join(&workers[i]);
}

static void run_interrupting(struct stage *stage, const worker_t *workers)
{
    int64_t end = stress_end();
    dice_t dice = my_dice(stage);

    while (ppt_now() < end) {
        worker_interrupt(&workers[roll(&dice, WAITERS)]);
        if (roll(&dice, 8) == 0)
            nap();
        else
            sched_yield();
    }
}

/* Proves ppt_cond_t Exact. */
START_TEST(each_signal_ends_exactly_one_wait)
{
    worker_t workers[THREADS];
    struct stage stage;
    int i;

    signals_install(0);
    stage_init(&stage, kinds[_i]);
    for (i = 0; i < THREADS; i++)
        worker_start(&workers[i],
                     i < WAITERS ? wait_and_count : signal_and_count, &stage);
    run_interrupting(&stage, workers);
    finish(&stage, workers, THREADS);
    printf("# %d waits, %d signalled\n", stage.waits, stage.taken);
    ck_assert_int_eq(stage.odd, 0);
    if (stage.pair.kind->counts)
        ck_assert_int_eq(stage.given, stage.taken);
    ck_assert_uint_eq(pair_waiting(&stage.pair), 0);
    pair_destroy(&stage.pair);
}
END_TEST

/* First come, first served */

struct line {
    struct stage stage;
    int next_ticket; /* guarded by the lock, as is the ticket's place */
    int served;      /* the ticket that was served last */
    int answered;    /* how many were served */
};

static void queue_up(void *arg)
{
    struct line *line = arg;
    struct stage *stage = &line->stage;
    dice_t dice = my_dice(stage);

    while (!peek(&stage->stop)) {
        int ticket;

        pair_lock(&stage->pair);
        ticket = ++line->next_ticket;
        if ((stage->pair.kind->counts ? some_wait(&stage->pair, &dice)
                                      : stage->pair.kind->wait(
                                            &stage->pair, PPT_FOREVER)) == 0
            && !peek(&stage->stop)) {
            if (peek(&line->served) >= ticket)
                bump(&stage->odd);
            poke(&line->served, ticket);
            bump(&line->answered);
        }
        pair_unlock(&stage->pair);
    }
}

/* One at a time, so that the order in which they were notified shows. */
static int serve_one(struct line *line)
{
    pair_t *pair = &line->stage.pair;
    int notified, before = peek(&line->answered);
    bool somebody;

    pair_lock(pair);
    somebody = pair_waiting(pair) > 0;
    notified = pair->kind->signal(pair);
    if (!pair->kind->counts)
        notified = somebody; /* none of them has a deadline */
    pair_unlock(pair);
    if (notified > 0)
        await(peek(&line->answered) > before);
    return notified;
}

/* Proves ppt_cond_t Order. */
START_TEST(waits_end_in_the_order_in_which_they_began)
{
    int64_t end = stress_end();
    worker_t workers[WAITERS];
    struct line line = { 0 };
    int i, served = 0;

    signals_install(0);
    stage_init(&line.stage, kinds[_i]);
    for (i = 0; i < WAITERS; i++)
        worker_start(&workers[i], queue_up, &line);
    while (ppt_now() < end) {
        worker_interrupt(&workers[served % WAITERS]);
        served += serve_one(&line);
    }
    finish(&line.stage, workers, WAITERS);
    printf("# %d served of %d\n", served, line.next_ticket);
    ck_assert_int_eq(line.stage.odd, 0);
    ck_assert_int_eq(line.answered, served);
    pair_destroy(&line.stage.pair);
}
END_TEST

/* No wake-up is lost: a queue whose threads sleep without a limit */

enum { CAPACITY = 3, PRODUCERS = 4, CONSUMERS = 4 };

struct queue {
    struct stage stage; /* its pair is: an item came */
    pair_t room;        /* room came; the same lock */
    int items;          /* guarded by the lock, as is the rest */
    long produced;
    long consumed;
    int producing;      /* how many threads still are */
    bool timed;         /* some waits have a deadline */
};

static void queue_wait(struct queue *queue, pair_t *pair, dice_t *dice)
{
    if (queue->timed)
        some_wait(pair, dice);
    else
        pair->kind->wait(pair, PPT_FOREVER);
}

static void produce(void *arg)
{
    struct queue *queue = arg;
    pair_t *item = &queue->stage.pair;
    dice_t dice = my_dice(&queue->stage);

    do {
        pair_lock(item);
        while (queue->items == CAPACITY)
            queue_wait(queue, &queue->room, &dice);
        queue->items++;
        queue->produced++;
        item->kind->signal(item);
        pair_unlock(item);
    } while (!peek(&queue->stage.stop));
    pair_lock(item);
    if (--queue->producing == 0)
        item->kind->broadcast(item);
    pair_unlock(item);
}

static void consume(void *arg)
{
    struct queue *queue = arg;
    pair_t *item = &queue->stage.pair;
    dice_t dice = my_dice(&queue->stage);
    bool more = true;

    while (more) {
        pair_lock(item);
        while (queue->items == 0 && queue->producing > 0)
            queue_wait(queue, item, &dice);
        more = queue->items > 0;
        if (more) {
            queue->items--;
            queue->consumed++;
        }
        pair_unlock(item);
        if (more)
            item->kind->signal(&queue->room); /* without the lock */
    }
}

static void run_queue(const kind_t *kind, bool timed)
{
    int64_t end = stress_end();
    worker_t workers[PRODUCERS + CONSUMERS];
    struct queue queue = { .producing = PRODUCERS, .timed = timed };
    int i;

    signals_install(0);
    stage_init(&queue.stage, kind);
    pair_join(&queue.room, &queue.stage.pair);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], i < PRODUCERS ? produce : consume, &queue);
    while (ppt_now() < end)
        nap();
    poke(&queue.stage.stop, 1);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    printf("# %ld items\n", queue.produced);
    ck_assert_int_eq(queue.produced, queue.consumed);
    ck_assert_int_ge(queue.produced, PRODUCERS);
    pair_part(&queue.room);
    pair_destroy(&queue.stage.pair);
}

/* Proves ppt_cond_t Exact, cond.c C1. */
START_TEST(no_wake_up_is_lost)
{
    run_queue(kinds[_i], false);
}
END_TEST

/* Proves ppt_cond_t Exact. */
START_TEST(no_wake_up_is_lost_to_a_timeout)
{
    run_queue(kinds[_i], true);
}
END_TEST

/* The memory of a condition ends with a broadcast */

struct lives {
    struct stage stage;     /* only its lock is used */
    condition_t *condition; /* guarded by the lock */
};

static void wait_for_the_end(void *arg)
{
    struct lives *lives = arg;
    struct stage *stage = &lives->stage;
    dice_t dice = my_dice(stage);

    while (!peek(&stage->stop)) {
        pair_t pair = stage->pair;
        int result;

        pair_lock(&pair);
        pair.condition = lives->condition;
        result = some_wait(&pair, &dice);
        add(&stage->taken, result == 0);
        if (pair_unlock(&pair) != 0 || !expected(result))
            bump(&stage->odd);
    }
}

/* The next condition often gets the same address. */
static int end_one_life(struct lives *lives)
{
    pair_t pair = lives->stage.pair;
    int result;

    pair_lock(&pair);
    pair.condition = lives->condition;
    add(&lives->stage.given, pair.kind->broadcast(&pair));
    result = condition_free(pair.kind, pair.condition);
    if (result == 0)
        lives->condition = condition_new(pair.kind);
    pair_unlock(&pair);
    return result;
}

/* Proves cond.c C3. */
START_TEST(condition_may_be_freed_right_after_a_broadcast)
{
    int64_t end = stress_end();
    worker_t workers[WAITERS];
    struct lives lives = { 0 };
    int i;

    signals_install(0);
    signals_linger();
    stage_init(&lives.stage, kinds[_i]);
    lives.condition = condition_new(kinds[_i]);
    for (i = 0; i < WAITERS; i++)
        worker_start(&workers[i], wait_for_the_end, &lives);
    for (i = 0; ppt_now() < end; i++) {
        worker_interrupt(&workers[i % WAITERS]);
        await(kinds[_i]->waiting(lives.condition) > 0);
        ck_assert_int_eq(end_one_life(&lives), 0);
    }
    poke(&lives.stage.stop, 1);
    while (!all_done(workers, WAITERS)) {
        ck_assert_int_eq(end_one_life(&lives), 0);
        nap();
    }
    for (i = 0; i < WAITERS; i++)
        worker_join(&workers[i]);
    printf("# %d waits ended by a broadcast\n", lives.stage.taken);
    ck_assert_int_eq(lives.stage.odd, 0);
    if (kinds[_i]->counts)
        ck_assert_int_eq(lives.stage.given, lives.stage.taken);
    ck_assert_int_eq(condition_free(kinds[_i], lives.condition), 0);
    pair_destroy(&lives.stage.pair);
}
END_TEST

void add_tests(Suite *suite)
{
    int kind;

    for (kind = 0; kind < KINDS; kind++) {
        TCase *tcase = add_case(suite, kinds[kind]->name);

        tcase_add_loop_test(tcase, each_signal_ends_exactly_one_wait, kind,
                            kind + 1);
        tcase_add_loop_test(tcase, waits_end_in_the_order_in_which_they_began,
                            kind, kind + 1);
        tcase_add_loop_test(tcase, no_wake_up_is_lost, kind, kind + 1);
        tcase_add_loop_test(tcase, no_wake_up_is_lost_to_a_timeout, kind,
                            kind + 1);
        if (kind >= KINDS_FREED)
            tcase_add_loop_test(
                tcase, condition_may_be_freed_right_after_a_broadcast, kind,
                kind + 1);
    }
}
