/*
 * gil_wait.h - waiting for a GIL in the scheduler.  See gil_wait.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_GIL_WAIT_H
#define PPY_GIL_WAIT_H

#include <time.h>

#include "gils.h"

/*
 * For pthread_cond_timedwait on the GIL's condition variable: mutex is the
 * GIL's, and held.
 *
 * Returns   0          the GIL is free, or take_gil is to call again
 *           ETIMEDOUT  take_gil is to ask the holder
 */
int ppy_gil_wait(ppy_gil_t *gil, pthread_mutex_t *mutex,
                 const struct timespec *limit);

/* Without the mutex: CPython has not let the thread go on since it let go. */
void ppy_gil_detained(void);

/* For pthread_mutex_lock of the GIL's mutex, by a CPU-bound thread. */
int ppy_gil_come_back(ppy_gil_t *gil, pthread_mutex_t *mutex);

#endif
