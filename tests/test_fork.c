/*
 * Forks in the midst of a wait for a condition, a lock or a semaphore: from an
 * interrupt callback, whose child goes on with the wait, and between two steps.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_kinds.h"
#include "forker.h"

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
}
