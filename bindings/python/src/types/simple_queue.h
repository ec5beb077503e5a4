/*
 * simple_queue.h - queue.SimpleQueue.  See simple_queue.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_SIMPLE_QUEUE_H
#define PPY_SIMPLE_QUEUE_H

#include "../base/compat.h"

#include "item_ring.h"

/*
 * By any thread, attached or not: put data that make turns into an item when
 * it is taken.
 *
 * Returns   0, ENOMEM
 */
int ppy_simple_queue_put_deferred(PyObject *op, ppy_make_fn make, void *data);

extern PyType_Spec ppy_simple_queue_spec;

#endif
