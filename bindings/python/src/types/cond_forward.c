/*
 * cond_forward.c - the methods of its lock that a threading.Condition has.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_forward.h"

#include "cond_lock.h"

static PyObject *forward(PyObject *op, const char *name,
                         PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    PyObject *lock = ppy_condition_lock((ppy_condition_t *)op);
    PyObject *method, *result;

    if (lock == NULL)
        return NULL;
    method = PyObject_GetAttrString(lock, name);
    ppy_let_go(lock);
    if (method == NULL)
        return NULL;
    result = PyObject_Vectorcall(method, args, (size_t)nargs, kwnames);
    Py_DECREF(method);
    return result;
}

PyObject *ppy_condition_acquire(PyObject *op, PyObject *const *args,
                                Py_ssize_t nargs, PyObject *kwnames)
{
    return forward(op, "acquire", args, nargs, kwnames);
}

PyObject *ppy_condition_release(PyObject *op, PyObject *const *args,
                                Py_ssize_t nargs, PyObject *kwnames)
{
    return forward(op, "release", args, nargs, kwnames);
}

PyObject *ppy_condition_locked(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return forward(op, "locked", NULL, 0, NULL);
}

PyObject *ppy_condition_enter(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = ppy_condition_lock(self);
    PyObject *result;

    if (lock == NULL)
        return NULL;
    result = ppy_condition_ops(self, lock)->enter(lock);
    ppy_let_go(lock);
    return result;
}

PyObject *ppy_condition_leave(PyObject *op, PyObject *const *args,
                              Py_ssize_t nargs)
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = ppy_condition_lock(self);
    PyObject *result;

    if (lock == NULL)
        return NULL;
    result = ppy_condition_ops(self, lock)->leave(lock, args, nargs);
    ppy_let_go(lock);
    return result;
}

PyObject *ppy_condition_is_owned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = ppy_condition_lock(self);
    int owned;

    if (lock == NULL)
        return NULL;
    owned = ppy_condition_ops(self, lock)->owned(lock);
    ppy_let_go(lock);
    return owned < 0 ? NULL : ppy_bool(owned);
}

static bool lock_has(PyObject *op, const char *name)
{
    PyObject *lock = ppy_condition_lock((ppy_condition_t *)op);
    bool has;

    if (lock == NULL) {
        PyErr_Clear();
        return false;
    }
    has = PyObject_HasAttrString(lock, name);
    ppy_let_go(lock);
    return has;
}

/* A Lock has no such method, and nothing to save. */
PyObject *ppy_condition_release_save(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    const char *name = "_release_save";

    return forward(op, lock_has(op, name) ? name : "release", NULL, 0, NULL);
}

PyObject *ppy_condition_acquire_restore(PyObject *op, PyObject *state)
{
    const char *name = "_acquire_restore";
    PyObject *result;

    if (lock_has(op, name))
        return forward(op, name, &state, 1, NULL);
    result = forward(op, "acquire", NULL, 0, NULL);
    Py_XDECREF(result);
    return result == NULL ? NULL : Py_NewRef(Py_None);
}

PyObject *ppy_condition_at_fork_reinit(PyObject *op,
                                       PyObject *Py_UNUSED(ignored))
{
    PyObject *result = forward(op, "_at_fork_reinit", NULL, 0, NULL);

    if (result != NULL)
        ppt_cond_after_fork(&((ppy_condition_t *)op)->waiters.cond);
    return result;
}
