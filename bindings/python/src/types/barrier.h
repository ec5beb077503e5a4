/*
 * barrier.h - threading.Barrier, and what its two files share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_BARRIER_H
#define PPY_BARRIER_H

#include <pyplusthread/barrier.h>

#include "../base/state.h"

typedef struct {
    PyObject_HEAD
    ppt_barrier_t barrier;
    ppy_state_t *state;
    bool is_native;             /* set by __init__; atomic */
    uint32_t left_at;           /* the resets when it ceased to be native */
    PyObject *action;           /* NULL: none */
    PyObject *timeout;          /* NULL: none */
    PyObject *dict;
    PyObject *weakrefs;
    uint64_t seen;              /* atomic; see ppy_is_plain */
} barrier_t;

/* An attribute of threading's that ours has, too. */
typedef struct {
    const char *name;
    PyObject *(*get)(barrier_t *self);  /* NULL: not of a native one */
    void (*set)(barrier_t *self, PyObject *value);      /* the same */
} ppy_attribute_t;

extern const ppy_attribute_t ppy_barrier_attributes[];

/* How often a round was ended by a timeout, abort or reset. */
static inline uint32_t ppy_barrier_resets(const barrier_t *self)
{
    return __atomic_load_n(&self->barrier.resets, __ATOMIC_RELAXED);
}

/* Pairs with the store: where it is false, the attributes are there. */
static inline bool ppy_barrier_was_native(const barrier_t *self)
{
    return __atomic_load_n(&self->is_native, __ATOMIC_ACQUIRE);
}

/* With the critical section held, or by whoever has the object alone. */
static inline void ppy_barrier_set_native(barrier_t *self, bool is_native)
{
    __atomic_store_n(&self->is_native, is_native, __ATOMIC_RELEASE);
}

/* The names that the state's barrier_watch is for. */
extern const char *const ppy_barrier_names[];

/* Getter and setter; the closure is one of these. */
PyObject *ppy_barrier_get(PyObject *barrier, void *closure);
int ppy_barrier_set(PyObject *barrier, PyObject *value, void *closure);

/* A reference to value, but NULL for None. */
PyObject *ppy_barrier_given(PyObject *value);

/* A reference to what the field holds, or NULL. */
PyObject *ppy_barrier_take(barrier_t *self, PyObject *const *field);

/* Whether somebody overrides a step of a round; -1 with an exception set. */
int ppy_barrier_overrides(barrier_t *self);

/*
 * Whether the library's barrier is what counts.  It is not where somebody
 * overrides a step, unless threads are in a round now.
 */
bool ppy_barrier_is_native(barrier_t *self);

/*
 * Have the state in attributes, for threading's methods.
 *
 * Returns   0
 *           -1  RuntimeError: threads wait at it
 */
int ppy_barrier_become_stock(barrier_t *self);

/* Set that RuntimeError; returns -1. */
int ppy_barrier_busy(void);

extern PyType_Spec ppy_barrier_spec;

#endif
