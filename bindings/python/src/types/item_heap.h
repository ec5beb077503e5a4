/*
 * item_heap.h - a list of items, the least of which comes out first.  See
 * item_heap.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_ITEM_HEAP_H
#define PPY_ITEM_HEAP_H

#include "../base/compat.h"

/*
 * As heapq's heappush and heappop, for a list and nothing else; in the same
 * order.  Where they fail, with an exception set, the heap is as it was.
 *
 * Returns   0; -1: it failed
 */
int ppy_heap_push(PyObject *heap, PyObject *item);

/* Returns   the item, owned; NULL: it failed */
PyObject *ppy_heap_pop(PyObject *heap);

#endif
