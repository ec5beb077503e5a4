/*
 * insist.c - a thread that looks after the GILs, on behalf of those that wait.
 *
 * Idea
 *   A request can get lost: the holder lets go, but another CPU-bound thread
 *   takes the GIL.  Whoever asked is by then asleep inside CPython, and will
 *   not ask again for a switch interval; and a thread that comes back from a
 *   socket has not asked at all.  So a thread of our own does (bound.c); it
 *   also ends turns that are of no use (turn.c).  It runs no Python, is
 *   started when a thread waits for the GIL or for its turn, and ends when
 *   none has for some time, and no CPU-bound thread is known.
 *
 * State            guard: lock
 *   runs           whether that thread exists
 *   counted        threads that wait; each account has counts of its own
 *
 * Invariants
 *   I1  A GIL is touched while its account is open, under the lock that is
 *       taken to close it: it exists.
 *   I2  In the child of a fork nobody waits, and the thread is not there.
 *   I3  Where waiting threads cannot be seen (cond_waiters.h), a thread that
 *       has just got the GIL may be asked itself, before it has said so.  If
 *       nobody else waits, it takes that back: otherwise it would let go, and
 *       wait for ever for another one to take it.
 *   I4  When the interpreter shuts down, requests are withdrawn (gil.c, G2),
 *       and the thread ends.
 */
#include "core.h"

#include <signal.h>
#include <time.h>

/* How often to look at first; when to end since nobody waits. */
#define LOOK_NS 100000
#define IDLE_NS 100000000

/* How often, and how many times at most, to take back what was asked for. */
#define WITHDRAW_NS 1000000
#define WITHDRAWALS 10000

static ppt_lock_t lock = PPT_LOCK_INITIALIZER;
static ppt_cond_t work = PPT_COND_INITIALIZER;
static bool runs;
static int counted;

static void nap(int64_t length)
{
    struct timespec time = { 0, (long)length };

    ppt_lock_release(&lock);
    nanosleep(&time, NULL);
    ppt_lock_acquire(&lock, PPT_FOREVER);
}

/* Asleep; false if there is nothing to do any more. */
static bool await_work(void)
{
    int64_t deadline = ppt_deadline(IDLE_NS);
    int result = 0;

    while (counted == 0 && result == 0)
        result = ppt_cond_wait(&work, &lock, deadline);
    return counted > 0;
}

static void watch_all(void)
{
    int64_t next = LOOK_NS;

    while (next > 0 && !ppy_is_finalizing()) {
        nap(next);
        next = ppy_accounts_watch();
    }
}

/*
 * I4: again and again until the interpreter has come to its end, for whoever
 * asked may have been about to.  Threads that wait for the GIL now may never
 * say that they have it: they end.
 */
static void withdraw_all(void)
{
    int rounds;

    for (rounds = 0; rounds < WITHDRAWALS && ppy_accounts_withdraw(); rounds++)
        nap(WITHDRAW_NS);
    counted = 0;
    ppy_accounts_forget();
}

static void *insist(void *Py_UNUSED(arg))
{
    ppy_gil_sees_waiters(); /* not on import: that starts no thread */
    ppt_lock_acquire(&lock, PPT_FOREVER);
    while (await_work() && !ppy_is_finalizing())
        watch_all();
    if (ppy_is_finalizing())
        withdraw_all();
    runs = false;
    ppt_lock_release(&lock);
    return NULL;
}

/* Without it, threads wait for the switch interval at worst. */
static bool start(void)
{
    sigset_t all, old;
    pthread_attr_t attributes;
    pthread_t thread;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&thread, &attributes, insist, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

bool ppy_insist_begin(int *count)
{
    bool watched;

    ppt_lock_acquire(&lock, PPT_FOREVER);
    ++*count;
    counted++;
    if (!runs)
        runs = start();
    else
        ppt_cond_signal(&work); /* it is awake most of the time */
    watched = runs;
    ppt_lock_release(&lock);
    return watched;
}

/* I2, I4: in a child, and after a shutdown, nobody is counted. */
bool ppy_insist_end(int *count)
{
    bool last;

    ppt_lock_acquire(&lock, PPT_FOREVER);
    if (*count > 0) {
        --*count;
        counted--;
    }
    last = *count == 0;
    ppt_lock_release(&lock);
    return last;
}

void ppy_insist_set(bool *flag, bool value)
{
    ppt_lock_acquire(&lock, PPT_FOREVER);
    *flag = value;
    ppt_lock_release(&lock);
}

void ppy_insist_before_fork(void)
{
    ppt_lock_acquire(&lock, PPT_FOREVER);
}

void ppy_insist_after_fork_in_parent(void)
{
    ppt_lock_release(&lock);
}

void ppy_insist_after_fork_in_child(void)
{
    ppt_lock_after_fork(&lock);
    ppt_cond_after_fork(&work);
    runs = false;
    counted = 0;
    ppy_accounts_after_fork();
}
