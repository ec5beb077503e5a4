/*
 * own_condition.h - the condition of an Event or a Semaphore.
 */
#ifndef PPY_OWN_CONDITION_H
#define PPY_OWN_CONDITION_H

#include "cond.h"

/*
 * An Event or a Semaphore has a condition of its own, for good, and may be
 * given another one, which is NULL otherwise: its _cond.
 */
PyObject *ppy_get_condition(PyObject *object, PyObject *condition,
                            PyObject *const *other);
int ppy_set_condition(PyObject *object, PyObject *condition, PyObject **other,
                      PyObject *value);

/* Whether the condition is its own, and nobody overrides its methods. */
static inline bool ppy_is_native(PyObject *condition, PyObject *const *other)
{
    return __atomic_load_n(other, __ATOMIC_RELAXED) == NULL
           && ppy_condition_is_plain((ppy_condition_t *)condition);
}

#endif
