/*
 * args.h - the arguments of methods.  See args.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_ARGS_H
#define PPY_ARGS_H

#include "compat.h"

#include <stdint.h>

#include <pyplusthread/time.h>

/*
 * Sort the arguments of a vectorcall into values, one for each of names
 * (ended by NULL); NULL where not given.
 *
 * Returns   0, or -1 with a TypeError set
 */
int ppy_args(const char *function, const char *const *names,
             PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
             PyObject **values);

/* The same for the arguments of __init__ and __new__. */
int ppy_args_tuple(const char *function, const char *const *names,
                   PyObject *args, PyObject *kwargs, PyObject **values);

/* What ppy_acquire_args does with other arguments than True and False. */
int ppy_read_acquire_args(PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames, int64_t *timeout);

/*
 * The timeout of Lock.acquire(blocking=True, timeout=-1), for ppy_acquire.
 *
 * Returns   0
 *           -1  TypeError; ValueError: negative, NaN, or not blocking;
 *               OverflowError: above threading.TIMEOUT_MAX
 */
static inline int ppy_acquire_args(PyObject *const *args, Py_ssize_t nargs,
                                   PyObject *kwnames, int64_t *timeout)
{
    if (kwnames == NULL && (nargs == 0 || (nargs == 1 && args[0] == Py_True)))
        *timeout = PPT_FOREVER;
    else if (kwnames == NULL && nargs == 1 && args[0] == Py_False)
        *timeout = PPT_TRY;
    else
        return ppy_read_acquire_args(args, nargs, kwnames, timeout);
    return 0;
}

/*
 * The deadline of a timeout in seconds, as wait() takes it: None or NULL is
 * for ever; 0, negative ones and NaN do not wait.
 *
 * Returns   0, or -1 with a TypeError or OverflowError set
 */
int ppy_deadline(PyObject *timeout, int64_t *deadline);

/* The same for a condition or an event, which may refuse NaN. */
int ppy_wait_deadline(PyObject *timeout, int64_t *deadline);

/*
 * The same for get of a SimpleQueue, where a negative timeout is a ValueError,
 * and so is NaN.
 */
int ppy_queue_deadline(PyObject *timeout, int64_t *deadline);

/* The timeout, in seconds, that is left until deadline: 0 if that is over. */
PyObject *ppy_timeout_until(int64_t deadline);

#endif
