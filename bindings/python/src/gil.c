/*
 * gil.c - CPython's own GIL: who has it, and how to ask for it.  The only
 * file that includes CPython's internal headers; priority.c decides when.
 *
 * The layout of the structures is checked when the module is imported.  If
 * anything looks odd, and on a free-threaded build, there is no GIL that we
 * know, and threads attach as everywhere.
 *
 * Invariants
 *   G1  A request is made under the GIL's mutex while the GIL is taken, as
 *       CPython's take_gil does after its interval.  Whoever holds the GIL
 *       then lets go of it at the next check, and waits until somebody else
 *       has taken it.
 *   G2  So whoever has made a request takes the GIL.  If it cannot, since the
 *       interpreter is shutting down, it withdraws.
 */
#define Py_BUILD_CORE_MODULE 1
#include "core.h"

/* For the mutex, whose owner wakes somebody. */
#define TRIES 1000

#ifdef Py_GIL_DISABLED

const char *ppy_gil_check(void)
{
    return "this build of Python has no GIL";
}

void *ppy_gil_here(void)
{
    return NULL;
}

bool ppy_gil_taken(const void *Py_UNUSED(gil))
{
    return false;
}

bool ppy_gil_free(void *Py_UNUSED(gil))
{
    return true;
}

unsigned long ppy_gil_switches(const void *Py_UNUSED(gil))
{
    return 0;
}

const void *ppy_gil_holder(const void *Py_UNUSED(gil))
{
    return NULL;
}

void ppy_gil_ask(void *Py_UNUSED(gil), void *Py_UNUSED(interpreter))
{
}

void ppy_gil_withdraw(void *Py_UNUSED(gil), void *Py_UNUSED(interpreter))
{
}

#else

#include <internal/pycore_ceval.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

typedef struct _gil_runtime_state gil_t;

/* --- what differs between versions -------------------------------------- */

#if PY_VERSION_HEX < 0x030c0000

static gil_t *gil_of(PyInterpreterState *Py_UNUSED(interpreter))
{
    return &_PyRuntime.ceval.gil;
}

#else

static gil_t *gil_of(PyInterpreterState *interpreter)
{
    return interpreter->ceval.gil;
}

#endif

#if PY_VERSION_HEX < 0x030d0000

/* Of the interpreter that waits: the one that holds, but for odd cases. */
static void request(gil_t *Py_UNUSED(gil), PyInterpreterState *interpreter)
{
    _Py_atomic_store_relaxed(&interpreter->ceval.gil_drop_request, 1);
    _Py_atomic_store_relaxed(&interpreter->ceval.eval_breaker, 1);
}

static void cancel(gil_t *Py_UNUSED(gil), PyInterpreterState *interpreter)
{
    _Py_atomic_store_relaxed(&interpreter->ceval.gil_drop_request, 0);
}

#else

/* While the GIL is taken, last_holder is who has taken it. */
static void request(gil_t *gil, PyInterpreterState *Py_UNUSED(interpreter))
{
    _Py_set_eval_breaker_bit(gil->last_holder, _PY_GIL_DROP_REQUEST_BIT);
}

static void cancel(gil_t *gil, PyInterpreterState *Py_UNUSED(interpreter))
{
    _Py_unset_eval_breaker_bit(gil->last_holder, _PY_GIL_DROP_REQUEST_BIT);
}

#endif

/* --- the GIL ----------------------------------------------------------- */

/* An int, whatever CPython wraps it in. */
static bool is_taken(const gil_t *gil)
{
    return __atomic_load_n((const int *)&gil->locked, __ATOMIC_RELAXED) == 1;
}

void *ppy_gil_here(void)
{
    return gil_of(PyInterpreterState_Get());
}

bool ppy_gil_taken(const void *gil)
{
    return is_taken(gil);
}

/* A thread that slept for the mutex would come too late. */
bool ppy_gil_free(void *arg)
{
    gil_t *gil = arg;
    int tries = TRIES;

    while (!is_taken(gil) && tries-- > 0)
        if (pthread_mutex_trylock(&gil->mutex) == 0) {
            pthread_mutex_unlock(&gil->mutex);
            break;
        }
    return !is_taken(gil);
}

unsigned long ppy_gil_switches(const void *gil)
{
    return __atomic_load_n(&((const gil_t *)gil)->switch_number,
                           __ATOMIC_RELAXED);
}

const void *ppy_gil_holder(const void *gil)
{
    return __atomic_load_n((void *const *)&((const gil_t *)gil)->last_holder,
                           __ATOMIC_RELAXED);
}

void ppy_gil_ask(void *arg, void *interpreter)
{
    gil_t *gil = arg;

    pthread_mutex_lock(&gil->mutex);
    if (is_taken(gil))
        request(gil, interpreter); /* G1 */
    pthread_mutex_unlock(&gil->mutex);
}

void ppy_gil_withdraw(void *arg, void *interpreter)
{
    gil_t *gil = arg;

    pthread_mutex_lock(&gil->mutex);
    if (is_taken(gil))
        cancel(gil, interpreter);
    pthread_mutex_unlock(&gil->mutex);
#ifdef FORCE_SWITCHING
    pthread_mutex_lock(&gil->switch_mutex);
    pthread_cond_signal(&gil->switch_cond);
    pthread_mutex_unlock(&gil->switch_mutex);
#endif
}

/* --- is it what it seems? ---------------------------------------------- */

/* In microseconds; negative if unknown. */
static double switch_interval(void)
{
    PyObject *get = PySys_GetObject("getswitchinterval");
    PyObject *interval = get == NULL ? NULL : PyObject_CallNoArgs(get);
    double result = interval == NULL ? -1 : PyFloat_AsDouble(interval) * 1e6;

    Py_XDECREF(interval);
    PyErr_Clear();
    return result;
}

/* This thread holds the GIL: is that what the structure says? */
const char *ppy_gil_check(void)
{
    gil_t *gil = ppy_gil_here();
    double interval = (double)gil->interval - switch_interval();

    if (interval < -1 || interval > 1)
        return "the GIL's switch interval is not where it should be";
    if (!is_taken(gil))
        return "the GIL seems not to be held";
    if (ppy_gil_holder(gil) != PyThreadState_Get())
        return "the GIL seems to be held by another thread";
    return NULL;
}

#endif
