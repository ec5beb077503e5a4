/*
 * object.c - the class of a lock, as others see it, repr(), and exceptions.
 *
 * SPDX-License-Identifier: MIT
 */
#include "object.h"

#include <string.h>

#include "state.h"

PyObject *ppy_class(PyObject *op, void *Py_UNUSED(nothing))
{
    PyTypeObject *type = Py_TYPE(op);
    ppy_state_t *state = ppy_state(type);
    PyObject *stock = NULL;

    if (type == state->lock_type)
        stock = state->stock_lock;
    else if (type == state->rlock_type)
        stock = state->stock_rlock;
    return Py_NewRef(stock == NULL ? (PyObject *)type : stock);
}

int ppy_set_class(PyObject *op, PyObject *value, void *nothing)
{
    const PyGetSetDef *getset = PyBaseObject_Type.tp_getset;

    while (strcmp(getset->name, "__class__") != 0)
        getset++;
    return getset->set(op, value, nothing);
}

PyObject *ppy_repr(PyObject *op, PyObject *detail)
{
    PyObject *type = (PyObject *)Py_TYPE(op);
    PyObject *module, *name, *result = NULL;

    if (detail == NULL)
        return NULL;
    module = PyObject_GetAttrString(type, "__module__");
    name = module == NULL ? NULL
                          : PyObject_GetAttrString(type, "__qualname__");
    if (name != NULL)
        result = PyUnicode_FromFormat("<%S.%S at %p: %U>", module, name, op,
                                      detail);
    Py_XDECREF(module);
    Py_XDECREF(name);
    Py_DECREF(detail);
    return result;
}

static void raise(PyObject *exception)
{
    if (PyExceptionClass_Check(exception))
        PyErr_SetNone(exception);
    else if (PyExceptionInstance_Check(exception))
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    else
        PyErr_SetString(PyExc_TypeError,
                        "exceptions must derive from BaseException");
}

int ppy_raise_named(PyObject *module, const char *name)
{
    PyObject *exception;

    if (module == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has ended");
        return -1;
    }
    exception = PyObject_GetAttrString(module, name);
    if (exception != NULL)
        raise(exception);
    Py_XDECREF(exception);
    return -1;
}
