/*
 * own_condition.h - objects that are built on a condition: an Event, a
 * Semaphore.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_OWN_CONDITION_H
#define PPY_OWN_CONDITION_H

#include "../base/object.h"
#include "cond.h"

/* What such an object begins with. */
typedef struct {
    PyObject_HEAD
    PyObject *condition;    /* its own, for good; set by __new__ */
    PyObject *other;        /* assigned to _cond in its place; NULL: none */
    PyObject *dict;
    PyObject *weakrefs;
} ppy_owner_t;

/* Whether the condition is its own, and nobody overrides its methods. */
static inline bool ppy_owner_is_native(const ppy_owner_t *self)
{
    return __atomic_load_n(&self->other, __ATOMIC_RELAXED) == NULL
           && ppy_condition_is_plain((ppy_condition_t *)self->condition);
}

/* By __init__: the condition is its own again. */
void ppy_owner_reset(ppy_owner_t *self);

/* Slots, and attributes, of all of them. */
PyObject *ppy_owner_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
int ppy_owner_traverse(PyObject *object, visitproc visit, void *arg);
int ppy_owner_clear(PyObject *object);
void ppy_owner_dealloc(PyObject *object);
extern PyMemberDef ppy_owner_members[];

#define PPY_OWNER_SLOTS                                                     \
    { Py_tp_dealloc, ppy_owner_dealloc },                                   \
    { Py_tp_traverse, ppy_owner_traverse },                                 \
    { Py_tp_clear, ppy_owner_clear },                                       \
    { Py_tp_members, ppy_owner_members }

PyObject *ppy_owner_condition(PyObject *object, void *closure);
int ppy_owner_set_condition(PyObject *object, PyObject *value, void *closure);

#define PPY_OWNER_GETSET                                                    \
    { "_cond", ppy_owner_condition, ppy_owner_set_condition, NULL, NULL },  \
    PPY_GET_DICT

#endif
