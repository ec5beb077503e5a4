/*
 * lock.h - threading.Lock.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_LOCK_H
#define PPY_LOCK_H

#include "../wait/acquire.h"

typedef struct {
    PyObject_HEAD
    ppt_lock_t lock;
    PyObject *weakrefs;
} ppy_lock_t;

PyObject *ppy_lock_new(PyTypeObject *type);

/* Slots of a Lock, and of what begins with one. */
void ppy_lock_dealloc(PyObject *object);
int ppy_lock_traverse(PyObject *object, visitproc visit, void *arg);
extern PyMemberDef ppy_lock_members[];
extern PyGetSetDef ppy_lock_getset[];

#define PPY_LOCK_SLOTS                                                      \
    { Py_tp_dealloc, ppy_lock_dealloc },                                    \
    { Py_tp_traverse, ppy_lock_traverse },                                  \
    { Py_tp_members, ppy_lock_members },                                    \
    { Py_tp_getset, ppy_lock_getset }

extern PyType_Spec ppy_lock_spec;

#endif
