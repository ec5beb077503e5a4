/*
 * sem-counter: the naive emulation, one semaphore shared by all waiters of
 * a condition and a count of them.  It lets a later waiter take a wake-up
 * meant for an earlier one; the loops here, which test their conditions
 * again, bear that.  `broadcast` does not: it waits for those who lost one.
 *
 * SPDX-License-Identifier: MIT
 */
#include <semaphore.h>

#include "bench.h"
#include "pthread_mutex.h"

typedef struct {
    sem_t sem;
    unsigned waiters;    /* guarded by the mutex: asleep, not yet notified */
} cond_t;

static inline void cond_init(cond_t *c) { sem_init(&c->sem, 0, 0); }
static inline void cond_destroy(cond_t *c) { sem_destroy(&c->sem); }

static inline void cond_wait(cond_t *c, mutex_t *m)
{
    c->waiters++;
    pthread_mutex_unlock(m);
    while (sem_wait(&c->sem) != 0)
        ;
    pthread_mutex_lock(m);
}

static inline void cond_signal(cond_t *c)
{
    if (c->waiters > 0) {
        c->waiters--;
        sem_post(&c->sem);
    }
}

static inline void cond_broadcast(cond_t *c)
{
    while (c->waiters > 0)
        cond_signal(c);
}

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    cond_signal(c);
    pthread_mutex_unlock(m);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"

const struct impl impl_sem_counter = {
    .name = "sem-counter",
    .about = "pthread_mutex_t, one sem_t and a count of waiters",
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .signal = &signal_loop,
    .idle = &idle_loop,
};
