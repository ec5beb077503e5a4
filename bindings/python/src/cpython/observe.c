/*
 * observe.c - who holds a GIL and who waits for it, exactly.
 *
 * Idea
 *   Nothing is sampled.  Each event of a GIL has one time, read from the clock
 *   with the GIL's mutex held; what lies between two events is added to the
 *   account of whoever held the GIL or waited for it.  Thus the times of the
 *   holds and those in which nobody held the GIL add up to the time that has
 *   passed, to the nanosecond.
 *
 * State
 *   ppy_observing  how many GILs are observed; atomic
 *   everything of a GIL and of its threads is guarded by the GIL's mutex, but
 *   for a thread's owner, which is atomic, and next_of_all, which is set once
 *   mine           the calling thread's record, of the GIL that it had last
 *
 * Invariants
 *   O1  A record belongs to the thread whose variable "mine" owner is the
 *       address of.  Records are never freed: a thread may look at one that it
 *       had, and see that it is its own no more.
 *   O2  Records are kept when their threads end, for the report.  Beyond
 *       MANY of them, one that has ended is added to the sum of all such ones
 *       and used again.  So a server with a thread for each request needs no
 *       more memory than one with a pool, and no time is lost.
 *   O3  A GIL is observed as long as somebody asks for it; several may, since
 *       interpreters may share it.  The first one begins with all numbers 0.
 *   O4  waiting counts the threads whose wanted_at is not 0.
 *   O5  A thread that lets go after a request is detained by CPython until
 *       another has taken the GIL.  If it then wants it at once, it was forced
 *       off, and has waited since it let go: the wait of a CPU-bound thread.
 *       If not, it has let go for something that blocks.
 */
#include "observe.h"

#include "../base/compat.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <pyplusthread/gilsched.h>
#include <pyplusthread/time.h>

enum { MANY = 512 };

unsigned ppy_observing;

static _Thread_local ppy_observed_thread_t *mine;
static ppy_observed_thread_t *all;
static pthread_key_t key;

static bool is_mine(const ppy_observed_thread_t *thread)
{
    return __atomic_load_n(&thread->owner, __ATOMIC_RELAXED) == &mine;
}

static bool is_observed(const ppy_observed_t *gil)
{
    return gil->observers != 0;
}

/* --- records of threads ---------------------------------------------------- */

/* Of the calling thread, which ends; without the mutex. */
static void let_go_of_records(void *Py_UNUSED(nothing))
{
    ppy_observed_thread_t *thread = __atomic_load_n(&all, __ATOMIC_ACQUIRE);

    for (; thread != NULL; thread = thread->next_of_all)
        if (is_mine(thread))
            __atomic_store_n(&thread->owner, NULL, __ATOMIC_RELEASE);
}

static void make_key(void)
{
    pthread_key_create(&key, let_go_of_records);
}

static bool has_ended(const ppy_observed_thread_t *thread)
{
    return __atomic_load_n(&thread->owner, __ATOMIC_ACQUIRE) == NULL;
}

static void publish(ppy_observed_thread_t *thread)
{
    ppy_observed_thread_t *first = __atomic_load_n(&all, __ATOMIC_RELAXED);

    do
        thread->next_of_all = first;
    while (!__atomic_compare_exchange_n(&all, &first, thread, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static ppy_observed_thread_t *allocate(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = calloc(1, sizeof(*thread));

    if (thread == NULL)
        return NULL;
    thread->gil = gil;
    thread->next = gil->threads;
    gil->threads = thread;
    publish(thread);
    return thread;
}

/* What stays is where it is in the lists. */
static void clear(ppy_observed_thread_t *thread)
{
    size_t kept = offsetof(ppy_observed_thread_t, name);

    memset((char *)thread + kept, 0, sizeof(*thread) - kept);
    thread->serial = thread->native_id = thread->ident = 0;
    thread->ended = thread->threads = 0;
    thread->wanted_at = thread->let_go_at = thread->detained_until = 0;
    thread->cpu_bound = thread->was_forced = thread->is_used = false;
    __atomic_store_n(&thread->owner, NULL, __ATOMIC_RELAXED);
}

/* O2 */
static bool forget(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    if (gil->others == NULL)
        gil->others = calloc(1, sizeof(*gil->others));
    if (gil->others == NULL)
        return false;
    ppy_tally_merge(&gil->others->tally, &thread->tally);
    ppy_timeline_merge(&gil->others->held, &thread->held);
    ppy_timeline_merge(&gil->others->waited, &thread->waited);
    gil->others->threads++;
    if (thread->wanted_at != 0)
        gil->waiting--;
    clear(thread);
    gil->used--;
    return true;
}

static ppy_observed_thread_t *unused_record(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = gil->threads;

    for (; thread != NULL; thread = thread->next)
        if (!thread->is_used
            || (gil->used >= MANY && has_ended(thread)
                && thread != gil->holder && forget(gil, thread)))
            return thread;
    return allocate(gil);
}

/* Once for each thread, unless it has to do with several GILs. */
static __attribute__((noinline, cold)) ppy_observed_thread_t *find_mine(
    ppy_observed_t *gil)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ppy_observed_thread_t *thread = gil->threads;

    while (thread != NULL && !is_mine(thread))
        thread = thread->next;
    if (thread != NULL)
        return thread;
    thread = unused_record(gil);
    if (thread == NULL)
        return NULL;
    pthread_once(&once, make_key);
    pthread_setspecific(key, &mine);
    thread->is_used = true;
    thread->threads = 1;
    thread->serial = ++gil->serials;
    thread->native_id = PyThread_get_thread_native_id();
    thread->ident = PyThread_get_thread_ident();
    gil->used++;
    __atomic_store_n(&thread->owner, &mine, __ATOMIC_RELAXED);
    return thread;
}

/* O1 */
static ppy_observed_thread_t *this_one(ppy_observed_t *gil)
{
    if (mine == NULL || !is_mine(mine) || mine->gil != gil)
        mine = find_mine(gil);
    if (mine == NULL)
        gil->lost++;
    return mine;
}

/* --- time ------------------------------------------------------------------ */

/* It is now: count what has passed. */
static void advance(ppy_observed_t *gil, int64_t now)
{
    uint64_t passed = (uint64_t)(now - gil->at);

    gil->at = now;
    if (gil->holder == NULL)
        gil->idle += passed;
    else
        gil->holder->tally.counts[PPY_HELD] += passed;
    if (gil->waiting == 0)
        return;
    gil->contended += passed;
    if (gil->holder == NULL)
        gil->handing_over += passed;
    else
        gil->holder->tally.counts[PPY_DELAYED] += passed * gil->waiting;
}

static int64_t now_in(ppy_observed_t *gil)
{
    advance(gil, ppt_now());
    return gil->at;
}

static void draw(const ppy_observed_t *gil, ppy_timeline_t *timeline,
                 int64_t from)
{
    ppy_timeline_add(timeline, from - gil->since, gil->at - gil->since);
}

static void begin_hold(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    gil->holder = thread;
    gil->held_since = gil->at;
    gil->asked_at = 0;
}

/* The times of the GIL; those of its threads are 0. */
static void count_from_now(ppy_observed_t *gil)
{
    gil->since = gil->at;
    gil->idle = gil->contended = gil->handing_over = gil->lost = 0;
    free(gil->others);
    gil->others = NULL;
}

/* O4: it is not known who holds it and who waits. */
static void begin(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = gil->threads;

    for (; thread != NULL; thread = thread->next)
        clear(thread);
    gil->holder = NULL;
    gil->waiting = gil->used = 0;
    gil->at = ppt_now();
    count_from_now(gil);
}

/* --- events ---------------------------------------------------------------- */

/* It was forced off, and has not done anything else since then. */
static bool comes_back_to_compute(const ppy_observed_thread_t *thread,
                                  int64_t now)
{
    return thread->was_forced
           && now - thread->detained_until < PPT_GILSCHED_PATIENCE_NS;
}

/* O5: while it was detained it was not known that it waits. */
static void count_detention(ppy_observed_t *gil, int64_t since)
{
    uint64_t passed;

    if (gil->holder == NULL || gil->held_since < since)
        return;
    passed = (uint64_t)(gil->at - gil->held_since);
    gil->holder->tally.counts[PPY_DELAYED] += passed;
    if (gil->waiting == 0)
        gil->contended += passed;
}

/* It is now. */
static void begin_wait(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    thread->wanted_at = gil->at;
    thread->cpu_bound = comes_back_to_compute(thread, gil->at);
    if (thread->cpu_bound) {
        thread->wanted_at = thread->let_go_at;
        count_detention(gil, thread->let_go_at);
    }
    gil->waiting++;
}

void ppy_observe_want(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = is_observed(gil) ? this_one(gil) : NULL;

    if (thread == NULL || thread->wanted_at != 0)
        return;
    now_in(gil);
    begin_wait(gil, thread);
}

void ppy_observe_ask(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = is_observed(gil) ? this_one(gil) : NULL;

    if (thread == NULL || gil->holder == NULL)
        return;
    thread->tally.counts[PPY_REQUESTS_MADE]++;
    gil->holder->tally.counts[PPY_REQUESTS_SUFFERED]++;
    if (gil->asked_at == 0)
        gil->asked_at = now_in(gil);
}

static void end_wait(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    int64_t waited = gil->at - thread->wanted_at;

    ppy_tally_add(&thread->tally, thread->cpu_bound ? PPY_WAIT_CPU : PPY_WAIT,
                  waited);
    thread->tally.counts[PPY_WAITED] += (uint64_t)waited;
    draw(gil, &thread->waited, thread->wanted_at);
    thread->wanted_at = 0;
    gil->waiting--;
}

void ppy_observe_take(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = is_observed(gil) ? this_one(gil) : NULL;

    if (thread == NULL)
        return;
    now_in(gil);
    thread->tally.counts[PPY_ACQUISITIONS]++;
    if (thread->wanted_at == 0 && comes_back_to_compute(thread, gil->at))
        begin_wait(gil, thread);
    if (thread->wanted_at != 0)
        end_wait(gil, thread);
    else
        thread->cpu_bound = false;
    begin_hold(gil, thread);
}

static void end_hold(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    bool forced = gil->asked_at != 0;
    bool cpu_bound = forced || thread->cpu_bound;

    ppy_tally_add(&thread->tally, cpu_bound ? PPY_HOLD_CPU : PPY_HOLD,
                  gil->at - gil->held_since);
    if (forced)
        ppy_tally_add(&thread->tally, PPY_RESPONSE, gil->at - gil->asked_at);
    thread->tally.counts[forced ? PPY_FORCED : PPY_VOLUNTARY]++;
    draw(gil, &thread->held, gil->held_since);
    thread->was_forced = forced;
    thread->let_go_at = thread->detained_until = gil->at;
}

void ppy_observe_let_go(ppy_observed_t *gil)
{
    if (!is_observed(gil) || gil->holder == NULL)
        return;
    now_in(gil);
    end_hold(gil, gil->holder);
    gil->holder = NULL;
}

void ppy_observe_detained(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = is_observed(gil) ? this_one(gil) : NULL;

    if (thread != NULL)
        thread->detained_until = ppt_now();
}

void ppy_observe_anew(ppy_observed_t *gil)
{
    if (is_observed(gil))
        begin(gil);
}

void ppy_observe_forget(ppy_observed_t *gil)
{
    if (is_observed(gil))
        __atomic_sub_fetch(&ppy_observing, 1, __ATOMIC_RELAXED);
    gil->observers = 0;
}

/* --- from Python ----------------------------------------------------------- */

/* O3 */
void ppy_observe_begin(ppy_observed_t *gil)
{
    if (gil->observers++ != 0)
        return;
    __atomic_add_fetch(&ppy_observing, 1, __ATOMIC_RELAXED);
    begin(gil);
    begin_hold(gil, this_one(gil));
}

void ppy_observe_end(ppy_observed_t *gil)
{
    if (!is_observed(gil) || --gil->observers != 0)
        return;
    now_in(gil);
    __atomic_sub_fetch(&ppy_observing, 1, __ATOMIC_RELAXED);
}

static void reset(ppy_observed_t *gil, ppy_observed_thread_t *thread)
{
    ppy_tally_t none = { { 0 }, { 0 }, { 0 }, { { 0 } } };
    ppy_timeline_t empty = { 0, { 0 } };

    if (has_ended(thread)) {
        gil->waiting -= thread->wanted_at != 0;
        gil->used -= thread->is_used;
        clear(thread);
        return;
    }
    thread->tally = none;
    thread->held = thread->waited = empty;
    if (thread->wanted_at != 0)
        thread->wanted_at = gil->at;
    thread->let_go_at = gil->at;
}

void ppy_observe_reset(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread;

    if (!is_observed(gil))
        return;
    now_in(gil);
    for (thread = gil->threads; thread != NULL; thread = thread->next)
        reset(gil, thread);
    count_from_now(gil);
    gil->held_since = gil->at;
}

/* Not in the midst of a character. */
static size_t length_that_fits(const char *name)
{
    size_t length = strlen(name);

    if (length < PPY_NAME)
        return length;
    length = PPY_NAME - 1;
    while (((unsigned char)name[length] & 0xC0) == 0x80)
        length--;
    return length;
}

void ppy_observe_name(ppy_observed_t *gil, const char *name)
{
    ppy_observed_thread_t *thread = is_observed(gil) ? this_one(gil) : NULL;
    size_t length = length_that_fits(name);

    if (thread == NULL)
        return;
    memcpy(thread->name, name, length);
    thread->name[length] = 0;
}

/* As if its hold and its wait ended now. */
static void copy_one(const ppy_observed_t *gil, ppy_observed_thread_t *copy,
                     const ppy_observed_thread_t *thread)
{
    *copy = *thread;
    copy->ended = has_ended(thread);
    if (thread == gil->holder)
        draw(gil, &copy->held, gil->held_since);
    if (thread->wanted_at == 0)
        return;
    copy->tally.counts[PPY_WAITED] += (uint64_t)(gil->at - thread->wanted_at);
    draw(gil, &copy->waited, thread->wanted_at);
}

size_t ppy_observe_copy(ppy_observed_t *gil, ppy_observed_t *copy,
                        ppy_observed_thread_t *threads, size_t room)
{
    const ppy_observed_thread_t *thread = gil->threads;
    size_t found = 0;

    if (is_observed(gil))
        now_in(gil);
    *copy = *gil;
    if (gil->others != NULL && found++ < room)
        copy_one(gil, &threads[found - 1], gil->others);
    for (; thread != NULL; thread = thread->next)
        if (thread->is_used && found++ < room)
            copy_one(gil, &threads[found - 1], thread);
    return found;
}
