/*
 * bounded_queue.c - producers and consumers over a queue of limited length.
 *
 *     cc -std=c11 bounded_queue.c -o bounded_queue \
 *         $(pkg-config --cflags --libs pyplusthread) -pthread
 *     ./bounded_queue [ITEMS [PRODUCERS [CONSUMERS]]]
 *
 * The queue holds eight numbers at most.  A producer that finds it full waits
 * for room, a consumer that finds it empty waits for a number.  When all
 * producers have ended the queue is closed: the consumers take what is left,
 * and end.  The program prints the sum of what was taken.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <pyplusthread/cond.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM 8
#define MOST_THREADS 64

/* Everything in it is guarded by lock. */
struct queue {
    ppt_lock_t lock;
    ppt_cond_t not_full;  /* signalled when a number was taken */
    ppt_cond_t not_empty; /* signalled when a number was put */
    long numbers[ROOM];
    unsigned first;
    unsigned length;
    bool closed;
};

#define QUEUE_INITIALIZER                                                   \
    { PPT_LOCK_INITIALIZER, PPT_COND_INITIALIZER, PPT_COND_INITIALIZER,     \
      { 0 }, 0, 0, false }

/* Put number at the end.  Returns false, and puts nothing, once closed. */
static bool queue_put(struct queue *queue, long number)
{
    bool open;

    ppt_lock_acquire(&queue->lock, PPT_FOREVER);
    while (queue->length == ROOM && !queue->closed)
        ppt_cond_wait(&queue->not_full, &queue->lock, PPT_FOREVER);
    open = !queue->closed;
    if (open) {
        queue->numbers[(queue->first + queue->length++) % ROOM] = number;
        ppt_cond_signal(&queue->not_empty);
    }
    ppt_lock_release(&queue->lock);
    return open;
}

/* Take the first number.  Returns false once closed and empty. */
static bool queue_get(struct queue *queue, long *number)
{
    bool there;

    ppt_lock_acquire(&queue->lock, PPT_FOREVER);
    while (queue->length == 0 && !queue->closed)
        ppt_cond_wait(&queue->not_empty, &queue->lock, PPT_FOREVER);
    there = queue->length > 0;
    if (there) {
        *number = queue->numbers[queue->first];
        queue->first = (queue->first + 1) % ROOM;
        queue->length--;
        ppt_cond_signal(&queue->not_full);
    }
    ppt_lock_release(&queue->lock);
    return there;
}

/* From now on nothing can be put.  Whoever waits goes on. */
static void queue_close(struct queue *queue)
{
    ppt_lock_acquire(&queue->lock, PPT_FOREVER);
    queue->closed = true;
    ppt_cond_broadcast(&queue->not_full);
    ppt_cond_broadcast(&queue->not_empty);
    ppt_lock_release(&queue->lock);
}

static struct queue queue = QUEUE_INITIALIZER;

/* What one thread does; sum is its own until the thread is joined. */
struct worker {
    pthread_t thread;
    long items;
    long sum;
};

static void *produce(void *arg)
{
    struct worker *worker = arg;
    long i;

    for (i = 1; i <= worker->items; i++)
        queue_put(&queue, i);
    return NULL;
}

static void *consume(void *arg)
{
    struct worker *worker = arg;
    long number;

    while (queue_get(&queue, &number))
        worker->sum += number;
    return NULL;
}

static void start(struct worker *workers, long n, void *(*work)(void *))
{
    long i;

    for (i = 0; i < n; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            fputs("bounded_queue: no thread can be started\n", stderr);
            exit(1);
        }
}

static long join(struct worker *workers, long n)
{
    long i, sum = 0;

    for (i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].sum;
    }
    return sum;
}

/* Argument number i of the command line, between 1 and most. */
static long argument(int argc, char **argv, int i, long otherwise, long most)
{
    long value = argc > i ? strtol(argv[i], NULL, 10) : otherwise;

    if (value >= 1 && value <= most)
        return value;
    fprintf(stderr, "usage: %s [ITEMS [PRODUCERS [CONSUMERS]]]\n", argv[0]);
    exit(2);
}

int main(int argc, char **argv)
{
    static struct worker producers[MOST_THREADS], consumers[MOST_THREADS];
    long items = argument(argc, argv, 1, 100000, 1000000000);
    long n_producers = argument(argc, argv, 2, 2, MOST_THREADS);
    long n_consumers = argument(argc, argv, 3, 2, MOST_THREADS);
    long i;

    for (i = 0; i < n_producers; i++)
        producers[i].items = items;
    start(consumers, n_consumers, consume);
    start(producers, n_producers, produce);
    join(producers, n_producers);
    queue_close(&queue);
    printf("sum of all items: %ld\n", join(consumers, n_consumers));
    return 0;
}
