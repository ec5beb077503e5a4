/*
 * lock: each thread takes the mutex, works, releases it, works.  An
 * operation is one hold; with one thread the lock is uncontended.
 *
 * SPDX-License-Identifier: MIT
 */
struct holds {
    mutex_t mutex;
    unsigned inside;
    unsigned outside;
    uint64_t shared;     /* guarded by mutex */
};

static void lock_init(void *state, const struct params *params)
{
    struct holds *holds = (struct holds *)state;

    mutex_init(&holds->mutex);
    holds->inside = params->inside;
    holds->outside = params->outside;
}

static void lock_destroy(void *state)
{
    mutex_destroy(&((struct holds *)state)->mutex);
}

static void lock_work(void *state, struct worker *worker)
{
    struct holds *holds = (struct holds *)state;
    uint64_t own = 0;
    uint64_t i;

    for (i = 0; worker_goes_on(worker, i); i++) {
        mutex_lock(&holds->mutex);
        holds->shared = do_work(holds->shared + 1, holds->inside);
        mutex_unlock(&holds->mutex);
        own = do_work(own, holds->outside);
    }
    worker->done = i;
}

static const struct loop lock_loop = {
    sizeof(struct holds), lock_init, lock_work, NULL, lock_destroy
};
