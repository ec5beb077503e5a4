/*
 * lock_ops.h - what a condition does to its lock.  See lock_ops.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_LOCK_OPS_H
#define PPY_LOCK_OPS_H

#include "../wait/acquire.h"

/* What a lock wants to know again when it is taken after a wait. */
typedef union {
    unsigned long count;
    PyObject *state;
} ppy_saved_t;

/*
 * What a condition does to its lock.  The functions return 0 or more, or -1
 * with an exception set.
 */
typedef struct {
    PyObject *(*enter)(PyObject *lock);
    PyObject *(*leave)(PyObject *lock, PyObject *const *args,
                       Py_ssize_t nargs);
    int (*owned)(PyObject *lock);
    int (*save)(PyObject *lock, ppy_saved_t *saved);
    int (*restore)(PyObject *lock, ppy_saved_t *saved);

    /* The lock inside, held, but by nobody; NULL for a lock not of ours. */
    ppt_lock_t *(*disown)(PyObject *lock, ppy_saved_t *saved);
} ppy_lock_ops_t;

extern const ppy_lock_ops_t ppy_ops_of_lock;
extern const ppy_lock_ops_t ppy_ops_of_rlock;
extern const ppy_lock_ops_t ppy_ops_of_others;

#endif
