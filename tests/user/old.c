/* SPDX-License-Identifier: MIT */
/* A program that knows nothing of the library, and uses it all the same. */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int items; /* guarded by mutex */

static void *produce(void *arg)
{
    pthread_mutex_lock(&mutex);
    items++;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&mutex);
    return arg;
}

int main(void)
{
    pthread_t producer;

    pthread_create(&producer, NULL, produce, NULL);
    pthread_mutex_lock(&mutex);
    while (items == 0)
        pthread_cond_wait(&filled, &mutex);
    pthread_mutex_unlock(&mutex);
    pthread_join(producer, NULL);
    printf("%d\n", items);
    return items == 1 ? 0 : 1;
}
