/*
 * main_thread.c - which thread runs the handlers of signals.
 *
 * Up to CPython 3.12 a function of CPython says it.  From 3.13 on the module
 * threading says it; before, threading took the thread that first imported it
 * for the main thread.
 *
 * SPDX-License-Identifier: MIT
 */
#include "main_thread.h"
#if PY_VERSION_HEX < 0x030d0000

void ppy_main_thread_is_this(void)
{
}

int ppy_main_thread_setup(PyObject *Py_UNUSED(threading))
{
    return 0;
}

#else

#include <sys/syscall.h>
#include <unistd.h>

static unsigned long main_thread; /* atomic */

static void set(unsigned long ident)
{
    __atomic_store_n(&main_thread, ident, __ATOMIC_RELAXED);
}

bool ppy_is_main_thread(void)
{
    return ppy_ident() == __atomic_load_n(&main_thread, __ATOMIC_RELAXED);
}

void ppy_main_thread_is_this(void)
{
    set(ppy_ident());
}

/*
 * What CPython says; or, where somebody has replaced its function (gevent and
 * eventlet give threads other idents), that it is the process's first thread.
 */
static unsigned long find_main_thread(PyObject *threading)
{
    PyObject *function = PyObject_GetAttrString(threading,
                                                "_get_main_thread_ident");
    PyObject *ident = NULL;
    bool is_first = getpid() == syscall(SYS_gettid);
    unsigned long result = is_first ? ppy_ident() : 0;

    if (function != NULL && PyCFunction_Check(function))
        ident = PyObject_CallNoArgs(function);
    if (ident != NULL)
        result = PyLong_AsUnsignedLong(ident);
    Py_XDECREF(function);
    Py_XDECREF(ident);
    return result;
}

int ppy_main_thread_setup(PyObject *threading)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main())
        return 0;
    set(find_main_thread(threading));
    return PyErr_Occurred() ? -1 : 0;
}

#endif
