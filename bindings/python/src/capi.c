/*
 * capi.c - what other extensions call: pyplusthread_capi.h says what each
 * function promises.
 *
 * The threads that call these need not be attached, so each call joins the
 * ring of waits: a fork finds the objects that it may catch half changed
 * (wait.c, W2).
 *
 * SPDX-License-Identifier: MIT
 */
#include "capi.h"

#include <errno.h>

#include "types/cond.h"
#include "types/event.h"
#include "types/semaphore.h"
#include "types/simple_queue.h"
#include "wait/contention.h"

#include "pyplusthread_capi.h"

static ppt_lock_t *lock_of(PyObject *lock)
{
    return &((ppy_lock_t *)lock)->lock;
}

static int lock_acquire(PyObject *lock, int64_t deadline)
{
    return ppt_lock_acquire(lock_of(lock), deadline);
}

static int lock_release(PyObject *lock)
{
    if (ppy_counts_locks())
        ppy_contention_release(lock_of(lock));
    return ppt_lock_release(lock_of(lock));
}

static int condition_notify(PyObject *condition, int n)
{
    return ppy_notify(&((ppy_condition_t *)condition)->waiters, n);
}

static int condition_notify_all(PyObject *condition)
{
    return ppy_broadcast(&((ppy_condition_t *)condition)->waiters);
}

/* An Event or a Semaphore, through the condition it is built on */

/* A child that is forked meanwhile finds it free: wait.c, W3. */
static ppt_lock_t *lock_inside(PyObject *condition)
{
    ppt_lock_t *lock = ppy_own_lock(condition);

    ppt_lock_acquire_transient(lock, PPT_FOREVER);
    return lock;
}

static int semaphore_release(PyObject *semaphore, Py_ssize_t n)
{
    ppt_lock_t *lock;
    int result;

    if (n < 1)
        return EINVAL;
    lock = lock_inside(ppy_semaphore_condition(semaphore));
    result = ppy_semaphore_put(semaphore, n);
    ppt_lock_release(lock);
    return result;
}

static void event_change(PyObject *event, bool flag)
{
    ppt_lock_t *lock = lock_inside(ppy_event_condition(event));

    ppy_event_change(event, flag);
    ppt_lock_release(lock);
}

static void event_set(PyObject *event)
{
    event_change(event, true);
}

static void event_clear(PyObject *event)
{
    event_change(event, false);
}

static int event_is_set(PyObject *event)
{
    return ppy_event_is_set(event);
}

/* Of this interpreter's type, or of a subclass. */
static int is_a(PyObject *object, size_t offset)
{
    ppy_state_t *state = ppy_state_of(object);

    return state != NULL
           && PyObject_TypeCheck(object,
                                 *(PyTypeObject **)((char *)state + offset));
}

#define IS_A(name, field)                                                   \
    static int name(PyObject *object)                                       \
    {                                                                       \
        return is_a(object, offsetof(ppy_state_t, field));                  \
    }
IS_A(is_lock, lock_type)
IS_A(is_condition, condition_type)
IS_A(is_semaphore, semaphore_type)
IS_A(is_event, event_type)
IS_A(is_simple_queue, simple_queue_type)

static const PyPlusThread_CAPI functions = {
    .version = PYPLUSTHREAD_CAPI_VERSION,
    .is_lock = is_lock,
    .is_condition = is_condition,
    .is_semaphore = is_semaphore,
    .is_event = is_event,
    .lock_acquire = lock_acquire,
    .lock_release = lock_release,
    .condition_notify = condition_notify,
    .condition_notify_all = condition_notify_all,
    .semaphore_release = semaphore_release,
    .event_set = event_set,
    .event_clear = event_clear,
    .event_is_set = event_is_set,
    .is_simple_queue = is_simple_queue,
    .simple_queue_put = ppy_simple_queue_put_deferred,
};

int ppy_add_capi(PyObject *module)
{
    PyObject *capsule = PyCapsule_New((void *)&functions,
                                      PYPLUSTHREAD_CAPI_CAPSULE, NULL);
    int result = capsule == NULL
                     ? -1
                     : PyModule_AddObjectRef(module, "_C_API", capsule);

    Py_XDECREF(capsule);
    return result;
}
