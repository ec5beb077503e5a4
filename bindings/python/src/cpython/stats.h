/*
 * stats.h - what is observed of the GIL, for pyplusthread/_stats.py.
 * See stats.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_STATS_H
#define PPY_STATS_H

#include "../base/compat.h"

/* Begin (true) or stop (false) to observe.  Returns whether there is a GIL. */
PyObject *ppy_gil_observe(PyObject *module, PyObject *enabled);

/* Count from 0. */
PyObject *ppy_gil_reset(PyObject *module, PyObject *none);

/* Give the calling thread a name. */
PyObject *ppy_gil_name(PyObject *module, PyObject *name);

/*
 * Mark a time, in ns, in the future perhaps, for the calling thread; and a
 * pair: how many ns it has waited since then, and what time it is, in ns.
 */
PyObject *ppy_gil_mark(PyObject *module, PyObject *at);
PyObject *ppy_gil_waited(PyObject *module, PyObject *none);

/*
 * A tuple: numbers of the GIL as a dict, the tally of all threads as bytes, and
 * a list with a tuple for each thread, if each is true; None if the GIL is not
 * scheduled.
 */
PyObject *ppy_gil_copy(PyObject *module, PyObject *each);

/*
 * For a thread that looks at those who make others wait.  Arguments: which
 * responses are late, and how long to wait for a release, both in ns.
 *
 * Returns   None, or a tuple: the serial and the ident of the thread, ns from
 *           the request to the release, ns that it held the GIL, ns from the
 *           request to the release that it had a CPU, whether it still is
 *           where it was then
 */
PyObject *ppy_gil_witness(PyObject *module, PyObject *const *args,
                          Py_ssize_t nargs);

/* Keep as many of the last events: a power of two, or 0. */
PyObject *ppy_gil_keep_events(PyObject *module, PyObject *number);

/* A pair: how many are not kept any more, and the last ones as bytes. */
PyObject *ppy_gil_events(PyObject *module, PyObject *none);

#endif
