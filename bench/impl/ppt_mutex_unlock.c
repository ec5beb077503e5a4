/* SPDX-License-Identifier: MIT */
/* ppt-mutex-unlock: ppt-mutex with the call that wakes after the unlock. */
#include "ppt_mutex.h"

static inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    ppt_cond_signal_unlock(c, m);
}

#include "loops/pair.h"
#include "loops/queue.h"

EXPORT const struct impl IMPL(ppt_mutex_unlock) = {
    .name = "ppt-mutex-unlock" AT_PORT,
    .about = "pthread_mutex_t and ppt_cond_t, ppt_cond_signal_unlock",
    .port = ppt_port,
    .files = &queue_files,
    .pair = &pair_loop,
    .queue = &queue_loop,
};
