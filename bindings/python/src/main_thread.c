/*
 * main_thread.c - which thread runs the handlers of signals.
 *
 * CPython has a function for that until 3.12.  From 3.13 on threading knows:
 * before, it took the thread that imported it first for the main thread.
 */
#include "core.h"

#if PY_VERSION_HEX < 0x030d0000

void ppy_main_thread_is_this(void)
{
}

int ppy_main_thread_setup(PyObject *Py_UNUSED(threading))
{
    return 0;
}

#else

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

int ppy_main_thread_setup(PyObject *threading)
{
    PyObject *thread, *ident = NULL;

    if (PyInterpreterState_Get() != PyInterpreterState_Main())
        return 0;
    thread = PyObject_CallMethod(threading, "main_thread", NULL);
    if (thread != NULL)
        ident = PyObject_GetAttrString(thread, "ident");
    if (ident != NULL)
        set(PyLong_AsUnsignedLong(ident));
    Py_XDECREF(thread);
    Py_XDECREF(ident);
    return PyErr_Occurred() ? -1 : 0;
}

#endif
