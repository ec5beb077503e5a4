/*
 * interposer.c - CPython's events become the scheduler's.
 *
 * Idea
 *   All of CPython's waiting for a GIL is in two functions.  take_gil locks
 *   the GIL's mutex, waits with pthread_cond_timedwait while the GIL is
 *   locked, and signals switch_cond when it has it; drop_gil signals cond
 *   when it lets go, and, after a request, waits for switch_cond.  So each
 *   event of the scheduler is a call that CPython makes, with the mutex held
 *   where it matters, which is the scheduler's guard:
 *
 *     is back        pthread_mutex_lock(mutex)
 *     wants it       pthread_cond_timedwait(cond, mutex)
 *     has it         pthread_cond_signal(switch_cond)
 *     lets go        pthread_cond_signal(cond)
 *     was detained   pthread_cond_wait(switch_cond) returns
 *     made anew      pthread_cond_init(cond), in the child of a fork
 *
 *   To return ETIMEDOUT from pthread_cond_timedwait is to have take_gil ask
 *   the holder to let go.
 *
 * State
 *   gils     a list, which only grows; atomic.  A record's names and
 *            scheduler are guarded by the GIL's mutex; a record whose GIL is
 *            gone has no names, and is used again.
 *   this     each thread's own
 *
 * Invariants
 *   C1  take_gil asks only if no other thread has had the GIL since its own
 *       call of pthread_cond_timedwait: else it is made to call again first.
 *   C2  A thread that returns to CPython is in no queue: it may end there.
 *   C3  Whoever was chosen is woken after the mutex was released: it would
 *       only wait for it.
 *   C4  Threads that wait in the system's functions, since the scheduler is
 *       switched off or was not there when they began, are signalled as ever.
 *
 * SPDX-License-Identifier: MIT
 */
#include "interposer.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "slots.h"
#include "wait/word64.h" /* of the library's sources */

#define NS_PER_S INT64_C(1000000000)

typedef struct gil {
    ppy_gil_names_t names;
    ppt_gilsched_t sched;
    ppy_observed_t observed;
    struct gil *next;
} gil_t;

static gil_t *gils;
static bool enabled = true;
static uint32_t cpu_share = PPT_GILSCHED_CPU_SHARE;

/* Reached without a call, and there when the thread starts (tls_args). */
static _Thread_local struct local {
    ppt_gilsched_thread_t thread;
    ppy_observer_t observer;
    gil_t *holds;               /* so its record is in use, not begun anew */
    ppy_recorder_t *recorder;
    void *chosen;               /* C3 */
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

static ppt_gilsched_thread_t *this_one(void)
{
    return &this.thread;
}

/* Of the thread that has the GIL; NULL: it is free. */
static const ppy_observer_t *holder_of(const gil_t *gil)
{
    const struct local *local = (const struct local *)gil->sched.holder;

    return local == NULL ? NULL : &local->observer;
}

static gil_t *first(void)
{
    return __atomic_load_n(&gils, __ATOMIC_ACQUIRE);
}

/* Names change under a mutex that is not held here; a caller's own do not. */
static pthread_cond_t *name(pthread_cond_t *const *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static gil_t *gil_with_cond(const pthread_cond_t *cond)
{
    gil_t *gil = first();

    while (gil != NULL && name(&gil->names.cond) != cond)
        gil = gil->next;
    return gil;
}

static gil_t *gil_with_switch_cond(const pthread_cond_t *cond)
{
    gil_t *gil = first();

    while (gil != NULL && name(&gil->names.switch_cond) != cond)
        gil = gil->next;
    return gil;
}

/* That thread does not hold the mutex: what it guards has been set. */
static gil_t *gil_with_mutex(const pthread_mutex_t *mutex)
{
    gil_t *gil = first();

    while (gil != NULL
           && __atomic_load_n(&gil->names.mutex, __ATOMIC_ACQUIRE) != mutex)
        gil = gil->next;
    return gil;
}

/* --- recording ------------------------------------------------------------ */

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

/* --- the events ------------------------------------------------------------ */

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

static int wait_in_scheduler(gil_t *gil, pthread_mutex_t *mutex,
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
        pthread_mutex_lock(mutex);
        if (ppy_observes())
            ppy_observe_want(&gil->observed, &this.observer,
                             holder_of(gil));
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

static int timedwait(gil_t *gil, pthread_cond_t *cond, pthread_mutex_t *mutex,
                     const struct timespec *until)
{
    if (gil == NULL || !waits_in_scheduler())
        return REAL(timedwait)(cond, mutex, until);
    return wait_in_scheduler(gil, mutex, until);
}

/* C1 says when take_gil asks. */
static int __attribute__((noinline)) observed_timedwait(
    gil_t *gil, pthread_cond_t *cond, pthread_mutex_t *mutex,
    const struct timespec *until)
{
    uint64_t holds = gil->sched.stats.holds;
    int result;

    ppy_observe_want(&gil->observed, &this.observer, holder_of(gil));
    result = timedwait(gil, cond, mutex, until);
    if (result == ETIMEDOUT && gil->sched.stats.holds == holds)
        ppy_observe_ask(&gil->observed, &this.observer, holder_of(gil));
    return result;
}

static int my_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        const struct timespec *until)
{
    gil_t *gil = gil_with_cond(cond);

    record(PPY_CALL_TIMEDWAIT, cond, mutex);
    if (gil != NULL && ppy_observes())
        return observed_timedwait(gil, cond, mutex, until);
    return timedwait(gil, cond, mutex, until);
}

static int my_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    gil_t *gil = gil_with_switch_cond(cond);
    int result;

    record(PPY_CALL_WAIT, cond, mutex);
    result = REAL(wait)(cond, mutex);
    if (gil != NULL)
        ppt_gilsched_detained(&gil->sched, this_one());
    if (gil != NULL && ppy_observes())
        ppy_observe_detained(&gil->observed, &this.observer);
    return result;
}

/* One look at each GIL: this is on the way of every call that may block. */
static int my_signal(pthread_cond_t *cond)
{
    gil_t *gil;

    record(PPY_CALL_SIGNAL, cond, NULL);
    for (gil = first(); gil != NULL; gil = gil->next) {
        if (name(&gil->names.switch_cond) == cond) {
            ppt_gilsched_took(&gil->sched, this_one());
            this.holds = gil;
            if (ppy_observes())
                ppy_observe_take(&gil->observed, &this.observer);
            break;
        }
        if (name(&gil->names.cond) == cond) {
            this.holds = NULL;
            this.chosen = ppt_gilsched_let_go(&gil->sched, this_one());
            if (ppy_observes())
                ppy_observe_let_go(&gil->observed, &this.observer);
            break;
        }
    }
    return REAL(signal)(cond); /* C4 */
}

static int __attribute__((noinline)) come_back(pthread_mutex_t *mutex)
{
    const gil_t *gil = gil_with_mutex(mutex);

    if (gil != NULL)
        ppt_gilsched_back(&gil->sched, this_one());
    return REAL(lock)(mutex);
}

/* The mutex may keep the thread for as long as something that blocks. */
static int my_lock(pthread_mutex_t *mutex)
{
    return this.thread.cpu_bound && this.holds == NULL
               ? come_back(mutex)
               : REAL(lock)(mutex);
}

static int __attribute__((noinline)) unlock_and_wake(pthread_mutex_t *mutex)
{
    void *chosen = this.chosen;
    int result = REAL(unlock)(mutex);

    this.chosen = NULL;
    ppt_gilsched_wake(chosen);
    return result;
}

/* C3: the next mutex that is released is the GIL's. */
static int my_unlock(pthread_mutex_t *mutex)
{
    record(PPY_CALL_UNLOCK, NULL, mutex);
    return this.chosen != NULL ? unlock_and_wake(mutex)
                               : REAL(unlock)(mutex);
}

static int my_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    gil_t *gil = gil_with_cond(cond);

    if (gil != NULL) {
        ppt_gilsched_after_fork(&gil->sched);
        ppy_observe_anew(&gil->observed);
    }
    return REAL(init)(cond, attr);
}

static int my_destroy(pthread_cond_t *cond)
{
    gil_t *gil = gil_with_cond(cond);

    if (gil != NULL) {
        __atomic_store_n(&gil->names.mutex, NULL, __ATOMIC_RELAXED);
        __atomic_store_n(&gil->names.switch_cond, NULL, __ATOMIC_RELAXED);
        __atomic_store_n(&gil->names.cond, NULL, __ATOMIC_RELEASE);
    }
    return REAL(destroy)(cond);
}

/* --- installing ------------------------------------------------------------ */

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
    if (!installed || first() != NULL)
        return;
    ppy_slots_restore(address, slots, SLOTS);
    installed = false;
}

bool ppy_interposer_knows(const ppy_gil_names_t *names)
{
    gil_t *gil = gil_with_cond(names->cond);

    return gil != NULL && gil->names.switch_cond == names->switch_cond
           && gil->names.mutex == names->mutex;
}

static gil_t *record_for_use(void)
{
    gil_t *gil = gil_with_cond(NULL);

    if (gil != NULL)
        return gil;
    gil = calloc(1, sizeof(*gil));
    if (gil == NULL)
        return NULL;
    gil->next = gils;
    __atomic_store_n(&gils, gil, __ATOMIC_RELEASE);
    return gil;
}

/* 0 is the scheduler's word for its own default. */
static uint32_t scheduler_share(void)
{
    return ppy_interposer_share() != 0 ? ppy_interposer_share() : 1;
}

static void begin(gil_t *gil, const ppy_gil_names_t *names)
{
    gil->sched = (ppt_gilsched_t)PPT_GILSCHED_INITIALIZER;
    gil->sched.cpu_share = scheduler_share();
    ppy_observe_forget(&gil->observed);
    ppt_gilsched_took(&gil->sched, this_one());
    __atomic_store_n(&gil->names.mutex, names->mutex, __ATOMIC_RELEASE);
    __atomic_store_n(&gil->names.switch_cond, names->switch_cond,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&gil->names.cond, names->cond, __ATOMIC_RELEASE);
}

bool ppy_interposer_adopt(const ppy_gil_names_t *names)
{
    gil_t *gil = record_for_use();

    if (gil == NULL)
        return false;
    pthread_mutex_lock(names->mutex);
    begin(gil, names);
    this.holds = gil;
    REAL(unlock)(names->mutex);
    return true;
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

void ppy_interposer_set_share(uint32_t share)
{
    gil_t *gil = first();

    __atomic_store_n(&cpu_share, share, __ATOMIC_RELAXED);
    for (; gil != NULL; gil = gil->next)
        __atomic_store_n(&gil->sched.cpu_share, scheduler_share(),
                         __ATOMIC_RELAXED);
}

uint32_t ppy_interposer_share(void)
{
    return __atomic_load_n(&cpu_share, __ATOMIC_RELAXED);
}

static uint64_t count(const uint64_t *counter)
{
    return ppt__load64(counter);
}

static int64_t length(const int64_t *sum)
{
    return (int64_t)ppt__load64((const uint64_t *)sum);
}

static void add(ppt_gilsched_stats_t *sum, const ppt_gilsched_stats_t *part)
{
    sum->holds += count(&part->holds);
    sum->waits += count(&part->waits);
    sum->cpu_waits += count(&part->cpu_waits);
    sum->wakes += count(&part->wakes);
    sum->vain_wakes += count(&part->vain_wakes);
    sum->requests += count(&part->requests);
    sum->renewals += count(&part->renewals);
    sum->forced += count(&part->forced);
    sum->io_waited += length(&part->io_waited);
    sum->cpu_waited += length(&part->cpu_waited);
    sum->cpu_held += length(&part->cpu_held);
}

/* A record that is not in use may be about to begin. */
static bool is_in_use(const gil_t *gil)
{
    return __atomic_load_n(&gil->names.cond, __ATOMIC_ACQUIRE) != NULL;
}

void ppy_interposer_stats(ppt_gilsched_stats_t *stats)
{
    const gil_t *gil = first();

    *stats = (ppt_gilsched_stats_t){ 0 };
    for (; gil != NULL; gil = gil->next)
        if (is_in_use(gil))
            add(stats, &gil->sched.stats);
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
