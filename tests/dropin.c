/*
 * A program that knows nothing but POSIX: a bounded queue between threads.
 * It is compiled as it is, and with our conditions in place of the system's.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define CAPACITY 4
#define ITEMS 20000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t item = PTHREAD_COND_INITIALIZER;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;
static long ring[CAPACITY]; /* guarded by mutex, as is the rest */
static int first, count;

static void put(long value)
{
    pthread_mutex_lock(&mutex);
    while (count == CAPACITY)
        pthread_cond_wait(&room, &mutex);
    ring[(first + count++) % CAPACITY] = value;
    pthread_cond_signal(&item);
    pthread_mutex_unlock(&mutex);
}

static long get(void)
{
    long value;

    pthread_mutex_lock(&mutex);
    while (count == 0)
        pthread_cond_wait(&item, &mutex);
    value = ring[first];
    first = (first + 1) % CAPACITY;
    count--;
    pthread_mutex_unlock(&mutex);
    pthread_cond_broadcast(&room);
    return value;
}

static void *produce(void *arg)
{
    long i;

    for (i = 1; i <= ITEMS; i++)
        put(i);
    put(0);
    return arg;
}

static int consume(void)
{
    long expected = 0, value;

    while ((value = get()) != 0)
        if (value != ++expected)
            return 1;
    return expected == ITEMS ? 0 : 1;
}

/* A timeout on the clock of an attribute. */
static int time_out(void)
{
    pthread_condattr_t attr;
    pthread_cond_t never;
    struct timespec at;
    int result;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&never, &attr);
    pthread_condattr_destroy(&attr);
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec++;
    pthread_mutex_lock(&mutex);
    result = pthread_cond_timedwait(&never, &mutex, &at);
    pthread_mutex_unlock(&mutex);
    return result != ETIMEDOUT || pthread_cond_destroy(&never) != 0;
}

static void unlock(void *arg)
{
    pthread_mutex_unlock(arg);
}

static void *wait_for_ever(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    for (;;)
        pthread_cond_wait(arg, &mutex);
    pthread_cleanup_pop(1);
    return arg;
}

static int cancel(void)
{
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    pthread_t thread;
    void *result;

    if (pthread_create(&thread, NULL, wait_for_ever, &never) != 0)
        return 1;
    pthread_cancel(thread);
    pthread_join(thread, &result);
    return result != PTHREAD_CANCELED || pthread_cond_destroy(&never) != 0;
}

int main(void)
{
    pthread_t producer;

    if (pthread_create(&producer, NULL, produce, NULL) != 0)
        return 1;
    if (consume() != 0 || time_out() != 0 || cancel() != 0) {
        puts("wrong");
        return 1;
    }
    pthread_join(producer, NULL);
    return 0;
}
