/*
 * cond.c - threading.Condition.
 *
 * Idea
 *   A thread queues a waiter at a ppt_cond_t, lets go of the lock, detaches
 *   and sleeps; when it is attached again, it takes the lock.
 *   So a thread that was notified does not keep others from the lock while
 *   it waits for the interpreter.
 *
 * State
 *   cond   the library's
 *   lock   set by __init__; a second __init__ may replace it, but for that
 *          of an Event, a Semaphore or a Queue.  Each function reads it once,
 *          and holds it meanwhile: another thread, or Python code that runs
 *          inside, may replace it.
 *
 * cond_wait.c waits and notifies, cond_lock.c says what a wait lets go of, and
 * cond_forward.c has the lock's own methods.
 *
 * Invariants
 *   C1  A place is taken before the lock is let go, and left before it is
 *       taken again (waiter.c).
 *   C2  wait() returns, and raises, with the lock held, unless the lock's
 *       own methods fail.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond.h"

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "cond_forward.h"
#include "cond_lock.h"
#include "cond_wait.h"
#include "rlock.h"

static int has_method(PyObject *lock, const char *name)
{
    PyObject *method = PyObject_GetAttrString(lock, name);

    Py_XDECREF(method);
    return method == NULL ? -1 : 0;
}

/* Made in one step: the collector may run meanwhile, and finalisers. */
static int make_former(ppy_condition_t *self)
{
    PyObject *former = self->former == NULL ? PyList_New(0) : NULL;

    if (self->former == NULL)
        self->former = former;
    else
        Py_XDECREF(former);
    return self->former == NULL ? -1 : 0;
}

/* Takes over the reference to lock.  What cannot be kept, is never freed. */
static int replace_lock(ppy_condition_t *self, PyObject *lock)
{
    PyObject *old = __atomic_exchange_n(&self->lock, lock, __ATOMIC_ACQ_REL);

    if (PPY_KEEPS_REPLACED && old != NULL
        && PyList_Append(self->former, old) < 0)
        return -1;
    Py_XDECREF(old);
    return 0;
}

/* The same; NULL is an exception. */
static int set_lock(ppy_condition_t *self, PyObject *lock)
{
    if (lock == NULL || (PPY_KEEPS_REPLACED && make_former(self) < 0)) {
        Py_XDECREF(lock);
        return -1;
    }
    return replace_lock(self, lock);
}

static int set_any_lock(ppy_condition_t *self, PyObject *lock)
{
    if (has_method(lock, "acquire") < 0 || has_method(lock, "release") < 0)
        return -1;
    return set_lock(self, Py_NewRef(lock));
}

/* Threads use it without looking at its condition. */
static int keep_lock(ppy_condition_t *self, PyObject *lock)
{
    if (lock == NULL || lock == Py_None || lock == self->lock)
        return 0;
    PyErr_SetString(PyExc_TypeError,
                    "the lock of an Event, a Semaphore or a Queue cannot be "
                    "replaced");
    return -1;
}

static int init_locked(ppy_condition_t *self, PyObject *lock)
{
    if (self->is_part)
        return keep_lock(self, lock);
    if (lock != NULL && lock != Py_None)
        return set_any_lock(self, lock);
    return set_lock(self, ppy_rlock_new(self->state->rlock_type));
}

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { "lock", NULL };
    PyObject *lock;
    int result;

    if (ppy_args_tuple("Condition", names, args, kwargs, &lock) < 0)
        return -1;
    Py_BEGIN_CRITICAL_SECTION(op);
    result = init_locked((ppy_condition_t *)op, lock);
    Py_END_CRITICAL_SECTION();
    return result;
}

static PyObject *make(PyTypeObject *type, ppy_state_t *state)
{
    ppy_condition_t *self = (ppy_condition_t *)type->tp_alloc(type, 0);

    if (self != NULL)
        self->state = state;
    return (PyObject *)self;
}

static PyObject *new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                     PyObject *Py_UNUSED(kwargs))
{
    return make(type, ppy_state(type));
}

PyObject *ppy_condition_with(ppy_state_t *state, PyObject *lock)
{
    PyObject *op = make(state->condition_type, state);
    ppy_condition_t *self = (ppy_condition_t *)op;

    if (op == NULL)
        return NULL;
    self->is_part = true;
    self->lock = Py_NewRef(lock);
    return op;
}

PyObject *ppy_condition_new(ppy_state_t *state)
{
    PyObject *lock = ppy_lock_new(state->lock_type);
    PyObject *op = lock == NULL ? NULL : ppy_condition_with(state, lock);

    Py_XDECREF(lock);
    return op;
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->lock);
    Py_VISIT(self->former);
    Py_VISIT(self->dict);
    return 0;
}

static int clear(PyObject *op)
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    Py_CLEAR(self->lock);
    Py_CLEAR(self->former);
    Py_CLEAR(self->dict);
    return 0;
}

static void free_object(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    if (((ppy_condition_t *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/*
 * Whether the lock may hold others in turn: more than the stack may bear.  At
 * the end of an interpreter its state may be gone before the condition is.
 */
static bool may_nest(const ppy_condition_t *self)
{
    return self->former != NULL
           || (self->lock != NULL
               && Py_TYPE(self->lock)->tp_dealloc != ppy_lock_dealloc);
}

static void dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op);
    if (!may_nest((ppy_condition_t *)op)) {
        free_object(op);
        return;
    }
    Py_TRASHCAN_BEGIN(op, dealloc)
    free_object(op);
    Py_TRASHCAN_END
}

static PyObject *repr(PyObject *op)
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = ppy_condition_lock(self);

    PyObject *result;

    if (lock == NULL)
        return NULL;
    result = PyUnicode_FromFormat("<Condition(%S, %u)>", lock,
                                  ppt_cond_waiting(&self->waiters.cond));
    ppy_let_go(lock);
    return result;
}

static PyObject *get_lock(PyObject *op, void *Py_UNUSED(closure))
{
    PyObject *lock = ppy_condition_lock((ppy_condition_t *)op);
    PyObject *result = Py_XNewRef(lock);

    if (lock != NULL)
        ppy_let_go(lock);
    return result;
}

static int assign_lock(PyObject *op, PyObject *lock,
                       void *Py_UNUSED(closure))
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    int result;

    if (lock == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cannot be deleted");
        return -1;
    }
    Py_BEGIN_CRITICAL_SECTION(op);
    result = self->is_part ? keep_lock(self, lock) : set_any_lock(self, lock);
    Py_END_CRITICAL_SECTION();
    return result;
}

/* As many as there are: programs ask for the length. */
static PyObject *get_waiters(PyObject *op, void *Py_UNUSED(closure))
{
    Py_ssize_t n = ppt_cond_waiting(&((ppy_condition_t *)op)->waiters.cond);
    PyObject *waiters = PyTuple_New(n);

    while (waiters != NULL && n > 0)
        PyTuple_SET_ITEM(waiters, --n, Py_NewRef(Py_None));
    return waiters;
}

static PyObject *getstate(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "_lock");
}

static PyMethodDef methods[] = {
    PPY_PICKLED,
    { "acquire", PPY_METHOD(ppy_condition_acquire),
      METH_FASTCALL | METH_KEYWORDS,
      "acquire($self, /, blocking=True, timeout=-1)\n--\n\n"
      "Acquire the condition's lock, as its own acquire does." },
    { "release", PPY_METHOD(ppy_condition_release),
      METH_FASTCALL | METH_KEYWORDS,
      "release" PPY_NOTHING
      "Release the condition's lock, as its own release does." },
    { "locked", ppy_condition_locked, METH_NOARGS,
      "locked" PPY_NOTHING "Whether a thread has the condition's lock." },
    { "wait", PPY_METHOD(ppy_condition_wait),
      METH_FASTCALL | METH_KEYWORDS,
      "wait($self, /, timeout=None)\n--\n\n" },
    { "wait_for", PPY_METHOD(ppy_condition_wait_for),
      METH_FASTCALL | METH_KEYWORDS,
      "wait_for($self, /, predicate, timeout=None)\n--\n\n" },
    { "notify", PPY_METHOD(ppy_condition_notify),
      METH_FASTCALL | METH_KEYWORDS,
      "notify($self, /, n=1)\n--\n\n" },
    { "notify_all", ppy_condition_notify_all, METH_NOARGS,
      "notify_all" PPY_NOTHING },
    { "notifyAll", ppy_condition_notifyAll, METH_NOARGS,
      "notifyAll" PPY_NOTHING },
    { "__enter__", ppy_condition_enter, METH_NOARGS,
      "__enter__" PPY_NOTHING },
    { "__exit__", PPY_METHOD(ppy_condition_leave), METH_FASTCALL,
      "__exit__($self, /, *args)\n--\n\n" },
    { "_is_owned", ppy_condition_is_owned, METH_NOARGS,
      "_is_owned" PPY_NOTHING },
    { "_release_save", ppy_condition_release_save, METH_NOARGS,
      "_release_save" PPY_NOTHING },
    { "_acquire_restore", ppy_condition_acquire_restore, METH_O,
      "_acquire_restore($self, x, /)\n--\n\n" },
    { "_at_fork_reinit", ppy_condition_at_fork_reinit, METH_NOARGS,
      "_at_fork_reinit" PPY_NOTHING },
    { NULL, NULL, 0, NULL }
};

static PyGetSetDef getset[] = {
    { "_lock", get_lock, assign_lock, NULL, NULL },
    { "_waiters", get_waiters, NULL, NULL, NULL },
    PPY_GET_DICT,
    { NULL, NULL, NULL, NULL, NULL }
};

static PyMemberDef members[] = {
    PPY_WEAKREFS(ppy_condition_t),
    PPY_DICT(ppy_condition_t),
    { NULL, 0, 0, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Condition(lock=None)\n--\n\n" },
    { Py_tp_new, new },
    { Py_tp_init, init },
    { Py_tp_dealloc, dealloc },
    { Py_tp_traverse, traverse },
    { Py_tp_clear, clear },
    { Py_tp_repr, repr },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { Py_tp_members, members },
    { 0, NULL }
};

PyType_Spec ppy_condition_spec = {
    .name = "pyplusthread.Condition",
    .basicsize = sizeof(ppy_condition_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
