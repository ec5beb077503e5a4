/*
 * stats.c - what is observed of the GIL, for pyplusthread/_stats.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "stats.h"

#include "interposer.h"
#include "records.h"

PyObject *ppy_gil_observe(PyObject *Py_UNUSED(module), PyObject *enabled)
{
    ppy_observer_t *link;
    ppy_observed_t *gil = ppy_interposer_observed(&link);

    if (gil == NULL)
        Py_RETURN_FALSE;
    if (enabled == Py_True)
        ppy_observe_begin(gil, link);
    else
        ppy_observe_end(gil);
    ppy_interposer_observed_done();
    Py_RETURN_TRUE;
}

PyObject *ppy_gil_reset(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    ppy_observer_t *link;
    ppy_observed_t *gil = ppy_interposer_observed(&link);

    if (gil != NULL) {
        ppy_observe_reset(gil);
        ppy_interposer_observed_done();
    }
    Py_RETURN_NONE;
}

PyObject *ppy_gil_name(PyObject *Py_UNUSED(module), PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    ppy_observer_t *link;
    ppy_observed_t *gil;

    if (text == NULL)
        return NULL;
    gil = ppy_interposer_observed(&link);
    if (gil != NULL) {
        ppy_record_name(gil, link, text);
        ppy_interposer_observed_done();
    }
    Py_RETURN_NONE;
}

PyObject *ppy_gil_mark(PyObject *Py_UNUSED(module), PyObject *at)
{
    long long ns = PyLong_AsLongLong(at);
    ppy_observer_t *link;
    ppy_observed_t *gil;

    if (ns == -1 && PyErr_Occurred())
        return NULL;
    gil = ppy_interposer_observed(&link);
    if (gil != NULL) {
        ppy_observe_mark(gil, link, ns);
        ppy_interposer_observed_done();
    }
    Py_RETURN_NONE;
}

/* Where there is no GIL, nobody waits for it. */
PyObject *ppy_gil_waited(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    ppy_observer_t *link;
    ppy_observed_t *gil = ppy_interposer_observed(&link);
    int64_t waited = 0;
    int64_t now = ppt_now();

    if (gil != NULL) {
        waited = ppy_observe_waited_since_mark(gil, link);
        ppy_interposer_observed_done();
    }
    return Py_BuildValue("LL", (long long)waited, (long long)now);
}

static PyObject *thread_as_tuple(const ppy_observed_thread_t *thread)
{
    return Py_BuildValue(
        "(KKKKKzy#y#y#)", thread->serial, thread->native_id, thread->ident,
        thread->ended, thread->threads, *thread->name ? thread->name : NULL,
        (const char *)&thread->tally, (Py_ssize_t)sizeof(thread->tally),
        (const char *)&thread->held, (Py_ssize_t)sizeof(thread->held),
        (const char *)&thread->waited, (Py_ssize_t)sizeof(thread->waited));
}

static PyObject *threads_as_list(const ppy_observed_thread_t *threads,
                                 size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    size_t i;

    for (i = 0; list != NULL && i < count; i++) {
        PyObject *tuple = thread_as_tuple(&threads[i]);

        if (tuple == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, tuple);
    }
    return list;
}

static PyObject *as_tuple(const ppy_observed_t *gil,
                          const ppy_observed_thread_t *threads, size_t count,
                          bool each)
{
    ppy_tally_t total = { { 0 }, { { 0, 0, { 0 } } } };
    size_t i;

    for (i = 0; i < count; i++)
        ppy_tally_merge(&total, &threads[i].tally);
    return Py_BuildValue(
        "{s:N,s:L,s:L,s:K,s:K,s:K}y#N", "observing",
        PyBool_FromLong(gil->observers != 0), "since", gil->since, "observed",
        gil->until - gil->since, "contended", gil->contended, "handing_over",
        gil->handing_over, "lost", gil->lost, (const char *)&total,
        (Py_ssize_t)sizeof(total), threads_as_list(threads, each ? count : 0));
}

/* How many threads there are, of which as many as there is room for. */
static size_t copy(ppy_observed_t *numbers, ppy_observed_thread_t *threads,
                   size_t room)
{
    ppy_observer_t *link;
    ppy_observed_t *gil = ppy_interposer_observed(&link);
    size_t count = ppy_observe_copy(gil, link, numbers, threads, room);

    ppy_interposer_observed_done();
    return count;
}

/* Threads may come between the two copies: twice as many are enough. */
PyObject *ppy_gil_copy(PyObject *Py_UNUSED(module), PyObject *each)
{
    ppy_observed_t numbers;
    ppy_observed_thread_t *threads;
    PyObject *tuple;
    size_t room, count;

    if (!ppy_interposer_is_scheduled())
        Py_RETURN_NONE;
    room = 2 * copy(&numbers, NULL, 0) + 1;
    threads = PyMem_RawCalloc(room, sizeof(*threads));
    if (threads == NULL)
        return PyErr_NoMemory();
    count = copy(&numbers, threads, room);
    tuple = as_tuple(&numbers, threads, count < room ? count : room,
                     each == Py_True);
    PyMem_RawFree(threads);
    return tuple;
}

PyObject *ppy_gil_keep_events(PyObject *Py_UNUSED(module), PyObject *number)
{
    size_t room = PyLong_AsSize_t(number);
    ppy_observer_t *link;
    ppy_observed_t *gil;
    bool done;

    if (room == (size_t)-1 && PyErr_Occurred())
        return NULL;
    gil = ppy_interposer_observed(&link);
    if (gil == NULL)
        Py_RETURN_FALSE;
    done = ppy_observe_events(gil, room);
    ppy_interposer_observed_done();
    if (!done)
        return PyErr_NoMemory();
    Py_RETURN_TRUE;
}

static size_t copy_events(ppy_event_t *events, uint64_t *missing)
{
    ppy_observer_t *link;
    const ppy_ring_t *ring = &ppy_interposer_observed(&link)->ring;
    size_t count = ppy_ring_copy(ring, events);

    *missing = ring->count - count;
    ppy_interposer_observed_done();
    return count;
}

/* Bytes for the most that there can be when they are copied. */
static size_t size_of_ring(void)
{
    ppy_observer_t *link;
    size_t room = ppy_interposer_observed(&link)->ring.room;

    ppy_interposer_observed_done();
    return room * sizeof(ppy_event_t);
}

PyObject *ppy_gil_events(PyObject *Py_UNUSED(module),
                         PyObject *Py_UNUSED(none))
{
    PyObject *bytes;
    uint64_t missing;
    size_t count;

    if (!ppy_interposer_is_scheduled())
        Py_RETURN_NONE;
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size_of_ring());
    if (bytes == NULL)
        return NULL;
    count = copy_events((ppy_event_t *)PyBytes_AS_STRING(bytes), &missing);
    if (_PyBytes_Resize(&bytes, (Py_ssize_t)(count * sizeof(ppy_event_t))) < 0)
        return NULL;
    return Py_BuildValue("KN", missing, bytes);
}

static ppy_witness_t *begin_to_look(int64_t late)
{
    ppy_observer_t *link;
    ppy_observed_t *gil = ppy_interposer_observed(&link);

    if (gil == NULL)
        return NULL;
    ppy_witness_want(&gil->witness, late);
    ppy_observe_witness(gil, link);
    ppy_interposer_observed_done();
    return &gil->witness;
}

static PyObject *what_is_seen(void)
{
    ppy_observer_t *link;
    ppy_observed_t *gil = ppy_interposer_observed(&link);
    ppy_seen_t seen;
    bool is_there = ppy_witness_look(&gil->witness, &seen);
    bool unchanged = ppy_observe_is_unchanged(gil, &seen);

    ppy_interposer_observed_done();
    if (!is_there)
        Py_RETURN_NONE;
    return Py_BuildValue("(KKLLLNN)", seen.serial, seen.ident, seen.response,
                         seen.held, seen.on_cpu, PyBool_FromLong(seen.slept),
                         PyBool_FromLong(unchanged));
}

PyObject *ppy_gil_witness(PyObject *Py_UNUSED(module), PyObject *const *args,
                          Py_ssize_t nargs)
{
    long long late = nargs == 2 ? PyLong_AsLongLong(args[0]) : 0;
    long long timeout = nargs == 2 ? PyLong_AsLongLong(args[1]) : 0;
    ppy_witness_t *witness;

    if (PyErr_Occurred())
        return NULL;
    witness = begin_to_look(late);
    if (witness == NULL)
        Py_RETURN_NONE;
    Py_BEGIN_ALLOW_THREADS
    ppy_witness_wait(witness, ppt_deadline(timeout));
    Py_END_ALLOW_THREADS
    return what_is_seen();
}
