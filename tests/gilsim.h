/*
 * gilsim.h - a simulated interpreter: threads that compute or come back from
 * something that blocks, a lock, a clock.  Everything happens in one thread,
 * in an order that only the scheduler and the given times decide.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GILSIM_H
#define GILSIM_H

#include <stdbool.h>
#include <stdint.h>

#include "pyplusthread/gilsched.h"

/* How long a holder takes to see a request, at most. */
#define SIM_CHECK_NS 5000

typedef enum {
    SIM_BLOCKS,     /* outside the interpreter, until at */
    SIM_HOLDS,      /* until at, or until it has seen a request */
    SIM_SLEEPS,     /* in the scheduler, until at */
    SIM_DETAINED,   /* has let go, and waits until another one has the lock */
    SIM_ENDED       /* in the midst of a wait; its sched is full of 0xff */
} sim_state_t;

typedef struct sim_thread {
    ppt_gilsched_thread_t sched;
    int64_t hold;   /* for how long it holds the lock; PPT_FOREVER: computes */
    int64_t block;  /* for how long it blocks then */
    int64_t start;  /* when it wants the lock first */
    int asks;       /* it ends when it is to ask so often; 0: never */
    int wakes;      /* it ends when it is woken so often */
    sim_state_t state;
    int64_t at;     /* of its next event; PPT_FOREVER: another's */
    int64_t left;   /* of a hold that was interrupted */
    uint64_t call;  /* holds there had been when it began to wait */
    int64_t since;  /* it holds, or wants, the lock since */
    int64_t held;   /* in all */
    int64_t holds;  /* that came to their end */
    int64_t worst;  /* wait */
} sim_thread_t;

typedef struct sim {
    ppt_gilsched_t sched;
    sim_thread_t *threads;
    int count;
    int64_t latency;    /* between a wake-up and its effect */
    bool locked;
    bool requested;
    sim_thread_t *detained;
} sim_t;

/* The simulated clock, for a scheduler's now. */
extern int64_t sim_clock;
int64_t sim_now(void);

/* Run threads, whose hold, block and start are set, for a time. */
void sim_start(sim_t *sim, sim_thread_t *threads, int count);
void sim_run(sim_t *sim, int64_t length);

#endif
