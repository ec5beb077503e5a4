/*
 * queue.h - queue.Queue, LifoQueue and PriorityQueue: what queue.c,
 * queue_items.c and queue_object.c share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_QUEUE_H
#define PPY_QUEUE_H

#include "../base/state.h"

/* The parts of a queue that threads wait with, and users, too. */
enum { MUTEX, NOT_EMPTY, NOT_FULL, ALL_TASKS_DONE, PARTS };

/*
 * The names of a queue's watch: attributes, what is done to the items, and the
 * rest.
 */
enum {
    ITEMS = 1, ATTRIBUTES = 7, ITEMS_NAMES = ATTRIBUTES + 3,
    PUT = ITEMS_NAMES, GET
};

typedef struct ppy_queue {
    PyObject_HEAD
    ppy_state_t *state;
    const struct ppy_order *order;
    PyObject *own[PARTS];       /* set by __new__ */
    PyObject *other[PARTS];     /* assigned in their place; NULL: none */
    bool has_others;            /* atomic */
    bool is_shutdown;           /* these under the mutex, as threading's; */
    Py_ssize_t unfinished;      /* programs look without it: atomic */
    Py_ssize_t bound;           /* maxsize, if native; atomic */
    PyObject *maxsize;
    PyObject *items;            /* "queue" */
    uint64_t seen;              /* atomic; see ppy_is_plain */
    PyObject *dict;
    PyObject *weakrefs;
} ppy_queue_t;

static inline bool ppy_queue_is_shutdown(const ppy_queue_t *self)
{
    return __atomic_load_n(&self->is_shutdown, __ATOMIC_RELAXED);
}

static inline void ppy_queue_set_shutdown(ppy_queue_t *self, bool is_shutdown)
{
    __atomic_store_n(&self->is_shutdown, is_shutdown, __ATOMIC_RELAXED);
}

static inline Py_ssize_t ppy_queue_unfinished(const ppy_queue_t *self)
{
    return __atomic_load_n(&self->unfinished, __ATOMIC_RELAXED);
}

static inline void ppy_queue_set_unfinished(ppy_queue_t *self,
                                            Py_ssize_t unfinished)
{
    __atomic_store_n(&self->unfinished, unfinished, __ATOMIC_RELAXED);
}

/* What maxsize is if it is not an int of that size, or missing. */
#define PPY_BOUND_UNKNOWN (-1)

/* How items are kept: what Queue, LifoQueue and PriorityQueue differ in. */
typedef struct ppy_order {
    size_t watch;               /* in ppy_state_t */
    PyObject *(*make)(const ppy_state_t *state);
    bool (*fits)(const ppy_state_t *state, PyObject *items);

    /*
     * Of items that fit.  Where they fail, with an exception set, nothing has
     * changed.
     */
    int (*put)(const ppy_state_t *state, PyObject *items, PyObject *item);
    PyObject *(*get)(const ppy_state_t *state, PyObject *items);
} ppy_order_t;

extern const ppy_order_t ppy_fifo, ppy_lifo, ppy_priority;

static inline ppy_watch_t *ppy_queue_watch(const ppy_queue_t *self)
{
    return (ppy_watch_t *)((char *)self->state + self->order->watch);
}

/* The attribute queue, owned; NULL, without an exception, before __init__. */
PyObject *ppy_queue_items(ppy_queue_t *self);

/* Whether nobody overrides the names from first to before last. */
bool ppy_queue_keeps(ppy_queue_t *self, int first, int last);

/* A method of queue.Queue itself, for an object of ours. */
PyObject *ppy_queue_stock(ppy_queue_t *self, const char *name,
                          PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames);

/* The methods, without the docstrings. */
PyObject *ppy_queue_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames);
PyObject *ppy_queue_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames);
PyObject *ppy_queue_put_nowait(PyObject *op, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_queue_get_nowait(PyObject *op, PyObject *ignored);
PyObject *ppy_queue_task_done(PyObject *op, PyObject *ignored);
PyObject *ppy_queue_join(PyObject *op, PyObject *ignored);
PyObject *ppy_queue_qsize(PyObject *op, PyObject *ignored);
PyObject *ppy_queue_empty(PyObject *op, PyObject *ignored);
PyObject *ppy_queue_full(PyObject *op, PyObject *ignored);

/* The names that the state's watches of queues are for. */
extern const char *const ppy_queue_names[];

extern PyType_Spec ppy_queue_spec;
extern PyType_Spec ppy_lifo_queue_spec;
extern PyType_Spec ppy_priority_queue_spec;

#endif
