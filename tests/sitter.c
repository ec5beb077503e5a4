/* SPDX-License-Identifier: MIT */
/* A thread that waits in a queue: sitter.h. */
#include "sitter.h"

void sitter_run(void *arg)
{
    sitter_t *sitter = arg;

    sitter->result = ppt__waiter_wait(sitter->waiter, sitter->queue,
                                      &sitter->options);
    sitter->returned = ppt_now();
    sitter->left_over = ppt__sem_wait(&sitter->waiter->sem, PPT_TRY, 0);
    sitter->grant = sitter->waiter->grant;
    ppt__waiter_end(sitter->waiter);
}

void sitter_start_queued(sitter_t *sitter)
{
    worker_start(&sitter->worker, sitter_run, sitter);
    if (sitter->options.deadline == PPT_FOREVER)
        await(ppt__waiter_asleep(sitter->waiter)
              && worker_asleep(&sitter->worker));
}

void sitter_start(sitter_t *sitter, ppt_waitq_t *queue,
                  ppt__wait_options_t options)
{
    sitter->queue = queue;
    sitter->options = options;
    sitter->waiter = &sitter->memory;
    enqueue(queue, sitter->waiter);
    sitter_start_queued(sitter);
}

void sitter_join(sitter_t *sitter, int result)
{
    worker_join(&sitter->worker);
    ck_assert_int_eq(sitter->result, result);
    ck_assert_int_eq(sitter->left_over, ETIMEDOUT);
}
