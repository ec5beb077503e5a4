/*
 * stock.h - threading's own methods.  See stock.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_STOCK_H
#define PPY_STOCK_H

#include "../base/compat.h"

/* The attribute of the class stock of threading, bound to object. */
PyObject *ppy_stock_get(PyObject *object, PyObject *stock, const char *name);

/* Call that method of it. */
PyObject *ppy_stock_call(PyObject *object, PyObject *stock, const char *name,
                         PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);

#endif
