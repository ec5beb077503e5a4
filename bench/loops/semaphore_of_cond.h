/* SPDX-License-Identifier: MIT */
/* A counting semaphore made of a mutex and a condition variable. */
typedef struct {
    mutex_t mutex;
    cond_t more;
    unsigned units;      /* guarded by mutex */
} semaphore_t;

static void semaphore_make(semaphore_t *s, unsigned units)
{
    mutex_init(&s->mutex);
    cond_init(&s->more);
    s->units = units;
}

static void semaphore_unmake(semaphore_t *s)
{
    cond_destroy(&s->more);
    mutex_destroy(&s->mutex);
}

static inline void semaphore_take(semaphore_t *s)
{
    mutex_lock(&s->mutex);
    while (s->units == 0)
        cond_wait(&s->more, &s->mutex);
    s->units--;
    mutex_unlock(&s->mutex);
}

static inline void semaphore_give(semaphore_t *s)
{
    mutex_lock(&s->mutex);
    s->units++;
    cond_signal_unlock(&s->more, &s->mutex);
}

#include "semaphore.h"
