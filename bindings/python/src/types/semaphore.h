/*
 * semaphore.h - threading.Semaphore and BoundedSemaphore.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_SEMAPHORE_H
#define PPY_SEMAPHORE_H

#include "../base/compat.h"

/* The names that the state's semaphore_watch is for. */
extern const char *const ppy_semaphore_names[];

/* The condition that it is built on; borrowed. */
PyObject *ppy_semaphore_condition(PyObject *semaphore);

/*
 * With the lock of that condition held; no thread state is needed.  Adds n, at
 * least 1, and returns 0, or ERANGE if that went past the bound.
 */
int ppy_semaphore_put(PyObject *semaphore, Py_ssize_t n);

extern PyType_Spec ppy_semaphore_spec;
extern PyType_Spec ppy_bounded_semaphore_spec;

#endif
