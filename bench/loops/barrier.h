/*
 * barrier: threads meet, round after round.  An operation is one round.
 *
 * SPDX-License-Identifier: MIT
 */
struct rounds {
    barrier_t barrier;
    uint64_t last;       /* set by thread 0 before it arrives there */
};

static void barrier_init(void *state, const struct params *params)
{
    struct rounds *rounds = (struct rounds *)state;

    barrier_make(&rounds->barrier, params->threads);
    rounds->last = UINT64_MAX;
}

static void barrier_destroy(void *state)
{
    barrier_unmake(&((struct rounds *)state)->barrier);
}

static void barrier_work(void *state, struct worker *worker)
{
    struct rounds *rounds = (struct rounds *)state;
    uint64_t i;

    for (i = 0; i <= __atomic_load_n(&rounds->last, __ATOMIC_RELAXED); i++) {
        if (worker->index == 0 && !worker_goes_on(worker, i + 1))
            __atomic_store_n(&rounds->last, i, __ATOMIC_RELAXED);
        barrier_meet(&rounds->barrier);
    }
    if (worker->index == 0)
        worker->done = i;
}

static const struct loop barrier_loop = {
    sizeof(struct rounds), barrier_init, barrier_work, NULL, barrier_destroy
};
