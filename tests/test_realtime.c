/*
 * Threads with real-time priorities (SCHED_FIFO) on one CPU: who has
 * the highest priority does not wait for a thread that cannot run.  The
 * posix port does not promise it.
 *
 * A busy thread of medium priority keeps those of lower priority from
 * running.  What is asserted is an order of events, never a time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOW = 10, MEDIUM = 20, TOP = 30 };

/*
 * How long before the deadline a test begins, and is busy after it.  If all is
 * in its place too late, the test begins again, and earlier.
 */
#define AHEAD (400 * MS)
#define BUSY (700 * MS)

static int set_priority(pthread_t thread, int priority)
{
    struct sched_param param = { .sched_priority = priority };

    return pthread_setschedparam(thread, SCHED_FIFO, &param);
}

/* On a machine that is too slow the worker may have ended before. */
static void give_priority(const worker_t *worker, int priority)
{
    int result = set_priority(worker->thread, priority);

    ck_assert(result == 0 || (result == ESRCH && worker_done(worker)));
}

/* Whether these tests can run here; threads started later stay on one CPU. */
static bool can_run(void)
{
    struct sched_param none = { .sched_priority = 0 };

    if (set_priority(pthread_self(), LOW) != 0) {
        printf("# skipped: no right to use SCHED_FIFO\n");
        return false;
    }
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &none);
    if (!pin_to(0)) {
        printf("# skipped: cannot stay on one CPU\n");
        return false;
    }
    return true;
}

static int64_t stay_busy_until(int64_t end)
{
    int64_t now;

    do
        now = ppt_now();
    while (now < end);
    return now;
}

/*
 * The notified: a waiter of medium priority, which is busy when it has been
 * woken, one of top priority with a deadline, and who wakes them both.
 */
struct broadcast {
    pair_t pair;
    waiter_t first;
    waiter_t timed;
    int64_t busy_until;
    int64_t began; /* the waker had its priority */
    int64_t ended; /* the first has stopped being busy */
};

static void wait_and_be_busy(void *arg)
{
    struct broadcast *broadcast = arg;

    waiter_run(&broadcast->first);
    broadcast->ended = stay_busy_until(broadcast->busy_until);
}

static void wake_all_with_low_priority(void *arg)
{
    struct broadcast *broadcast = arg;

    set_priority(pthread_self(), LOW);
    broadcast->began = ppt_now();
    broadcast->pair.kind->broadcast(&broadcast->pair);
}

static void queue_both(struct broadcast *broadcast, int64_t deadline)
{
    waiter_t *first = &broadcast->first;

    first->pair = &broadcast->pair;
    first->deadline = PPT_FOREVER;
    worker_start(&first->worker, wait_and_be_busy, broadcast);
    await(pair_waiting(&broadcast->pair) == 1
          && worker_asleep(&first->worker));
    give_priority(&first->worker, MEDIUM);
    waiter_start(&broadcast->timed, &broadcast->pair, deadline);
    await(worker_asleep(&broadcast->timed.worker)
          || worker_done(&broadcast->timed.worker));
    give_priority(&broadcast->timed.worker, TOP);
}

/* False where the machine was too slow to have all in place in time. */
static bool notified_waiter_returned_first(const kind_t *kind, int64_t ahead)
{
    struct broadcast broadcast;
    int64_t deadline = ppt_deadline(ahead);
    worker_t waker;

    memset(&broadcast, 0, sizeof broadcast);
    broadcast.busy_until = deadline + BUSY;
    pair_init(&broadcast.pair, kind);
    queue_both(&broadcast, deadline);
    worker_start(&waker, wake_all_with_low_priority, &broadcast);
    worker_join(&waker);
    worker_join(&broadcast.first.worker);
    worker_join(&broadcast.timed.worker);
    pair_destroy(&broadcast.pair);
    if (broadcast.began >= deadline - ahead / 4)
        return false;
    ck_assert_int_eq(broadcast.first.result, 0);
    ck_assert_int_eq(broadcast.timed.result, 0);
    ck_assert_int_eq(broadcast.timed.unlocked, 0);
    ck_assert_int_lt(broadcast.timed.returned, broadcast.ended);
    return true;
}

/*
 * The loop's variable is the kind.
 * Proves ppt_cond_t Real time.
 */
START_TEST(notified_waiter_does_not_wait_for_a_preempted_signaller)
{
    int64_t ahead = AHEAD;

    if (!can_run())
        return;
    while (!notified_waiter_returned_first(kinds[_i], ahead))
        ahead *= 2;
}
END_TEST

/*
 * A lock that has been released to a waiter of low priority, which cannot
 * run, and one of top priority behind it.
 */
struct release {
    ppt_lock_t lock;
    int64_t deadline;
    int64_t busy_until;
    int64_t released;
    int64_t ended;
};

typedef struct taker {
    worker_t worker;
    struct release *release;
    int64_t deadline;
    int result;
    int64_t returned;
} taker_t;

static void take(void *arg)
{
    taker_t *taker = arg;

    taker->result = ppt_lock_acquire(&taker->release->lock, taker->deadline);
    taker->returned = ppt_now();
    if (taker->result == 0)
        ppt_lock_release(&taker->release->lock);
}

static void queue_taker(taker_t *taker, struct release *release,
                        int64_t deadline, int priority)
{
    unsigned before = ppt_lock_waiting(&release->lock);

    *taker = (taker_t){ .release = release, .deadline = deadline };
    worker_start(&taker->worker, take, taker);
    await((ppt_lock_waiting(&release->lock) > before
           && worker_asleep(&taker->worker)) || worker_done(&taker->worker));
    give_priority(&taker->worker, priority);
}

static void release_and_be_busy(void *arg)
{
    struct release *release = arg;

    set_priority(pthread_self(), MEDIUM);
    release->released = ppt_now();
    ppt_lock_release(&release->lock);
    release->ended = stay_busy_until(release->busy_until);
}

static bool queued_waiter_took_a_free_lock(int64_t ahead)
{
    struct release release = { .deadline = ppt_deadline(ahead) };
    taker_t low, top;
    worker_t releaser;

    release.busy_until = release.deadline + BUSY;
    ck_assert_int_eq(ppt_lock_acquire(&release.lock, PPT_FOREVER), 0);
    queue_taker(&low, &release, PPT_FOREVER, LOW);
    queue_taker(&top, &release, release.deadline, TOP);
    worker_start(&releaser, release_and_be_busy, &release);
    worker_join(&releaser);
    worker_join(&low.worker);
    worker_join(&top.worker);
    ck_assert_int_eq(ppt_lock_destroy(&release.lock), 0);
    if (release.released > release.deadline - ahead / 4)
        return false;
    ck_assert_int_eq(low.result, 0);
    ck_assert_int_eq(top.result, 0);
    ck_assert_int_lt(top.returned, release.ended);
    return true;
}

/* Proves ppt_lock_t Real time, lock.c L6. */
START_TEST(free_lock_is_taken_at_the_deadline_at_the_latest)
{
    int64_t ahead = AHEAD;

    if (!can_run())
        return;
    while (!queued_waiter_took_a_free_lock(ahead))
        ahead *= 2;
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "realtime");

    if (strcmp(ppt_port(), "linux") != 0) {
        printf("# skipped: the posix port does not promise it\n");
        return;
    }
    tcase_add_loop_test(
        tcase, notified_waiter_does_not_wait_for_a_preempted_signaller, 0,
        KINDS);
    tcase_add_test(tcase, free_lock_is_taken_at_the_deadline_at_the_latest);
}
