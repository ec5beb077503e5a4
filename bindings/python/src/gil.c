/*
 * gil.c - the interpreter's own GIL, as far as a thread that was woken has to
 * know it.  The only file that knows CPython's internals.
 *
 * Whoever notifies holds the GIL, and goes on for a few microseconds until it
 * waits for something itself.  A thread that was woken at once would meanwhile
 * fall asleep on the GIL, and cost a second wake-up.  So it looks first: while
 * the GIL is taken, it spins for some time, if the notifier runs on another
 * CPU, or lets it go on, if it runs on this one.
 *
 * The layout of CPython's structures is checked when the module is imported;
 * if anything looks odd, threads attach as everywhere.  A free-threaded build
 * has no GIL to look at.
 */
#define Py_BUILD_CORE_MODULE 1
#include "core.h"

#include <sched.h>

/* As long as the library spins. */
#define SPIN_NS 20000

#ifdef Py_GIL_DISABLED

void *ppy_gil(void)
{
    return NULL;
}

void ppy_gil_approach(void *Py_UNUSED(gil), bool Py_UNUSED(far))
{
}

int ppy_gil_setup(void)
{
    return 0;
}

#else

#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

static bool is_known; /* atomic */

/* The GIL that this thread, which is attached, holds. */
static struct _gil_runtime_state *held_gil(void)
{
#if PY_VERSION_HEX < 0x030c0000
    return &_PyRuntime.ceval.gil;
#else
    return PyInterpreterState_Get()->ceval.gil;
#endif
}

void *ppy_gil(void)
{
    return __atomic_load_n(&is_known, __ATOMIC_RELAXED) ? held_gil() : NULL;
}

/* An int, whatever CPython wraps it in. */
static bool is_taken(struct _gil_runtime_state *gil)
{
    return __atomic_load_n((int *)&gil->locked, __ATOMIC_RELAXED) == 1;
}

static void spin(struct _gil_runtime_state *gil)
{
    int64_t end = ppt_now() + SPIN_NS;
    int looks;

    do
        for (looks = 0; looks < 100; looks++)
            if (!is_taken(gil))
                return;
    while (ppt_now() < end);
}

void ppy_gil_approach(void *arg, bool far)
{
    struct _gil_runtime_state *gil = arg;

    if (gil == NULL || !is_taken(gil))
        return;
    if (far)
        spin(gil);
    else
        sched_yield();
}

/* This thread holds the GIL: is that what the structure says? */
static bool looks_right(double interval)
{
    struct _gil_runtime_state *gil = held_gil();
    void *holder = __atomic_load_n((void **)&gil->last_holder,
                                   __ATOMIC_RELAXED);

    return is_taken(gil) && holder == PyThreadState_Get()
           && (double)gil->interval >= interval * 1e6 - 1
           && (double)gil->interval <= interval * 1e6 + 1;
}

int ppy_gil_setup(void)
{
    PyObject *get = PySys_GetObject("getswitchinterval");
    PyObject *interval = get == NULL ? NULL : PyObject_CallNoArgs(get);

    if (interval != NULL)
        __atomic_store_n(&is_known,
                         looks_right(PyFloat_AsDouble(interval)),
                         __ATOMIC_RELAXED);
    Py_XDECREF(interval);
    return PyErr_Occurred() ? -1 : 0;
}

#endif
