/*
 * gil.pml - gil.c: the word that a thread takes and frees alone while nobody
 * waits, and the scheduler that sees it otherwise.
 *
 * IOS threads acquire, with deadlines, may yield, and release; CPUS threads
 * acquire and yield.  ROUNDS times each.  Of the scheduler there is what
 * gil.c relies on (gilsched.pml has the rest): it may choose either queue,
 * take a thread for late, or forbid to overtake, whenever it is asked.  Nobody
 * wakes up by himself but at his deadline: so a wake-up that is lost shows as
 * a thread that waits for ever.
 *
 * With the guard held everything is one step, apart from what happens to the
 * word, which others change until QUEUED is set.
 *
 * BUG: one of the following is wrong, and the model must say so.
 *
 * SPDX-License-Identifier: MIT
 */
#define NOT_SHOWN 1         /* the holder, to the scheduler, by who waits */
#define FREE_IS_0 2         /* a release forgets that somebody waits */
#define NOT_PASSED_ON 3     /* who gives up when it was woken wakes nobody */
#define SEEN_ALONE 4        /* a release looks at QUEUED, then stores 0 */
#define TAKEN_ALONE 5       /* who finds it free, but QUEUED, takes it alone */
#define STAYS_ASKED 6       /* a request outlives who made it */
#define NOT_AGAIN 7         /* who was late forgets that the lock may be free */
#ifndef BUG
#define BUG 0
#endif
#define bug(b) (BUG == b)
#ifndef IOS
#define IOS 2
#endif
#ifndef CPUS
#define CPUS 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define THREADS (IOS + CPUS)
#define NOBODY 255

#define HELD 1
#define QUEUED 2

byte word;
bit g;                      /* the guard */
bit wanted_io, wanted_cpu;
byte holders;               /* ghost */

/* The scheduler's, with the guard */
chan ioq = [THREADS] of { byte };
chan cpuq = [THREADS] of { byte };
byte coming = NOBODY;
bit seen;                   /* it has a holder */
bit asked;
bit cpu_bound[THREADS], queued[THREADS], notified[THREADS];
bit post[THREADS];

#define anybody_waits (len(ioq) + len(cpuq) > 0)
#define anybody_wants (anybody_waits || coming != NOBODY)

inline take_guard() { atomic { g == 0 -> g = 1 } }

/* G1, G2 */
inline guard()
{
    take_guard();
    atomic { word = word | QUEUED };
    show_holder()
}

inline unguard()
{
    atomic {
        wanted_io = asked;
        wanted_cpu = len(cpuq) > 0;
        if
        :: word == QUEUED && !anybody_wants -> word = 0
        :: else
        fi;
        assert(!(seen || anybody_wants) || (word & QUEUED));
        assert(word != QUEUED || coming != NOBODY);
        assert(!seen || (word & HELD));
        assert(!asked || (seen && anybody_waits));
        g = 0
    }
}

inline took()
{
    atomic {
        seen = 1; asked = 0;
        if
        :: len(ioq) > 0 -> asked = 1
        :: else
        fi
    }
}

inline take(n)
{
    atomic {
        assert(!(word & HELD) && !queued[n] && !notified[n]);
        word = HELD | QUEUED; took();
        holders++; assert(holders == 1)
    }
}

inline show_holder()
{
    atomic {
        if
        :: (word & HELD) && !seen && !bug(NOT_SHOWN) -> took()
        :: else
        fi
    }
}

/* One of the two queues, if nobody comes or who comes is late. */
inline notify_next()
{
    atomic {
        node = NOBODY;
        if
        :: coming == NOBODY || anybody_waits ->
            if
            :: len(ioq) > 0 -> ioq?node
            :: len(cpuq) > 0 -> cpuq?node
            :: !anybody_waits
            :: coming != NOBODY
            fi
        :: else
        fi;
        if
        :: node != NOBODY ->
            coming = node; queued[node] = 0; notified[node] = 1; post[node] = 1
        :: else
        fi;
        node = 0
    }
}

inline come(n)
{
    atomic {
        if
        :: notified[n] ->
            assert(post[n]);
            post[n] = 0; notified[n] = 0;
            if
            :: coming == n -> coming = NOBODY
            :: else
            fi
        :: else
        fi
    }
}

inline unlink(q, n)
{
    i = len(q);
    do
    :: i > 0 ->
        q?x; i--;
        if
        :: x != n -> q!x
        :: else
        fi
    :: else -> break
    od;
    x = 0
}

inline leave(n)
{
    atomic {
        if
        :: queued[n] && cpu_bound[n] -> unlink(cpuq, n)
        :: queued[n] && !cpu_bound[n] -> unlink(ioq, n)
        :: else
        fi;
        queued[n] = 0
    }
}

inline enqueue(n)
{
    atomic {
        if
        :: !queued[n] && cpu_bound[n] -> cpuq!n
        :: !queued[n] && !cpu_bound[n] -> ioq!n
        :: else
        fi;
        queued[n] = 1
    }
}

/* With the guard held. */
inline want(n, timed)
{
    do
    :: come(n);
       if
       :: !(word & HELD) && (coming == NOBODY || queued[n]) ->
           if
           :: coming == NOBODY -> leave(n); take(n); got = 1; break
           :: coming != NOBODY && queued[n] -> leave(n); take(n); got = 1;
              break                                  /* who comes is late */
           :: coming != NOBODY
           fi
       :: (word & HELD) && !cpu_bound[n] -> asked = 1
       :: else
       fi;
       enqueue(n);
       unguard();
       if
       :: post[n] && bug(NOT_AGAIN) -> take_guard()
       :: post[n] && !bug(NOT_AGAIN) -> guard()
       :: timed ->
           guard();
           give_up(n);
           break
       fi
    od
}

inline give_up(n)
{
    was = notified[n];
    come(n);
    leave(n);
    if
    :: len(ioq) == 0 && !bug(STAYS_ASKED) -> asked = 0
    :: else
    fi;
    if
    :: !seen && !(was && bug(NOT_PASSED_ON)) -> notify_next()
    :: else
    fi;
    was = 0
}

inline acquire(n, timed)
{
    got = 0;
    atomic {
        if
        :: word == 0 -> word = HELD; got = 1; holders++; assert(holders == 1)
        :: bug(TAKEN_ALONE) && word == QUEUED ->
            word = word | HELD; got = 1; holders++; assert(holders == 1)
        :: else
        fi
    };
    if
    :: !got ->
        guard();
        if
        :: !(word & HELD) -> take(n); got = 1        /* overtakes */
        :: want(n, timed)
        fi;
        unguard()
    :: else
    fi
}

inline release(n)
{
    holders--;
    if
    :: bug(SEEN_ALONE) ->
        if
        :: word == HELD -> word = 0; got = 0
        :: else
        fi
    :: else ->
        atomic {
            if
            :: word == HELD -> word = 0; got = 0
            :: else
            fi
        }
    fi;
    if
    :: got ->
        guard();
        seen = 0; asked = 0;
        notify_next();
        word = (bug(FREE_IS_0) -> 0 : QUEUED);
        got = 0;
        unguard()
    :: else
    fi
}

/* turn: for the one yield in yield_every. */
inline yield(n)
{
    turn = 0;
    if
    :: turn = 1
    :: skip
    fi;
    if
    :: wanted_io || (turn && (wanted_io || wanted_cpu)) ->
        guard();
        if
        :: anybody_wants && (turn || asked) ->
            holders--;
            seen = 0; asked = 0;
            cpu_bound[n] = 1;
            notify_next();
            assert(coming != NOBODY);
            word = QUEUED;
            want(n, 0)
        :: else
        fi;
        unguard()
    :: else
    fi
}

proctype thread(byte n)
{
    byte i, x, node, k;
    bit got, was, turn;

    do
    :: k < ROUNDS ->
        k++;
        cpu_bound[n] = 0;
        acquire(n, n < IOS);
        if
        :: got ->
            if
            :: yield(n)
            :: n < IOS -> skip
            fi;
            release(n)
        :: else
        fi
    :: else -> break
    od
}

init
{
    byte k;

    atomic {
        do
        :: k < THREADS -> run thread(k); k++
        :: else -> break
        od
    };
    _nr_pr == 1;
    assert(word == 0 && !seen && !asked && coming == NOBODY);
    assert(!anybody_waits && holders == 0)
}
