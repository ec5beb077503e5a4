/*
 * stock.c - threading's own methods, for an object of ours that is not as we
 * made it.
 *
 * They are written in Python, and work on any object with the attributes that
 * they expect: ours have those.  So whoever brings a condition, or a state, of
 * his own gets what threading makes of it, at threading's speed.
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
