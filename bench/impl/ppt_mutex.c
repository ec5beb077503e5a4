/* SPDX-License-Identifier: MIT */
/* ppt-mutex: ours with the system's mutex, used exactly as `pthread` is. */
#include "ppt_mutex.h"

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    ppt_cond_signal(c);
    pthread_mutex_unlock(m);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"
#include "loops/broadcast.h"
#include "loops/semaphore_of_cond.h"

EXPORT const struct impl IMPL(ppt_mutex) = {
    .name = "ppt-mutex" AT_PORT,
    .about = "pthread_mutex_t and ppt_cond_t",
    .port = ppt_port,
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
    .signal = &signal_loop,
    .idle = &idle_loop,
    .broadcast = &broadcast_loop,
    .semaphore = &semaphore_loop,
};
