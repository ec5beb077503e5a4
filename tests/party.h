/*
 * party.h - a thread that waits at a barrier once, an action that is run
 * there, and what they saw.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PARTY_H
#define PARTY_H

#include "support.h"

#include "pyplusthread/barrier.h"

/* An index that no wait gives. */
#define NO_INDEX UINT32_C(0xa5a5a5a5)

/* A thread that waits once, and what it saw. */
typedef struct party {
    worker_t worker;
    ppt_barrier_t *barrier;
    int64_t deadline;
    bool interruptible;
    ppt_interrupt_fn on_interrupt;
    void *arg;
    ppt_waiter_t *waiter; /* NULL: on its stack */
    uint32_t index;
    int result;
    int64_t returned;
} party_t;

/* An action, and what it saw. */
typedef struct action {
    int runs;
    int answer;
    int stay;       /* while not 0, it does not return */
    int inside;
    int overlaps;
    int plain;      /* written by it, read by the parties */
    pthread_t thread;
} action_t;

/* Threads that meet again and again, until the barrier is broken. */
enum { CROWD = 7 };

struct crowd {
    ppt_barrier_t barrier;
    action_t action;
    int indices[3]; /* how often each was given */
    int met;        /* waits that returned 0 */
    int odd;
};

void party_start_unseen(party_t *party, ppt_barrier_t *barrier,
                        int64_t deadline);

/* Start one that is not the last of its round, and see it wait. */
void party_start(party_t *party, ppt_barrier_t *barrier, int64_t deadline);
void party_start_interruptible(party_t *party, ppt_barrier_t *barrier,
                               ppt_interrupt_fn on_interrupt, void *arg);
void party_start_all(party_t *parties, int n, ppt_barrier_t *barrier);
void party_join(party_t *party, int result);
void party_join_all(party_t *parties, int n, int result);

/* The last of a round, on the test's own thread. */
void arrive_last(ppt_barrier_t *barrier, int result);
void barrier_init(ppt_barrier_t *barrier, uint32_t parties,
                  ppt_barrier_action_fn action, void *arg);
void ck_empty(const ppt_barrier_t *barrier, bool broken);
void ck_broken(ppt_barrier_t *barrier);

/* It is whole: all but one wait, the last one lets them go. */
void ck_works(ppt_barrier_t *barrier);
void barrier_finish(ppt_barrier_t *barrier);
int act(void *arg);

/* Start all parties of barrier, whose action stays, and see it run. */
void start_action(party_t *parties, int n, ppt_barrier_t *barrier,
                  action_t *action);
void meet_until_broken(void *arg);

#endif
