/*
 * cond_waiters.h - how many threads wait for a pthread_cond_t.
 *
 * POSIX does not say; glibc knows.  meson chooses who answers:
 * cond_waiters_glibc.c, or cond_waiters_none.c, which knows nothing.
 */
#ifndef PPY_COND_WAITERS_H
#define PPY_COND_WAITERS_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Try out, once in the process, whether the answer is right.  Takes a thread,
 * and less than a millisecond.
 */
void ppy_cond_waiters_check(void);

/* Whether it was found to be right. */
bool ppy_cond_waiters_known(void);

/*
 * Threads inside pthread_cond_wait and the like, who have let go of its mutex
 * and will take it again.  Exact with the mutex held.  0 if not known.
 */
unsigned ppy_cond_waiters(const pthread_cond_t *cond);

#endif
