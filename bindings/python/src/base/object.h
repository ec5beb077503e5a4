/*
 * object.h - what the objects of all types have in common.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_OBJECT_H
#define PPY_OBJECT_H

#include "compat.h"

/*
 * __class__ of a Lock or an RLock: the class of threading's, where programs
 * ask whether a lock is one of C.  type() tells them apart.
 */
#define PPY_CLASS { "__class__", ppy_class, ppy_set_class, NULL, NULL }
PyObject *ppy_class(PyObject *object, void *nothing);
int ppy_set_class(PyObject *object, PyObject *value, void *nothing);

/* In the tables of a type whose objects have weakrefs, and a dict. */
#define PPY_WEAKREFS(type)                                                  \
    { "__weaklistoffset__", T_PYSSIZET, offsetof(type, weakrefs), READONLY, \
      NULL }
#define PPY_DICT(type)                                                      \
    { "__dictoffset__", T_PYSSIZET, offsetof(type, dict), READONLY, NULL }
#define PPY_GET_DICT                                                        \
    { "__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL,   \
      NULL }

/*
 * "<module.type at address: detail>", as threading's look.  Takes over the
 * reference to detail; if that is NULL, returns NULL.
 */
PyObject *ppy_repr(PyObject *object, PyObject *detail);

/*
 * Raise what stands under name in module, now: as a function of that module
 * does, whose exceptions programs replace.  If that is no exception, it is
 * a TypeError; module NULL, once its interpreter has ended, a RuntimeError.
 *
 * Returns   -1
 */
int ppy_raise_named(PyObject *module, const char *name);

/* PyBool_FromLong, inline. */
static inline PyObject *ppy_bool(bool value)
{
    if (value)
        Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}

/* The text after the name of a method without arguments. */
#define PPY_NOTHING "($self, /)\n--\n\n"

/* Kept out of line, for the sake of the short path that calls it. */
#define PPY_SLOW __attribute__((noinline))

/* A method of another kind than METH_NOARGS or METH_O. */
#define PPY_METHOD(function) ((PyCFunction)(void (*)(void))(function))

#endif
