/*
 * feed.c - a thread of C that hands numbers to Python.
 *
 * The thread stands for a decoder, a driver or an event loop: Python knows
 * nothing of it, and it never holds the GIL.  It puts a number into the ring
 * and releases a unit of a pyplusthread.Semaphore.  foreign_thread.py acquires
 * a unit, and takes the number.
 *
 * Part of pyplusthread.  SPDX-License-Identifier: MIT
 */
#include <Python.h>
#include <pthread.h>
#include <pyplusthread_capi.h>

#define ROOM 1024

static const PyPlusThread_CAPI *ppt;

/* One feed at a time.  The thread writes numbers[] before the unit of that
 * number is released, and Python reads it after it has acquired the unit. */
static struct {
    pthread_t thread;
    PyObject *filled;
    long numbers[ROOM];
    long n;
    long taken; /* with the GIL */
} feed;

static void *produce(void *unused)
{
    long i;

    (void)unused;
    for (i = 0; i < feed.n; i++) {
        feed.numbers[i] = i * i; /* here it would wait for its device */
        ppt->semaphore_release(feed.filled, 1);
    }
    return NULL;
}

/* start(semaphore, n): have a thread of C make n numbers. */
static PyObject *start(PyObject *module, PyObject *args)
{
    PyObject *filled;

    (void)module;
    if (!PyArg_ParseTuple(args, "Ol", &filled, &feed.n))
        return NULL;
    if (!ppt->is_semaphore(filled) || feed.n < 0 || feed.n > ROOM
        || feed.filled != NULL) {
        PyErr_SetString(PyExc_ValueError, "a pyplusthread.Semaphore, and at "
                        "most 1024 numbers, once");
        return NULL;
    }
    feed.filled = Py_NewRef(filled); /* while the thread runs */
    if (pthread_create(&feed.thread, NULL, produce, NULL) != 0) {
        Py_CLEAR(feed.filled);
        PyErr_SetString(PyExc_RuntimeError, "no thread can be started");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* take(): the next number; after a unit of the semaphore was acquired. */
static PyObject *take(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (feed.taken >= feed.n) {
        PyErr_SetString(PyExc_IndexError, "all numbers were taken");
        return NULL;
    }
    return PyLong_FromLong(feed.numbers[feed.taken++]);
}

/* join(): wait for the end of the thread, without the GIL. */
static PyObject *join(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (feed.filled != NULL) {
        Py_BEGIN_ALLOW_THREADS
        pthread_join(feed.thread, NULL);
        Py_END_ALLOW_THREADS
        Py_CLEAR(feed.filled);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    { "start", start, METH_VARARGS, "start(semaphore, n)" },
    { "take", take, METH_NOARGS, "take()" },
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
    ppt = PyPlusThread_Import();
    return ppt == NULL ? NULL : PyModule_Create(&definition);
}
