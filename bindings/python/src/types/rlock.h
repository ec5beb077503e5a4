/*
 * rlock.h - threading.RLock.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_RLOCK_H
#define PPY_RLOCK_H

#include "lock.h"

typedef struct {
    ppy_lock_t base;
    unsigned long owner;    /* atomic; written by the holder of base */
    unsigned long count;    /* the same */
} ppy_rlock_t;

PyObject *ppy_rlock_new(PyTypeObject *type);

int ppy_rlock_release(ppy_rlock_t *self);
int ppy_rlock_acquire(ppy_rlock_t *self, int64_t timeout);
bool ppy_rlock_owned(const ppy_rlock_t *self);

/* Held, but by nobody; returns how often it was. */
unsigned long ppy_rlock_disown(ppy_rlock_t *self);

/* The same, and let it go. */
unsigned long ppy_rlock_save(ppy_rlock_t *self);
int ppy_rlock_restore(ppy_rlock_t *self, unsigned long count);

extern PyType_Spec ppy_rlock_spec;

#endif
