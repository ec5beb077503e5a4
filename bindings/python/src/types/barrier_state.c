/*
 * barrier_state.c - the state of a Barrier under the names of threading's.
 *
 * A native barrier tells what it can of _state and _count, and its _action and
 * _timeout may be assigned.  For anything else it goes over to threading's
 * methods, whose attributes it has in __dict__ from then on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "barrier.h"

#include "cond.h"

PyObject *ppy_barrier_take(barrier_t *self, PyObject *const *field)
{
    PyObject *result;

    Py_BEGIN_CRITICAL_SECTION(self);
    result = Py_XNewRef(*field);
    Py_END_CRITICAL_SECTION();
    (void)self;
    return result;
}

/*
 * What a subclass may override: first the steps of a round, then the
 * attributes that follow.
 */
const char *const ppy_barrier_names[] = {
    "_enter", "_release", "_wait", "_exit", "_break",
    "_cond", "_state", "_count", "_parties", "_action", "_timeout", NULL
};

#define STEPS 5

/* What threading's _state says of a broken barrier. */
#define BROKEN (-2)

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
    return PyLong_FromLong(ppt_barrier_broken(&self->barrier) ? BROKEN : 0);
}

static PyObject *none_if_null(PyObject *object)
{
    return object != NULL ? object : Py_NewRef(Py_None);
}

static PyObject *native_action(barrier_t *self)
{
    return none_if_null(ppy_barrier_take(self, &self->action));
}

static PyObject *native_timeout(barrier_t *self)
{
    return none_if_null(ppy_barrier_take(self, &self->timeout));
}

PyObject *ppy_barrier_given(PyObject *value)
{
    return value == Py_None ? NULL : Py_XNewRef(value);
}

static void put(barrier_t *self, PyObject **field, PyObject *value)
{
    PyObject *new = ppy_barrier_given(value), *old;

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

const ppy_attribute_t ppy_barrier_attributes[] = {
    { "_parties", native_parties, NULL },
    { "_action", native_action, set_action },
    { "_timeout", native_timeout, set_timeout },
    { "_state", native_state, NULL },
    { "_count", native_count, NULL },
    { "_cond", NULL, NULL },
};

#define ATTRIBUTES                                                          \
    (sizeof(ppy_barrier_attributes) / sizeof(ppy_barrier_attributes[0]))

/* Of an idle barrier: who has come since goes on in stock's wait. */
static PyObject *idle_value(barrier_t *self, const ppy_attribute_t *attribute)
{
    if (attribute->get == native_count)
        return PyLong_FromLong(0);
    if (attribute->get != NULL)
        return attribute->get(self);
    return ppy_condition_new(self->state);
}

static int copy_attribute(barrier_t *self, PyObject *dict,
                          const ppy_attribute_t *attribute)
{
    PyObject *value = idle_value(self, attribute);
    int result = -1;

    if (value != NULL)
        result = PyDict_SetItemString(dict, attribute->name, value);
    Py_XDECREF(value);
    return result;
}

int ppy_barrier_busy(void)
{
    PyErr_SetString(PyExc_RuntimeError, "threads wait at the barrier");
    return -1;
}

static int copy_broken(PyObject *dict)
{
    PyObject *broken = PyLong_FromLong(BROKEN);
    int result = -1;

    if (broken != NULL)
        result = PyDict_SetItemString(dict, "_state", broken);
    Py_XDECREF(broken);
    return result;
}

/*
 * A thread that arrives after all finds it broken, and goes on in stock's.
 * But one that arrived after so many resets, and whose time is over, has
 * broken it for all.
 */
static int leave_native(barrier_t *self, uint32_t resets, PyObject *dict)
{
    ppy_barrier_set_native(self, false);
    ppt_barrier_abort(&self->barrier);
    self->left_at = ppy_barrier_resets(self);
    return self->left_at == resets + 1 ? 0 : copy_broken(dict);
}

static int become_stock_locked(barrier_t *self, PyObject *dict)
{
    uint32_t resets;
    size_t i;

    if (!ppy_barrier_was_native(self))
        return 0;
    if (ppt_barrier_destroy(&self->barrier) != 0)
        return ppy_barrier_busy();
    resets = ppy_barrier_resets(self);
    for (i = 0; i < ATTRIBUTES; i++)
        if (copy_attribute(self, dict, &ppy_barrier_attributes[i]) < 0)
            return -1;
    return leave_native(self, resets, dict);
}

int ppy_barrier_become_stock(barrier_t *self)
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

PyObject *ppy_barrier_get(PyObject *op, void *closure)
{
    const ppy_attribute_t *attribute = closure;
    barrier_t *self = (barrier_t *)op;

    if (ppy_barrier_was_native(self) && attribute->get != NULL)
        return attribute->get(self);
    if (ppy_barrier_become_stock(self) < 0)
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

int ppy_barrier_set(PyObject *op, PyObject *value, void *closure)
{
    const ppy_attribute_t *attribute = closure;
    barrier_t *self = (barrier_t *)op;

    if (ppy_barrier_was_native(self) && attribute->set != NULL
        && value != NULL) {
        attribute->set(self, value);
        return 0;
    }
    if (ppy_barrier_become_stock(self) < 0)
        return -1;
    return set_in_dict(op, attribute->name, value);
}

int ppy_barrier_overrides(barrier_t *self)
{
    PyObject *op = (PyObject *)self;
    ppy_watch_t *watch = &self->state->barrier_watch;

    if (ppy_is_plain(op, &self->dict, watch, &self->seen))
        return 0;
    if (!ppy_class_is_plain(op, watch, &self->seen))
        return 1;
    return ppy_object_overrides(op, watch, 0, STEPS);
}

bool ppy_barrier_is_native(barrier_t *self)
{
    if (ppy_barrier_was_native(self) && ppy_barrier_overrides(self) != 0
        && ppy_barrier_become_stock(self) < 0)
        PyErr_Clear();
    return ppy_barrier_was_native(self);
}
