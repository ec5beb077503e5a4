/*
 * barrier.c - threading.Barrier.
 *
 * The library's barrier; here its action calls Python, and its results
 * become exceptions.
 *
 * A subclass that brings its own state, as that of multiprocessing, or its
 * own steps of a round, gets the methods of threading.Barrier: stock.c.  So
 * does a barrier whose state is assigned, or whose _cond is asked for: it
 * must be idle, and has threading's attributes from then on.
 *
 * State
 *   is_native   written in a critical section of the object; where it is not
 *               set, the state is in the object's attributes
 *   current     the wait that this thread is inside; one for each thread
 *   in_handler  the thread that runs a handler inside a wait here, or 0;
 *               written by that thread, which is the main thread
 */
#include "core.h"

#include <errno.h>

typedef struct {
    PyObject_HEAD
    ppt_barrier_t barrier;
    ppy_state_t *state;
    bool is_native;             /* set by __init__ */
    unsigned long in_handler;
    PyObject *action;           /* NULL: none */
    PyObject *timeout;          /* NULL: none */
    PyObject *dict;
    PyObject *weakrefs;
    uint64_t seen;              /* atomic; see ppy_is_plain */
} barrier_t;

/* What an action has returned that has raised. */
#define RAISED ECHILD

typedef struct {
    barrier_t *barrier;
    PyObject *action;           /* when the thread came; NULL: none */
    ppy_wait_t wait;
    ppt_waiter_t waiter;        /* if it runs handlers */
} arrival_t;

static _Thread_local arrival_t *current;

/* --- waiting ----------------------------------------------------------- */

/* Called detached. */
static int act(void *Py_UNUSED(arg))
{
    arrival_t *arrival = current;
    PyObject *result;

    if (arrival->action == NULL)
        return 0;
    ppy_attach(&arrival->wait);
    result = PyObject_CallNoArgs(arrival->action);
    Py_XDECREF(result);
    ppy_detach(&arrival->wait);
    return result == NULL ? RAISED : 0;
}

static int on_interrupt(void *arg)
{
    arrival_t *arrival = arg;
    barrier_t *self = arrival->barrier;
    unsigned long outer = self->in_handler;
    int result;

    if (!arrival->wait.runs_handlers)
        return 0;
    self->in_handler = ppy_ident();
    result = ppy_on_interrupt(&arrival->wait);
    self->in_handler = outer;
    current = arrival;
    return result;
}

/* The place of a thread whose handler has forked must stay. */
static void forget(void *arg)
{
    barrier_t *self = arg;

    if (self->in_handler != ppy_ident())
        ppt_barrier_after_fork(&self->barrier);
}

/* Meet the others; what handlers or the action raise is set. */
static int meet_at(arrival_t *arrival, int64_t deadline, uint32_t *index)
{
    barrier_t *self = arrival->barrier;
    int result;

    ppy_wait_begin(&arrival->wait, forget, self);
    ppy_detach(&arrival->wait);
    current = arrival;
    if (arrival->wait.runs_handlers)
        result = ppt_barrier_wait_with(&self->barrier, &arrival->waiter,
                                       deadline, index, on_interrupt, arrival);
    else
        result = ppt_barrier_wait(&self->barrier, deadline, index);
    ppy_wait_end(&arrival->wait);
    ppy_attach(&arrival->wait);
    ppy_raise(&arrival->wait);
    return result;
}

/* The action may be ended at shutdown: wait.c, W1.  Handlers: W4. */
static int meet_on_heap(barrier_t *self, PyObject *action, int64_t deadline,
                        uint32_t *index)
{
    arrival_t *arrival = PyMem_RawMalloc(sizeof(*arrival));
    int result;

    if (arrival == NULL) {
        PyErr_NoMemory();
        return ENOMEM;
    }
    arrival->barrier = self;
    arrival->action = action;
    result = meet_at(arrival, deadline, index);
    PyMem_RawFree(arrival);
    return result;
}

/* A reference to what the field holds, or NULL. */
static PyObject *take(barrier_t *self, PyObject *const *field)
{
    PyObject *result;

    Py_BEGIN_CRITICAL_SECTION(self);
    result = Py_XNewRef(*field);
    Py_END_CRITICAL_SECTION();
    (void)self;
    return result;
}

static int meet(barrier_t *self, int64_t deadline, uint32_t *index)
{
    arrival_t arrival = { .barrier = self };
    PyObject *action = take(self, &self->action);
    int result;

    if (action == NULL && !ppy_is_main_thread())
        return meet_at(&arrival, deadline, index);
    result = meet_on_heap(self, action, deadline, index);
    Py_XDECREF(action);
    return result;
}

/* The others stand still: only who comes last may go through. */
static bool waits_in_vain(barrier_t *self)
{
    return ppy_is_finalizing()
           && ppt_barrier_n_waiting(&self->barrier) + 1
                  < ppt_barrier_parties(&self->barrier);
}

/* Whether to arrive is enough, as far as can be told. */
static bool need_not_wait(barrier_t *self)
{
    return ppt_barrier_broken(&self->barrier)
           || ppt_barrier_n_waiting(&self->barrier) + 1
                  >= ppt_barrier_parties(&self->barrier);
}

/*
 * The deadline of timeout, but nobody looks at one that is not needed.  If
 * it turns out that it was, a wait for ever is what comes next to it.
 */
static int deadline_of(barrier_t *self, PyObject *timeout, int64_t *deadline)
{
    bool given = timeout != NULL && timeout != Py_None;
    int result;

    timeout = given ? Py_NewRef(timeout) : take(self, &self->timeout);
    result = ppy_deadline(timeout, deadline);
    Py_XDECREF(timeout);
    if (result == 0)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_Exception) || !need_not_wait(self))
        return -1;
    PyErr_Clear();
    *deadline = PPT_FOREVER;
    return 0;
}

static PyObject *wait_until(barrier_t *self, int64_t deadline)
{
    uint32_t index;
    int result;

    if (deadline != PPT_TRY && waits_in_vain(self) && !ppy_may_wait())
        return NULL;
    result = meet(self, deadline, &index);
    if (PyErr_Occurred())
        return NULL;
    if (result == 0)
        return PyLong_FromUnsignedLong(index);
    PyErr_SetNone(self->state->broken_barrier);
    return NULL;
}

/* --- threading's methods ----------------------------------------------- */

static PyObject *stock(barrier_t *self, const char *name)
{
    return ppy_stock_get((PyObject *)self, self->state->stock_barrier, name);
}

static PyObject *stock_call(PyObject *op, const char *name,
                            PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    barrier_t *self = (barrier_t *)op;

    return ppy_stock_call(op, self->state->stock_barrier, name, args, nargs,
                          kwnames);
}

/* Called by threading's own, and overridden by subclasses of those. */
#define STOCK(name)                                                         \
    static PyObject *stock##name(PyObject *op, PyObject *const *args,       \
                                 Py_ssize_t nargs, PyObject *kwnames)       \
    {                                                                       \
        return stock_call(op, #name, args, nargs, kwnames);                 \
    }
STOCK(_enter)
STOCK(_release)
STOCK(_wait)
STOCK(_exit)
STOCK(_break)

/* --- what threading's has as attributes --------------------------------- */

/*
 * What a subclass may override: first the steps of a round, then the
 * attributes that follow.
 */
const char *const ppy_barrier_names[] = {
    "_enter", "_release", "_wait", "_exit", "_break",
    "_cond", "_state", "_count", "_parties", "_action", "_timeout", NULL
};

#define STEPS 5

static PyObject *native_parties(barrier_t *self)
{
    return PyLong_FromUnsignedLong(ppt_barrier_parties(&self->barrier));
}

static PyObject *native_count(barrier_t *self)
{
    return PyLong_FromUnsignedLong(ppt_barrier_n_waiting(&self->barrier));
}

/* It drains at once: there is nothing between filling and broken. */
static PyObject *native_state(barrier_t *self)
{
    return PyLong_FromLong(ppt_barrier_broken(&self->barrier) ? -2 : 0);
}

static PyObject *none_if_null(PyObject *object)
{
    return object != NULL ? object : Py_NewRef(Py_None);
}

static PyObject *native_action(barrier_t *self)
{
    return none_if_null(take(self, &self->action));
}

static PyObject *native_timeout(barrier_t *self)
{
    return none_if_null(take(self, &self->timeout));
}

static PyObject *given(PyObject *value)
{
    return value == Py_None ? NULL : Py_XNewRef(value);
}

static void put(barrier_t *self, PyObject **field, PyObject *value)
{
    PyObject *new = given(value), *old;

    Py_BEGIN_CRITICAL_SECTION(self);
    old = *field;
    *field = new;
    Py_END_CRITICAL_SECTION();
    (void)self;
    Py_XDECREF(old);
}

static void set_action(barrier_t *self, PyObject *value)
{
    put(self, &self->action, value);
}

static void set_timeout(barrier_t *self, PyObject *value)
{
    put(self, &self->timeout, value);
}

typedef struct {
    const char *name;
    PyObject *(*get)(barrier_t *self);  /* NULL: not of a native one */
    void (*set)(barrier_t *self, PyObject *value);      /* the same */
} attribute_t;

static const attribute_t attributes[] = {
    { "_parties", native_parties, NULL },
    { "_action", native_action, set_action },
    { "_timeout", native_timeout, set_timeout },
    { "_state", native_state, NULL },
    { "_count", native_count, NULL },
    { "_cond", NULL, NULL },
};

#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static PyObject *native_value(barrier_t *self, const attribute_t *attribute)
{
    if (attribute->get != NULL)
        return attribute->get(self);
    return ppy_condition_new(self->state);
}

static int copy_attribute(barrier_t *self, PyObject *dict,
                          const attribute_t *attribute)
{
    PyObject *value = native_value(self, attribute);
    int result = -1;

    if (value != NULL)
        result = PyDict_SetItemString(dict, attribute->name, value);
    Py_XDECREF(value);
    return result;
}

static int busy(void)
{
    PyErr_SetString(PyExc_RuntimeError, "threads wait at the barrier");
    return -1;
}

/* A thread that comes too late, without a GIL, finds it broken. */
static int leave_native(barrier_t *self)
{
    uint32_t parties = ppt_barrier_parties(&self->barrier);

    if (ppt_barrier_destroy(&self->barrier) != 0)
        return busy();
    ppt_barrier_init(&self->barrier, parties, NULL, NULL);
    ppt_barrier_abort(&self->barrier);
    self->is_native = false;
    return 0;
}

static int become_stock_locked(barrier_t *self, PyObject *dict)
{
    size_t i;

    for (i = 0; i < ATTRIBUTES && self->is_native; i++)
        if (copy_attribute(self, dict, &attributes[i]) < 0)
            return -1;
    return self->is_native ? leave_native(self) : 0;
}

static int become_stock(barrier_t *self)
{
    PyObject *dict = PyObject_GenericGetDict((PyObject *)self, NULL);
    int result;

    if (dict == NULL)
        return -1;
    Py_BEGIN_CRITICAL_SECTION(self);
    result = become_stock_locked(self, dict);
    Py_END_CRITICAL_SECTION();
    Py_DECREF(dict);
    return result;
}

static PyObject *get_from_dict(PyObject *op, const char *name)
{
    PyObject *dict = PyObject_GenericGetDict(op, NULL);
    PyObject *value = NULL;

    if (dict != NULL)
        value = PyMapping_GetItemString(dict, name);
    Py_XDECREF(dict);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
        PyErr_Format(PyExc_AttributeError,
                     "'%s' object has no attribute '%s'",
                     Py_TYPE(op)->tp_name, name);
    return value;
}

static PyObject *get_attribute(PyObject *op, void *closure)
{
    const attribute_t *attribute = closure;
    barrier_t *self = (barrier_t *)op;

    if (self->is_native && attribute->get != NULL)
        return attribute->get(self);
    if (become_stock(self) < 0)
        return NULL;
    return get_from_dict(op, attribute->name);
}

static int set_in_dict(PyObject *op, const char *name, PyObject *value)
{
    PyObject *dict = PyObject_GenericGetDict(op, NULL);
    int result = -1;

    if (dict != NULL && value != NULL)
        result = PyDict_SetItemString(dict, name, value);
    else if (dict != NULL)
        result = PyDict_DelItemString(dict, name);
    Py_XDECREF(dict);
    return result;
}

static int set_attribute(PyObject *op, PyObject *value, void *closure)
{
    const attribute_t *attribute = closure;
    barrier_t *self = (barrier_t *)op;

    if (self->is_native && attribute->set != NULL && value != NULL) {
        attribute->set(self, value);
        return 0;
    }
    if (become_stock(self) < 0)
        return -1;
    return set_in_dict(op, attribute->name, value);
}

static bool is_plain(barrier_t *self)
{
    return ppy_is_plain((PyObject *)self, &self->dict,
                        &self->state->barrier_watch, &self->seen);
}

/* -1 with an exception set. */
static int overrides(barrier_t *self)
{
    PyObject *op = (PyObject *)self;
    ppy_watch_t *watch = &self->state->barrier_watch;

    if (!ppy_class_is_plain(op, watch, &self->seen))
        return 1;
    return ppy_object_overrides(op, watch, 0, STEPS);
}

/*
 * Whether the library's barrier is what counts.  It is not where somebody
 * overrides a step, unless threads are in a round now.
 */
static bool is_native(barrier_t *self)
{
    if (self->is_native && !is_plain(self) && overrides(self) != 0
        && become_stock(self) < 0)
        PyErr_Clear();
    return self->is_native;
}

/* --- the methods ------------------------------------------------------- */

static PyObject *wait(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
                      PyObject *kwnames)
{
    static const char *const names[] = { "timeout", NULL };
    barrier_t *self = (barrier_t *)op;
    PyObject *timeout;
    int64_t deadline;

    if (!is_native(self))
        return stock_call(op, "wait", args, nargs, kwnames);
    if (ppy_args("wait", names, args, nargs, kwnames, &timeout) < 0
        || deadline_of(self, timeout, &deadline) < 0)
        return NULL;
    if (!self->is_native) /* any more: Python code has looked at timeout */
        return stock_call(op, "wait", args, nargs, kwnames);
    return wait_until(self, deadline);
}

static PyObject *reset(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    barrier_t *self = (barrier_t *)op;

    if (!is_native(self))
        return stock_call(op, "reset", NULL, 0, NULL);
    ppt_barrier_reset(&self->barrier);
    Py_RETURN_NONE;
}

static PyObject *barrier_abort(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    barrier_t *self = (barrier_t *)op;

    if (!is_native(self))
        return stock_call(op, "abort", NULL, 0, NULL);
    ppt_barrier_abort(&self->barrier);
    Py_RETURN_NONE;
}

static PyObject *get_parties(PyObject *op, void *Py_UNUSED(closure))
{
    barrier_t *self = (barrier_t *)op;

    if (!self->is_native)
        return stock(self, "parties");
    return PyLong_FromUnsignedLong(ppt_barrier_parties(&self->barrier));
}

static PyObject *get_n_waiting(PyObject *op, void *Py_UNUSED(closure))
{
    barrier_t *self = (barrier_t *)op;

    if (!self->is_native)
        return stock(self, "n_waiting");
    return PyLong_FromUnsignedLong(ppt_barrier_n_waiting(&self->barrier));
}

static PyObject *get_broken(PyObject *op, void *Py_UNUSED(closure))
{
    barrier_t *self = (barrier_t *)op;

    if (!self->is_native)
        return stock(self, "broken");
    return ppy_bool(ppt_barrier_broken(&self->barrier));
}

/* --- the object -------------------------------------------------------- */

static PyObject *new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                     PyObject *Py_UNUSED(kwargs))
{
    barrier_t *self = (barrier_t *)type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->state = ppy_state(type);
    return (PyObject *)self;
}

static int number_of_parties(PyObject *value, uint32_t *parties)
{
    int overflow;
    long n;

    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "Barrier() missing argument: 'parties'");
        return -1;
    }
    n = PyLong_AsLongAndOverflow(value, &overflow);
    if (n == -1 && PyErr_Occurred())
        return -1;
    if (overflow > 0 || n > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "too many parties");
        return -1;
    }
    if (n < 1) {
        PyErr_SetString(PyExc_ValueError, "parties must be > 0");
        return -1;
    }
    *parties = (uint32_t)n;
    return 0;
}

static void swap(PyObject **a, PyObject **b)
{
    PyObject *object = *a;

    *a = *b;
    *b = object;
}

/*
 * A second time, it must be idle.  Leaves in action and timeout what they
 * were before, for the caller to let go of: their finalisers may call
 * __init__, or wait.
 */
static int init_locked(barrier_t *self, uint32_t parties, PyObject **action,
                       PyObject **timeout)
{
    if (self->is_native && ppt_barrier_destroy(&self->barrier) != 0)
        return busy();
    swap(&self->action, action);
    swap(&self->timeout, timeout);
    ppt_barrier_init(&self->barrier, parties, act, self);
    self->is_native = true;
    return 0;
}

static int init_native(PyObject *op, uint32_t parties,
                       PyObject *const *values)
{
    PyObject *action = given(values[1]), *timeout = given(values[2]);
    int result;

    Py_BEGIN_CRITICAL_SECTION(op);
    result = init_locked((barrier_t *)op, parties, &action, &timeout);
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(action);
    Py_XDECREF(timeout);
    return result;
}

static int init_stock(PyObject *op, PyObject *args, PyObject *kwargs)
{
    barrier_t *self = (barrier_t *)op;
    PyObject *method = NULL, *result = NULL;

    if (become_stock(self) == 0)
        method = stock(self, "__init__");
    if (method != NULL)
        result = PyObject_Call(method, args, kwargs);
    Py_XDECREF(method);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { "parties", "action", "timeout",
                                         NULL };
    PyObject *values[3];
    barrier_t *self = (barrier_t *)op;
    uint32_t parties;
    int stock;

    if (ppy_args_tuple("Barrier", names, args, kwargs, values) < 0
        || number_of_parties(values[0], &parties) < 0)
        return -1;
    stock = is_plain(self) ? 0 : overrides(self);
    if (stock == 0)
        return init_native(op, parties, values);
    return stock < 0 ? -1 : init_stock(op, args, kwargs);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
    barrier_t *self = (barrier_t *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->action);
    Py_VISIT(self->timeout);
    Py_VISIT(self->dict);
    return 0;
}

static int clear(PyObject *op)
{
    barrier_t *self = (barrier_t *)op;

    self->is_native = false;
    Py_CLEAR(self->action);
    Py_CLEAR(self->timeout);
    Py_CLEAR(self->dict);
    return 0;
}

static void dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, dealloc)
    if (((barrier_t *)op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    clear(op);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* Through the attributes: a subclass may have its own. */
static PyObject *repr(PyObject *op)
{
    PyObject *broken = PyObject_GetAttrString(op, "broken");
    int is_broken = broken == NULL ? -1 : PyObject_IsTrue(broken);
    PyObject *waiting, *parties, *detail = NULL;

    Py_XDECREF(broken);
    if (is_broken != 0)
        return is_broken < 0 ? NULL
                             : ppy_repr(op, PyUnicode_FromString("broken"));
    waiting = PyObject_GetAttrString(op, "n_waiting");
    parties = waiting == NULL ? NULL : PyObject_GetAttrString(op, "parties");
    if (parties != NULL)
        detail = PyUnicode_FromFormat("waiters=%S/%S", waiting, parties);
    Py_XDECREF(waiting);
    Py_XDECREF(parties);
    return ppy_repr(op, detail);
}

#define STOCK_METHOD(name)                                                  \
    { #name, PPY_METHOD(stock##name), METH_FASTCALL | METH_KEYWORDS, NULL }

static PyObject *getstate(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "_cond _parties _action _timeout _state _count");
}

static PyMethodDef methods[] = {
    PPY_PICKLED,
    { "wait", PPY_METHOD(wait), METH_FASTCALL | METH_KEYWORDS,
      "wait($self, /, timeout=None)\n--\n\n" },
    { "reset", reset, METH_NOARGS, "reset" PPY_NOTHING },
    { "abort", barrier_abort, METH_NOARGS, "abort" PPY_NOTHING },
    STOCK_METHOD(_enter),
    STOCK_METHOD(_release),
    STOCK_METHOD(_wait),
    STOCK_METHOD(_exit),
    STOCK_METHOD(_break),
    { NULL, NULL, 0, NULL }
};

#define ATTRIBUTE(i, name)                                                  \
    { name, get_attribute, set_attribute, NULL, (void *)&attributes[i] }

static PyGetSetDef getset[] = {
    ATTRIBUTE(0, "_parties"),
    ATTRIBUTE(1, "_action"),
    ATTRIBUTE(2, "_timeout"),
    ATTRIBUTE(3, "_state"),
    ATTRIBUTE(4, "_count"),
    ATTRIBUTE(5, "_cond"),
    { "parties", get_parties, NULL, NULL, NULL },
    { "n_waiting", get_n_waiting, NULL, NULL, NULL },
    { "broken", get_broken, NULL, NULL, NULL },
    { "__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL,
      NULL },
    { NULL, NULL, NULL, NULL, NULL }
};

static PyMemberDef members[] = {
    { "__weaklistoffset__", T_PYSSIZET, offsetof(barrier_t, weakrefs),
      READONLY, NULL },
    { "__dictoffset__", T_PYSSIZET, offsetof(barrier_t, dict), READONLY,
      NULL },
    { NULL, 0, 0, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Barrier(parties, action=None, timeout=None)\n--\n\n" },
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

PyType_Spec ppy_barrier_spec = {
    .name = "pyplusthread.Barrier",
    .basicsize = sizeof(barrier_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
