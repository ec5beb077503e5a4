/*
 * sitter.h - a thread that waits in a queue, and what it saw.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SITTER_H
#define SITTER_H

#include "waitq_support.h"

typedef struct sitter {
    worker_t worker;
    ppt_waitq_t *queue;
    ppt__wait_options_t options;
    ppt__waiter_t *waiter;
    ppt__waiter_t memory;
    int result;
    int left_over; /* what waiting for one more post said */
    uint32_t grant;
    int64_t returned;
} sitter_t;

/* What its thread does. */
void sitter_run(void *sitter);

/* Start one that is queued already, and see it asleep. */
void sitter_start_queued(sitter_t *sitter);

/* Queue one, and start it. */
void sitter_start(sitter_t *sitter, ppt_waitq_t *queue,
                  ppt__wait_options_t options);

/* Its wait returned result, and it had no post too many. */
void sitter_join(sitter_t *sitter, int result);

#endif
