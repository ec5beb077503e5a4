/*
 * waitq.pml - what the models share: waiters, their state bits, the wake-up.
 *
 * One atomic {} is one atomic operation of the C code, or a sequence that
 * only the holder of a guard can see.  pop is one step: CANCELLED is never
 * taken back, so the waiters that it passes by may as well be looked at last;
 * they are out of the queue then, but in counted until they are out
 * themselves.
 * A signal handler, or a deadline, ends a wait at any time.
 *
 * SPDX-License-Identifier: MIT
 */
#define ASLEEP 1
#define NOTIFIED 2
#define WOKEN 4
#define CANCELLED 8
#define IN_CALLBACK 16

#define HELD 1
#define QUEUED 2
#define TURN 4
#define OWN 8

#define NOTHING 0
#define GRANT_TURN 1
#define GRANT_LOCK 2
#define NOBODY 255

byte state[NODES], grant[NODES];
bit sem[NODES], alive[NODES];
byte counted[2], home[NODES]; /* of each queue, by a number of its own */

inline guard(g) { atomic { g == 0 -> g = 1 } }
inline unguard(g) { assert(g == 1); g = 0 }

inline start(n)
{
    atomic { assert(!sem[n]); state[n] = 0; grant[n] = NOTHING; alive[n] = 1 }
}

inline push(q, id, n)
{
    atomic { q!n; home[n] = id; counted[id]++ }
}

inline push_front(q, id, n)
{
    atomic {
        push(q, id, n);
        i = 1;
        do
        :: i < len(q) -> q?x; q!x; i++
        :: else -> break
        od;
        i = 0; x = 0
    }
}

/* The first that has no bit of passed; node is it, or NOBODY. */
inline pop_unless(q, node, passed)
{
    atomic {
        node = NOBODY;
        i = len(q);
        do
        :: i == 0 -> break
        :: else ->
            q?x;
            if
            :: node == NOBODY && !(state[x] & (passed)) ->
                assert(alive[x]);
                state[x] = state[x] | NOTIFIED;
                counted[home[x]]--;
                node = x
            :: node == NOBODY && (state[x] & CANCELLED) -> assert(alive[x])
            :: else -> q!x
            fi;
            i--
        od;
        i = 0; x = 0
    }
}

inline pop(q, node)
{
    pop_unless(q, node, CANCELLED)
}

/* Out of the queue, if nobody has taken it out, and out of the count. */
inline unlink(q, n)
{
    atomic {
        if
        :: q??[eval(n)] -> q??eval(n)
        :: else
        fi;
        counted[home[n]]--
    }
}

inline wake(n, what)
{
    assert(alive[n] && (state[n] & NOTIFIED) && !(state[n] & WOKEN));
    grant[n] = what;
    atomic { old = state[n]; state[n] = old | WOKEN };
    if
    :: old & ASLEEP -> atomic { assert(alive[n] && !sem[n]); sem[n] = 1 }
    :: else
    fi
}

/* Sleep in q until woken (result 0) or, where timed, until left (1). */
inline wait_in(q, g, n, timed)
{
    atomic { old = state[n]; state[n] = old | ASLEEP };
    if
    :: (old & WOKEN) && !(old & ASLEEP) -> result = 0
    :: else ->
        if
        :: atomic { sem[n] -> sem[n] = 0; result = 0 }
        :: atomic { timed && !sem[n] -> result = 1 }
        fi;
        if
        :: result == 1 ->
            atomic {
                if
                :: state[n] & NOTIFIED -> result = 0
                :: else -> state[n] = state[n] | CANCELLED
                fi
            };
            if
            :: result == 1 -> guard(g); on_leave(q, n); unguard(g)
            :: else -> atomic { sem[n] -> sem[n] = 0 }
            fi
        :: else
        fi
    fi
}
