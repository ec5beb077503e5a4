/*
 * spin.h - whether to spin, or to yield, before sleeping: see spin.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_SPIN_H
#define PPT_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#include "pyplusthread/waiter.h"

/*
 * How many CPUs this process may use: 1 or more.  Follows what the process is
 * given while it runs: more within 0.2 s of waits, fewer within 1.2 s, or
 * within 8 waits that slept where these are rare.  Threads that pin
 * themselves do not hide the CPUs of others, unless all of them and the first
 * thread are on one CPU and none is woken from another.  One load.
 */
int ppt__cpu_count(void);

/* How long a spin for what is held shortly may last, in nanoseconds. */
#define PPT__SPIN_NS 20000

/*
 * How long a waiter may spin, in nanoseconds: twice what a remote wake-up
 * takes here, between PPT__SPIN_NS and PPT__SPIN_LIMIT_NS.  After PPT__SPIN_NS
 * it does so only for as long as no other thread wants its CPU.
 */
int64_t ppt__spin_limit(void);
#define PPT__SPIN_LIMIT_NS 200000

/* A thread that slept was woken from a remote CPU, within ns nanoseconds. */
void ppt__spin_measured(int64_t ns);

/* Looks at a word between two looks at the clock. */
#define PPT__LOOKS 16

/* Whether the calling thread should spin for somebody who will act on queue. */
bool ppt__spin_pays(ppt_waitq_t *queue);

/* Whether the last waiter of queue was woken from another CPU than its own. */
bool ppt__spin_remote(const ppt_waitq_t *queue);

/* How such a spin went. */
void ppt__spin_done(ppt_waitq_t *queue, bool success);

/*
 * A waiter of queue was notified, from a remote CPU, not its own, or not;
 * if it was going to spin, that was a success or not.  learn is called by the
 * waker, note by the waiter itself, which has slept unless it was a success.
 */
void ppt__spin_learn(ppt_waitq_t *queue, bool remote, bool spins, bool success);
void ppt__spin_note(bool remote, bool spins, bool success);

/* How often to yield instead of a spin, at most. */
#define PPT__YIELDS 4

/* Whether the calling thread should yield; now is now. */
bool ppt__yield_pays(int64_t now);

/*
 * It yielded at begin, and is back now.  False: do not yield again.  Neither
 * does this thread in its next waits, for half a second at most.
 */
bool ppt__yield_done(int64_t begin, int64_t now);

#endif
