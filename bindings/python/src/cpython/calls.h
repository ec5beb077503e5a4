/*
 * calls.h - the calls that a thread makes, recorded for the rehearsal.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_CALLS_H
#define PPY_CALLS_H

#include <pthread.h>
#include <stddef.h>

/* What a thread calls: for the rehearsal, see rehearsal.c. */
typedef enum {
    PPY_CALL_TIMEDWAIT,
    PPY_CALL_WAIT,
    PPY_CALL_SIGNAL,
    PPY_CALL_UNLOCK
} ppy_call_kind_t;

typedef struct ppy_call {
    ppy_call_kind_t kind;
    pthread_cond_t *cond;
    pthread_mutex_t *mutex;
} ppy_call_t;

enum { PPY_CALLS = 24 };

typedef struct ppy_recorder {
    int count;          /* atomic: others may look */
    ppy_call_t calls[PPY_CALLS];
} ppy_recorder_t;

/* Add a call, unless it repeats the last one or there is no room. */
void ppy_record_call(ppy_recorder_t *recorder, ppy_call_kind_t kind,
                     pthread_cond_t *cond, pthread_mutex_t *mutex)
    __attribute__((noinline, cold));

#endif
