/*
 * capi.c - what other extensions call: pyplusthread_capi.h says what each
 * function promises.
 *
 * The threads that call these need not be attached, so each call joins the
 * ring of waits: a fork finds the objects that it may catch half changed
 * (wait.c, W2).
 */
#include "core.h"

#include <errno.h>

#include "pyplusthread_capi.h"

static ppt_lock_t *lock_of(PyObject *lock)
{
    return &((ppy_lock_t *)lock)->lock;
}

static ppt_cond_t *cond_of(PyObject *condition)
{
    return &((ppy_condition_t *)condition)->cond;
}

static void forget_cond(void *cond)
{
    ppt_cond_after_fork(cond);
}

static int lock_acquire(PyObject *lock, int64_t deadline)
{
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, ppy_forget_lock, lock_of(lock));
    result = ppt_lock_acquire(lock_of(lock), deadline);
    ppy_wait_end(&wait);
    return result;
}

static int lock_release(PyObject *lock)
{
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, ppy_forget_lock, lock_of(lock));
    result = ppt_lock_release(lock_of(lock));
    ppy_wait_end(&wait);
    return result;
}

static int condition_notify(PyObject *condition, int n)
{
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, forget_cond, cond_of(condition));
    result = ppy_notify((ppy_condition_t *)condition, n);
    ppy_wait_end(&wait);
    return result;
}

static int condition_notify_all(PyObject *condition)
{
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, forget_cond, cond_of(condition));
    result = ppy_broadcast((ppy_condition_t *)condition);
    ppy_wait_end(&wait);
    return result;
}

/* --- an Event or a Semaphore, through the condition it is built on ------ */

/*
 * Whether this thread held the lock when the child was made, it cannot know:
 * see wait.c, W2.  So the lock is free in the child.
 */
static void forget_condition(void *condition)
{
    ppt_cond_after_fork(cond_of(condition));
    ppt_lock_after_fork(ppy_own_lock(condition));
}

static void begin(ppy_wait_t *wait, PyObject *condition)
{
    ppy_wait_begin(wait, forget_condition, condition);
    ppt_lock_acquire(ppy_own_lock(condition), PPT_FOREVER);
}

static void end(ppy_wait_t *wait)
{
    ppt_lock_release(ppy_own_lock(wait->object));
    ppy_wait_end(wait);
}

static int semaphore_release(PyObject *semaphore, Py_ssize_t n)
{
    ppy_wait_t wait;
    int result;

    if (n < 1)
        return EINVAL;
    begin(&wait, ppy_semaphore_condition(semaphore));
    result = ppy_semaphore_put(semaphore, n);
    end(&wait);
    return result;
}

static void event_change(PyObject *event, bool flag)
{
    ppy_wait_t wait;

    begin(&wait, ppy_event_condition(event));
    ppy_event_change(event, flag);
    end(&wait);
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
