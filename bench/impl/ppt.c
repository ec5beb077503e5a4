/* SPDX-License-Identifier: MIT */
/* ppt: this library's condition with its own lock. */
#include <pyplusthread/barrier.h>
#include <pyplusthread/cond.h>
#include <pyplusthread/lock.h>
#include <pyplusthread/semaphore.h>

#include "bench.h"

typedef ppt_lock_t mutex_t;
typedef ppt_cond_t cond_t;
typedef ppt_semaphore_t semaphore_t;
typedef ppt_barrier_t barrier_t;

static inline void mutex_init(mutex_t *m) { ppt_lock_init(m); }
static inline void mutex_destroy(mutex_t *m) { ppt_lock_destroy(m); }
static inline void mutex_lock(mutex_t *m) { ppt_lock_acquire(m, PPT_FOREVER); }
static inline void mutex_unlock(mutex_t *m) { ppt_lock_release(m); }

static inline void cond_init(cond_t *c) { ppt_cond_init(c); }
static inline void cond_destroy(cond_t *c) { ppt_cond_destroy(c); }
static inline void cond_signal(cond_t *c) { ppt_cond_signal(c); }
static inline void cond_broadcast(cond_t *c) { ppt_cond_broadcast(c); }

static inline void cond_wait(cond_t *c, mutex_t *m)
{
    ppt_cond_wait(c, m, PPT_FOREVER);
}

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    ppt_cond_signal(c);
    ppt_lock_release(m);
}

static inline void semaphore_make(semaphore_t *s, unsigned units)
{
    ppt_semaphore_init(s, units);
}

static inline void semaphore_unmake(semaphore_t *s)
{
    ppt_semaphore_destroy(s);
}

static inline void semaphore_take(semaphore_t *s)
{
    ppt_semaphore_acquire(s, PPT_FOREVER);
}

static inline void semaphore_give(semaphore_t *s)
{
    ppt_semaphore_release(s, 1);
}

static inline void barrier_make(barrier_t *b, unsigned parties)
{
    ppt_barrier_init(b, parties, NULL, NULL);
}

static inline void barrier_unmake(barrier_t *b) { ppt_barrier_destroy(b); }

static inline void barrier_meet(barrier_t *b)
{
    ppt_barrier_wait(b, PPT_FOREVER, NULL);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"
#include "loops/broadcast.h"
#include "loops/lock.h"
#include "loops/semaphore.h"
#include "loops/barrier.h"
#include "loops/gil.h"

EXPORT const struct impl IMPL(ppt) = {
    .name = "ppt" AT_PORT,
    .about = "ppt_lock_t, ppt_cond_t and ppt_semaphore_t",
    .port = ppt_port,
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .signal = &signal_loop,
    .idle = &idle_loop,
    .broadcast = &broadcast_loop,
    .lock = &lock_loop,
    .semaphore = &semaphore_loop,
    .barrier = &barrier_loop,
    .gil = &gil_loop,
};
