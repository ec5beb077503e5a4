/*
 * wait.c - waiting without the interpreter.
 *
 * Idea
 *   A thread that has to wait detaches: it lets go of the GIL, or, on a
 *   free-threaded build, says that it will not touch an object.  Then it
 *   waits in the library, and attaches again.
 *
 * Invariants
 *   W1  Attaching may end a thread, at shutdown.  Before it attaches, its
 *       waiter has left every queue of the library.
 *       Only the thread that runs handlers attaches while it is queued; it
 *       is the main thread, and is never ended so.  Where Python code runs
 *       inside a wait, as a lock's methods (cond.c) or a barrier's action,
 *       the wait is not on the stack, and is lost.
 *   W2  In the child of a fork the parent's waiters are void: the library sees
 *       to that (waitq I6), and so no wait is known to anybody but its thread
 *       and the object that it waits for.
 *   W3  Whoever has the GIL may fork, and the locks that detached threads
 *       hold would be held for ever in the child.  So a hold is transient
 *       while its thread is detached: from before that on, where it is going
 *       to release the lock, and until it is attached again.
 *   W4  A handler may switch to another greenlet: that copies the stack away
 *       and uses its memory, until it switches back.  So nothing that others
 *       look at is on the stack of the thread that runs handlers: its waits
 *       and waiters are on the heap.
 *   W5  A thread yields before it sleeps if it leaves the GIL free: whoever
 *       has the CPU then is likely to wake it.  Where another thread gets the
 *       GIL, that one would have the CPU, and may compute for long.
 *
 * SPDX-License-Identifier: MIT
 */
#include "wait.h"

#include <errno.h>
#include <pthread.h>

#include "../cpython/interposer.h"
#include "main_thread.h"

void ppy_wait_begin(ppy_wait_t *wait)
{
    wait->keep_on = false;
    wait->raised = NULL;
}

void ppy_detach(ppy_wait_t *wait)
{
    wait->runs_handlers = ppy_is_main_thread();
    wait->yields = ppy_interposer_nobody_waits();
    wait->thread = PyEval_SaveThread();
}

/* The thread's own state may be gone by now, at shutdown. */
void ppy_attach(ppy_wait_t *wait)
{
    PyEval_RestoreThread(wait->thread);
}

int ppy_sleep_queued(const ppy_wait_t *wait, ppt_cond_t *cond,
                     ppt_waiter_t *waiter, int64_t deadline)
{
    return wait->yields
               ? ppt_cond_sleep_yielding(cond, waiter, deadline)
               : ppt_cond_sleep_uninterruptible(cond, waiter, deadline);
}

/*
 * The last of the exceptions in whose context exception was raised, owned.
 * NULL if other is among them, or if they are a ring, in which the one that
 * goes half as fast is met.
 */
static PyObject *first_cause(PyObject *exception, PyObject *other)
{
    PyObject *slow = Py_NewRef(exception), *last = Py_NewRef(exception);
    PyObject *context;
    bool found = last == other;
    bool moves = false;

    while (!found && (context = PyException_GetContext(last)) != NULL) {
        Py_SETREF(last, context);
        if (moves)
            Py_SETREF(slow, PyException_GetContext(slow));
        moves = !moves;
        found = last == other || last == slow || slow == NULL;
    }
    if (found)
        Py_CLEAR(last);
    Py_XDECREF(slow);
    return last;
}

/* Note that later was raised after earlier; takes over earlier. */
static void chain(PyObject *later, PyObject *earlier)
{
    PyObject *first = first_cause(later, earlier);
    PyObject *other = first_cause(earlier, later);

    if (first != NULL && other != NULL)
        PyException_SetContext(first, earlier);
    else
        Py_DECREF(earlier);
    Py_XDECREF(first);
    Py_XDECREF(other);
}

/* Keep what a handler has raised, the last one foremost. */
static void keep_raised(ppy_wait_t *wait)
{
    PyObject *raised = ppy_error_take();

    if (wait->raised != NULL)
        chain(raised, wait->raised);
    wait->raised = raised;
}

int ppy_run_handlers(void)
{
    return ppy_is_main_thread() ? Py_MakePendingCalls() : 0;
}

int ppy_on_interrupt(void *arg)
{
    ppy_wait_t *wait = arg;
    bool failed;

    if (!wait->runs_handlers)
        return 0; /* W1 */
    ppy_attach(wait);
    failed = Py_MakePendingCalls() < 0;
    if (failed)
        keep_raised(wait);
    ppy_detach(wait);
    return failed && !wait->keep_on ? EINTR : 0;
}

/* A loop: there CPython looks, on every version. */
#define NOTHING                                                             \
    "def wait():\n"                                                         \
    "    for _ in (1,):\n"                                                  \
    "        pass\n"

PyObject *ppy_make_nothing(void)
{
    PyObject *code = Py_CompileString(NOTHING, "<pyplusthread>",
                                      Py_file_input);
    PyObject *names = code == NULL ? NULL : PyDict_New();
    PyObject *result = NULL, *function = NULL;

    if (names != NULL)
        result = PyEval_EvalCode(code, names, names);
    if (result != NULL)
        function = Py_XNewRef(PyDict_GetItemString(names, "wait"));
    Py_XDECREF(result);
    Py_XDECREF(names);
    Py_XDECREF(code);
    return function;
}

/* The module's own state is gone at the end of the interpreter. */
int ppy_run_pending(const ppy_state_t *state)
{
    PyObject *nothing = Py_XNewRef(state->nothing);
    PyObject *result;

    if (nothing == NULL)
        return 0;
    result = PyObject_CallNoArgs(nothing);
    Py_DECREF(nothing);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

bool ppy_raise(ppy_wait_t *wait)
{
    PyObject *raised = wait->raised;

    wait->raised = NULL;
    if (raised != NULL)
        ppy_raise_before(raised);
    return raised != NULL;
}

void ppy_raise_before(PyObject *earlier)
{
    PyObject *later = ppy_error_take();

    if (later != NULL)
        chain(later, earlier);
    ppy_error_give(later != NULL ? later : earlier);
}

static void set_atfork(void)
{
    pthread_atfork(NULL, NULL, ppy_main_thread_is_this);
}

int ppy_wait_setup(PyObject *threading)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_atfork);
    return ppy_main_thread_setup(threading);
}
