/*
 * thread_pool.c - a pool of threads that shuts down gracefully.
 *
 *     cc -std=c11 thread_pool.c -o thread_pool \
 *         $(pkg-config --cflags --libs pyplusthread) -pthread
 *     ./thread_pool [TASKS [MILLISECONDS]]
 *
 * A shutdown refuses new tasks, gives the queued ones until a deadline, drops
 * those that no thread has begun by then, and returns when every thread has
 * ended.  The program submits tasks, shuts down, and prints how many were
 * done and how many dropped.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <pyplusthread/cond.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4

struct task {
    struct task *next;
    void (*run)(void *arg);
    void *arg;
};

/* Everything but threads is guarded by lock. */
struct pool {
    ppt_lock_t lock;
    ppt_cond_t work; /* signalled when a task was queued, or at the end */
    ppt_cond_t idle; /* signalled when nothing is queued and nothing runs */
    struct task *first;
    struct task **end;
    unsigned running;
    bool closed;
    pthread_t threads[THREADS];
    unsigned n_threads;
};

/* The next task, or NULL when the pool is closed and has none. */
static struct task *pool_next(struct pool *pool)
{
    struct task *task;

    while (pool->first == NULL && !pool->closed)
        ppt_cond_wait(&pool->work, &pool->lock, PPT_FOREVER);
    task = pool->first;
    if (task != NULL) {
        pool->first = task->next;
        if (pool->first == NULL)
            pool->end = &pool->first;
    }
    return task;
}

static void *pool_work(void *arg)
{
    struct pool *pool = arg;
    struct task *task;

    ppt_lock_acquire(&pool->lock, PPT_FOREVER);
    while ((task = pool_next(pool)) != NULL) {
        pool->running++;
        ppt_lock_release(&pool->lock);
        task->run(task->arg);
        free(task);
        ppt_lock_acquire(&pool->lock, PPT_FOREVER);
        if (--pool->running == 0 && pool->first == NULL)
            ppt_cond_broadcast(&pool->idle);
    }
    ppt_lock_release(&pool->lock);
    return NULL;
}

/* Returns 0, or the error of pthread_create if no thread can be had. */
static int pool_init(struct pool *pool)
{
    int r = 0;

    *pool = (struct pool){ .end = &pool->first };
    while (pool->n_threads < THREADS && r == 0) {
        r = pthread_create(&pool->threads[pool->n_threads], NULL, pool_work,
                           pool);
        if (r == 0)
            pool->n_threads++;
    }
    return pool->n_threads > 0 ? 0 : r;
}

/*
 * Have a thread call run(arg).
 *
 * Returns   0
 *           ENOMEM     no memory
 *           ECANCELED  the pool shuts down
 */
static int pool_submit(struct pool *pool, void (*run)(void *), void *arg)
{
    struct task *task = malloc(sizeof *task);
    int r = 0;

    if (task == NULL)
        return ENOMEM;
    *task = (struct task){ NULL, run, arg };
    ppt_lock_acquire(&pool->lock, PPT_FOREVER);
    if (pool->closed) {
        free(task);
        r = ECANCELED;
    } else {
        *pool->end = task;
        pool->end = &task->next;
        ppt_cond_signal(&pool->work);
    }
    ppt_lock_release(&pool->lock);
    return r;
}

/* Take all queued tasks away; how many there were. */
static unsigned pool_drop(struct pool *pool)
{
    struct task *task;
    unsigned n = 0;

    for (; (task = pool->first) != NULL; n++) {
        pool->first = task->next;
        free(task);
    }
    pool->end = &pool->first;
    return n;
}

/*
 * Refuse new tasks, do the queued ones until deadline, drop the rest, and
 * wait for those that run.
 *
 * Returns   how many tasks were dropped
 */
static unsigned pool_shutdown(struct pool *pool, int64_t deadline)
{
    unsigned i, dropped;
    int r = 0;

    ppt_lock_acquire(&pool->lock, PPT_FOREVER);
    pool->closed = true;
    ppt_cond_broadcast(&pool->work);
    while ((pool->first != NULL || pool->running > 0) && r == 0)
        r = ppt_cond_wait(&pool->idle, &pool->lock, deadline);
    dropped = pool_drop(pool);
    ppt_lock_release(&pool->lock);
    for (i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    return dropped;
}

/* A task: count up to a million, then count itself. */
struct work {
    ppt_lock_t lock;
    unsigned done; /* guarded by lock */
};

static void compute(void *arg)
{
    struct work *work = arg;
    volatile unsigned i;

    for (i = 0; i < 1000000; i++)
        ;
    ppt_lock_acquire(&work->lock, PPT_FOREVER);
    work->done++;
    ppt_lock_release(&work->lock);
}

int main(int argc, char **argv)
{
    long tasks = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
    long ms = argc > 2 ? strtol(argv[2], NULL, 10) : 10000;
    static struct work work = { PPT_LOCK_INITIALIZER, 0 };
    static struct pool pool;
    unsigned dropped;
    long i;

    if (tasks < 0 || ms < 0) {
        fprintf(stderr, "usage: %s [TASKS [MILLISECONDS]]\n", argv[0]);
        return 2;
    }
    if (pool_init(&pool) != 0) {
        fputs("thread_pool: no thread can be started\n", stderr);
        return 1;
    }
    for (i = 0; i < tasks; i++)
        if (pool_submit(&pool, compute, &work) != 0)
            return 1;
    dropped = pool_shutdown(&pool, ppt_deadline((int64_t)ms * 1000000));
    printf("done: %u, dropped: %u, all: %ld\n", work.done, dropped, tasks);
    return work.done + dropped == (unsigned long)tasks ? 0 : 1;
}
