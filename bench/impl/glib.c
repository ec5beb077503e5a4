/* SPDX-License-Identifier: MIT */
/* glib: GMutex and GCond, on Linux straight over futexes. */
#include <glib.h>

#include "bench.h"

typedef GMutex mutex_t;
typedef GCond cond_t;

static inline void mutex_init(mutex_t *m) { g_mutex_init(m); }
static inline void mutex_destroy(mutex_t *m) { g_mutex_clear(m); }
static inline void mutex_lock(mutex_t *m) { g_mutex_lock(m); }
static inline void mutex_unlock(mutex_t *m) { g_mutex_unlock(m); }

static inline void cond_init(cond_t *c) { g_cond_init(c); }
static inline void cond_destroy(cond_t *c) { g_cond_clear(c); }
static inline void cond_wait(cond_t *c, mutex_t *m) { g_cond_wait(c, m); }
static inline void cond_signal(cond_t *c) { g_cond_signal(c); }
static inline void cond_broadcast(cond_t *c) { g_cond_broadcast(c); }

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    g_cond_signal(c);
    g_mutex_unlock(m);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"
#include "loops/broadcast.h"
#include "loops/lock.h"
#include "loops/semaphore_of_cond.h"

const struct impl impl_glib = {
    .name = "glib",
    .about = "GMutex and GCond",
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .signal = &signal_loop,
    .idle = &idle_loop,
    .broadcast = &broadcast_loop,
    .lock = &lock_loop,
    .semaphore = &semaphore_loop,
};
