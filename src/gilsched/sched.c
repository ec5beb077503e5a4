/*
 * sched.c - who gets an interpreter's lock next.
 *
 * Idea
 *   PythonPlus's: a thread back from I/O goes before those that compute.  The
 *   interpreter tells what it does anyway: a thread wants its lock, has it,
 *   lets go of it.  So all is known and nothing is sampled: who waits, who
 *   was asked to let go, for how long each held the lock.  As in lock.c, a
 *   release frees the lock and wakes one waiter, and no other one before that
 *   one has come; whoever comes first may take it.
 *
 *   want.c has what a thread does that wants the lock, hold.c what one does
 *   that has it; class.c says which threads are CPU-bound, ask.c when a holder
 *   is asked to let go, next.c which thread is woken, and queue.c keeps the
 *   order of those that wait.  account.c is what keeps the share.
 *
 * State, all guarded by the caller's guard
 *   io, cpu          the waiters of each class; the queues' own guards are
 *                    not used
 *   holder           who has the lock
 *   coming           who was woken and has not come yet
 *   contended_since  since when somebody waits during this hold; 0: nobody
 *                    does, but for who is coming
 *   asked_at         when the holder was asked to let go
 *   left_until       till when the free lock is left for the thread that let
 *                    go of it; 0: it is not
 *
 * Invariants
 *   S1  While the lock is free and somebody is queued, one is coming, or the
 *       first of the CPU-bound threads watches (S7).
 *   S2  The last of each queue keeps time: it was awake when it queued, and
 *       sleeps until something is to be done for its queue, for PATIENCE or a
 *       slice at most.  A queue whose last is taken out is empty.  The others
 *       look after a slice, and ask if the last has asked in vain: CPython up
 *       to 3.12 tells the thread's own interpreter, and the holder may be of
 *       another one.
 *   S3  Whoever is notified is given its post before the guard is released,
 *       but for the system call (waitq I2).  So it takes the post before it
 *       goes on, and nobody else uses its waiter any more.
 *   S4  coming is replaced when it has not come for PATIENCE: by the first in
 *       its queue, when one that keeps time looks, or at the next release.
 *   S5  A holder is asked at most once in PATIENCE.  A hold that begins is not
 *       asked yet: so a request that another thread's hold has swallowed is
 *       made again, by the thread that comes, by the next one that wants the
 *       lock, or by the one that keeps time.
 *   S6  Who asks leaves its queue for a moment, with the guard held, and comes
 *       back to its place.  It may as well not come back.
 *   S7  The first CPU-bound thread in line watches while no others wait and
 *       the holder is one that was back within BRIEF after its last release:
 *       it sleeps for BRIEF at a time.  When such a holder lets go, nobody is
 *       woken, unless CPU-bound threads are owed time or a slice; the thread
 *       that watches takes the lock if it is still free after BRIEF.  So two
 *       threads that wake each other through pipes are not interrupted at
 *       each step, and the lock is not idle for longer than two such sleeps.
 *       No CPU-bound thread leaves the lock alone while others are queued.
 *   S8  Among CPU-bound threads none is served much more than two slices more
 *       than another that waits, whoever finds the lock free when it comes
 *       back: one that leads by a slice does not resume first, and leaves a
 *       free lock to the others; by two, it is asked to let go (as in a fair
 *       queue of virtual time, Demers, Keshav and Shenker 1989).  A thread
 *       that blocked is owed no more than some slices, and a call that kept
 *       the lock for long counts for no more than two.
 *   S9  Others look at a thread only while it is queued, and so asleep or about
 *       to be.  One that asks or is on its way may have ended, and so may the
 *       holder: what is to be known of them is in fields of the scheduler.
 *       CPython up to 3.13 ends threads in take_gil, while it shuts down: on
 *       the word of ASK, or after they have taken the lock and let go of it.
 *       For one that is on its way and does not come there is S4, but a
 *       CPU-bound queue is looked after once in a slice only.
 *
 * Races
 *   Lost wake-up: S1, S3.  Lost request: S5, S2.  Starvation of CPU-bound
 *   threads: account.c; of the others: they are first unless CPU-bound ones
 *   are owed time; of one that is overtaken whenever it comes: it queues in
 *   front, and has the holder asked after PATIENCE.
 *
 * SPDX-License-Identifier: MIT
 */
#include "class.h"
#include "state.h"

void ppt_gilsched_wake(void *wake)
{
    if (wake != NULL)
        ppt__sem_wake(wake);
}

void ppt_gilsched_detained(const ppt_gilsched_t *sched,
                           ppt_gilsched_thread_t *thread)
{
    if (thread->cpu_bound)
        ppt__gilsched_blocks(sched, thread, clock_of(sched));
}

void ppt_gilsched_back(const ppt_gilsched_t *sched,
                       ppt_gilsched_thread_t *thread)
{
    if (!thread->cpu_bound)
        return;
    ppt__gilsched_look_at_class(sched, thread, clock_of(sched));
    thread->back = true;
}

unsigned ppt_gilsched_waiting(const ppt_gilsched_t *sched)
{
    return ppt__waitq_length(&sched->io) + ppt__waitq_length(&sched->cpu);
}

void ppt_gilsched_after_fork(ppt_gilsched_t *sched)
{
    *sched = (ppt_gilsched_t){ .now = sched->now, .sleeps = sched->sleeps,
                               .slice = sched->slice,
                               .cpu_share = sched->cpu_share,
                               .yields = sched->yields };
}
