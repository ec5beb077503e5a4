/*
 * cond_lock.h - the lock of a threading.Condition.  See cond.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COND_LOCK_H
#define PPY_COND_LOCK_H

#include "../base/object.h"
#include "cond_object.h"
#include "lock_ops.h"

/* An AttributeError is set.  Returns NULL */
PyObject *ppy_condition_no_lock(const ppy_condition_t *self);

/* As ppy_condition_subject, where something is overridden. */
PyObject *ppy_condition_overriding(ppy_condition_t *self, PyObject *lock,
                                   int last);

/*
 * For ppy_let_go, when it has been used; NULL, with an exception set, before
 * __init__.
 */
static inline PyObject *ppy_condition_lock(ppy_condition_t *self)
{
    PyObject *lock = __atomic_load_n(&self->lock, __ATOMIC_ACQUIRE);

    ppy_hold(lock);
    return lock != NULL ? lock : ppy_condition_no_lock(self);
}

static inline const ppy_lock_ops_t *
ppy_condition_ops(const ppy_condition_t *self, const PyObject *lock)
{
    if (Py_TYPE(lock) == self->state->lock_type)
        return &ppy_ops_of_lock;
    if (Py_TYPE(lock) == self->state->rlock_type)
        return &ppy_ops_of_rlock;
    return &ppy_ops_of_others;
}

/*
 * What a wait lets go of, with the first of the names up to last: the lock,
 * or the condition itself, if it has methods of its own for that.  Borrowed;
 * NULL with an exception set.
 */
static inline PyObject *ppy_condition_subject(ppy_condition_t *self,
                                              PyObject *lock, int last)
{
    return ppy_condition_is_plain(self)
               ? lock
               : ppy_condition_overriding(self, lock, last);
}

/* Returns   0, or -1 with message set, unless the thread owns lock */
static inline int ppy_condition_check_owned(ppy_condition_t *self,
                                            PyObject *lock,
                                            const char *message)
{
    int owned = lock == NULL ? -1 : ppy_condition_ops(self, lock)->owned(lock);

    if (owned == 0)
        PyErr_SetString(PyExc_RuntimeError, message);
    return owned > 0 ? 0 : -1;
}

/* Not of a subclass, and nothing overridden. */
static inline bool ppy_condition_is_ours(ppy_condition_t *self)
{
    return Py_TYPE(self) == self->state->condition_type
           && ppy_condition_is_plain(self);
}

#endif
