/*
 * queue_items.c - the items of a Queue, a LifoQueue and a PriorityQueue.
 *
 * They are kept in what queue.Queue keeps them in, under the name "queue": a
 * deque, a list, a list that is a heap.  Programs look into it, and empty it.
 *
 * heapq leaves an item in the heap whose comparison failed, and drops the one
 * that it was about to return.  Here a put that raises has not put one, and a
 * get that raises has not taken one: what heapq has exchanged is exchanged
 * back.  It exchanges an item with its parents, one after the other, up to
 * where the comparison failed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "queue.h"

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

static Py_ssize_t parent(Py_ssize_t i)
{
    return (i - 1) / 2;
}

static void exchange(PyObject *heap, Py_ssize_t i, Py_ssize_t j)
{
    PyObject *item = PyList_GET_ITEM(heap, i);

    PyList_SET_ITEM(heap, i, PyList_GET_ITEM(heap, j));
    PyList_SET_ITEM(heap, j, item);
}

/* Item has risen from last: have it sink there again. */
static void sink_back(PyObject *heap, Py_ssize_t last, PyObject *item)
{
    Py_ssize_t path[8 * sizeof(Py_ssize_t)];
    int depth = 0;

    for (path[0] = last; PyList_GET_ITEM(heap, path[depth]) != item; depth++) {
        if (path[depth] == 0)
            return;
        path[depth + 1] = parent(path[depth]);
    }
    for (; depth > 0; depth--)
        exchange(heap, path[depth], path[depth - 1]);
}

/* After a push that failed: n is how many items there were. */
static void take_back(PyObject *heap, Py_ssize_t n, PyObject *item)
{
    PyObject *error = ppy_error_take();

    Py_BEGIN_CRITICAL_SECTION(heap);
    if (PyList_GET_SIZE(heap) == n + 1)
        sink_back(heap, n, item);
    Py_END_CRITICAL_SECTION();
    if (PyList_GET_SIZE(heap) == n + 1
        && PyList_SetSlice(heap, n, n + 1, NULL) < 0)
        PyErr_Clear();
    ppy_error_give(error);
}

static int push(const ppy_state_t *state, PyObject *heap, PyObject *item)
{
    Py_ssize_t n = PyList_GET_SIZE(heap);

    if (call_two(state->heappush, heap, item) == 0)
        return 0;
    take_back(heap, n, item);
    return -1;
}

/* Item has taken the first one's place, and sunk: have it rise there. */
static void rise_back(PyObject *heap, PyObject *item)
{
    Py_ssize_t i = PyList_GET_SIZE(heap) - 1;

    while (i >= 0 && PyList_GET_ITEM(heap, i) != item)
        i--;
    for (; i > 0; i = parent(i))
        exchange(heap, i, parent(i));
}

/* After a pop that failed, of n items, between first and last. */
static void give_back(PyObject *heap, Py_ssize_t n, PyObject *first,
                      PyObject *last)
{
    PyObject *error = ppy_error_take();
    bool exchanged;

    Py_BEGIN_CRITICAL_SECTION(heap);
    exchanged = PyList_GET_SIZE(heap) == n - 1;
    if (exchanged)
        rise_back(heap, last);
    exchanged = exchanged && PyList_GET_ITEM(heap, 0) == last;
    if (exchanged)
        PyList_SET_ITEM(heap, 0, Py_NewRef(first)); /* last is still held */
    Py_END_CRITICAL_SECTION();
    if (exchanged)
        Py_DECREF(last);
    if (PyList_Append(heap, exchanged ? last : first) < 0)
        PyErr_Clear();
    ppy_error_give(error);
}

/* The number of items; and the first and the last, owned, if there are any. */
static Py_ssize_t ends(PyObject *heap, PyObject **first, PyObject **last)
{
    Py_ssize_t n;

    Py_BEGIN_CRITICAL_SECTION(heap);
    n = PyList_GET_SIZE(heap);
    *first = n == 0 ? NULL : Py_NewRef(PyList_GET_ITEM(heap, 0));
    *last = n == 0 ? NULL : Py_NewRef(PyList_GET_ITEM(heap, n - 1));
    Py_END_CRITICAL_SECTION();
    return n;
}

static PyObject *pop(const ppy_state_t *state, PyObject *heap)
{
    PyObject *first, *last, *item;
    Py_ssize_t n = ends(heap, &first, &last);

    item = call_one(state->heappop, heap);
    if (item == NULL && n > 1) /* else nothing was compared */
        give_back(heap, n, first, last);
    Py_XDECREF(first);
    Py_XDECREF(last);
    return item;
}

const ppy_order_t ppy_priority = {
    .watch = offsetof(ppy_state_t, priority_queue_watch),
    .make = make_list,
    .fits = is_list,
    .put = push,
    .get = pop,
};
