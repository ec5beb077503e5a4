/*
 * item_ring.h - the items of a SimpleQueue.  See item_ring.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_ITEM_RING_H
#define PPY_ITEM_RING_H

#include "../base/compat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes an item of a foreign thread's data, attached.  NULL: it raised. */
typedef PyObject *(*ppy_make_fn)(void *data);

/* Data that a foreign thread has put.  With the lowest bit set, an entry. */
typedef struct ppy_deferred {
    struct ppy_deferred *next;
    ppy_make_fn make;
    void *data;
} ppy_deferred_t;

/* An item, owned; or data of which one is to be made. */
typedef uintptr_t ppy_entry_t;

/* Of no more bytes than the ring of a stock queue, which has no arrivals. */
typedef struct {
    ppy_entry_t *entries;
    ppy_deferred_t *arrived;    /* atomic; the last first */
    uint32_t count;
    uint32_t first : 30;
    uint32_t fours : 2;         /* so many slots, or PPY_COUNTED */
} ppy_ring_t;

enum {
    PPY_COUNTED = 3,            /* the number of slots is in front of them */
    PPY_MOST_UNCOUNTED = 8,
    PPY_MOST_SLOTS = 1 << 30
};

/* R2: by any thread.  Returns   0, or -1: no memory */
int ppy_ring_put_deferred(ppy_ring_t *ring, ppy_make_fn make, void *data);

/* R1, for one more.  Returns   0, or -1: no memory, and nothing changed */
int ppy_ring_grow(ppy_ring_t *ring);

/* R2: have what has arrived in the ring.  Likewise. */
int ppy_ring_take_in(ppy_ring_t *ring);

/* R1.  Without memory there are as many slots as before. */
void ppy_ring_shrink(ppy_ring_t *ring);

enum { PPY_LEAST_TO_SHRINK = 16 };

/* Make an item of an entry's data.  Returns   1, or -1: it raised */
int ppy_entry_make(ppy_entry_t entry, PyObject **item);

/* The memory of the slots. */
size_t ppy_ring_size(const ppy_ring_t *ring);

/* Give up the entries; nothing of them runs before the ring is empty. */
void ppy_ring_clear(ppy_ring_t *ring);

int ppy_ring_traverse(const ppy_ring_t *ring, visitproc visit, void *arg);

/* How many there are, with those that have arrived. */
size_t ppy_ring_length(const ppy_ring_t *ring);

static inline bool ppy_ring_has_arrivals(const ppy_ring_t *ring)
{
    return __atomic_load_n(&ring->arrived, __ATOMIC_RELAXED) != NULL;
}

/*
 * The same; a put that comes after this look sees what its thread has written
 * before.  By an operation that changes nothing, in whose order puts are, too.
 */
static inline bool ppy_ring_look(ppy_ring_t *ring)
{
    return __atomic_fetch_add(&ring->arrived, 0, __ATOMIC_ACQ_REL) != NULL;
}

static inline size_t ppy_ring_slots(const ppy_ring_t *ring)
{
    return ring->fours == PPY_COUNTED ? ring->entries[-1] : 4u * ring->fours;
}

/* Where there are slots. */
static inline ppy_entry_t *ppy_ring_at(const ppy_ring_t *ring, size_t i)
{
    size_t slots = ppy_ring_slots(ring);
    size_t at = ring->first + i;

    return &ring->entries[at < slots ? at : at - slots];
}

static inline void ppy_ring_shrink_if_large(ppy_ring_t *ring)
{
    size_t slots = ppy_ring_slots(ring);

    if (slots > PPY_LEAST_TO_SHRINK && ring->count < slots / 8)
        ppy_ring_shrink(ring);
}

/* Returns   0, or -1: no memory, and item was not put */
static inline int ppy_ring_push(ppy_ring_t *ring, PyObject *item)
{
    if (ppy_ring_has_arrivals(ring) && ppy_ring_take_in(ring) < 0)
        return -1;
    if (ring->count == ppy_ring_slots(ring) && ppy_ring_grow(ring) < 0)
        return -1;
    *ppy_ring_at(ring, ring->count) = (ppy_entry_t)Py_NewRef(item);
    ring->count++;
    return 0;
}

/* Returns   1; 0: there is none; -1: no memory, and none was taken */
static inline int ppy_ring_pop(ppy_ring_t *ring, ppy_entry_t *entry)
{
    if (ring->count == 0 && ppy_ring_has_arrivals(ring)
        && ppy_ring_take_in(ring) < 0)
        return -1;
    if (ring->count == 0)
        return 0;
    *entry = *ppy_ring_at(ring, 0);
    ring->first = ring->first + 1u < ppy_ring_slots(ring) ? ring->first + 1u
                                                          : 0;
    ring->count--;
    ppy_ring_shrink_if_large(ring);
    return 1;
}

/* Once the ring may be used by others.  Returns   1, or -1: it raised */
static inline int ppy_entry_item(ppy_entry_t entry, PyObject **item)
{
    if (entry & 1)
        return ppy_entry_make(entry, item);
    *item = (PyObject *)entry;
    return 1;
}

#endif
