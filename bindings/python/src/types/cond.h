/*
 * cond.h - threading.Condition.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COND_H
#define PPY_COND_H

#include "../base/state.h"
#include "../wait/waiter.h"
#include "lock.h"

typedef struct {
    PyObject_HEAD
    ppy_state_t *state;
    ppy_waiters_t waiters;
    PyObject *lock;             /* atomic; NULL before __init__ */
    PyObject *former;           /* list of locks that lock has replaced */
    bool is_part;               /* of an Event or a Semaphore: lock stays */
    uint64_t seen;              /* atomic; see ppy_is_plain */
    PyObject *dict;
    PyObject *weakrefs;
} ppy_condition_t;

/* The names of the state's condition_watch, as far as cond.c tells apart. */
enum { PPY_IS_OWNED, PPY_RELEASE_SAVE, PPY_ACQUIRE_RESTORE, PPY_LOCK_NAMES };

extern const char *const ppy_condition_names[];

/* Whether nobody overrides a method of the condition. */
static inline bool ppy_condition_is_plain(ppy_condition_t *self)
{
    return ppy_is_plain((PyObject *)self, &self->dict,
                        &self->state->condition_watch, &self->seen);
}

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

/*
 * Wait for condition, whose lock is one of its own and held, and take that
 * lock again.
 *
 * Returns   as ppy_sleep; the lock is held whatever it returns
 */
int ppy_own_wait(PyObject *condition, int64_t deadline);

extern PyType_Spec ppy_condition_spec;

#endif
