/* SPDX-License-Identifier: MIT */
/* The promises of once.h. */
#include "support.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pyplusthread/once.h"

enum { MANY = 200 };

/* What is done once. */
typedef struct deed {
    ppt_once_t once;
    int begun;
    int stay;    /* while not 0, the routine does not return */
    int written; /* by the routine, and read after it */
} deed_t;

static void act(void *arg)
{
    deed_t *deed = arg;

    bump(&deed->begun);
    while (peek(&deed->stay))
        nap();
    deed->written++;
}

/* A thread that runs it, and what it saw. */
typedef struct runner {
    worker_t worker;
    deed_t *deed;
    ppt_once_fn routine; /* NULL: act */
    int written;
} runner_t;

static void run(void *arg)
{
    runner_t *runner = arg;
    deed_t *deed = runner->deed;

    ppt_once_run(&deed->once, runner->routine != NULL ? runner->routine : act,
                 deed);
    runner->written = deed->written;
}

static void start(runner_t *runner, deed_t *deed, ppt_once_fn routine)
{
    *runner = (runner_t){ .deed = deed, .routine = routine, .written = -1 };
    worker_start(&runner->worker, run, runner);
}

/* Start one while another runs its routine, and see that it waits. */
static void start_and_sleep(runner_t *runner, deed_t *deed)
{
    start(runner, deed, NULL);
    await(worker_asleep(&runner->worker));
    ck_assert(!worker_done(&runner->worker));
}

static void join(runner_t *runner)
{
    worker_join(&runner->worker);
    ck_assert_int_eq(runner->written, 1);
}

static void start_staying(runner_t *runner, deed_t *deed)
{
    poke(&deed->stay, 1);
    start(runner, deed, NULL);
    await(peek(&deed->begun) == 1);
}

static void ck_done(deed_t *deed)
{
    ck_assert(ppt_once_done(&deed->once));
    ppt_once_run(&deed->once, act, deed);
    ck_assert_int_eq(deed->written, 1);
    ck_assert_int_eq(ppt_once_destroy(&deed->once), 0);
}

/* Alone */

static void ck_new(ppt_once_t *once)
{
    deed_t deed = { .written = 0 };

    ck_assert(!ppt_once_done(once));
    ppt_once_run(once, act, &deed);
    ck_assert(ppt_once_done(once));
    ppt_once_run(once, act, &deed);
    ck_assert_int_eq(deed.begun, 1);
    ck_assert_int_eq(ppt_once_destroy(once), 0);
}

/* Proves ppt_once_init, ppt_once_destroy 0. */
START_TEST(all_ways_to_make_one_make_a_new_one)
{
    static ppt_once_t in_static_memory;
    ppt_once_t once = PPT_ONCE_INITIALIZER;

    ck_new(&in_static_memory);
    ck_new(&once);
    ck_new(&once); /* destroyed, and usable as after init */
    memset(&once, 0xa5, sizeof once);
    ppt_once_init(&once);
    ck_new(&once);
}
END_TEST

/* Proves once.c O4. */
START_TEST(routine_is_run_once_and_with_its_argument)
{
    deed_t deed = { .written = 0 };
    int i;

    for (i = 0; i < 10; i++)
        ppt_once_run(&deed.once, act, &deed);
    ck_assert_int_eq(deed.begun, 1);
    ck_done(&deed);
}
END_TEST

/* Two */

/* Proves once.c O1. */
START_TEST(others_wait_until_the_routine_has_returned)
{
    deed_t deed = { .written = 0 };
    runner_t first, second;

    start_staying(&first, &deed);
    ck_assert(!ppt_once_done(&deed.once));
    start_and_sleep(&second, &deed);
    poke(&deed.stay, 0);
    join(&first);
    join(&second);
    ck_assert_int_eq(deed.begun, 1);
    ck_done(&deed);
}
END_TEST

/* Proves ppt_once_destroy EBUSY. */
START_TEST(destroy_while_the_routine_runs_is_busy_and_changes_nothing)
{
    deed_t deed = { .written = 0 };
    runner_t first, second;

    start_staying(&first, &deed);
    ck_assert_int_eq(ppt_once_destroy(&deed.once), EBUSY);
    start_and_sleep(&second, &deed);
    ck_assert_int_eq(ppt_once_destroy(&deed.once), EBUSY);
    poke(&deed.stay, 0);
    join(&first);
    join(&second);
    ck_assert_int_eq(deed.begun, 1);
    ck_done(&deed);
}
END_TEST

/* Proves once.c O2. */
START_TEST(handlers_and_cancellation_do_not_end_the_wait)
{
    deed_t deed = { .written = 0 };
    runner_t first, second;

    signals_install(0);
    start_staying(&first, &deed);
    start_and_sleep(&second, &deed);
    ck_assert_int_eq(pthread_cancel(second.worker.thread), 0);
    interrupt_until(&second.worker, signals_handled() >= 5);
    ck_assert(!worker_done(&second.worker));
    poke(&deed.stay, 0);
    join(&first);
    join(&second);
    ck_done(&deed);
}
END_TEST

/*
 * Seen without the guard by who polls, and by who runs it.
 * Proves ppt_once_run Orders, ppt_once_done Orders.
 */
START_TEST(what_the_routine_did_is_seen)
{
    int round;

    for (round = 0; round < 500; round++) {
        deed_t deed = { .written = 0 };
        runner_t first;

        start(&first, &deed, NULL);
        while (!ppt_once_done(&deed.once))
            sched_yield();
        ck_assert_int_eq(deed.written, 1);
        join(&first);
    }
}
END_TEST

/* Many */

/* Proves ppt_once_run Orders. */
START_TEST(two_hundred_threads_run_it_once)
{
    deed_t deed = { .stay = 1 };
    runner_t *runners = calloc(MANY, sizeof *runners);
    int i;

    ck_assert_ptr_nonnull(runners);
    for (i = 0; i < MANY; i++)
        start(&runners[i], &deed, NULL);
    for (i = 0; i < MANY; i++)
        if (i % 2 == 0)
            await(worker_asleep(&runners[i].worker));
    poke(&deed.stay, 0);
    for (i = 0; i < MANY; i++)
        join(&runners[i]);
    ck_assert_int_eq(deed.begun, 1);
    free(runners);
    ck_done(&deed);
}
END_TEST

/* Routines that are left; the loop's variable is the way */

enum { EXIT, CANCEL, WAYS };

static void leave(void *arg)
{
    deed_t *deed = arg;

    bump(&deed->begun);
    while (peek(&deed->stay)) {
        sched_yield();
        pthread_testcancel(); /* not in a call that ThreadSanitizer wraps */
    }
    pthread_exit(NULL);
}

static void start_leaver(runner_t *leaver, deed_t *deed)
{
    poke(&deed->stay, 1);
    start(leaver, deed, leave);
    await(peek(&deed->begun) == 1);
}

/* Have it leave. */
static void join_leaver(runner_t *leaver, int way)
{
    if (way == CANCEL)
        ck_assert_int_eq(pthread_cancel(leaver->worker.thread), 0);
    else
        poke(&leaver->deed->stay, 0);
    worker_join(&leaver->worker);
    ck_assert_int_eq(leaver->written, -1);
}

/* Proves once.c O5. */
START_TEST(routine_that_is_left_is_run_by_the_next)
{
    deed_t deed = { .written = 0 };
    runner_t leaver;

    start_leaver(&leaver, &deed);
    join_leaver(&leaver, _i);
    ck_assert(!ppt_once_done(&deed.once));
    poke(&deed.stay, 0);
    ppt_once_run(&deed.once, act, &deed);
    ck_assert_int_eq(deed.begun, 2);
    ck_done(&deed);
}
END_TEST

/* Proves ppt_once_destroy 0. */
START_TEST(once_may_end_when_the_routine_was_left)
{
    deed_t deed = { .written = 0 };
    runner_t leaver;

    start_leaver(&leaver, &deed);
    join_leaver(&leaver, _i);
    ck_assert_int_eq(ppt_once_destroy(&deed.once), 0);
}
END_TEST

/* Proves once.c O5. */
START_TEST(first_to_wait_runs_its_own_when_the_routine_is_left)
{
    deed_t deed = { .written = 0 };
    runner_t leaver, waiting[3];
    int i;

    start_leaver(&leaver, &deed);
    for (i = 0; i < LENGTH(waiting); i++)
        start_and_sleep(&waiting[i], &deed);
    join_leaver(&leaver, _i);
    poke(&deed.stay, 0);
    for (i = 0; i < LENGTH(waiting); i++)
        join(&waiting[i]);
    ck_assert_int_eq(deed.begun, 2);
    ck_done(&deed);
}
END_TEST

/*
 * Nobody else has a turn between the two.
 * Proves once.c O2.
 */
START_TEST(newcomer_waits_while_the_successor_runs)
{
    deed_t deed = { .written = 0 };
    runner_t leaver, successor, newcomer;

    start_leaver(&leaver, &deed);
    start_and_sleep(&successor, &deed);
    if (_i == CANCEL) { /* or the successor does not stay */
        join_leaver(&leaver, CANCEL);
        await(peek(&deed.begun) == 2);
        start_and_sleep(&newcomer, &deed);
        poke(&deed.stay, 0);
        join(&newcomer);
    } else {
        join_leaver(&leaver, EXIT);
    }
    join(&successor);
    ck_assert_int_eq(deed.begun, 2);
    ck_done(&deed);
}
END_TEST

/* Memory */

struct heir {
    ppt_once_t *once;
    int destroyed;
};

static void nothing(void *arg)
{
    (void)arg;
}

static void inherit(void *arg)
{
    struct heir *heir = arg;

    while (!ppt_once_done(heir->once))
        sched_yield();
    heir->destroyed = ppt_once_destroy(heir->once);
    memset(heir->once, 0xdd, sizeof *heir->once);
    free(heir->once);
}

/*
 * The one that ran the routine may still be inside run.
 * Proves ppt_once_destroy 0, once.c O3.
 */
START_TEST(memory_may_be_freed_by_who_finds_it_done)
{
    int round;

    for (round = 0; round < 500; round++) {
        struct heir heir = { calloc(1, sizeof(ppt_once_t)), -1 };
        worker_t worker;

        ck_assert_ptr_nonnull(heir.once);
        worker_start(&worker, inherit, &heir);
        ppt_once_run(heir.once, nothing, NULL);
        worker_join(&worker);
        ck_assert_int_eq(heir.destroyed, 0);
    }
}
END_TEST

/* Forks; the loop's variable: whether the child calls after_fork */

struct forked {
    deed_t deed;
    bool renews;
};

static int run_in_child(void *arg)
{
    struct forked *forked = arg;
    deed_t *deed = &forked->deed;

    poke(&deed->stay, 0);
    if (forked->renews)
        ppt_once_after_fork(&deed->once);
    require(!ppt_once_done(&deed->once));
    ppt_once_run(&deed->once, act, deed);
    require(deed->begun == 2 && deed->written == 1);
    ppt_once_run(&deed->once, act, deed);
    require(deed->begun == 2);
    require(ppt_once_destroy(&deed->once) == 0);
    return 0;
}

/* Proves ppt_once_t Fork, ppt_once_after_fork, once.c O1. */
START_TEST(run_of_the_parent_is_void_in_the_child)
{
    struct forked forked = { .renews = _i };
    deed_t *deed = &forked.deed;
    runner_t first, waiting;

    start_staying(&first, deed);
    start_and_sleep(&waiting, deed);
    ck_assert_int_eq(in_child(run_in_child, &forked), 0);
    ck_assert(!ppt_once_done(&deed->once));
    poke(&deed->stay, 0);
    join(&first);
    join(&waiting);
    ck_assert_int_eq(deed->begun, 1);
    ck_done(deed);
}
END_TEST

static int find_done_in_child(void *arg)
{
    struct forked *forked = arg;

    if (forked->renews)
        ppt_once_after_fork(&forked->deed.once);
    require(ppt_once_done(&forked->deed.once));
    ppt_once_run(&forked->deed.once, act, &forked->deed);
    require(forked->deed.begun == 1);
    return 0;
}

/* Proves ppt_once_t Fork, ppt_once_after_fork, once.c O4. */
START_TEST(what_is_done_stays_done_in_the_child)
{
    struct forked forked = { .renews = _i };

    ppt_once_run(&forked.deed.once, act, &forked.deed);
    ck_assert_int_eq(in_child(find_done_in_child, &forked), 0);
    ck_done(&forked.deed);
}
END_TEST

static int end_in_child(void *arg)
{
    ppt_once_t *once = arg;

    require(ppt_once_destroy(once) == 0);
    return 0;
}

/* Proves ppt_once_after_fork. */
START_TEST(child_may_end_what_the_parent_runs)
{
    deed_t deed = { .written = 0 };
    runner_t first;

    start_staying(&first, &deed);
    ck_assert_int_eq(in_child(end_in_child, &deed.once), 0);
    poke(&deed.stay, 0);
    join(&first);
    ck_done(&deed);
}
END_TEST

/* A routine that forks: what its child does before it returns there. */
enum { RETURNS, BEGINS_ANOTHER, RENEWS, CHILDREN };

typedef struct forker {
    ppt_once_t once;
    pid_t parent;
    int child; /* one of the above */
    int calls;
    int status;
} forker_t;

static void count_call(void *arg)
{
    ((forker_t *)arg)->calls++;
}

static void fork_in_routine(void *arg)
{
    forker_t *forker = arg;
    pid_t child = fork();

    forker->calls++;
    if (child > 0) {
        waitpid(child, &forker->status, 0);
        return;
    }
    alarm((unsigned)(LIMIT / SECOND));
    if (forker->child == BEGINS_ANOTHER)
        ppt_once_run(&forker->once, count_call, forker);
    if (forker->child == RENEWS)
        ppt_once_after_fork(&forker->once);
}

static int ck_in_child(forker_t *forker)
{
    require(ppt_once_done(&forker->once) == (forker->child != RENEWS));
    ppt_once_run(&forker->once, count_call, forker);
    require(forker->calls == (forker->child == RETURNS ? 1 : 2));
    require(ppt_once_destroy(&forker->once) == 0);
    return 0;
}

/* Proves ppt_once_t Fork. */
START_TEST(routine_may_fork)
{
    forker_t forker = { .parent = getpid(), .child = _i, .status = -1 };

    ppt_once_run(&forker.once, fork_in_routine, &forker);
    if (getpid() != forker.parent)
        _exit(ck_in_child(&forker));
    ck_assert_int_eq(forker.status, 0);
    ck_assert_int_eq(forker.calls, 1);
    ck_assert(ppt_once_done(&forker.once));
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_new_one,
        routine_is_run_once_and_with_its_argument,
        others_wait_until_the_routine_has_returned,
        destroy_while_the_routine_runs_is_busy_and_changes_nothing,
        what_the_routine_did_is_seen,
        two_hundred_threads_run_it_once,
        memory_may_be_freed_by_who_finds_it_done,
        child_may_end_what_the_parent_runs,
    };
    const TTest *const left[] = {
        routine_that_is_left_is_run_by_the_next,
        once_may_end_when_the_routine_was_left,
        first_to_wait_runs_its_own_when_the_routine_is_left,
        newcomer_waits_while_the_successor_runs,
    };
    TCase *tcase = add_case(suite, "once");
    TCase *cancelled = add_case(suite, "once, cancelled");
    int i;

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, run_of_the_parent_is_void_in_the_child, 0, 2);
    tcase_add_loop_test(tcase, what_is_done_stays_done_in_the_child, 0, 2);
    tcase_add_loop_test(tcase, routine_may_fork, 0, CHILDREN);
    tcase_add_test(cancelled, handlers_and_cancellation_do_not_end_the_wait);
    for (i = 0; i < LENGTH(left); i++)
        tcase_add_loop_test(cancelled, left[i], 0, WAYS);
    tcase_set_tags(cancelled, "cancellation");
}
