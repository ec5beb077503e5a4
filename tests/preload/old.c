/*
 * A program as it was linked before glibc 2.3.2.  The C library's functions
 * of those days use the first word of a condition, as a pointer.
 * Proves preload.c R3.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define OLD(name) __asm__(".symver " #name "," #name "@" OLD_VERSION)

OLD(pthread_cond_init);
OLD(pthread_cond_destroy);
OLD(pthread_cond_wait);
OLD(pthread_cond_timedwait);
OLD(pthread_cond_signal);
OLD(pthread_cond_broadcast);

/* A condition was no larger than this. */
static struct {
    void *pointer;
    unsigned char neighbours[sizeof(pthread_cond_t) - sizeof(void *)];
} old;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int turn; /* guarded by mutex */

static void *take_turns(void *arg)
{
    pthread_cond_t *cond = (pthread_cond_t *)&old;
    int me = *(int *)arg, i;

    for (i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != me)
            pthread_cond_wait(cond, &mutex);
        turn++;
        if (me == 0)
            pthread_cond_signal(cond);
        else
            pthread_cond_broadcast(cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static int time_out(void)
{
    const struct timespec past = { .tv_sec = 1, .tv_nsec = 0 };
    int result;

    pthread_mutex_lock(&mutex);
    result = pthread_cond_timedwait((pthread_cond_t *)&old, &mutex, &past);
    pthread_mutex_unlock(&mutex);
    return result != ETIMEDOUT;
}

static int neighbours_changed(void)
{
    size_t i;

    for (i = 0; i < sizeof old.neighbours; i++)
        if (old.neighbours[i] != 0xa5)
            return 1;
    return 0;
}

int main(void)
{
    int numbers[] = { 0, 1 };
    pthread_t thread;

    memset(old.neighbours, 0xa5, sizeof old.neighbours);
    if (pthread_cond_init((pthread_cond_t *)&old, NULL) != 0
        || pthread_create(&thread, NULL, take_turns, &numbers[0]) != 0)
        return 1;
    take_turns(&numbers[1]);
    pthread_join(thread, NULL);
    if (turn != 2000 || time_out() != 0 || neighbours_changed()
        || pthread_cond_destroy((pthread_cond_t *)&old) != 0) {
        puts("wrong");
        return 1;
    }
    return 0;
}
