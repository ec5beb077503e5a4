/*
 * gil.c - CPython's own GIL: who has it, and how to ask for it.  The only
 * file that includes CPython's internal headers; priority.c decides when.
 *
 * The layout of the structures is checked when the module is imported.  If
 * anything looks odd, and on a free-threaded build, there is no GIL that we
 * know, and threads attach as everywhere.
 *
 * Who waits for the GIL waits for its condition variable: so do all threads
 * that come back from a blocking call, whoever's it is.  How many there are
 * the C library knows, where it can be asked (cond_waiters.h).
 *
 * Invariants
 *   G1  A request is made under the GIL's mutex while the GIL is taken, as
 *       CPython's take_gil does after its interval.  Whoever holds the GIL
 *       then lets go of it at the next check, and waits until somebody else
 *       has taken it.
 *   G2  So whoever has made a request takes the GIL; or it was made for a
 *       thread of the same interpreter that is seen, under the mutex, to wait
 *       for the condition, and takes the GIL.  If it cannot, since the
 *       interpreter is shutting down, the request is withdrawn.
 *   G3  A thread state is looked into under a lock without which it cannot be
 *       deleted: the GIL's mutex while it has the GIL; before CPython 3.13
 *       that of all thread states.
 */
#define Py_BUILD_CORE_MODULE 1
#include "core.h"

#include "cond_waiters.h"

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

unsigned ppy_gil_waiters(const void *Py_UNUSED(gil))
{
    return 0;
}

const void *ppy_gil_holders_clock(void *Py_UNUSED(gil),
                                  void *Py_UNUSED(interpreter),
                                  clockid_t *Py_UNUSED(clock))
{
    return NULL;
}

bool ppy_gil_ask(void *Py_UNUSED(gil), void *Py_UNUSED(interpreter))
{
    return false;
}

bool ppy_gil_sees_waiters_of(void *Py_UNUSED(interpreter))
{
    return false;
}

bool ppy_gil_ask_for(void *Py_UNUSED(gil), void *Py_UNUSED(interpreter),
                     unsigned Py_UNUSED(few), unsigned Py_UNUSED(ours))
{
    return false;
}

void ppy_gil_withdraw(void *Py_UNUSED(gil), void *Py_UNUSED(interpreter))
{
}

#else

#include <internal/pycore_ceval.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

typedef struct _gil_runtime_state gil_t;

/* An int, whatever CPython wraps it in. */
static bool is_taken(const gil_t *gil)
{
    return __atomic_load_n((const int *)&gil->locked, __ATOMIC_RELAXED) == 1;
}

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

#if PY_VERSION_HEX < 0x030b0000

static bool clock_of(const PyThreadState *thread, clockid_t *clock)
{
    return pthread_getcpuclockid((pthread_t)thread->thread_id, clock) == 0;
}

#else

/*
 * Linux's number for the CPU clock of a thread.  The thread may have ended,
 * where another one uses its state: then there is no such clock.
 */
static bool clock_of(const PyThreadState *thread, clockid_t *clock)
{
    *clock = (clockid_t)(~(unsigned)thread->native_thread_id << 3 | 6);
    return true;
}

#endif

#if PY_VERSION_HEX < 0x030d0000

/*
 * Of the interpreter that waits.  Whoever holds may be of another one, if they
 * share the GIL: then nobody is asked.
 */
static void request(gil_t *Py_UNUSED(gil), PyInterpreterState *interpreter)
{
    _Py_atomic_store_relaxed(&interpreter->ceval.gil_drop_request, 1);
    _Py_atomic_store_relaxed(&interpreter->ceval.eval_breaker, 1);
}

static void cancel(gil_t *Py_UNUSED(gil), PyInterpreterState *interpreter)
{
    _Py_atomic_store_relaxed(&interpreter->ceval.gil_drop_request, 0);
}

/*
 * A request stays until a thread of its interpreter takes the GIL: so one of
 * them must be waiting.  Where there are others, who knows whose threads are?
 */
static bool waiters_are_of(PyInterpreterState *interpreter)
{
    return _PyRuntime.interpreters.head == interpreter
           && interpreter->next == NULL;
}

#if PY_VERSION_HEX < 0x030b0000
#define FIRST_THREAD tstate_head
#else
#define FIRST_THREAD threads.head
#endif

/*
 * G3.  A thread may go over to another interpreter and keep the GIL: so the
 * last holder may be gone, and is looked for.
 */
static const PyThreadState *lock_holder(gil_t *gil,
                                        PyInterpreterState *interpreter)
{
    const PyThreadState *thread;

    PyThread_acquire_lock(_PyRuntime.interpreters.mutex, WAIT_LOCK);
    thread = interpreter->FIRST_THREAD;
    while (thread != NULL && thread != ppy_gil_holder(gil))
        thread = thread->next;
    return thread;
}

static void unlock_holder(gil_t *Py_UNUSED(gil))
{
    PyThread_release_lock(_PyRuntime.interpreters.mutex);
}

#else

/*
 * While the GIL is taken, last_holder is who has taken it; at shutdown it may
 * be a daemon thread's, which is gone.
 */
static PyThreadState *holder_of(const gil_t *gil)
{
    PyThreadState *last = _PyRuntimeState_GetFinalizing(&_PyRuntime);

    return last == NULL || last == gil->last_holder ? gil->last_holder : NULL;
}

static void request(gil_t *gil, PyInterpreterState *Py_UNUSED(interpreter))
{
    PyThreadState *holder = holder_of(gil);

    if (holder != NULL)
        _Py_set_eval_breaker_bit(holder, _PY_GIL_DROP_REQUEST_BIT);
}

static void cancel(gil_t *gil, PyInterpreterState *Py_UNUSED(interpreter))
{
    PyThreadState *holder = holder_of(gil);

    if (holder != NULL)
        _Py_unset_eval_breaker_bit(holder, _PY_GIL_DROP_REQUEST_BIT);
}

static bool waiters_are_of(PyInterpreterState *Py_UNUSED(interpreter))
{
    return true;
}

/* G3 */
static const PyThreadState *lock_holder(gil_t *gil,
                                        PyInterpreterState *Py_UNUSED(i))
{
    pthread_mutex_lock(&gil->mutex);
    return is_taken(gil) ? holder_of(gil) : NULL;
}

static void unlock_holder(gil_t *gil)
{
    pthread_mutex_unlock(&gil->mutex);
}

#endif

/* --- the GIL ----------------------------------------------------------- */

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

unsigned ppy_gil_waiters(const void *gil)
{
    return ppy_cond_waiters(&((const gil_t *)gil)->cond);
}

const void *ppy_gil_holders_clock(void *gil, void *interpreter,
                                  clockid_t *clock)
{
    const PyThreadState *holder = lock_holder(gil, interpreter);

    if (holder != NULL && !clock_of(holder, clock))
        holder = NULL;
    unlock_holder(gil);
    return holder;
}

bool ppy_gil_sees_waiters_of(void *interpreter)
{
    return ppy_cond_waiters_known() && waiters_are_of(interpreter);
}

/* G1, G2 */
bool ppy_gil_ask_for(void *arg, void *interpreter, unsigned few,
                     unsigned ours)
{
    gil_t *gil = arg;
    bool asks;

    pthread_mutex_lock(&gil->mutex);
    asks = is_taken(gil)
           && (ppy_gil_sees_waiters_of(interpreter)
                   ? ppy_gil_waiters(gil) > few
                   : ours > 0);
    if (asks)
        request(gil, interpreter);
    pthread_mutex_unlock(&gil->mutex);
    return asks;
}

bool ppy_gil_ask(void *arg, void *interpreter)
{
    gil_t *gil = arg;
    bool asks;

    pthread_mutex_lock(&gil->mutex);
    asks = is_taken(gil) && !ppy_is_finalizing();
    if (asks)
        request(gil, interpreter); /* G1 */
    pthread_mutex_unlock(&gil->mutex);
    return asks;
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

/* --- with and without a GIL ---------------------------------------------- */

bool ppy_gil_sees_waiters(void)
{
    ppy_cond_waiters_check();
    return ppy_cond_waiters_known();
}

bool ppy_gil_may_concern(const void *gil, const void *thread)
{
    if (!ppy_gil_taken(gil))
        return ppy_gil_waiters(gil) > 0;
    return ppy_gil_holder(gil) == thread || ppy_gil_waiters(gil) > 0
           || !ppy_cond_waiters_known();
}

bool ppy_gil_await(void *gil, int64_t length)
{
    int64_t end = ppt_now() + length;
    int looks;

    do
        for (looks = 0; looks < 100; looks++)
            if (!ppy_gil_taken(gil))
                return ppy_gil_free(gil);
    while (ppt_now() < end);
    return false;
}
