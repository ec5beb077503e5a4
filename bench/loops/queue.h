/*
 * queue: producers and consumers share a bounded queue.  An operation is
 * one item that went through it.  The same queue serves `files`.
 *
 * SPDX-License-Identifier: MIT
 */
struct queue {
    mutex_t mutex;
    cond_t not_empty;
    cond_t not_full;
    void **ring;
    unsigned capacity;
    unsigned first;      /* guarded by mutex, like all below */
    unsigned length;
    bool closed;         /* no more items will come */
    unsigned consumers_from; /* workers from this index on consume */
    unsigned producing;  /* how many producers have not finished */
};

static void queue_make(struct queue *queue, unsigned capacity)
{
    mutex_init(&queue->mutex);
    cond_init(&queue->not_empty);
    cond_init(&queue->not_full);
    queue->ring = (void **)calloc(capacity, sizeof(void *));
    if (queue->ring == NULL)
        abort();
    queue->capacity = capacity;
}

static void queue_destroy(void *state)
{
    struct queue *queue = (struct queue *)state;

    free(queue->ring);
    cond_destroy(&queue->not_full);
    cond_destroy(&queue->not_empty);
    mutex_destroy(&queue->mutex);
}

static void queue_put(void *state, void *item)
{
    struct queue *queue = (struct queue *)state;
    unsigned last;

    mutex_lock(&queue->mutex);
    while (queue->length == queue->capacity)
        cond_wait(&queue->not_full, &queue->mutex);
    last = queue->first + queue->length++;
    queue->ring[last < queue->capacity ? last : last - queue->capacity]
        = item;
    cond_signal_unlock(&queue->not_empty, &queue->mutex);
}

static void *queue_get(void *state)
{
    struct queue *queue = (struct queue *)state;
    void *item;

    mutex_lock(&queue->mutex);
    while (queue->length == 0 && !queue->closed)
        cond_wait(&queue->not_empty, &queue->mutex);
    if (queue->length == 0) {
        mutex_unlock(&queue->mutex);
        return NULL;
    }
    item = queue->ring[queue->first];
    if (++queue->first == queue->capacity)
        queue->first = 0;
    queue->length--;
    cond_signal_unlock(&queue->not_full, &queue->mutex);
    return item;
}

static void queue_close(void *state)
{
    struct queue *queue = (struct queue *)state;

    mutex_lock(&queue->mutex);
    queue->closed = true;
    cond_broadcast(&queue->not_empty);
    mutex_unlock(&queue->mutex);
}

static void queue_init(void *state, const struct params *params)
{
    struct queue *queue = (struct queue *)state;

    queue_make(queue, params->capacity);
    queue->consumers_from = params->producers;
    queue->producing = params->producers;
}

static void queue_produce(struct queue *queue, struct worker *worker)
{
    bool last;

    for (uint64_t i = 0; worker_goes_on(worker, i); i++)
        queue_put(queue, worker);

    mutex_lock(&queue->mutex);
    last = --queue->producing == 0;
    mutex_unlock(&queue->mutex);
    if (last)
        queue_close(queue);
}

static void queue_work(void *state, struct worker *worker)
{
    struct queue *queue = (struct queue *)state;
    uint64_t i = 0;

    if (worker->index < queue->consumers_from) {
        queue_produce(queue, worker);
        return;
    }
    while (queue_get(queue) != NULL)
        i++;
    worker->done = i;
}

static const struct loop queue_loop = {
    sizeof(struct queue), queue_init, queue_work, NULL, queue_destroy
};

static void *queue_create(unsigned capacity)
{
    struct queue *queue = (struct queue *)calloc(1, sizeof *queue);

    if (queue == NULL)
        abort();
    queue_make(queue, capacity);
    return queue;
}

static void queue_delete(void *state)
{
    queue_destroy(state);
    free(state);
}

static const struct queue_ops queue_files = {
    queue_create, queue_put, queue_get, queue_close, queue_delete
};
