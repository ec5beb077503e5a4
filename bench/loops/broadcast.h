/*
 * broadcast: threads wait for a condition, and one wakes them all, with the
 * mutex held.  An operation is one round: it ends when all wait again.
 *
 * SPDX-License-Identifier: MIT
 */
struct broadcasts {
    mutex_t mutex;
    cond_t called;       /* for the waiters */
    cond_t complete;     /* for thread 0: all wait */
    unsigned waiters;
    unsigned waiting;    /* guarded by mutex, like all below */
    uint64_t round;
    bool over;           /* the last round has been called */
};

static void broadcast_init(void *state, const struct params *params)
{
    struct broadcasts *broadcasts = (struct broadcasts *)state;

    mutex_init(&broadcasts->mutex);
    cond_init(&broadcasts->called);
    cond_init(&broadcasts->complete);
    broadcasts->waiters = params->threads;
}

static void broadcast_destroy(void *state)
{
    struct broadcasts *broadcasts = (struct broadcasts *)state;

    cond_destroy(&broadcasts->complete);
    cond_destroy(&broadcasts->called);
    mutex_destroy(&broadcasts->mutex);
}

/* Wait until all others do, and wake them. */
static void broadcast_call(struct broadcasts *broadcasts, bool last)
{
    mutex_lock(&broadcasts->mutex);
    while (broadcasts->waiting < broadcasts->waiters)
        cond_wait(&broadcasts->complete, &broadcasts->mutex);
    broadcasts->waiting = 0;
    broadcasts->round++;
    broadcasts->over = last;
    cond_broadcast(&broadcasts->called);
    mutex_unlock(&broadcasts->mutex);
}

static void broadcast_follow(struct broadcasts *broadcasts)
{
    mutex_lock(&broadcasts->mutex);
    while (!broadcasts->over) {
        uint64_t round = broadcasts->round;

        if (++broadcasts->waiting == broadcasts->waiters)
            cond_signal(&broadcasts->complete);
        while (broadcasts->round == round)
            cond_wait(&broadcasts->called, &broadcasts->mutex);
    }
    mutex_unlock(&broadcasts->mutex);
}

static void broadcast_work(void *state, struct worker *worker)
{
    struct broadcasts *broadcasts = (struct broadcasts *)state;
    uint64_t i;

    if (worker->index > 0) {
        broadcast_follow(broadcasts);
        return;
    }
    for (i = 0; worker_goes_on(worker, i); i++)
        broadcast_call(broadcasts, false);
    broadcast_call(broadcasts, true);
    worker->done = i + 1;
}

static const struct loop broadcast_loop = {
    sizeof(struct broadcasts), broadcast_init, broadcast_work, NULL,
    broadcast_destroy
};
