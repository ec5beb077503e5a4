/*
 * compat.h - what differs between the versions of CPython, and nowhere else.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COMPAT_H
#define PPY_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <pthread.h>
#include <stdbool.h>

#if PY_VERSION_HEX < 0x030b0000
#include <frameobject.h>
#define PyType_GetModuleByDef _PyType_GetModuleByDef
#endif

/* The text after "__exit__" of a lock, and the signature of RLock. */
#if PY_VERSION_HEX >= 0x030f0000
#define PPY_EXIT "($self, exc_type, exc_value, exc_tb, /)\n--\n\n"
#define PPY_RLOCK "RLock()\n--\n\n"
#define PPY_RLOCK_TAKES_NOTHING true
#else
#define PPY_EXIT "($self, /, *exc_info)\n--\n\n"
#define PPY_RLOCK "RLock(*args, **kwargs)\n--\n\n"
#define PPY_RLOCK_TAKES_NOTHING false
#endif

/* What a queue has where it can be shut down: in a table; of functions. */
#if PY_VERSION_HEX >= 0x030d0000
#define PPY_SHUTDOWN(...) __VA_ARGS__,
#define PPY_IF_SHUTDOWN
#else
#define PPY_SHUTDOWN(...)
#define PPY_IF_SHUTDOWN __attribute__((unused))
#endif

/* What a timeout of NaN means to a condition and an event. */
#if PY_VERSION_HEX >= 0x030e0000
#define PPY_NAN_IS_ZERO false /* a ValueError */
#else
#define PPY_NAN_IS_ZERO true
#endif

/* Whether a lock takes a timeout as a real number, not as an integer. */
static inline bool ppy_is_real(PyObject *seconds)
{
#if PY_VERSION_HEX >= 0x030f0000
    return !PyLong_Check(seconds);
#else
    return PyFloat_Check(seconds);
#endif
}

/* The exception that is set, normalised, or NULL; it is set no more. */
static inline PyObject *ppy_error_take(void)
{
#if PY_VERSION_HEX >= 0x030c0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/* Set exception again, or none; takes over the reference. */
static inline void ppy_error_give(PyObject *exception)
{
#if PY_VERSION_HEX >= 0x030c0000
    PyErr_SetRaisedException(exception);
#else
    if (exception == NULL)
        PyErr_Clear();
    else
        PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception,
                      PyException_GetTraceback(exception));
#endif
}

/* Whether the interpreter is shutting down; for any thread. */
static inline bool ppy_is_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030d0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

/*
 * Whether this thread, which is attached, may wait for others.  Not while the
 * interpreter shuts down: they will never run again.  Up to CPython 3.14 it
 * waits for ever all the same, as at threading's own.
 *
 * Returns   false with a PythonFinalizationError set
 */
static inline bool ppy_may_wait(void)
{
#if PY_VERSION_HEX >= 0x030f0000
    if (Py_IsFinalizing()) {
        PyErr_SetString(PyExc_PythonFinalizationError,
                        "cannot acquire lock at interpreter finalization");
        return false;
    }
#endif
    return true;
}

/* threading.get_ident(), without a call into the interpreter. */
static inline unsigned long ppy_ident(void)
{
    return (unsigned long)pthread_self();
}

/* For what the GIL makes atomic elsewhere. */
#if PY_VERSION_HEX < 0x030d0000
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

/*
 * With a GIL, a field that may be replaced is held while it is in use.
 * Without one, reading and holding it would be two steps: what is replaced
 * is kept then as long as its owner, and nobody counts.
 */
#ifdef Py_GIL_DISABLED
#define PPY_KEEPS_REPLACED true
#define ppy_hold(object) ((void)(object))
#define ppy_let_go(object) ((void)(object))
#else
#define PPY_KEEPS_REPLACED false
#define ppy_hold(object) Py_XINCREF(object)
#define ppy_let_go(object) Py_DECREF(object)
#endif

/* Any number of interpreters, with or without a GIL of their own. */
#if PY_VERSION_HEX >= 0x030c0000
#define PPY_SLOT_INTERPRETERS                                               \
    { Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED },
#else
#define PPY_SLOT_INTERPRETERS
#endif
#if PY_VERSION_HEX >= 0x030d0000
#define PPY_SLOT_GIL { Py_mod_gil, Py_MOD_GIL_NOT_USED },
#else
#define PPY_SLOT_GIL
#endif

#endif
