/* SPDX-License-Identifier: MIT */
/* pthread-unlock: the system's own, signalled after the unlock. */
#include "pthread_cond.h"

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    pthread_mutex_unlock(m);
    pthread_cond_signal(c);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/semaphore_of_cond.h"

const struct impl impl_pthread_unlock = {
    .name = "pthread-unlock",
    .about = "pthread_mutex_t and pthread_cond_t, signalled after the unlock",
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .semaphore = &semaphore_loop,
};
