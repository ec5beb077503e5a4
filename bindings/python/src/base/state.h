/*
 * state.h - what the extension keeps for each interpreter.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_STATE_H
#define PPY_STATE_H

#include "overrides.h"

/* One per interpreter. */
typedef struct {
    PyTypeObject *lock_type;
    PyTypeObject *rlock_type;
    PyTypeObject *condition_type;
    PyTypeObject *semaphore_type;
    PyTypeObject *bounded_semaphore_type;
    PyTypeObject *event_type;
    PyTypeObject *barrier_type;
    PyTypeObject *simple_queue_type;
    PyTypeObject *queue_type;
    PyTypeObject *lifo_queue_type;
    PyTypeObject *priority_queue_type;
    ppy_watch_t condition_watch;
    ppy_watch_t semaphore_watch;
    ppy_watch_t barrier_watch;
    ppy_watch_t queue_watch;
    ppy_watch_t lifo_queue_watch;
    ppy_watch_t priority_queue_watch;
    PyObject *stock_semaphore;  /* threading's own classes */
    PyObject *stock_bounded_semaphore;
    PyObject *stock_event;
    PyObject *stock_barrier;
    PyObject *stock_lock;       /* the classes of threading's locks; NULL if */
    PyObject *stock_rlock;      /* somebody has replaced them before */
    PyObject *threading;        /* the modules: their exceptions are looked */
    PyObject *queue;            /* up when raised, as their functions do */
    PyObject *stock_queue;      /* of the module queue */
    PyObject *stock_lifo_queue;
    PyObject *stock_priority_queue;
    PyObject *empty;            /* what _queue.SimpleQueue raises */
    PyObject *deque;            /* what its classes keep items in, and with */
    PyObject *deque_append;
    PyObject *deque_popleft;
    PyObject *list_pop;
    uint64_t gil;               /* its part in the GIL's record; 0: none */
    const char *gil_trouble;    /* why its GIL is left as it is, or NULL */
    PyObject *nothing;          /* a function in Python: wait.c */
} ppy_state_t;

/* The state of the interpreter whose type, or base of a type, type is. */
ppy_state_t *ppy_state(PyTypeObject *type);

/* The same for an object; NULL if its type is not one of ours. */
ppy_state_t *ppy_state_of(PyObject *object);

/* Called when the module is made first: whose state it is. */
void ppy_state_setup(struct PyModuleDef *def);

#endif
