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
 * The other way round: whoever releases a lock for which threads are queued
 * lets go of the GIL meanwhile, so that the one it wakes finds it free.  On
 * one CPU the woken thread runs at once, and a hand-over costs one switch
 * instead of three.  But the GIL may go to a CPU-bound thread, which keeps it
 * for milliseconds; so whoever was away for long has all threads keep the GIL
 * for many times as long: a small share of the time is lost at most.
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

/* Away from the GIL for longer is a loss, to be repaid so many times over. */
#define AWAY_NS 500000
#define REPAID 20

#ifdef Py_GIL_DISABLED

void *ppy_gil(void)
{
    return NULL;
}

void ppy_gil_approach(void *Py_UNUSED(gil))
{
}

int ppy_release(ppt_lock_t *lock)
{
    return ppt_lock_release(lock);
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

void ppy_gil_approach(void *arg)
{
    struct _gil_runtime_state *gil = arg;

    if (gil == NULL || !is_taken(gil))
        return;
    if (ppt_woken_from_afar())
        spin(gil);
    else
        sched_yield();
}

static int64_t keep_until; /* atomic */

static void attach_soon(ppy_wait_t *wait)
{
    int64_t left = ppt_now();
    int64_t away;

    ppy_attach(wait);
    away = ppt_now() - left;
    if (away > AWAY_NS)
        __atomic_store_n(&keep_until, left + away + REPAID * away,
                         __ATOMIC_RELAXED);
}

static int release_detached(ppt_lock_t *lock)
{
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, ppy_forget_lock, lock);
    ppy_detach(&wait);
    result = ppt_lock_release(lock);
    ppy_wait_end(&wait);
    attach_soon(&wait);
    return result;
}

int ppy_release(ppt_lock_t *lock)
{
    if (ppt_lock_waiting(lock) == 0
        || ppt_now() < __atomic_load_n(&keep_until, __ATOMIC_RELAXED))
        return ppt_lock_release(lock);
    return release_detached(lock);
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
