/*
 * port.h - the whole demand of this library on an operating system.
 *
 * A port is a folder beside this file, chosen by meson.  Each function below
 * is a numbered promise; tests/test_port*.c have tests of each, run on every
 * port.  None allocates.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_PORT_H
#define PPT_PORT_H

#include <stdint.h>

#include "sem.h" /* the port's: ppt__sem_t */

/* P1: nanoseconds on a monotonic clock; never goes back; always > 0. */
int64_t ppt__now(void);

/*
 * P2: the CPU this thread runs on, or did a moment ago: 0 or more; -1 where
 * the system does not say.  A hint, a few nanoseconds.
 */
int ppt__cpu(void);

/*
 * P3: how many CPUs the calling thread and the first thread of the process
 * may use now, taken together: 1 or more.  A system where threads cannot be
 * pinned says how many there are.  Asks the system, for a microsecond or so,
 * and leaves errno alone.  Not seen: a limit on CPU time (cgroup quotas).
 */
int ppt__cpus_allowed(void);

/* P4: let other threads that are ready to run go first. */
void ppt__yield(void);

/* P5: name the port: "linux", "posix". */
const char *ppt__port_name(void);

/*
 * P6: make sem a semaphore of value 0, for the threads of this process.
 * P7: end its use.  Legal once the wait for the last post has returned,
 *     while the thread that posted is still inside post.
 */
void ppt__sem_init(ppt__sem_t *sem);
void ppt__sem_destroy(ppt__sem_t *sem);

/*
 * P8: post sem, that is raise it to 1 and wake its waiter, in two steps: one
 * that makes no system call, if the system allows for that, and the one that
 * wakes.  Each is called once between two waits.  The waiter may return after
 * the first, if the port can do it then.  Neither touches sem after the
 * waiter may have returned.
 */
void ppt__sem_raise(ppt__sem_t *sem);
void ppt__sem_wake(ppt__sem_t *sem);

static inline void ppt__sem_post(ppt__sem_t *sem)
{
    ppt__sem_raise(sem);
    ppt__sem_wake(sem);
}

enum {
    PPT__INTERRUPTIBLE = 1, /* return EINTR after a signal handler ran */
    PPT__CANCELLABLE = 2,   /* be a deferred cancellation point */
    PPT__REALTIME = 4       /* the deadline is on CLOCK_REALTIME */
};

/*
 * P9: sleep until sem is 1, and lower it to 0.  Returns 0, or ETIMEDOUT not
 * before deadline (monotonic if flags does not say otherwise, PPT_FOREVER:
 * none), or EINTR where flags has PPT__INTERRUPTIBLE: then a post that came
 * meanwhile is still there.  Only sem's one waiter calls it.  A post that is
 * there is taken whatever the deadline.  No cancellation point, and no
 * handler's run is reported, unless flags says so; a thread that is cancelled
 * here has not taken the post.
 */
int ppt__sem_wait(ppt__sem_t *sem, int64_t deadline, unsigned flags);

/*
 * P10: sleep while *word is value.  May return at any time without reason;
 * the caller looks again.  Where a port cannot sleep on a word it naps, so
 * that a thread of lower priority, or the only other one on this CPU, runs.
 * P11: wake two threads that sleep on word, or those that there are: of
 * thousands that sleep, each of which wakes others when it has run, more and
 * more run, rather than one after the other, behind whatever else has the
 * CPUs.  Does not read or write *word: it may be gone.
 */
void ppt__word_wait(uint32_t *word, uint32_t value);
void ppt__word_wake(uint32_t *word);

/* P12: tell the processor that this is a spin loop. */
static inline void ppt__pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
    __asm__ __volatile__("isb" ::: "memory");
#elif defined(__powerpc__)
    __asm__ __volatile__("or 27,27,27" ::: "memory");
#else
    __asm__ __volatile__("" ::: "memory");
#endif
}

/*
 * P13: how often this thread has gone to sleep by itself, not counting when
 * its CPU was taken away.  Asks the system, for a fraction of a microsecond,
 * and leaves errno alone.  A system that does not tell says always the same.
 */
uint64_t ppt__sleeps(void);

/*
 * P14: how often another thread has had this thread's CPU, although this one
 * could go on: by its yields, too.  Otherwise as P13.
 */
uint64_t ppt__preemptions(void);

#endif
