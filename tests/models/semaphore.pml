/*
 * semaphore.pml - semaphore.c: units, hand-over, timeouts, callbacks, destroy.
 *
 * UNITS are there at the start, RELEASES threads release one or two more, and
 * as many threads as there are units in all take one each.  Half of them have
 * a deadline and callbacks, and try again without when they have left.  The
 * last one destroys the semaphore.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef UNITS
#define UNITS 1
#endif
#ifndef ONES
#define ONES 0 /* how many release one */
#endif
#ifndef TWOS
#define TWOS 1 /* how many release two */
#endif
#define TAKERS (UNITS + ONES + 2 * TWOS)
#define NODES TAKERS
#include "waitq.pml"

#define NO_UNITS 128 /* the word's QUEUED */

byte word = UNITS;
chan sq = [NODES] of { byte };
bit sg;                     /* guard */
bit gone;
byte remaining;

#define S assert(!gone)

inline on_leave(q, n) { unlink(q, n) }

inline take()
{
    atomic {
        S;
        if
        :: word != 0 && word != NO_UNITS -> word--; taken = 1
        :: else -> taken = 0
        fi
    }
}

/* With the guard: one operation that takes, or announces. */
inline take_or_announce()
{
    atomic {
        take();
        if
        :: !taken -> word = NO_UNITS
        :: else
        fi
    }
}

/* In a callback, and back, or out: a unit may be there now. */
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
        if
        :: S; guard(sg);
           state[n] = state[n] & ~IN_CALLBACK;
           take_or_announce();
           if
           :: taken -> unlink(sq, n)
           :: else
           fi;
           S; unguard(sg)
        :: atomic {
               assert(!(state[n] & NOTIFIED)); state[n] = state[n] | CANCELLED
           };
           S; guard(sg); unlink(sq, n); S; unguard(sg);
           result = 1
        fi
    :: else
    fi
}

/* Queued: until it has a unit (result 0) or has left (1). */
inline await_unit(n)
{
    do
    :: taken = 0;
       result = 0;
       if
       :: timed -> /* asleep, and interrupted */
           atomic { old = state[n]; state[n] = old | ASLEEP };
           if
           :: (old & WOKEN) && !(old & ASLEEP) -> taken = 1
           :: else ->
               call_back(n);
               if
               :: timed = 0 /* no more handlers, and no deadline */
               :: skip
               fi
           fi
       :: wait_in(sq, sg, n, timed); taken = !result
       fi;
       if
       :: taken || result -> break
       :: else
       fi
    od
}

inline acquire(n)
{
    result = 0;
    take();
    if
    :: !taken ->
        start(n);
        S; guard(sg);
        take_or_announce();
        if
        :: !taken -> push(sq, 0, n)
        :: else
        fi;
        S; unguard(sg);
        if
        :: !taken -> await_unit(n)
        :: else
        fi;
        alive[n] = 0
    :: else
    fi
}

proctype taker(byte n)
{
    byte i, x, old, result;
    bit taken, in_callback, last, timed;

    timed = n % 2;
    acquire(n);
    if
    :: result == 1 -> timed = 0; acquire(n)
    :: else
    fi;
    assert(taken);
    atomic { remaining--; last = remaining == 0 };
    if
    :: last ->
        S; guard(sg);
        assert(len(sq) == 0 && counted[0] == 0);
        S; unguard(sg);
        gone = 1
    :: else
    fi
}

proctype releaser(byte units)
{
    byte i, x, old, w, first, second;

    first = NOBODY; second = NOBODY;
again:
    atomic {
        S;
        w = word;
        if
        :: w != NO_UNITS -> word = w + units; units = 0
        :: else
        fi
    };
    if
    :: units > 0 ->
        S; guard(sg);
        if
        :: word != NO_UNITS -> S; unguard(sg); goto again
        :: else
        fi;
        pop_unless(sq, first, CANCELLED | IN_CALLBACK);
        if
        :: first != NOBODY -> units--
        :: else
        fi;
        if
        :: units > 0 && first != NOBODY ->
            pop_unless(sq, second, CANCELLED | IN_CALLBACK);
            if
            :: second != NOBODY -> units--
            :: else
            fi
        :: else
        fi;
        atomic {
            S; assert(word == NO_UNITS);
            if
            :: units == 0 && len(sq) > 0
            :: else -> word = units
            fi
        };
        S; unguard(sg);
        if :: first != NOBODY -> wake(first, NOTHING) :: else fi;
        if :: second != NOBODY -> wake(second, NOTHING) :: else fi
    :: else
    fi
}

init
{
    byte k;

    atomic {
        remaining = TAKERS;
        k = 0;
        do
        :: k < TAKERS -> run taker(k); k++
        :: else -> break
        od;
        k = 0;
        do
        :: k < ONES -> run releaser(1); k++
        :: else -> break
        od;
        k = 0;
        do
        :: k < TWOS -> run releaser(2); k++
        :: else -> break
        od
    };
    _nr_pr == 1;
    assert(gone && len(sq) == 0 && (word == 0 || word == NO_UNITS));
    k = 0;
    do
    :: k < TAKERS -> assert(!sem[k]); k++
    :: else -> break
    od
}
