/* SPDX-License-Identifier: MIT */
/* nsync: nsync_mu and nsync_cv, which moves waiters from cv to mu. */
#include <nsync.h>

#include "bench.h"

typedef nsync_mu mutex_t;
typedef nsync_cv cond_t;

static inline void mutex_init(mutex_t *m) { nsync_mu_init(m); }
static inline void mutex_destroy(mutex_t *m) { (void)m; }
static inline void mutex_lock(mutex_t *m) { nsync_mu_lock(m); }
static inline void mutex_unlock(mutex_t *m) { nsync_mu_unlock(m); }

static inline void cond_init(cond_t *c) { nsync_cv_init(c); }
static inline void cond_destroy(cond_t *c) { (void)c; }
static inline void cond_wait(cond_t *c, mutex_t *m) { nsync_cv_wait(c, m); }
static inline void cond_signal(cond_t *c) { nsync_cv_signal(c); }
static inline void cond_broadcast(cond_t *c) { nsync_cv_broadcast(c); }

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    nsync_cv_signal(c);
    nsync_mu_unlock(m);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"
#include "loops/broadcast.h"
#include "loops/lock.h"
#include "loops/semaphore_of_cond.h"

const struct impl impl_nsync = {
    .name = "nsync",
    .about = "nsync_mu and nsync_cv",
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .signal = &signal_loop,
    .idle = &idle_loop,
    .broadcast = &broadcast_loop,
    .lock = &lock_loop,
    .semaphore = &semaphore_loop,
};
