/*
 * overrides.h - what classes and objects override of ours.  See overrides.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_OVERRIDES_H
#define PPY_OVERRIDES_H

#include "compat.h"

#include <stdint.h>

#include "wait/word64.h" /* of the library's sources */

#define PPY_WATCHED 13

/* The names of a type that others may override, and what it has there. */
typedef struct {
    PyObject *names[PPY_WATCHED];       /* the rest is NULL */
    PyObject *originals[PPY_WATCHED];
    uint64_t seen;                      /* atomic: overrides.c */
} ppy_watch_t;

int ppy_watch_setup(ppy_watch_t *watch, PyTypeObject *type,
                    const char *const *names);
int ppy_watch_traverse(ppy_watch_t *watch, visitproc visit, void *arg);
void ppy_watch_clear(ppy_watch_t *watch);

/*
 * Whether the class of the object overrides none of the names.  What was
 * seen, by the object or the watch itself, makes the next answer cheap.
 */
bool ppy_class_is_plain(PyObject *object, ppy_watch_t *watch, uint64_t *seen);

/*
 * Whether it overrides the name at i; and whether the object has an attribute
 * of its own under one of the names from first to before last.
 *
 * Returns   1, 0, or -1 with an exception set
 */
int ppy_class_overrides(PyObject *object, const ppy_watch_t *watch, int i);
int ppy_object_overrides(PyObject *object, const ppy_watch_t *watch,
                         int first, int last);

/* What there is to see of a plain class; 0: it has no version now. */
static inline uint64_t ppy_plain_version(PyObject *object)
{
    return (uint64_t)__atomic_load_n(&Py_TYPE(object)->tp_version_tag,
                                     __ATOMIC_RELAXED) << 1;
}

/*
 * Whether nobody overrides any of the names: neither the class, nor the
 * object's attributes, of which it has none.
 */
static inline bool ppy_is_plain(PyObject *object, PyObject *const *dict,
                                ppy_watch_t *watch, uint64_t *seen)
{
    uint64_t version = ppy_plain_version(object);

    if (__atomic_load_n(dict, __ATOMIC_RELAXED) != NULL)
        return false;
    return (version != 0 && version == ppt__load64(seen))
           || ppy_class_is_plain(object, watch, seen);
}

#endif
