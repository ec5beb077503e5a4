/*
 * simple_queue.c - queue.SimpleQueue.
 *
 * Idea
 *   A ring of items, and a queue of threads that wait for one.  A put adds
 *   its item and wakes a waiter; that takes an item from the ring once it is
 *   attached again, or waits again if another thread was faster.  The waiter
 *   that came last is woken, which is the quickest to come: of the workers of
 *   a pool those that are not needed sleep on.
 *
 * State
 *   ring     the items; see item_ring.c
 *   filled   the threads that wait
 *
 *   A put or a get may interrupt another one of the same thread at any point
 *   where Python code may run: not while it uses the ring (R1).
 *
 * Invariants
 *   Q1  A thread queues in filled while it sees that the ring is empty, in one
 *       section; a put that comes later finds it there.  A foreign thread's
 *       put knows no sections: it adds its item, then looks whether somebody
 *       waits; the thread queues, then looks whether something has arrived,
 *       in the same section, before another get can take that into the ring.
 *       One of the two sees the other.
 *   Q2  An item is in the ring until a get, attached, takes it and returns it.
 *       So a get that times out, that a handler's exception ends, or whose
 *       thread is ended when it attaches (wait.c, W1), has taken none.
 *   Q3  While threads are queued there are no more items than wake-ups that
 *       are under way, to waiters that have not looked at the ring yet.  One
 *       whose waiter does not look, since a handler raised, is passed on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "simple_queue.h"

#include <errno.h>

#include "../base/args.h"
#include "../base/object.h"
#include "../wait/acquire.h"
#include "../wait/main_thread.h"
#include "../wait/wait.h"
#include "item_ring.h"

typedef struct {
    PyObject_HEAD
    ppt_cond_t filled;
    ppy_ring_t ring;
    PyObject *weakrefs;
} simple_queue_t;

/* The ring */

static int add(simple_queue_t *self, PyObject *item)
{
    int result;

    Py_BEGIN_CRITICAL_SECTION(self);
    result = ppy_ring_push(&self->ring, item);
    Py_END_CRITICAL_SECTION();
    return result;
}

/*
 * After ppy_ring_pop, which has found something, or not.
 *
 * Returns   1; 0: there is none; -1 with an exception set
 */
static int item_of(int found, ppy_entry_t entry, PyObject **item)
{
    if (found > 0)
        return ppy_entry_item(entry, item);
    if (found < 0)
        PyErr_NoMemory();
    return found;
}

static int take(simple_queue_t *self, PyObject **item)
{
    ppy_entry_t entry = 0;
    int found;

    Py_BEGIN_CRITICAL_SECTION(self);
    found = ppy_ring_pop(&self->ring, &entry);
    Py_END_CRITICAL_SECTION();
    return item_of(found, entry, item);
}

static size_t count_of(simple_queue_t *self)
{
    size_t count;

    Py_BEGIN_CRITICAL_SECTION(self);
    count = ppy_ring_length(&self->ring);
    Py_END_CRITICAL_SECTION();
    return count;
}

/* Waiting */

/* One wait for an item. */
typedef struct {
    ppy_wait_t wait;
    ppt_waiter_t waiter;
    bool runs_handlers;
} attempt_t;

static void queue_up(simple_queue_t *self, attempt_t *attempt)
{
    if (attempt->runs_handlers)
        ppt_cond_enqueue(&self->filled, &attempt->waiter);
    else
        ppt_cond_enqueue_uninterruptible(&self->filled, &attempt->waiter);
}

static bool somebody_waits(const simple_queue_t *self)
{
    return __atomic_load_n(&self->filled.queue.length, __ATOMIC_RELAXED) != 0;
}

/* Q1: as take; where there is none the thread is queued. */
static int take_or_queue_up(simple_queue_t *self, attempt_t *attempt,
                            PyObject **item)
{
    ppy_entry_t entry = 0;
    bool arrived = false;
    int found;

    Py_BEGIN_CRITICAL_SECTION(self);
    found = ppy_ring_pop(&self->ring, &entry);
    if (found == 0) {
        queue_up(self, attempt);
        arrived = ppy_ring_look(&self->ring);
    }
    Py_END_CRITICAL_SECTION();
    if (arrived) /* from a foreign thread, which may have woken nobody */
        ppt_cond_signal_last(&self->filled);
    return item_of(found, entry, item);
}

static int give_up(simple_queue_t *self, attempt_t *attempt)
{
    if (ppt_cond_cancel(&self->filled, &attempt->waiter) == EALREADY)
        ppt_cond_signal(&self->filled); /* Q3 */
    return -1;
}

static int sleep_detached(simple_queue_t *self, attempt_t *attempt,
                          int64_t deadline)
{
    int result;

    ppy_detach(&attempt->wait);
    if (attempt->runs_handlers)
        result = ppt_cond_sleep(&self->filled, &attempt->waiter, deadline);
    else
        result = ppy_sleep_queued(&attempt->wait, &self->filled,
                                  &attempt->waiter, deadline);
    ppy_attach(&attempt->wait);
    return result;
}

/*
 * Sleep until woken or until deadline.
 *
 * Returns   0, ETIMEDOUT; -1 with an exception set: a handler's
 */
static int sleep_queued(simple_queue_t *self, attempt_t *attempt,
                        int64_t deadline)
{
    int result;

    do {
        if (attempt->runs_handlers && Py_MakePendingCalls() < 0)
            return give_up(self, attempt);
        result = sleep_detached(self, attempt, deadline);
    } while (result == EINTR);
    return result;
}

/* The class is gone at the end of the interpreter. */
static int none_left(const ppy_state_t *state)
{
    PyErr_SetNone(state->empty != NULL ? state->empty : PyExc_RuntimeError);
    return -1;
}

/* Returns   1, or -1 with an exception set */
static int await_item(simple_queue_t *self, attempt_t *attempt,
                      int64_t deadline, PyObject **item)
{
    const ppy_state_t *state = ppy_state(Py_TYPE(self));

    for (;;) {
        int found = take_or_queue_up(self, attempt, item);
        int result;

        if (found != 0)
            return found;
        result = sleep_queued(self, attempt, deadline);
        if (result < 0)
            return -1;
        found = take(self, item); /* after a timeout, too */
        if (found < 0)
            ppt_cond_signal(&self->filled); /* Q3 */
        if (found != 0)
            return found;
        if (result == ETIMEDOUT)
            return none_left(state);
        if (ppy_run_pending(state) < 0)
            return -1;
    }
}

/* wait.c, W4 */
static int await_item_on_heap(simple_queue_t *self, int64_t deadline,
                              PyObject **item)
{
    attempt_t *attempt = PyMem_RawMalloc(sizeof(*attempt));
    int result;

    if (attempt == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    attempt->runs_handlers = true;
    result = await_item(self, attempt, deadline, item);
    PyMem_RawFree(attempt);
    return result;
}

static PPY_SLOW int take_late(simple_queue_t *self, int64_t deadline,
                              PyObject **item)
{
    attempt_t attempt;

    if (deadline == PPT_TRY)
        return none_left(ppy_state(Py_TYPE(self)));
    if (!ppy_may_wait())
        return -1;
    if (ppy_is_main_thread())
        return await_item_on_heap(self, deadline, item);
    attempt.runs_handlers = false;
    return await_item(self, &attempt, deadline, item);
}

static PyObject *take_until(simple_queue_t *self, int64_t deadline)
{
    PyObject *item = NULL;
    int found = take(self, &item);

    if (found == 0)
        found = take_late(self, deadline, &item);
    return found < 0 ? NULL : item;
}

/* By foreign threads */

int ppy_simple_queue_put_deferred(PyObject *op, ppy_make_fn make, void *data)
{
    simple_queue_t *self = (simple_queue_t *)op;

    if (ppy_ring_put_deferred(&self->ring, make, data) < 0)
        return ENOMEM;
    if (somebody_waits(self)) /* Q1 */
        ppt_cond_signal_last(&self->filled);
    return 0;
}

/* The methods */

static PyObject *put_item(PyObject *op, PyObject *item)
{
    simple_queue_t *self = (simple_queue_t *)op;

    if (add(self, item) < 0)
        return PyErr_NoMemory();
    if (somebody_waits(self))
        ppy_wake_one(&self->filled, ppt_cond_signal_last);
    Py_RETURN_NONE;
}

/* Never blocks: block and timeout are those of a Queue. */
static PPY_SLOW int put_args(PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames, PyObject **item)
{
    static const char *const names[] = { "item", "block", "timeout", NULL };
    PyObject *values[3];

    if (ppy_args("put", names, args, nargs, kwnames, values) < 0)
        return -1;
    *item = values[0];
    if (*item == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "put() missing required argument 'item' (pos 1)");
        return -1;
    }
    return values[1] != NULL && PyObject_IsTrue(values[1]) < 0 ? -1 : 0;
}

static PyObject *put(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                     PyObject *kwnames)
{
    PyObject *item;

    if (nargs == 1 && kwnames == NULL)
        return put_item(op, args[0]);
    if (put_args(args, nargs, kwnames, &item) < 0)
        return NULL;
    return put_item(op, item);
}

static PyObject *put_nowait(PyObject *op, PyObject *const *args,
                            Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "item", NULL };
    PyObject *item;

    if (ppy_args("put_nowait", names, args, nargs, kwnames, &item) < 0)
        return NULL;
    if (item != NULL)
        return put_item(op, item);
    PyErr_SetString(PyExc_TypeError,
                    "put_nowait() missing required argument 'item' (pos 1)");
    return NULL;
}

static PPY_SLOW int get_args(PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames, int64_t *deadline)
{
    static const char *const names[] = { "block", "timeout", NULL };
    PyObject *values[2];
    int blocks = 1;

    if (ppy_args("get", names, args, nargs, kwnames, values) < 0)
        return -1;
    if (values[0] != NULL)
        blocks = PyObject_IsTrue(values[0]);
    if (blocks > 0)
        return ppy_queue_deadline(values[1], deadline);
    *deadline = PPT_TRY;
    return blocks;
}

static PyObject *get(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                     PyObject *kwnames)
{
    int64_t deadline = PPT_FOREVER;

    if ((nargs > 0 || kwnames != NULL)
        && get_args(args, nargs, kwnames, &deadline) < 0)
        return NULL;
    return take_until((simple_queue_t *)op, deadline);
}

static PyObject *get_nowait(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return take_until((simple_queue_t *)op, PPT_TRY);
}

static PyObject *empty(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_bool(count_of((simple_queue_t *)op) == 0);
}

static PyObject *qsize(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(count_of((simple_queue_t *)op));
}

static PyObject *size_in_memory(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    simple_queue_t *self = (simple_queue_t *)op;
    size_t size;

    Py_BEGIN_CRITICAL_SECTION(op);
    size = ppy_ring_size(&self->ring);
    Py_END_CRITICAL_SECTION();
    return PyLong_FromSize_t((size_t)Py_TYPE(op)->tp_basicsize + size);
}

/* The object */

static PyObject *new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { NULL };

    /* What is given is for the __init__ of a subclass. */
    if (type->tp_init == PyBaseObject_Type.tp_init
        && ppy_args_tuple("SimpleQueue", names, args, kwargs, NULL) < 0)
        return NULL;
    return type->tp_alloc(type, 0);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    return ppy_ring_traverse(&((simple_queue_t *)op)->ring, visit, arg);
}

static int clear(PyObject *op)
{
    ppy_ring_clear(&((simple_queue_t *)op)->ring);
    return 0;
}

static void dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, dealloc)
    if (((simple_queue_t *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    clear(op);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef methods[] = {
    { "put", PPY_METHOD(put), METH_FASTCALL | METH_KEYWORDS,
      "put($self, /, item, block=True, timeout=None)\n--\n\n" },
    { "put_nowait", PPY_METHOD(put_nowait), METH_FASTCALL | METH_KEYWORDS,
      "put_nowait($self, /, item)\n--\n\n" },
    { "get", PPY_METHOD(get), METH_FASTCALL | METH_KEYWORDS,
      "get($self, /, block=True, timeout=None)\n--\n\n" },
    { "get_nowait", get_nowait, METH_NOARGS, "get_nowait" PPY_NOTHING },
    { "empty", empty, METH_NOARGS, "empty" PPY_NOTHING },
    { "qsize", qsize, METH_NOARGS, "qsize" PPY_NOTHING },
    { "__sizeof__", size_in_memory, METH_NOARGS, "__sizeof__" PPY_NOTHING },
    { "__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL },
    { NULL, NULL, 0, NULL }
};

static PyMemberDef members[] = {
    PPY_WEAKREFS(simple_queue_t),
    { NULL, 0, 0, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "SimpleQueue()\n--\n\n" },
    { Py_tp_new, new },
    { Py_tp_dealloc, dealloc },
    { Py_tp_traverse, traverse },
    { Py_tp_clear, clear },
    { Py_tp_methods, methods },
    { Py_tp_members, members },
    { 0, NULL }
};

PyType_Spec ppy_simple_queue_spec = {
    .name = "pyplusthread.SimpleQueue",
    .basicsize = sizeof(simple_queue_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
