/*
 * cond.h - threading.Condition.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COND_H
#define PPY_COND_H

#include "cond_object.h"
#include "lock.h"

/* A condition with a new Lock of its own, as Event and Semaphore use. */
PyObject *ppy_condition_new(ppy_state_t *state);

/* The same, with that Lock; as a Queue uses. */
PyObject *ppy_condition_with(ppy_state_t *state, PyObject *lock);

/* The lock of such a condition. */
static inline ppt_lock_t *ppy_own_lock(PyObject *condition)
{
    ppy_condition_t *self = (ppy_condition_t *)condition;
    PyObject *lock = __atomic_load_n(&self->lock, __ATOMIC_ACQUIRE);

    return &((ppy_lock_t *)lock)->lock;
}

extern PyType_Spec ppy_condition_spec;

#endif
