/*
 * cond_object.h - what a threading.Condition is made of.  See cond.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_COND_OBJECT_H
#define PPY_COND_OBJECT_H

#include "../base/state.h"
#include "../wait/waiter.h"

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

#endif
