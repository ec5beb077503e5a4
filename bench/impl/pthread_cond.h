/* SPDX-License-Identifier: MIT */
/* The system's condition with the system's mutex. */
#include "bench.h"
#include "pthread_mutex.h"

typedef pthread_cond_t cond_t;

static inline void cond_init(cond_t *c) { pthread_cond_init(c, NULL); }
static inline void cond_destroy(cond_t *c) { pthread_cond_destroy(c); }
static inline void cond_signal(cond_t *c) { pthread_cond_signal(c); }
static inline void cond_broadcast(cond_t *c) { pthread_cond_broadcast(c); }

static inline void cond_wait(cond_t *c, mutex_t *m)
{
    pthread_cond_wait(c, m);
}
