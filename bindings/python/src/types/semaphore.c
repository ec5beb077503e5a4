/*
 * semaphore.c - threading.Semaphore and BoundedSemaphore.
 *
 * A value and a condition with a Lock, as in threading: a thread that finds
 * the value at 0 waits, and looks again when it is notified.
 *
 * With another condition, or one whose methods were overridden, the methods
 * are threading's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "semaphore.h"

#include <errno.h>
#include <limits.h>

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "cond_wait.h"
#include "own_condition.h"
#include "stock.h"

typedef struct {
    ppy_owner_t owner;
    Py_ssize_t value;       /* under the condition's lock, but where it is */
    Py_ssize_t initial;     /* assigned; atomic.  Set by __init__, likewise. */
    Py_ssize_t bound;       /* value goes no higher; likewise, and __new__ */
} semaphore_t;

const char *const ppy_semaphore_names[] = { "release", NULL };

static ppy_state_t *state_of(const semaphore_t *self)
{
    return ((ppy_condition_t *)self->owner.condition)->state;
}

static PyObject *stock_call(PyObject *op, const char *name,
                            PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    ppy_state_t *state = state_of((semaphore_t *)op);
    bool bounded = PyObject_TypeCheck(op, state->bounded_semaphore_type);

    return ppy_stock_call(op, bounded ? state->stock_bounded_semaphore
                                      : state->stock_semaphore,
                          name, args, nargs, kwnames);
}

static Py_ssize_t load(const Py_ssize_t *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static void store(Py_ssize_t *field, Py_ssize_t value)
{
    __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static Py_ssize_t value_of(const semaphore_t *self)
{
    return load(&self->value);
}

static void set_value(semaphore_t *self, Py_ssize_t value)
{
    store(&self->value, value);
}

/* The thread was woken, but others have taken what there was. */
#define IN_VAIN 2

/*
 * With the lock held: wait once if value is 0.
 *
 * Returns   1 if it is not, 0 if it timed out, IN_VAIN, -1 if a handler raised
 */
static int await_value(semaphore_t *self, int64_t deadline)
{
    if (value_of(self) > 0)
        return 1;
    if (deadline == PPT_TRY)
        return 0;
    if (ppy_own_wait(self->owner.condition, deadline) < 0)
        return -1;
    if (value_of(self) > 0)
        return 1;
    return deadline != PPT_FOREVER && ppt_now() >= deadline ? 0 : IN_VAIN;
}

static int try_to_take(semaphore_t *self, int64_t deadline)
{
    ppt_lock_t *lock = ppy_own_lock(self->owner.condition);
    int result;

    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    result = await_value(self, deadline);
    if (result == 1)
        set_value(self, value_of(self) - 1);
    ppy_release(lock);
    return result;
}

/* Without the lock, handlers run and exceptions are raised in between. */
static int take(semaphore_t *self, int64_t deadline)
{
    const ppy_state_t *state = state_of(self);
    int result;

    while ((result = try_to_take(self, deadline)) == IN_VAIN)
        if (ppy_run_pending(state) < 0)
            return -1;
    return result;
}

int ppy_semaphore_put(PyObject *semaphore, Py_ssize_t n)
{
    semaphore_t *self = (semaphore_t *)semaphore;
    Py_ssize_t value = value_of(self), bound = load(&self->bound);

    if (n > bound || value > bound - n)
        return ERANGE;
    set_value(self, value + n);
    ppy_notify(&((ppy_condition_t *)self->owner.condition)->waiters,
               n > INT_MAX ? INT_MAX : (int)n);
    return 0;
}

static int too_many(const semaphore_t *self)
{
    if (load(&self->bound) == PY_SSIZE_T_MAX)
        PyErr_SetString(PyExc_OverflowError, "semaphore value is too large");
    else
        PyErr_SetString(PyExc_ValueError, "Semaphore released too many times");
    return -1;
}

static int put(semaphore_t *self, Py_ssize_t n)
{
    ppt_lock_t *lock = ppy_own_lock(self->owner.condition);
    int result;

    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    result = ppy_semaphore_put((PyObject *)self, n);
    ppy_release(lock);
    return result == 0 ? 0 : too_many(self);
}

/* From C */

PyObject *ppy_semaphore_condition(PyObject *semaphore)
{
    return ((semaphore_t *)semaphore)->owner.condition;
}

/* The methods */

static int blocks(PyObject *blocking, PyObject *timeout)
{
    int result = blocking == NULL ? 1 : PyObject_IsTrue(blocking);

    if (result != 0 || timeout == NULL || timeout == Py_None)
        return result;
    PyErr_SetString(PyExc_ValueError,
                    "can't specify timeout for non-blocking acquire");
    return -1;
}

/* Nobody looks at a timeout, whatever it is, unless it is needed. */
static int take_within(semaphore_t *self, PyObject *timeout)
{
    int result = timeout == NULL || timeout == Py_None ? 0
                                                       : take(self, PPT_TRY);
    int64_t deadline;

    if (result != 0)
        return result;
    return ppy_deadline(timeout, &deadline) < 0 ? -1 : take(self, deadline);
}

static PyObject *acquire(PyObject *op, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = { "blocking", "timeout", NULL };
    semaphore_t *self = (semaphore_t *)op;
    PyObject *values[2];
    int result;

    if (!ppy_owner_is_native(&self->owner))
        return stock_call(op, "acquire", args, nargs, kwnames);
    if (ppy_args("acquire", names, args, nargs, kwnames, values) < 0)
        return NULL;
    result = blocks(values[0], values[1]);
    if (result >= 0)
        result = result ? take_within(self, values[1]) : take(self, PPT_TRY);
    return result < 0 ? NULL : ppy_bool(result);
}

static int release_count(PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames, Py_ssize_t *n)
{
    static const char *const names[] = { "n", NULL };
    PyObject *value;

    *n = 1;
    if (ppy_args("release", names, args, nargs, kwnames, &value) < 0)
        return -1;
    if (value != NULL)
        *n = PyNumber_AsSsize_t(value, PyExc_OverflowError);
    if (*n == -1 && PyErr_Occurred())
        return -1;
    if (*n >= 1)
        return 0;
    PyErr_SetString(PyExc_ValueError, "n must be one or more");
    return -1;
}

static PyObject *release(PyObject *op, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t n;

    if (!ppy_owner_is_native((ppy_owner_t *)op))
        return stock_call(op, "release", args, nargs, kwnames);
    if (release_count(args, nargs, kwnames, &n) < 0
        || put((semaphore_t *)op, n) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* self.release(), for it may have its own; so in threading. */
static PyObject *leave(PyObject *op, PyObject *const *Py_UNUSED(args),
                       Py_ssize_t Py_UNUSED(nargs))
{
    semaphore_t *self = (semaphore_t *)op;
    ppy_state_t *state = state_of(self);
    ppy_watch_t *watch = &state->semaphore_watch;

    if (Py_TYPE(op) == state->semaphore_type
        && ppy_is_plain(op, &self->owner.dict, watch, &watch->seen))
        return release(op, NULL, 0, NULL);
    return PyObject_CallMethod(op, "release", NULL);
}

/* The object */

static PyObject *new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *op = ppy_owner_new(type, args, kwargs);

    if (op != NULL)
        ((semaphore_t *)op)->bound = PY_SSIZE_T_MAX;
    return op;
}

static int initial_value(const char *name, PyObject *args, PyObject *kwargs,
                         Py_ssize_t *initial)
{
    static const char *const names[] = { "value", NULL };
    PyObject *value;

    *initial = 1;
    if (ppy_args_tuple(name, names, args, kwargs, &value) < 0)
        return -1;
    if (value != NULL)
        *initial = PyNumber_AsSsize_t(value, PyExc_OverflowError);
    if (*initial == -1 && PyErr_Occurred())
        return -1;
    if (*initial >= 0)
        return 0;
    PyErr_SetString(PyExc_ValueError, "semaphore initial value must be >= 0");
    return -1;
}

static int start(semaphore_t *self, Py_ssize_t initial, Py_ssize_t bound)
{
    ppt_lock_t *lock = ppy_own_lock(self->owner.condition);

    ppy_owner_reset(&self->owner);
    if (ppy_acquire(lock, PPT_FOREVER) < 0)
        return -1;
    store(&self->initial, initial);
    store(&self->bound, bound);
    set_value(self, initial);
    ppy_release(lock);
    return 0;
}

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    Py_ssize_t initial;

    if (initial_value("Semaphore", args, kwargs, &initial) < 0)
        return -1;
    return start((semaphore_t *)op, initial, PY_SSIZE_T_MAX);
}

static int init_bounded(PyObject *op, PyObject *args, PyObject *kwargs)
{
    Py_ssize_t initial;

    if (initial_value("BoundedSemaphore", args, kwargs, &initial) < 0)
        return -1;
    return start((semaphore_t *)op, initial, initial);
}

static PyObject *repr(PyObject *op)
{
    semaphore_t *self = (semaphore_t *)op;

    return ppy_repr(op, PyUnicode_FromFormat("value=%zd", value_of(self)));
}

static PyObject *repr_bounded(PyObject *op)
{
    semaphore_t *self = (semaphore_t *)op;

    return ppy_repr(op, PyUnicode_FromFormat("value=%zd/%zd", value_of(self),
                                             load(&self->initial)));
}

static PyObject *get_value(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromSsize_t(value_of((semaphore_t *)op));
}

static PyObject *get_initial(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromSsize_t(load(&((semaphore_t *)op)->initial));
}

static int to_value(PyObject *object, Py_ssize_t *value)
{
    if (object == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cannot be deleted");
        return -1;
    }
    *value = PyNumber_AsSsize_t(object, PyExc_OverflowError);
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

/* For subclasses that hold _cond, and notify it. */
static int assign_value(PyObject *op, PyObject *object,
                        void *Py_UNUSED(closure))
{
    Py_ssize_t value;

    if (to_value(object, &value) < 0)
        return -1;
    set_value((semaphore_t *)op, value);
    return 0;
}

static int assign_initial(PyObject *op, PyObject *object,
                          void *Py_UNUSED(closure))
{
    semaphore_t *self = (semaphore_t *)op;
    Py_ssize_t value;

    if (to_value(object, &value) < 0)
        return -1;
    store(&self->initial, value);
    store(&self->bound, value);
    return 0;
}

#define ACQUIRE "($self, /, blocking=True, timeout=None)\n--\n\n"

static PyObject *getstate(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "_cond _value");
}

static PyObject *getstate_bounded(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "_cond _value _initial_value");
}

static PyMethodDef methods[] = {
    PPY_PICKLED,
    { "acquire", PPY_METHOD(acquire), METH_FASTCALL | METH_KEYWORDS,
      "acquire" ACQUIRE },
    { "__enter__", PPY_METHOD(acquire), METH_FASTCALL | METH_KEYWORDS,
      "__enter__" ACQUIRE },
    { "release", PPY_METHOD(release), METH_FASTCALL | METH_KEYWORDS,
      "release($self, /, n=1)\n--\n\n" },
    { "__exit__", PPY_METHOD(leave), METH_FASTCALL,
      "__exit__($self, /, t, v, tb)\n--\n\n" },
    { NULL, NULL, 0, NULL }
};

static PyMethodDef bounded_methods[] = {
    { "__getstate__", getstate_bounded, METH_NOARGS,
      "__getstate__" PPY_NOTHING },
    { "release", PPY_METHOD(release), METH_FASTCALL | METH_KEYWORDS,
      "release($self, /, n=1)\n--\n\n" },
    { NULL, NULL, 0, NULL }
};

static PyGetSetDef getset[] = {
    { "_value", get_value, assign_value, NULL, NULL },
    PPY_OWNER_GETSET,
    { NULL, NULL, NULL, NULL, NULL }
};

static PyGetSetDef bounded_getset[] = {
    { "_initial_value", get_initial, assign_initial, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Semaphore(value=1)\n--\n\n" },
    PPY_OWNER_SLOTS,
    { Py_tp_new, new },
    { Py_tp_init, init },
    { Py_tp_repr, repr },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { 0, NULL }
};

PyType_Spec ppy_semaphore_spec = {
    .name = "pyplusthread.Semaphore",
    .basicsize = sizeof(semaphore_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyType_Slot bounded_slots[] = {
    { Py_tp_doc, "BoundedSemaphore(value=1)\n--\n\n" },
    { Py_tp_init, init_bounded },
    { Py_tp_repr, repr_bounded },
    { Py_tp_traverse, ppy_owner_traverse },
    { Py_tp_clear, ppy_owner_clear },
    { Py_tp_methods, bounded_methods },
    { Py_tp_getset, bounded_getset },
    { 0, NULL }
};

PyType_Spec ppy_bounded_semaphore_spec = {
    .name = "pyplusthread.BoundedSemaphore",
    .basicsize = sizeof(semaphore_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = bounded_slots,
};
