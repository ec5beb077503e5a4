/*
 * own_condition.c - the condition that an Event or a Semaphore is built on.
 */
#include "own_condition.h"

PyObject *ppy_get_condition(PyObject *op, PyObject *condition,
                            PyObject *const *other)
{
    PyObject *result;

    Py_BEGIN_CRITICAL_SECTION(op);
    result = Py_NewRef(*other != NULL ? *other : condition);
    Py_END_CRITICAL_SECTION();
    (void)op;
    return result;
}

int ppy_set_condition(PyObject *op, PyObject *condition, PyObject **other,
                      PyObject *value)
{
    PyObject *old, *new = value == condition ? NULL : value;

    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cannot be deleted");
        return -1;
    }
    Py_XINCREF(new);
    Py_BEGIN_CRITICAL_SECTION(op);
    old = *other;
    __atomic_store_n(other, new, __ATOMIC_RELEASE);
    Py_END_CRITICAL_SECTION();
    (void)op;
    Py_XDECREF(old);
    return 0;
}
