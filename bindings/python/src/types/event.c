/*
 * event.c - threading.Event.
 *
 * A flag and a condition with a Lock, as in threading.  The lock guards
 * changes of the flag: a thread that saw it unset, and queued a waiter under
 * the lock, is found in the queue by the thread that sets it.  wait() is true
 * if it was notified, even if the flag has been cleared since.  A notified
 * thread does not need the lock.
 *
 * With another condition, or one whose methods were overridden, the methods
 * are threading's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "event.h"

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "../wait/main_thread.h"
#include "own_condition.h"
#include "stock.h"

typedef struct {
    ppy_owner_t owner;
    bool flag;              /* atomic; written under the condition's lock */
} event_t;

static bool is_set(const event_t *self)
{
    return __atomic_load_n(&self->flag, __ATOMIC_ACQUIRE);
}

static ppy_condition_t *condition_of(event_t *self)
{
    return (ppy_condition_t *)self->owner.condition;
}

static PyObject *stock_call(event_t *self, const char *name,
                            PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    return ppy_stock_call((PyObject *)self,
                          condition_of(self)->state->stock_event, name, args,
                          nargs, kwnames);
}

void ppy_event_change(PyObject *event, bool flag)
{
    event_t *self = (event_t *)event;

    __atomic_store_n(&self->flag, flag, __ATOMIC_RELEASE);
    if (flag)
        ppy_broadcast(&condition_of(self)->waiters);
}

static int change(event_t *self, bool flag)
{
    ppt_lock_t *lock = ppy_own_lock(self->owner.condition);

    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    ppy_event_change((PyObject *)self, flag);
    ppy_release_attached(lock);
    return 0;
}

static int wait_at(event_t *self, ppy_waiter_t *waiter, int64_t deadline)
{
    ppt_lock_t *lock = ppy_own_lock(self->owner.condition);
    bool flag;

    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    flag = is_set(self);
    if (!flag)
        ppy_enqueue(waiter, &condition_of(self)->waiters);
    ppy_release_attached(lock);
    return flag ? 1 : ppy_sleep(waiter, deadline);
}

/* wait.c, W4 */
static int wait_on_heap(event_t *self, int64_t deadline)
{
    ppy_waiter_t *waiter = PyMem_RawMalloc(sizeof(*waiter));
    int result;

    if (waiter == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    result = wait_at(self, waiter, deadline);
    PyMem_RawFree(waiter);
    return result;
}

static int wait_until(event_t *self, int64_t deadline)
{
    ppy_waiter_t waiter;

    return ppy_is_main_thread() ? wait_on_heap(self, deadline)
                                : wait_at(self, &waiter, deadline);
}

static PyObject *wait(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                      PyObject *kwnames)
{
    static const char *const names[] = { "timeout", NULL };
    event_t *self = (event_t *)op;
    PyObject *timeout;
    int64_t deadline;
    int result;

    if (ppy_args("wait", names, args, nargs, kwnames, &timeout) < 0)
        return NULL;
    if (!ppy_owner_is_native(&self->owner))
        return stock_call(self, "wait", args, nargs, kwnames);
    if (is_set(self))
        Py_RETURN_TRUE;
    if (ppy_wait_deadline(timeout, &deadline) < 0)
        return NULL;
    result = wait_until(self, deadline);
    return result < 0 ? NULL : ppy_bool(result);
}

static PyObject *set(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (!ppy_owner_is_native((ppy_owner_t *)op))
        return stock_call((event_t *)op, "set", NULL, 0, NULL);
    return change((event_t *)op, true) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *clear_flag(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (!ppy_owner_is_native((ppy_owner_t *)op))
        return stock_call((event_t *)op, "clear", NULL, 0, NULL);
    return change((event_t *)op, false) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *is_set_method(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_bool(is_set((event_t *)op));
}

static PyObject *isSet(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (PyErr_WarnEx(PyExc_DeprecationWarning,
                     "isSet() is deprecated, use is_set() instead", 1) < 0)
        return NULL;
    return PyObject_CallMethod(op, "is_set", NULL);
}

static PyObject *at_fork_reinit(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *condition = ppy_owner_condition(op, NULL);
    PyObject *result = PyObject_CallMethod(condition, "_at_fork_reinit",
                                           NULL);

    Py_DECREF(condition);
    return result;
}

/* From C */

bool ppy_event_is_set(PyObject *event)
{
    return is_set((event_t *)event);
}

PyObject *ppy_event_condition(PyObject *event)
{
    return ((event_t *)event)->owner.condition;
}

/* The object */

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { NULL };

    if (ppy_args_tuple("Event", names, args, kwargs, NULL) < 0)
        return -1;
    ppy_owner_reset((ppy_owner_t *)op);
    return change((event_t *)op, false);
}

static PyObject *repr(PyObject *op)
{
    return ppy_repr(op, PyUnicode_FromString(is_set((event_t *)op) ? "set"
                                                                   : "unset"));
}

static PyObject *get_flag(PyObject *op, void *Py_UNUSED(closure))
{
    return ppy_bool(is_set((event_t *)op));
}

/* Wakes nobody; for subclasses that hold _cond, and notify it. */
static int set_flag(PyObject *op, PyObject *value, void *Py_UNUSED(closure))
{
    int flag = value == NULL ? 0 : PyObject_IsTrue(value);

    if (flag >= 0)
        __atomic_store_n(&((event_t *)op)->flag, (bool)flag,
                         __ATOMIC_RELEASE);
    return flag < 0 ? -1 : 0;
}

static PyObject *getstate(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "_cond _flag");
}

static PyMethodDef methods[] = {
    PPY_PICKLED,
    { "set", set, METH_NOARGS, "set" PPY_NOTHING },
    { "clear", clear_flag, METH_NOARGS, "clear" PPY_NOTHING },
    { "is_set", is_set_method, METH_NOARGS, "is_set" PPY_NOTHING },
    { "isSet", isSet, METH_NOARGS, "isSet" PPY_NOTHING },
    { "wait", PPY_METHOD(wait), METH_FASTCALL | METH_KEYWORDS,
      "wait($self, /, timeout=None)\n--\n\n" },
    { "_at_fork_reinit", at_fork_reinit, METH_NOARGS,
      "_at_fork_reinit" PPY_NOTHING },
    { NULL, NULL, 0, NULL }
};

static PyGetSetDef getset[] = {
    { "_flag", get_flag, set_flag, NULL, NULL },
    PPY_OWNER_GETSET,
    { NULL, NULL, NULL, NULL, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Event()\n--\n\n" },
    PPY_OWNER_SLOTS,
    { Py_tp_new, ppy_owner_new },
    { Py_tp_init, init },
    { Py_tp_repr, repr },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { 0, NULL }
};

PyType_Spec ppy_event_spec = {
    .name = "pyplusthread.Event",
    .basicsize = sizeof(event_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
