/*
 * Sleeping, on a futex.
 *
 * The semaphore is the futex word itself: 0 or 1.  To raise it is to store 1,
 * and the wake names only the address, so that the word may be gone by then
 * (P8, P11); a wake that hits an unrelated futex at a reused address is a
 * spurious return there, which every futex user must expect.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pyplusthread/time.h"

#include "../port.h"
#include "until.h"

const char *ppt__port_name(void)
{
    return "linux";
}

/*
 * FUTEX_WAIT_BITSET takes an absolute deadline, on the monotonic clock or on
 * the other one.  Returns 0 or an errno value; errno itself is left alone.
 */
UNWINDS static int futex_wait(uint32_t *word, uint32_t value,
                              const int64_t *deadline,
                              unsigned flags)
{
    int realtime = flags & PPT__REALTIME ? FUTEX_CLOCK_REALTIME : 0;
    int saved = errno;
    int result = 0;

    if (deadline != NULL)
        result = ppt__futex_until(word, FUTEX_WAIT_BITSET_PRIVATE | realtime,
                                  value, *deadline);
    else if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL) != 0)
        result = errno;
    errno = saved;
    return result;
}

static void futex_wake(uint32_t *word, int threads)
{
    int saved = errno;

    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
    errno = saved;
}

void ppt__sem_init(ppt__sem_t *sem)
{
    __atomic_store_n(&sem->value, 0, __ATOMIC_RELAXED);
}

void ppt__sem_destroy(ppt__sem_t *sem)
{
    (void)sem;
}

void ppt__sem_raise(ppt__sem_t *sem)
{
    __atomic_store_n(&sem->value, 1, __ATOMIC_RELEASE);
}

void ppt__sem_wake(ppt__sem_t *sem)
{
    futex_wake(&sem->value, 1);
}

/*
 * A raw system call is no cancellation point: pthread_cancel interrupts it
 * only while the thread's type is asynchronous.  The post is not taken in
 * that window, so that a cancelled thread has not taken it (P9).
 */
UNWINDS static int cancellable_wait(uint32_t *word,
                                    const int64_t *deadline,
                                    unsigned flags)
{
    int type, result;

    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    result = futex_wait(word, 0, deadline, flags);
    pthread_setcanceltype(type, NULL);
    return result;
}

int ppt__sem_wait(ppt__sem_t *sem, int64_t deadline, unsigned flags)
{
    /* With a limit, however far, the kernel never restarts a wait that a
     * handler has interrupted, SA_RESTART or not. */
    const int64_t *limit =
        deadline == PPT_FOREVER && !(flags & PPT__INTERRUPTIBLE) ? NULL
                                                                 : &deadline;
    int result;

    for (;;) {
        /* Pairs with the store in post. */
        if (__atomic_exchange_n(&sem->value, 0, __ATOMIC_ACQUIRE) != 0)
            return 0;
        if (flags & PPT__CANCELLABLE)
            result = cancellable_wait(&sem->value, limit, flags);
        else
            result = futex_wait(&sem->value, 0, limit, flags);
        if (result == ETIMEDOUT)
            break;
        if (result == EINTR && (flags & PPT__INTERRUPTIBLE) != 0)
            return EINTR;
    }
    if (__atomic_exchange_n(&sem->value, 0, __ATOMIC_ACQUIRE) != 0)
        return 0;
    return result;
}

void ppt__word_wait(uint32_t *word, uint32_t value)
{
    futex_wait(word, value, NULL, 0);
}

void ppt__word_wake(uint32_t *word)
{
    futex_wake(word, 2);
}
