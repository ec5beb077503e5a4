/*
 * cond_lock.c - the lock of a threading.Condition.  See cond.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond_lock.h"

PyObject *ppy_condition_no_lock(const ppy_condition_t *self)
{
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '_lock'",
                 Py_TYPE(self)->tp_name);
    return NULL;
}

const char *const ppy_condition_names[] = {
    "_is_owned", "_release_save", "_acquire_restore",
    "wait", "notify", "notify_all", "__enter__", "__exit__", NULL
};

/*
 * As in threading, an attribute of the condition goes before a method of the
 * lock, and that before a method of the condition's class.
 */
static int overrides(ppy_condition_t *self, PyObject *lock, int last)
{
    PyObject *op = (PyObject *)self;
    ppy_watch_t *watch = &self->state->condition_watch;
    int i, result = ppy_object_overrides(op, watch, 0, last);

    if (result != 0 || ppy_class_is_plain(op, watch, &self->seen))
        return result;
    for (i = 0; i < last && result == 0; i++)
        if (!PyObject_HasAttr(lock, watch->names[i]))
            result = ppy_class_overrides(op, watch, i);
    return result;
}

PyObject *ppy_condition_overriding(ppy_condition_t *self, PyObject *lock,
                                   int last)
{
    int result = overrides(self, lock, last);

    if (result < 0)
        return NULL;
    return result > 0 ? (PyObject *)self : lock;
}
