/* SPDX-License-Identifier: MIT */
/* This library's condition with the system's mutex. */
#include <pyplusthread/pthread.h>

#include "bench.h"
#include "pthread_mutex.h"

typedef ppt_cond_t cond_t;

static inline void cond_init(cond_t *c) { ppt_cond_init(c); }
static inline void cond_destroy(cond_t *c) { ppt_cond_destroy(c); }
static inline void cond_signal(cond_t *c) { ppt_cond_signal(c); }
static inline void cond_broadcast(cond_t *c) { ppt_cond_broadcast(c); }

static inline void cond_wait(cond_t *c, mutex_t *m)
{
    ppt_cond_wait_mutex(c, m, PPT_FOREVER);
}
