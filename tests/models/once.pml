/*
 * once.pml - once.c: one run at a time, runs that are left, destroy.
 *
 * CALLERS threads run it; a routine is left, or returns.  Another thread
 * finds it done, and destroys it as soon as all callers are inside.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CALLERS
#define CALLERS 3
#endif
#define NODES CALLERS
#include "waitq.pml"

#define NEW 0
#define DONE 1
#define RUNNING 2

byte now = NEW;             /* once's state */
chan oq = [NODES] of { byte };
bit og;                     /* guard */
bit gone;
byte running, finished, inside, left;

#define O assert(!gone)

inline on_leave(q, n) { assert(false) } /* they do not leave */

inline end(done)
{
    first = NOBODY;
    O; guard(og);
    O; assert(now == RUNNING);
    pop(oq, first);
    if
    :: done -> O; now = DONE
    :: !done && first == NOBODY -> O; now = NEW
    :: else
    fi;
    if
    :: done && first != NOBODY -> pop(oq, second)
    :: else
    fi;
    O; unguard(og);
    if
    :: first != NOBODY -> wake(first, (done -> NOTHING : GRANT_LOCK))
    :: else
    fi;
    if
    :: done && second != NOBODY -> wake(second, NOTHING)
    :: else
    fi
}

proctype caller(byte n)
{
    byte i, x, old, result, first, second;
    bit runs;

    second = NOBODY;
    O;
    if
    :: atomic { now == DONE -> inside++ }; goto seen
    :: true
    fi;
    O; guard(og);
    O;
    if
    :: now == RUNNING ->
        start(n);
        push(oq, 0, n);
        inside++;
        O; unguard(og);
        wait_in(oq, og, n, 0);
        runs = grant[n] == GRANT_LOCK;
        alive[n] = 0
    :: else ->
        runs = now == NEW;
        if
        :: runs -> now = RUNNING
        :: else
        fi;
        inside++;
        O; unguard(og)
    fi;
    if
    :: runs ->
        running++; assert(running == 1 && finished == 0);
        if
        :: running--; finished++; end(1)
        :: running--; left++; end(0); goto out
        fi
    :: else
    fi;
seen:
    assert(finished == 1);
out:
    skip
}

proctype ender()
{
    if
    :: atomic { inside == CALLERS && now == DONE } ->
        O; guard(og);
        O; assert(now != RUNNING);
        O; unguard(og);
        gone = 1
    :: left == CALLERS
    fi
}

init
{
    byte k;

    atomic {
        k = 0;
        do
        :: k < CALLERS -> run caller(k); k++
        :: else -> break
        od;
        run ender()
    };
    _nr_pr == 1;
    assert(len(oq) == 0 && finished + (left == CALLERS) == 1);
    assert(gone == (left < CALLERS));
    assert(gone || now == NEW);
    k = 0;
    do
    :: k < CALLERS -> assert(!sem[k]); k++
    :: else -> break
    od
}
