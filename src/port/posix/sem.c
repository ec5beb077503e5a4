/*
 * Sleeping, on a POSIX semaphore.
 *
 * sem_post does not touch the semaphore after the waiter may have returned:
 * true of musl, and of glibc since 2.21 (P8).  POSIX has nothing to sleep on
 * a plain word with: word_wait naps (P10), and word_wake has nobody to wake.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "pyplusthread/time.h"

#include "../port.h"
#include "timed.h"

/* About one wake-up's latency: long enough not to matter to the CPU. */
#define NAP_NS 50000

const char *ppt__port_name(void)
{
    return "posix";
}

void ppt__sem_init(ppt__sem_t *sem)
{
    sem_init(&sem->sem, 0, 0);
}

void ppt__sem_destroy(ppt__sem_t *sem)
{
    sem_destroy(&sem->sem);
}

/* There is only one step here: the waiter waits for the second. */
void ppt__sem_raise(ppt__sem_t *sem)
{
    (void)sem;
}

void ppt__sem_wake(ppt__sem_t *sem)
{
    sem_post(&sem->sem);
}

static int realtime(sem_t *sem, int64_t deadline)
{
    struct timespec at = ppt__timespec(deadline);
    int result;

    do
        result = sem_timedwait(sem, &at) == 0 ? 0 : errno;
    while (result == ETIMEDOUT && at.tv_sec < deadline / PPT__NS_PER_S);
    return result;
}

/* sem_wait is restarted after a handler with SA_RESTART; timed waits not. */
static int wait_once(sem_t *sem, int64_t deadline, unsigned flags)
{
    if (deadline == PPT_FOREVER && !(flags & PPT__INTERRUPTIBLE))
        return sem_wait(sem) == 0 ? 0 : errno;
    if (flags & PPT__REALTIME)
        return realtime(sem, deadline);
    return ppt__sem_timed(sem, deadline);
}

static int wait_all(sem_t *sem, int64_t deadline, unsigned flags)
{
    int saved = errno;
    int result;

    do
        result = wait_once(sem, deadline, flags);
    while (result == EINTR && (flags & PPT__INTERRUPTIBLE) == 0);
    errno = saved;
    return result;
}

/* sem_wait is a cancellation point: it must be hidden where none is meant. */
int ppt__sem_wait(ppt__sem_t *sem, int64_t deadline, unsigned flags)
{
    int state, result;

    if (flags & PPT__CANCELLABLE)
        return wait_all(&sem->sem, deadline, flags);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    result = wait_all(&sem->sem, deadline, flags);
    pthread_setcancelstate(state, NULL);
    return result;
}

void ppt__word_wait(uint32_t *word, uint32_t value)
{
    struct timespec nap = { .tv_sec = 0, .tv_nsec = NAP_NS };
    int saved = errno;
    int state;

    if (__atomic_load_n(word, __ATOMIC_RELAXED) != value)
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    nanosleep(&nap, NULL);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

void ppt__word_wake(uint32_t *word)
{
    (void)word;
}
