/*
 * pyplusthread_capi.h - pyplusthread from C.
 *
 * With it a thread that has no Python thread state, and does not hold the
 * GIL, can put into a SimpleQueue, notify a Condition, set an Event or release
 * a Semaphore: a thread of a decoder, a driver's callback, an event loop in C.
 *
 *     static const PyPlusThread_CAPI *ppt;     // once, with the GIL
 *     ppt = PyPlusThread_Import();
 *     if (ppt == NULL || !ppt->is_event(event))
 *         return NULL;
 *     Py_INCREF(event);                        // while the thread runs
 *
 *     ppt->event_set(event);                   // anywhere, without the GIL
 *
 * References  the caller holds a reference to each object that it passes.
 * The GIL     functions marked "any thread" need no thread state.  A thread
 *             that has a thread state must not hold the GIL when it calls them
 *             (Py_BEGIN_ALLOW_THREADS), because they may wait for the object's
 *             lock, whose holder may wait for the GIL.  Or it calls the
 *             object's Python method instead.
 * Deadlines   nanoseconds on CLOCK_MONOTONIC; 0 does not wait, and INT64_MAX
 *             waits without limit.
 * Fork        a child finds the objects usable, whatever a foreign thread was
 *             doing to them in the parent.  A lock that such a thread held
 *             stays held.
 *
 * Part of pyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_CAPI_H
#define PYPLUSTHREAD_CAPI_H

#include <Python.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What PyPlusThread_Import opens, and the version that this header needs. */
#define PYPLUSTHREAD_CAPI_CAPSULE "pyplusthread._core._C_API"
#define PYPLUSTHREAD_CAPI_VERSION 2

/* Later versions add functions at the end; version says how far it goes. */
typedef struct {
    int version;

    /*
     * Whether object is of pyplusthread's own types, or of a subclass.
     * With the GIL.
     */
    int (*is_lock)(PyObject *object);
    int (*is_condition)(PyObject *object);
    int (*is_semaphore)(PyObject *object);
    int (*is_event)(PyObject *object);

    /*
     * Take and let go of a Lock.  Any thread.
     *
     * Returns   0
     *           EBUSY      held, and deadline is 0
     *           ETIMEDOUT  deadline passed
     *           EINVAL     deadline is negative
     *           EPERM      release of a lock that is free
     */
    int (*lock_acquire)(PyObject *lock, int64_t deadline);
    int (*lock_release)(PyObject *lock);

    /*
     * Notify the first n waiters, or all if there are fewer.  The condition's
     * lock need not be held.  Any thread.
     *
     * Returns   how many were notified
     */
    int (*condition_notify)(PyObject *condition, int n);
    int (*condition_notify_all)(PyObject *condition);

    /*
     * Add n to the semaphore, and wake as many waiters.  Any thread.
     *
     * Returns   0
     *           EINVAL  n is less than 1
     *           ERANGE  above the bound, or above PY_SSIZE_T_MAX; nothing
     *                   changed
     */
    int (*semaphore_release)(PyObject *semaphore, Py_ssize_t n);

    /* Any thread. */
    void (*event_set)(PyObject *event);
    void (*event_clear)(PyObject *event);
    int (*event_is_set)(PyObject *event);

    /* From here on since version 2.  As is_lock. */
    int (*is_simple_queue)(PyObject *object);

    /*
     * Put data into a SimpleQueue, behind what has been put before, and wake a
     * thread that waits for an item.  Any thread.
     *
     * The thread whose get() takes it calls make(data), with the GIL, and
     * returns the item, a new reference, that make has returned; or raises
     * the exception that make has set, when it returns NULL.  make is called
     * once, by the end of the queue at the latest: then the item is dropped.
     * A method put() of a subclass is not called.
     *
     * Returns   0
     *           ENOMEM  data was not put
     */
    int (*simple_queue_put)(PyObject *queue, PyObject *(*make)(void *data),
                            void *data);
} PyPlusThread_CAPI;

/*
 * The functions; imports pyplusthread.  With the GIL.
 *
 * Returns   NULL, with an exception set, if it cannot be imported or is too
 *           old for this header
 */
static inline const PyPlusThread_CAPI *PyPlusThread_Import(void)
{
    const PyPlusThread_CAPI *api = (const PyPlusThread_CAPI *)
        PyCapsule_Import(PYPLUSTHREAD_CAPI_CAPSULE, 0);

    if (api == NULL || api->version >= PYPLUSTHREAD_CAPI_VERSION)
        return api;
    PyErr_Format(PyExc_ImportError,
                 "pyplusthread has C API version %d, %d is needed",
                 api->version, PYPLUSTHREAD_CAPI_VERSION);
    return NULL;
}

#ifdef __cplusplus
}
#endif

#endif
