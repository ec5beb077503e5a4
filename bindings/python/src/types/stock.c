/*
 * stock.c - threading's own methods, for an object of ours that is not as we
 * made it.
 *
 * They are written in Python, and work on any object with the attributes that
 * they expect.  Our objects have these attributes.  So a program that replaces
 * a condition, or the state, gets the behaviour and the speed of threading.
 *
 * SPDX-License-Identifier: MIT
 */
#include "stock.h"
PyObject *ppy_stock_get(PyObject *op, PyObject *stock, const char *name)
{
    PyObject *attribute = PyObject_GetAttrString(stock, name);
    PyObject *bound;

    if (attribute == NULL)
        return NULL;
    bound = PyObject_CallMethod(attribute, "__get__", "OO", op, Py_TYPE(op));
    Py_DECREF(attribute);
    return bound;
}

PyObject *ppy_stock_call(PyObject *op, PyObject *stock, const char *name,
                         PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    PyObject *method = ppy_stock_get(op, stock, name);
    PyObject *result;

    if (method == NULL)
        return NULL;
    result = PyObject_Vectorcall(method, args, (size_t)nargs, kwnames);
    Py_DECREF(method);
    return result;
}
