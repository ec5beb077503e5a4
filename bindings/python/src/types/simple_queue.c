/*
 * simple_queue.c - queue.SimpleQueue.
 *
 * Idea
 *   A ring of items, and a queue of threads that wait for one.  A put adds
 *   its item and wakes the first waiter; that takes an item from the ring
 *   once it is attached again, or waits again if another thread was faster.
 *
 * State
 *   items, slots, first, count   the ring: count items from first on; there
 *         are no slots before the first put
 *   filled   the threads that wait
 *
 *   The ring is guarded by the GIL; by a critical section where there is none.
 *   It is held for a few instructions, in which no Python code can run: memory
 *   for slots is not an object, and no reference is given up.  So a put or a
 *   get may interrupt another one of the same thread at any point where
 *   Python code may run.
 *
 * Invariants
 *   Q1  A thread queues in filled while it sees that the ring is empty, in one
 *       section; a put that comes later finds it there.
 *   Q2  An item is in the ring until a get, attached, takes it and returns it.
 *       So a get that times out, that a handler's exception ends, or whose
 *       thread is ended when it attaches (wait.c, W1), has taken none.
 *   Q3  A wake-up whose waiter does not look at the ring, since a handler
 *       raised, is passed on to the next: whoever is queued while there are
 *       items has been woken, or is queued behind a waiter that was and has
 *       not looked yet.
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

enum { LEAST_TO_SHRINK = 16 };

typedef struct {
    PyObject_HEAD
    ppt_cond_t filled;
    PyObject **items;
    size_t count;
    uint32_t first;
    uint32_t slots;
    PyObject *weakrefs;
} simple_queue_t;

/* --- the ring: in a critical section, if there is no GIL ---------------- */

static PyObject **slot(const simple_queue_t *self, size_t i)
{
    size_t at = self->first + i;

    return &self->items[at < self->slots ? at : at - self->slots];
}

static int resize(simple_queue_t *self, size_t slots)
{
    PyObject **items = slots > UINT32_MAX
                           ? NULL
                           : PyMem_Malloc(slots * sizeof(*items));
    size_t i;

    if (items == NULL)
        return -1;
    for (i = 0; i < self->count; i++)
        items[i] = *slot(self, i);
    PyMem_Free(self->items);
    self->items = items;
    self->first = 0;
    self->slots = (uint32_t)slots;
    return 0;
}

/* As much as a list does, which stock's was until CPython 3.12. */
static int grow(simple_queue_t *self)
{
    size_t least = self->count + 1;

    return resize(self, (least + least / 8 + 6) & ~(size_t)3);
}

/* Without memory for fewer slots, there are as many as before. */
static void shrink_if_large(simple_queue_t *self)
{
    if (self->slots > LEAST_TO_SHRINK && self->count < self->slots / 8)
        (void)resize(self, self->slots / 2);
}

static int push(simple_queue_t *self, PyObject *item)
{
    if (self->count == self->slots && grow(self) < 0)
        return -1;
    *slot(self, self->count) = Py_NewRef(item);
    self->count++;
    return 0;
}

/* NULL, without an exception, if there is none. */
static PyObject *pop(simple_queue_t *self)
{
    PyObject *item;

    if (self->count == 0)
        return NULL;
    item = *slot(self, 0);
    self->first = self->first + 1 < self->slots ? self->first + 1 : 0;
    self->count--;
    shrink_if_large(self);
    return item;
}

static int add(simple_queue_t *self, PyObject *item)
{
    int result;

    Py_BEGIN_CRITICAL_SECTION(self);
    result = push(self, item);
    Py_END_CRITICAL_SECTION();
    return result;
}

static PyObject *take(simple_queue_t *self)
{
    PyObject *item;

    Py_BEGIN_CRITICAL_SECTION(self);
    item = pop(self);
    Py_END_CRITICAL_SECTION();
    return item;
}

static size_t count_of(simple_queue_t *self)
{
    size_t count;

    Py_BEGIN_CRITICAL_SECTION(self);
    count = self->count;
    Py_END_CRITICAL_SECTION();
    return count;
}

/* --- waiting ------------------------------------------------------------- */

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

/* Q1: an item; or NULL, and the thread is queued. */
static PyObject *take_or_queue_up(simple_queue_t *self, attempt_t *attempt)
{
    PyObject *item;

    Py_BEGIN_CRITICAL_SECTION(self);
    item = pop(self);
    if (item == NULL)
        queue_up(self, attempt);
    Py_END_CRITICAL_SECTION();
    return item;
}

static bool somebody_waits(const simple_queue_t *self)
{
    return __atomic_load_n(&self->filled.queue.length, __ATOMIC_RELAXED) != 0;
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
        result = ppt_cond_sleep_uninterruptible(&self->filled,
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
static PyObject *none_left(const ppy_state_t *state)
{
    PyErr_SetNone(state->empty != NULL ? state->empty : PyExc_RuntimeError);
    return NULL;
}

static PyObject *await_item(simple_queue_t *self, attempt_t *attempt,
                            int64_t deadline)
{
    const ppy_state_t *state = ppy_state(Py_TYPE(self));

    for (;;) {
        PyObject *item = take_or_queue_up(self, attempt);
        int result;

        if (item != NULL)
            return item;
        result = sleep_queued(self, attempt, deadline);
        if (result < 0)
            return NULL;
        item = take(self); /* after a timeout, too */
        if (item != NULL)
            return item;
        if (result == ETIMEDOUT)
            return none_left(state);
        if (ppy_run_pending(state) < 0)
            return NULL;
    }
}

/* wait.c, W4 */
static PyObject *await_item_on_heap(simple_queue_t *self, int64_t deadline)
{
    attempt_t *attempt = PyMem_RawMalloc(sizeof(*attempt));
    PyObject *item;

    if (attempt == NULL)
        return PyErr_NoMemory();
    attempt->runs_handlers = true;
    item = await_item(self, attempt, deadline);
    PyMem_RawFree(attempt);
    return item;
}

static PPY_SLOW PyObject *take_late(simple_queue_t *self, int64_t deadline)
{
    attempt_t attempt;

    if (deadline == PPT_TRY)
        return none_left(ppy_state(Py_TYPE(self)));
    if (!ppy_may_wait())
        return NULL;
    if (ppy_is_main_thread())
        return await_item_on_heap(self, deadline);
    attempt.runs_handlers = false;
    return await_item(self, &attempt, deadline);
}

static PyObject *take_until(simple_queue_t *self, int64_t deadline)
{
    PyObject *item = take(self);

    return item != NULL ? item : take_late(self, deadline);
}

/* --- the methods ---------------------------------------------------------- */

static PyObject *put_item(PyObject *op, PyObject *item)
{
    simple_queue_t *self = (simple_queue_t *)op;

    if (add(self, item) < 0)
        return PyErr_NoMemory();
    if (somebody_waits(self))
        ppy_wake_one(&self->filled);
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
    size = self->slots * sizeof(*self->items);
    Py_END_CRITICAL_SECTION();
    return PyLong_FromSize_t((size_t)Py_TYPE(op)->tp_basicsize + size);
}

/* --- the object ----------------------------------------------------------- */

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
    simple_queue_t *self = (simple_queue_t *)op;
    size_t i;

    Py_VISIT(Py_TYPE(op));
    for (i = 0; i < self->count; i++)
        Py_VISIT(*slot(self, i));
    return 0;
}

/* The ring is empty before anything of the items can run. */
static int clear(PyObject *op)
{
    simple_queue_t *self = (simple_queue_t *)op;
    simple_queue_t old = *self;
    size_t i;

    self->items = NULL;
    self->count = 0;
    self->first = self->slots = 0;
    for (i = 0; i < old.count; i++)
        Py_DECREF(*slot(&old, i));
    PyMem_Free(old.items);
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
