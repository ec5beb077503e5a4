/*
 * gil_mutex.h - locks the mutex of a GIL.  See gil_mutex.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_GIL_MUTEX_H
#define PPY_GIL_MUTEX_H

#include <errno.h>

#include "gils.h"
#include "wait/spin.h" /* of the library's sources */

/* What was in the slots before.  Set before the first slot is replaced. */
extern int (*ppy_real_lock)(pthread_mutex_t *);
extern int (*ppy_real_unlock)(pthread_mutex_t *);

#define PPY_REAL(name) __atomic_load_n(&ppy_real_##name, __ATOMIC_RELAXED)

/* M2, M3 */
static inline bool ppy_gil_mutex_tries(void)
{
    return ppy_gils_are_scheduled() && ppt__cpu_count() > 1
           && PPY_REAL(lock) == pthread_mutex_lock;
}

/* Try for a while.  Returns EBUSY, or as pthread_mutex_trylock. */
int ppy_gil_mutex_spin(ppy_gil_t *gil, pthread_mutex_t *mutex);

/* As pthread_mutex_lock, of the mutex that was this GIL's just now. */
static inline int ppy_gil_mutex_lock(ppy_gil_t *gil, pthread_mutex_t *mutex)
{
    int result;

    if (!ppy_gil_mutex_tries())
        return PPY_REAL(lock)(mutex);
    result = pthread_mutex_trylock(mutex);
    if (result == EBUSY)
        result = ppy_gil_mutex_spin(gil, mutex);
    return result == EBUSY ? PPY_REAL(lock)(mutex) : result;
}

static inline int ppy_gil_mutex_unlock(pthread_mutex_t *mutex)
{
    return PPY_REAL(unlock)(mutex);
}

#endif
