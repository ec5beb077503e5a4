/*
 * interposer.c - CPython's events become the scheduler's.
 *
 * Idea
 *   CPython waits for a GIL in two functions only.  take_gil locks the GIL's
 *   mutex, waits with pthread_cond_timedwait while the GIL is locked, and
 *   signals switch_cond when it has it.  drop_gil signals cond when it lets
 *   go, and, after a request, waits for switch_cond.  So each event of the
 *   scheduler is a call that CPython makes.  Where it matters, CPython holds
 *   the mutex in that call, and the mutex is the scheduler's guard:
 *
 *     is back        pthread_mutex_lock(mutex), of a CPU-bound thread
 *     wants it       pthread_cond_timedwait(cond, mutex)
 *     has it         pthread_cond_signal(switch_cond)
 *     lets go        pthread_cond_signal(cond)
 *     was detained   pthread_cond_wait(switch_cond) returns
 *     made anew      pthread_cond_init(cond), in the child of a fork
 *
 *   Which GILs there are is in gils.c.
 *
 *   To return ETIMEDOUT from pthread_cond_timedwait is to have take_gil ask
 *   the holder to let go.
 *
 *   How a thread waits is in gil_wait.c, how it locks the mutex in gil_mutex.c.
 *
 * State
 *   ppy_this  each thread's own
 *
 * Invariants
 *   C1  take_gil asks only if no other thread has had the GIL since its own
 *       call of pthread_cond_timedwait: else it is made to call again first.
 *   C2  A thread that returns to CPython from pthread_cond_timedwait is in no
 *       queue: it may end there.  From pthread_mutex_lock it may be in one if
 *       the GIL is held: then it waits for it next.
 *   C3  The thread that the scheduler names is woken after the mutex was
 *       released, since it would only wait for the mutex before.
 *   C4  Threads that wait in the system's functions, since the scheduler is
 *       switched off or was not there when they began, are signalled as ever.
 *   C5  holds is the record of the GIL that this thread has.  It is ended by
 *       this thread, or once the GIL is gone (G1, G2).
 *   C6  An event that CPython reports with the mutex held has one time, for
 *       the scheduler and for observe.c: the clock is read when one of them
 *       asks first, and not before the mutex is held.
 *
 * SPDX-License-Identifier: MIT
 */
#include "interposer.h"

#include <errno.h>

#include "gil_mutex.h"
#include "gil_wait.h"
#include "slots.h"
#include "thread.h"

_Thread_local ppy_thread_t ppy_this;

static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *,
                             const struct timespec *);
static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_signal)(pthread_cond_t *);
static int (*real_init)(pthread_cond_t *, const pthread_condattr_t *);
static int (*real_destroy)(pthread_cond_t *);

/* They are set before the first slot calls a function here. */
#define REAL(name) __atomic_load_n(&real_##name, __ATOMIC_RELAXED)

static void record(ppy_call_kind_t kind, pthread_cond_t *cond,
                   pthread_mutex_t *mutex)
{
    if (ppy_this.recorder != NULL)
        ppy_record_call(ppy_this.recorder, kind, cond, mutex);
}

void ppy_interposer_record(ppy_recorder_t *recorder)
{
    ppy_this.recorder = recorder;
}

/* The events */

/* Once it is switched off, only those that have begun. */
static bool waits_in_scheduler(void)
{
    return ppy_gils_are_scheduled() || ppy_this.sched.wanted_at != 0;
}

static int timedwait(ppy_gil_t *gil, pthread_cond_t *cond,
                     pthread_mutex_t *mutex, const struct timespec *until)
{
    int result;

    if (gil != NULL && waits_in_scheduler())
        return ppy_gil_wait(gil, mutex, until);
    result = REAL(timedwait)(cond, mutex, until);
    ppy_begin_event();
    return result;
}

/* C1 says when take_gil asks. */
static int __attribute__((noinline)) observed_timedwait(
    ppy_gil_t *gil, pthread_cond_t *cond, pthread_mutex_t *mutex,
    const struct timespec *until)
{
    uint64_t holds = gil->sched.stats.holds;
    int result;

    ppy_observe_want(&gil->observed, &ppy_this.observer, ppy_holder_of(gil),
                     ppy_event_time());
    result = timedwait(gil, cond, mutex, until);
    if (result == ETIMEDOUT && gil->sched.stats.holds == holds)
        ppy_observe_ask(&gil->observed, &ppy_this.observer, ppy_holder_of(gil),
                        ppy_event_time());
    return result;
}

static int my_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        const struct timespec *until)
{
    ppy_gil_t *gil = ppy_gil_with_cond(cond);

    record(PPY_CALL_TIMEDWAIT, cond, mutex);
    ppy_begin_event();
    if (gil != NULL && ppy_gil_is_observed(gil))
        return observed_timedwait(gil, cond, mutex, until);
    return timedwait(gil, cond, mutex, until);
}

static int my_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    ppy_gil_t *gil = ppy_gil_with_switch_cond(cond);
    int result;

    record(PPY_CALL_WAIT, cond, mutex);
    result = REAL(wait)(cond, mutex);
    if (gil != NULL)
        ppy_gil_detained();
    return result;
}

/* G2: with the mutex held; nobody uses the GIL any more. */
static void __attribute__((noinline, cold)) end_unused(ppy_gil_t *gil)
{
    if (ppy_gil_end(gil) && ppy_this.holds == gil)
        ppy_this.holds = NULL;
}

/* The next two are on the way of every call that may block. */
static void has(ppy_gil_t *gil)
{
    ppy_begin_event();
    ppt_gilsched_took(&gil->sched, &ppy_this.sched);
    ppy_this.holds = gil;
    if (ppy_gil_is_observed(gil))
        ppy_observe_take(&gil->observed, &ppy_this.observer, ppy_event_time());
    if (!ppy_gil_is_used(gil))
        end_unused(gil);
}

static void lets_go(ppy_gil_t *gil)
{
    ppy_begin_event();
    ppy_this.holds = NULL;
    ppy_this.wake = ppt_gilsched_let_go(&gil->sched, &ppy_this.sched);
    if (ppy_gil_is_observed(gil))
        ppy_observe_let_go(&gil->observed, &ppy_this.observer,
                           ppy_event_time());
}

static int my_signal(pthread_cond_t *cond)
{
    ppy_gil_t *gil = ppy_this.holds;

    record(PPY_CALL_SIGNAL, cond, NULL);
    if (gil != NULL && ppy_gil_cond_at(&gil->names.cond) == cond)
        lets_go(gil); /* C5 */
    else if ((gil = ppy_gil_with_switch_cond(cond)) != NULL)
        has(gil);
    return REAL(signal)(cond); /* C4 */
}

static int my_lock(pthread_mutex_t *mutex)
{
    ppy_gil_t *gil = ppy_gil_with_mutex(mutex);

    if (gil == NULL)
        return PPY_REAL(lock)(mutex);
    return ppy_this.sched.cpu_bound && ppy_this.holds == NULL
               ? ppy_gil_come_back(gil, mutex)
               : ppy_gil_mutex_lock(gil, mutex);
}

static int __attribute__((noinline)) unlock_and_wake(pthread_mutex_t *mutex)
{
    void *wake = ppy_this.wake;
    int result = PPY_REAL(unlock)(mutex);

    ppy_this.wake = NULL;
    ppt_gilsched_wake(wake);
    return result;
}

/* C3: the next mutex that is released is the GIL's. */
static int my_unlock(pthread_mutex_t *mutex)
{
    record(PPY_CALL_UNLOCK, NULL, mutex);
    return ppy_this.wake != NULL ? unlock_and_wake(mutex)
                                 : PPY_REAL(unlock)(mutex);
}

static void begin_anew(ppy_gil_t *gil)
{
    ppt_gilsched_after_fork(&gil->sched);
    ppy_observe_anew(&gil->observed);
}

/* G1: another GIL than the one that is held has gone before. */
static int my_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    ppy_gil_t *gil = ppy_gil_with_cond(cond);

    if (gil != NULL && gil == ppy_this.holds)
        begin_anew(gil);
    else if (gil != NULL)
        ppy_gil_forget(gil);
    return REAL(init)(cond, attr);
}

static int my_destroy(pthread_cond_t *cond)
{
    ppy_gil_t *gil = ppy_gil_with_cond(cond);

    if (gil != NULL)
        ppy_gil_forget(gil);
    if (gil == ppy_this.holds)
        ppy_this.holds = NULL;
    return REAL(destroy)(cond);
}

/* Installing */

#define SLOT(name, mine, real) { name, (void *)mine, (void **)&real, 0 }

static ppy_slot_t slots[] = {
    SLOT("pthread_cond_timedwait", my_timedwait, real_timedwait),
    SLOT("pthread_cond_wait", my_wait, real_wait),
    SLOT("pthread_cond_signal", my_signal, real_signal),
    SLOT("pthread_cond_init", my_init, real_init),
    SLOT("pthread_cond_destroy", my_destroy, real_destroy),
    SLOT("pthread_mutex_lock", my_lock, ppy_real_lock),
    SLOT("pthread_mutex_unlock", my_unlock, ppy_real_unlock),
};

enum { SLOTS = sizeof(slots) / sizeof(slots[0]) };

/* Guarded by the caller's lock. */
static bool installed;

const char *ppy_interposer_install(const void *address)
{
    const char *trouble;

    if (installed)
        return NULL;
    trouble = ppy_slots_find(address, slots, SLOTS);
    if (trouble == NULL)
        trouble = ppy_slots_replace(address, slots, SLOTS);
    installed = trouble == NULL;
    return trouble;
}

void ppy_interposer_remove(const void *address)
{
    if (!installed || ppy_gils_first() != NULL)
        return;
    ppy_slots_restore(address, slots, SLOTS);
    installed = false;
}

uint64_t ppy_interposer_adopt(const ppy_gil_names_t *names)
{
    ppy_gil_t *gil = ppy_gils_take();
    uint64_t id;

    if (gil == NULL)
        return 0;
    pthread_mutex_lock(names->mutex);
    id = ppy_gil_begin(gil, names);
    gil->sched.now = ppy_event_time;
    ppy_begin_event();
    ppt_gilsched_took(&gil->sched, &ppy_this.sched);
    ppy_this.holds = gil;
    PPY_REAL(unlock)(names->mutex);
    return id;
}

void ppy_interposer_leave(uint64_t id)
{
    ppy_gil_names_t names;
    ppy_gil_t *gil;

    if (!ppy_gils_leave(id, &names))
        return;
    pthread_mutex_lock(names.mutex);
    gil = ppy_gil_with_cond(names.cond);
    if (gil != NULL)
        end_unused(gil);
    PPY_REAL(unlock)(names.mutex);
}

void ppy_interposer_after_fork(void)
{
    ppy_gils_after_fork(ppy_this.holds);
}

bool ppy_interposer_nobody_waits(void)
{
    return ppy_this.holds != NULL
           && ppt_gilsched_waiting(&ppy_this.holds->sched) == 0;
}

bool ppy_interposer_is_scheduled(void)
{
    return ppy_this.holds != NULL;
}

ppy_observed_t *ppy_interposer_observed(ppy_observer_t **link)
{
    if (ppy_this.holds == NULL)
        return NULL;
    pthread_mutex_lock(ppy_this.holds->names.mutex);
    *link = &ppy_this.observer;
    return &ppy_this.holds->observed;
}

void ppy_interposer_observed_done(void)
{
    PPY_REAL(unlock)(ppy_this.holds->names.mutex);
}
