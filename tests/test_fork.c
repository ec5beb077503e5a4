/*
 * Forks in the midst of a wait: from an interrupt callback, whose child goes
 * on with the wait, and while other threads wait, signal and time out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pyplusthread/barrier.h"
#include "pyplusthread/semaphore.h"

enum { GIVEN_UP = 77 };

/* Poll in a child, where nothing can be asserted, for a limited time. */
#define poll_for(what)                                                      \
    do {                                                                    \
        int64_t poll_limit = ppt_now() + LIMIT / 3;                         \
        while (!(what) && ppt_now() < poll_limit)                           \
            nap();                                                          \
    } while (0)

/*
 * A wait whose callback forks.  What the child makes of it ends up in
 * status, 0 if all was as it should be; the parent's wait is given up.
 */
typedef struct forker {
    worker_t worker;
    int calls;
    int stay;   /* while not 0, the callback does not fork */
    int answer; /* what the callback returns in the child */
    int status; /* the child's */
    pid_t parent;
    pair_t *pair;
    ppt_lock_t lock;
    ppt_barrier_t barrier;
    ppt_semaphore_t semaphore;
    int (*prepare)(struct forker *forker); /* in the child */
    int (*check)(struct forker *forker, int result);
    int (*wait)(struct forker *forker);
    int result; /* of the parent's wait */
    pthread_t helper;
} forker_t;

/* The child's second thread: wake the first when it waits again. */

static void *signal_in_child(void *arg)
{
    forker_t *forker = arg;

    poll_for(pair_waiting(forker->pair) == 1);
    forker->pair->kind->signal(forker->pair);
    return NULL;
}

static void *release_in_child(void *arg)
{
    forker_t *forker = arg;

    poll_for(ppt_lock_waiting(&forker->lock) == 1);
    ppt_lock_release(&forker->lock);
    return NULL;
}

static void *give_in_child(void *arg)
{
    forker_t *forker = arg;

    poll_for(ppt_semaphore_waiting(&forker->semaphore) == 1);
    ppt_semaphore_release(&forker->semaphore, /* 2, or it does not wait */
                          1 + ppt_semaphore_waiting(&forker->semaphore));
    return NULL;
}

static void *arrive_in_child(void *arg)
{
    forker_t *forker = arg;

    poll_for(ppt_barrier_n_waiting(&forker->barrier) == 1);
    ppt_barrier_wait(&forker->barrier, ppt_deadline(LIMIT / 3), NULL);
    return NULL;
}

static int start_helper(forker_t *forker, void *(*wake)(void *forker))
{
    if (forker->answer == 0) /* or the wait is given up */
        require(pthread_create(&forker->helper, NULL, wake, forker) == 0);
    return 0;
}

static int status_of(pid_t child)
{
    int status = -1;

    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int fork_in_callback(void *arg)
{
    forker_t *forker = arg;
    pid_t child;

    if (bump(&forker->calls) > 0)
        return GIVEN_UP;
    while (peek(&forker->stay))
        nap();
    child = fork();
    if (child == 0) {
        alarm((unsigned)(LIMIT / SECOND));
        if (forker->prepare(forker) != 0)
            _exit(EXIT_FAILURE);
        return forker->answer;
    }
    forker->status = status_of(child);
    return GIVEN_UP;
}

static void wait_and_fork(void *arg)
{
    forker_t *forker = arg;
    int result = forker->wait(forker);

    if (getpid() != forker->parent)
        _exit(forker->check(forker, result));
    forker->result = result;
}

/* Start it, and have its callback called. */
static void forker_start(forker_t *forker)
{
    signals_install(0);
    forker->parent = getpid();
    forker->status = forker->result = -1;
    worker_start(&forker->worker, wait_and_fork, forker);
    await(worker_asleep(&forker->worker));
    interrupt_until(&forker->worker, peek(&forker->calls) >= 1);
}

static void forker_join(forker_t *forker, int result)
{
    worker_join(&forker->worker);
    ck_assert_int_eq(forker->status, 0);
    ck_assert_int_eq(forker->result, result);
}

/* A condition; the loop's variable is the kind */

static int wait_for_condition(forker_t *forker)
{
    pair_t *pair = forker->pair;
    int result;

    pair_lock(pair);
    result = pair->kind->wait_interruptible(pair, PPT_FOREVER,
                                            fork_in_callback, forker);
    if (pair_unlock(pair) != 0)
        return -1;
    return result;
}

/* As the header says: make new what the parent's threads used. */
static int renew_condition(forker_t *forker)
{
    pair_t *pair = forker->pair;

    ppt_cond_after_fork(&pair->condition->cond);
    ppt_lock_after_fork(&pair->locks->lock);
    return start_helper(forker, signal_in_child);
}

static int ck_condition_in_child(forker_t *forker, int result)
{
    pair_t *pair = forker->pair;

    require(result == forker->answer);
    if (forker->answer == 0)
        require(pthread_join(forker->helper, NULL) == 0);
    require(pair_waiting(pair) == 0);
    require(pair->kind->signal(pair) == 0);
    require(pair_lock(pair) == 0);
    require(pair->kind->wait(pair, ppt_deadline(MS)) == ETIMEDOUT);
    require(pair_unlock(pair) == 0);
    require(ppt_cond_destroy(&pair->condition->cond) == 0);
    return 0;
}

static void fork_in_the_callback_of_a_condition(int kind, int answer)
{
    waiter_t behind = { 0 };
    pair_t pair;
    forker_t forker = { .answer = answer, .stay = 1, .pair = &pair,
                        .prepare = renew_condition,
                        .check = ck_condition_in_child,
                        .wait = wait_for_condition };

    pair_init(&pair, kinds[kind]);
    forker_start(&forker);
    waiter_start(&behind, &pair, PPT_FOREVER);
    poke(&forker.stay, 0);
    forker_join(&forker, GIVEN_UP);
    ck_assert_int_eq(pair.kind->signal(&pair), 1);
    waiter_join(&behind, 0);
    pair_destroy(&pair);
}

/* Proves ppt_interrupt_fn Fork. */
START_TEST(child_of_a_callback_goes_on_waiting_for_the_condition)
{
    fork_in_the_callback_of_a_condition(_i, 0);
}
END_TEST

/* Proves ppt_interrupt_fn Fork. */
START_TEST(child_of_a_callback_may_give_up_waiting_for_the_condition)
{
    fork_in_the_callback_of_a_condition(_i, 55);
}
END_TEST

static int renew_what_was_signalled(forker_t *forker)
{
    ppt_cond_after_fork(&forker->pair->condition->cond);
    ppt_lock_after_fork(&forker->pair->locks->lock);
    return 0;
}

static int ck_signalled_in_child(forker_t *forker, int result)
{
    require(result == 0);
    require(pair_waiting(forker->pair) == 0);
    require(ppt_cond_destroy(&forker->pair->condition->cond) == 0);
    return 0;
}

/*
 * Given before the fork, the signal is the child's as well as the parent's.
 * Proves ppt_interrupt_fn Fork.
 */
START_TEST(child_of_a_callback_keeps_a_signal_that_was_given)
{
    static const int answers[] = { 0, 55 };
    int i;

    for (i = 0; i < LENGTH(answers); i++) {
        pair_t pair;
        forker_t forker = { .answer = answers[i], .stay = 1, .pair = &pair,
                            .prepare = renew_what_was_signalled,
                            .check = ck_signalled_in_child,
                            .wait = wait_for_condition };

        pair_init(&pair, kinds[_i]);
        forker_start(&forker);
        ck_assert_int_eq(pair.kind->signal(&pair), 1);
        poke(&forker.stay, 0);
        forker_join(&forker, 0);
        pair_destroy(&pair);
    }
}
END_TEST

/* A lock */

static int wait_for_lock(forker_t *forker)
{
    return ppt_lock_acquire_interruptible(&forker->lock, PPT_FOREVER,
                                          fork_in_callback, forker);
}

static int renew_lock(forker_t *forker)
{
    ppt_lock_after_fork(&forker->lock);
    require(ppt_lock_acquire(&forker->lock, PPT_TRY) == 0);
    return start_helper(forker, release_in_child);
}

static int ck_lock_in_child(forker_t *forker, int result)
{
    require(result == forker->answer);
    require(ppt_lock_locked(&forker->lock));
    require(ppt_lock_waiting(&forker->lock) == 0);
    require(ppt_lock_acquire(&forker->lock, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_lock_release(&forker->lock) == 0);
    require(ppt_lock_destroy(&forker->lock) == 0);
    return 0;
}

/*
 * The loop's variable is what the callback returns.
 * Proves ppt_interrupt_fn Fork.
 */
START_TEST(child_of_a_callback_goes_on_waiting_for_the_lock)
{
    forker_t forker = { .answer = _i, .prepare = renew_lock,
                        .check = ck_lock_in_child, .wait = wait_for_lock };

    ck_assert_int_eq(ppt_lock_acquire(&forker.lock, PPT_FOREVER), 0);
    forker_start(&forker);
    forker_join(&forker, GIVEN_UP);
    ck_assert_int_eq(ppt_lock_release(&forker.lock), 0);
    ck_assert_int_eq(ppt_lock_destroy(&forker.lock), 0);
}
END_TEST

/* A semaphore; with a call that makes it new, or as it is */

static int wait_for_unit(forker_t *forker)
{
    return ppt_semaphore_acquire_interruptible(
        &forker->semaphore, PPT_FOREVER, fork_in_callback, forker);
}

static int renew_semaphore(forker_t *forker)
{
    ppt_semaphore_after_fork(&forker->semaphore);
    return start_helper(forker, give_in_child);
}

static int keep_semaphore(forker_t *forker)
{
    return start_helper(forker, give_in_child);
}

static int ck_semaphore_in_child(forker_t *forker, int result)
{
    ppt_semaphore_t *semaphore = &forker->semaphore;

    require(result == forker->answer);
    if (forker->answer == 0)
        require(pthread_join(forker->helper, NULL) == 0);
    else
        require(ppt_semaphore_release(semaphore, 1) == 0);
    require(ppt_semaphore_waiting(semaphore) == 0);
    require(ppt_semaphore_value(semaphore) == 1);
    require(ppt_semaphore_acquire(semaphore, PPT_TRY) == 0);
    require(ppt_semaphore_acquire(semaphore, ppt_deadline(MS)) == ETIMEDOUT);
    require(ppt_semaphore_destroy(semaphore) == 0);
    return 0;
}

static void fork_in_the_callback_of_a_semaphore(
    int (*prepare)(forker_t *forker), int answer)
{
    forker_t forker = { .answer = answer, .prepare = prepare,
                        .check = ck_semaphore_in_child,
                        .wait = wait_for_unit };

    forker_start(&forker);
    forker_join(&forker, GIVEN_UP);
    ck_assert_uint_eq(ppt_semaphore_waiting(&forker.semaphore), 0);
    ck_assert_int_eq(ppt_semaphore_destroy(&forker.semaphore), 0);
}

/*
 * The loop's variable is what the callback returns.
 * Proves ppt_semaphore_t Fork, ppt_interrupt_fn Fork.
 */
START_TEST(child_of_a_callback_goes_on_waiting_for_the_semaphore)
{
    fork_in_the_callback_of_a_semaphore(renew_semaphore, _i);
    fork_in_the_callback_of_a_semaphore(keep_semaphore, _i);
}
END_TEST

/* A barrier */

static int wait_at_barrier(forker_t *forker)
{
    return ppt_barrier_wait_interruptible(&forker->barrier, PPT_FOREVER,
                                          NULL, fork_in_callback, forker);
}

static int renew_barrier(forker_t *forker)
{
    ppt_barrier_after_fork(&forker->barrier);
    return start_helper(forker, arrive_in_child);
}

static int ck_barrier_in_child(forker_t *forker, int result)
{
    require(result == forker->answer);
    require(ppt_barrier_n_waiting(&forker->barrier) == 0);
    require(!ppt_barrier_broken(&forker->barrier));
    if (forker->answer == 0)
        require(pthread_join(forker->helper, NULL) == 0);
    require(ppt_barrier_destroy(&forker->barrier) == 0);
    return 0;
}

/* Proves ppt_interrupt_fn Fork. */
START_TEST(child_of_a_callback_goes_on_waiting_at_the_barrier)
{
    forker_t forker = { .answer = _i, .prepare = renew_barrier,
                        .check = ck_barrier_in_child,
                        .wait = wait_at_barrier };

    ck_assert_int_eq(ppt_barrier_init(&forker.barrier, 2, NULL, NULL), 0);
    forker_start(&forker);
    forker_join(&forker, GIVEN_UP);
    ck_assert_int_eq(ppt_barrier_destroy(&forker.barrier), 0);
}
END_TEST

/* An action that forks: the parent's round is not the child's to release. */

typedef struct rounds {
    ppt_barrier_t barrier;
    pid_t parent;
    int status; /* the child's */
    int result; /* of the party that waits in the parent */
} rounds_t;

static int fork_in_action(void *arg)
{
    rounds_t *rounds = arg;
    pid_t child = fork();

    if (child == 0) {
        alarm((unsigned)(LIMIT / SECOND));
        ppt_barrier_after_fork(&rounds->barrier);
        return 0;
    }
    rounds->status = status_of(child);
    return 0;
}

static void arrive_first(void *arg)
{
    rounds_t *rounds = arg;

    rounds->result = ppt_barrier_wait(&rounds->barrier, PPT_FOREVER, NULL);
}

static int ck_after_action_in_child(rounds_t *rounds, int result)
{
    require(result == 0);
    require(ppt_barrier_n_waiting(&rounds->barrier) == 0);
    require(ppt_barrier_wait(&rounds->barrier, PPT_TRY, NULL) == ETIMEDOUT);
    require(ppt_barrier_destroy(&rounds->barrier) == 0);
    return 0;
}

/* Proves ppt_barrier_action_fn other. */
START_TEST(child_of_an_action_releases_nobody)
{
    rounds_t rounds = { .parent = getpid(), .status = -1, .result = -1 };
    worker_t worker;
    int result;

    ppt_barrier_init(&rounds.barrier, 2, fork_in_action, &rounds);
    worker_start(&worker, arrive_first, &rounds);
    await(ppt_barrier_n_waiting(&rounds.barrier) == 1);
    result = ppt_barrier_wait(&rounds.barrier, PPT_FOREVER, NULL);
    if (getpid() != rounds.parent)
        _exit(ck_after_action_in_child(&rounds, result));
    worker_join(&worker);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(rounds.status, 0);
    ck_assert_int_eq(rounds.result, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&rounds.barrier), 0);
}
END_TEST

/* The last party has arrived, and its action waits for the child to end. */
static int wait_for_the_fork(void *arg)
{
    forker_t *forker = arg;

    poke(&forker->stay, 0);
    poll_for(peek(&forker->status) != -1);
    return 0;
}

static int ck_orphan_in_child(forker_t *forker, int result)
{
    require(result == ECANCELED);
    require(ppt_barrier_destroy(&forker->barrier) == 0);
    return 0;
}

/* Proves ppt_interrupt_fn Fork. */
START_TEST(child_of_a_callback_is_not_told_of_a_round_that_the_parent_ends)
{
    forker_t forker = {
        .wait = wait_at_barrier, .prepare = renew_barrier,
        .check = ck_orphan_in_child, .stay = 1, .answer = GIVEN_UP,
    };

    ppt_barrier_init(&forker.barrier, 2, wait_for_the_fork, &forker);
    forker_start(&forker);
    ck_assert_int_eq(ppt_barrier_wait(&forker.barrier, PPT_FOREVER, NULL), 0);
    forker_join(&forker, 0);
    ck_assert_int_eq(ppt_barrier_destroy(&forker.barrier), 0);
}
END_TEST

/* In steps: a fork between two steps */

struct steps {
    ppt_cond_t cond;
    ppt_waiter_t waiter;
    bool renews; /* calls ppt_cond_after_fork */
};

static void *signal_steps(void *arg)
{
    struct steps *steps = arg;

    poll_for(ppt_cond_waiting(&steps->cond) == 1);
    ppt_cond_signal(&steps->cond);
    return NULL;
}

static void renew_steps(struct steps *steps)
{
    if (steps->renews)
        ppt_cond_after_fork(&steps->cond);
}

static int sleep_on_in_child(void *arg)
{
    struct steps *steps = arg;
    pthread_t thread;

    renew_steps(steps);
    require(pthread_create(&thread, NULL, signal_steps, steps) == 0);
    require(ppt_cond_sleep(&steps->cond, &steps->waiter, PPT_FOREVER) == 0);
    require(pthread_join(thread, NULL) == 0);
    require(ppt_cond_waiting(&steps->cond) == 0);
    require(ppt_cond_destroy(&steps->cond) == 0);
    return 0;
}

static int time_out_in_child(void *arg)
{
    struct steps *steps = arg;

    renew_steps(steps);
    require(ppt_cond_sleep(&steps->cond, &steps->waiter, ppt_deadline(MS))
            == ETIMEDOUT);
    require(ppt_cond_waiting(&steps->cond) == 0);
    require(ppt_cond_signal(&steps->cond) == 0);
    require(ppt_cond_destroy(&steps->cond) == 0);
    return 0;
}

static int cancel_in_child(void *arg)
{
    struct steps *steps = arg;

    renew_steps(steps);
    require(ppt_cond_cancel(&steps->cond, &steps->waiter) == 0);
    require(ppt_cond_waiting(&steps->cond) == 0);
    require(ppt_cond_signal(&steps->cond) == 0);
    require(ppt_cond_destroy(&steps->cond) == 0);
    return 0;
}

/* The loop's variable: whether the child calls ppt_cond_after_fork. */
static void enqueue_two(struct steps *steps, ppt_waiter_t *front,
                        bool renews)
{
    ppt_cond_init(&steps->cond);
    steps->renews = renews;
    ppt_cond_enqueue(&steps->cond, front);
    ppt_cond_enqueue(&steps->cond, &steps->waiter);
}

static void fork_between_steps(int (*check)(void *arg), bool renews)
{
    struct steps steps;
    ppt_waiter_t front;

    enqueue_two(&steps, &front, renews);
    ck_assert_int_eq(in_child(check, &steps), 0);
    ck_assert_uint_eq(ppt_cond_waiting(&steps.cond), 2);
    ck_assert_int_eq(ppt_cond_cancel(&steps.cond, &front), 0);
    ck_assert_int_eq(ppt_cond_signal(&steps.cond), 1);
    ck_assert_int_eq(ppt_cond_sleep(&steps.cond, &steps.waiter, PPT_FOREVER),
                     0);
    ck_assert_int_eq(ppt_cond_destroy(&steps.cond), 0);
}

START_TEST(child_may_sleep_on_after_a_fork_between_steps)
{
    fork_between_steps(sleep_on_in_child, _i);
}
END_TEST

START_TEST(child_may_time_out_after_a_fork_between_steps)
{
    fork_between_steps(time_out_in_child, _i);
}
END_TEST

START_TEST(child_may_cancel_after_a_fork_between_steps)
{
    fork_between_steps(cancel_in_child, _i);
}
END_TEST

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

/* The same of a barrier, where the parent's thread has arrived, or acts */

struct meeting {
    ppt_barrier_t barrier;
    int acts;
    int stay;
};

static int stay_in_action(void *arg)
{
    struct meeting *meeting = arg;

    poke(&meeting->acts, 1);
    while (peek(&meeting->stay))
        nap();
    return 0;
}

static void arrive(void *arg)
{
    struct meeting *meeting = arg;

    ppt_barrier_wait(&meeting->barrier, PPT_FOREVER, NULL);
}

static void *meet_in_child(void *arg)
{
    struct meeting *meeting = arg;

    return (void *)(intptr_t)ppt_barrier_wait(
        &meeting->barrier, ppt_deadline(LIMIT / 3), NULL);
}

static int use_barrier_in_child(void *arg)
{
    struct meeting *meeting = arg;
    void *result = NULL;
    pthread_t thread;

    poke(&meeting->stay, 0);
    require(ppt_barrier_n_waiting(&meeting->barrier) == 0);
    require(pthread_create(&thread, NULL, meet_in_child, meeting) == 0);
    require(meet_in_child(meeting) == NULL);
    require(pthread_join(thread, &result) == 0 && result == NULL);
    require(ppt_barrier_destroy(&meeting->barrier) == 0);
    return 0;
}

/* Proves ppt_barrier_t Fork, barrier.c B7. */
START_TEST(round_of_the_parent_is_void_in_the_child)
{
    struct meeting meeting = { .stay = _i };
    worker_t workers[2];
    int i;

    ppt_barrier_init(&meeting.barrier, 2, stay_in_action, &meeting);
    worker_start(&workers[0], arrive, &meeting);
    await(ppt_barrier_n_waiting(&meeting.barrier) == 1);
    if (_i == 1) {
        worker_start(&workers[1], arrive, &meeting);
        await(peek(&meeting.acts));
    }
    ck_assert_int_eq(in_child(use_barrier_in_child, &meeting), 0);
    poke(&meeting.stay, 0);
    if (_i == 0)
        worker_start(&workers[1], arrive, &meeting);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(ppt_barrier_destroy(&meeting.barrier), 0);
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
    const TTest *const callbacks[] = {
        child_of_a_callback_goes_on_waiting_for_the_condition,
        child_of_a_callback_may_give_up_waiting_for_the_condition,
        child_of_a_callback_keeps_a_signal_that_was_given,
    };
    const TTest *const steps[] = {
        child_may_sleep_on_after_a_fork_between_steps,
        child_may_time_out_after_a_fork_between_steps,
        child_may_cancel_after_a_fork_between_steps,
    };
    TCase *alone = add_case(suite, "fork, no thread in the child");
    TCase *tcase = add_case(suite, "fork");
    int i;

    for (i = 1; i < LENGTH(steps); i++)
        tcase_add_loop_test(alone, steps[i], 0, 2);
    tcase_set_tags(tcase, "child_threads");
    tcase_add_loop_test(tcase, steps[0], 0, 2);
    for (i = 0; i < LENGTH(callbacks); i++) /* kinds[0] has its own */
        tcase_add_loop_test(tcase, callbacks[i], 1, KINDS_INTERRUPTIBLE);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_for_the_lock, 0, 1);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_for_the_lock, 55, 56);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_for_the_semaphore, 0, 1);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_for_the_semaphore, 55, 56);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_at_the_barrier, 0, 1);
    tcase_add_loop_test(
        tcase, child_of_a_callback_goes_on_waiting_at_the_barrier, 55, 56);
    tcase_add_test(tcase, child_of_an_action_releases_nobody);
    tcase_add_test(
        tcase, child_of_a_callback_is_not_told_of_a_round_that_the_parent_ends);
    tcase_add_loop_test(tcase, parents_waiters_are_void_in_the_child, 0,
                        KINDS);
    tcase_add_loop_test(tcase, round_of_the_parent_is_void_in_the_child, 0,
                        2);
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
