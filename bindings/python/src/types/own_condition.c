/*
 * own_condition.c - objects that are built on a condition: an Event, a
 * Semaphore.
 *
 * SPDX-License-Identifier: MIT
 */
#include "own_condition.h"

static ppy_owner_t *owner(PyObject *op)
{
    return (ppy_owner_t *)op;
}

PyObject *ppy_owner_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                        PyObject *Py_UNUSED(kwargs))
{
    PyObject *op = type->tp_alloc(type, 0);

    if (op == NULL)
        return NULL;
    owner(op)->condition = ppy_condition_new(ppy_state(type));
    if (owner(op)->condition == NULL)
        Py_CLEAR(op);
    return op;
}

int ppy_owner_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(owner(op)->condition);
    Py_VISIT(owner(op)->other);
    Py_VISIT(owner(op)->dict);
    return 0;
}

/* The condition has no way back to here. */
int ppy_owner_clear(PyObject *op)
{
    Py_CLEAR(owner(op)->other);
    Py_CLEAR(owner(op)->dict);
    return 0;
}

static void free_object(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    if (owner(op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    ppy_owner_clear(op);
    Py_XDECREF(owner(op)->condition);
    type->tp_free(op);
    Py_DECREF(type);
}

/* Whether it holds others in turn: more than the stack may bear. */
static bool may_nest(PyObject *op)
{
    return owner(op)->other != NULL;
}

void ppy_owner_dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op);
    if (!may_nest(op)) {
        free_object(op);
        return;
    }
    Py_TRASHCAN_BEGIN(op, ppy_owner_dealloc)
    free_object(op);
    Py_TRASHCAN_END
}

PyObject *ppy_owner_condition(PyObject *op, void *Py_UNUSED(closure))
{
    ppy_owner_t *self = owner(op);
    PyObject *result;

    Py_BEGIN_CRITICAL_SECTION(op);
    result = Py_NewRef(self->other != NULL ? self->other : self->condition);
    Py_END_CRITICAL_SECTION();
    return result;
}

/* Takes over the reference. */
static void set_other(PyObject *op, PyObject *new)
{
    PyObject *old;

    Py_BEGIN_CRITICAL_SECTION(op);
    old = owner(op)->other;
    __atomic_store_n(&owner(op)->other, new, __ATOMIC_RELEASE);
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(old);
}

void ppy_owner_reset(ppy_owner_t *self)
{
    set_other((PyObject *)self, NULL);
}

int ppy_owner_set_condition(PyObject *op, PyObject *value,
                            void *Py_UNUSED(closure))
{
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cannot be deleted");
        return -1;
    }
    set_other(op, value == owner(op)->condition ? NULL : Py_NewRef(value));
    return 0;
}

PyMemberDef ppy_owner_members[] = {
    PPY_WEAKREFS(ppy_owner_t),
    PPY_DICT(ppy_owner_t),
    { NULL, 0, 0, 0, NULL }
};
