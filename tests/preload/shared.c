/*
 * Two processes take turns at a process-shared condition.
 *
 *     shared make NAME & shared use NAME    two programs
 *     shared fork NAME                      a program and its child
 *
 * NAME, of shared memory, must not exist; it is gone afterwards.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS 1000
#define LIMIT 60 /* seconds */

typedef struct meeting {
    int ready; /* atomic: the rest is initialised */
    pthread_mutex_t mutex;
    pthread_cond_t cond; /* turn has changed */
    int turn;            /* guarded by mutex */
} meeting_t;

static meeting_t *map(const char *name, int flags)
{
    int fd = shm_open(name, O_RDWR | flags, 0600);
    void *memory;

    if (fd < 0 || ftruncate(fd, sizeof(meeting_t)) != 0)
        return NULL;
    memory = mmap(NULL, sizeof(meeting_t), PROT_READ | PROT_WRITE,
                  MAP_SHARED, fd, 0);
    close(fd);
    return memory != MAP_FAILED ? memory : NULL;
}

static void make(meeting_t *meeting)
{
    pthread_mutexattr_t mutex_attr;
    pthread_condattr_t attr;

    pthread_mutexattr_init(&mutex_attr);
    pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&meeting->mutex, &mutex_attr);
    pthread_condattr_init(&attr);
    pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&meeting->cond, &attr);
    __atomic_store_n(&meeting->ready, 1, __ATOMIC_RELEASE);
}

/* Wait in one of all the ways. */
static int wait_in_turn(meeting_t *meeting, int i)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += 2 * LIMIT;
    switch (i % 3) {
    case 0:
        return pthread_cond_wait(&meeting->cond, &meeting->mutex);
    case 1:
        return pthread_cond_timedwait(&meeting->cond, &meeting->mutex, &at);
    default:
        return pthread_cond_clockwait(&meeting->cond, &meeting->mutex,
                                      CLOCK_MONOTONIC, &at);
    }
}

static int take_turns(meeting_t *meeting, int me)
{
    int i, result = 0;

    pthread_mutex_lock(&meeting->mutex);
    for (i = 0; i < TURNS && result == 0; i++) {
        while (meeting->turn % 2 != me && result == 0)
            result = wait_in_turn(meeting, i);
        meeting->turn++;
        if (i % 2 == 0)
            pthread_cond_signal(&meeting->cond);
        else
            pthread_cond_broadcast(&meeting->cond);
    }
    pthread_mutex_unlock(&meeting->mutex);
    return result;
}

/* The last turn is the second's: nobody is left to wait then. */
static int first(meeting_t *meeting)
{
    int result = take_turns(meeting, 0);

    pthread_mutex_lock(&meeting->mutex);
    while (meeting->turn != 2 * TURNS && result == 0)
        result = wait_in_turn(meeting, 0);
    pthread_mutex_unlock(&meeting->mutex);
    return result != 0 || pthread_cond_destroy(&meeting->cond) != 0;
}

static int use(const char *name)
{
    const struct timespec moment = { .tv_sec = 0, .tv_nsec = 1000000 };
    meeting_t *meeting;

    while ((meeting = map(name, 0)) == NULL)
        nanosleep(&moment, NULL);
    while (!__atomic_load_n(&meeting->ready, __ATOMIC_ACQUIRE))
        nanosleep(&moment, NULL);
    return take_turns(meeting, 1);
}

static int with_child(meeting_t *meeting)
{
    int status = -1, result;
    pid_t child = fork();

    if (child == 0)
        _exit(take_turns(meeting, 1));
    result = first(meeting);
    waitpid(child, &status, 0);
    return result != 0 || status != 0;
}

int main(int argc, char **argv)
{
    meeting_t *meeting;
    int result;

    alarm(LIMIT);
    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "use") == 0)
        return use(argv[2]);
    meeting = map(argv[2], O_CREAT | O_EXCL);
    if (meeting == NULL)
        return 2;
    make(meeting);
    result = strcmp(argv[1], "fork") == 0 ? with_child(meeting)
                                          : first(meeting);
    shm_unlink(argv[2]);
    return result;
}
