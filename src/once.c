/*
 * once.c - something that is done once.
 *
 * Idea
 *   A word that is read without the guard says whether it is done.  Threads
 *   wait only until then.  The thread that runs the routine notifies all of
 *   them at its end, or makes the first of them its successor.
 *
 * State                writer                             guard
 *   state: NEW, DONE   the thread that runs the routine   queue.guard; read
 *     RUNNING          the thread that is going to        without
 *   queue              see waitq.c
 *
 * Invariants
 *   O1  state is RUNNING from the step that selects a thread to run the
 *       routine to the step that tells the others.  The word has the
 *       generation (fork.c), too: a run of another generation was begun by the
 *       parent, and is void.
 *   O2  Waiters are queued only while state is RUNNING.  They do not leave.
 *       The step that ends RUNNING takes all of them out of the queue.
 *   O3  A waiter that was notified touches once only if it was granted the run.
 *   O4  DONE is set after the routine has returned, and never taken back but
 *       by destroy and init.
 *   O5  A routine that does not return, because its thread is cancelled or
 *       throws, ends its run all the same: the first waiter is granted it, or
 *       state is NEW.
 *
 * Races
 *   Two first callers, and a caller against the end of a run: both under the
 *   guard (O1, O2).
 *   Destroy by the first thread to return, against the end of the run: DONE is
 *   set under the guard, which destroy takes, and the run touches nothing of
 *   once afterwards.
 *   Fork: O1.  If the routine itself forks, and the child has begun another
 *   run before the first one returns there, state says that the first is void.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pyplusthread/once.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>

#include "wait/wait.h"

enum { NEW, DONE, RUNNING };

static uint32_t running(void)
{
    return ppt__generation | RUNNING; /* O1 */
}

static void set(ppt_once_t *once, uint32_t state)
{
    /* Pairs with the load in ppt_once_done. */
    __atomic_store_n(&once->state, state, __ATOMIC_RELEASE);
}

bool ppt_once_done(const ppt_once_t *once)
{
    return __atomic_load_n(&once->state, __ATOMIC_ACQUIRE) == DONE;
}

/* With the guard held, which it releases: true where the run is granted. */
static bool await_end(ppt_once_t *once)
{
    ppt__waiter_t waiter;
    bool granted;

    ppt__waiter_start(&waiter, ppt__spin_pays(&once->queue));
    ppt__waitq_push(&once->queue, &waiter);
    ppt__waitq_unguard(&once->queue);
    ppt__waiter_sleep_on(&waiter);
    granted = waiter.grant == PPT__GRANT_LOCK;
    ppt__waiter_end(&waiter);
    return granted;
}

/* False: it is done.  True: the caller is to run the routine. */
static bool begin(ppt_once_t *once)
{
    bool done;

    ppt__waitq_guard(&once->queue);
    if (once->state == running())
        return await_end(once);
    done = once->state == DONE;
    if (!done)
        set(once, running());
    ppt__waitq_unguard(&once->queue);
    return !done;
}

struct run {
    ppt_once_t *once;
    uint32_t state;
};

static void end(struct run *run, bool done)
{
    ppt_once_t *once = run->once;
    ppt__wake_list_t list = { NULL, NULL, 0 };

    ppt__waitq_guard(&once->queue);
    if (once->state == run->state) { /* or a fork has made the run void */
        list = ppt__waitq_take(&once->queue, done ? INT_MAX : 1);
        if (done)
            set(once, DONE);
        else if (list.length == 0)
            set(once, NEW); /* O5 */
    }
    ppt__waitq_unguard(&once->queue);
    ppt__wake_list_wake(list, done ? PPT__GRANT_NOTHING : PPT__GRANT_LOCK);
}

static void routine_left(void *arg)
{
    end(arg, false);
}

static PPT__SLOW void run_or_wait(ppt_once_t *once, ppt_once_fn routine,
                                  void *arg)
{
    struct run run = { once, running() };

    if (!begin(once))
        return;
    pthread_cleanup_push(routine_left, &run);
    routine(arg);
    pthread_cleanup_pop(0);
    end(&run, true);
}

void ppt_once_run(ppt_once_t *once, ppt_once_fn routine, void *arg)
{
    if (!ppt_once_done(once))
        run_or_wait(once, routine, arg);
}

void ppt_once_init(ppt_once_t *once)
{
    *once = (ppt_once_t)PPT_ONCE_INITIALIZER;
}

int ppt_once_destroy(ppt_once_t *once)
{
    bool busy;

    ppt__waitq_guard(&once->queue);
    busy = once->state == running();
    if (!busy)
        set(once, NEW);
    ppt__waitq_unguard(&once->queue);
    return busy ? EBUSY : 0;
}

void ppt_once_after_fork(ppt_once_t *once)
{
    if (!ppt_once_done(once))
        ppt_once_init(once);
}
