/*
 * module.c - the module pyplusthread._core.
 *
 * One state for each interpreter that imports it.  The types are made anew
 * for each; what they share, the tables with their docstrings, is filled by
 * the first.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <string.h>

#include "base/docs.h"
#include "base/object.h"
#include "capi.h"
#include "cpython/control.h"
#include "cpython/stats.h"
#include "types/barrier.h"
#include "types/cond.h"
#include "types/event.h"
#include "types/lock.h"
#include "types/queue.h"
#include "types/rlock.h"
#include "types/semaphore.h"
#include "types/simple_queue.h"
#include "wait/contention.h"
#include "wait/wait.h"

/* Types */

typedef struct {
    PyType_Spec *spec;
    const char *module;     /* of which it stands for a class, */
    const char *stock;      /* or a function: is_factory */
    bool is_factory;
    size_t offset;          /* in ppy_state_t */
    size_t base;            /* the same; 0: none */
} type_t;

#define AT(field) offsetof(ppy_state_t, field)

static const type_t types[] = {
    { &ppy_lock_spec, "threading", "Lock", true, AT(lock_type), 0 },
    { &ppy_rlock_spec, "threading", "RLock", true, AT(rlock_type), 0 },
    { &ppy_condition_spec, "threading", "Condition", false,
      AT(condition_type), 0 },
    { &ppy_semaphore_spec, "threading", "Semaphore", false,
      AT(semaphore_type), 0 },
    { &ppy_bounded_semaphore_spec, "threading", "BoundedSemaphore", false,
      AT(bounded_semaphore_type), AT(semaphore_type) },
    { &ppy_event_spec, "threading", "Event", false, AT(event_type), 0 },
    { &ppy_barrier_spec, "threading", "Barrier", false, AT(barrier_type), 0 },
    { &ppy_simple_queue_spec, "queue", "SimpleQueue", false,
      AT(simple_queue_type), 0 },
    { &ppy_queue_spec, "queue", "Queue", false, AT(queue_type), 0 },
    { &ppy_lifo_queue_spec, "queue", "LifoQueue", false, AT(lifo_queue_type),
      AT(queue_type) },
    { &ppy_priority_queue_spec, "queue", "PriorityQueue", false,
      AT(priority_queue_type), AT(queue_type) },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

static PyObject **field(ppy_state_t *state, size_t offset)
{
    return (PyObject **)((char *)state + offset);
}

/* What another module has under a name; name NULL: that module. */
static PyObject *import(const char *module, const char *name)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *found = NULL;

    if (name == NULL)
        return imported;
    if (imported != NULL)
        found = PyObject_GetAttrString(imported, name);
    Py_XDECREF(imported);
    return found;
}

/* The class that a type stands for. */
static PyObject *stock_class(const type_t *type)
{
    PyObject *stock = import(type->module, type->stock);
    PyObject *object;

    if (stock == NULL || !type->is_factory)
        return stock;
    object = PyObject_CallNoArgs(stock);
    Py_DECREF(stock);
    if (object == NULL)
        return NULL;
    stock = Py_NewRef(Py_TYPE(object));
    Py_DECREF(object);
    return stock;
}

static int stock_classes(PyObject **classes)
{
    size_t i;

    for (i = 0; i < TYPES; i++) {
        classes[i] = stock_class(&types[i]);
        if (classes[i] == NULL)
            return -1;
    }
    return 0;
}

static ppt_lock_t docs_lock = PPT_LOCK_INITIALIZER;

/* In the child of a fork that another interpreter's import was caught by. */
static void after_fork_in_child(void)
{
    ppt_lock_after_fork(&docs_lock);
}

static void set_atfork(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* Detached if another interpreter has it: wait.c, W3. */
static void lock_docs(void)
{
    if (ppt_lock_acquire(&docs_lock, PPT_TRY) == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    ppt_lock_acquire_transient(&docs_lock, PPT_FOREVER);
    Py_END_ALLOW_THREADS
    ppt_lock_settle(&docs_lock);
}

/* Once in the process, whatever the interpreters do. */
static void fill_docs(PyObject *const *classes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static bool taken;
    size_t i;

    pthread_once(&once, set_atfork);
    lock_docs();
    for (i = 0; i < TYPES && !taken; i++)
        ppy_take_docs(types[i].spec, classes[i]);
    taken = true;
    ppt_lock_release(&docs_lock);
}

/* class, if it has that name. */
static PyObject *if_named(PyObject *class, const char *name)
{
    PyTypeObject *type = (PyTypeObject *)class;

    return strcmp(type->tp_name, name) == 0 ? Py_NewRef(class) : NULL;
}

static int take_from_stock(ppy_state_t *state)
{
    PyObject *classes[TYPES] = { NULL };
    int result = stock_classes(classes);
    size_t i;

    if (result == 0) {
        state->stock_lock = if_named(classes[0], ppy_lock_spec.name);
        state->stock_rlock = if_named(classes[1], ppy_rlock_spec.name);
        fill_docs(classes);
    }
    for (i = 0; i < TYPES; i++)
        Py_XDECREF(classes[i]);
    return result;
}

/* A type that has a signature but no docstring has an empty one. */
static int none_if_empty(PyObject *type)
{
    PyObject *doc = PyObject_GetAttrString(type, "__doc__");
    bool empty = doc != NULL && PyUnicode_Check(doc)
                 && PyUnicode_GetLength(doc) == 0;
    int result = doc == NULL ? -1 : 0;

    if (empty)
        result = PyObject_SetAttrString(type, "__doc__", Py_None);
    Py_XDECREF(doc);
    return result;
}

static int set_name(PyObject *type, const char *attribute, const char *text)
{
    PyObject *name = PyUnicode_FromString(text);
    int result = name == NULL ? -1
                              : PyObject_SetAttrString(type, attribute, name);

    Py_XDECREF(name);
    return result;
}

/*
 * A lock calls itself threading's in C: in repr(), in messages.  Its type is
 * pyplusthread's, where pickle looks for it.
 */
static int add_lock_type(PyObject *module, PyObject *made, const type_t *type)
{
    PyTypeObject *as_type = (PyTypeObject *)made;

    if (set_name(made, "__module__", "pyplusthread") < 0
        || set_name(made, "__name__", type->stock) < 0
        || set_name(made, "__qualname__", type->stock) < 0
        || PyModule_AddType(module, as_type) < 0)
        return -1;
    as_type->tp_name = type->spec->name;
    return 0;
}

static int add_type(PyObject *module, const type_t *type)
{
    ppy_state_t *state = PyModule_GetState(module);
    PyObject *base = NULL;
    PyObject *made;

    if (type->base != 0)
        base = *field(state, type->base);
    made = PyType_FromModuleAndSpec(module, type->spec, base);
    *field(state, type->offset) = made;
    if (made == NULL || none_if_empty(made) < 0)
        return -1;
    if (type->is_factory)
        return add_lock_type(module, made, type);
    return PyModule_AddType(module, (PyTypeObject *)made);
}

static int add_types(PyObject *module)
{
    size_t i;

    for (i = 0; i < TYPES; i++)
        if (add_type(module, &types[i]) < 0)
            return -1;
    return 0;
}

/* The module */

/* What we need of other modules, and where it goes. */
static const struct {
    const char *module;
    const char *name;           /* in it; NULL: the module itself */
    const char *attribute;      /* of that; NULL: that itself */
    size_t offset;
} stock[] = {
    { "threading", "Semaphore", NULL, AT(stock_semaphore) },
    { "threading", "BoundedSemaphore", NULL, AT(stock_bounded_semaphore) },
    { "threading", "Event", NULL, AT(stock_event) },
    { "threading", "Barrier", NULL, AT(stock_barrier) },
    { "threading", NULL, NULL, AT(threading) },
    { "queue", NULL, NULL, AT(queue) },
    { "queue", "Queue", NULL, AT(stock_queue) },
    { "queue", "LifoQueue", NULL, AT(stock_lifo_queue) },
    { "queue", "PriorityQueue", NULL, AT(stock_priority_queue) },
    { "_queue", "Empty", NULL, AT(empty) },
    { "collections", "deque", NULL, AT(deque) },
    { "collections", "deque", "append", AT(deque_append) },
    { "collections", "deque", "popleft", AT(deque_popleft) },
    { "builtins", "list", "pop", AT(list_pop) },
};

#define STOCK (sizeof(stock) / sizeof(stock[0]))

static int take_stock(ppy_state_t *state)
{
    size_t i;

    for (i = 0; i < STOCK; i++) {
        PyObject *taken = import(stock[i].module, stock[i].name);

        if (taken != NULL && stock[i].attribute != NULL)
            Py_SETREF(taken, PyObject_GetAttrString(taken,
                                                    stock[i].attribute));

        *field(state, stock[i].offset) = taken;
        if (taken == NULL)
            return -1;
    }
    return 0;
}

static const struct {
    const char *const *names;
    size_t watch, type;         /* in ppy_state_t */
} watches[] = {
    { ppy_condition_names, AT(condition_watch), AT(condition_type) },
    { ppy_semaphore_names, AT(semaphore_watch), AT(semaphore_type) },
    { ppy_barrier_names, AT(barrier_watch), AT(barrier_type) },
    { ppy_queue_names, AT(queue_watch), AT(queue_type) },
    { ppy_queue_names, AT(lifo_queue_watch), AT(lifo_queue_type) },
    { ppy_queue_names, AT(priority_queue_watch), AT(priority_queue_type) },
};

#define WATCHES (sizeof(watches) / sizeof(watches[0]))

static ppy_watch_t *watch(ppy_state_t *state, size_t i)
{
    return (ppy_watch_t *)field(state, watches[i].watch);
}

static int set_watches(ppy_state_t *state)
{
    size_t i;

    for (i = 0; i < WATCHES; i++) {
        PyObject *type = *field(state, watches[i].type);

        if (ppy_watch_setup(watch(state, i), (PyTypeObject *)type,
                            watches[i].names) < 0)
            return -1;
    }
    return 0;
}

static int add_exceptions(PyObject *module, ppy_state_t *state)
{
    const struct {
        PyObject *from;
        const char *name;
    } exceptions[] = {
        { state->threading, "BrokenBarrierError" },
        { state->queue, "Empty" },
        { state->queue, "Full" },
        PPY_SHUTDOWN({ state->queue, "ShutDown" })
    };
    int result = 0;
    size_t i;

    for (i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        const char *name = exceptions[i].name;
        PyObject *class = PyObject_GetAttrString(exceptions[i].from, name);

        if (class == NULL || PyModule_AddObjectRef(module, name, class) < 0)
            result = -1;
        Py_XDECREF(class);
    }
    return result;
}

static int set_up(PyObject *module, PyObject *threading)
{
    ppy_state_t *state = PyModule_GetState(module);

    state->nothing = ppy_make_nothing();
    if (state->nothing == NULL || take_stock(state) < 0
        || ppy_wait_setup(threading) < 0
        || take_from_stock(state) < 0
        || add_types(module) < 0
        || set_watches(state) < 0)
        return -1;
    if (add_exceptions(module, state) < 0
        || PyModule_AddStringConstant(module, "__version__", PPT_VERSION) < 0)
        return -1;
    ppy_control_setup(state);
    return ppy_add_capi(module);
}

static int exec(PyObject *module)
{
    PyObject *threading = PyImport_ImportModule("threading");
    int result = threading == NULL ? -1 : set_up(module, threading);

    Py_XDECREF(threading);
    return result;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    ppy_state_t *state = PyModule_GetState(module);
    size_t i;
    int result = 0;

    for (i = 0; i < TYPES; i++)
        Py_VISIT(*field(state, types[i].offset));
    Py_VISIT(state->stock_lock);
    Py_VISIT(state->stock_rlock);
    Py_VISIT(state->nothing);
    for (i = 0; i < STOCK; i++)
        Py_VISIT(*field(state, stock[i].offset));
    for (i = 0; i < WATCHES && result == 0; i++)
        result = ppy_watch_traverse(watch(state, i), visit, arg);
    return result;
}

static int clear(PyObject *module)
{
    ppy_state_t *state = PyModule_GetState(module);
    size_t i;

    for (i = 0; i < TYPES; i++)
        Py_CLEAR(*field(state, types[i].offset));
    Py_CLEAR(state->stock_lock);
    Py_CLEAR(state->stock_rlock);
    Py_CLEAR(state->nothing);
    for (i = 0; i < STOCK; i++)
        Py_CLEAR(*field(state, stock[i].offset));
    for (i = 0; i < WATCHES; i++)
        ppy_watch_clear(watch(state, i));
    return 0;
}

static void free_module(void *module)
{
    clear(module);
    ppy_control_end(PyModule_GetState(module));
}

static PyMethodDef functions[] = {
    { "set_gil_priority", PPY_METHOD(ppy_set_gil_priority),
      METH_FASTCALL | METH_KEYWORDS,
      "set_gil_priority($module, /, enabled=True, *, cpu_share=0.3)\n--\n\n"
      "Let threads that come back from a blocking call have the GIL before "
      "CPU-bound\nones.\n\n"
      "When a thread returns from a blocking call, of this package or any "
      "other, a\nCPU-bound thread is asked to let go of the GIL at once, "
      "instead of after the\nswitch interval of 5 ms.  A CPU-bound thread has "
      "the GIL for a switch interval\nbefore the next one gets it.\n\n"
      "cpu_share is at least 0 and less than 1.  Of the time in which "
      "CPU-bound threads\nwant the GIL they get at least this part, however "
      "many other threads come back.  Each call sets both: without cpu_share "
      "it is 0.3\nagain.  Raises ValueError for any other share.\n\n"
      "It is on by default, for all threads of all interpreters that have "
      "imported\nthis package, and has no effect where gil_info()['reason'] "
      "says why the GIL\ncannot be scheduled.  A thread that waits for the GIL while it is "
      "turned off finishes\nits wait as it began it." },
    { "gil_info", ppy_gil_info, METH_NOARGS,
      "gil_info($module, /)\n--\n\n"
      "Whether the GIL is scheduled, and counters, as a dict.\n\n"
      "priority   whether threads back from blocking calls get the GIL first\n"
      "reason     why they do not; None if they do\n"
      "cpu_share  see set_gil_priority()\n"
      "gils       the most GILs that have been scheduled at the same time\n"
      "holds      how often a thread took the GIL\n"
      "waits      how many of these holds began with a wait for the GIL\n"
      "cpu_bound_waits\n"
      "           how many of these waits were those of CPU-bound threads\n"
      "wakes      how often a thread was woken for the GIL\n"
      "vain_wakes how many of the woken threads found the GIL taken\n"
      "requests   how often a thread was asked to let go\n"
      "renewals   how many of these requests repeated one that had no effect\n"
      "forced     how often a CPU-bound thread let go because it was asked\n"
      "waited     seconds that threads back from blocking calls waited\n"
      "cpu_bound_waited\n"
      "           seconds that CPU-bound threads waited\n"
      "cpu_bound_held\n"
      "           seconds that CPU-bound threads held the GIL, while "
      "others waited\n"
      "           or after they had been forced off" },
    { "_gil_observe", ppy_gil_observe, METH_O, "See _stats.py." },
    { "_gil_reset", ppy_gil_reset, METH_NOARGS, "See _stats.py." },
    { "_gil_name", ppy_gil_name, METH_O, "See _stats.py." },
    { "_gil_mark", ppy_gil_mark, METH_O, "See _lateness.py." },
    { "_gil_waited", ppy_gil_waited, METH_NOARGS, "See _lateness.py." },
    { "_locks_count", ppy_locks_count, METH_O, "See _locks.py." },
    { "_locks_copy", ppy_locks_copy, METH_NOARGS, "See _locks.py." },
    { "_gil_keep_events", ppy_gil_keep_events, METH_O, "See _trace.py." },
    { "_gil_events", ppy_gil_events, METH_NOARGS, "See _trace.py." },
    { "_gil_witness", PPY_METHOD(ppy_gil_witness), METH_FASTCALL,
      "See _doctor.py." },
    { "_gil_pause", ppy_gil_pause, METH_O, "See _doctor.py." },
    { "_gil_copy", ppy_gil_copy, METH_O, "See _stats.py." },
    { NULL, NULL, 0, NULL }
};

static PyModuleDef_Slot slots[] = {
    { Py_mod_exec, exec },
    PPY_SLOT_INTERPRETERS
    PPY_SLOT_GIL
    { 0, NULL }
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pyplusthread._core",
    .m_doc = "Native locks, conditions, semaphores, events, barriers and "
             "queues.",
    .m_size = sizeof(ppy_state_t),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    ppy_state_setup(&module_def);
    return PyModuleDef_Init(&module_def);
}
