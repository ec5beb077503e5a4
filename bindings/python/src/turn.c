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
 *   A turn is cut short where it is of no use: when its thread waits for
 *   something else, a socket or a lock, so that the GIL is idle, or its CPU
 *   time stands still; when a CPU-bound thread is about; and after 5 ms, the
 *   switch interval.  Its thread goes on without one then, and waits for another
 *   where it waited last: when it takes the lock of that condition again.
 *
 * State
 *   lock     held while it is somebody's turn; who waits for a turn is queued
 *            there, first come, first served
 *   number   of the turn, unique in the process; 0: it was cut short, or is
 *            over.  Whoever sets it to 0 releases lock.
 *   mine     of a thread: the number of its last turn, 0 when it has waited
 *            for a notify since
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

#include <errno.h>
#include <pthread.h>

/* How many looks at a thread that stands still. */
#define STALLS 5

/* The longest wait: for all that are before it in the queue. */
#define MOST_NS 100000000

static unsigned long last_number;

static _Thread_local unsigned long mine;

static void start(ppy_turn_t *turn)
{
    clockid_t clock;

    mine = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    PPY_STORE(turn->since, ppt_now());
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0)
        PPY_STORE(turn->clock, clock);
    __atomic_store_n(&turn->number, mine, __ATOMIC_RELEASE);
}

/* T1 */
static void finish(ppy_turn_t *turn, unsigned long number)
{
    if (number != 0
        && __atomic_compare_exchange_n(&turn->number, &number, 0, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ppt_lock_release(&turn->lock);
}

/* If nobody has the GIL, or wants it, the turn is of no use. */
static void finish_idle(ppy_account_t *account)
{
    unsigned long number = __atomic_load_n(&account->turn.number,
                                           __ATOMIC_ACQUIRE);

    if (ppy_await_waker(account->gil) && ppy_gil_is_idle(account->gil))
        finish(&account->turn, number);
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

/* Where nobody else waits for the GIL it does no harm to do so. */
void ppy_turn_begin(ppy_account_t *account, int64_t deadline)
{
    bool taken = try(&account->turn);

    if (!taken) {
        finish_idle(account);
        taken = try(&account->turn)
                || (ppy_gil_waiters(account->gil) > 0
                    && queue_up(account, deadline));
    }
    if (taken)
        start(&account->turn);
}

void ppy_turn_break(ppy_account_t *account)
{
    finish(&account->turn, mine);
}

void ppy_turn_end(ppy_account_t *account)
{
    ppy_turn_break(account);
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

/* Has its thread stood still for some looks? */
static bool has_stalled(ppy_turn_t *turn, unsigned long number)
{
    int64_t used = turn->used;
    bool stands = !ppy_read_clock(PPY_LOAD(turn->clock), &turn->used)
                  || turn->used == used;

    turn->stalls = stands && number == turn->watched ? turn->stalls + 1 : 0;
    turn->watched = number;
    return turn->stalls >= STALLS;
}

static bool is_over(ppy_account_t *account, unsigned long number, int64_t now)
{
    return has_stalled(&account->turn, number)
           || ppy_gil_is_idle(account->gil) || ppy_bound_any(account)
           || now - PPY_LOAD(account->turn.since) >= PPY_PATIENCE_NS;
}

int64_t ppy_turn_watch(ppy_account_t *account, int64_t now)
{
    ppy_turn_t *turn = &account->turn;
    unsigned long number = __atomic_load_n(&turn->number, __ATOMIC_ACQUIRE);

    if (ppt_lock_waiting(&turn->lock) == 0)
        return 0;
    if (number != 0 && is_over(account, number, now))
        finish(turn, number);
    return PPY_QUICK_NS;
}

void ppy_turn_after_fork(ppy_account_t *account)
{
    ppt_lock_after_fork(&account->turn.lock);
    account->turn.number = 0;
}
