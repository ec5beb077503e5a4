/*
 * control.c - the GIL's scheduler as Python sees it: set_gil_priority and
 * gil_info.
 *
 * SPDX-License-Identifier: MIT
 */
#include "control.h"

#include "../base/args.h"
#include "interposer.h"
#include "rehearsal.h"

#define MILLION 1000000
#define SECONDS(ns) ((double)(ns) * 1e-9)

/* In millionths; -1, with an exception set, if it is none. */
static int to_share(PyObject *value)
{
    double share = value == NULL ? 0 : PyFloat_AsDouble(value);

    if (value == NULL)
        return PPT_GILSCHED_CPU_SHARE;
    if (share == -1 && PyErr_Occurred())
        return -1;
    if (share >= 0 && share < 1)
        return (int)(share * MILLION);
    PyErr_SetString(PyExc_ValueError,
                    "cpu_share must be at least 0 and less than 1");
    return -1;
}

PyObject *ppy_set_gil_priority(PyObject *Py_UNUSED(module),
                               PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames)
{
    static const char *const names[] = { "enabled", "cpu_share", NULL };
    PyObject *values[2];
    int enabled, share;

    if (ppy_args("set_gil_priority", names, args, nargs, kwnames, values) < 0)
        return NULL;
    if (nargs > 1) {
        PyErr_SetString(PyExc_TypeError,
                        "set_gil_priority() takes 1 positional argument");
        return NULL;
    }
    enabled = values[0] == NULL ? 1 : PyObject_IsTrue(values[0]);
    share = enabled < 0 ? -1 : to_share(values[1]);
    if (share < 0)
        return NULL;
    ppy_gils_schedule(enabled);
    ppy_gils_set_share((uint32_t)share);
    Py_RETURN_NONE;
}

PyObject *ppy_gil_pause(PyObject *Py_UNUSED(module), PyObject *paused)
{
    return PyBool_FromLong(ppy_gils_pause(paused == Py_True));
}

PyObject *ppy_gil_info(PyObject *module, PyObject *Py_UNUSED(none))
{
    const ppy_state_t *state = PyModule_GetState(module);
    const char *reason = state->gil_trouble;
    bool priority = reason == NULL && ppy_gils_are_to_be_scheduled();
    ppt_gilsched_stats_t stats;
    unsigned gils = ppy_gils_stats(&stats);

    if (reason == NULL && !priority)
        reason = "it was turned off";
    return Py_BuildValue(
        "{s:N,s:z,s:d,s:I,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:d,s:d,s:d}",
        "priority", PyBool_FromLong(priority),
        "reason", reason,
        "cpu_share", (double)ppy_gils_share() / MILLION,
        "gils", gils,
        "holds", stats.holds,
        "waits", stats.waits,
        "cpu_bound_waits", stats.cpu_waits,
        "wakes", stats.wakes,
        "vain_wakes", stats.vain_wakes,
        "requests", stats.requests,
        "renewals", stats.renewals,
        "forced", stats.forced,
        "waited", SECONDS(stats.io_waited),
        "cpu_bound_waited", SECONDS(stats.cpu_waited),
        "cpu_bound_held", SECONDS(stats.cpu_held));
}

void ppy_control_setup(ppy_state_t *state)
{
    state->gil_trouble = ppy_rehearse(&state->gil);
}

void ppy_control_end(ppy_state_t *state)
{
    ppy_interposer_leave(state->gil);
    state->gil = 0;
}
