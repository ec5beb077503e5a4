/*
 * pair: a producer and a consumer share one slot.  An operation is one item
 * handed over: two waits where both threads are always too early.
 *
 * SPDX-License-Identifier: MIT
 */
struct pair {
    mutex_t mutex;
    cond_t filled;
    cond_t emptied;
    bool full;           /* guarded by mutex */
    bool closed;         /* guarded by mutex: no more items */
};

static void pair_init(void *state, const struct params *params)
{
    struct pair *pair = (struct pair *)state;

    (void)params;
    mutex_init(&pair->mutex);
    cond_init(&pair->filled);
    cond_init(&pair->emptied);
}

static void pair_destroy(void *state)
{
    struct pair *pair = (struct pair *)state;

    cond_destroy(&pair->emptied);
    cond_destroy(&pair->filled);
    mutex_destroy(&pair->mutex);
}

static void pair_produce(struct pair *pair, struct worker *worker)
{
    for (uint64_t i = 0; worker_goes_on(worker, i); i++) {
        mutex_lock(&pair->mutex);
        while (pair->full)
            cond_wait(&pair->emptied, &pair->mutex);
        pair->full = true;
        cond_signal_unlock(&pair->filled, &pair->mutex);
    }
    mutex_lock(&pair->mutex);
    pair->closed = true;
    cond_signal_unlock(&pair->filled, &pair->mutex);
}

static void pair_consume(struct pair *pair, struct worker *worker)
{
    uint64_t i;

    for (i = 0;; i++) {
        mutex_lock(&pair->mutex);
        while (!pair->full && !pair->closed)
            cond_wait(&pair->filled, &pair->mutex);
        if (!pair->full)
            break;
        pair->full = false;
        cond_signal_unlock(&pair->emptied, &pair->mutex);
    }
    mutex_unlock(&pair->mutex);
    worker->done = i;
}

static void pair_work(void *state, struct worker *worker)
{
    if (worker->index == 0)
        pair_produce((struct pair *)state, worker);
    else
        pair_consume((struct pair *)state, worker);
}

static const struct loop pair_loop = {
    sizeof(struct pair), pair_init, pair_work, NULL, pair_destroy
};
