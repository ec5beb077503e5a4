/*
 * insist.c - asking for the GIL again, on behalf of threads that wait for it.
 *
 * Idea
 *   A request can get lost: the holder lets go, but another CPU-bound thread
 *   takes the GIL.  Whoever asked is by then asleep inside CPython, and will
 *   not ask again for a switch interval.  So a thread of our own does: it
 *   runs no Python, is started when somebody waits, and ends when nobody has
 *   for some time.
 *
 * State            guard: lock
 *   runs           whether that thread exists
 *   waiting        threads that wait for a GIL; of them, each account has its
 *                  own (priority.c)
 *
 * Invariants
 *   I1  A GIL is touched while threads of its interpreter wait for it, under
 *       the lock that they take when they have it: it exists.
 *   I2  In the child of a fork nobody waits, and the thread is not there.
 *   I3  A thread that has just got the GIL may be asked itself, before it has
 *       said so.  If nobody else waits, it takes that back: otherwise it
 *       would let go, and wait for ever for another one to take it.
 *   I4  When the interpreter shuts down, requests are withdrawn (gil.c, G2),
 *       and the thread ends.
 */
#include "core.h"

#include <signal.h>
#include <time.h>

/*
 * How often to ask CPU-bound threads, and to look for some where none is
 * known; when to fall asleep since nobody waits; when to end.
 */
#define RENEW_NS 100000
#define LOOK_NS 500000
#define AWAKE_NS 10000000
#define IDLE_NS 100000000

/* How often to take back what was asked for, at shutdown. */
#define WITHDRAWALS 100

static ppt_lock_t lock = PPT_LOCK_INITIALIZER;
static ppt_cond_t work = PPT_COND_INITIALIZER;
static bool runs;
static int waiting;

static void nap(long length)
{
    struct timespec time = { 0, length };

    ppt_lock_release(&lock);
    nanosleep(&time, NULL);
    ppt_lock_acquire(&lock, PPT_FOREVER);
}

/* Asleep; false if there is nothing to do any more. */
static bool await_work(void)
{
    int64_t deadline = ppt_deadline(IDLE_NS);
    int result = 0;

    while (waiting == 0 && result == 0)
        result = ppt_cond_wait(&work, &lock, deadline);
    return waiting > 0;
}

/* Until nobody has waited for some time. */
static void watch_all(void)
{
    long round = RENEW_NS;
    long idle = 0;

    while (idle < AWAKE_NS && !ppy_is_finalizing()) {
        nap(round);
        idle = waiting > 0 ? 0 : idle + round;
        round = ppy_accounts_watch() ? RENEW_NS : LOOK_NS;
    }
}

/*
 * I4: again and again, for whoever was asked may be about to wait.  Threads
 * that wait for the GIL now may never say that they have it: they end.
 */
static void withdraw_all(void)
{
    int rounds;

    for (rounds = 0; rounds < WITHDRAWALS; rounds++) {
        ppy_accounts_withdraw();
        nap(RENEW_NS);
    }
    waiting = 0;
    ppy_accounts_forget();
}

static void *insist(void *Py_UNUSED(arg))
{
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

void ppy_insist_begin(int *of_account)
{
    ppt_lock_acquire(&lock, PPT_FOREVER);
    ++*of_account;
    waiting++;
    if (!runs)
        runs = start();
    else
        ppt_cond_signal(&work); /* it is awake most of the time */
    ppt_lock_release(&lock);
}

/* I2, I4: in a child, and after a shutdown, nobody is counted. */
bool ppy_insist_end(int *of_account)
{
    bool last;

    ppt_lock_acquire(&lock, PPT_FOREVER);
    if (*of_account > 0) {
        --*of_account;
        waiting--;
    }
    last = *of_account == 0;
    ppt_lock_release(&lock);
    return last;
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
    waiting = 0;
    ppy_accounts_after_fork();
}
