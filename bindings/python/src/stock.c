/*
 * stock.c - threading's own methods, for an object of ours that is not as we
 * made it.
 *
 * They are written in Python, and work on any object with the attributes that
 * they expect: ours have those.  So whoever brings a condition, or a state, of
 * his own gets what threading makes of it, at threading's speed.
 */
#include "core.h"

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

/* --- the condition of an Event or a Semaphore ----------------------------- */

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

/* --- copy and pickle ------------------------------------------------------ */

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
