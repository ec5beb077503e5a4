/* SPDX-License-Identifier: MIT */
/* Threads whose allocations are counted: actors.h. */
#include "actors.h"

#include "allocator.h"

static void act(void *arg)
{
    actor_t *actor = arg;
    long before = allocations();

    actor->part(actor->stage);
    actor->allocated = allocations() - before;
}

void start(actor_t *actor, stage_t *stage, part_fn part)
{
    actor->stage = stage;
    actor->part = part;
    worker_start(&actor->worker, act, actor);
}

void start_and_sleep(actor_t *actor, stage_t *stage, part_fn part)
{
    start(actor, stage, part);
    await(worker_asleep(&actor->worker) || worker_done(&actor->worker));
}

void join(actor_t *actor)
{
    worker_join(&actor->worker);
    ck_assert_int_eq(actor->allocated, 0);
    ck_assert_int_eq(actor->stage->failures, 0);
}

void play_alone(const part_fn *parts, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        stage_t stage = STAGE;
        actor_t actor;

        start(&actor, &stage, parts[i]);
        join(&actor);
    }
}

void play_with(part_fn waker, const part_fn *parts, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        stage_t stage = STAGE;
        actor_t waiting, waking;

        start_and_sleep(&waiting, &stage, parts[i]);
        start(&waking, &stage, waker);
        join(&waiting);
        join(&waking);
    }
}

int64_t soon(void)
{
    return CALL(ppt_deadline)(MS);
}

int go_on(void *arg)
{
    (void)arg;
    return 0;
}
