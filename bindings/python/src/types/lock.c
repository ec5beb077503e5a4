/*
 * lock.c - threading.Lock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lock.h"

#include "../base/args.h"
#include "../base/object.h"
#include "../wait/contention.h"

_Static_assert(offsetof(ppy_lock_t, lock) == sizeof(PyObject),
               "contention.c finds the object of a lock");

PyObject *ppy_lock_new(PyTypeObject *type)
{
    return type->tp_alloc(type, 0);
}

static PyObject *new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { NULL };

    if (ppy_args_tuple("Lock", names, args, kwargs, NULL) < 0)
        return NULL;
    return ppy_lock_new(type);
}

void ppy_lock_dealloc(PyObject *op)
{
    ppy_lock_t *self = (ppy_lock_t *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    if (ppy_records_locks())
        ppy_contention_forget(&self->lock);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    type->tp_free(op);
    Py_DECREF(type);
}

int ppy_lock_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    return 0;
}

static PyObject *acquire(PyObject *op, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames)
{
    ppt_lock_t *lock = &((ppy_lock_t *)op)->lock;
    int64_t timeout;
    int result;

    if (ppy_acquire_args(args, nargs, kwnames, &timeout) < 0)
        return NULL;
    result = ppy_acquire(lock, timeout);
    return result < 0 ? NULL : ppy_bool(result == 0);
}

static PyObject *enter(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return acquire(op, NULL, 0, NULL);
}

static PyObject *release(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (ppy_release(&((ppy_lock_t *)op)->lock) == 0)
        Py_RETURN_NONE;
    ppy_not_locked();
    return NULL;
}

static PyObject *leave(PyObject *op, PyObject *const *Py_UNUSED(args),
                       Py_ssize_t Py_UNUSED(nargs))
{
    return release(op, NULL);
}

static PyObject *locked(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_bool(ppy_locked(&((ppy_lock_t *)op)->lock));
}

static PyObject *at_fork_reinit(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppt_lock_after_fork(&((ppy_lock_t *)op)->lock);
    Py_RETURN_NONE;
}

static PyObject *repr(PyObject *op)
{
    bool held = ppy_locked(&((ppy_lock_t *)op)->lock);

    return PyUnicode_FromFormat("<%s %s object at %p>",
                                held ? "locked" : "unlocked",
                                Py_TYPE(op)->tp_name, op);
}

#define ACQUIRE "($self, /, blocking=True, timeout=-1)\n--\n\n"

static PyMethodDef methods[] = {
    { "acquire", PPY_METHOD(acquire), METH_FASTCALL | METH_KEYWORDS,
      "acquire" ACQUIRE },
    { "acquire_lock", PPY_METHOD(acquire), METH_FASTCALL | METH_KEYWORDS,
      "acquire_lock" ACQUIRE },
    { "release", release, METH_NOARGS, "release" PPY_NOTHING },
    { "release_lock", release, METH_NOARGS, "release_lock" PPY_NOTHING },
    { "locked", locked, METH_NOARGS, "locked" PPY_NOTHING },
    { "locked_lock", locked, METH_NOARGS, "locked_lock" PPY_NOTHING },
    { "__enter__", enter, METH_NOARGS, "__enter__" PPY_NOTHING },
    { "__exit__", PPY_METHOD(leave), METH_FASTCALL,
      "__exit__" PPY_EXIT },
    { "_at_fork_reinit", at_fork_reinit, METH_NOARGS,
      "_at_fork_reinit" PPY_NOTHING },
    { NULL, NULL, 0, NULL }
};

PyMemberDef ppy_lock_members[] = {
    PPY_WEAKREFS(ppy_lock_t),
    { NULL, 0, 0, 0, NULL }
};

PyGetSetDef ppy_lock_getset[] = {
    PPY_CLASS,
    { NULL, NULL, NULL, NULL, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "lock()\n--\n\n" },
    { Py_tp_new, new },
    { Py_tp_repr, repr },
    { Py_tp_methods, methods },
    PPY_LOCK_SLOTS,
    { 0, NULL }
};

PyType_Spec ppy_lock_spec = {
    .name = "_thread.lock",
    .basicsize = sizeof(ppy_lock_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
