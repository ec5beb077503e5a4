/*
 * overrides.c - what a user has put in the place of a method of ours.
 *
 * Idea
 *   threading's methods call each other by name, so that a subclass, or an
 *   attribute of the object, may replace them.  The native methods check first
 *   whether that has happened.  The check is one comparison for an object
 *   without attributes of its own, if its class overrode nothing before and
 *   has not been changed since: CPython gives a changed class another version.
 *
 * State
 *   seen  twice the version of the class that was checked last, and 1 more if
 *         it overrides something.  A watch has one, and each object, so that
 *         two classes do not compete for it.  Any thread may write it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "overrides.h"
static int find_original(ppy_watch_t *watch, PyTypeObject *type, int i,
                         const char *name)
{
    watch->names[i] = PyUnicode_InternFromString(name);
    if (watch->names[i] == NULL)
        return -1;
    watch->originals[i] = PyObject_GetAttr((PyObject *)type, watch->names[i]);
    return watch->originals[i] == NULL ? -1 : 0;
}

int ppy_watch_setup(ppy_watch_t *watch, PyTypeObject *type,
                    const char *const *names)
{
    int i;

    for (i = 0; names[i] != NULL; i++)
        if (find_original(watch, type, i, names[i]) < 0)
            return -1;
    return 0;
}

int ppy_watch_traverse(ppy_watch_t *watch, visitproc visit, void *arg)
{
    int i;

    for (i = 0; i < PPY_WATCHED; i++)
        Py_VISIT(watch->originals[i]);
    return 0;
}

void ppy_watch_clear(ppy_watch_t *watch)
{
    int i;

    for (i = 0; i < PPY_WATCHED; i++) {
        Py_CLEAR(watch->names[i]);
        Py_CLEAR(watch->originals[i]);
    }
}

/* Whether the class has something else under the name; -1 with an exception.
 */
int ppy_class_overrides(PyObject *op, const ppy_watch_t *watch, int i)
{
    PyObject *found = PyObject_GetAttr((PyObject *)Py_TYPE(op),
                                       watch->names[i]);
    bool other = found != watch->originals[i];

    Py_XDECREF(found);
    return found == NULL ? -1 : other;
}

static bool overrides_any(PyObject *op, const ppy_watch_t *watch)
{
    int i, overrides = 0;

    for (i = 0; i < PPY_WATCHED && watch->names[i] != NULL; i++) {
        overrides = ppy_class_overrides(op, watch, i);
        if (overrides != 0)
            break;
    }
    if (overrides < 0)
        PyErr_Clear();
    return overrides != 0;
}

/* The version is read first: a change that comes later gives another one. */
bool ppy_class_is_plain(PyObject *op, ppy_watch_t *watch, uint64_t *seen)
{
    uint64_t version = ppy_plain_version(op), answer = ppt__load64(seen);

    if (version == 0 || (answer | 1) != (version | 1))
        answer = ppt__load64(&watch->seen);
    if (version == 0 || (answer | 1) != (version | 1)) {
        answer = version + overrides_any(op, watch);
        ppt__store64(&watch->seen, answer);
    }
    ppt__store64(seen, answer);
    return answer == version;
}

/* The attributes of an object that has some, or has had. */
static int dict_has(PyObject *dict, const ppy_watch_t *watch, int first,
                    int last)
{
    int i, has = 0;

    for (i = first; i < last && has == 0; i++)
        has = PyDict_Contains(dict, watch->names[i]);
    return has;
}

int ppy_object_overrides(PyObject *op, const ppy_watch_t *watch, int first,
                         int last)
{
    PyObject *dict = PyObject_GenericGetDict(op, NULL);
    int has = -1;

    if (dict == NULL)
        return -1;
    has = dict_has(dict, watch, first, last);
    Py_DECREF(dict);
    return has;
}
