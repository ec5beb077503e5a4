/*
 * mutex.c - a mutex of the system's that is held for a short time.
 *
 * Idea
 *   To sleep until a mutex is released and to be woken takes 5 to 60
 *   microseconds if the holder runs on another CPU.  A thread that tries again
 *   meanwhile has it as soon as it is free, as a PTHREAD_MUTEX_ADAPTIVE_NP
 *   mutex of glibc, but for any mutex.
 *
 * SPDX-License-Identifier: MIT
 */
#include "mutex.h"

#include <errno.h>

#include "port/port.h"
#include "spin.h"

/* Tries are writes that disturb the holder: not too often. */
#define PAUSES 8
#define TRIES 16

int ppt__mutex_spin(pthread_mutex_t *mutex)
{
    int64_t end = ppt__now() + PPT__SPIN_NS;
    int result;

    do {
        int tries = TRIES;

        do {
            int pauses;

            for (pauses = PAUSES; pauses > 0; pauses--)
                ppt__pause();
            result = pthread_mutex_trylock(mutex);
        } while (result == EBUSY && --tries > 0);
    } while (result == EBUSY && ppt__now() < end);
    return result;
}
