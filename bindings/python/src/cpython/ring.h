/*
 * ring.h - the last events of a GIL.  See ring.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_RING_H
#define PPY_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happened; the layout is known to pyplusthread/_events.py. */
typedef enum {
    PPY_EVENT_WANT,
    PPY_EVENT_ASK,      /* the first request to a holder */
    PPY_EVENT_TAKE,
    PPY_EVENT_LET_GO,
    PPY_EVENT_FORCED    /* the same, after a request */
} ppy_event_kind_t;

typedef struct ppy_event {
    int64_t at;
    uint32_t thread;    /* its serial */
    uint32_t kind;
} ppy_event_t;

/* All zero is one that keeps nothing. */
typedef struct ppy_ring {
    ppy_event_t *events;
    uint64_t room;      /* a power of two, or 0 */
    uint64_t count;     /* of events that there were */
} ppy_ring_t;

static inline void ppy_ring_note(ppy_ring_t *ring, int64_t now,
                                 uint64_t thread, ppy_event_kind_t kind)
{
    ppy_event_t event = { now, (uint32_t)thread, (uint32_t)kind };

    if (ring->events != NULL)
        ring->events[ring->count++ & (ring->room - 1)] = event;
}

/*
 * Keep so many from now on, a power of two, or 0; forget those before.
 *
 * Returns   false if there is no memory; nothing changed
 */
bool ppy_ring_keep(ppy_ring_t *ring, size_t room);

/* Copy them, in their order, unless events is NULL.  Returns how many. */
size_t ppy_ring_copy(const ppy_ring_t *ring, ppy_event_t *events);

#endif
