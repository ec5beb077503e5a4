/*
 * lock_ops.c - the operations of a Condition's lock: our Lock, our RLock, and
 * whatever else has the methods of one.
 *
 * Subclasses of RLock count as something else, for they may override its
 * methods.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lock_ops.h"

#include "lock.h"
#include "rlock.h"

static PyObject *none_unless(int failed)
{
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *true_unless(int failed)
{
    return failed < 0 ? NULL : Py_NewRef(Py_True);
}

/* Lock */

static ppt_lock_t *lock_of(PyObject *lock)
{
    return &((ppy_lock_t *)lock)->lock;
}

static PyObject *lock_enter(PyObject *lock)
{
    return true_unless(ppy_acquire(lock_of(lock), PPT_FOREVER));
}

static PyObject *lock_leave(PyObject *lock,
                            PyObject *const *Py_UNUSED(args),
                            Py_ssize_t Py_UNUSED(nargs))
{
    return none_unless(ppy_release(lock_of(lock)) == 0 ? 0 : ppy_not_locked());
}

static int lock_owned(PyObject *lock)
{
    return ppy_locked(lock_of(lock));
}

static int lock_save(PyObject *lock, ppy_saved_t *saved)
{
    saved->count = 1;
    return ppy_release(lock_of(lock)) == 0 ? 0 : ppy_not_locked();
}

static int lock_restore(PyObject *lock, ppy_saved_t *Py_UNUSED(saved))
{
    return ppy_acquire_whatever(lock_of(lock));
}

static ppt_lock_t *lock_disown(PyObject *lock, ppy_saved_t *saved)
{
    saved->count = 1;
    return lock_of(lock);
}

const ppy_lock_ops_t ppy_ops_of_lock = {
    .enter = lock_enter,
    .leave = lock_leave,
    .owned = lock_owned,
    .save = lock_save,
    .restore = lock_restore,
    .disown = lock_disown,
};

/* RLock */

static PyObject *rlock_enter(PyObject *lock)
{
    return true_unless(ppy_rlock_acquire((ppy_rlock_t *)lock, PPT_FOREVER));
}

static PyObject *rlock_leave(PyObject *lock,
                             PyObject *const *Py_UNUSED(args),
                             Py_ssize_t Py_UNUSED(nargs))
{
    return none_unless(ppy_rlock_release((ppy_rlock_t *)lock));
}

static int rlock_owned(PyObject *lock)
{
    return ppy_rlock_owned((ppy_rlock_t *)lock);
}

static int rlock_save(PyObject *lock, ppy_saved_t *saved)
{
    saved->count = ppy_rlock_save((ppy_rlock_t *)lock);
    return 0;
}

static int rlock_restore(PyObject *lock, ppy_saved_t *saved)
{
    return ppy_rlock_restore((ppy_rlock_t *)lock, saved->count);
}

static ppt_lock_t *rlock_disown(PyObject *lock, ppy_saved_t *saved)
{
    ppy_rlock_t *self = (ppy_rlock_t *)lock;

    saved->count = ppy_rlock_disown(self);
    return &self->base.lock;
}

const ppy_lock_ops_t ppy_ops_of_rlock = {
    .enter = rlock_enter,
    .leave = rlock_leave,
    .owned = rlock_owned,
    .save = rlock_save,
    .restore = rlock_restore,
    .disown = rlock_disown,
};

/* Anything else */

static PyObject *other_enter(PyObject *lock)
{
    return PyObject_CallMethod(lock, "__enter__", NULL);
}

static PyObject *other_leave(PyObject *lock, PyObject *const *args,
                             Py_ssize_t nargs)
{
    PyObject *method = PyObject_GetAttrString(lock, "__exit__");
    PyObject *result;

    if (method == NULL)
        return NULL;
    result = PyObject_Vectorcall(method, args, (size_t)nargs, NULL);
    Py_DECREF(method);
    return result;
}

/* The lock's own method, or NULL without an exception if it has none. */
static PyObject *optional(PyObject *lock, const char *name)
{
    PyObject *method = PyObject_GetAttrString(lock, name);

    if (method == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    return method;
}

/* -1 if object is NULL; takes over the reference. */
static int truth(PyObject *object)
{
    int result = object == NULL ? -1 : PyObject_IsTrue(object);

    Py_XDECREF(object);
    return result;
}

static int call(PyObject *lock, const char *name)
{
    PyObject *result = PyObject_CallMethod(lock, name, NULL);

    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Somebody holds a lock that cannot be taken. */
static int is_held(PyObject *lock)
{
    int taken = truth(PyObject_CallMethod(lock, "acquire", "O",
                                          Py_False));

    if (taken <= 0)
        return taken < 0 ? -1 : 1;
    return call(lock, "release");
}

static int other_owned(PyObject *lock)
{
    PyObject *method = optional(lock, "_is_owned");
    PyObject *result;

    if (method == NULL)
        return PyErr_Occurred() ? -1 : is_held(lock);
    result = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return truth(result);
}

static int other_save(PyObject *lock, ppy_saved_t *saved)
{
    PyObject *method = optional(lock, "_release_save");

    saved->state = NULL;
    if (method == NULL)
        return PyErr_Occurred() ? -1 : call(lock, "release");
    saved->state = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return saved->state == NULL ? -1 : 0;
}

static int other_restore(PyObject *lock, ppy_saved_t *saved)
{
    PyObject *method = optional(lock, "_acquire_restore");
    PyObject *state = saved->state != NULL ? saved->state : Py_None;
    PyObject *result = NULL;
    int status;

    if (method != NULL) {
        result = PyObject_CallOneArg(method, state);
        status = result == NULL ? -1 : 0;
        Py_DECREF(method);
        Py_XDECREF(result);
    } else {
        status = PyErr_Occurred() ? -1 : call(lock, "acquire");
    }
    Py_CLEAR(saved->state);
    return status;
}

const ppy_lock_ops_t ppy_ops_of_others = {
    .enter = other_enter,
    .leave = other_leave,
    .owned = other_owned,
    .save = other_save,
    .restore = other_restore,
    .disown = NULL,
};
