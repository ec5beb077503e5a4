/*
 * idle: a thread waits for a condition until the time is over.  What counts
 * is the CPU time it takes meanwhile.
 *
 * SPDX-License-Identifier: MIT
 */
struct idle {
    mutex_t mutex;
    cond_t cond;
    bool over;           /* guarded by mutex */
};

static void idle_init(void *state, const struct params *params)
{
    struct idle *idle = (struct idle *)state;

    (void)params;
    mutex_init(&idle->mutex);
    cond_init(&idle->cond);
}

static void idle_destroy(void *state)
{
    struct idle *idle = (struct idle *)state;

    cond_destroy(&idle->cond);
    mutex_destroy(&idle->mutex);
}

static void idle_work(void *state, struct worker *worker)
{
    struct idle *idle = (struct idle *)state;

    mutex_lock(&idle->mutex);
    while (!idle->over)
        cond_wait(&idle->cond, &idle->mutex);
    mutex_unlock(&idle->mutex);
    worker->done = 1;
}

static void idle_stop(void *state)
{
    struct idle *idle = (struct idle *)state;

    mutex_lock(&idle->mutex);
    idle->over = true;
    cond_signal_unlock(&idle->cond, &idle->mutex);
}

static const struct loop idle_loop = {
    sizeof(struct idle), idle_init, idle_work, idle_stop, idle_destroy
};
