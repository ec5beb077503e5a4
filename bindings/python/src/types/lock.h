/*
 * lock.h - threading.Lock.
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

extern PyType_Spec ppy_lock_spec;

#endif
