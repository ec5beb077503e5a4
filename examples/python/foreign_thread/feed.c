/*
 * feed.c - a thread of C that hands numbers to Python.
 *
 * The thread stands for a decoder, a driver or an event loop: Python knows
 * nothing of it, and it never holds the GIL.  It puts what it has measured
 * into a pyplusthread.SimpleQueue.  foreign_thread.py gets it from there; then
 * make() makes a number of Python of it.
 *
 * Part of pyplusthread.  SPDX-License-Identifier: MIT
 */
#include <Python.h>
#include <pthread.h>
#include <pyplusthread_capi.h>
#include <stdlib.h>

static const PyPlusThread_CAPI *ppt;

/* One feed at a time, started and joined by one thread of Python. */
static struct {
    pthread_t thread;
    PyObject *queue;
    long n;
} feed;

/* By the thread of Python that gets it, with the GIL if there is one. */
static PyObject *make(void *data)
{
    PyObject *number = PyLong_FromLong(*(long *)data);

    free(data);
    return number;
}

static void *produce(void *unused)
{
    long i;

    (void)unused;
    for (i = 0; i < feed.n; i++) {
        long *data = malloc(sizeof *data);

        if (data == NULL)
            abort();
        *data = i * i; /* here it would wait for its device */
        if (ppt->simple_queue_put(feed.queue, make, data) != 0)
            abort(); /* no memory */
    }
    return NULL;
}

/* start(queue, n): have a thread of C put n numbers. */
static PyObject *start(PyObject *module, PyObject *args)
{
    PyObject *queue;

    (void)module;
    if (!PyArg_ParseTuple(args, "Ol", &queue, &feed.n))
        return NULL;
    if (!ppt->is_simple_queue(queue) || feed.queue != NULL) {
        PyErr_SetString(PyExc_ValueError, "a pyplusthread.SimpleQueue, once");
        return NULL;
    }
    feed.queue = Py_NewRef(queue); /* while the thread runs */
    if (pthread_create(&feed.thread, NULL, produce, NULL) != 0) {
        Py_CLEAR(feed.queue);
        PyErr_SetString(PyExc_RuntimeError, "no thread can be started");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* join(): wait for the end of the thread, without the GIL. */
static PyObject *join(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (feed.queue != NULL) {
        Py_BEGIN_ALLOW_THREADS
        pthread_join(feed.thread, NULL);
        Py_END_ALLOW_THREADS
        Py_CLEAR(feed.queue);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    { "start", start, METH_VARARGS, "start(queue, n)" },
    { "join", join, METH_NOARGS, "join()" },
    { NULL, NULL, 0, NULL }
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "feed", .m_size = -1,
    .m_methods = methods
};

PyMODINIT_FUNC PyInit_feed(void);

PyMODINIT_FUNC PyInit_feed(void)
{
    PyObject *module;

    ppt = PyPlusThread_Import();
    module = ppt == NULL ? NULL : PyModule_Create(&definition);
#ifdef Py_GIL_DISABLED
    if (module != NULL)
        PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
    return module;
}
