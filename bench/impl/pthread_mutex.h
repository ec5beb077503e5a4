/* SPDX-License-Identifier: MIT */
/* The mutex of all implementations that use the system's. */
#include <pthread.h>

typedef pthread_mutex_t mutex_t;

static inline void mutex_init(mutex_t *m) { pthread_mutex_init(m, NULL); }
static inline void mutex_destroy(mutex_t *m) { pthread_mutex_destroy(m); }
static inline void mutex_lock(mutex_t *m) { pthread_mutex_lock(m); }
static inline void mutex_unlock(mutex_t *m) { pthread_mutex_unlock(m); }
