/*
 * cond_kinds.h - conditions with their locks, of several kinds, behind one
 * set of verbs, so that one test of a promise serves all who make it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef COND_KINDS_H
#define COND_KINDS_H

#include <semaphore.h>

#include "pyplusthread/cond.h"
#include "pyplusthread/lock.h"
#include "pyplusthread/pthread.h"

#include "support.h"

/* The usual emulation: one semaphore for all waiters, and a counter. */
typedef struct control {
    sem_t sem;
    int waiters; /* guarded by the mutex */
} control_t;

typedef union condition {
    ppt_cond_t cond;
    ppt_pthread_cond_t dropin;
    control_t control;
} condition_t;

/* The lock of a pair is one of these. */
typedef struct locks {
    ppt_lock_t lock;
    pthread_mutex_t mutex; /* error-checking */
} locks_t;

typedef struct pair {
    const struct kind *kind;
    condition_t *condition;
    locks_t *locks;
} pair_t;

typedef struct kind {
    const char *name;
    bool counts;      /* signal says how many it notified */
    void (*init)(condition_t *condition);
    int (*destroy)(condition_t *condition);
    int (*lock)(pair_t *pair);
    int (*unlock)(pair_t *pair);
    int (*wait)(pair_t *pair, int64_t deadline);
    int (*wait_interruptible)(pair_t *pair, int64_t deadline,
                              ppt_interrupt_fn on_interrupt, void *arg);
    int (*signal)(pair_t *pair);
    int (*signal_n)(pair_t *pair, int n);
    int (*broadcast)(pair_t *pair);
    unsigned (*waiting)(const condition_t *condition);
} kind_t;

/*
 * In steps, lock, mutex, unlock, drop-in.  The first three have interruptible
 * waits of their own; all but the first may be freed right after a broadcast.
 */
extern const kind_t *const kinds[];
enum { KINDS_FREED = 1, KINDS_INTERRUPTIBLE = 3, KINDS = 5 };

/* Not one of them: known to be wrong. */
extern const kind_t control_kind;

void pair_init(pair_t *pair, const kind_t *kind);
void pair_destroy(pair_t *pair);

/* Another condition with the same lock. */
void pair_join(pair_t *pair, const pair_t *other);
void pair_part(pair_t *pair);

condition_t *condition_new(const kind_t *kind);

/* What destroy said; the memory is given back, overwritten. */
int condition_free(const kind_t *kind, condition_t *condition);

static inline int pair_lock(pair_t *pair)
{
    return pair->kind->lock(pair);
}

static inline int pair_unlock(pair_t *pair)
{
    return pair->kind->unlock(pair);
}

static inline unsigned pair_waiting(const pair_t *pair)
{
    return pair->kind->waiting(pair->condition);
}

/* A thread that waits once, and what it saw. */
typedef struct waiter {
    worker_t worker;
    pair_t *pair;
    int64_t deadline;
    bool interruptible;
    ppt_interrupt_fn on_interrupt;
    void *arg;
    int *turn;        /* NULL, or counts the threads that returned */
    int place;        /* among those */
    int result;
    int unlocked;     /* what unlocking said: 0 if the lock was held */
    int64_t returned; /* when */
} waiter_t;

/* What its thread does. */
void waiter_run(void *waiter);

/* Start one, and see it queued behind those who wait already. */
void waiter_start(waiter_t *waiter, pair_t *pair, int64_t deadline);
void waiter_start_interruptible(waiter_t *waiter, pair_t *pair,
                                ppt_interrupt_fn on_interrupt, void *arg);
void waiter_join(waiter_t *waiter, int result);

#endif
