/*
 * item_ring.c - the items of a SimpleQueue.
 *
 * Idea
 *   A ring of items; and, for threads that are not attached, a list of data
 *   that has arrived.  The ring's users take it into the ring, in the order
 *   in which it came, before they put something behind it or find the ring
 *   empty.  So items come out in the order of the puts.
 *
 * State
 *   entries, first, count   count entries from first on; there are no slots
 *            before the first put.  How many there are is in fours, or in front
 *            of them: so a queue has room for arrived and is no larger.
 *   arrived  a stack
 *
 * Invariants
 *   R1  The ring is guarded by the GIL; by a critical section where there is
 *       none.  It is held for a few instructions, in which no Python code can
 *       run: memory for slots is not an object, no reference is given up, and
 *       no item is made.
 *   R2  Any thread adds to what has arrived, by one atomic operation.  Only
 *       who has the ring takes it out, all at once: what it has counted, if
 *       nothing more has come meanwhile.
 *   R3  Data that was put is given to its function once: by the get that takes
 *       it, or at the end of the queue.
 *
 * SPDX-License-Identifier: MIT
 */
#include "item_ring.h"

static bool is_deferred(ppy_entry_t entry)
{
    return entry & 1;
}

static void free_slots(ppy_ring_t *ring)
{
    PyMem_Free(ring->entries - (ring->fours == PPY_COUNTED));
}

static int resize(ppy_ring_t *ring, size_t slots)
{
    bool counted = slots > PPY_MOST_UNCOUNTED;
    size_t size = (slots + counted) * sizeof(ppy_entry_t);
    ppy_entry_t *memory = slots > PPY_MOST_SLOTS ? NULL : PyMem_Malloc(size);
    size_t i;

    if (memory == NULL)
        return -1;
    if (counted)
        *memory++ = slots;
    for (i = 0; i < ring->count; i++)
        memory[i] = *ppy_ring_at(ring, i);
    free_slots(ring);
    ring->entries = memory;
    ring->first = 0;
    ring->fours = counted ? PPY_COUNTED : (uint32_t)(slots / 4) & PPY_COUNTED;
    return 0;
}

/* As much as a list does, which stock's was until CPython 3.12. */
static int make_room(ppy_ring_t *ring, size_t more)
{
    size_t least = ring->count + more;
    size_t words = (least + least / 8 + 6) & ~(size_t)3;

    return least <= ppy_ring_slots(ring)
               ? 0
               : resize(ring, words - (words > PPY_MOST_UNCOUNTED));
}

int ppy_ring_grow(ppy_ring_t *ring)
{
    return make_room(ring, 1);
}

void ppy_ring_shrink(ppy_ring_t *ring)
{
    (void)resize(ring, ppy_ring_slots(ring) / 2);
}

/* What foreign threads put */

int ppy_ring_put_deferred(ppy_ring_t *ring, ppy_make_fn make, void *data)
{
    ppy_deferred_t *deferred = PyMem_RawMalloc(sizeof(*deferred));

    if (deferred == NULL)
        return -1;
    deferred->make = make;
    deferred->data = data;
    deferred->next = __atomic_load_n(&ring->arrived, __ATOMIC_RELAXED);
    /* Pairs with arrived, and with ppy_ring_look. */
    while (!__atomic_compare_exchange_n(&ring->arrived, &deferred->next,
                                        deferred, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
        ;
    return 0;
}

static size_t arrivals(const ppy_deferred_t *list)
{
    size_t n = 0;

    for (; list != NULL; list = list->next)
        n++;
    return n;
}

static ppy_deferred_t *arrived(const ppy_ring_t *ring)
{
    return __atomic_load_n(&ring->arrived, __ATOMIC_ACQUIRE);
}

/* The last of the list is the first that came. */
static void append(ppy_ring_t *ring, ppy_deferred_t *list, size_t n)
{
    size_t i = ring->count + n;

    ring->count = (uint32_t)i;
    for (; list != NULL; list = list->next)
        *ppy_ring_at(ring, --i) = (ppy_entry_t)list | 1;
}

int ppy_ring_take_in(ppy_ring_t *ring)
{
    ppy_deferred_t *list;
    size_t n;

    do {
        list = arrived(ring);
        n = arrivals(list);
        if (make_room(ring, n) < 0)
            return -1;
    } while (!__atomic_compare_exchange_n(&ring->arrived, &list, NULL, false,
                                          __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    append(ring, list, n);
    return 0;
}

int ppy_entry_make(ppy_entry_t entry, PyObject **item)
{
    ppy_deferred_t *deferred = (ppy_deferred_t *)(entry & ~(ppy_entry_t)1);
    ppy_make_fn make = deferred->make;
    void *data = deferred->data;

    PyMem_RawFree(deferred);
    *item = make(data);
    if (*item != NULL)
        return 1;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_SystemError,
                        "no item was made, and no exception set");
    return -1;
}

/* The object */

size_t ppy_ring_size(const ppy_ring_t *ring)
{
    return (ppy_ring_slots(ring) + (ring->fours == PPY_COUNTED))
           * sizeof(*ring->entries);
}

size_t ppy_ring_length(const ppy_ring_t *ring)
{
    return ring->count + arrivals(arrived(ring));
}

static void make_and_drop(ppy_entry_t entry)
{
    PyObject *error = ppy_error_take();
    PyObject *item;

    if (ppy_entry_make(entry, &item) < 0)
        PyErr_WriteUnraisable(NULL);
    else
        Py_DECREF(item);
    ppy_error_give(error);
}

static void drop(ppy_entry_t entry)
{
    if (is_deferred(entry))
        make_and_drop(entry);
    else
        Py_DECREF((PyObject *)entry);
}

static void drop_arrivals(ppy_deferred_t *list)
{
    ppy_deferred_t *next, *first = NULL;

    for (; list != NULL; list = next) {
        next = list->next;
        list->next = first;
        first = list;
    }
    for (; first != NULL; first = next) {
        next = first->next;
        drop((ppy_entry_t)first | 1);
    }
}

void ppy_ring_clear(ppy_ring_t *ring)
{
    ppy_ring_t old = *ring;
    size_t i;

    ring->entries = NULL;
    ring->count = 0;
    ring->first = ring->fours = 0;
    for (i = 0; i < old.count; i++)
        drop(*ppy_ring_at(&old, i));
    free_slots(&old);
    drop_arrivals(__atomic_exchange_n(&ring->arrived, NULL,
                                      __ATOMIC_ACQUIRE));
}

int ppy_ring_traverse(const ppy_ring_t *ring, visitproc visit, void *arg)
{
    size_t i;

    for (i = 0; i < ring->count; i++) {
        ppy_entry_t entry = *ppy_ring_at(ring, i);

        if (!is_deferred(entry))
            Py_VISIT((PyObject *)entry);
    }
    return 0;
}
