/*
 * No public call allocates, in a thread's first call or in a later one.
 *
 * A dynamic linker may give a thread the thread-local variables of a library
 * that was opened at run time only when it uses them.  So each thread here
 * makes few calls.  That all public calls are made is checked by symbols.py.
 * Not counted: what the C library allocates to cancel a thread.
 *
 * SPDX-License-Identifier: MIT
 */
#include "actors.h"

#include <stdlib.h>

#include "allocator.h"

START_TEST(what_is_allocated_is_counted)
{
    long before = allocations();
    void *volatile block = malloc(1);

    free(block);
    ck_assert_int_eq(allocations() - before, 1);
}
END_TEST

/* time.h, version.h, waitq.h */

static void tell_time(stage_t *stage)
{
    wants(stage, true, CALL(ppt_now)() > 0);
    wants(stage, true, soon() > 0);
}

static void tell_version(stage_t *stage)
{
    wants(stage, true, CALL(ppt_version)() != NULL);
    wants(stage, true, CALL(ppt_port)() != NULL);
}

static void tell_waker(stage_t *stage)
{
    wants(stage, false, CALL(ppt_woken_remotely)());
}

START_TEST(no_question_allocates)
{
    static const part_fn parts[] = { tell_time, tell_version, tell_waker };

    play_alone(parts, LENGTH(parts));
}
END_TEST

/* lock.h */

static void use_lock(stage_t *stage)
{
    CALL(ppt_lock_init)(&stage->lock);
    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER));
    wants(stage, EBUSY, CALL(ppt_lock_acquire)(&stage->lock, PPT_TRY));
    wants(stage, true, CALL(ppt_lock_locked)(&stage->lock));
    wants(stage, 0u, CALL(ppt_lock_waiting)(&stage->lock));
    wants(stage, EBUSY, CALL(ppt_lock_destroy)(&stage->lock));
    wants(stage, 0, CALL(ppt_lock_release)(&stage->lock));
    CALL(ppt_lock_make_transient)(&stage->lock);
    CALL(ppt_lock_keep_after_fork)(&stage->lock);
    wants(stage, 0,
          CALL(ppt_lock_acquire_transient)(&stage->lock, PPT_TRY));
    CALL(ppt_lock_settle)(&stage->lock);
    CALL(ppt_lock_after_fork)(&stage->lock);
    wants(stage, 0, CALL(ppt_lock_destroy)(&stage->lock));
}

static void time_out_at_lock(stage_t *stage)
{
    ppt_waiter_t waiter;

    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_TRY));
    wants(stage, ETIMEDOUT, CALL(ppt_lock_acquire)(&stage->lock, soon()));
    wants(stage, ETIMEDOUT,
          CALL(ppt_lock_acquire_interruptible)(&stage->lock, soon(), go_on,
                                               NULL));
    wants(stage, ETIMEDOUT,
          CALL(ppt_lock_acquire_transient_interruptible)(
              &stage->lock, &waiter, soon(), go_on, NULL));
}

START_TEST(no_call_of_a_lock_that_is_not_contended_allocates)
{
    static const part_fn parts[] = { use_lock, time_out_at_lock };

    play_alone(parts, LENGTH(parts));
}
END_TEST

static void pass_lock(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_lock_acquire)(&stage->lock, PPT_FOREVER));
    wants(stage, 0, CALL(ppt_lock_release)(&stage->lock));
}

static void pass_lock_interruptibly(stage_t *stage)
{
    wants(stage, 0,
          CALL(ppt_lock_acquire_interruptible)(&stage->lock, PPT_FOREVER,
                                               go_on, NULL));
    wants(stage, 0, CALL(ppt_lock_release)(&stage->lock));
}

static void release_lock(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_lock_release)(&stage->lock));
}

START_TEST(no_call_of_a_contended_lock_allocates)
{
    stage_t stage = STAGE;
    actor_t waiting[3], releasing;
    int i;

    signals_install(0);
    CALL(ppt_lock_acquire)(&stage.lock, PPT_TRY);
    start_and_sleep(&waiting[0], &stage, pass_lock);
    start_and_sleep(&waiting[1], &stage, pass_lock_interruptibly);
    start_and_sleep(&waiting[2], &stage, pass_lock);
    interrupt_until(&waiting[1].worker, signals_handled() > 3);
    start(&releasing, &stage, release_lock);
    join(&releasing);
    for (i = 0; i < LENGTH(waiting); i++)
        join(&waiting[i]);
}
END_TEST

/* barrier.h */

static int act_for_all(void *arg)
{
    (void)arg;
    return 0;
}

static void use_barrier(stage_t *stage)
{
    ppt_barrier_t *barrier = &stage->barrier;

    wants(stage, 0, CALL(ppt_barrier_init)(barrier, 1, act_for_all, NULL));
    wants(stage, 0, CALL(ppt_barrier_wait)(barrier, PPT_FOREVER, NULL));
    wants(stage, 1u, CALL(ppt_barrier_parties)(barrier));
    wants(stage, 0u, CALL(ppt_barrier_n_waiting)(barrier));
    CALL(ppt_barrier_abort)(barrier);
    wants(stage, true, CALL(ppt_barrier_broken)(barrier));
    CALL(ppt_barrier_after_fork)(barrier);
    wants(stage, 0, CALL(ppt_barrier_destroy)(barrier));
}

static void time_out_at_barrier(stage_t *stage)
{
    ppt_waiter_t waiter;

    wants(stage, ETIMEDOUT,
          CALL(ppt_barrier_wait)(&stage->barrier, soon(), NULL));
    CALL(ppt_barrier_reset)(&stage->barrier);
    wants(stage, ETIMEDOUT,
          CALL(ppt_barrier_wait_interruptible)(&stage->barrier, soon(), NULL,
                                               go_on, NULL));
    CALL(ppt_barrier_reset)(&stage->barrier);
    wants(stage, ETIMEDOUT,
          CALL(ppt_barrier_wait_with)(&stage->barrier, &waiter, soon(), NULL,
                                      go_on, NULL));
}

START_TEST(no_call_of_a_barrier_that_nobody_comes_to_allocates)
{
    static const part_fn parts[] = { use_barrier, time_out_at_barrier };

    play_alone(parts, LENGTH(parts));
}
END_TEST

static void meet(stage_t *stage)
{
    uint32_t index;

    wants(stage, 0,
          CALL(ppt_barrier_wait)(&stage->barrier, PPT_FOREVER, &index));
}

static void meet_interruptibly(stage_t *stage)
{
    wants(stage, 0,
          CALL(ppt_barrier_wait_interruptible)(&stage->barrier, PPT_FOREVER,
                                               NULL, go_on, NULL));
}

static void meet_in_vain(stage_t *stage)
{
    wants(stage, ECANCELED,
          CALL(ppt_barrier_wait)(&stage->barrier, PPT_FOREVER, NULL));
}

static void break_barrier(stage_t *stage)
{
    CALL(ppt_barrier_abort)(&stage->barrier);
}

static void reset_barrier(stage_t *stage)
{
    CALL(ppt_barrier_reset)(&stage->barrier);
}

START_TEST(no_call_of_a_barrier_allocates)
{
    static const part_fn parts[] = { meet, meet_interruptibly };
    static const part_fn in_vain[] = { meet_in_vain };

    play_with(meet, parts, LENGTH(parts));
    play_with(break_barrier, in_vain, LENGTH(in_vain));
    play_with(reset_barrier, in_vain, LENGTH(in_vain));
}
END_TEST

START_TEST(no_action_of_a_barrier_allocates)
{
    stage_t stage = STAGE;
    actor_t actors[3];
    int i;

    CALL(ppt_barrier_init)(&stage.barrier, LENGTH(actors), act_for_all, NULL);
    for (i = 0; i < LENGTH(actors); i++)
        start_and_sleep(&actors[i], &stage, meet);
    for (i = 0; i < LENGTH(actors); i++)
        join(&actors[i]);
}
END_TEST

/* gil.h */

static void use_gil(stage_t *stage)
{
    ppt_gil_stats_t stats;

    CALL(ppt_gil_init)(&stage->gil, 1);
    wants(stage, 0, CALL(ppt_gil_acquire)(&stage->gil, PPT_FOREVER));
    wants(stage, false, CALL(ppt_gil_yield)(&stage->gil));
    wants(stage, true, CALL(ppt_gil_locked)(&stage->gil));
    wants(stage, 0u, CALL(ppt_gil_waiting)(&stage->gil));
    CALL(ppt_gil_get_stats)(&stage->gil, &stats);
    wants(stage, 0, CALL(ppt_gil_release)(&stage->gil));
    CALL(ppt_gil_after_fork)(&stage->gil);
    wants(stage, 0, CALL(ppt_gil_destroy)(&stage->gil));
}

static void time_out_at_gil(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_gil_acquire)(&stage->gil, PPT_TRY));
    wants(stage, ETIMEDOUT, CALL(ppt_gil_acquire)(&stage->gil, soon()));
}

/* gilsched.h: a lock that is never held, by two threads in turn */

static void use_gilsched(stage_t *stage)
{
    static ppt_gilsched_t sched;
    static ppt_gilsched_thread_t me, other;
    ppt_gilsched_t fresh = PPT_GILSCHED_INITIALIZER;
    int64_t until;

    sched = fresh;
    CALL(ppt_gilsched_took)(&sched, &me);
    wants(stage, PPT_GILSCHED_SLEEP,
          CALL(ppt_gilsched_want)(&sched, &other, &until));
    CALL(ppt_gilsched_sleep)(&other, until);
    wants(stage, PPT_GILSCHED_ASK,
          CALL(ppt_gilsched_want)(&sched, &other, &until));
    CALL(ppt_gilsched_asked)(&sched);
    wants(stage, 0u, CALL(ppt_gilsched_waiting)(&sched));
    CALL(ppt_gilsched_wake)(CALL(ppt_gilsched_let_go)(&sched, &me));
    CALL(ppt_gilsched_detained)(&sched, &me);
    CALL(ppt_gilsched_back)(&sched, &me);
    CALL(ppt_gilsched_after_fork)(&sched);
}

/* The same for an interpreter whose threads yield. */
static void use_gilsched_that_yields(stage_t *stage)
{
    static ppt_gilsched_t sched = { .yields = true };
    static ppt_gilsched_thread_t me, other;
    int64_t until;

    CALL(ppt_gilsched_took)(&sched, &me);
    wants(stage, PPT_GILSCHED_ASK,
          CALL(ppt_gilsched_want)(&sched, &other, &until));
    CALL(ppt_gilsched_asked)(&sched);
    wants(stage, PPT_GILSCHED_SLEEP,
          CALL(ppt_gilsched_want)(&sched, &other, &until));
    CALL(ppt_gilsched_wake)(CALL(ppt_gilsched_yield)(&sched, &me, false));
    wants(stage, true, CALL(ppt_gilsched_may_overtake)(&sched, &me));
    CALL(ppt_gilsched_wake)(CALL(ppt_gilsched_give_up)(&sched, &other));
}

START_TEST(no_call_of_a_gil_that_is_not_contended_allocates)
{
    static const part_fn parts[] = { use_gil, time_out_at_gil,
                                     use_gilsched,
                                     use_gilsched_that_yields };

    play_alone(parts, LENGTH(parts));
}
END_TEST

/* With two others, so that each yield is for one that waits for its turn. */
static void compute(stage_t *stage)
{
    int i;

    CALL(ppt_gil_acquire)(&stage->gil, PPT_FOREVER);
    for (i = 0; i < 1000; i++)
        CALL(ppt_gil_yield)(&stage->gil);
    CALL(ppt_gil_release)(&stage->gil);
}

static void come_from_io(stage_t *stage)
{
    int i;

    for (i = 0; i < 100; i++) {
        CALL(ppt_gil_acquire)(&stage->gil, PPT_FOREVER);
        CALL(ppt_gil_release)(&stage->gil);
    }
}

START_TEST(no_call_of_a_contended_gil_allocates)
{
    static const part_fn parts[] = { compute, compute, come_from_io };
    stage_t stage = STAGE;
    actor_t actors[LENGTH(parts)];
    int i;

    CALL(ppt_gil_init)(&stage.gil, 10);
    CALL(ppt_gil_acquire)(&stage.gil, PPT_FOREVER);
    for (i = 0; i < LENGTH(parts); i++)
        start_and_sleep(&actors[i], &stage, parts[i]);
    CALL(ppt_gil_release)(&stage.gil);
    for (i = 0; i < LENGTH(parts); i++)
        join(&actors[i]);
}
END_TEST

/* semaphore.h */

static void use_semaphore(stage_t *stage)
{
    ppt_semaphore_t *semaphore = &stage->semaphore;

    wants(stage, 0, CALL(ppt_semaphore_init)(semaphore, 1));
    wants(stage, 0, CALL(ppt_semaphore_acquire)(semaphore, PPT_FOREVER));
    wants(stage, EBUSY, CALL(ppt_semaphore_acquire)(semaphore, PPT_TRY));
    wants(stage, 0u, CALL(ppt_semaphore_value)(semaphore));
    wants(stage, 0u, CALL(ppt_semaphore_waiting)(semaphore));
    wants(stage, 0, CALL(ppt_semaphore_release)(semaphore, 2));
    CALL(ppt_semaphore_after_fork)(semaphore);
    wants(stage, 0, CALL(ppt_semaphore_destroy)(semaphore));
}

static void time_out_at_semaphore(stage_t *stage)
{
    ppt_semaphore_t *semaphore = &stage->semaphore;

    wants(stage, ETIMEDOUT, CALL(ppt_semaphore_acquire)(semaphore, soon()));
    wants(stage, ETIMEDOUT,
          CALL(ppt_semaphore_acquire_interruptible)(semaphore, soon(), go_on,
                                                    NULL));
}

START_TEST(no_call_of_a_semaphore_that_is_not_contended_allocates)
{
    static const part_fn parts[] = { use_semaphore, time_out_at_semaphore };

    play_alone(parts, LENGTH(parts));
}
END_TEST

static void take_unit(stage_t *stage)
{
    wants(stage, 0,
          CALL(ppt_semaphore_acquire)(&stage->semaphore, PPT_FOREVER));
}

static void take_unit_interruptibly(stage_t *stage)
{
    wants(stage, 0,
          CALL(ppt_semaphore_acquire_interruptible)(
              &stage->semaphore, PPT_FOREVER, go_on, NULL));
}

static void release_units(stage_t *stage)
{
    wants(stage, 0, CALL(ppt_semaphore_release)(&stage->semaphore, 3));
}

START_TEST(no_call_of_a_contended_semaphore_allocates)
{
    stage_t stage = STAGE;
    actor_t waiting[3], releasing;
    int i;

    signals_install(0);
    start_and_sleep(&waiting[0], &stage, take_unit);
    start_and_sleep(&waiting[1], &stage, take_unit_interruptibly);
    start_and_sleep(&waiting[2], &stage, take_unit);
    interrupt_until(&waiting[1].worker, signals_handled() > 3);
    start(&releasing, &stage, release_units);
    join(&releasing);
    for (i = 0; i < LENGTH(waiting); i++)
        join(&waiting[i]);
}
END_TEST

/* once.h */

static void do_nothing(void *arg)
{
    (void)arg;
}

static void use_once(stage_t *stage)
{
    ppt_once_t *once = &stage->once;

    CALL(ppt_once_init)(once);
    CALL(ppt_once_run)(once, do_nothing, NULL);
    wants(stage, true, CALL(ppt_once_done)(once));
    CALL(ppt_once_after_fork)(once);
    wants(stage, 0, CALL(ppt_once_destroy)(once));
}

START_TEST(no_run_of_a_once_that_nobody_else_runs_allocates)
{
    static const part_fn parts[] = { use_once };

    play_alone(parts, LENGTH(parts));
}
END_TEST

static void run_once(stage_t *stage)
{
    CALL(ppt_once_run)(&stage->once, do_nothing, NULL);
    wants(stage, true, CALL(ppt_once_done)(&stage->once));
}

struct waited_for {
    stage_t stage;
    actor_t actor;
};

/* The routine: it ends when another thread waits for its end. */
static void have_it_waited_for(void *arg)
{
    struct waited_for *waited_for = arg;

    start_and_sleep(&waited_for->actor, &waited_for->stage, run_once);
}

START_TEST(no_wait_for_what_is_done_once_allocates)
{
    struct waited_for waited_for = { .stage = STAGE };

    CALL(ppt_once_run)(&waited_for.stage.once, have_it_waited_for,
                       &waited_for);
    join(&waited_for.actor);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "allocation");
    const TTest *const tests[] = {
        what_is_allocated_is_counted,
        no_question_allocates,
        no_call_of_a_lock_that_is_not_contended_allocates,
        no_call_of_a_contended_lock_allocates,
        no_call_of_a_barrier_that_nobody_comes_to_allocates,
        no_call_of_a_barrier_allocates,
        no_action_of_a_barrier_allocates,
        no_call_of_a_gil_that_is_not_contended_allocates,
        no_call_of_a_contended_gil_allocates,
        no_call_of_a_semaphore_that_is_not_contended_allocates,
        no_call_of_a_contended_semaphore_allocates,
        no_run_of_a_once_that_nobody_else_runs_allocates,
        no_wait_for_what_is_done_once_allocates,
    };

    add_list(tcase, tests, LENGTH(tests));
    add_cond_tests(tcase);
}
