/*
 * control.h - the GIL's scheduler as Python sees it.  See control.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_CONTROL_H
#define PPY_CONTROL_H

#include "../base/state.h"

/* pyplusthread.set_gil_priority and gil_info. */
PyObject *ppy_set_gil_priority(PyObject *module, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames);
PyObject *ppy_gil_info(PyObject *module, PyObject *none);

/* Whether the priority is to pause, for the doctor; returns what was before. */
PyObject *ppy_gil_pause(PyObject *module, PyObject *paused);

/* Called by each import, in each interpreter; and when the module goes. */
void ppy_control_setup(ppy_state_t *state);
void ppy_control_end(ppy_state_t *state);

#endif
