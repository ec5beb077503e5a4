/*
 * item_heap.c - a list of items, the least of which comes out first.
 *
 * Idea
 *   The binary heap of heapq, with its comparisons in its order, so that equal
 *   items come out as they do there.  But heapq moves items as it compares
 *   them: where a comparison raises, it leaves a pushed item in the heap, and
 *   loses a popped one.  Here an item's way through the heap is found first, by
 *   comparisons only, and then gone at once.
 *
 * Invariants
 *   H1  Until the way is found, nothing of the heap has changed; what fails
 *       after that is memory for the list, before an item is moved.
 *   H2  Comparisons may run Python code, and that may do what it likes to the
 *       list.  So the items that are compared are owned meanwhile, and a way is
 *       not gone if the list has another length than before, or another last
 *       item, which a pop has yet to move.
 *   H3  Items are moved with the GIL held, or in a critical section, in which
 *       no Python code runs.
 *
 * SPDX-License-Identifier: MIT
 */
#include "item_heap.h"

/* Positions in the list, each of which is a child or a parent of the last. */
typedef struct {
    Py_ssize_t at[8 * sizeof(Py_ssize_t)];
    int end;
} way_t;

static Py_ssize_t parent(Py_ssize_t i)
{
    return (i - 1) / 2;
}

static int has_changed(void)
{
    PyErr_SetString(PyExc_RuntimeError, "list changed size during iteration");
    return -1;
}

/* An item, owned. */
static PyObject *item_at(PyObject *heap, Py_ssize_t i)
{
    PyObject *item = NULL;

    Py_BEGIN_CRITICAL_SECTION(heap);
    if (i < PyList_GET_SIZE(heap))
        item = Py_NewRef(PyList_GET_ITEM(heap, i));
    Py_END_CRITICAL_SECTION();
    if (item == NULL)
        has_changed();
    return item;
}

/* Returns   whether item is less than the one at i; -1 with an exception set */
static int is_less(PyObject *item, PyObject *heap, Py_ssize_t i)
{
    PyObject *other = item_at(heap, i);
    int result;

    if (other == NULL)
        return -1;
    result = PyObject_RichCompareBool(item, other, Py_LT);
    Py_DECREF(other);
    return result;
}

static int is_less_at(PyObject *heap, Py_ssize_t i, Py_ssize_t j)
{
    PyObject *item = item_at(heap, i);
    int result = item == NULL ? -1 : is_less(item, heap, j);

    Py_XDECREF(item);
    return result;
}

/* The way of a new item from the end of the list up to its place. */
static int find_way_up(PyObject *heap, PyObject *item, way_t *way)
{
    Py_ssize_t i = PyList_GET_SIZE(heap);
    int rises = 1;

    way->end = 0;
    way->at[0] = i;
    while (i > 0) {
        i = parent(i);
        rises = is_less(item, heap, i);
        if (rises <= 0)
            return rises;
        way->at[++way->end] = i;
    }
    return 0;
}

/* The way of the lesser child, from the first of size items to a leaf. */
static int find_way_down(PyObject *heap, Py_ssize_t size, way_t *way)
{
    Py_ssize_t i = 0;

    way->end = 0;
    way->at[0] = 0;
    while (2 * i + 1 < size) {
        int left = 1;

        i = 2 * i + 1;
        if (i + 1 < size)
            left = is_less_at(heap, i, i + 1);
        if (left < 0)
            return -1;
        i += !left;
        way->at[++way->end] = i;
    }
    return 0;
}

/* The item goes down to a leaf and rises from there: most belong near one. */
static int shorten(PyObject *heap, PyObject *item, way_t *way)
{
    int rises = 1;

    while (way->end > 0 && rises > 0) {
        rises = is_less(item, heap, way->at[way->end]);
        way->end -= rises > 0;
    }
    return rises < 0 ? -1 : 0;
}

/* H3: those on the way move up to its begin; item is put at its end. */
static void go(PyObject *heap, const way_t *way, PyObject *item)
{
    int i;

    for (i = 0; i < way->end; i++)
        PyList_SET_ITEM(heap, way->at[i],
                        PyList_GET_ITEM(heap, way->at[i + 1]));
    PyList_SET_ITEM(heap, way->at[i], item);
}

int ppy_heap_push(PyObject *heap, PyObject *item)
{
    way_t way;

    if (find_way_up(heap, item, &way) < 0)
        return -1;
    if (PyList_GET_SIZE(heap) != way.at[0]) /* H2 */
        return has_changed();
    if (PyList_Append(heap, item) < 0)
        return -1;
    Py_BEGIN_CRITICAL_SECTION(heap);
    if (PyList_GET_SIZE(heap) == way.at[0] + 1)
        go(heap, &way, PyList_GET_ITEM(heap, way.at[0]));
    Py_END_CRITICAL_SECTION();
    return 0;
}

static bool is_last(PyObject *heap, Py_ssize_t n, PyObject *item)
{
    bool result;

    Py_BEGIN_CRITICAL_SECTION(heap);
    result = PyList_GET_SIZE(heap) == n && PyList_GET_ITEM(heap, n - 1) == item;
    Py_END_CRITICAL_SECTION();
    return result;
}

/*
 * The last of n items, which the caller owns, takes the place of the first,
 * and sinks.  Without a GIL, somebody may have changed the list in between,
 * who does not have the queue's mutex: then the last is as good as any.
 */
static PyObject *exchange(PyObject *heap, Py_ssize_t n, const way_t *way,
                          PyObject *last)
{
    PyObject *first = last;

    if (PyList_SetSlice(heap, n - 1, n, NULL) < 0) {
        Py_DECREF(last);
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(heap);
    if (n > 1 && PyList_GET_SIZE(heap) == n - 1) {
        first = PyList_GET_ITEM(heap, 0);
        go(heap, way, last);
    }
    Py_END_CRITICAL_SECTION();
    return first;
}

PyObject *ppy_heap_pop(PyObject *heap)
{
    Py_ssize_t n = PyList_GET_SIZE(heap);
    PyObject *last;
    way_t way;

    if (n == 0) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return NULL;
    }
    last = item_at(heap, n - 1);
    if (last == NULL)
        return NULL;
    if (find_way_down(heap, n - 1, &way) == 0
        && shorten(heap, last, &way) == 0
        && (is_last(heap, n, last) || has_changed() == 0)) /* H2 */
        return exchange(heap, n, &way, last);
    Py_DECREF(last);
    return NULL;
}
