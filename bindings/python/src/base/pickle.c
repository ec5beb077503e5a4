/*
 * pickle.c - copies and pickles of our objects.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pickle.h"

PyObject *ppy_getstate(PyObject *op, const char *names)
{
    PyObject *module = PyImport_ImportModule("pyplusthread._state");
    PyObject *result = NULL, *list = PyUnicode_FromString(names), *split;

    split = list == NULL ? NULL : PyUnicode_Split(list, NULL, -1);
    if (module != NULL && split != NULL)
        result = PyObject_CallMethod(module, "of", "OO", op, split);
    Py_XDECREF(module);
    Py_XDECREF(list);
    Py_XDECREF(split);
    return result;
}

/*
 * Protocols 0 and 1 make objects of classes in C without their __new__, which
 * cannot work: they get what protocol 2 does.
 */
PyObject *ppy_reduce_ex(PyObject *op, PyObject *protocol)
{
    long number = PyLong_AsLong(protocol);

    if (number == -1 && PyErr_Occurred())
        return NULL;
    return PyObject_CallMethod((PyObject *)&PyBaseObject_Type,
                               "__reduce_ex__", "Ol", op,
                               number < 2 ? 2L : number);
}
