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
 */
#include "core.h"

#include "cpython/interposer.h"

#include <errno.h>
#include <pthread.h>

void ppy_wait_begin(ppy_wait_t *wait)
{
    wait->keep_on = false;
    wait->raised = NULL;
}

void ppy_detach(ppy_wait_t *wait)
{
    wait->runs_handlers = ppy_is_main_thread();
    wait->thread = PyEval_SaveThread();
}

/* The thread's own state may be gone by now, at shutdown. */
void ppy_attach(ppy_wait_t *wait)
{
    PyEval_RestoreThread(wait->thread);
}

static void after_fork_in_child(void)
{
    ppy_module_after_fork();
    ppy_main_thread_is_this();
}

static bool is_in_chain(PyObject *sought, PyObject *exception)
{
    bool found;

    Py_INCREF(exception);
    do {
        PyObject *context = PyException_GetContext(exception);

        found = exception == sought;
        Py_DECREF(exception);
        exception = context;
    } while (!found && exception != NULL);
    Py_XDECREF(exception);
    return found;
}

/* The last of the exceptions in whose context exception was raised. */
static PyObject *first_cause(PyObject *exception)
{
    PyObject *context;

    Py_INCREF(exception);
    while ((context = PyException_GetContext(exception)) != NULL) {
        Py_DECREF(exception);
        exception = context;
    }
    return exception;
}

/* Note that later was raised after earlier; takes over earlier. */
static void chain(PyObject *later, PyObject *earlier)
{
    PyObject *first = first_cause(later);

    if (is_in_chain(earlier, later) || is_in_chain(later, earlier))
        Py_DECREF(earlier);
    else
        PyException_SetContext(first, earlier);
    Py_DECREF(first);
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

/* What a thread needs that waits for a lock. */
typedef struct {
    ppy_wait_t wait;
    ppt_waiter_t waiter;
} attempt_t;

static int acquire_at(attempt_t *attempt, ppt_lock_t *lock, int64_t deadline,
                      bool keep_on)
{
    ppy_wait_t *wait = &attempt->wait;
    int result;

    ppy_wait_begin(wait);
    wait->keep_on = keep_on;
    ppy_detach(wait);
    if (wait->runs_handlers)
        result = ppt_lock_acquire_transient_interruptible(
            lock, &attempt->waiter, deadline, ppy_on_interrupt, wait);
    else
        result = ppt_lock_acquire_transient(lock, deadline);
    ppy_attach(wait);
    if (result == 0)
        ppt_lock_settle(lock); /* W3 */
    if (!ppy_raise(wait))
        return result;
    if (result == 0 && !keep_on)
        ppt_lock_release(lock);
    return -1;
}

/*
 * W4.  Where there is no memory, a lock that must be taken is taken without.
 */
static int acquire_detached(ppt_lock_t *lock, int64_t deadline, bool keep_on)
{
    attempt_t on_stack, *attempt = &on_stack;
    int result;

    if (ppy_is_main_thread())
        attempt = PyMem_RawMalloc(sizeof(*attempt));
    if (attempt == NULL && !keep_on) {
        PyErr_NoMemory();
        return -1;
    }
    result = acquire_at(attempt != NULL ? attempt : &on_stack, lock, deadline,
                        keep_on);
    if (attempt != &on_stack)
        PyMem_RawFree(attempt);
    return result;
}

static int release_detached(ppt_lock_t *lock)
{
    ppy_wait_t wait;
    int result;

    ppt_lock_make_transient(lock); /* W3 */
    ppy_detach(&wait);
    result = ppt_lock_release(lock);
    ppy_attach(&wait);
    return result;
}

/* The thread that is woken finds the GIL free, if nobody else wants it. */
int ppy_release_queued(ppt_lock_t *lock)
{
    return ppt_lock_waiting(lock) > 0 && ppy_interposer_nobody_waits()
               ? release_detached(lock)
               : ppt_lock_release(lock);
}

/*
 * As ppy_release_queued: the thread that is woken finds the GIL free.  Not
 * for one on another CPU: it takes longer to come than this one to let go by
 * itself, or is awake, and the two would only meet.
 */
void ppy_wake_one(ppt_cond_t *cond)
{
    ppy_wait_t wait;

    if (ppt_cond_wakes_afar(cond) || !ppy_interposer_nobody_waits()) {
        ppt_cond_signal(cond);
        return;
    }
    ppy_detach(&wait);
    ppt_cond_signal(cond);
    ppy_attach(&wait);
}

int ppy_acquire_held(ppt_lock_t *lock, int64_t timeout)
{
    if (timeout == PPT_TRY)
        return ppt_lock_acquire(lock, PPT_TRY);
    if (!ppy_may_wait() || ppy_run_handlers() < 0)
        return -1;
    return acquire_detached(lock, ppt_deadline(timeout), false);
}

int ppy_acquire_whatever(ppt_lock_t *lock)
{
    if (ppt_lock_acquire(lock, PPT_TRY) == 0)
        return 0;
    return acquire_detached(lock, PPT_FOREVER, true);
}

static void set_atfork(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

int ppy_wait_setup(PyObject *threading)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_atfork);
    return ppy_main_thread_setup(threading);
}
