/*
 * gil.pml - gil.c: word, wanted, burst; I/O threads with deadlines that
 * acquire and release (and may yield), CPU-bound threads that yield.
 */
#ifndef IOS
#define IOS 2
#endif
#ifndef CPUS
#define CPUS 1
#endif
#ifndef BURST
#define BURST 1
#endif
#ifndef ROUNDS
#define ROUNDS 3
#endif
#define NODES 8
#define on_leave(q, n) unlink(q, n)
#include "waitq.pml"

#define RESERVED OWN
#define BUSY (HELD | RESERVED)

byte word, burst, count;    /* count: the CPU-bound part of wanted */
bit io_wanted;
chan ioq = [NODES] of { byte };
chan cpuq = [NODES] of { byte };
bit g;
byte holders;
byte streak;                /* ghost: I/O grants while a CPU thread waits */

#define owed (burst >= BURST && count > 0)

inline note_io()
{
    atomic { if :: len(ioq) > 0 -> io_wanted = 1 :: else -> io_wanted = 0 fi }
}

inline done() {
    assert(len(ioq) == 0 || io_wanted);
    assert(!(word & RESERVED) || (word & TURN));
    assert(len(ioq) + len(cpuq) == 0 || (word & QUEUED));
    unguard(g)
}

inline granted_to_io()
{
    atomic {
        holders++; assert(holders == 1);
        if
        :: count > 0 -> burst++; streak++; assert(streak <= BURST)
        :: else -> burst = 0; streak = 0
        fi
    }
}

inline granted_to_cpu()
{
    atomic {
        holders++; assert(holders == 1 && count > 0);
        count--; burst = 0; streak = 0
    }
}

inline take_or_announce(busy, clear)
{
    atomic {
        if
        :: word & (busy) -> word = (word & ~(clear)) | QUEUED; taken = 0
        :: else -> word = (word & ~(clear)) | HELD; taken = 1
        fi
    }
}

inline claim(q, n)
{
    taken = 0;
    if
    :: grant[n] == GRANT_LOCK -> assert(word & HELD); taken = 1
    :: else ->
        atomic {
            assert(word & TURN);
            if
            :: !(word & HELD) ->
                word = (word & ~(TURN | RESERVED)) | HELD; taken = 1
            :: else
            fi
        };
        if
        :: !taken ->
            guard(g);
            take_or_announce(HELD, TURN | RESERVED);
            if
            :: !taken -> start(n); push_front(q, 0, n); note_io()
            :: else
            fi;
            done()
        :: else
        fi
    fi
}

inline queued_wait(q, n, timed)
{
    do
    :: wait_in(q, g, n, timed);
       if
       :: result == 1 -> break
       :: else -> claim(q, n)
       fi;
       if
       :: taken -> break
       :: else
       fi
    od
}

inline acquire(n, timed)
{
    result = 0; taken = 0;
    atomic {
        if
        :: !(word & BUSY) -> word = word | HELD; taken = 1
        :: else
        fi
    };
    if
    :: !taken ->
        start(n);
        guard(g);
        take_or_announce(BUSY, 0);
        if
        :: !taken -> push(ioq, 0, n); note_io()
        :: else
        fi;
        done();
        if
        :: !taken -> queued_wait(ioq, n, timed)
        :: else
        fi;
        alive[n] = 0
    :: else
    fi;
    if
    :: result == 0 -> granted_to_io()
    :: else
    fi
}

inline pass_on()
{
    due = owed;
    turn = (word & TURN) != 0;
    node = NOBODY; what = GRANT_TURN;
    w = word;
    next = word & TURN;
    if
    :: due -> pop(cpuq, node)
    :: else
    fi;
    if
    :: node != NOBODY -> what = GRANT_LOCK; next = next | HELD
    :: node == NOBODY && !turn ->
        pop(ioq, node);
        if
        :: node == NOBODY -> pop(cpuq, node)
        :: else
        fi;
        if
        :: node != NOBODY -> next = next | TURN
        :: node != NOBODY -> what = GRANT_LOCK; next = next | HELD /* G5 */
        :: else
        fi
    :: node == NOBODY && turn ->
        if
        :: due -> next = next | RESERVED
        :: else
        fi
    fi;
    note_io();
    if
    :: len(ioq) + len(cpuq) > 0 -> next = next | QUEUED
    :: else
    fi;
    atomic { assert(word == w); word = next }
}

inline release()
{
    atomic { holders-- };
    do
    :: w = word;
       assert(w & HELD);
       due = owed;
       if
       :: !due && (!(w & QUEUED) || (w & TURN)) ->
           atomic {
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
           guard(g);
           pass_on();
           done();
           if
           :: node != NOBODY -> wake(node, what)
           :: else
           fi;
           break
       fi
    od
}

inline successor()
{
    node = NOBODY; is_io = 0;
    if
    :: owed -> pop(cpuq, node)
    :: else
    fi;
    if
    :: node == NOBODY && !owed -> pop(ioq, node); is_io = node != NOBODY
    :: else
    fi;
    if
    :: node == NOBODY && turn && !(word & TURN) -> pop(cpuq, node)
    :: else
    fi
}

/* turn: nondeterministic, for the one yield in yield_every. */
inline yield(n)
{
    if :: turn = 0 :: turn = 1 fi;
    due = 0; node = NOBODY;
    if
    :: io_wanted || (turn && count > 0) ->
        start(n);
        guard(g);
        successor();
        due = node == NOBODY && (turn || owed) && (word & TURN);
        if
        :: node != NOBODY || due ->
            holders--;
            if
            :: is_io && !turn -> push_front(cpuq, 0, n)
            :: else -> push(cpuq, 0, n)
            fi;
            count++;
            atomic { assert(word & HELD); word = word | QUEUED }
        :: else
        fi;
        if
        :: due -> atomic { word = (word & ~HELD) | RESERVED }
        :: else
        fi;
        note_io();
        done();
        if
        :: node != NOBODY -> wake(node, GRANT_LOCK)
        :: else
        fi;
        if
        :: node != NOBODY || due ->
            due = 1;
            queued_wait(cpuq, n, 0);
            granted_to_cpu()
        :: else
        fi;
        alive[n] = 0
    :: else
    fi
}

proctype io(byte n)
{
    byte i, x, old, w, next, node, what, result, k;
    bit taken, due, turn, is_io;

    do
    :: k < ROUNDS ->
        k++;
        acquire(n, 1);
        if
        :: result == 0 ->
            if :: yield(n) :: skip fi;
            release()
        :: else
        fi
    :: else -> break
    od
}

proctype cpu(byte n)
{
    byte i, x, old, w, next, node, what, result, k;
    bit taken, due, turn, is_io;

    acquire(n, 0);
    do
    :: k < ROUNDS -> k++; yield(n)
    :: else -> break
    od;
    release()
}

init
{
    byte k;

    atomic {
        do
        :: k < IOS -> run io(k); k++
        :: else -> break
        od;
        do
        :: k < IOS + CPUS -> run cpu(k); k++
        :: else -> break
        od
    };
    _nr_pr == 1;
    assert(!(word & (HELD | TURN | RESERVED)) && count == 0);
    assert(len(ioq) == 0 && len(cpuq) == 0 && holders == 0)
}
