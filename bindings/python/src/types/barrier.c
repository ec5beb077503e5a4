/*
 * barrier.c - threading.Barrier.
 *
 * The library's barrier; here its action calls Python, and its results
 * become exceptions.
 *
 * A subclass that has a state of its own, as multiprocessing's does, or its own
 * steps of a round, gets the methods of threading.Barrier (stock.c).  So does
 * a barrier whose state is assigned, or whose _cond is read: it must be idle,
 * and has threading's attributes from then on.
 *
 * State
 *   is_native   written in a critical section of the object, and read without
 *               it, too; where it is not set, the state is in the object's
 *               attributes
 *   current     the wait that this thread is inside; one for each thread
 *
 * SPDX-License-Identifier: MIT
 */
#include "barrier.h"

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "../wait/main_thread.h"
#include "../wait/wait.h"
#include "stock.h"

#include <errno.h>

/* What an action has returned that has raised. */
#define RAISED ECHILD

typedef struct {
    barrier_t *barrier;
    PyObject *action;           /* when the thread came; NULL: none */
    ppy_wait_t wait;
    ppt_waiter_t waiter;        /* if it runs handlers */
} arrival_t;

static _Thread_local arrival_t *current;

/* Waiting */

/* Called detached. */
static int act(void *Py_UNUSED(arg))
{
    arrival_t *arrival = current;
    PyObject *result;

    if (arrival->action == NULL)
        return 0;
    ppy_attach(&arrival->wait);
    result = PyObject_CallNoArgs(arrival->action);
    Py_XDECREF(result);
    ppy_detach(&arrival->wait);
    return result == NULL ? RAISED : 0;
}

static int on_interrupt(void *arg)
{
    arrival_t *arrival = arg;
    int result = ppy_on_interrupt(&arrival->wait);

    current = arrival;
    return result;
}

/* Meet the others; what handlers or the action raise is set. */
static int meet_at(arrival_t *arrival, int64_t deadline, uint32_t *index)
{
    barrier_t *self = arrival->barrier;
    int result;

    ppy_wait_begin(&arrival->wait);
    ppy_detach(&arrival->wait);
    current = arrival;
    if (arrival->wait.runs_handlers)
        result = ppt_barrier_wait_with(&self->barrier, &arrival->waiter,
                                       deadline, index, on_interrupt, arrival);
    else
        result = ppt_barrier_wait(&self->barrier, deadline, index);
    ppy_attach(&arrival->wait);
    ppy_raise(&arrival->wait);
    return result;
}

/* The action may be ended at shutdown: wait.c, W1.  Handlers: W4. */
static int meet_on_heap(barrier_t *self, PyObject *action, int64_t deadline,
                        uint32_t *index)
{
    arrival_t *arrival = PyMem_RawMalloc(sizeof(*arrival));
    int result;

    if (arrival == NULL) {
        PyErr_NoMemory();
        return ENOMEM;
    }
    arrival->barrier = self;
    arrival->action = action;
    result = meet_at(arrival, deadline, index);
    PyMem_RawFree(arrival);
    return result;
}

static int meet(barrier_t *self, int64_t deadline, uint32_t *index)
{
    arrival_t arrival = { .barrier = self };
    PyObject *action = ppy_barrier_take(self, &self->action);
    int result;

    if (action == NULL && !ppy_is_main_thread())
        return meet_at(&arrival, deadline, index);
    result = meet_on_heap(self, action, deadline, index);
    Py_XDECREF(action);
    return result;
}

/* The others stand still: only who comes last may go through. */
static bool waits_in_vain(barrier_t *self)
{
    return ppy_is_finalizing()
           && ppt_barrier_n_waiting(&self->barrier) + 1
                  < ppt_barrier_parties(&self->barrier);
}

/* Whether to arrive is enough, as far as can be told. */
static bool need_not_wait(barrier_t *self)
{
    return ppt_barrier_broken(&self->barrier)
           || ppt_barrier_n_waiting(&self->barrier) + 1
                  >= ppt_barrier_parties(&self->barrier);
}

/*
 * The deadline of timeout, but nobody looks at one that is not needed.  If
 * it turns out that it was, a wait for ever is what comes next to it.
 */
static int deadline_of(barrier_t *self, PyObject *timeout, int64_t *deadline)
{
    bool given = timeout != NULL && timeout != Py_None;
    int result;

    timeout = given ? Py_NewRef(timeout)
                    : ppy_barrier_take(self, &self->timeout);
    result = ppy_deadline(timeout, deadline);
    Py_XDECREF(timeout);
    if (result == 0)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_Exception) || !need_not_wait(self))
        return -1;
    PyErr_Clear();
    *deadline = PPT_FOREVER;
    return 0;
}

/*
 * Whether nothing else has ended a round that began after so many resets.
 * Without a GIL, whoever has ended it so may have yet to say it.
 */
static bool has_become_stock(barrier_t *self, uint32_t resets)
{
    bool result;

    Py_BEGIN_CRITICAL_SECTION(self);
    result = !ppy_barrier_was_native(self) && self->left_at == resets + 1;
    Py_END_CRITICAL_SECTION();
    return result;
}

/* NULL without an exception: the barrier has become stock's meanwhile. */
static PyObject *wait_until(barrier_t *self, int64_t deadline)
{
    uint32_t index, resets = ppy_barrier_resets(self);
    int result;

    if (deadline != PPT_TRY && waits_in_vain(self) && !ppy_may_wait())
        return NULL;
    result = meet(self, deadline, &index);
    if (PyErr_Occurred())
        return NULL;
    if (result == 0)
        return PyLong_FromUnsignedLong(index);
    if (result != ECANCELED || !has_become_stock(self, resets))
        ppy_raise_named(self->state->threading, "BrokenBarrierError");
    return NULL;
}

/* Threading's methods */

static PyObject *stock(barrier_t *self, const char *name)
{
    return ppy_stock_get((PyObject *)self, self->state->stock_barrier, name);
}

static PyObject *stock_call(PyObject *op, const char *name,
                            PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    barrier_t *self = (barrier_t *)op;

    return ppy_stock_call(op, self->state->stock_barrier, name, args, nargs,
                          kwnames);
}

/* Called by threading's own, and overridden by subclasses of those. */
#define STOCK(name)                                                         \
    static PyObject *stock##name(PyObject *op, PyObject *const *args,       \
                                 Py_ssize_t nargs, PyObject *kwnames)       \
    {                                                                       \
        return stock_call(op, #name, args, nargs, kwnames);                 \
    }
STOCK(_enter)
STOCK(_release)
STOCK(_wait)
STOCK(_exit)
STOCK(_break)

/* The methods */

static PyObject *wait(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                      PyObject *kwnames)
{
    static const char *const names[] = { "timeout", NULL };
    barrier_t *self = (barrier_t *)op;
    PyObject *timeout, *index;
    int64_t deadline;

    if (!ppy_barrier_is_native(self))
        return stock_call(op, "wait", args, nargs, kwnames);
    if (ppy_args("wait", names, args, nargs, kwnames, &timeout) < 0
        || deadline_of(self, timeout, &deadline) < 0)
        return NULL;
    if (!ppy_barrier_was_native(self)) /* Python code has looked at timeout */
        return stock_call(op, "wait", args, nargs, kwnames);
    index = wait_until(self, deadline);
    if (index == NULL && !PyErr_Occurred())
        return stock_call(op, "wait", args, nargs, kwnames);
    return index;
}

static PyObject *reset(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    barrier_t *self = (barrier_t *)op;

    if (!ppy_barrier_is_native(self))
        return stock_call(op, "reset", NULL, 0, NULL);
    ppt_barrier_reset(&self->barrier);
    Py_RETURN_NONE;
}

static PyObject *barrier_abort(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    barrier_t *self = (barrier_t *)op;

    if (!ppy_barrier_is_native(self))
        return stock_call(op, "abort", NULL, 0, NULL);
    ppt_barrier_abort(&self->barrier);
    Py_RETURN_NONE;
}

static PyObject *get_parties(PyObject *op, void *Py_UNUSED(closure))
{
    barrier_t *self = (barrier_t *)op;

    if (!ppy_barrier_was_native(self))
        return stock(self, "parties");
    return PyLong_FromUnsignedLong(ppt_barrier_parties(&self->barrier));
}

static PyObject *get_n_waiting(PyObject *op, void *Py_UNUSED(closure))
{
    barrier_t *self = (barrier_t *)op;

    if (!ppy_barrier_was_native(self))
        return stock(self, "n_waiting");
    return PyLong_FromUnsignedLong(ppt_barrier_n_waiting(&self->barrier));
}

static PyObject *get_broken(PyObject *op, void *Py_UNUSED(closure))
{
    barrier_t *self = (barrier_t *)op;

    if (!ppy_barrier_was_native(self))
        return stock(self, "broken");
    return ppy_bool(ppt_barrier_broken(&self->barrier));
}

/* The object */

static PyObject *new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                     PyObject *Py_UNUSED(kwargs))
{
    barrier_t *self = (barrier_t *)type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->state = ppy_state(type);
    return (PyObject *)self;
}

static int number_of_parties(PyObject *value, uint32_t *parties)
{
    int overflow;
    long n;

    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "Barrier() missing argument: 'parties'");
        return -1;
    }
    n = PyLong_AsLongAndOverflow(value, &overflow);
    if (n == -1 && PyErr_Occurred())
        return -1;
    if (overflow > 0 || n > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "too many parties");
        return -1;
    }
    if (n < 1) {
        PyErr_SetString(PyExc_ValueError, "parties must be > 0");
        return -1;
    }
    *parties = (uint32_t)n;
    return 0;
}

static void swap(PyObject **a, PyObject **b)
{
    PyObject *object = *a;

    *a = *b;
    *b = object;
}

/*
 * A second time, it must be idle.  Leaves in action and timeout what they
 * were before, for the caller to let go of: their finalisers may call
 * __init__, or wait.
 */
static int init_locked(barrier_t *self, uint32_t parties, PyObject **action,
                       PyObject **timeout)
{
    if (ppy_barrier_was_native(self)
        && ppt_barrier_destroy(&self->barrier) != 0)
        return ppy_barrier_busy();
    swap(&self->action, action);
    swap(&self->timeout, timeout);
    ppt_barrier_init(&self->barrier, parties, act, self);
    ppy_barrier_set_native(self, true);
    return 0;
}

static int init_native(PyObject *op, uint32_t parties,
                       PyObject *const *values)
{
    PyObject *action = ppy_barrier_given(values[1]);
    PyObject *timeout = ppy_barrier_given(values[2]);
    int result;

    Py_BEGIN_CRITICAL_SECTION(op);
    result = init_locked((barrier_t *)op, parties, &action, &timeout);
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(action);
    Py_XDECREF(timeout);
    return result;
}

static int init_stock(PyObject *op, PyObject *args, PyObject *kwargs)
{
    barrier_t *self = (barrier_t *)op;
    PyObject *method = NULL, *result = NULL;

    if (ppy_barrier_become_stock(self) == 0)
        method = stock(self, "__init__");
    if (method != NULL)
        result = PyObject_Call(method, args, kwargs);
    Py_XDECREF(method);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { "parties", "action", "timeout",
                                         NULL };
    PyObject *values[3];
    barrier_t *self = (barrier_t *)op;
    uint32_t parties;
    int stock;

    if (ppy_args_tuple("Barrier", names, args, kwargs, values) < 0
        || number_of_parties(values[0], &parties) < 0)
        return -1;
    stock = ppy_barrier_overrides(self);
    if (stock == 0)
        return init_native(op, parties, values);
    return stock < 0 ? -1 : init_stock(op, args, kwargs);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
    barrier_t *self = (barrier_t *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->action);
    Py_VISIT(self->timeout);
    Py_VISIT(self->dict);
    return 0;
}

static int clear(PyObject *op)
{
    barrier_t *self = (barrier_t *)op;

    ppy_barrier_set_native(self, false);
    Py_CLEAR(self->action);
    Py_CLEAR(self->timeout);
    Py_CLEAR(self->dict);
    return 0;
}

static void dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, dealloc)
    if (((barrier_t *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    clear(op);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* Through the attributes: a subclass may have its own. */
static PyObject *repr(PyObject *op)
{
    PyObject *broken = PyObject_GetAttrString(op, "broken");
    int is_broken = broken == NULL ? -1 : PyObject_IsTrue(broken);
    PyObject *waiting, *parties, *detail = NULL;

    Py_XDECREF(broken);
    if (is_broken != 0)
        return is_broken < 0 ? NULL
                             : ppy_repr(op, PyUnicode_FromString("broken"));
    waiting = PyObject_GetAttrString(op, "n_waiting");
    parties = waiting == NULL ? NULL : PyObject_GetAttrString(op, "parties");
    if (parties != NULL)
        detail = PyUnicode_FromFormat("waiters=%S/%S", waiting, parties);
    Py_XDECREF(waiting);
    Py_XDECREF(parties);
    return ppy_repr(op, detail);
}

#define STOCK_METHOD(name)                                                  \
    { #name, PPY_METHOD(stock##name), METH_FASTCALL | METH_KEYWORDS, NULL }

static PyObject *getstate(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "_cond _parties _action _timeout _state _count");
}

static PyMethodDef methods[] = {
    PPY_PICKLED,
    { "wait", PPY_METHOD(wait), METH_FASTCALL | METH_KEYWORDS,
      "wait($self, /, timeout=None)\n--\n\n" },
    { "reset", reset, METH_NOARGS, "reset" PPY_NOTHING },
    { "abort", barrier_abort, METH_NOARGS, "abort" PPY_NOTHING },
    STOCK_METHOD(_enter),
    STOCK_METHOD(_release),
    STOCK_METHOD(_wait),
    STOCK_METHOD(_exit),
    STOCK_METHOD(_break),
    { NULL, NULL, 0, NULL }
};

#define ATTRIBUTE(i, name)                                                  \
    { name, ppy_barrier_get, ppy_barrier_set, NULL,                         \
      (void *)&ppy_barrier_attributes[i] }

static PyGetSetDef getset[] = {
    ATTRIBUTE(0, "_parties"),
    ATTRIBUTE(1, "_action"),
    ATTRIBUTE(2, "_timeout"),
    ATTRIBUTE(3, "_state"),
    ATTRIBUTE(4, "_count"),
    ATTRIBUTE(5, "_cond"),
    { "parties", get_parties, NULL, NULL, NULL },
    { "n_waiting", get_n_waiting, NULL, NULL, NULL },
    { "broken", get_broken, NULL, NULL, NULL },
    PPY_GET_DICT,
    { NULL, NULL, NULL, NULL, NULL }
};

static PyMemberDef members[] = {
    PPY_WEAKREFS(barrier_t),
    PPY_DICT(barrier_t),
    { NULL, 0, 0, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Barrier(parties, action=None, timeout=None)\n--\n\n" },
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

PyType_Spec ppy_barrier_spec = {
    .name = "pyplusthread.Barrier",
    .basicsize = sizeof(barrier_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
