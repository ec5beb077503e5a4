/*
 * calls.c - the calls that a thread makes, recorded for the rehearsal.
 *
 * SPDX-License-Identifier: MIT
 */
#include "calls.h"

#include <stdbool.h>

/* A thread that waits for long may call again and again. */
static bool is_repeated(const ppy_recorder_t *recorder,
                        const ppy_call_t *call)
{
    const ppy_call_t *last = &recorder->calls[recorder->count - 1];

    return recorder->count > 0 && last->kind == call->kind
           && last->cond == call->cond && last->mutex == call->mutex;
}

void ppy_record_call(ppy_recorder_t *recorder, ppy_call_kind_t kind,
                     pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    ppy_call_t call = { kind, cond, mutex };

    if (recorder->count == PPY_CALLS || is_repeated(recorder, &call))
        return;
    recorder->calls[recorder->count] = call;
    __atomic_store_n(&recorder->count, recorder->count + 1,
                     __ATOMIC_RELEASE);
}
