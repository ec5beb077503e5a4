/*
 * queue_items.c - the items of a Queue, a LifoQueue and a PriorityQueue.
 *
 * They are kept in what queue.Queue keeps them in, under the name "queue": a
 * deque, a list, a list that is a heap.  Programs look into it, and empty it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "queue.h"

#include "item_heap.h"

/* The result of a function that returns None. */
static int status_of(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *call_one(PyObject *function, PyObject *items)
{
    return PyObject_Vectorcall(function, &items, 1, NULL);
}

static int call_two(PyObject *function, PyObject *items, PyObject *item)
{
    PyObject *args[2] = { items, item };

    return status_of(PyObject_Vectorcall(function, args, 2, NULL));
}

/* Queue */

static PyObject *make_deque(const ppy_state_t *state)
{
    return PyObject_CallNoArgs(state->deque);
}

static bool is_deque(const ppy_state_t *state, PyObject *items)
{
    return (PyObject *)Py_TYPE(items) == state->deque;
}

static int append(const ppy_state_t *state, PyObject *items, PyObject *item)
{
    return call_two(state->deque_append, items, item);
}

static PyObject *pop_left(const ppy_state_t *state, PyObject *items)
{
    return call_one(state->deque_popleft, items);
}

const ppy_order_t ppy_fifo = {
    .watch = offsetof(ppy_state_t, queue_watch),
    .make = make_deque,
    .fits = is_deque,
    .put = append,
    .get = pop_left,
};

/* LifoQueue */

static PyObject *make_list(const ppy_state_t *Py_UNUSED(state))
{
    return PyList_New(0);
}

static bool is_list(const ppy_state_t *Py_UNUSED(state), PyObject *items)
{
    return PyList_CheckExact(items);
}

static int append_to_list(const ppy_state_t *Py_UNUSED(state),
                          PyObject *items, PyObject *item)
{
    return PyList_Append(items, item);
}

static PyObject *pop_last(const ppy_state_t *state, PyObject *items)
{
    return call_one(state->list_pop, items);
}

const ppy_order_t ppy_lifo = {
    .watch = offsetof(ppy_state_t, lifo_queue_watch),
    .make = make_list,
    .fits = is_list,
    .put = append_to_list,
    .get = pop_last,
};

/* PriorityQueue */

static int push(const ppy_state_t *Py_UNUSED(state), PyObject *heap,
                PyObject *item)
{
    return ppy_heap_push(heap, item);
}

static PyObject *pop(const ppy_state_t *Py_UNUSED(state), PyObject *heap)
{
    return ppy_heap_pop(heap);
}

const ppy_order_t ppy_priority = {
    .watch = offsetof(ppy_state_t, priority_queue_watch),
    .make = make_list,
    .fits = is_list,
    .put = push,
    .get = pop,
};
