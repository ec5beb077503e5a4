/*
 * semaphore: threads stand in a ring and hand units on.  Each takes one from
 * its semaphore, works, gives it to that of the next thread, works.  With one
 * semaphore for all they share its units instead.  An operation is a unit
 * taken and given; with one thread nobody waits.
 *
 * SPDX-License-Identifier: MIT
 */
struct ring {
    unsigned threads;
    unsigned semaphores;
    unsigned inside;
    unsigned outside;
    struct {
        semaphore_t semaphore;
        char apart[CACHE_LINE];
    } slots[1024];       /* --threads' maximum */
};

static void semaphore_init(void *state, const struct params *params)
{
    struct ring *ring = (struct ring *)state;

    ring->threads = params->threads;
    ring->semaphores = params->semaphores > 0 ? params->semaphores
                                              : params->threads;
    ring->inside = params->inside;
    ring->outside = params->outside;
    for (unsigned k = 0; k < ring->semaphores; k++)
        semaphore_make(&ring->slots[k].semaphore,
                       k == 0 ? params->units : 0);
}

static void semaphore_stop(void *state)
{
    struct ring *ring = (struct ring *)state;

    for (unsigned k = 0; k < ring->semaphores; k++)
        for (unsigned i = 0; i < 2 * ring->threads; i++)
            semaphore_give(&ring->slots[k].semaphore);
}

static void semaphore_destroy(void *state)
{
    struct ring *ring = (struct ring *)state;

    for (unsigned k = 0; k < ring->semaphores; k++)
        semaphore_unmake(&ring->slots[k].semaphore);
}

static void semaphore_work(void *state, struct worker *worker)
{
    struct ring *ring = (struct ring *)state;
    unsigned from = worker->index % ring->semaphores;
    unsigned to = (worker->index + 1) % ring->semaphores;
    uint64_t own = 0;
    uint64_t i;

    for (i = 0; worker_goes_on(worker, i); i++) {
        semaphore_take(&ring->slots[from].semaphore);
        own = do_work(own, ring->inside);
        semaphore_give(&ring->slots[to].semaphore);
        own = do_work(own, ring->outside);
    }
    worker->done = i;
}

static const struct loop semaphore_loop = {
    sizeof(struct ring), semaphore_init, semaphore_work, semaphore_stop,
    semaphore_destroy
};
