/*
 * gil_mutex.c - locks the mutex of a GIL.
 *
 * Idea
 *   CPython holds the mutex of its GIL for a fraction of a microsecond, most
 *   of the time.  Threads that hand the GIL to each other on two CPUs often
 *   meet at the mutex, and to sleep there and to be woken takes a hundred
 *   times as long.  So a thread that finds it locked tries again for a while.
 *
 * State
 *   ppy_real_*  set once
 *   gil->spins  atomic: a thread tries
 *
 * Invariants
 *   M1  One thread tries at a time, the others sleep: each try takes the
 *       mutex's cache line from the holder.
 *   M2  Nobody tries if there is one CPU only, or if the scheduling is
 *       switched off.
 *   M3  Another tool's function that was in the slot before sees each lock
 *       (slots.c, R2): then nobody tries.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_mutex.h"

#include "wait/mutex.h" /* of the library's sources */

int (*ppy_real_lock)(pthread_mutex_t *);
int (*ppy_real_unlock)(pthread_mutex_t *);

int ppy_gil_mutex_spin(ppy_gil_t *gil, pthread_mutex_t *mutex)
{
    int result;

    if (__atomic_exchange_n(&gil->spins, true, __ATOMIC_RELAXED))
        return EBUSY; /* M1 */
    result = ppt__mutex_spin(mutex);
    __atomic_store_n(&gil->spins, false, __ATOMIC_RELAXED);
    return result;
}
