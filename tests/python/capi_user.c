/*
 * capi_user.c - a foreign thread that uses Python's objects, for test_capi.
 *
 * start(operation, object, argument, times) makes a thread that Python knows
 * nothing of; it calls one function of the C API so many times.  The result
 * is a handle for join(handle), which returns the sum of what they returned.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyplusthread_capi.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const PyPlusThread_CAPI *ppt;

typedef long long (*operation_fn)(PyObject *object, long long argument);

typedef struct {
    pthread_t thread;
    operation_fn operation;
    PyObject *object;
    long long argument;
    long long times;
    long long sum;
} job_t;

static int64_t deadline(long long ns)
{
    struct timespec now;

    if (ns <= 0)
        return ns;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec + ns;
}

static long long lock_acquire(PyObject *object, long long ns)
{
    return ppt->lock_acquire(object, deadline(ns));
}

static long long lock_release(PyObject *object, long long unused)
{
    (void)unused;
    return ppt->lock_release(object);
}

static long long count; /* guarded by the lock under test */

static long long lock_count(PyObject *object, long long unused)
{
    (void)unused;
    if (ppt->lock_acquire(object, INT64_MAX) != 0)
        return 1;
    count++;
    return ppt->lock_release(object);
}

static long long condition_notify(PyObject *object, long long n)
{
    return ppt->condition_notify(object, (int)n);
}

static long long condition_notify_all(PyObject *object, long long unused)
{
    (void)unused;
    return ppt->condition_notify_all(object);
}

static long long semaphore_release(PyObject *object, long long n)
{
    return ppt->semaphore_release(object, (Py_ssize_t)n);
}

static long long event_set(PyObject *object, long long unused)
{
    (void)unused;
    ppt->event_set(object);
    return 0;
}

static long long event_clear(PyObject *object, long long unused)
{
    (void)unused;
    ppt->event_clear(object);
    return 0;
}

static long long event_is_set(PyObject *object, long long unused)
{
    (void)unused;
    return ppt->event_is_set(object);
}

/* What is put: the argument, and how many the thread has put before. */
typedef struct {
    long long argument;
    long number;
} number_t;

static long made; /* with the GIL, or atomic */

static PyObject *make_number(void *data)
{
    number_t *number = data;
    PyObject *item = NULL;

    __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
    if (number->argument == -1)
        PyErr_SetString(PyExc_ValueError, "made of -1");
    else if (number->argument != -2) /* no exception is set */
        item = Py_BuildValue("Ll", number->argument, number->number);
    free(number);
    return item;
}

static long long simple_queue_put(PyObject *object, long long argument)
{
    static _Thread_local long puts;
    number_t *number = malloc(sizeof *number);

    if (number == NULL)
        return 1;
    number->argument = argument;
    number->number = puts++;
    return ppt->simple_queue_put(object, make_number, number);
}

static const struct {
    const char *name;
    operation_fn operation;
} operations[] = {
    { "lock_acquire", lock_acquire },
    { "lock_release", lock_release },
    { "lock_count", lock_count },
    { "condition_notify", condition_notify },
    { "condition_notify_all", condition_notify_all },
    { "semaphore_release", semaphore_release },
    { "event_set", event_set },
    { "event_clear", event_clear },
    { "event_is_set", event_is_set },
    { "simple_queue_put", simple_queue_put },
};

static operation_fn find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return operations[i].operation;
    return NULL;
}

static void *run(void *arg)
{
    job_t *job = arg;
    long long i;

    for (i = 0; i < job->times; i++)
        job->sum += job->operation(job->object, job->argument);
    return NULL;
}

static PyObject *start(PyObject *module, PyObject *args)
{
    const char *name;
    job_t *job = calloc(1, sizeof *job);

    (void)module;
    if (job == NULL)
        return PyErr_NoMemory();
    if (!PyArg_ParseTuple(args, "sOLL", &name, &job->object, &job->argument,
                          &job->times)
        || (job->operation = find(name)) == NULL) {
        free(job);
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_LookupError, "no such operation");
        return NULL;
    }
    Py_INCREF(job->object);
    if (pthread_create(&job->thread, NULL, run, job) != 0)
        Py_FatalError("pthread_create");
    return PyCapsule_New(job, NULL, NULL);
}

static PyObject *join(PyObject *module, PyObject *handle)
{
    job_t *job = PyCapsule_GetPointer(handle, NULL);
    long long sum;

    (void)module;
    if (job == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    pthread_join(job->thread, NULL);
    Py_END_ALLOW_THREADS
    sum = job->sum;
    Py_DECREF(job->object);
    free(job);
    return PyLong_FromLongLong(sum);
}

static PyObject *counted(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLongLong(count);
}

static PyObject *items_made(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(__atomic_load_n(&made, __ATOMIC_RELAXED));
}

static PyObject *kinds(PyObject *module, PyObject *object)
{
    (void)module;
    return Py_BuildValue("iiiii", ppt->is_lock(object),
                         ppt->is_condition(object),
                         ppt->is_semaphore(object), ppt->is_event(object),
                         ppt->is_simple_queue(object));
}

static PyMethodDef methods[] = {
    { "start", start, METH_VARARGS, NULL },
    { "join", join, METH_O, NULL },
    { "counted", counted, METH_NOARGS, NULL },
    { "items_made", items_made, METH_NOARGS, NULL },
    { "kinds", kinds, METH_O, NULL },
    { NULL, NULL, 0, NULL },
};

static int exec(PyObject *module)
{
    ppt = PyPlusThread_Import();
    if (ppt == NULL)
        return -1;
    return PyModule_AddIntConstant(module, "version", ppt->version);
}

static PyModuleDef_Slot slots[] = {
    { Py_mod_exec, (void *)exec },
#ifdef Py_GIL_DISABLED
    { Py_mod_gil, Py_MOD_GIL_NOT_USED },
#endif
    { 0, NULL },
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "capi_user",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_capi_user(void)
{
    return PyModuleDef_Init(&definition);
}
