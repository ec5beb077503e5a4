/*
 * event.c - threading.Event.
 *
 * A flag and a condition with a Lock, as in threading.  The lock guards
 * changes of the flag, so that a thread that saw it unset, and took a place
 * under the lock, is found there by whoever sets it.  wait() is true if it
 * was notified, even if the flag has been cleared since; it has no need of
 * the lock once it is.
 *
 * With another condition, or one whose methods were overridden, the methods
 * are threading's.
 */
#include "event.h"

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "../wait/main_thread.h"
#include "own_condition.h"
#include "stock.h"
typedef struct {
    PyObject_HEAD
    PyObject *condition;    /* set by __new__ */
    PyObject *other;        /* assigned to _cond; NULL: none */
    bool flag;              /* atomic; written under the condition's lock */
    PyObject *dict;
    PyObject *weakrefs;
} event_t;

static bool is_set(const event_t *self)
{
    return __atomic_load_n(&self->flag, __ATOMIC_ACQUIRE);
}

static ppy_condition_t *condition_of(event_t *self)
{
    return (ppy_condition_t *)self->condition;
}

static bool is_native(const event_t *self)
{
    return ppy_is_native(self->condition, &self->other);
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
    ppt_lock_t *lock = ppy_own_lock(self->condition);

    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    ppy_event_change((PyObject *)self, flag);
    ppt_lock_release(lock);
    return 0;
}

static int wait_at(event_t *self, ppy_waiter_t *waiter, int64_t deadline)
{
    ppt_lock_t *lock = ppy_own_lock(self->condition);
    bool flag;

    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    flag = is_set(self);
    if (!flag)
        ppy_enqueue(waiter, &condition_of(self)->waiters);
    ppt_lock_release(lock);
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
    if (!is_native(self))
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
    if (!is_native((event_t *)op))
        return stock_call((event_t *)op, "set", NULL, 0, NULL);
    return change((event_t *)op, true) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *clear_flag(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (!is_native((event_t *)op))
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

static PyObject *get_condition(PyObject *op, void *Py_UNUSED(closure))
{
    event_t *self = (event_t *)op;

    return ppy_get_condition(op, self->condition, &self->other);
}

static int assign_condition(PyObject *op, PyObject *value,
                            void *Py_UNUSED(closure))
{
    event_t *self = (event_t *)op;

    return ppy_set_condition(op, self->condition, &self->other, value);
}

static PyObject *at_fork_reinit(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *condition = get_condition(op, NULL);
    PyObject *result = PyObject_CallMethod(condition, "_at_fork_reinit",
                                           NULL);

    Py_DECREF(condition);
    return result;
}

/* --- from C ------------------------------------------------------------ */

bool ppy_event_is_set(PyObject *event)
{
    return is_set((event_t *)event);
}

PyObject *ppy_event_condition(PyObject *event)
{
    return ((event_t *)event)->condition;
}

/* --- the object -------------------------------------------------------- */

static PyObject *new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                     PyObject *Py_UNUSED(kwargs))
{
    PyObject *self = type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    ((event_t *)self)->condition = ppy_condition_new(ppy_state(type));
    if (((event_t *)self)->condition == NULL)
        Py_CLEAR(self);
    return self;
}

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { NULL };

    event_t *self = (event_t *)op;

    if (ppy_args_tuple("Event", names, args, kwargs, NULL) < 0
        || ppy_set_condition(op, self->condition, &self->other,
                             self->condition) < 0)
        return -1;
    return change(self, false);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((event_t *)op)->condition);
    Py_VISIT(((event_t *)op)->other);
    Py_VISIT(((event_t *)op)->dict);
    return 0;
}

/* The condition has no way back to here. */
static int clear(PyObject *op)
{
    Py_CLEAR(((event_t *)op)->other);
    Py_CLEAR(((event_t *)op)->dict);
    return 0;
}

static void free_object(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    if (((event_t *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    clear(op);
    Py_XDECREF(((event_t *)op)->condition);
    type->tp_free(op);
    Py_DECREF(type);
}

/* Whether it holds others in turn: more than the stack may bear. */
static bool may_nest(const event_t *self)
{
    return self->other != NULL;
}

static void dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op);
    if (!may_nest((event_t *)op)) {
        free_object(op);
        return;
    }
    Py_TRASHCAN_BEGIN(op, dealloc)
    free_object(op);
    Py_TRASHCAN_END
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
    { "_cond", get_condition, assign_condition, NULL, NULL },
    { "_flag", get_flag, set_flag, NULL, NULL },
    { "__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL,
      NULL },
    { NULL, NULL, NULL, NULL, NULL }
};

static PyMemberDef members[] = {
    { "__weaklistoffset__", T_PYSSIZET, offsetof(event_t, weakrefs),
      READONLY, NULL },
    { "__dictoffset__", T_PYSSIZET, offsetof(event_t, dict), READONLY, NULL },
    { NULL, 0, 0, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Event()\n--\n\n" },
    { Py_tp_new, new },
    { Py_tp_init, init },
    { Py_tp_dealloc, dealloc },
    { Py_tp_traverse, traverse },
    { Py_tp_clear, clear },
    { Py_tp_repr, repr },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { Py_tp_members, members },
    { 0, NULL }
};

PyType_Spec ppy_event_spec = {
    .name = "pyplusthread.Event",
    .basicsize = sizeof(event_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
