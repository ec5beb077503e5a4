/*
 * cond_wait.c - waiting for a threading.Condition, and notifying.  See cond.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_wait.h"

#include <limits.h>

#include "../base/args.h"
#include "../wait/main_thread.h"
#include "cond_lock.h"

#define WAIT_UNOWNED "cannot wait on un-acquired lock"

/*
 * Let go of lock, sleep, take it again.
 *
 * Returns   as ppy_sleep; -1 too if the lock's methods failed
 */
static int wait_at(ppy_condition_t *self, PyObject *lock, ppy_waiter_t *waiter,
                   int64_t deadline)
{
    const ppy_lock_ops_t *ops = ppy_condition_ops(self, lock);
    ppy_saved_t saved;
    PyObject *raised;
    int result;

    ppy_enqueue(waiter, &self->waiters);
    if (ops->save(lock, &saved) < 0) {
        ppy_give_up(waiter);
        return -1;
    }
    result = ppy_sleep(waiter, deadline);
    raised = result < 0 ? ppy_error_take() : NULL;
    if (ops->restore(lock, &saved) < 0) {
        if (result > 0)
            ppy_pass_on(waiter);
        result = -1;
    }
    if (raised != NULL)
        ppy_raise_before(raised);
    return result;
}

/*
 * A lock written in Python may, inside its release, be ended at shutdown
 * while it is queued: its waiter is not on the stack, and is lost.  Nor is that
 * of a thread that runs handlers: wait.c, W4.
 */
static int wait_on_heap(ppy_condition_t *self, PyObject *lock,
                        int64_t deadline)
{
    ppy_waiter_t *waiter = PyMem_RawMalloc(sizeof(*waiter));
    int result;

    if (waiter == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    result = wait_at(self, lock, waiter, deadline);
    PyMem_RawFree(waiter);
    return result;
}

static int wait_in_library(ppy_condition_t *self, PyObject *lock,
                           int64_t deadline)
{
    const ppy_lock_ops_t *ops = ppy_condition_ops(self, lock);
    ppy_saved_t saved;
    int result = ppy_wait_with(&self->waiters, ops->disown(lock, &saved),
                               deadline);

    if (result < 0)
        return -1;
    return ops->restore(lock, &saved) < 0 ? -1 : result;
}

static int wait_until(ppy_condition_t *self, PyObject *lock,
                      int64_t deadline)
{
    ppy_waiter_t waiter;

    if (ppy_condition_ops(self, lock)->disown == NULL)
        return wait_on_heap(self, lock, deadline);
    if (deadline == PPT_TRY)
        return wait_at(self, lock, &waiter, deadline);
    if (ppy_is_main_thread())
        return wait_on_heap(self, lock, deadline);
    if (ppy_is_finalizing())
        return wait_at(self, lock, &waiter, deadline);
    return wait_in_library(self, lock, deadline);
}

int ppy_own_wait(PyObject *op, int64_t deadline)
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    return wait_until(self, self->lock, deadline);
}

static int wait_with_lock(ppy_condition_t *self, PyObject *lock,
                          PyObject *timeout)
{
    int64_t deadline;

    lock = ppy_condition_subject(self, lock, PPY_LOCK_NAMES);
    if (ppy_condition_check_owned(self, lock, WAIT_UNOWNED) < 0
        || ppy_wait_deadline(timeout, &deadline) < 0)
        return -1;
    return wait_until(self, lock, deadline);
}

PyObject *ppy_condition_wait(PyObject *op, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "timeout", NULL };
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *timeout, *lock;
    int result;

    if (ppy_args("wait", names, args, nargs, kwnames, &timeout) < 0)
        return NULL;
    lock = ppy_condition_lock(self);
    if (lock == NULL)
        return NULL;
    result = wait_with_lock(self, lock, timeout);
    ppy_let_go(lock);
    return result < 0 ? NULL : ppy_bool(result);
}

/* self.wait(), for it may have its own; with the timeout as it was given. */
static int overridden_wait(PyObject *self, PyObject *given, int64_t deadline)
{
    PyObject *timeout, *result = NULL;

    if (given != NULL || deadline == PPT_FOREVER)
        timeout = Py_NewRef(given == NULL ? Py_None : given);
    else
        timeout = ppy_timeout_until(deadline);
    if (timeout != NULL)
        result = PyObject_CallMethod(self, "wait", "(O)", timeout);
    Py_XDECREF(timeout);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int own_wait(ppy_condition_t *self, int64_t deadline)
{
    PyObject *lock = ppy_condition_lock(self);
    int result;

    if (lock == NULL)
        return -1;
    result = ppy_condition_check_owned(self, lock, WAIT_UNOWNED);
    if (result == 0)
        result = wait_until(self, lock, deadline);
    ppy_let_go(lock);
    return result;
}

/* Given is the timeout, the first time. */
static int wait_once(PyObject *op, PyObject *given, int64_t deadline)
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    if (ppy_condition_is_ours(self))
        return own_wait(self, deadline);
    return overridden_wait(op, given, deadline);
}

/*
 * Wait until predicate() is true.  The clock starts after its first call.
 */
static PyObject *wait_while_false(PyObject *op, PyObject *predicate,
                                  PyObject *timeout)
{
    const ppy_state_t *state = ((ppy_condition_t *)op)->state;
    PyObject *given = timeout;
    int64_t deadline = -1;
    bool expired = false;

    for (;;) {
        PyObject *result = PyObject_CallNoArgs(predicate);
        int is_true = result == NULL ? -1 : PyObject_IsTrue(result);

        if (is_true > 0 || (is_true == 0 && expired))
            return result;
        Py_XDECREF(result);
        if (is_true < 0
            || (deadline < 0 && ppy_wait_deadline(timeout, &deadline) < 0)
            || ppy_run_pending(state) < 0
            || wait_once(op, given, deadline) < 0)
            return NULL;
        given = NULL;
        expired = deadline != PPT_FOREVER && ppt_now() >= deadline;
    }
}

PyObject *ppy_condition_wait_for(PyObject *op, PyObject *const *args,
                                 Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "predicate", "timeout", NULL };
    PyObject *values[2];

    if (ppy_args("wait_for", names, args, nargs, kwnames, values) < 0)
        return NULL;
    if (values[0] != NULL)
        return wait_while_false(op, values[0], values[1]);
    PyErr_SetString(PyExc_TypeError,
                    "wait_for() missing argument: 'predicate'");
    return NULL;
}

/* Notifying */

static bool may_notify(PyObject *op)
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = ppy_condition_lock(self), *subject;
    int result;

    if (lock == NULL)
        return false;
    subject = ppy_condition_subject(self, lock, PPY_IS_OWNED + 1);
    result = ppy_condition_check_owned(self, subject,
                                       "cannot notify on un-acquired lock");
    ppy_let_go(lock);
    return result == 0;
}

/* Clamped: nobody has more waiters, or fewer than none. */
static int to_int(PyObject *value, int *n)
{
    int overflow;
    long number = PyLong_AsLongAndOverflow(value, &overflow);

    if (number == -1 && PyErr_Occurred())
        return -1;
    if (overflow > 0 || number > INT_MAX)
        number = INT_MAX;
    *n = overflow < 0 || number < 0 ? 0 : (int)number;
    return 0;
}

PyObject *ppy_condition_notify(PyObject *op, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "n", NULL };
    PyObject *value;
    int n = 1;

    if (ppy_args("notify", names, args, nargs, kwnames, &value) < 0
        || !may_notify(op) || (value != NULL && to_int(value, &n) < 0))
        return NULL;
    ppy_notify(&((ppy_condition_t *)op)->waiters, n);
    Py_RETURN_NONE;
}

/* self.notify(), for it may have its own. */
PyObject *ppy_condition_notify_all(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    if (!ppy_condition_is_ours(self))
        return PyObject_CallMethod(op, "notify", "I",
                                   ppt_cond_waiting(&self->waiters.cond));
    if (!may_notify(op))
        return NULL;
    ppy_broadcast(&self->waiters);
    Py_RETURN_NONE;
}

PyObject *ppy_condition_notifyAll(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (PyErr_WarnEx(PyExc_DeprecationWarning,
                     "notifyAll() is deprecated, use notify_all() instead",
                     1) < 0)
        return NULL;
    return PyObject_CallMethod(op, "notify_all", NULL);
}
