/*
 * simple_queue.h - queue.SimpleQueue.  See simple_queue.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_SIMPLE_QUEUE_H
#define PPY_SIMPLE_QUEUE_H

#include "../base/compat.h"

extern PyType_Spec ppy_simple_queue_spec;

#endif
