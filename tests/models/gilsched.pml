/*
 * gilsched.pml - gilsched under CPython's take_gil and drop_gil, with
 * the calls that the Python package turns into the scheduler's events.
 *
 * THREADS threads take the GIL, ROUNDS times in all (0: without end).  Each
 * lets go of it by itself or computes until it is asked to; a request may get
 * lost, once in a hold.  A thread may wait in CPython's own way, as long as it
 * has not begun in the scheduler (OFF), never come although it was woken
 * (STALL), or end where CPython ends it (EXIT).  LEAD: CPU-bound threads may
 * lead others (S8).  PERTHREAD: requests are for a
 * thread, as from 3.13 on.  POSIX: a post is made by the system call, and not
 * before it.
 *
 * Nothing is sampled of time: what is old, for how long anybody waits, which
 * thread was soon back, and which queue is owed time may be either way at each
 * look.  With LIVE a clock
 * makes things old, for good: then non-progress cycles are lives that do not
 * go on, whatever the clock and the threads do as long as all of them run.
 *
 * A section that holds the mutex is one step, since nobody sees it but its
 * holder; so are those of switch_mutex.  Not so the requests, which are read
 * without any, the waiters' states, and the posts.
 *
 * BUG: one of the following is wrong, and the model must say so.
 *
 * SPDX-License-Identifier: MIT
 */
#define COMING_STAYS 1      /* who comes stays the coming one */
#define STALE_STAYS 2       /* who does not come is never replaced */
#define POST_MISSED 3       /* who was notified is not woken */
#define NO_TIMER 4          /* the last of a queue keeps no time */
#define NOT_BACK 5          /* who has asked does not queue again */
#define BACK_IN_FRONT 6     /* who has asked queues in front of others */
#define LAST_TAKES 7        /* who keeps time for others leaves them */
#define ASKED_ANYWAY 8      /* though another hold began, C1 */
#define STAYS_QUEUED 9      /* who asks stays in its queue, C2 */
#define WOKEN_IF_LAST 10    /* a waiter is notified only if it is the last */
#define NOT_CONTENDED 11    /* who takes the lock forgets those that wait */
#define NOT_RENEWED 12      /* a holder is asked once */
#define NO_SWITCH 13        /* who has the lock does not signal switch_cond */
#define NO_SIGNAL 14        /* nor cond, where the scheduler has notified */
#define OFF_MIDWAY 15       /* a wait that began here goes on in cond */
#define LEFT_UNWATCHED 16   /* the lock is left alone while nobody watches */
#define LEFT_FOR_GOOD 17    /* who watches leaves the free lock for ever */
#define WATCH_NO_TIMER 18   /* who watches sleeps until it is woken */
#define LEFT_UNWOKEN 19     /* who leaves the free lock to others wakes none */
#ifndef BUG
#define BUG 0
#endif
#define bug(b) (BUG == b)
#ifndef THREADS
#define THREADS 3
#endif
#ifndef ROUNDS
#define ROUNDS 0
#endif
#define NODES THREADS
#include "waitq.pml"

mtype = { TOOK, SLEEP, TAKE, ASK, PASS, GONE };

/* CPython's */
bit m;                      /* the mutex */
bit locked;
byte last_holder = NOBODY;
bit request[THREADS];
bit in_cond[THREADS];       /* waits there in CPython's own way */
byte detained = NOBODY;     /* waits on switch_cond */
byte since[THREADS];        /* its call: another hold began, a switch was */
byte in_conds;              /* how many do */
byte signalled;             /* ghost: of these, not back yet */
byte rounds;

#ifdef PERTHREAD
#define requested(n) request[n]
#else
#define requested(n) request[0]
#endif

/* The scheduler's */
chan io = [THREADS] of { byte };
chan cpu = [THREADS] of { byte };
byte coming = NOBODY;
bit contended, asked;
bit coming_old, asked_old, hold_old;
bit left, left_old;         /* the free lock is, for who let go of it */
bit cpu_bound[THREADS];
bit watches[THREADS];
bit may_lead[THREADS];      /* it has had the lock since it left it to others */
bit timer[THREADS];         /* its sleep has a deadline */
bit in_futex[THREADS];
bit may_lose;               /* ghost: the next request */

#define is_queued(n) (io??[eval(n)] || cpu??[eval(n)])
#define anybody_waits (len(io) + len(cpu) > 0)
#define may_take (coming == NOBODY || (coming_old && !bug(STALE_STAYS)))
#define for_others (is_last && !alone && !bug(LAST_TAKES))
#define left_for_others(n) \
    (left && (!left_old || bug(LEFT_FOR_GOOD)) && cpu_bound[n] \
     && len(io) == 0)
/* S8: by how much is left open, but it is made up for in the meantime. */
#define other_is_next(n) \
    ((len(cpu) > 0 && !(cpu?[eval(n)])) \
     || (len(cpu) == 0 && coming != NOBODY && coming != n && cpu_bound[coming]))
#ifdef LEAD
#define leads(n) (cpu_bound[n] && may_lead[n] && other_is_next(n))
#else
#define leads(n) false
#endif
#define may_leave \
    (watched || (len(cpu) > 0 && bug(LEFT_UNWATCHED)))
#define holder_may_be_brief \
    ((locked && !cpu_bound[last_holder]) || (!locked && left))
#define may_ask (!asked || (asked_old && !bug(NOT_RENEWED)))

/* Time */

#ifdef LIVE
#define look_at_clock() skip
#define forget_clock() skip

active proctype clock()
{
end_clock:
    do
    :: atomic {
           ((coming != NOBODY && !coming_old) || (asked && !asked_old)
            || (contended && !hold_old) || (left && !left_old)) ->
               coming_old = coming != NOBODY;
               asked_old = asked;
               hold_old = contended;
               left_old = left
       }
    od
}
#else
inline look_at_clock()
{
    if :: coming != NOBODY -> coming_old = 1 :: skip fi;
    if :: asked -> asked_old = 1 :: skip fi;
    if :: contended -> hold_old = 1 :: skip fi;
    if :: left -> left_old = 1 :: skip fi
}

inline forget_clock()
{
    coming_old = 0;
    asked_old = 0;
    hold_old = 0;
    left_old = 0
}
#endif

/* Invariants */

inline last_of(q)
{
    i = len(q);
    do
    :: i == 0 -> break
    :: else -> q?x; q!x; i--
    od
}

inline check_queue(q)
{
    if
    :: len(q) > 0 -> last_of(q); assert(timer[x]); x = 0 /* S2 */
    :: else
    fi
}

inline look_at_watcher()
{
    watched = 0;
    if
    :: len(io) == 0 && len(cpu) > 0 ->
        cpu?<x>;
        watched = watches[x] && timer[x]; /* S7 */
        x = 0
    :: else
    fi
}

inline done()
{
    look_at_watcher();
    assert(locked || !anybody_waits || coming != NOBODY || watched); /* S1 */
    watched = 0;
    assert(coming == NOBODY
           || (alive[coming] && (state[coming] & WOKEN))); /* S1, S3 */
    assert(locked || in_conds == 0 || signalled > 0); /* C4 */
    check_queue(io);
    check_queue(cpu);
    is_last = 0;
    alone = 0;
    forget_clock();
    unguard(m)
}

/* The scheduler */

/* S3: the post is there before the mutex is free, on linux. */
inline give(n)
{
    state[n] = state[n] | WOKEN;
    if
    :: state[n] & ASLEEP ->
        notified = (bug(POST_MISSED) -> NOBODY : n);
#ifndef POSIX
        sem[n] = 1
#endif
    :: else
    fi
}

inline notify_next()
{
    node = NOBODY;
    if
    :: !may_take
    :: may_take && len(io) > 0 -> pop(io, node)
    :: may_take && len(cpu) > 0 -> pop(cpu, node) /* the account's choice */
    :: may_take && !anybody_waits
    fi;
    if
    :: node != NOBODY -> coming = node; coming_old = 0; give(node)
    :: else
    fi;
    node = 0
}

/* C3 */
inline wake_notified()
{
    atomic {
        if
        :: notified != NOBODY ->
            in_futex[notified] = 0;
#ifdef POSIX
            assert(!sem[notified]);
            sem[notified] = 1;
#endif
            notified = NOBODY
        :: else
        fi
    }
}

/* ppt__waiter_end; what is forgotten makes fewer states. */
inline end(n) { alive[n] = 0; state[n] = 0; timer[n] = 0; watches[n] = 0 }

inline come(n)
{
    if
    :: !woken && (state[n] & ASLEEP) ->
#ifndef POSIX
        assert(sem[n]);
#endif
        sem[n] -> sem[n] = 0
    :: else
    fi;
    assert(!sem[n]);
    end(n);
    woken = 0;
    if
    :: coming == n && !bug(COMING_STAYS) -> coming = NOBODY; coming_old = 0
    :: else
    fi;
    passed = 1
}

inline leave(n)
{
    if
    :: io??[eval(n)] -> unlink(io, n); end(n)
    :: cpu??[eval(n)] -> unlink(cpu, n); end(n)
    :: else
    fi
}

inline enqueue_in(q, n)
{
    start(n);
    if
    :: (!was_last || bug(BACK_IN_FRONT)) && (resumes || passed) ->
        push_front(q, 0, n)
    :: else -> push(q, 0, n)
    fi;
    resumes = 0;
    was_last = 0
}

/* is_last: in its queue; alone: nobody else is there. */
inline look_at_place(n)
{
    is_last = 0;
    alone = 0;
    if
    :: io??[eval(n)] -> last_of(io); is_last = x == n; alone = len(io) == 1
    :: cpu??[eval(n)] ->
        last_of(cpu); is_last = x == n; alone = len(cpu) == 1
    :: else
    fi;
    x = 0
}

/* S7: whether the holder, or who let go, was soon back is left open. */
inline watch(n)
{
    watches[n] = 0;
    if
    :: (len(io) == 0 && len(cpu) > 0 && holder_may_be_brief) ->
        cpu?<x>;
        if
        :: x == n -> watches[n] = 1
        :: x != n || locked
        fi;
        x = 0
    :: else
    fi
}

inline sleep_until(n)
{
    if
    :: is_queued(n) || (bug(NOT_BACK) && was_last)
    :: else ->
        if
        :: cpu_bound[n] -> enqueue_in(cpu, n)
        :: else -> enqueue_in(io, n)
        fi
    fi;
    look_at_place(n);
    watch(n);
    timer[n] = (watches[n] -> !bug(WATCH_NO_TIMER) : is_last && !bug(NO_TIMER));
    next = SLEEP
}

inline wait_or_ask(n)
{
    look_at_place(n);
    if
    :: may_ask && (is_last || !is_queued(n)) ->
        was_last = was_last || is_queued(n); /* S6 */
        if
        :: bug(STAYS_QUEUED)
        :: else -> leave(n)
        fi;
        next = ASK
    :: !(may_ask && hold_old && (is_last || !is_queued(n))) -> sleep_until(n)
    fi
}

/* S8 */
inline leave_to_others(n)
{
    resumes = 0;
    passed = 0;
    may_lead[n] = 0;
    sleep_until(n);
    if
    :: bug(LEFT_UNWOKEN)
    :: else -> notify_next()
    fi
}

inline want(n)
{
    if
    :: alive[n] && (state[n] & NOTIFIED) -> come(n)
    :: else
    fi;
    contended = 1;
    look_at_place(n);
    if
    :: locked -> wait_or_ask(n)
    :: !locked && leads(n) -> leave_to_others(n)
    :: !locked && !leads(n) && left_for_others(n) -> sleep_until(n)
    :: !locked && !leads(n) && !left_for_others(n) && may_take && !for_others ->
        leave(n);
        next = TAKE
    :: !locked && !leads(n) && !left_for_others(n) && may_take && for_others ->
        notify_next();
        sleep_until(n)
    :: !locked && !leads(n) && !left_for_others(n) && !may_take ->
        sleep_until(n)
    fi
}

inline sched_took(n)
{
    asked = 0;
    asked_old = 0;
    hold_old = 0;
    left = 0;
    left_old = 0;
    contended = anybody_waits && !bug(NOT_CONTENDED);
    wants = 0;
    passed = 0;
    was_last = 0;
    resumes = 0;
    may_lose = 1
}

#define not_last (len(io) + len(cpu) > 1)

inline sched_let_go(n)
{
    if
    :: (cpu_bound[n] || contended) && !(bug(WOKEN_IF_LAST) && not_last) ->
        look_at_watcher();
        if
        :: notify_next()
        :: !cpu_bound[n] && may_leave -> left = 1
        fi;
        watched = 0
    :: else
    fi
}

/* CPython: take_gil */

inline take_it(n)
{
    assert(!locked && !is_queued(n) && !alive[n]);
    locked = 1;
#ifdef LEAD
    may_lead[n] = 1;
#endif
    i = 0;
    do
    :: i == THREADS -> break
    :: else ->
        if
        :: (alive[i] || in_cond[i]) && last_holder != n -> since[i] = 2
        :: (alive[i] || in_cond[i]) && last_holder == n && since[i] == 0 ->
            since[i] = 1
        :: else
        fi;
        i++
    od;
    i = 0;
    last_holder = n;
    sched_took(n);
    switch();
    requested(n) = 0;
    since[n] = 0;
    next = TOOK
}

/* pthread_cond_signal(switch_cond) */
inline switch()
{
    if
    :: bug(NO_SWITCH)
    :: else -> detained = NOBODY
    fi
}

/* A timeout: the holder is asked, unless it is another one meanwhile. */
inline timed_out(n)
{
    if
    :: locked && since[n] < 2 ->
        if
        :: requested(last_holder) = 1; has_asked = 1
        :: may_lose -> may_lose = 0
#ifdef EXIT
        :: next = GONE;
           if
           :: has_asked -> requested(last_holder) = 0
           :: else
           fi
#endif
        fi
    :: else
    fi
}

/* pthread_cond_timedwait has returned: C2, C1 */
inline returned(n)
{
    in_call = 0;
    in_lock = 0;
    assert(!is_queued(n) && !alive[n]);
    if
    :: next == ASK && (since[n] == 0 || bug(ASKED_ANYWAY)) ->
        assert(locked && since[n] < 2);
        asked = 1;
        asked_old = 0;
        timed_out(n)
    :: else
    fi
}

/* take_gil, from where it has the mutex to where it lets go of it. */
inline look(n)
{
    do
    :: !in_call && !locked -> take_it(n); break
    :: !in_call && !locked && at_entry && leads(n) ->
        in_call = 1; in_lock = 1; wants = 1
    :: !in_call && locked -> since[n] = 0; in_call = 1; wants = 1
    :: in_call && in_lock && locked -> since[n] = 0; in_lock = 0
#ifdef OFF
    :: !in_call && locked && (!wants || bug(OFF_MIDWAY)) ->
        since[n] = 0;
        in_cond[n] = 1; in_conds++;
        next = PASS; break
#endif
    :: in_call && !(in_lock && locked) ->
        want(n);
        if
        :: next == SLEEP -> break
        :: else -> returned(n)
        fi;
        if
        :: next == GONE -> break
        :: else
        fi
    od
}

/* It was woken, and never comes. */
inline stall()
{
#ifdef STALL
    if
    :: skip
    :: woken ->
end_stalls:
        false
    fi
#else
    skip
#endif
}

/* ppt_gilsched_sleep */
inline sleep(n)
{
    atomic {
        if
        :: !(state[n] & ASLEEP) && (state[n] & WOKEN) -> woken = 1
        :: else -> state[n] = state[n] | ASLEEP
        fi
    };
    do
    :: woken -> break
    :: atomic { !woken && !in_futex[n] && sem[n] -> sem[n] = 0; woken = 1 }
    :: atomic { !woken && !in_futex[n] && !sem[n] -> in_futex[n] = 1 };
       if
       :: !in_futex[n]
       :: atomic { in_futex[n] && timer[n] && !sem[n] -> in_futex[n] = 0 };
          break
       fi
    od
}

inline sleep_in_cond(n)
{
    if
    :: atomic { !in_cond[n] -> guard(m); signalled-- }
    :: atomic { in_cond[n] && m == 0 ->
                guard(m); in_cond[n] = 0; in_conds--;
                timed_out(n) }
    fi
}

inline take(n)
{
    atomic {
        if :: cpu_bound[n] = 0 :: cpu_bound[n] = 1 fi;
        if :: cpu_bound[n] -> resumes = 1 :: resumes = 0 fi;
        guard(m);
        look_at_clock();
        at_entry = 1;
        look(n);
        at_entry = 0;
        done()
    };
    do
    :: next == TOOK || next == GONE -> break
    :: next == SLEEP ->
        wake_notified();
        sleep(n);
        stall();
        atomic { guard(m); look_at_clock(); look(n); done() }
    :: next == PASS ->
        atomic {
            sleep_in_cond(n);
            if
            :: next != GONE -> look_at_clock(); look(n)
            :: else
            fi;
            done()
        }
    od;
    has_asked = 0
}

/* CPython: drop_gil */

/* pthread_cond_signal(cond): C4 */
inline signal_cond()
{
    i = 0;
    x = in_conds;
    do
    :: x == 0 || (bug(NO_SIGNAL) && notified != NOBODY) -> break
    :: else ->
        if
        :: !in_cond[i] -> i++
        :: in_cond[i] && x > 1 -> x--; i++
        :: in_cond[i] ->
            in_cond[i] = 0; in_conds--; signalled++;
            break
        fi
    od;
    i = 0;
    x = 0
}

inline drop(n)
{
    atomic {
        guard(m);
        look_at_clock();
        assert(locked && last_holder == n && notified == NOBODY);
        locked = 0;
        sched_let_go(n);
        cpu_bound[n] = 0;
        signal_cond();
        done()
    };
    wake_notified();
    atomic {
        if
        :: requested(n) && last_holder == n ->
            requested(n) = 0;
            assert(detained == NOBODY);
            detained = n
        :: else
        fi
    };
#ifdef STALL
end_detained:               /* all others may have stalled */
#endif
    detained != n
}

proctype thread(byte n)
{
    byte i, x, node, notified = NOBODY;
    mtype next;
    bit in_call, woken, passed, resumes, was_last, is_last, alone, has_asked;
    bit wants, watched, at_entry, in_lock;

    do
    :: break
    :: atomic {
           ROUNDS == 0 || rounds < ROUNDS -> rounds = rounds + (ROUNDS > 0)
       };
        take(n);
        if
        :: next == GONE -> break
        :: else
        fi;
progress_took:
        if
        :: skip
        :: true ->
end_computes:
            requested(n)
        fi;
        drop(n)
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
    }
}
