/* The one part of the posix port that systems have in two ways. */
#ifndef PPT_PORT_TIMED_H
#define PPT_PORT_TIMED_H

#include <semaphore.h>
#include <stdint.h>

/*
 * sem_wait with a deadline on the monotonic clock.  Returns 0, EINTR, or
 * ETIMEDOUT not before the deadline.
 */
int ppt__sem_timed(sem_t *sem, int64_t deadline);

#endif
