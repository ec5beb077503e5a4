/* SPDX-License-Identifier: MIT */
/* pthread: the system's own, signalled under the mutex as most code does. */
#include <semaphore.h>
#include <unistd.h>

#include "pthread_cond.h"

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    pthread_cond_signal(c);
    pthread_mutex_unlock(m);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"
#include "loops/broadcast.h"
#include "loops/lock.h"

typedef sem_t semaphore_t;

static inline void semaphore_make(semaphore_t *s, unsigned units)
{
    sem_init(s, 0, units);
}

static inline void semaphore_unmake(semaphore_t *s) { sem_destroy(s); }
static inline void semaphore_give(semaphore_t *s) { sem_post(s); }

static inline void semaphore_take(semaphore_t *s)
{
    while (sem_wait(s) != 0)
        ;
}

#include "loops/semaphore.h"

#if defined(_POSIX_BARRIERS) && _POSIX_BARRIERS > 0
typedef pthread_barrier_t barrier_t;

static inline void barrier_make(barrier_t *b, unsigned parties)
{
    pthread_barrier_init(b, NULL, parties);
}

static inline void barrier_unmake(barrier_t *b) { pthread_barrier_destroy(b); }
static inline void barrier_meet(barrier_t *b) { pthread_barrier_wait(b); }

#include "loops/barrier.h"
#define BARRIER_LOOP &barrier_loop
#else
#define BARRIER_LOOP NULL
#endif

const struct impl impl_pthread = {
    .name = "pthread",
    .about = "pthread_mutex_t, pthread_cond_t and sem_t",
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .signal = &signal_loop,
    .idle = &idle_loop,
    .broadcast = &broadcast_loop,
    .lock = &lock_loop,
    .semaphore = &semaphore_loop,
    .barrier = BARRIER_LOOP,
};
