/*
 * queue.c - what the methods of queue.Queue do, and LifoQueue's and
 * PriorityQueue's.
 *
 * Idea
 *   As in the standard library: a mutex, and three conditions that share it.
 *   They are native, so a put and a get are each a lock that is taken and
 *   released, one call of the container, and a look whether anybody waits.
 *   Where the methods have others' code inside, since a subclass overrides
 *   how items are kept, or somebody has put another container or another
 *   condition into the object, queue.Queue's own methods run, in Python, on
 *   the same attributes.
 *
 * Invariants
 *   N1  An item is taken, or put, with the mutex held by a thread that is
 *       attached, and that returns without waiting any more: a call that
 *       raises has taken none, and has put none.
 *   N2  A notify that chose a thread whose wait raises is passed on
 *       (waiter.c, P1), also where it raises only when it puts or takes.  So
 *       no thread is left waiting beside an item.  The notify comes after the
 *       mutex has been let go: a thread that queued before is found then, one
 *       that queues later has seen the item.
 *   N3  Handlers of signals, finalisers, and what else CPython does between
 *       instructions, run without the mutex.  The exception are comparisons
 *       of a PriorityQueue's items, if they are in Python.
 *
 * SPDX-License-Identifier: MIT
 */
#include "queue.h"

#include <errno.h>

#include "../base/args.h"
#include "../base/object.h"
#include "../wait/wait.h"
#include "cond_wait.h"
#include "own_condition.h"
#include "stock.h"

/* A put or a get. */
typedef struct {
    PyObject *item;
    int64_t deadline;
    bool has_waited;    /* since it looked whether it may go on */
} call_t;

/* What became of a step of it, other than 1: done, and -1: it raised. */
enum {
    NOT_NATIVE = 0,     /* queue.Queue's method is to be called instead */
    AGAIN = 2,          /* it has waited */
    IN_VAIN = 3         /* and others were faster */
};

static ppt_lock_t *mutex_of(const ppy_queue_t *self)
{
    return &((ppy_lock_t *)self->own[MUTEX])->lock;
}

static ppy_condition_t *condition(const ppy_queue_t *self, int part)
{
    return (ppy_condition_t *)self->own[part];
}

static Py_ssize_t bound_of(const ppy_queue_t *self)
{
    return __atomic_load_n(&self->bound, __ATOMIC_RELAXED);
}

PyObject *ppy_queue_items(ppy_queue_t *self)
{
    PyObject *items;

    Py_BEGIN_CRITICAL_SECTION(self);
    items = Py_XNewRef(self->items);
    Py_END_CRITICAL_SECTION();
    return items;
}

PyObject *ppy_queue_stock(ppy_queue_t *self, const char *name,
                          PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    return ppy_stock_call((PyObject *)self, self->state->stock_queue, name,
                          args, nargs, kwnames);
}

/* What is native */

static bool overrides(ppy_queue_t *self, int first, int last)
{
    PyObject *op = (PyObject *)self;
    ppy_watch_t *watch = ppy_queue_watch(self);
    int i, result = ppy_object_overrides(op, watch, first, last);

    if (!ppy_class_is_plain(op, watch, &self->seen))
        for (i = first; i < last && result == 0; i++)
            result = ppy_class_overrides(op, watch, i);
    if (result < 0)
        PyErr_Clear();
    return result != 0;
}

bool ppy_queue_keeps(ppy_queue_t *self, int first, int last)
{
    return ppy_is_plain((PyObject *)self, &self->dict, ppy_queue_watch(self),
                        &self->seen)
           || !overrides(self, first, last);
}

static bool is_ours(const ppy_queue_t *self, int part)
{
    return ppy_condition_is_plain(condition(self, part));
}

static bool is_native(ppy_queue_t *self)
{
    return !__atomic_load_n(&self->has_others, __ATOMIC_RELAXED)
           && is_ours(self, NOT_EMPTY) && is_ours(self, NOT_FULL)
           && ppy_queue_keeps(self, 0, ITEMS_NAMES);
}

static bool are_native(const ppy_queue_t *self, PyObject *items)
{
    return items != NULL && self->order->fits(self->state, items);
}

static int lock(ppy_queue_t *self)
{
    return ppy_acquire(mutex_of(self), PPT_FOREVER);
}

static void unlock(ppy_queue_t *self)
{
    ppy_release(mutex_of(self));
}

static int raise(const ppy_queue_t *self, const char *name)
{
    return ppy_raise_named(self->state->queue, name);
}

/* Timeouts */

/*
 * When a call with these arguments, which may be NULL, gives up.
 *
 * Returns   1
 *           NOT_NATIVE   something rare: queue.Queue's method knows
 *           -1  with an exception set
 */
static int deadline_of(PyObject *block, PyObject *timeout, int64_t *deadline)
{
    int blocks = block == NULL ? 1 : PyObject_IsTrue(block);
    double seconds;

    *deadline = blocks ? PPT_FOREVER : PPT_TRY;
    if (blocks <= 0 || timeout == NULL || timeout == Py_None)
        return blocks < 0 ? -1 : 1;
    if (!PyFloat_CheckExact(timeout) && !PyLong_CheckExact(timeout))
        return NOT_NATIVE;
    seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1 && PyErr_Occurred())
        PyErr_Clear();
    if (!(seconds >= 0 && seconds < 1e9))
        return NOT_NATIVE;
    return ppy_deadline(timeout, deadline) < 0 ? -1 : 1;
}

/* A put, a get: with the mutex held */

/* N2.  Whatever it returns, the mutex is held again. */
static int sleep_apart(ppy_queue_t *self, int part, int64_t deadline)
{
    ppy_condition_t *cond = condition(self, part);
    int result = ppy_wait_apart(&cond->waiters, mutex_of(self), deadline);
    PyObject *raised = result < 0 ? ppy_error_take() : NULL;

    if (ppy_acquire_whatever(mutex_of(self)) < 0) {
        if (result > 0)
            ppy_notify(&cond->waiters, 1);
        result = -1;
    }
    if (raised != NULL)
        ppy_raise_before(raised);
    return result;
}

/*
 * Wait once for a condition; where that was in vain, the mutex is to be let
 * go.
 */
static int await(ppy_queue_t *self, call_t *call, int part)
{
    if (call->has_waited) {
        call->has_waited = false;
        return IN_VAIN;
    }
    call->has_waited = true;
    return sleep_apart(self, part, call->deadline) < 0 ? -1 : AGAIN;
}

static bool is_over(const call_t *call)
{
    return call->deadline == PPT_TRY
           || (call->deadline != PPT_FOREVER && ppt_now() >= call->deadline);
}

static bool is_full(ppy_queue_t *self, PyObject *items)
{
    Py_ssize_t bound = bound_of(self);

    return bound > 0 && PyObject_Size(items) >= bound;
}

/* N2: it raises, and may have been notified; the next one may go on. */
static int fail(ppy_queue_t *self, const call_t *call, int part)
{
    if (call->has_waited)
        ppy_notify(&condition(self, part)->waiters, 1);
    return -1;
}

static int put_item(ppy_queue_t *self, PyObject *items, call_t *call)
{
    if (ppy_queue_is_shutdown(self))
        return raise(self, "ShutDown");
    if (is_full(self, items))
        return is_over(call) ? raise(self, "Full")
                             : await(self, call, NOT_FULL);
    if (self->order->put(self->state, items, call->item) < 0)
        return fail(self, call, NOT_FULL);
    ppy_queue_set_unfinished(self, ppy_queue_unfinished(self) + 1);
    return 1;
}

static int get_item(ppy_queue_t *self, PyObject *items, call_t *call)
{
    if (PyObject_Size(items) == 0) {
        if (ppy_queue_is_shutdown(self))
            return raise(self, "ShutDown");
        return is_over(call) ? raise(self, "Empty")
                             : await(self, call, NOT_EMPTY);
    }
    call->item = self->order->get(self->state, items);
    return call->item == NULL ? fail(self, call, NOT_EMPTY) : 1;
}

typedef int (*step_fn)(ppy_queue_t *self, PyObject *items, call_t *call);

/* Leaves the container in items, owned. */
static inline __attribute__((always_inline))
int do_step(ppy_queue_t *self, step_fn step, call_t *call, PyObject **items)
{
    *items = ppy_queue_items(self);
    return are_native(self, *items) ? step(self, *items, call) : NOT_NATIVE;
}

/*
 * Without the mutex, which whoever is notified takes next.  A thread that
 * queues meanwhile has looked at the items since.
 */
static void notify(ppy_queue_t *self, int part)
{
    ppt_cond_t *cond = &condition(self, part)->waiters.cond;

    if (__atomic_load_n(&cond->queue.length, __ATOMIC_RELAXED) != 0)
        ppy_wake_one(cond, ppt_cond_signal);
}

/* Then somebody is notified.  Returns   1, NOT_NATIVE, -1 */
static inline __attribute__((always_inline))
int carry_out(ppy_queue_t *self, step_fn step, call_t *call, int notifies)
{
    for (;;) {
        PyObject *items[2] = { NULL, NULL }; /* before a wait, and after it */
        int result, steps = 0;

        if (lock(self) < 0)
            return -1;
        do
            result = do_step(self, step, call, &items[steps++]);
        while (result == AGAIN);
        unlock(self);
        Py_XDECREF(items[0]); /* N3: it may have been replaced */
        Py_XDECREF(items[1]);
        if (result == 1)
            notify(self, notifies);
        if (result != IN_VAIN)
            return result;
        if (ppy_run_pending(self->state) < 0) /* N3 */
            return -1;
    }
}

/*
 * The call is queue.Queue's method's, which gets the time that is left of
 * its timeout: the container may have been replaced during a wait.
 */
static PyObject *go_on(ppy_queue_t *self, const char *name,
                       const call_t *call, PyObject *const *args,
                       Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *rest[3] = { call->item, Py_True, NULL };
    bool puts = call->item != NULL;
    PyObject *result;

    if (call->deadline == PPT_TRY || call->deadline == PPT_FOREVER)
        return ppy_queue_stock(self, name, args, nargs, kwnames);
    rest[2] = ppy_timeout_until(call->deadline);
    if (rest[2] == NULL)
        return NULL;
    result = ppy_queue_stock(self, name, &rest[!puts], 2 + puts, NULL);
    Py_DECREF(rest[2]);
    return result;
}

/* Put */

/* The arguments: as deadline_of. */
static int put_args(ppy_queue_t *self, PyObject *const *args,
                    Py_ssize_t nargs, PyObject *kwnames, call_t *call)
{
    static const char *const names[] = { "item", "block", "timeout", NULL };
    PyObject *values[3];
    Py_ssize_t bound = bound_of(self);

    if (bound == PPY_BOUND_UNKNOWN)
        return NOT_NATIVE;
    if (ppy_args("put", names, args, nargs, kwnames, values) < 0
        || values[0] == NULL) {
        PyErr_Clear();
        return NOT_NATIVE;
    }
    call->item = values[0];
    return bound > 0 ? deadline_of(values[1], values[2], &call->deadline) : 1;
}

PyObject *ppy_queue_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames)
{
    ppy_queue_t *self = (ppy_queue_t *)op;
    call_t call = { NULL, PPT_FOREVER, false };
    int result = NOT_NATIVE;

    if (is_native(self))
        result = put_args(self, args, nargs, kwnames, &call);
    if (result == 1)
        result = carry_out(self, put_item, &call, NOT_EMPTY);
    if (result == NOT_NATIVE)
        return go_on(self, "put", &call, args, nargs, kwnames);
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *ppy_queue_put_nowait(PyObject *op, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "item", NULL };
    ppy_queue_t *self = (ppy_queue_t *)op;
    PyObject *values[2];

    if (!ppy_queue_keeps(self, PUT, PUT + 1)
        || ppy_args("put_nowait", names, args, nargs, kwnames, values) < 0
        || values[0] == NULL) {
        PyErr_Clear();
        return ppy_queue_stock(self, "put_nowait", args, nargs, kwnames);
    }
    values[1] = Py_False;
    return ppy_queue_put(op, values, 2, NULL);
}

/* Get */

static int get_args(PyObject *const *args, Py_ssize_t nargs,
                    PyObject *kwnames, call_t *call)
{
    static const char *const names[] = { "block", "timeout", NULL };
    PyObject *values[2];

    if (nargs == 0 && kwnames == NULL)
        return 1;
    if (ppy_args("get", names, args, nargs, kwnames, values) == 0)
        return deadline_of(values[0], values[1], &call->deadline);
    PyErr_Clear();
    return NOT_NATIVE;
}

PyObject *ppy_queue_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames)
{
    ppy_queue_t *self = (ppy_queue_t *)op;
    call_t call = { NULL, PPT_FOREVER, false };
    int result = NOT_NATIVE;

    if (is_native(self))
        result = get_args(args, nargs, kwnames, &call);
    if (result == 1)
        result = carry_out(self, get_item, &call, NOT_FULL);
    if (result == NOT_NATIVE)
        return go_on(self, "get", &call, args, nargs, kwnames);
    return result < 0 ? NULL : call.item;
}

PyObject *ppy_queue_get_nowait(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *block = Py_False;

    if (!ppy_queue_keeps((ppy_queue_t *)op, GET, GET + 1))
        return ppy_queue_stock((ppy_queue_t *)op, "get_nowait", NULL, 0,
                               NULL);
    return ppy_queue_get(op, &block, 1, NULL);
}

/* Tasks */

/* Whether all_tasks_done is as it was made, and the other attributes. */
static bool tasks_are_native(ppy_queue_t *self)
{
    return !__atomic_load_n(&self->has_others, __ATOMIC_RELAXED)
           && is_ours(self, ALL_TASKS_DONE)
           && ppy_queue_keeps(self, 0, ATTRIBUTES);
}

PyObject *ppy_queue_task_done(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_queue_t *self = (ppy_queue_t *)op;
    Py_ssize_t unfinished;

    if (!tasks_are_native(self))
        return ppy_queue_stock(self, "task_done", NULL, 0, NULL);
    if (lock(self) < 0)
        return NULL;
    unfinished = ppy_queue_unfinished(self) - 1;
    if (unfinished >= 0)
        ppy_queue_set_unfinished(self, unfinished);
    if (unfinished == 0)
        ppy_broadcast(&condition(self, ALL_TASKS_DONE)->waiters);
    unlock(self);
    if (unfinished >= 0)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "task_done() called too many times");
    return NULL;
}

/* Returns   1 if there are none unfinished; IN_VAIN, -1 */
static int await_tasks(ppy_queue_t *self)
{
    int result;

    if (lock(self) < 0)
        return -1;
    result = ppy_queue_unfinished(self) == 0
                 ? 1
                 : ppy_own_wait(self->own[ALL_TASKS_DONE], PPT_FOREVER);
    if (result >= 0)
        result = ppy_queue_unfinished(self) == 0 ? 1 : IN_VAIN;
    unlock(self);
    return result;
}

PyObject *ppy_queue_join(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_queue_t *self = (ppy_queue_t *)op;
    int result;

    if (!tasks_are_native(self))
        return ppy_queue_stock(self, "join", NULL, 0, NULL);
    while ((result = await_tasks(self)) == IN_VAIN)
        if (ppy_run_pending(self->state) < 0) /* N3 */
            return NULL;
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

/* How many */

/*
 * Returns   how many items there are, and the bound that holds for them
 *           -1  with an exception set
 *           -2  the queue is not native
 */
static Py_ssize_t look(ppy_queue_t *self, Py_ssize_t *bound)
{
    PyObject *items;
    Py_ssize_t size = -2;

    *bound = bound_of(self);
    if (*bound == PPY_BOUND_UNKNOWN || !is_native(self))
        return -2;
    if (lock(self) < 0)
        return -1;
    items = ppy_queue_items(self);
    if (are_native(self, items))
        size = PyObject_Size(items);
    unlock(self);
    Py_XDECREF(items);
    return size;
}

PyObject *ppy_queue_qsize(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t bound, size = look((ppy_queue_t *)op, &bound);

    if (size == -2)
        return ppy_queue_stock((ppy_queue_t *)op, "qsize", NULL, 0, NULL);
    return size < 0 ? NULL : PyLong_FromSsize_t(size);
}

PyObject *ppy_queue_empty(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t bound, size = look((ppy_queue_t *)op, &bound);

    if (size == -2)
        return ppy_queue_stock((ppy_queue_t *)op, "empty", NULL, 0, NULL);
    return size < 0 ? NULL : ppy_bool(size == 0);
}

PyObject *ppy_queue_full(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t bound, size = look((ppy_queue_t *)op, &bound);

    if (size == -2)
        return ppy_queue_stock((ppy_queue_t *)op, "full", NULL, 0, NULL);
    return size < 0 ? NULL : ppy_bool(bound > 0 && bound <= size);
}
