/*
 * spin.c - whether to spin, or to yield, before sleeping.
 *
 * Idea
 *   Spinning keeps a waker on the same CPU from running.  Spinning for a waker
 *   on another CPU saves two system calls and a cross-CPU wake-up, if it acts
 *   soon.  So a thread does not spin if the last waiter was woken from its own
 *   CPU.  It spins for as long as that wake-up and another one take, which may
 *   be 5 or 50 microseconds each: whoever is to wake it may have to be woken
 *   first.  (To spin for as long as the alternative takes costs at most twice
 *   the best: Karlin, Li, Manasse, Owicki, Empirical Studies of Competitive
 *   Spinning for a Shared-Memory Multiprocessor, 1991.)  Each thread that has
 *   slept measures it.  But where threads outnumber CPUs, others want the CPU
 *   that spins.  So after 20 microseconds the thread yields between two looks,
 *   and sleeps as soon as one of them has let another thread run.  If spinning
 *   has been in vain, waiters do not spin for a while, and then try it once.
 *   Each queue learns for itself.  At a new queue, which has not learnt yet,
 *   the thread goes by its own last waits: many objects, such as the condition
 *   of a future, are waited for only once.
 *   A thread that does not spin yields a few times: if the waker runs on this
 *   CPU, a yield to it and one back cost less than to fall asleep and to be
 *   woken up.  But a CPU-bound thread may be next, and keep the CPU for
 *   milliseconds.  After that the thread does not yield for many times as
 *   long, so that it loses a small share of its time at most.
 *   Spinning pays on more than one CPU only, and a running process may be
 *   given more CPUs or fewer.  So the system is asked again now and then, by
 *   threads that have slept or are about to yield: compared with that, reading
 *   the clock takes no time.
 *
 * State
 *   hint.waker    where the last waker was; UNKNOWN: nothing is known
 *   hint.credit   above 0: spins that may begin until the break; 0: as many
 *                 as a success allows for, since nothing is known
 *                 below 0: waits until the break is over
 *                 A spin is paid for when it begins, not when it has failed:
 *                 of many threads that begin to wait at once only a few spin.
 *                 The credit of a queue is written by its waiters and wakers,
 *                 a thread's own by itself.
 *   own.yields_from  when this thread may yield again, or spin for long
 *   latency       what remote wake-ups take, in nanoseconds, in the mean
 *   cpus.count    how many CPUs the process has, as far as is known
 *   cpus.period   when the system was asked last
 *   cpus.most, cpus.lower  the samples since one agreed with count: the most
 *                 CPUs in one of them, and how many samples there were
 *
 * Races
 *   A queue's hint, latency and cpus are read and written without a lock, each
 *   field by relaxed atomic loads and stores.  Nothing is reached through them and
 *   nothing is published by them: they select between ways to wait that are
 *   all correct.  So any value that was ever stored will do, and an update
 *   that another thread overwrites is made again by the next wait.
 *   Two samples at once: one thread claims each period with an exchange, so the
 *   second sample comes 0.1 s later at the earliest.  If the first thread is
 *   preempted for as long as that, count is what either of them saw, until the
 *   next sample.
 *
 * SPDX-License-Identifier: MIT
 */
#include "spin.h"

#include <stdint.h>

#include "port/port.h"

/* Spins without a success before a break, and how many waits that lasts. */
#define CREDIT 8
#define BREAK 32

/*
 * The least and the most that a remote wake-up is taken to take.  One that took
 * longer waited for a CPU that ran something else, which tells nothing about
 * the next one.
 */
#define LATENCY_LEAST_NS (PPT__SPIN_NS / 2)
#define LATENCY_MOST_NS (PPT__SPIN_LIMIT_NS / 2)

/*
 * A yield that took longer was a loss, to be repaid so many times over.  It
 * counts for a few time slices at most (3 to 4 ms on Linux): a thread that
 * was away for longer was stopped, or its machine was, which tells nothing
 * about the next yield.  So a thread does without yields for half a second at
 * most.
 */
#define LOSS_NS 200000
#define LOSS_MOST_NS 10000000
#define REPAID 50

/*
 * The system is asked for the number of CPUs once in a period of 2^27 ns,
 * 0.13 s, at most, which takes a microsecond.  More CPUs than before are
 * believed at once, fewer after so many periods: a thread sees only its own
 * CPUs and those of the first thread, another one may see more.
 */
#define PERIOD_SHIFT 27
#define LOOKS_TO_LOWER 8

enum { UNKNOWN, LOCAL, REMOTE };

static _Thread_local struct {
    ppt_hint_t hint;
    int64_t yields_from;
} own;

static int32_t latency = LATENCY_LEAST_NS;

static struct {
    int count;
    int most;
    int lower;
    uint32_t period;
} cpus = { .count = 1 };

static int waker_of(const ppt_hint_t *hint)
{
    return __atomic_load_n(&hint->waker, __ATOMIC_RELAXED);
}

static int credit_of(const ppt_hint_t *hint)
{
    return __atomic_load_n(&hint->credit, __ATOMIC_RELAXED);
}

static void set_waker(ppt_hint_t *hint, bool remote)
{
    __atomic_store_n(&hint->waker, remote ? REMOTE : LOCAL, __ATOMIC_RELAXED);
}

static void set_credit(ppt_hint_t *hint, int credit)
{
    __atomic_store_n(&hint->credit, (int8_t)credit, __ATOMIC_RELAXED);
}

static bool pays(ppt_hint_t *hint)
{
    int credit = credit_of(hint);

    if (waker_of(hint) == LOCAL)
        return false;
    if (credit < -1) {
        set_credit(hint, credit + 1);
        return false;
    }
    if (credit == 0)
        credit = CREDIT;
    set_credit(hint, credit > 1 ? credit - 1 : -BREAK);
    return true;
}

static void spun(ppt_hint_t *hint, bool success)
{
    if (success)
        set_credit(hint, CREDIT);
}

static void learn(ppt_hint_t *hint, bool remote, bool spins, bool success)
{
    set_waker(hint, remote);
    if (spins)
        spun(hint, success);
}

static bool is_new(const ppt_hint_t *hint)
{
    return waker_of(hint) == UNKNOWN && credit_of(hint) == 0;
}

int ppt__cpu_count(void)
{
    return __atomic_load_n(&cpus.count, __ATOMIC_RELAXED);
}

/* The waker may be a thread that cpus_allowed does not ask about. */
static int cpus_seen(void)
{
    int n = ppt__cpus_allowed();

    return n == 1 && waker_of(&own.hint) == REMOTE ? 2 : n;
}

static void look_at_cpus(void)
{
    int n = cpus_seen();
    int most = __atomic_load_n(&cpus.most, __ATOMIC_RELAXED);
    int lower = __atomic_load_n(&cpus.lower, __ATOMIC_RELAXED) + 1;

    if (n > most)
        most = n;
    if (most >= ppt__cpu_count() || lower == LOOKS_TO_LOWER) {
        __atomic_store_n(&cpus.count, most, __ATOMIC_RELAXED);
        most = 0;
        lower = 0;
    }
    __atomic_store_n(&cpus.most, most, __ATOMIC_RELAXED);
    __atomic_store_n(&cpus.lower, lower, __ATOMIC_RELAXED);
}

static void look_now_and_then(int64_t now)
{
    uint32_t period = (uint32_t)(now >> PERIOD_SHIFT);

    if (__atomic_load_n(&cpus.period, __ATOMIC_RELAXED) != period
        && __atomic_exchange_n(&cpus.period, period, __ATOMIC_RELAXED)
               != period)
        look_at_cpus();
}

/* Before main: the first wait knows. */
__attribute__((constructor)) static void first_look(void)
{
    look_at_cpus();
}

bool ppt__spin_pays(ppt_waitq_t *queue)
{
    if (ppt__cpu_count() == 1)
        return false;
    return pays(is_new(&queue->hint) ? &own.hint : &queue->hint);
}

void ppt__spin_done(ppt_waitq_t *queue, bool success)
{
    spun(&queue->hint, success);
    spun(&own.hint, success);
}

void ppt__spin_learn(ppt_waitq_t *queue, bool remote, bool spins, bool success)
{
    learn(&queue->hint, remote, spins, success);
}

void ppt__spin_note(bool remote, bool spins, bool success)
{
    learn(&own.hint, remote, spins, success);
    if (!success)
        look_now_and_then(ppt__now());
}

int64_t ppt__spin_limit(void)
{
    return 2 * (int64_t)__atomic_load_n(&latency, __ATOMIC_RELAXED);
}

void ppt__spin_measured(int64_t ns)
{
    int32_t mean = __atomic_load_n(&latency, __ATOMIC_RELAXED);

    if (ns < 0 || ns > LATENCY_MOST_NS)
        return;
    mean += ((int32_t)ns - mean) / 8;
    if (mean < LATENCY_LEAST_NS)
        mean = LATENCY_LEAST_NS;
    __atomic_store_n(&latency, mean, __ATOMIC_RELAXED);
}

bool ppt__yield_pays(int64_t now)
{
    look_now_and_then(now);
    return now >= own.yields_from;
}

bool ppt__yield_done(int64_t begin, int64_t now)
{
    int64_t took = now - begin;

    if (took <= LOSS_NS)
        return true;
    if (took > LOSS_MOST_NS)
        took = LOSS_MOST_NS;
    own.yields_from = now + REPAID * took;
    return false;
}

bool ppt__spin_remote(const ppt_waitq_t *queue)
{
    return waker_of(&queue->hint) == REMOTE;
}

bool ppt_woken_remotely(void)
{
    return waker_of(&own.hint) == REMOTE;
}
