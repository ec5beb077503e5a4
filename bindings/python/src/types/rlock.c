/*
 * rlock.c - threading.RLock.
 *
 * A lock of the library, with an owner and a count.  Only the holder writes
 * them, and a thread that reads its own ident as the owner is the holder.  So
 * relaxed accesses are enough.
 *
 * SPDX-License-Identifier: MIT
 */
#include "rlock.h"

#include "../base/args.h"
#include "../base/object.h"

static unsigned long owner_of(const ppy_rlock_t *self)
{
    return __atomic_load_n(&self->owner, __ATOMIC_RELAXED);
}

static unsigned long count_of(const ppy_rlock_t *self)
{
    return __atomic_load_n(&self->count, __ATOMIC_RELAXED);
}

static void set(ppy_rlock_t *self, unsigned long owner, unsigned long count)
{
    __atomic_store_n(&self->owner, owner, __ATOMIC_RELAXED);
    __atomic_store_n(&self->count, count, __ATOMIC_RELAXED);
}

bool ppy_rlock_owned(const ppy_rlock_t *self)
{
    return owner_of(self) == ppy_ident();
}

int ppy_rlock_acquire(ppy_rlock_t *self, int64_t timeout)
{
    unsigned long me = ppy_ident();
    int result;

    if (owner_of(self) == me) {
        if (self->count == ULONG_MAX) {
            PyErr_SetString(PyExc_OverflowError,
                            "Internal lock count overflowed");
            return -1;
        }
        set(self, me, self->count + 1);
        return 0;
    }
    result = ppy_acquire(&self->base.lock, timeout);
    if (result == 0)
        set(self, me, 1);
    return result;
}

static int not_owned(void)
{
    PyErr_SetString(PyExc_RuntimeError, "cannot release un-acquired lock");
    return -1;
}

unsigned long ppy_rlock_disown(ppy_rlock_t *self)
{
    unsigned long count = self->count;

    set(self, 0, 0);
    return count;
}

unsigned long ppy_rlock_save(ppy_rlock_t *self)
{
    unsigned long count = ppy_rlock_disown(self);

    ppy_release(&self->base.lock);
    return count;
}

int ppy_rlock_restore(ppy_rlock_t *self, unsigned long count)
{
    int result = ppy_acquire_whatever(&self->base.lock);

    set(self, ppy_ident(), count);
    return result;
}

int ppy_rlock_release(ppy_rlock_t *self)
{
    if (!ppy_rlock_owned(self))
        return not_owned();
    if (self->count > 1) {
        set(self, owner_of(self), self->count - 1);
        return 0;
    }
    ppy_rlock_disown(self);
    ppy_release(&self->base.lock);
    return 0;
}

PyObject *ppy_rlock_new(PyTypeObject *type)
{
    return type->tp_alloc(type, 0);
}

/* Arguments are for the __init__ of a subclass. */
static PyObject *new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { NULL };

    if (PPY_RLOCK_TAKES_NOTHING && type->tp_init == PyBaseObject_Type.tp_init
        && ppy_args_tuple("RLock", names, args, kwargs, NULL) < 0)
        return NULL;
    return ppy_rlock_new(type);
}

static PyObject *acquire(PyObject *op, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames)
{
    int64_t timeout;
    int result;

    if (ppy_acquire_args(args, nargs, kwnames, &timeout) < 0)
        return NULL;
    result = ppy_rlock_acquire((ppy_rlock_t *)op, timeout);
    return result < 0 ? NULL : ppy_bool(result == 0);
}

static PyObject *enter(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return acquire(op, NULL, 0, NULL);
}

static PyObject *release(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (ppy_rlock_release((ppy_rlock_t *)op) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *leave(PyObject *op, PyObject *const *Py_UNUSED(args),
                       Py_ssize_t Py_UNUSED(nargs))
{
    return release(op, NULL);
}

static PyObject *locked(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_bool(ppy_locked(&((ppy_rlock_t *)op)->base.lock));
}

static PyObject *is_owned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_bool(ppy_rlock_owned((ppy_rlock_t *)op));
}

static PyObject *recursion_count(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_rlock_t *self = (ppy_rlock_t *)op;

    return PyLong_FromUnsignedLong(ppy_rlock_owned(self) ? self->count : 0);
}

static PyObject *release_save(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_rlock_t *self = (ppy_rlock_t *)op;
    unsigned long me = owner_of(self);

    if (!ppy_rlock_owned(self)) {
        not_owned();
        return NULL;
    }
    return Py_BuildValue("kk", ppy_rlock_save(self), me);
}

static PyObject *acquire_restore(PyObject *op, PyObject *state)
{
    ppy_rlock_t *self = (ppy_rlock_t *)op;
    unsigned long count, owner;
    bool failed;

    if (!PyTuple_Check(state)) {
        PyErr_SetString(PyExc_TypeError,
                        "_acquire_restore() argument 1 must be a tuple");
        return NULL;
    }
    if (!PyArg_ParseTuple(state, "kk:_acquire_restore", &count, &owner))
        return NULL;
    failed = ppy_acquire_whatever(&self->base.lock) < 0;
    set(self, owner, count);
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *at_fork_reinit(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_rlock_t *self = (ppy_rlock_t *)op;

    ppt_lock_after_fork(&self->base.lock);
    set(self, 0, 0);
    Py_RETURN_NONE;
}

static PyObject *repr(PyObject *op)
{
    ppy_rlock_t *self = (ppy_rlock_t *)op;
    unsigned long owner = owner_of(self);

    return PyUnicode_FromFormat("<%s %s object owner=%lu count=%lu at %p>",
                                owner != 0 ? "locked" : "unlocked",
                                Py_TYPE(op)->tp_name, owner,
                                count_of(self), op);
}

static PyMethodDef methods[] = {
    { "acquire", PPY_METHOD(acquire), METH_FASTCALL | METH_KEYWORDS,
      "acquire($self, /, blocking=True, timeout=-1)\n--\n\n" },
    { "release", release, METH_NOARGS, "release" PPY_NOTHING },
    { "locked", locked, METH_NOARGS, "locked" PPY_NOTHING },
    { "__enter__", enter, METH_NOARGS, "__enter__" PPY_NOTHING },
    { "__exit__", PPY_METHOD(leave), METH_FASTCALL,
      "__exit__" PPY_EXIT },
    { "_is_owned", is_owned, METH_NOARGS, "_is_owned" PPY_NOTHING },
    { "_recursion_count", recursion_count, METH_NOARGS,
      "_recursion_count" PPY_NOTHING },
    { "_release_save", release_save, METH_NOARGS, "_release_save" PPY_NOTHING },
    { "_acquire_restore", acquire_restore, METH_O,
      "_acquire_restore($self, state, /)\n--\n\n" },
    { "_at_fork_reinit", at_fork_reinit, METH_NOARGS,
      "_at_fork_reinit" PPY_NOTHING },
    { NULL, NULL, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, PPY_RLOCK },
    { Py_tp_new, new },
    { Py_tp_repr, repr },
    { Py_tp_methods, methods },
    PPY_LOCK_SLOTS,
    { 0, NULL }
};

PyType_Spec ppy_rlock_spec = {
    .name = "_thread.RLock",
    .basicsize = sizeof(ppy_rlock_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
