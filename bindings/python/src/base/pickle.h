/*
 * pickle.h - copies and pickles of our objects.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_PICKLE_H
#define PPY_PICKLE_H

#include "object.h"

/*
 * For copy and pickle: __getstate__ of the attributes whose names are in a
 * string, and __reduce_ex__.
 */
PyObject *ppy_getstate(PyObject *object, const char *names);
PyObject *ppy_reduce_ex(PyObject *object, PyObject *protocol);

/* The two, in a table of methods. */
#define PPY_PICKLED                                                         \
    { "__getstate__", getstate, METH_NOARGS, "__getstate__" PPY_NOTHING },  \
    { "__reduce_ex__", ppy_reduce_ex, METH_O,                               \
      "__reduce_ex__($self, protocol, /)\n--\n\n" }

#endif
