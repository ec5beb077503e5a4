/*
 * event.h - threading.Event.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_EVENT_H
#define PPY_EVENT_H

#include "../base/compat.h"

/* The condition that it is built on; borrowed. */
PyObject *ppy_event_condition(PyObject *event);

/* With the lock of that condition held; no thread state is needed. */
void ppy_event_change(PyObject *event, bool flag);

/* Without it. */
bool ppy_event_is_set(PyObject *event);

extern PyType_Spec ppy_event_spec;

#endif
