/*
 * args.c - arguments and timeouts.
 *
 * A timeout comes in seconds, an int or a float, and goes to the library as
 * a deadline in nanoseconds on the monotonic clock, rounded up: a wait is
 * never short.
 *
 * SPDX-License-Identifier: MIT
 */
#include "args.h"

#include <math.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

/* PyUnicode_CompareWithASCIIString, inline: name has been hashed. */
static bool is_equal(PyObject *name, const char *ascii)
{
    size_t length = strlen(ascii);

    return PyUnicode_IS_ASCII(name)
           && (size_t)PyUnicode_GET_LENGTH(name) == length
           && memcmp(PyUnicode_DATA(name), ascii, length) == 0;
}

static int find(const char *const *names, PyObject *name)
{
    int i;

    for (i = 0; names[i] != NULL; i++)
        if (is_equal(name, names[i]))
            return i;
    return -1;
}

/* PyObject_IsTrue, without a call for what is nearly always given. */
static int is_true(PyObject *object)
{
    if (object == Py_True || object == Py_False)
        return object == Py_True;
    return PyObject_IsTrue(object);
}

static int set_named(const char *function, const char *const *names,
                     PyObject *name, PyObject *value, PyObject **values)
{
    int i = find(names, name);

    if (i < 0) {
        PyErr_Format(PyExc_TypeError,
                     "%s() got an unexpected keyword argument '%U'",
                     function, name);
        return -1;
    }
    if (values[i] != NULL) {
        PyErr_Format(PyExc_TypeError,
                     "%s() got multiple values for argument '%U'",
                     function, name);
        return -1;
    }
    values[i] = value;
    return 0;
}

static int set_placed(const char *function, const char *const *names,
                      PyObject *const *args, Py_ssize_t nargs,
                      PyObject **values)
{
    Py_ssize_t i;

    for (i = 0; names[i] != NULL; i++)
        values[i] = i < nargs ? args[i] : NULL;
    if (nargs <= i)
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "%s() takes at most %zd arguments (%zd given)",
                 function, i, nargs);
    return -1;
}

/* Inline, so that names which are constants are compared as such. */
static inline __attribute__((always_inline))
int sort(const char *function, const char *const *names,
         PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
         PyObject **values)
{
    Py_ssize_t named = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    Py_ssize_t i;

    if (set_placed(function, names, args, nargs, values) < 0)
        return -1;
    for (i = 0; i < named; i++)
        if (set_named(function, names, PyTuple_GET_ITEM(kwnames, i),
                      args[nargs + i], values) < 0)
            return -1;
    return 0;
}

int ppy_args(const char *function, const char *const *names,
             PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
             PyObject **values)
{
    return sort(function, names, args, nargs, kwnames, values);
}

/* Calls of a class, unlike those of its methods, pass on any key. */
static int check_keyword(PyObject *name)
{
    if (PyUnicode_Check(name))
        return 0;
    PyErr_SetString(PyExc_TypeError, "keywords must be strings");
    return -1;
}

int ppy_args_tuple(const char *function, const char *const *names,
                   PyObject *args, PyObject *kwargs, PyObject **values)
{
    PyObject *name, *value;
    Py_ssize_t i = 0;

    if (set_placed(function, names, &PyTuple_GET_ITEM(args, 0),
                   PyTuple_GET_SIZE(args), values) < 0)
        return -1;
    while (kwargs != NULL && PyDict_Next(kwargs, &i, &name, &value))
        if (check_keyword(name) < 0
            || set_named(function, names, name, value, values) < 0)
            return -1;
    return 0;
}

static int too_large(void)
{
    PyErr_SetString(PyExc_OverflowError, "timeout value is too large");
    return -1;
}

/* Nanoseconds, rounded away from zero; below INT64_MIN is INT64_MIN. */
static int from_float(double seconds, int64_t *ns)
{
    double exact = seconds * (double)NS_PER_S;

    if (exact >= -(double)INT64_MIN)
        return too_large();
    if (exact <= (double)INT64_MIN)
        *ns = INT64_MIN;
    else
        *ns = (int64_t)(exact < 0 ? floor(exact) : ceil(exact));
    return 0;
}

static int from_int(PyObject *seconds, int64_t *ns)
{
    int overflow;
    long long whole = PyLong_AsLongLongAndOverflow(seconds, &overflow);

    if (whole == -1 && PyErr_Occurred())
        return -1;
    if (overflow > 0 || whole > INT64_MAX / NS_PER_S)
        return too_large();
    if (overflow < 0 || whole < INT64_MIN / NS_PER_S)
        *ns = INT64_MIN;
    else
        *ns = whole * NS_PER_S;
    return 0;
}

static int value_error(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return -1;
}

static int not_a_number(void)
{
    return value_error("Invalid value NaN (not a number)");
}

static int from_real(PyObject *seconds, int64_t *ns)
{
    double real = PyFloat_AsDouble(seconds);

    if (real == -1 && PyErr_Occurred())
        return -1;
    return isnan(real) ? not_a_number() : from_float(real, ns);
}

static int from_seconds(PyObject *seconds, bool real, int64_t *ns)
{
    return real ? from_real(seconds, ns) : from_int(seconds, ns);
}

static bool is_nan(PyObject *seconds)
{
    return PyFloat_Check(seconds) && isnan(PyFloat_AS_DOUBLE(seconds));
}

static int lock_timeout(PyObject *blocking, PyObject *timeout, int64_t *result)
{
    int blocks = blocking == NULL ? 1 : is_true(blocking);
    int64_t ns = -NS_PER_S; /* the default: no limit */

    if (blocks < 0)
        return -1;
    if (timeout != NULL
        && from_seconds(timeout, ppy_is_real(timeout), &ns) < 0)
        return -1;
    if (ns == -NS_PER_S) {
        *result = blocks ? PPT_FOREVER : PPT_TRY;
        return 0;
    }
    if (ns == INT64_MIN)
        return too_large();
    if (!blocks)
        return value_error("can't specify a timeout for a non-blocking call");
    if (ns < 0)
        return value_error("timeout value must be a non-negative number");
    *result = ns;
    return 0;
}

int ppy_read_acquire_args(PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames, int64_t *timeout)
{
    static const char *const names[] = { "blocking", "timeout", NULL };
    PyObject *values[2];

    if (sort("acquire", names, args, nargs, kwnames, values) < 0)
        return -1;
    return lock_timeout(values[0], values[1], timeout);
}

int ppy_deadline(PyObject *timeout, int64_t *deadline)
{
    int64_t ns = 0;

    if (timeout == NULL || timeout == Py_None) {
        *deadline = PPT_FOREVER;
        return 0;
    }
    if (!is_nan(timeout)
        && from_seconds(timeout, PyFloat_Check(timeout), &ns) < 0)
        return -1;
    *deadline = ppt_deadline(ns < 0 ? 0 : ns);
    return 0;
}

int ppy_wait_deadline(PyObject *timeout, int64_t *deadline)
{
    if (timeout != NULL && is_nan(timeout) && !PPY_NAN_IS_ZERO)
        return not_a_number();
    return ppy_deadline(timeout, deadline);
}

/* More than -1 ns is rounded up to nothing. */
static bool is_negative(PyObject *timeout, int64_t ns)
{
    return ns < 0
           && !(PyFloat_Check(timeout)
                && PyFloat_AS_DOUBLE(timeout) * (double)NS_PER_S > -1);
}

int ppy_queue_deadline(PyObject *timeout, int64_t *deadline)
{
    int64_t ns;

    if (timeout == NULL || timeout == Py_None) {
        *deadline = PPT_FOREVER;
        return 0;
    }
    if (from_seconds(timeout, ppy_is_real(timeout), &ns) < 0)
        return -1;
    if (ns == INT64_MIN)
        return too_large();
    if (is_negative(timeout, ns))
        return value_error("'timeout' must be a non-negative number");
    *deadline = ppt_deadline(ns < 0 ? 0 : ns);
    return 0;
}

PyObject *ppy_timeout_until(int64_t deadline)
{
    int64_t left = deadline - ppt_now();

    return PyFloat_FromDouble(left < 0 ? 0.0
                                       : (double)left / (double)NS_PER_S);
}
