/*
 * signal: one thread signals a condition that nobody waits for.  It holds
 * the mutex all the while, because some implementations insist.
 *
 * SPDX-License-Identifier: MIT
 */
#define SIGNALS_PER_LOOK 100

struct signals {
    mutex_t mutex;
    cond_t cond;
};

static void signal_init(void *state, const struct params *params)
{
    struct signals *signals = (struct signals *)state;

    (void)params;
    mutex_init(&signals->mutex);
    cond_init(&signals->cond);
}

static void signal_destroy(void *state)
{
    struct signals *signals = (struct signals *)state;

    cond_destroy(&signals->cond);
    mutex_destroy(&signals->mutex);
}

static void signal_work(void *state, struct worker *worker)
{
    struct signals *signals = (struct signals *)state;
    uint64_t i = 0;

    mutex_lock(&signals->mutex);
    while (worker_goes_on(worker, i)) {
        for (unsigned k = 0; k < SIGNALS_PER_LOOK; k++) {
            cond_signal(&signals->cond);
            __asm__ __volatile__("" ::: "memory");
        }
        i += SIGNALS_PER_LOOK;
    }
    mutex_unlock(&signals->mutex);
    worker->done = i;
}

static const struct loop signal_loop = {
    sizeof(struct signals), signal_init, signal_work, NULL, signal_destroy
};
