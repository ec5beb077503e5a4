/*
 * lock_cond.pml - lock.c and cond.c: word, morphing, timeouts, destroy.
 *
 * WAITERS threads wait once for the condition with the lock, and the first
 * PASSERS of them return without it; a signaller wakes them without the lock
 * and then destroys the condition; a barger takes the lock with a deadline,
 * and with callbacks after signal handlers.  Whoever is last destroys the lock.
 *
 * BUG, of a release that finds a waiter that passes:
 *   DESIGNATED    it counts on this one to take the lock
 *   NOBODY_ELSE   it wakes those that pass, and nobody who takes the lock
 *
 * SPDX-License-Identifier: MIT
 */
#define DESIGNATED 1
#define NOBODY_ELSE 2
#ifndef BUG
#define BUG 0
#endif
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef PASSERS
#define PASSERS 0
#endif
#ifndef BARGERS
#define BARGERS 1
#endif
#define NODES 8
#include "waitq.pml"

byte word;
chan lq = [NODES] of { byte };
chan cq = [NODES] of { byte };
bit lg, cg;                 /* guards */
bit passes[NODES];
bit lock_gone, cond_gone;
byte holders, queued, notified, given, left_over, remaining;

#define LQ 0
#define CQ 1
#define L assert(!lock_gone)
#define C assert(!cond_gone)

/* With the guard: the lock is taken by who leaves, if it is free (L6). */
inline on_leave(q, n)
{
    unlink(q, n);
    atomic {
        if
        :: leaves_lock && !(word & HELD) -> L; word = word | HELD; taken = 1
        :: else
        fi
    }
}

inline got() { holders++; assert(holders == 1) }

/* L10: a bit for each that passes, and node is the one that does not. */
inline take_next()
{
    passing = 0;
    do
    :: BUG == NOBODY_ELSE && passing != 0 -> node = NOBODY; break
    :: else ->
       pop_unless(lq, node, CANCELLED | IN_CALLBACK);
       if
       :: node != NOBODY && passes[node] && BUG != DESIGNATED ->
           passing = passing | (1 << node)
       :: else -> break
       fi
    od
}

inline wake_passing()
{
    node_at = 0;
    do
    :: passing == 0 -> break
    :: passing & 1 ->
        wake(node_at, GRANT_TURN); passing = passing & ~1
    :: else -> passing = passing >> 1; node_at++
    od;
    node_at = 0
}

inline release()
{
    holders--;
    do
    :: L; w = word;
       assert(w & HELD);
       if
       :: !(w & QUEUED) || (w & (TURN | OWN)) == TURN ->
           L; atomic {
               if
               :: word == w -> word = w & ~HELD; w = NOBODY
               :: else
               fi
           };
           if
           :: w == NOBODY -> break
           :: else
           fi
       :: else ->
           L; guard(lg);
           take_next();
           w = word;
           next = w & TURN;
           if
           :: node != NOBODY && (w & OWN) -> next = next | HELD
           :: node != NOBODY && !(w & OWN) ->
               assert(!(w & TURN)); next = next | TURN
           :: else
           fi;
           if
           :: len(lq) > 0 -> next = next | QUEUED
           :: else
           fi;
           atomic { L; assert(word == w); word = next };
           L; unguard(lg);
           wake_passing();
           if
           :: node != NOBODY && (next & HELD) -> wake(node, GRANT_LOCK)
           :: node != NOBODY && !(next & HELD) -> wake(node, GRANT_TURN)
           :: else
           fi;
           break
       fi
    od
}

/* With the guard: taken, or announced. */
inline take_or_announce(clear, set)
{
    atomic {
        L;
        if
        :: word & HELD -> word = (word & ~(clear)) | QUEUED | set; taken = 0
        :: else -> word = (word & ~(clear)) | HELD; taken = 1
        fi
    }
}

inline claim(n)
{
    taken = 0;
    if
    :: grant[n] == GRANT_LOCK -> assert(word & HELD); taken = 1
    :: else ->
        atomic {
            L; assert(word & TURN);
            if
            :: !(word & HELD) -> word = (word & ~TURN) | HELD; taken = 1
            :: else
            fi
        };
        if
        :: !taken ->
            L; guard(lg);
            if
            :: take_or_announce(TURN, 0)
            :: take_or_announce(TURN, OWN)
            fi;
            if
            :: !taken -> start(n); push_front(lq, LQ, n)
            :: else
            fi;
            L; unguard(lg)
        :: else
        fi
    fi
}

/* In a callback, and back: the lock may be free now. */
inline call_back(n)
{
    atomic {
        in_callback = 0;
        if
        :: state[n] & NOTIFIED
        :: else -> state[n] = state[n] | IN_CALLBACK; in_callback = 1
        fi
    };
    if
    :: in_callback ->
        L; guard(lg);
        state[n] = state[n] & ~IN_CALLBACK;
        if
        :: take_or_announce(0, 0)
        :: take_or_announce(0, OWN) /* out of patience */
        fi;
        if
        :: taken -> unlink(lq, n)
        :: else
        fi;
        L; unguard(lg)
    :: else
    fi
}

/* Queued: until the lock is taken (result 0) or n has left (1). */
inline acquire_queued(n, timed)
{
    leaves_lock = timed;
    do
    :: taken = 0;
       if
       :: timed -> /* asleep, and interrupted */
           atomic { old = state[n]; state[n] = old | ASLEEP };
           if
           :: (old & WOKEN) && !(old & ASLEEP) -> result = 0; claim(n)
           :: else -> call_back(n)
           fi
       :: wait_in(lq, lg, n, timed);
           if
           :: result == 1 && taken -> result = 0
           :: result == 1 && !taken -> break
           :: else -> claim(n)
           fi
       fi;
       if
       :: taken -> result = 0; break
       :: else
       fi
    od;
    leaves_lock = 0
}

inline acquire(n, timed)
{
    result = 0;
    atomic {
        L; taken = 0;
        if
        :: !(word & HELD) -> word = word | HELD; taken = 1
        :: else
        fi
    };
    if
    :: !taken ->
        start(n);
        L; guard(lg);
        take_or_announce(0, 0);
        if
        :: !taken -> push(lq, LQ, n)
        :: else
        fi;
        L; unguard(lg);
        if
        :: !taken -> acquire_queued(n, timed)
        :: else
        fi;
        alive[n] = 0
    :: else
    fi;
    if
    :: result == 0 -> got()
    :: else
    fi
}

inline destroy()
{
    assert(!(word & (HELD | TURN)));
    guard(lg);
    assert(len(lq) == 0);
    unguard(lg);
    lock_gone = 1
}

/* The last to hold the lock destroys it. */
inline finish()
{
    atomic { remaining--; last = remaining == 0 };
    release();
    if
    :: last -> destroy()
    :: else
    fi
}

proctype waiter(byte me)
{
    byte i, x, old, w, next, node, node_at, passing, result, outcome;
    bit taken, last, in_callback, leaves_lock;
    byte n = 2 * me, m = 2 * me + 1;

    acquire(n, 0);
    start(n);
    passes[n] = me < PASSERS;
    C; guard(cg); push(cq, CQ, n); unguard(cg);
    queued++;
    release();
    wait_in(cq, cg, n, 1);
    outcome = result;
    /* ppt__lock_take; one that passes comes back only to destroy the lock */
    if
    :: passes[n] ->
        atomic { remaining--; last = remaining == 0 }
    :: !passes[n] && grant[n] == NOTHING -> acquire(m, 0)
    :: else ->
        claim(n);
        if
        :: !taken -> acquire_queued(n, 0)
        :: else
        fi;
        got()
    fi;
    atomic { alive[n] = 0; if :: outcome == 0 -> given++ :: else fi };
    if
    :: passes[n] && !last
    :: passes[n] && last -> acquire(m, 0); release(); destroy()
    :: else -> finish()
    fi
}

proctype barger(byte me)
{
    byte i, x, old, w, next, node, node_at, passing, result;
    bit taken, last, in_callback, leaves_lock;

    acquire(2 * me, 1);
    if
    :: result == 1 -> acquire(2 * me, 0)
    :: else
    fi;
    finish()
}

inline move_or_wake(n)
{
    assert(alive[n]);
    taken = 0;
    if
    :: state[n] & ASLEEP ->
        L; guard(lg);
        atomic {
            L;
            if
            :: word & HELD -> word = word | QUEUED; push(lq, LQ, n); taken = 1
            :: else
            fi
        };
        L; unguard(lg)
    :: else
    fi;
    if
    :: !taken -> wake(n, NOTHING)
    :: else
    fi
}

proctype signaller()
{
    byte i, x, old, first, second;
    bit taken;

    /* A signal at any time; then a broadcast when all have queued. */
    C; guard(cg); pop(cq, first); unguard(cg);
    if
    :: first != NOBODY -> notified++; move_or_wake(first)
    :: else
    fi;
    queued == WAITERS;
    C; guard(cg);
    pop(cq, first);
    pop(cq, second);
    unguard(cg);
    atomic {
        if :: first != NOBODY -> notified++ :: else fi;
        if :: second != NOBODY -> notified++ :: else fi
    };
    /* destroy before the wake-ups: as early as can be; waits for leavers */
    atomic { counted[CQ] == 0 && cg == 0 -> cond_gone = 1 };
    if :: first != NOBODY -> move_or_wake(first) :: else fi;
    if :: second != NOBODY -> move_or_wake(second) :: else fi
}

init
{
    byte k;

    atomic {
        remaining = WAITERS + BARGERS;
        k = 0;
        do
        :: k < WAITERS -> run waiter(k); k++
        :: else -> break
        od;
        do
        :: k < WAITERS + BARGERS -> run barger(k); k++
        :: else -> break
        od;
        run signaller()
    };
    _nr_pr == 1;
    assert(notified == given && lock_gone && cond_gone);
    assert(len(lq) == 0 && len(cq) == 0 && holders == 0);
    assert(!sem[0] && !sem[1] && !sem[2] && !sem[3] && !sem[4] && !sem[5])
}
