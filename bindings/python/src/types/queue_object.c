/*
 * queue_object.c - the types Queue, LifoQueue and PriorityQueue: what an
 * object has, and how it is made.
 *
 * The mutex and the conditions are made with the object, and stay: threads
 * wait at them.  A program may put others in their place, as with queue.Queue,
 * and take them out again.
 *
 * SPDX-License-Identifier: MIT
 */
#include "queue.h"

#include "../base/args.h"
#include "../base/object.h"
#include "../base/pickle.h"
#include "own_condition.h"
#include "stock.h"

const char *const ppy_queue_names[] = {
    "maxsize", "queue", "mutex", "not_empty", "not_full", "all_tasks_done",
    "unfinished_tasks", "_qsize", "_put", "_get", "put", "get", "_init", NULL
};

static ppy_queue_t *queue(PyObject *op)
{
    return (ppy_queue_t *)op;
}

/* Set a field that others may read at the same time; takes over value. */
static void set_field(ppy_queue_t *self, PyObject **field, PyObject *value)
{
    PyObject *old;

    Py_BEGIN_CRITICAL_SECTION(self);
    old = *field;
    *field = value;
    Py_END_CRITICAL_SECTION();
    (void)self;
    Py_XDECREF(old);
}

static PyObject *get_field(ppy_queue_t *self, PyObject *const *field,
                           const char *name)
{
    PyObject *value;

    Py_BEGIN_CRITICAL_SECTION(self);
    value = Py_XNewRef(*field);
    Py_END_CRITICAL_SECTION();
    if (value == NULL)
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%s'",
                     Py_TYPE(self)->tp_name, name);
    return value;
}

/* The attributes */

static PyObject *get_items(PyObject *op, void *Py_UNUSED(closure))
{
    return get_field(queue(op), &queue(op)->items, "queue");
}

static int assign_items(PyObject *op, PyObject *value,
                        void *Py_UNUSED(closure))
{
    set_field(queue(op), &queue(op)->items, Py_XNewRef(value));
    return 0;
}

static PyObject *get_maxsize(PyObject *op, void *Py_UNUSED(closure))
{
    return get_field(queue(op), &queue(op)->maxsize, "maxsize");
}

/* An int: as many as it says, and no less than 0. */
static Py_ssize_t to_bound(PyObject *maxsize)
{
    Py_ssize_t bound;

    if (maxsize == NULL || !PyLong_Check(maxsize))
        return PPY_BOUND_UNKNOWN;
    bound = PyNumber_AsSsize_t(maxsize, NULL);
    return bound < 0 ? 0 : bound;
}

static int assign_maxsize(PyObject *op, PyObject *value,
                          void *Py_UNUSED(closure))
{
    __atomic_store_n(&queue(op)->bound, to_bound(value), __ATOMIC_RELAXED);
    set_field(queue(op), &queue(op)->maxsize, Py_XNewRef(value));
    return 0;
}

static int not_deleted(const PyObject *value)
{
    if (value != NULL)
        return 0;
    PyErr_SetString(PyExc_AttributeError, "cannot be deleted");
    return -1;
}

static PyObject *get_unfinished(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromSsize_t(ppy_queue_unfinished(queue(op)));
}

static int assign_unfinished(PyObject *op, PyObject *value,
                             void *Py_UNUSED(closure))
{
    Py_ssize_t number;

    if (not_deleted(value) < 0)
        return -1;
    number = PyNumber_AsSsize_t(value, PyExc_OverflowError);
    if (number == -1 && PyErr_Occurred())
        return -1;
    ppy_queue_set_unfinished(queue(op), number);
    return 0;
}

static PPY_IF_SHUTDOWN PyObject *get_is_shutdown(PyObject *op,
                                                 void *Py_UNUSED(closure))
{
    return ppy_bool(ppy_queue_is_shutdown(queue(op)));
}

static PPY_IF_SHUTDOWN int assign_is_shutdown(PyObject *op, PyObject *value,
                                              void *Py_UNUSED(closure))
{
    int is_true = not_deleted(value) < 0 ? -1 : PyObject_IsTrue(value);

    if (is_true >= 0)
        ppy_queue_set_shutdown(queue(op), is_true);
    return is_true < 0 ? -1 : 0;
}

/* The closure is the part's address in own of an object at NULL. */
static size_t part_of(void *closure)
{
    return (size_t)(uintptr_t)closure;
}

static PyObject *get_part(PyObject *op, void *closure)
{
    size_t part = part_of(closure);
    PyObject *result;

    Py_BEGIN_CRITICAL_SECTION(op);
    result = queue(op)->other[part];
    result = Py_NewRef(result != NULL ? result : queue(op)->own[part]);
    Py_END_CRITICAL_SECTION();
    return result;
}

static void look_for_others(ppy_queue_t *self)
{
    bool has_others = false;
    int part;

    Py_BEGIN_CRITICAL_SECTION(self);
    for (part = 0; part < PARTS; part++)
        has_others = has_others || self->other[part] != NULL;
    __atomic_store_n(&self->has_others, has_others, __ATOMIC_RELAXED);
    Py_END_CRITICAL_SECTION();
}

static void replace_part(ppy_queue_t *self, size_t part, PyObject *value)
{
    PyObject *other = value == self->own[part] ? NULL : value;

    set_field(self, &self->other[part], Py_XNewRef(other));
    look_for_others(self);
}

static int assign_part(PyObject *op, PyObject *value, void *closure)
{
    if (not_deleted(value) < 0)
        return -1;
    replace_part(queue(op), part_of(closure), value);
    return 0;
}

/* The items' methods, for subclasses */

/* Of that class of the module queue. */
static PyObject *call_stock(PyObject *op, PyObject *class, const char *name,
                            PyObject *const *args, Py_ssize_t nargs)
{
    return ppy_stock_call(op, class, name, args, nargs, NULL);
}

static bool has_own_items(PyObject *op)
{
    return ppy_queue_keeps(queue(op), ITEMS, ITEMS + 1);
}

/* The container, owned, if it is one of that order. */
static PyObject *fitting(PyObject *op, const ppy_order_t *order)
{
    PyObject *items = has_own_items(op) ? ppy_queue_items(queue(op)) : NULL;

    if (items != NULL && !order->fits(queue(op)->state, items))
        Py_CLEAR(items);
    return items;
}

static PyObject *put_in_order(PyObject *op, PyObject *item,
                              const ppy_order_t *order, PyObject *stock)
{
    PyObject *items = fitting(op, order);
    int result;

    if (items == NULL)
        return call_stock(op, stock, "_put", &item, 1);
    result = order->put(queue(op)->state, items, item);
    Py_DECREF(items);
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *get_in_order(PyObject *op, const ppy_order_t *order,
                              PyObject *stock)
{
    PyObject *items = fitting(op, order);
    PyObject *item;

    if (items == NULL)
        return call_stock(op, stock, "_get", NULL, 0);
    item = order->get(queue(op)->state, items);
    Py_DECREF(items);
    return item;
}

static int make_items(PyObject *op, const ppy_order_t *order)
{
    PyObject *items = order->make(queue(op)->state);
    int result = 0;

    if (items == NULL)
        return -1;
    if (has_own_items(op))
        set_field(queue(op), &queue(op)->items, Py_NewRef(items));
    else
        result = PyObject_SetAttrString(op, "queue", items);
    Py_DECREF(items);
    return result;
}

static PyObject *raw_size(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *items = PyObject_GetAttrString(op, "queue");
    Py_ssize_t size = items == NULL ? -1 : PyObject_Size(items);

    Py_XDECREF(items);
    return size < 0 ? NULL : PyLong_FromSsize_t(size);
}

/* For each type, since a subclass calls those of its base by name. */
#define ITEM_METHODS(prefix, order, stock)                                  \
    static PyObject *prefix##_init(PyObject *op,                            \
                                   PyObject *Py_UNUSED(maxsize))            \
    {                                                                       \
        return make_items(op, &order) < 0 ? NULL : Py_NewRef(Py_None);      \
    }                                                                       \
    static PyObject *prefix##_put(PyObject *op, PyObject *item)             \
    {                                                                       \
        return put_in_order(op, item, &order, queue(op)->state->stock);     \
    }                                                                       \
    static PyObject *prefix##_get(PyObject *op,                             \
                                  PyObject *Py_UNUSED(ignored))             \
    {                                                                       \
        return get_in_order(op, &order, queue(op)->state->stock);           \
    }
ITEM_METHODS(fifo, ppy_fifo, stock_queue)
ITEM_METHODS(lifo, ppy_lifo, stock_lifo_queue)
ITEM_METHODS(priority, ppy_priority, stock_priority_queue)

/* Rare: queue.Queue's own, with our attributes. */
static PPY_IF_SHUTDOWN PyObject *shutdown(PyObject *op, PyObject *const *args,
                                          Py_ssize_t nargs, PyObject *kwnames)
{
    return ppy_queue_stock(queue(op), "shutdown", args, nargs, kwnames);
}

/* The object */

/* Of the first of the three types that the class is derived from. */
static const ppy_order_t *order_of(const ppy_state_t *state,
                                   PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;
    Py_ssize_t i;

    for (i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);

        if (base == state->lifo_queue_type)
            return &ppy_lifo;
        if (base == state->priority_queue_type)
            return &ppy_priority;
    }
    return &ppy_fifo;
}

static int make_parts(ppy_queue_t *self)
{
    int part;

    self->own[MUTEX] = ppy_lock_new(self->state->lock_type);
    for (part = NOT_EMPTY; part < PARTS && self->own[part - 1] != NULL; part++)
        self->own[part] = ppy_condition_with(self->state, self->own[MUTEX]);
    return self->own[PARTS - 1] == NULL ? -1 : 0;
}

static PyObject *new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                     PyObject *Py_UNUSED(kwargs))
{
    ppy_queue_t *self = (ppy_queue_t *)type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->state = ppy_state(type);
    self->order = order_of(self->state, type);
    self->bound = PPY_BOUND_UNKNOWN;
    if (make_parts(self) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static bool overrides_init(ppy_queue_t *self)
{
    return !ppy_is_plain((PyObject *)self, &self->dict, ppy_queue_watch(self),
                         &self->seen);
}

static int init_items(ppy_queue_t *self, PyObject *maxsize)
{
    PyObject *result;

    if (!overrides_init(self))
        return make_items((PyObject *)self, self->order);
    result = PyObject_CallMethod((PyObject *)self, "_init", "(O)", maxsize);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int init_native(PyObject *op, PyObject *maxsize)
{
    size_t part;

    for (part = 0; part < PARTS; part++)
        replace_part(queue(op), part, queue(op)->own[part]);
    ppy_queue_set_unfinished(queue(op), 0);
    ppy_queue_set_shutdown(queue(op), false);
    assign_maxsize(op, maxsize, NULL);
    return init_items(queue(op), maxsize);
}

/* The class has attributes of its own. */
static int init_stock(PyObject *op, PyObject *maxsize)
{
    PyObject *result = ppy_queue_stock(queue(op), "__init__", &maxsize, 1,
                                       NULL);

    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = { "maxsize", NULL };
    PyObject *value, *maxsize;
    int result;

    if (ppy_args_tuple("Queue", names, args, kwargs, &value) < 0)
        return -1;
    maxsize = value == NULL ? PyLong_FromLong(0) : Py_NewRef(value);
    if (maxsize == NULL)
        return -1;
    result = ppy_queue_keeps(queue(op), 0, ATTRIBUTES)
                 ? init_native(op, maxsize)
                 : init_stock(op, maxsize);
    Py_DECREF(maxsize);
    return result;
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
    ppy_queue_t *self = queue(op);
    int part;

    Py_VISIT(Py_TYPE(op));
    for (part = 0; part < PARTS; part++) {
        Py_VISIT(self->own[part]);
        Py_VISIT(self->other[part]);
    }
    Py_VISIT(self->maxsize);
    Py_VISIT(self->items);
    Py_VISIT(self->dict);
    return 0;
}

/* The queue's own parts have no way back to here. */
static int clear(PyObject *op)
{
    ppy_queue_t *self = queue(op);
    int part;

    for (part = 0; part < PARTS; part++)
        Py_CLEAR(self->other[part]);
    Py_CLEAR(self->maxsize);
    Py_CLEAR(self->items);
    Py_CLEAR(self->dict);
    return 0;
}

static void dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    int part;

    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, dealloc)
    if (queue(op)->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    clear(op);
    for (part = 0; part < PARTS; part++)
        Py_XDECREF(queue(op)->own[part]);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyObject *getstate(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return ppy_getstate(op, "maxsize queue mutex not_empty not_full "
                            "all_tasks_done unfinished_tasks is_shutdown");
}

#define ITEM_TABLE(prefix)                                                  \
    { "_init", prefix##_init, METH_O, "_init($self, /, maxsize)\n--\n\n" }, \
    { "_qsize", raw_size, METH_NOARGS, "_qsize" PPY_NOTHING },              \
    { "_put", prefix##_put, METH_O, "_put($self, /, item)\n--\n\n" },       \
    { "_get", prefix##_get, METH_NOARGS, "_get" PPY_NOTHING }

static PyMethodDef methods[] = {
    PPY_PICKLED,
    ITEM_TABLE(fifo),
    { "put", PPY_METHOD(ppy_queue_put), METH_FASTCALL | METH_KEYWORDS,
      "put($self, /, item, block=True, timeout=None)\n--\n\n" },
    { "put_nowait", PPY_METHOD(ppy_queue_put_nowait),
      METH_FASTCALL | METH_KEYWORDS, "put_nowait($self, /, item)\n--\n\n" },
    { "get", PPY_METHOD(ppy_queue_get), METH_FASTCALL | METH_KEYWORDS,
      "get($self, /, block=True, timeout=None)\n--\n\n" },
    { "get_nowait", ppy_queue_get_nowait, METH_NOARGS,
      "get_nowait" PPY_NOTHING },
    { "task_done", ppy_queue_task_done, METH_NOARGS,
      "task_done" PPY_NOTHING },
    { "join", ppy_queue_join, METH_NOARGS, "join" PPY_NOTHING },
    { "qsize", ppy_queue_qsize, METH_NOARGS, "qsize" PPY_NOTHING },
    { "empty", ppy_queue_empty, METH_NOARGS, "empty" PPY_NOTHING },
    { "full", ppy_queue_full, METH_NOARGS, "full" PPY_NOTHING },
    { "__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL },
    PPY_SHUTDOWN(
    { "shutdown", PPY_METHOD(shutdown), METH_FASTCALL | METH_KEYWORDS,
      "shutdown($self, /, immediate=False)\n--\n\n" })
    { NULL, NULL, 0, NULL }
};

static PyMethodDef lifo_methods[] = {
    ITEM_TABLE(lifo),
    { NULL, NULL, 0, NULL }
};

static PyMethodDef priority_methods[] = {
    ITEM_TABLE(priority),
    { NULL, NULL, 0, NULL }
};

#define PART(name, part)                                                    \
    { name, get_part, assign_part, NULL, (void *)(uintptr_t)(part) }

static PyGetSetDef getset[] = {
    { "queue", get_items, assign_items, NULL, NULL },
    { "maxsize", get_maxsize, assign_maxsize, NULL, NULL },
    { "unfinished_tasks", get_unfinished, assign_unfinished, NULL, NULL },
    PART("mutex", MUTEX),
    PART("not_empty", NOT_EMPTY),
    PART("not_full", NOT_FULL),
    PART("all_tasks_done", ALL_TASKS_DONE),
    PPY_SHUTDOWN(
    { "is_shutdown", get_is_shutdown, assign_is_shutdown, NULL, NULL })
    PPY_GET_DICT,
    { NULL, NULL, NULL, NULL, NULL }
};

static PyMemberDef members[] = {
    PPY_WEAKREFS(ppy_queue_t),
    PPY_DICT(ppy_queue_t),
    { NULL, 0, 0, 0, NULL }
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "Queue(maxsize=0)\n--\n\n" },
    { Py_tp_new, new },
    { Py_tp_init, init },
    { Py_tp_dealloc, dealloc },
    { Py_tp_traverse, traverse },
    { Py_tp_clear, clear },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { Py_tp_members, members },
    { 0, NULL }
};

static PyType_Slot lifo_slots[] = {
    { Py_tp_doc, "LifoQueue(maxsize=0)\n--\n\n" },
    { Py_tp_traverse, traverse },
    { Py_tp_clear, clear },
    { Py_tp_methods, lifo_methods },
    { 0, NULL }
};

static PyType_Slot priority_slots[] = {
    { Py_tp_doc, "PriorityQueue(maxsize=0)\n--\n\n" },
    { Py_tp_traverse, traverse },
    { Py_tp_clear, clear },
    { Py_tp_methods, priority_methods },
    { 0, NULL }
};

#define SPEC(type, title, its_slots)                                        \
    PyType_Spec type = {                                                    \
        .name = "pyplusthread." title,                                      \
        .basicsize = sizeof(ppy_queue_t),                                   \
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE                   \
                 | Py_TPFLAGS_HAVE_GC,                                      \
        .slots = its_slots,                                                 \
    }
SPEC(ppy_queue_spec, "Queue", slots);
SPEC(ppy_lifo_queue_spec, "LifoQueue", lifo_slots);
SPEC(ppy_priority_queue_spec, "PriorityQueue", priority_slots);
