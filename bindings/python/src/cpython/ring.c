/*
 * ring.c - the last events of a GIL.
 *
 * Guarded by the GIL's mutex.  The oldest events make room for new ones.
 *
 * SPDX-License-Identifier: MIT
 */
#include "ring.h"

#include <stdlib.h>

bool ppy_ring_keep(ppy_ring_t *ring, size_t room)
{
    ppy_event_t *events = room == 0 ? NULL : calloc(room, sizeof(*events));

    if (room != 0 && events == NULL)
        return false;
    free(ring->events);
    *ring = (ppy_ring_t){ events, room, 0 };
    return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

size_t ppy_ring_copy(const ppy_ring_t *ring, ppy_event_t *events)
{
    uint64_t count = earlier(ring->count, ring->room);
    uint64_t first = ring->count - count;
    uint64_t i;

    for (i = 0; events != NULL && i < count; i++)
        events[i] = ring->events[(first + i) & (ring->room - 1)];
    return count;
}
