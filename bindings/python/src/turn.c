/*
 * turn.c - one woken thread at a time.
 *
 * Idea
 *   Threads of a pool, once woken, get into each other's way: each call of a
 *   socket lets go of the GIL, whichever thread waits for it takes it, and
 *   the caller has to be woken up once more to go on.  With sixteen threads
 *   an HTTP server switches twelve times for each request, with one thread
 *   three times (bench/python/servers.py).  So a thread that was woken by a
 *   notify waits for its turn, asleep in our queue instead of CPython's: one
 *   goes on until it waits for the next notify.  Locks that restrict their
 *   concurrency do the same (Dice, "Malthusian Locks", EuroSys 2017).
 *
 *   A turn is cut short where it is of no use: when its thread has no business
 *   with the GIL, nor anybody else, since it waits for a socket or a lock, or
 *   computes without the GIL; when its CPU time has stood still for 0.4 ms;
 *   when a CPU-bound thread is about; and after 5 ms, the switch interval.  Its
 *   thread goes on without one then, and waits for another where it waited
 *   last: when it takes the lock of that condition again.  Where turn after
 *   turn is of no use, as in a pool whose threads ask a database, nobody waits
 *   for turns for 10 ms.
 *
 * State
 *   lock     held while it is somebody's turn; who waits for a turn is queued
 *            there, first come, first served
 *   number   of the turn, unique in the process; 0: it was cut short, or is
 *            over.  Whoever sets it to 0 releases lock; so does who has
 *            taken lock, and starts no turn.
 *   mine     of a thread: the number of its last turn, 0 when it has waited
 *            for a notify since
 *   thread, clock, since    of the turn; set before number, and of use only
 *            while that has not changed
 *   watched, used, still_since, elsewhere, calm    what insist.c's thread has
 *            seen; nobody else looks at them
 *
 * Invariants
 *   T1  number is set to 0 by an atomic operation that succeeds once: the
 *       lock is released once, by the thread itself or on its behalf.
 *   T2  A thread in the queue holds back for MOST_NS at most, whether
 *       somebody looks after turns or not.  None runs handlers of signals.
 *   T3  A turn is nobody's property: a thread may end, or be killed, while
 *       it has one.  So nothing but T1 and T2 may depend on its end.
 */
#include "account.h"
#include "cond_waiters.h"

#include <errno.h>
#include <pthread.h>

/* For so long its thread may stand still while others want the GIL. */
#define STILL_NS 400000

/* In so many looks in a row it is elsewhere: in no short system call. */
#define ELSEWHERE 5

/* After so many turns in a row that were of no use: none for so long. */
#define USELESS 8
#define NONE_NS 10000000

/* How many times twice as rare looks become while a turn's thread goes on. */
#define CALM 2

/* The longest wait: for all that are before it in the queue. */
#define MOST_NS 100000000

static unsigned long last_number;

static _Thread_local unsigned long mine;

static void start(ppy_turn_t *turn, const void *thread)
{
    clockid_t clock;

    mine = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    PPY_STORE(turn->since, ppt_now());
    PPY_STORE(turn->thread, thread);
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0)
        PPY_STORE(turn->clock, clock);
    __atomic_store_n(&turn->number, mine, __ATOMIC_RELEASE);
}

/* T1.  False: somebody else has. */
static bool finish(ppy_turn_t *turn, unsigned long number)
{
    if (number == 0
        || !__atomic_compare_exchange_n(&turn->number, &number, 0, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    ppt_lock_release(&turn->lock);
    return true;
}

/* It was of no use, as maybe the turns before. */
static void finish_useless(ppy_turn_t *turn, unsigned long number)
{
    if (finish(turn, number) && PPY_COUNT(turn->useless) + 1 >= USELESS) {
        PPY_STORE(turn->useless, 0);
        PPY_STORE(turn->none_before, ppt_deadline(NONE_NS));
    }
}

/* The CPU time of its thread; -1: that has ended. */
static int64_t used_by(const ppy_turn_t *turn)
{
    int64_t used;

    return ppy_read_clock(PPY_LOAD(turn->clock), &used) ? used : -1;
}

static unsigned long number_of(const ppy_turn_t *turn)
{
    return __atomic_load_n(&turn->number, __ATOMIC_ACQUIRE);
}

/* Or it is in a system call, on another CPU: then its time goes on. */
static bool stands_still(const ppy_turn_t *turn)
{
    return used_by(turn) == used_by(turn);
}

/* Its thread neither has the GIL nor waits for it. */
static bool is_elsewhere(const ppy_account_t *account)
{
    return !ppy_gil_may_concern(account->gil, PPY_LOAD(account->turn.thread));
}

/* By a thread that was woken; its waker may be about to let go of the GIL. */
static void finish_blocked(ppy_account_t *account)
{
    ppy_turn_t *turn = &account->turn;
    unsigned long number = number_of(turn);

    ppy_await_waker(account->gil);
    if (number_of(turn) == number && is_elsewhere(account)
        && stands_still(turn))
        finish_useless(turn, number);
}

/* Where waiters cannot be seen, useless turns cannot be told from others. */
static bool are_useful(const ppy_turn_t *turn)
{
    return ppy_cond_waiters_known()
           && ppt_now() >= PPY_LOAD(turn->none_before);
}

/* T2 */
static bool queue_up(ppy_account_t *account, int64_t deadline)
{
    int64_t last = ppt_deadline(MOST_NS);
    int result = ETIMEDOUT;

    PPY_COUNT(ppy_turns);
    if (ppy_insist_begin(&account->aside))
        result = ppt_lock_acquire(&account->turn.lock,
                                  deadline < last ? deadline : last);
    ppy_insist_end(&account->aside);
    return result == 0;
}

static bool try(ppy_turn_t *turn)
{
    return ppt_lock_acquire(&turn->lock, PPT_TRY) == 0;
}

/* Turns may be of no use by now: then all who wait go on, one by one. */
static bool await_turn(ppy_account_t *account, int64_t deadline)
{
    ppy_turn_t *turn = &account->turn;

    finish_blocked(account);
    if (!are_useful(turn) || (!try(turn) && !queue_up(account, deadline)))
        return false;
    if (are_useful(turn))
        return true;
    ppt_lock_release(&turn->lock);
    return false;
}

void ppy_turn_begin(ppy_account_t *account, const void *thread,
                    int64_t deadline)
{
    if (try(&account->turn) || await_turn(account, deadline))
        start(&account->turn, thread);
}

void ppy_turn_break(ppy_account_t *account)
{
    finish(&account->turn, mine);
}

void ppy_turn_end(ppy_account_t *account)
{
    if (finish(&account->turn, mine))
        PPY_STORE(account->turn.useless, 0);
    mine = 0;
}

bool ppy_turn_is_others(const ppy_account_t *account)
{
    unsigned long number = PPY_LOAD(account->turn.number);

    return number != 0 && number != mine;
}

bool ppy_turn_had(void)
{
    return mine != 0;
}

static void look(ppy_account_t *account, unsigned long number, int64_t now)
{
    ppy_turn_t *turn = &account->turn;
    int64_t used = used_by(turn);

    if (number != turn->watched) {
        turn->watched = number;
        turn->elsewhere = 0;
        turn->still_since = now;
    } else if (used != turn->used) {
        turn->calm += turn->calm < CALM;
        turn->still_since = now;
    }
    turn->used = used;
    turn->elsewhere = is_elsewhere(account) ? turn->elsewhere + 1 : 0;
    if (turn->elsewhere > 0)
        turn->calm = 0; /* look closely */
}

static bool is_useless(const ppy_turn_t *turn, int64_t now)
{
    int64_t still = now - turn->still_since;

    return still >= STILL_NS || turn->elsewhere >= ELSEWHERE
           || (still > 0 && turn->elsewhere > 0);
}

static bool is_over(const ppy_account_t *account, int64_t now)
{
    return ppy_bound_any(account)
           || now - PPY_LOAD(account->turn.since) >= PPY_PATIENCE_NS;
}

static void watch(ppy_account_t *account, unsigned long number, int64_t now)
{
    look(account, number, now);
    if (is_useless(&account->turn, now))
        finish_useless(&account->turn, number);
    else if (is_over(account, now))
        finish(&account->turn, number);
}

int64_t ppy_turn_watch(ppy_account_t *account, int64_t now)
{
    ppy_turn_t *turn = &account->turn;
    unsigned long number = number_of(turn);

    if (ppt_lock_waiting(&turn->lock) == 0)
        return 0;
    if (number != 0)
        watch(account, number, now);
    return (int64_t)PPY_QUICK_NS << turn->calm;
}

void ppy_turn_after_fork(ppy_account_t *account)
{
    ppt_lock_after_fork(&account->turn.lock);
    account->turn.number = 0;
}
