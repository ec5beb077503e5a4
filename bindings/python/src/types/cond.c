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
 *          and holds it meanwhile: another thread, or Python code that runs inside, may
 *          replace it.
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

#include <limits.h>

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "../wait/main_thread.h"
#include "lock_ops.h"
#include "rlock.h"

/* --- the lock --------------------------------------------------------- */

/*
 * For ppy_let_go, when it has been used; NULL, with an exception set, before
 * __init__.
 */
static PyObject *lock_of(ppy_condition_t *self)
{
    PyObject *lock = __atomic_load_n(&self->lock, __ATOMIC_ACQUIRE);

    ppy_hold(lock);
    if (lock == NULL)
        PyErr_Format(PyExc_AttributeError,
                     "'%s' object has no attribute '_lock'",
                     Py_TYPE(self)->tp_name);
    return lock;
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

/*
 * What a wait lets go of, with the first of the names up to last: the lock,
 * or the condition itself, if it has methods of its own for that.  Borrowed;
 * NULL with an exception set.
 */
static PyObject *subject_of(ppy_condition_t *self, PyObject *lock, int last)
{
    int result = 0;

    if (!ppy_condition_is_plain(self))
        result = overrides(self, lock, last);
    if (result < 0)
        return NULL;
    return result > 0 ? (PyObject *)self : lock;
}

static const ppy_lock_ops_t *ops_of(ppy_condition_t *self, PyObject *lock)
{
    if (Py_TYPE(lock) == self->state->lock_type)
        return &ppy_ops_of_lock;
    if (Py_TYPE(lock) == self->state->rlock_type)
        return &ppy_ops_of_rlock;
    return &ppy_ops_of_others;
}

/* --- waiting ----------------------------------------------------------- */

/*
 * Let go of lock, sleep, take it again.
 *
 * Returns   as ppy_sleep; -1 too if the lock's methods failed
 */
static int wait_at(ppy_condition_t *self, PyObject *lock, ppy_waiter_t *waiter,
                   int64_t deadline)
{
    const ppy_lock_ops_t *ops = ops_of(self, lock);
    ppy_saved_t saved;
    PyObject *raised;
    int result;

    ppy_enqueue(waiter, &self->waiters);
    if (ops->save(lock, &saved) < 0) {
        ppy_give_up(waiter);
        return -1;
    }
    result = ppy_sleep(waiter, deadline);
    raised = result < 0 ? ppy_error_take() : NULL;
    if (ops->restore(lock, &saved) < 0) {
        if (result > 0)
            ppy_pass_on(waiter);
        result = -1;
    }
    if (raised != NULL)
        ppy_raise_before(raised);
    return result;
}

/*
 * A lock written in Python may, inside its release, be ended at shutdown
 * while it is queued: its waiter is not on the stack, and is lost.  Nor is that
 * of a thread that runs handlers: wait.c, W4.
 */
static int wait_on_heap(ppy_condition_t *self, PyObject *lock,
                        int64_t deadline)
{
    ppy_waiter_t *waiter = PyMem_RawMalloc(sizeof(*waiter));
    int result;

    if (waiter == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    result = wait_at(self, lock, waiter, deadline);
    PyMem_RawFree(waiter);
    return result;
}

static int wait_in_library(ppy_condition_t *self, PyObject *lock,
                           int64_t deadline)
{
    const ppy_lock_ops_t *ops = ops_of(self, lock);
    ppy_saved_t saved;
    int result = ppy_wait_with(&self->waiters, ops->disown(lock, &saved),
                               deadline);

    if (result < 0)
        return -1;
    return ops->restore(lock, &saved) < 0 ? -1 : result;
}

static int wait_until(ppy_condition_t *self, PyObject *lock,
                      int64_t deadline)
{
    ppy_waiter_t waiter;

    if (ops_of(self, lock)->disown == NULL)
        return wait_on_heap(self, lock, deadline);
    if (deadline == PPT_TRY)
        return wait_at(self, lock, &waiter, deadline);
    if (ppy_is_main_thread())
        return wait_on_heap(self, lock, deadline);
    if (ppy_is_finalizing())
        return wait_at(self, lock, &waiter, deadline);
    return wait_in_library(self, lock, deadline);
}

int ppy_own_wait(PyObject *op, int64_t deadline)
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    return wait_until(self, self->lock, deadline);
}

/* Returns   0, or -1 with message set, unless the thread owns lock */
static int check_owned(ppy_condition_t *self, PyObject *lock,
                       const char *message)
{
    int owned = lock == NULL ? -1 : ops_of(self, lock)->owned(lock);

    if (owned == 0)
        PyErr_SetString(PyExc_RuntimeError, message);
    return owned > 0 ? 0 : -1;
}

static int wait_with_lock(ppy_condition_t *self, PyObject *lock,
                          PyObject *timeout)
{
    int64_t deadline;

    lock = subject_of(self, lock, PPY_LOCK_NAMES);
    if (check_owned(self, lock, "cannot wait on un-acquired lock") < 0
        || ppy_wait_deadline(timeout, &deadline) < 0)
        return -1;
    return wait_until(self, lock, deadline);
}

static PyObject *wait(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                      PyObject *kwnames)
{
    static const char *const names[] = { "timeout", NULL };
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *timeout, *lock;
    int result;

    if (ppy_args("wait", names, args, nargs, kwnames, &timeout) < 0)
        return NULL;
    lock = lock_of(self);
    if (lock == NULL)
        return NULL;
    result = wait_with_lock(self, lock, timeout);
    ppy_let_go(lock);
    return result < 0 ? NULL : ppy_bool(result);
}

/* Not of a subclass, and nothing overridden. */
static bool is_ours(ppy_condition_t *self)
{
    return Py_TYPE(self) == self->state->condition_type
           && ppy_condition_is_plain(self);
}

/* self.wait(), for it may have its own; with the timeout as it was given. */
static int overridden_wait(PyObject *self, PyObject *given, int64_t deadline)
{
    int64_t left = deadline - ppt_now();
    PyObject *timeout, *result = NULL;

    if (given != NULL || deadline == PPT_FOREVER)
        timeout = Py_NewRef(given == NULL ? Py_None : given);
    else
        timeout = PyFloat_FromDouble(left < 0 ? 0.0 : (double)left / 1e9);
    if (timeout != NULL)
        result = PyObject_CallMethod(self, "wait", "(O)", timeout);
    Py_XDECREF(timeout);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int own_wait(ppy_condition_t *self, int64_t deadline)
{
    PyObject *lock = lock_of(self);
    int result;

    if (lock == NULL)
        return -1;
    result = check_owned(self, lock, "cannot wait on un-acquired lock");
    if (result == 0)
        result = wait_until(self, lock, deadline);
    ppy_let_go(lock);
    return result;
}

/* Given is the timeout, the first time. */
static int wait_once(PyObject *op, PyObject *given, int64_t deadline)
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    if (is_ours(self))
        return own_wait(self, deadline);
    return overridden_wait(op, given, deadline);
}

/*
 * Wait until predicate() is true.  The clock starts after its first call.
 */
static PyObject *wait_while_false(PyObject *op, PyObject *predicate,
                                  PyObject *timeout)
{
    const ppy_state_t *state = ((ppy_condition_t *)op)->state;
    PyObject *given = timeout;
    int64_t deadline = -1;
    bool expired = false;

    for (;;) {
        PyObject *result = PyObject_CallNoArgs(predicate);
        int is_true = result == NULL ? -1 : PyObject_IsTrue(result);

        if (is_true > 0 || (is_true == 0 && expired))
            return result;
        Py_XDECREF(result);
        if (is_true < 0
            || (deadline < 0 && ppy_wait_deadline(timeout, &deadline) < 0)
            || ppy_run_pending(state) < 0
            || wait_once(op, given, deadline) < 0)
            return NULL;
        given = NULL;
        expired = deadline != PPT_FOREVER && ppt_now() >= deadline;
    }
}

static PyObject *wait_for(PyObject *op, PyObject *const *args,
                          Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "predicate", "timeout", NULL };
    PyObject *values[2];

    if (ppy_args("wait_for", names, args, nargs, kwnames, values) < 0)
        return NULL;
    if (values[0] != NULL)
        return wait_while_false(op, values[0], values[1]);
    PyErr_SetString(PyExc_TypeError,
                    "wait_for() missing argument: 'predicate'");
    return NULL;
}

/* --- notifying --------------------------------------------------------- */

static bool may_notify(PyObject *op)
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = lock_of(self);
    int result;

    if (lock == NULL)
        return false;
    result = check_owned(self, subject_of(self, lock, PPY_IS_OWNED + 1),
                         "cannot notify on un-acquired lock");
    ppy_let_go(lock);
    return result == 0;
}

/* Clamped: nobody has more waiters, or fewer than none. */
static int to_int(PyObject *value, int *n)
{
    int overflow;
    long number = PyLong_AsLongAndOverflow(value, &overflow);

    if (number == -1 && PyErr_Occurred())
        return -1;
    if (overflow > 0 || number > INT_MAX)
        number = INT_MAX;
    *n = overflow < 0 || number < 0 ? 0 : (int)number;
    return 0;
}

static PyObject *notify(PyObject *op, PyObject *const *args,
                        Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "n", NULL };
    PyObject *value;
    int n = 1;

    if (ppy_args("notify", names, args, nargs, kwnames, &value) < 0
        || !may_notify(op) || (value != NULL && to_int(value, &n) < 0))
        return NULL;
    ppy_notify(&((ppy_condition_t *)op)->waiters, n);
    Py_RETURN_NONE;
}

/* self.notify(), for it may have its own. */
static PyObject *notify_all(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_condition_t *self = (ppy_condition_t *)op;

    if (!is_ours(self))
        return PyObject_CallMethod(op, "notify", "I",
                                   ppt_cond_waiting(&self->waiters.cond));
    if (!may_notify(op))
        return NULL;
    ppy_broadcast(&self->waiters);
    Py_RETURN_NONE;
}

static PyObject *notifyAll(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    if (PyErr_WarnEx(PyExc_DeprecationWarning,
                     "notifyAll() is deprecated, use notify_all() instead",
                     1) < 0)
        return NULL;
    return PyObject_CallMethod(op, "notify_all", NULL);
}

/* --- the methods of the lock ------------------------------------------- */

static PyObject *forward(PyObject *op, const char *name,
                         PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    PyObject *lock = lock_of((ppy_condition_t *)op);
    PyObject *method, *result;

    if (lock == NULL)
        return NULL;
    method = PyObject_GetAttrString(lock, name);
    ppy_let_go(lock);
    if (method == NULL)
        return NULL;
    result = PyObject_Vectorcall(method, args, (size_t)nargs, kwnames);
    Py_DECREF(method);
    return result;
}

static PyObject *acquire(PyObject *op, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames)
{
    return forward(op, "acquire", args, nargs, kwnames);
}

static PyObject *release(PyObject *op, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames)
{
    return forward(op, "release", args, nargs, kwnames);
}

static PyObject *locked(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return forward(op, "locked", NULL, 0, NULL);
}

static PyObject *enter(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = lock_of(self);
    PyObject *result;

    if (lock == NULL)
        return NULL;
    result = ops_of(self, lock)->enter(lock);
    ppy_let_go(lock);
    return result;
}

static PyObject *leave(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = lock_of(self);
    PyObject *result;

    if (lock == NULL)
        return NULL;
    result = ops_of(self, lock)->leave(lock, args, nargs);
    ppy_let_go(lock);
    return result;
}

static PyObject *is_owned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    ppy_condition_t *self = (ppy_condition_t *)op;
    PyObject *lock = lock_of(self);
    int owned;

    if (lock == NULL)
        return NULL;
    owned = ops_of(self, lock)->owned(lock);
    ppy_let_go(lock);
    return owned < 0 ? NULL : ppy_bool(owned);
}

static bool lock_has(PyObject *op, const char *name)
{
    PyObject *lock = lock_of((ppy_condition_t *)op);
    bool has;

    if (lock == NULL) {
        PyErr_Clear();
        return false;
    }
    has = PyObject_HasAttrString(lock, name);
    ppy_let_go(lock);
    return has;
}

/* A Lock has no such method, and nothing to save. */
static PyObject *release_save(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    const char *name = "_release_save";

    return forward(op, lock_has(op, name) ? name : "release", NULL, 0, NULL);
}

static PyObject *acquire_restore(PyObject *op, PyObject *state)
{
    const char *name = "_acquire_restore";
    PyObject *result;

    if (lock_has(op, name))
        return forward(op, name, &state, 1, NULL);
    result = forward(op, "acquire", NULL, 0, NULL);
    Py_XDECREF(result);
    return result == NULL ? NULL : Py_NewRef(Py_None);
}

static PyObject *at_fork_reinit(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *result = forward(op, "_at_fork_reinit", NULL, 0, NULL);

    if (result != NULL)
        ppt_cond_after_fork(&((ppy_condition_t *)op)->waiters.cond);
    return result;
}

/* --- the object -------------------------------------------------------- */

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

/* Whether the lock may hold others in turn: more than the stack may bear. */
static bool may_nest(const ppy_condition_t *self)
{
    return self->former != NULL
           || (self->lock != NULL
               && Py_TYPE(self->lock) != self->state->lock_type
               && Py_TYPE(self->lock) != self->state->rlock_type);
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
    PyObject *lock = lock_of(self);

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
    PyObject *lock = lock_of((ppy_condition_t *)op);
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
    { "acquire", PPY_METHOD(acquire), METH_FASTCALL | METH_KEYWORDS,
      "acquire($self, /, blocking=True, timeout=-1)\n--\n\n" },
    { "release", PPY_METHOD(release), METH_FASTCALL | METH_KEYWORDS,
      "release" PPY_NOTHING },
    { "locked", locked, METH_NOARGS, "locked" PPY_NOTHING },
    { "wait", PPY_METHOD(wait), METH_FASTCALL | METH_KEYWORDS,
      "wait($self, /, timeout=None)\n--\n\n" },
    { "wait_for", PPY_METHOD(wait_for), METH_FASTCALL | METH_KEYWORDS,
      "wait_for($self, /, predicate, timeout=None)\n--\n\n" },
    { "notify", PPY_METHOD(notify), METH_FASTCALL | METH_KEYWORDS,
      "notify($self, /, n=1)\n--\n\n" },
    { "notify_all", notify_all, METH_NOARGS, "notify_all" PPY_NOTHING },
    { "notifyAll", notifyAll, METH_NOARGS, "notifyAll" PPY_NOTHING },
    { "__enter__", enter, METH_NOARGS, "__enter__" PPY_NOTHING },
    { "__exit__", PPY_METHOD(leave), METH_FASTCALL,
      "__exit__($self, /, *args)\n--\n\n" },
    { "_is_owned", is_owned, METH_NOARGS, "_is_owned" PPY_NOTHING },
    { "_release_save", release_save, METH_NOARGS,
      "_release_save" PPY_NOTHING },
    { "_acquire_restore", acquire_restore, METH_O,
      "_acquire_restore($self, x, /)\n--\n\n" },
    { "_at_fork_reinit", at_fork_reinit, METH_NOARGS,
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
