/*
 * mutex.h - a mutex of the system's that is held for a short time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_MUTEX_H
#define PPT_MUTEX_H

#include <pthread.h>

/*
 * Try to lock mutex, which another thread holds, for PPT__SPIN_NS.  This pays
 * if the holder runs on another CPU, and releases it soon.
 *
 * Returns   EBUSY: it is still held; else as pthread_mutex_trylock
 */
int ppt__mutex_spin(pthread_mutex_t *mutex);

#endif
