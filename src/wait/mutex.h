/*
 * mutex.h - a mutex of the system's that is held for a short time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_MUTEX_H
#define PPT_MUTEX_H

#include <pthread.h>

/*
 * Try to lock mutex, which another thread has, for PPT__SPIN_NS.  For who
 * knows that this thread runs on another CPU, or that it will let go before
 * one could sleep and be woken.
 *
 * Returns   EBUSY: it is still held; else as pthread_mutex_trylock
 */
int ppt__mutex_spin(pthread_mutex_t *mutex);

#endif
