/*
 * cond_forward.h - the methods of its lock that a threading.Condition has.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COND_FORWARD_H
#define PPY_COND_FORWARD_H

#include "../base/args.h"

PyObject *ppy_condition_acquire(PyObject *self, PyObject *const *args,
                                Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_condition_release(PyObject *self, PyObject *const *args,
                                Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_condition_locked(PyObject *self, PyObject *ignored);
PyObject *ppy_condition_enter(PyObject *self, PyObject *ignored);
PyObject *ppy_condition_leave(PyObject *self, PyObject *const *args,
                              Py_ssize_t nargs);
PyObject *ppy_condition_is_owned(PyObject *self, PyObject *ignored);
PyObject *ppy_condition_release_save(PyObject *self, PyObject *ignored);
PyObject *ppy_condition_acquire_restore(PyObject *self, PyObject *state);
PyObject *ppy_condition_at_fork_reinit(PyObject *self, PyObject *ignored);

#endif
