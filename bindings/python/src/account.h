/*
 * account.h - what is known of an interpreter whose threads wait: shared by
 * priority.c, bound.c and turn.c.
 */
#ifndef PPY_ACCOUNT_H
#define PPY_ACCOUNT_H

#include "core.h"

#include <time.h>

#define PPY_LOAD(variable) __atomic_load_n(&(variable), __ATOMIC_RELAXED)
#define PPY_STORE(variable, value)                                          \
    __atomic_store_n(&(variable), (value), __ATOMIC_RELAXED)
#define PPY_COUNT(variable)                                                 \
    __atomic_fetch_add(&(variable), 1, __ATOMIC_RELAXED)

#define PPY_MILLION 1000000

/* CPython's switch interval: what nobody should wait for. */
#define PPY_PATIENCE_NS 5000000

/* How often to look while somebody waits, where there is something to see. */
#define PPY_QUICK_NS 100000

/* What clock shows, in nanoseconds; false: its thread has ended. */
bool ppy_read_clock(clockid_t clock, int64_t *time);

/* See bound.c. */
#define PPY_MOST_BOUND 16

typedef struct {
    const void *thread;         /* atomic; NULL: none */
    int64_t until;              /* atomic; it is known for so long */
    clockid_t clock;            /* its CPU time */
    int64_t used;               /* what that showed last */
} ppy_bound_thread_t;

typedef struct {
    ppy_bound_thread_t threads[PPY_MOST_BOUND];
    int64_t until;              /* atomic; somebody is known for so long */
    int64_t lacks;              /* atomic; nanoseconds of their share */
    int64_t settled_at;
    int64_t seen_at;            /* when one of them had the GIL */
    int64_t wanted_at;          /* when somebody waited */
    int64_t looked_at;          /* at the last look */
    unsigned long watched;      /* the GIL's count of switches, and since */
    int64_t watched_since;      /* when it has been that */
    ppy_bound_thread_t suspect; /* who may be CPU-bound */
    int64_t suspected_since;    /* watched_since of that */
    int64_t suspected_at;       /* at the last look that found one */
    unsigned long asked;        /* atomic; its count at the last request */
    unsigned requests;          /* atomic; since settled_at */
} ppy_bound_t;

/* See turn.c. */
typedef struct {
    ppt_lock_t lock;
    unsigned long number;       /* atomic; 0: nobody has the turn */
    int64_t since;              /* atomic */
    int useless;                /* atomic; since one was of use */
    int64_t none_before;        /* atomic; so nobody waits for one until then */
    unsigned long kept;         /* atomic; the number of the last such turn */
    int in_vain;                /* atomic; how often, since one was not */
    int64_t none_kept_before;   /* atomic; so none is kept until then */
    int queued;                 /* atomic */
    const ppt_cond_t *crowd;    /* atomic; where those in the queue waited */
    const void *thread;         /* atomic; who has it: a thread state */
    clockid_t clock;            /* atomic; the CPU time of who has it */
    unsigned long watched;      /* the number at the last look */
    int64_t used;               /* what clock showed then */
    int64_t still_since;        /* since when it has shown that */
    int elsewhere;              /* looks in a row that found it elsewhere */
    int64_t useless_at;         /* when one was found to be of no use */
} ppy_turn_t;

/* See priority.c. */
struct ppy_account {
    ppy_account_t *next;        /* never changes */
    void *interpreter;          /* the same, but for dead ones */
    void *gil;
    bool is_open;               /* guarded by insist.c: there is a GIL */
    int waiting;                /* the same: threads that wait for it */
    int aside;                  /* the same: and for something before it */
    ppy_bound_t bound;
    ppy_turn_t turn;
};

/* --- priority.c ---------------------------------------------------------- */

/* Of CPU-bound threads, in millionths; atomic. */
extern int ppy_cpu_share;

/* For gil_info(); atomic. */
extern unsigned long ppy_requests, ppy_renewals, ppy_pauses;
extern unsigned long ppy_turns, ppy_kept;

/*
 * The thread that woke this one is about to let go of gil: wait for that, if
 * it pays.
 *
 * Returns   whether gil is free
 */
bool ppy_await_waker(void *gil);

/*
 * In how many nanoseconds to look again where nothing has been found since
 * found: rarely, if that is long ago.  A look takes a CPU from somebody, and
 * costs 10 us.
 */
int64_t ppy_pause(int64_t found, int64_t now);

/* --- bound.c ------------------------------------------------------------ */

/* Is a CPU-bound thread known?  Is thread one?  Has one got the GIL? */
bool ppy_bound_any(const ppy_account_t *account);
bool ppy_bound_is(const ppy_account_t *account, const void *thread);
bool ppy_bound_holds(const ppy_account_t *account);

/* Ask whoever holds the GIL to let go; the caller is going to take it. */
void ppy_bound_ask(ppy_account_t *account);

/* Wait until CPU-bound threads have had their share, or for 5 ms. */
void ppy_bound_pay(ppy_account_t *account);

/*
 * By insist.c, again and again: find CPU-bound threads; ask those that hold
 * the GIL while others wait.
 *
 * Returns   in how many nanoseconds to look again; 0: there is nothing to see
 */
int64_t ppy_bound_watch(ppy_account_t *account, int64_t now);

/* --- turn.c -------------------------------------------------------------- */

/*
 * A thread that was woken, detached: wait until it is its turn, until deadline
 * at most.
 */
void ppy_turn_begin(ppy_account_t *account, const void *thread,
                    const ppy_stand_t *stand, int64_t deadline);

/* Its turn, if it has one, is over, or is interrupted: it waits for a lock. */
void ppy_turn_end(ppy_account_t *account);
void ppy_turn_break(ppy_account_t *account);

/* It waits for a notify, and keeps its turn if that pays. */
void ppy_turn_keep_or_end(ppy_account_t *account, const ppy_stand_t *stand);

/* Is it somebody else's turn? */
bool ppy_turn_is_others(const ppy_account_t *account);

/* Has this thread had one, which it has not ended? */
bool ppy_turn_had(void);

/* By insist.c, again and again: cut a turn short.  Returns as the above. */
int64_t ppy_turn_watch(ppy_account_t *account, int64_t now);

/* In the child of a fork. */
void ppy_turn_after_fork(ppy_account_t *account);

#endif
