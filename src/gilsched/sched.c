/*
 * sched.c - who gets an interpreter's lock next.
 *
 * Idea
 *   PythonPlus's: a thread back from I/O goes before those that compute.  The
 *   interpreter tells what it does anyway: a thread wants its lock, has it,
 *   lets go of it.  So all is known and nothing is sampled: who waits, who
 *   was asked to let go, for how long each held the lock.  As in lock.c, a
 *   release frees the lock and wakes one waiter, and no other one before that
 *   one has come; whoever comes first may take it.
 *
 * State, all guarded by the caller's guard
 *   io, cpu          the waiters of each class; the queues' own guards are
 *                    not used
 *   holder           who has the lock
 *   coming           who was woken and has not come yet
 *   contended_since  since when somebody waits during this hold; 0: nobody
 *                    does, but for who is coming
 *   asked_at         when the holder was asked to let go
 *   left_until       till when the free lock is left for the thread that let
 *                    go of it; 0: it is not
 *
 * Invariants
 *   S1  While the lock is free and somebody is queued, one is coming, or the
 *       first of the CPU-bound threads watches (S7).
 *   S2  The last of each queue keeps time: it was awake when it queued, and
 *       sleeps until something is to be done for its queue, for PATIENCE or a
 *       slice at most.  A queue whose last is taken out is empty.  The others
 *       look after a slice, and ask if the last has asked in vain: CPython up
 *       to 3.12 tells the thread's own interpreter, and the holder may be of
 *       another one.
 *   S3  Whoever is chosen is woken by the chooser before the guard is
 *       released, but for the system call (waitq I2).  So it takes the post
 *       before it goes on, and its waiter is of no more use to the chooser.
 *   S4  coming is replaced when it has not come for PATIENCE: by the first in
 *       its queue, when one that keeps time looks, or at the next release.
 *   S5  A holder is asked at most once in PATIENCE.  A hold that begins is not
 *       asked yet: so a request that another thread's hold has swallowed is
 *       made again, by the thread that comes, by the next one that wants the
 *       lock, or by the one that keeps time.
 *   S6  Who asks leaves its queue for a moment, with the guard held, and comes
 *       back to its place.  It may as well not come back.
 *   S7  The first CPU-bound thread in line watches while no others wait and
 *       the holder is one that was back within BRIEF after its last release:
 *       it sleeps for BRIEF at a time.  When such a holder lets go, nobody is
 *       woken, unless CPU-bound threads are owed time or a slice; the thread
 *       that watches takes the lock if it is still free after BRIEF.  So two
 *       threads that wake each other through pipes are not interrupted at
 *       each step, and the lock is not idle for longer than two such sleeps.
 *       No CPU-bound thread leaves the lock alone while others are queued.
 *   S8  Among CPU-bound threads none is served much more than two slices more
 *       than another that waits, whoever finds the lock free when it comes
 *       back: one that leads by a slice does not resume first, and leaves a
 *       free lock to the others; by two, it is asked to let go (as in a fair
 *       queue of virtual time, Demers, Keshav and Shenker 1989).  A thread
 *       that was away is owed no more than some slices, and a call that kept
 *       the lock for long counts for no more than two.
 *   S9  Others look at a thread only while it is queued, and so asleep or about
 *       to be.  One that asks or is on its way may have ended, and so may the
 *       holder: what is to be known of them is in fields of the scheduler.
 *       CPython up to 3.13 ends threads in take_gil, while it shuts down: on
 *       the word of ASK, or after they have taken the lock and let go of it.
 *       For one that is on its way and does not come there is S4, but a
 *       CPU-bound queue is looked after once in a slice only.
 *
 * Races
 *   Lost wake-up: S1, S3.  Lost request: S5, S2.  Starvation of CPU-bound
 *   threads: account.c; of the others: they are first unless CPU-bound ones
 *   are owed time; of one that is overtaken whenever it comes: it queues in
 *   front, and has the holder asked after PATIENCE.
 *
 * SPDX-License-Identifier: MIT
 */
#include "account.h"

#include <stddef.h>

#include "../wait/waitq.h"
#include "../wait/word64.h"

#define PATIENCE PPT_GILSCHED_PATIENCE_NS
#define BRIEF PPT_GILSCHED_BRIEF_NS

/* S8, in slices: what a thread is owed at most, and what a hold counts for. */
#define OWED_MOST 4
#define HELD_MOST 2

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define MILLION 1000000

/* Without the guard, others may read meanwhile. */
static void count(uint64_t *counter)
{
    ppt__store64(counter, *counter + 1);
}

static void add(int64_t *sum, int64_t length)
{
    ppt__store64((uint64_t *)sum, (uint64_t)(*sum + length));
}

static int64_t clock_of(const ppt_gilsched_t *sched)
{
    return sched->now != NULL ? sched->now() : ppt__now();
}

/* Of the calling thread. */
static uint64_t sleeps_of(const ppt_gilsched_t *sched)
{
    return sched->sleeps != NULL ? sched->sleeps() : ppt__sleeps();
}

/* The holder is CPU-bound, and has been since then. */
static void computes(ppt_gilsched_t *sched, int64_t since, int64_t now)
{
    ppt__account_want(&sched->account, since, now);
    ppt__account_take(&sched->account, since, now);
    sched->computes_since = since;
}

/* Others have waited for PATIENCE: the holder is CPU-bound. */
static void notice_holder(ppt_gilsched_t *sched, int64_t now)
{
    int64_t since = sched->contended_since;

    if (sched->holder != NULL && sched->computes_since == 0 && since != 0
        && now - since >= PATIENCE)
        computes(sched, since, now);
}

/* The time of an event. */
static int64_t now_in(ppt_gilsched_t *sched)
{
    int64_t now = clock_of(sched);

    ppt__account_run(&sched->account, now);
    notice_holder(sched, now);
    return now;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t slice_of(const ppt_gilsched_t *sched)
{
    if (sched->slice == 0)
        return PPT_GILSCHED_SLICE_NS;
    return sched->slice < HOUR_NS ? sched->slice : HOUR_NS;
}

static uint32_t share_of(const ppt_gilsched_t *sched)
{
    uint32_t share = __atomic_load_n(&sched->cpu_share, __ATOMIC_RELAXED);

    if (share == 0)
        return PPT_GILSCHED_CPU_SHARE;
    return share < MILLION ? share : MILLION - 1;
}

static ppt__waiter_t *waiter_of(ppt_gilsched_thread_t *thread)
{
    return (ppt__waiter_t *)&thread->waiter;
}

static ppt_waitq_t *queue_of(ppt_gilsched_t *sched,
                             const ppt_gilsched_thread_t *thread)
{
    return thread->cpu_bound ? &sched->cpu : &sched->io;
}

static bool anybody_waits(const ppt_gilsched_t *sched)
{
    return sched->io.head != NULL || sched->cpu.head != NULL;
}

/* Queued, or woken and not there yet. */
static bool cpu_bound_wait(const ppt_gilsched_t *sched)
{
    return sched->cpu.head != NULL
           || (sched->coming != NULL && sched->coming_is_cpu_bound);
}

static int64_t debt(const ppt_gilsched_t *sched)
{
    return ppt__account_debt(&sched->account, share_of(sched));
}

/* --- wanting the lock ---------------------------------------------------- */

/* From here on it is up to the thread when it wants the lock again. */
static void goes_away(const ppt_gilsched_t *sched,
                      ppt_gilsched_thread_t *thread, int64_t now)
{
    thread->away_since = now;
    thread->sleeps = sleeps_of(sched);
    thread->back = false;
}

/*
 * A thread that was asked to let go, and happened to do so for something that
 * blocks, is not CPU-bound.  One that only had no CPU is.
 */
static void look_at_class(const ppt_gilsched_t *sched,
                          ppt_gilsched_thread_t *thread, int64_t now)
{
    if (!thread->cpu_bound || thread->back
        || now - thread->away_since <= PATIENCE
        || thread->sleeps == sleeps_of(sched))
        return;
    thread->cpu_bound = thread->resumes = false;
    thread->used = 0;
}

/* What the CPU-bound thread that is next has been served: if there is one. */
static int64_t next_served(const ppt_gilsched_t *sched)
{
    const ppt_gilsched_thread_t *first =
        (const ppt_gilsched_thread_t *)sched->cpu.head;

    return first != NULL ? first->served : sched->coming_served; /* S9 */
}

/* S8 */
static bool leads(const ppt_gilsched_t *sched,
                  const ppt_gilsched_thread_t *thread)
{
    return thread->cpu_bound && cpu_bound_wait(sched)
           && thread->served - next_served(sched) >= slice_of(sched);
}

/* S8: it comes among the CPU-bound threads. */
static void join(const ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    int64_t least = sched->level - OWED_MOST * slice_of(sched);

    if (thread->served < least)
        thread->served = least;
}

/* S8; known: as CPU-bound, when it took the lock. */
static void serve(const ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                  bool known, int64_t held)
{
    if (!known)
        thread->served = sched->level;
    thread->served += earlier(held, HELD_MOST * slice_of(sched));
}

static void arrive(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                   int64_t now)
{
    look_at_class(sched, thread, now);
    thread->wanted_at = now;
    if (!thread->cpu_bound)
        return;
    ppt__account_want(&sched->account, thread->let_go_at, now);
    join(sched, thread);
    if (!thread->resumes)
        thread->used = 0;
}

/* The post has been given: S3. */
static void come(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                 int64_t now)
{
    if (!thread->woken)
        ppt__waiter_sleep_on(waiter_of(thread));
    ppt__waiter_end(waiter_of(thread));
    thread->queued = thread->woken = false;
    if (sched->coming == thread)
        sched->coming = NULL;
    if (thread->passed_since == 0)
        thread->passed_since = now;
    if (sched->holder != NULL)
        count(&sched->stats.vain_wakes);
}

static void leave(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    if (!thread->queued)
        return;
    ppt__waitq_unlink(queue_of(sched, thread), waiter_of(thread));
    ppt__waiter_end(waiter_of(thread));
    thread->queued = false;
}

/* For a holder that is likely to be short, or has been asked. */
static bool spins(ppt_gilsched_t *sched, const ppt_gilsched_thread_t *thread)
{
    if (thread->cpu_bound)
        return sched->yields && thread->resumes
               && ppt__spin_pays(&sched->cpu);
    return (sched->computes_since == 0 || sched->asked_at != 0)
           && ppt__spin_pays(&sched->io);
}

static void enqueue(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    ppt_waitq_t *queue = queue_of(sched, thread);
    ppt__waiter_t *waiter = waiter_of(thread);

    ppt__waiter_start(waiter, spins(sched, thread));
    waiter->yields = !thread->cpu_bound && sched->computes_since == 0;
    if (thread->returns ? thread->was_first
                        : thread->resumes || thread->passed_since != 0)
        ppt__waitq_push_front(queue, waiter);
    else
        ppt__waitq_push_before(queue, waiter, thread->behind); /* S6 */
    thread->resumes = thread->returns = false;
    thread->behind = NULL;
    thread->queued = true;
}

static bool keeps_time(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    ppt__waiter_t *first = queue_of(sched, thread)->head;

    return first->prev == waiter_of(thread); /* S2 */
}

/* S6 */
static void leave_to_ask(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    if (!thread->queued)
        return;
    thread->returns = true;
    thread->was_first = queue_of(sched, thread)->head == waiter_of(thread);
    if (!keeps_time(sched, thread))
        thread->behind = waiter_of(thread)->next;
    leave(sched, thread);
}

/* When the holder's time slice ends, or its lead over a thread is too long. */
static int64_t slice_end(const ppt_gilsched_t *sched,
                         const ppt_gilsched_thread_t *thread)
{
    int64_t ahead = sched->holder_served - thread->served; /* S8 */

    if (sched->computes_since == 0)
        return sched->contended_since + slice_of(sched);
    ahead -= slice_of(sched);
    return sched->computes_since + slice_of(sched)
           - (ahead > sched->used ? ahead : sched->used);
}

/* When the holder may be asked for a thread back from something that blocks. */
static int64_t interruptible_at(ppt_gilsched_t *sched, int64_t now)
{
    int64_t owed;

    if (sched->computes_since == 0 && !sched->yields)
        return sched->contended_since + PATIENCE;
    owed = debt(sched);
    if (!sched->account.present
        || !ppt__account_repays(&sched->account, owed))
        return now;
    return now + owed * MILLION / (MILLION - (int64_t)share_of(sched));
}

/*
 * For long, by threads that it goes before: not by a CPU-bound one that had
 * made way and resumes.
 */
static bool was_passed_over(ppt_gilsched_t *sched, bool cpu_bound,
                            int64_t passed_since, int64_t now)
{
    return passed_since != 0 && now - passed_since >= PATIENCE
           && (!cpu_bound
               || ppt__account_repays(&sched->account, debt(sched)));
}

static int64_t ask_at(ppt_gilsched_t *sched,
                      const ppt_gilsched_thread_t *thread, int64_t now)
{
    int64_t at;

    if (was_passed_over(sched, thread->cpu_bound, thread->passed_since, now))
        at = now;
    else if (thread->cpu_bound)
        at = slice_end(sched, thread);
    else
        at = interruptible_at(sched, now);
    if (sched->asked_at != 0 && at < sched->asked_at + PATIENCE)
        at = sched->asked_at + PATIENCE; /* S5 */
    return at;
}

void ppt_gilsched_asked(ppt_gilsched_t *sched)
{
    count(&sched->stats.requests);
    if (sched->asked_at != 0)
        count(&sched->stats.renewals);
    sched->asked_at = clock_of(sched);
}

/* S1, S4 */
static bool nobody_comes(const ppt_gilsched_t *sched, int64_t now)
{
    return sched->coming == NULL || now - sched->coming_since >= PATIENCE;
}

/* Whether the holder, or who let go last, is likely to be back soon. */
static bool is_brief(const ppt_gilsched_t *sched)
{
    if (sched->holder == NULL)
        return sched->left_until != 0;
    return sched->holder_is_brief && sched->computes_since == 0;
}

/* S7 */
static void watch(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                  int64_t now)
{
    thread->watches = sched->io.head == NULL
                      && sched->cpu.head == waiter_of(thread)
                      && is_brief(sched);
    if (thread->watches && thread->passed_since == 0)
        thread->passed_since = now;
}

static int64_t longest_sleep(ppt_gilsched_t *sched,
                             ppt_gilsched_thread_t *thread)
{
    if (thread->watches)
        return BRIEF;
    if (thread->cpu_bound || !keeps_time(sched, thread))
        return slice_of(sched);
    return PATIENCE;
}

static int64_t sleep_until(ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread, int64_t at,
                           int64_t now)
{
    int64_t limit;

    if (!thread->queued)
        enqueue(sched, thread);
    watch(sched, thread, now);
    limit = now + longest_sleep(sched, thread);
    return keeps_time(sched, thread) ? earlier(at, limit) : limit;
}

/* One asks; if that was not heard, all do: S2.  Or the one that is awake. */
static bool may_ask(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    return !thread->queued || keeps_time(sched, thread) || thread->watches
           || sched->asked_at != 0;
}

/* The lock is held. */
static int wait_or_ask(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                       int64_t now, int64_t *until)
{
    int64_t at = ask_at(sched, thread, now);

    if (at <= now && may_ask(sched, thread)) {
        leave_to_ask(sched, thread);
        return PPT_GILSCHED_ASK;
    }
    *until = sleep_until(sched, thread, at, now);
    return PPT_GILSCHED_SLEEP;
}

/*
 * The next CPU-bound thread has waited since a slice was over, and others come
 * all the time: it goes before them.  Else the first one, which is there
 * whenever one of these lets go of the lock, might never queue.
 */
static bool next_slice_is_due(const ppt_gilsched_t *sched, int64_t now)
{
    return sched->slice_over_at != 0
           && now - sched->slice_over_at >= PATIENCE;
}

static ppt_waitq_t *next_queue(ppt_gilsched_t *sched, int64_t now)
{
    if (sched->cpu.head == NULL)
        return &sched->io;
    if (sched->io.head == NULL || next_slice_is_due(sched, now))
        return &sched->cpu;
    return ppt__account_repays(&sched->account, debt(sched))
               ? &sched->cpu
               : &sched->io;
}

/* S9 */
static void expect(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                   int64_t now)
{
    sched->coming = thread;
    sched->coming_since = now;
    sched->coming_is_cpu_bound = thread->cpu_bound;
    sched->coming_served = thread->served;
    sched->coming_passed_since = thread->passed_since;
}

/* S1, S3 */
static void *choose(ppt_gilsched_t *sched, int64_t now)
{
    ppt_waitq_t *queue = next_queue(sched, now);
    ppt__waiter_t *waiter = nobody_comes(sched, now) ? ppt__waitq_pop(queue)
                                                 : NULL;

    if (waiter == NULL)
        return NULL;
    expect(sched, (ppt_gilsched_thread_t *)waiter, now);
    count(&sched->stats.wakes);
    return ppt__waiter_give(waiter, PPT__GRANT_TURN);
}

static bool was_chosen(ppt_gilsched_thread_t *thread)
{
    return thread->queued
           && (__atomic_load_n(&waiter_of(thread)->state, __ATOMIC_RELAXED)
               & PPT__NOTIFIED);
}

/* S7 */
static bool is_left(const ppt_gilsched_t *sched,
                    const ppt_gilsched_thread_t *thread, int64_t now)
{
    return thread->cpu_bound && sched->io.head == NULL
           && now < sched->left_until;
}

/* S8: the lock is free, but for another.  S1: that one is woken. */
static int leave_to_others(ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread, int64_t now,
                           int64_t *until)
{
    thread->resumes = false;
    thread->passed_since = 0;
    *until = sleep_until(sched, thread, PPT_FOREVER, now);
    ppt_gilsched_wake(choose(sched, now));
    return PPT_GILSCHED_SLEEP;
}

/*
 * The lock is free.  S4: if the one that was woken does not come, the next
 * one is; in turn, whoever finds it so.
 */
static int take_or_wait(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                        int64_t now, int64_t *until)
{
    bool left = is_left(sched, thread, now);

    if (leads(sched, thread))
        return leave_to_others(sched, thread, now, until);
    if (thread->queued && !left)
        ppt_gilsched_wake(choose(sched, now));
    if (was_chosen(thread))
        come(sched, thread, now);
    if (nobody_comes(sched, now) && !left) {
        leave(sched, thread);
        return PPT_GILSCHED_TAKE;
    }
    *until = sleep_until(sched, thread,
                         left ? sched->left_until : PPT_FOREVER, now);
    return PPT_GILSCHED_SLEEP;
}

int ppt_gilsched_want(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                      int64_t *until)
{
    int64_t now = now_in(sched);

    if (thread->wanted_at == 0)
        arrive(sched, thread, now);
    if (was_chosen(thread))
        come(sched, thread, now);
    if (sched->contended_since == 0)
        sched->contended_since = now;
    if (sched->holder != NULL)
        return wait_or_ask(sched, thread, now, until);
    return take_or_wait(sched, thread, now, until);
}

bool ppt_gilsched_may_overtake(ppt_gilsched_t *sched,
                               const ppt_gilsched_thread_t *thread)
{
    int64_t now;

    if (leads(sched, thread))
        return false;
    if (!sched->yields)
        return true;
    now = now_in(sched);
    if (nobody_comes(sched, now))
        return true;
    if (sched->coming_is_cpu_bound)
        return !ppt__account_repays(&sched->account, debt(sched));
    return !was_passed_over(sched, false, sched->coming_passed_since, now);
}

void *ppt_gilsched_give_up(ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread)
{
    int64_t now = now_in(sched);

    if (was_chosen(thread))
        come(sched, thread, now);
    leave(sched, thread);
    thread->wanted_at = thread->passed_since = 0;
    thread->returns = false;
    if (!sched->account.computing)
        sched->account.present = cpu_bound_wait(sched);
    if (sched->yields && sched->io.head == NULL)
        sched->asked_at = 0;
    return sched->holder == NULL ? choose(sched, now) : NULL;
}

void ppt_gilsched_sleep(ppt_gilsched_thread_t *thread, int64_t until)
{
    thread->woken = ppt__waiter_sleep(waiter_of(thread), until, 0) == 0;
}

/* --- having it ------------------------------------------------------------ */

static void note_wait(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                      int64_t now)
{
    int64_t waited = now - thread->wanted_at;

    count(&sched->stats.waits);
    if (thread->cpu_bound) {
        count(&sched->stats.cpu_waits);
        add(&sched->stats.cpu_waited, waited);
    } else {
        add(&sched->stats.io_waited, waited);
    }
    thread->wanted_at = 0;
    thread->passed_since = 0;
}

/* S7: it was soon back, whether it has waited since then or not. */
static bool was_brief(const ppt_gilsched_thread_t *thread, int64_t now)
{
    int64_t back_at = thread->wanted_at != 0 ? thread->wanted_at : now;

    return !thread->cpu_bound && back_at - thread->let_go_at < BRIEF;
}

/* S5, where a request costs nothing. */
static void ask_at_once(ppt_gilsched_t *sched, int64_t now)
{
    if (sched->yields && sched->io.head != NULL
        && interruptible_at(sched, now) <= now)
        ppt_gilsched_asked(sched);
}

/* Somebody waits, or waited, or a CPU-bound thread takes it. */
static PPT__SLOW void took_with_the_time(ppt_gilsched_t *sched,
                                         ppt_gilsched_thread_t *thread)
{
    int64_t now = now_in(sched);

    if (thread->wanted_at == 0)
        look_at_class(sched, thread, now);
    if (thread->cpu_bound) {
        ppt__account_want(&sched->account, thread->let_go_at, now);
        join(sched, thread);
        sched->level = thread->served;
        if (!cpu_bound_wait(sched))
            thread->used = 0;
        if (thread->used < slice_of(sched))
            sched->slice_over_at = 0;
        ppt__account_take(&sched->account, now, now);
        sched->computes_since = now;
        sched->used = thread->used;
    }
    thread->brief = was_brief(thread, now);
    if (thread->wanted_at != 0)
        note_wait(sched, thread, now);
    sched->contended_since = anybody_waits(sched) ? now : 0;
    ask_at_once(sched, now);
}

void ppt_gilsched_took(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread)
{
    count(&sched->stats.holds);
    __atomic_store_n(&sched->holder, thread, __ATOMIC_RELAXED); /* is read */
    sched->computes_since = sched->used = 0;
    sched->asked_at = 0;
    sched->contended_since = 0;
    sched->left_until = 0;
    if (thread->wanted_at != 0 || thread->cpu_bound || anybody_waits(sched)
        || sched->coming != NULL)
        took_with_the_time(sched, thread);
    sched->holder_is_brief = thread->brief;
    sched->holder_served = thread->served;
}

/* --- letting go ----------------------------------------------------------- */

static void force_off(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                      int64_t since, int64_t now)
{
    count(&sched->stats.forced);
    thread->cpu_bound = true;
    thread->used = sched->used + now - since;
    thread->resumes = thread->used < slice_of(sched) && !leads(sched, thread);
    thread->let_go_at = now;
    goes_away(sched, thread, now);
    if (!thread->resumes && sched->slice_over_at == 0 && cpu_bound_wait(sched))
        sched->slice_over_at = now;
}

static void end_hold(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                     bool forced, int64_t now)
{
    int64_t since = sched->computes_since;
    bool known = thread->cpu_bound;

    thread->cpu_bound = false;
    thread->used = 0;
    if (since == 0)
        return;
    ppt__account_let_go(&sched->account, cpu_bound_wait(sched));
    add(&sched->stats.cpu_held, now - since);
    serve(sched, thread, known, now - since);
    if (forced)
        force_off(sched, thread, since, now);
}

/* S7 */
static bool leaves_alone(ppt_gilsched_t *sched,
                         const ppt_gilsched_thread_t *thread, int64_t now)
{
    const ppt_gilsched_thread_t *first =
        (const ppt_gilsched_thread_t *)sched->cpu.head;

    return thread->brief && !thread->cpu_bound && sched->io.head == NULL
           && first != NULL && first->watches
           && !next_slice_is_due(sched, now)
           && !ppt__account_repays(&sched->account, debt(sched));
}

static PPT__SLOW void *let_go_with_the_time(ppt_gilsched_t *sched,
                                            ppt_gilsched_thread_t *thread)
{
    int64_t now = now_in(sched);

    end_hold(sched, thread, sched->asked_at != 0 && !sched->yields, now);
    thread->let_go_at = now;
    sched->asked_at = 0;
    __atomic_store_n(&sched->holder, NULL, __ATOMIC_RELAXED);
    if (!leaves_alone(sched, thread, now))
        return choose(sched, now);
    sched->left_until = now + BRIEF;
    return NULL;
}

void *ppt_gilsched_let_go(ppt_gilsched_t *sched,
                          ppt_gilsched_thread_t *thread)
{
    if (sched->computes_since != 0 || sched->contended_since != 0)
        return let_go_with_the_time(sched, thread);
    __atomic_store_n(&sched->holder, NULL, __ATOMIC_RELAXED);
    return NULL;
}

void *ppt_gilsched_yield(ppt_gilsched_t *sched, ppt_gilsched_thread_t *thread,
                         bool slice_over)
{
    int64_t now = now_in(sched);
    int64_t since = sched->contended_since;

    if (sched->computes_since == 0)
        computes(sched, since != 0 ? since : now, now);
    if (slice_over)
        sched->used = slice_of(sched) - (now - sched->computes_since);
    end_hold(sched, thread, true, now);
    sched->asked_at = 0;
    __atomic_store_n(&sched->holder, NULL, __ATOMIC_RELAXED);
    return choose(sched, now);
}

void ppt_gilsched_wake(void *chosen)
{
    if (chosen != NULL)
        ppt__sem_wake(chosen);
}

void ppt_gilsched_detained(const ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread)
{
    if (thread->cpu_bound)
        goes_away(sched, thread, clock_of(sched));
}

void ppt_gilsched_back(const ppt_gilsched_t *sched,
                       ppt_gilsched_thread_t *thread)
{
    if (!thread->cpu_bound)
        return;
    look_at_class(sched, thread, clock_of(sched));
    thread->back = true;
}

unsigned ppt_gilsched_waiting(const ppt_gilsched_t *sched)
{
    return ppt__waitq_length(&sched->io) + ppt__waitq_length(&sched->cpu);
}

void ppt_gilsched_after_fork(ppt_gilsched_t *sched)
{
    *sched = (ppt_gilsched_t){ .now = sched->now, .sleeps = sched->sleeps,
                               .slice = sched->slice,
                               .cpu_share = sched->cpu_share,
                               .yields = sched->yields };
}
