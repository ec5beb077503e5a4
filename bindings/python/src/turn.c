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
 *   when a CPU-bound thread is about; and after 5 ms, the switch interval; all
 *   of that as looks find it, which are 2 ms apart where all is well.  Its
 *   thread goes on without one then, and waits for another where it waited
 *   last: when it takes the lock of that condition again.  Where turn after
 *   turn is of no use, as in a pool whose threads ask a database, nobody waits
 *   for turns for 10 ms.
 *
 *   A thread that has notified nobody keeps its turn while it waits for the
 *   next notify, until somebody else is notified, and takes it over, or looks
 *   have found it waiting for 1 ms.  For those in the queue were most likely
 *   notified of what it has done itself meanwhile, and would wake up to find
 *   nothing to do.  That is not so where threads wait for different things.  So
 *   all in the queue have waited for one condition; others go on without a turn
 *   meanwhile.  And where a turn was kept in vain, for that millisecond, none
 *   is for 0.1 s, and each further time for twice as long, up to 1.6 s.
 *
 * State
 *   lock     held while it is somebody's turn; who waits for a turn is queued
 *            there, first come, first served
 *   number   of the turn, unique in the process; 0: it was cut short, or is
 *            over.  Whoever sets it to 0 has lock, as has who has taken that:
 *            it starts a turn, or releases lock.
 *   kept     the number of the turn that was kept last; 0 if it goes on
 *   queued   how many are in the queue, or have left it and not yet the lock
 *   crowd    the condition that they have waited for; where two come at once
 *            it may be wrong, and some may have to wait for a kept turn
 *   mine     of a thread: the number of its last turn, 0 when it has waited
 *            for a notify since, and not kept it
 *   has_notified    of a thread: somebody, since its turn began
 *   thread, clock    of the turn; set before number, and of use only while
 *            that has not changed
 *   since    when lock was taken; those who take a turn over do not change it
 *   watched, used, still_since, elsewhere, useless_at    what insist.c's
 *            thread has seen; nobody else looks at them
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

/* For so long one that waits for a notify keeps its turn. */
#define KEPT_NS 1000000

/* If that was in vain none is kept for so long, or so many times twice that. */
#define NONE_KEPT_NS 100000000
#define MOST_DOUBLED 4

/* The longest wait: for all that are before it in the queue. */
#define MOST_NS 100000000

static unsigned long last_number;

static _Thread_local unsigned long mine;
static _Thread_local bool has_notified;

static void start(ppy_turn_t *turn, const void *thread)
{
    clockid_t clock;

    has_notified = false;
    mine = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    PPY_STORE(turn->thread, thread);
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0)
        PPY_STORE(turn->clock, clock);
    __atomic_store_n(&turn->number, mine, __ATOMIC_RELEASE);
}

/* T1.  True: then the caller has the lock. */
static bool take(ppy_turn_t *turn, unsigned long number)
{
    return number != 0
           && __atomic_compare_exchange_n(&turn->number, &number, 0, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* False: somebody else has. */
static bool finish(ppy_turn_t *turn, unsigned long number)
{
    bool taken = take(turn, number);

    if (taken)
        ppt_lock_release(&turn->lock);
    return taken;
}

static bool is_kept(const ppy_turn_t *turn, unsigned long number)
{
    return number != 0 && number == PPY_LOAD(turn->kept);
}

/* It was of no use, as maybe the turns before. */
static void finish_useless(ppy_turn_t *turn, unsigned long number)
{
    if (is_kept(turn, number)) {
        finish(turn, number); /* it waits, as it said */
    } else if (finish(turn, number)
               && PPY_COUNT(turn->useless) + 1 >= USELESS) {
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
    PPY_COUNT(account->turn.queued);
    if (ppy_insist_begin(&account->aside))
        result = ppt_lock_acquire(&account->turn.lock,
                                  deadline < last ? deadline : last);
    ppy_insist_end(&account->aside);
    __atomic_fetch_sub(&account->turn.queued, 1, __ATOMIC_RELAXED);
    return result == 0;
}

static bool try(ppy_turn_t *turn)
{
    return ppt_lock_acquire(&turn->lock, PPT_TRY) == 0;
}

/* While others wait for something else: whose turn it is is their business. */
static bool is_stranger(ppy_turn_t *turn, const ppt_cond_t *cond)
{
    if (cond == PPY_LOAD(turn->crowd))
        return false;
    if (PPY_LOAD(turn->queued) > 0)
        return true;
    PPY_STORE(turn->crowd, cond);
    return false;
}

/*
 * Strangers may have queued up since this thread came.  And turns may be of no
 * use by the time it has its own: then all who wait go on, one by one.
 */
static bool await_turn(ppy_account_t *account, const ppt_cond_t *cond,
                       int64_t deadline)
{
    ppy_turn_t *turn = &account->turn;

    finish_blocked(account);
    if (!are_useful(turn))
        return false;
    if (!try(turn)
        && (is_stranger(turn, cond) || !queue_up(account, deadline)))
        return false;
    if (are_useful(turn))
        return true;
    ppt_lock_release(&turn->lock);
    return false;
}

static bool acquire(ppy_account_t *account, const ppt_cond_t *cond,
                    int64_t deadline)
{
    if (!try(&account->turn) && !await_turn(account, cond, deadline))
        return false;
    PPY_STORE(account->turn.since, ppt_now());
    return true;
}

/* --- turns that are kept ------------------------------------------------- */

/* False: this thread has kept none, or somebody has put an end to it. */
static bool resume(ppy_turn_t *turn)
{
    unsigned long number = mine;

    if (number == 0 || number != number_of(turn))
        return false;
    if (__atomic_compare_exchange_n(&turn->kept, &number, 0, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        PPY_COUNT(ppy_kept);
        PPY_STORE(turn->in_vain, 0);
    }
    return true;
}

static bool take_over(ppy_turn_t *turn)
{
    return take(turn, PPY_LOAD(turn->kept));
}

static bool may_keep(const ppy_turn_t *turn, const ppt_cond_t *cond)
{
    return mine != 0 && mine == number_of(turn) && !has_notified
           && PPY_LOAD(turn->queued) > 0
           && cond == PPY_LOAD(turn->crowd)
           && ppt_now() >= PPY_LOAD(turn->none_kept_before);
}

static void finish_in_vain(ppy_turn_t *turn, unsigned long number)
{
    int doubled = PPY_LOAD(turn->in_vain);

    if (!finish(turn, number))
        return;
    PPY_STORE(turn->none_kept_before, ppt_deadline(NONE_KEPT_NS << doubled));
    PPY_STORE(turn->in_vain, doubled + (doubled < MOST_DOUBLED));
}

/* --- what woken threads do ----------------------------------------------- */

void ppy_turn_begin(ppy_account_t *account, const void *thread,
                    const ppy_stand_t *stand, int64_t deadline)
{
    ppy_turn_t *turn = &account->turn;

    if (resume(turn))
        return;
    mine = 0;
    if (!is_stranger(turn, stand->cond)
        && (take_over(turn) || acquire(account, stand->cond, deadline)))
        start(turn, thread);
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

void ppy_turn_keep_or_end(ppy_account_t *account, const ppy_stand_t *stand)
{
    ppy_turn_t *turn = &account->turn;

    if (may_keep(turn, stand->cond)) {
        PPY_STORE(turn->useless, 0);
        PPY_STORE(turn->kept, mine);
    } else {
        ppy_turn_end(account);
    }
}

void ppy_turn_note_notify(void)
{
    has_notified = true;
}

bool ppy_turn_is_others(const ppy_account_t *account)
{
    unsigned long number = PPY_LOAD(account->turn.number);

    return number != 0 && number != mine && !is_kept(&account->turn, number);
}

bool ppy_turn_had(void)
{
    return mine != 0;
}

/* --- for insist.c ------------------------------------------------------ */

static void look(ppy_account_t *account, unsigned long number, int64_t now)
{
    ppy_turn_t *turn = &account->turn;
    int64_t used = used_by(turn);

    if (number != turn->watched) {
        turn->watched = number;
        turn->elsewhere = 0;
        turn->still_since = now;
    } else if (used != turn->used) {
        turn->still_since = now;
    }
    turn->used = used;
    turn->elsewhere = is_elsewhere(account) ? turn->elsewhere + 1 : 0;
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

static void cut_short(ppy_account_t *account, unsigned long number,
                      int64_t now)
{
    ppy_turn_t *turn = &account->turn;
    bool kept = is_kept(turn, number);

    if (kept && now - turn->still_since >= KEPT_NS) {
        finish_in_vain(turn, number);
    } else if (!kept && is_useless(turn, now)) {
        turn->useless_at = now;
        finish_useless(turn, number);
    } else if (is_over(account, now)) {
        finish(turn, number);
    }
}

static int64_t next_look(const ppy_turn_t *turn, int64_t now)
{
    if (is_kept(turn, number_of(turn)))
        return KEPT_NS;
    return turn->elsewhere > 0 ? PPY_QUICK_NS
                               : ppy_pause(turn->useless_at, now);
}

int64_t ppy_turn_watch(ppy_account_t *account, int64_t now)
{
    ppy_turn_t *turn = &account->turn;
    unsigned long number = number_of(turn);

    if (ppt_lock_waiting(&turn->lock) == 0)
        return 0;
    if (number != 0) {
        look(account, number, now);
        cut_short(account, number, now);
    }
    return next_look(turn, now);
}

void ppy_turn_after_fork(ppy_account_t *account)
{
    ppt_lock_after_fork(&account->turn.lock);
    account->turn.number = account->turn.kept = 0;
    account->turn.queued = 0;
}
