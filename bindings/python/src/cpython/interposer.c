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
 * State
 *   this     each thread's own
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
 *   C6  A GIL's mutex is held for a fraction of a microsecond, most of the
 *       time.  A thread that finds it held tries again for a while before it
 *       sleeps, if there is more than one CPU.  One thread tries at a time:
 *       each try takes the mutex's cache line from the holder.
 *   C7  An event that CPython reports with the mutex held has one time, for
 *       the scheduler and for observe.c: the clock is read when one of them
 *       asks first, and not before the mutex is held.
 *
 * SPDX-License-Identifier: MIT
 */
#include "interposer.h"

#include <errno.h>
#include <time.h>

#include "slots.h"
#include "wait/mutex.h" /* of the library's sources */
#include "wait/spin.h"

#define NS_PER_S INT64_C(1000000000)

static bool enabled = true;

/* Reached without a call, and there when the thread starts (tls_args). */
static _Thread_local struct local {
    ppt_gilsched_thread_t thread;
    ppy_observer_t observer;
    ppy_gil_t *holds;           /* C5 */
    ppy_recorder_t *recorder;
    void *wake;                 /* C3 */
    int64_t at;                 /* C7 */
} this;

static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *,
                             const struct timespec *);
static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_signal)(pthread_cond_t *);
static int (*real_init)(pthread_cond_t *, const pthread_condattr_t *);
static int (*real_destroy)(pthread_cond_t *);
static int (*real_lock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);

/* They are set before the first slot calls a function here. */
#define REAL(name) __atomic_load_n(&real_##name, __ATOMIC_RELAXED)

/*
 * C6: another tool's function, which was in the slot before, is to see each
 * lock (slots.c, R2).
 */
static bool tries(void)
{
    return ppy_interposer_enabled() && ppt__cpu_count() > 1
           && REAL(lock) == pthread_mutex_lock;
}

static int __attribute__((noinline)) spin(ppy_gil_t *gil,
                                          pthread_mutex_t *mutex)
{
    int result;

    if (__atomic_exchange_n(&gil->spins, true, __ATOMIC_RELAXED))
        return EBUSY;
    result = ppt__mutex_spin(mutex);
    __atomic_store_n(&gil->spins, false, __ATOMIC_RELAXED);
    return result;
}

/* C6: of a GIL, whose record may be another one's by now. */
static int lock(ppy_gil_t *gil, pthread_mutex_t *mutex)
{
    int result;

    if (!tries())
        return REAL(lock)(mutex);
    result = pthread_mutex_trylock(mutex);
    if (result == EBUSY)
        result = spin(gil, mutex);
    return result == EBUSY ? REAL(lock)(mutex) : result;
}

/* C7 */
static void begin_event(void)
{
    this.at = 0;
}

static int64_t event_time(void)
{
    if (this.at == 0)
        this.at = ppt_now();
    return this.at;
}

static ppt_gilsched_thread_t *this_one(void)
{
    return &this.thread;
}

/* Of the thread that has the GIL; NULL: it is free. */
static const ppy_observer_t *holder_of(const ppy_gil_t *gil)
{
    const struct local *local = (const struct local *)gil->sched.holder;

    return local == NULL ? NULL : &local->observer;
}

/* With the mutex held. */
static bool is_observed(const ppy_gil_t *gil)
{
    return ppy_observes() && ppy_is_observed(&gil->observed);
}

/* G1: for a thread that may not use its GIL's scheduler, as it has no mutex. */
static const ppt_gilsched_t any_scheduler;

/* Recording */

/* A thread that waits for long may call again and again. */
static bool is_repeated(const ppy_recorder_t *recorder,
                        const ppy_call_t *call)
{
    const ppy_call_t *last = &recorder->calls[recorder->count - 1];

    return recorder->count > 0 && last->kind == call->kind
           && last->cond == call->cond && last->mutex == call->mutex;
}

static void __attribute__((noinline, cold)) record_call(
    ppy_call_kind_t kind, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    ppy_recorder_t *recorder = this.recorder;
    ppy_call_t call = { kind, cond, mutex };

    if (recorder->count == PPY_CALLS || is_repeated(recorder, &call))
        return;
    recorder->calls[recorder->count] = call;
    __atomic_store_n(&recorder->count, recorder->count + 1,
                     __ATOMIC_RELEASE);
}

static void record(ppy_call_kind_t kind, pthread_cond_t *cond,
                   pthread_mutex_t *mutex)
{
    if (this.recorder != NULL)
        record_call(kind, cond, mutex);
}

void ppy_interposer_record(ppy_recorder_t *recorder)
{
    this.recorder = recorder;
}

/* The events */

#define YEAR_NS (INT64_C(365) * 24 * 60 * 60 * NS_PER_S)

static int64_t until_by(clockid_t clock, const struct timespec *until)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (until->tv_sec - now.tv_sec) * NS_PER_S + until->tv_nsec
           - now.tv_nsec;
}

/*
 * What sys.setswitchinterval says, which CPython has just added to the
 * monotonic clock or, on some systems, to the time of day.
 */
static void learn_slice(ppt_gilsched_t *sched, const struct timespec *until)
{
    int64_t slice = until_by(CLOCK_MONOTONIC, until);

    if (slice > YEAR_NS)
        slice = until_by(CLOCK_REALTIME, until);
    sched->slice = slice > 0 ? slice : 1;
}

static int wait_in_scheduler(ppy_gil_t *gil, pthread_mutex_t *mutex,
                             const struct timespec *limit)
{
    ppt_gilsched_t *sched = &gil->sched;
    ppt_gilsched_thread_t *thread = this_one();
    uint64_t holds = sched->stats.holds;
    int64_t until;
    int next;

    learn_slice(sched, limit);
    while ((next = ppt_gilsched_want(sched, thread, &until))
           == PPT_GILSCHED_SLEEP) {
        REAL(unlock)(mutex);
        ppt_gilsched_sleep(thread, until);
        lock(gil, mutex);
        begin_event();
        if (is_observed(gil))
            ppy_observe_want(&gil->observed, &this.observer,
                             holder_of(gil), event_time());
    }
    if (next == PPT_GILSCHED_TAKE || sched->stats.holds != holds)
        return 0; /* C1 */
    ppt_gilsched_asked(sched);
    return ETIMEDOUT;
}

/* Once it is switched off, only those that have begun. */
static bool waits_in_scheduler(void)
{
    return ppy_interposer_enabled() || this_one()->wanted_at != 0;
}

static int timedwait(ppy_gil_t *gil, pthread_cond_t *cond,
                     pthread_mutex_t *mutex, const struct timespec *until)
{
    int result;

    if (gil != NULL && waits_in_scheduler())
        return wait_in_scheduler(gil, mutex, until);
    result = REAL(timedwait)(cond, mutex, until);
    begin_event();
    return result;
}

/* C1 says when take_gil asks. */
static int __attribute__((noinline)) observed_timedwait(
    ppy_gil_t *gil, pthread_cond_t *cond, pthread_mutex_t *mutex,
    const struct timespec *until)
{
    uint64_t holds = gil->sched.stats.holds;
    int result;

    ppy_observe_want(&gil->observed, &this.observer, holder_of(gil),
                     event_time());
    result = timedwait(gil, cond, mutex, until);
    if (result == ETIMEDOUT && gil->sched.stats.holds == holds)
        ppy_observe_ask(&gil->observed, &this.observer, holder_of(gil),
                        event_time());
    return result;
}

static int my_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        const struct timespec *until)
{
    ppy_gil_t *gil = ppy_gil_with_cond(cond);

    record(PPY_CALL_TIMEDWAIT, cond, mutex);
    begin_event();
    if (gil != NULL && is_observed(gil))
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
        ppt_gilsched_detained(&any_scheduler, this_one());
    if (gil != NULL && ppy_observes())
        ppy_observe_detained(&gil->observed, &this.observer, ppt_now());
    return result;
}

/* G2: with the mutex held; nobody uses the GIL any more. */
static void __attribute__((noinline, cold)) end_unused(ppy_gil_t *gil)
{
    if (ppy_gil_end(gil) && this.holds == gil)
        this.holds = NULL;
}

/* The next two are on the way of every call that may block. */
static void has(ppy_gil_t *gil)
{
    begin_event();
    ppt_gilsched_took(&gil->sched, this_one());
    this.holds = gil;
    if (is_observed(gil))
        ppy_observe_take(&gil->observed, &this.observer, event_time());
    if (!ppy_gil_is_used(gil))
        end_unused(gil);
}

static void lets_go(ppy_gil_t *gil)
{
    begin_event();
    this.holds = NULL;
    this.wake = ppt_gilsched_let_go(&gil->sched, this_one());
    if (is_observed(gil))
        ppy_observe_let_go(&gil->observed, &this.observer, event_time());
}

static int my_signal(pthread_cond_t *cond)
{
    ppy_gil_t *gil = this.holds;

    record(PPY_CALL_SIGNAL, cond, NULL);
    if (gil != NULL && ppy_gil_cond_at(&gil->names.cond) == cond)
        lets_go(gil); /* C5 */
    else if ((gil = ppy_gil_with_switch_cond(cond)) != NULL)
        has(gil);
    return REAL(signal)(cond); /* C4 */
}

/*
 * With the mutex held: take_gil would take the GIL if it is free, and does so
 * on return, or waits for it in the scheduler, where the thread is queued.
 */
static void leave_to_others(ppy_gil_t *gil, pthread_mutex_t *mutex)
{
    ppt_gilsched_t *sched = &gil->sched;
    int64_t until;

    begin_event();
    if (!ppy_interposer_enabled()
        || ppt_gilsched_may_overtake(sched, this_one()))
        return;
    while (sched->holder == NULL
           && ppt_gilsched_want(sched, this_one(), &until)
                  == PPT_GILSCHED_SLEEP) {
        if (is_observed(gil))
            ppy_observe_want(&gil->observed, &this.observer, NULL,
                             event_time());
        REAL(unlock)(mutex);
        ppt_gilsched_sleep(this_one(), until);
        lock(gil, mutex);
        begin_event();
    }
}

/*
 * A CPU-bound thread comes back.  The mutex may keep it for as long as
 * something that blocks.  G1: whose mutex it is may have changed until it is
 * held.
 */
static int __attribute__((noinline)) come_back(ppy_gil_t *gil,
                                               pthread_mutex_t *mutex)
{
    int result;

    ppt_gilsched_back(&any_scheduler, this_one());
    result = lock(gil, mutex);
    gil = result == 0 ? ppy_gil_with_mutex(mutex) : NULL;
    if (gil != NULL && gil->sched.holder == NULL)
        leave_to_others(gil, mutex);
    return result;
}

static int my_lock(pthread_mutex_t *mutex)
{
    ppy_gil_t *gil = ppy_gil_with_mutex(mutex);

    if (gil == NULL)
        return REAL(lock)(mutex);
    return this.thread.cpu_bound && this.holds == NULL ? come_back(gil, mutex)
                                                       : lock(gil, mutex);
}

static int __attribute__((noinline)) unlock_and_wake(pthread_mutex_t *mutex)
{
    void *wake = this.wake;
    int result = REAL(unlock)(mutex);

    this.wake = NULL;
    ppt_gilsched_wake(wake);
    return result;
}

/* C3: the next mutex that is released is the GIL's. */
static int my_unlock(pthread_mutex_t *mutex)
{
    record(PPY_CALL_UNLOCK, NULL, mutex);
    return this.wake != NULL ? unlock_and_wake(mutex)
                               : REAL(unlock)(mutex);
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

    if (gil != NULL && gil == this.holds)
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
    if (gil == this.holds)
        this.holds = NULL;
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
    SLOT("pthread_mutex_lock", my_lock, real_lock),
    SLOT("pthread_mutex_unlock", my_unlock, real_unlock),
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
    gil->sched.now = event_time;
    begin_event();
    ppt_gilsched_took(&gil->sched, this_one());
    this.holds = gil;
    REAL(unlock)(names->mutex);
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
    REAL(unlock)(names.mutex);
}

void ppy_interposer_after_fork(void)
{
    ppy_gils_after_fork(this.holds);
}

void ppy_interposer_enable(bool value)
{
    __atomic_store_n(&enabled, value, __ATOMIC_RELAXED);
}

bool ppy_interposer_enabled(void)
{
    return __atomic_load_n(&enabled, __ATOMIC_RELAXED);
}

bool ppy_interposer_nobody_waits(void)
{
    return this.holds != NULL
           && ppt_gilsched_waiting(&this.holds->sched) == 0;
}

bool ppy_interposer_is_scheduled(void)
{
    return this.holds != NULL;
}

ppy_observed_t *ppy_interposer_observed(ppy_observer_t **link)
{
    if (this.holds == NULL)
        return NULL;
    pthread_mutex_lock(this.holds->names.mutex);
    *link = &this.observer;
    return &this.holds->observed;
}

void ppy_interposer_observed_done(void)
{
    REAL(unlock)(this.holds->names.mutex);
}
