/*
 * cond_wait.h - waiting for a threading.Condition, and notifying.  See cond.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COND_WAIT_H
#define PPY_COND_WAIT_H

#include "../base/args.h"

/*
 * Wait for condition, whose lock is one of its own and held, and take that
 * lock again.
 *
 * Returns   as ppy_sleep; the lock is held whatever it returns
 */
int ppy_own_wait(PyObject *condition, int64_t deadline);

/* Methods. */
PyObject *ppy_condition_wait(PyObject *self, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_condition_wait_for(PyObject *self, PyObject *const *args,
                                 Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_condition_notify(PyObject *self, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_condition_notify_all(PyObject *self, PyObject *ignored);
PyObject *ppy_condition_notifyAll(PyObject *self, PyObject *ignored);

#endif
