/*
 * Without sem_clockwait (musl, older glibc): sem_timedwait knows only
 * CLOCK_REALTIME.  A clock that is set forward ends it early, so the
 * monotonic clock has the last word; one that is set back makes it late.
 */
#include <errno.h>
#include <time.h>

#include "../port.h"
#include "timed.h"

#define NS_PER_S INT64_C(1000000000)

static struct timespec realtime_after(int64_t ns)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += (time_t)(ns / NS_PER_S);
    at.tv_nsec += (long)(ns % NS_PER_S);
    if (at.tv_nsec >= NS_PER_S) {
        at.tv_nsec -= (long)NS_PER_S;
        at.tv_sec++;
    }
    return at;
}

int ppt__sem_timed(sem_t *sem, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - ppt__now();
        struct timespec at = realtime_after(left > 0 ? left : 0);

        if (sem_timedwait(sem, &at) == 0)
            return 0;
        if (errno != ETIMEDOUT || ppt__now() >= deadline)
            return errno;
    }
}
