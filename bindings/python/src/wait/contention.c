/*
 * contention.c - which locks threads wait for.
 *
 * Idea
 *   Only an acquire that finds its lock held comes here: what nobody waits for
 *   costs nothing.  The hold that follows a wait is measured if others are
 *   queued when it begins, for then its release comes here, too.
 *
 * State
 *   ppy_counting_locks  atomic
 *   ppy_recorded_locks  how many keys are not NULL; written with guard, read
 *                       without: who frees a lock sees the wait for it
 *   the rest            guarded by guard, which is held for a moment, without
 *                       a call of CPython
 *
 * Invariants
 *   K1  A record is that of a living lock, which has the key, from the first
 *       wait for it on.  It loses the key before the lock is freed, although
 *       nobody may count any more.
 *   K2  There are MANY records.  When all are used, one whose lock is gone is
 *       added to others, and used again; where none is gone, a new lock counts
 *       as one of others.
 *   K3  held_since is not 0 while the lock is held by a thread that has waited
 *       for it and has found others queued.  The release of such a hold looks
 *       at the queue (lock.c, L1), and so it ends here.
 *   K4  The child of a fork counts from 0: no record is kept that the fork may
 *       have caught half written.
 *
 * SPDX-License-Identifier: MIT
 */
#include "contention.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <pyplusthread/time.h>

#include "../base/text.h"
#include "../cpython/tally.h"

enum { MANY = 256, OTHERS = MANY, TYPE = 32, PLACE = 128 };

typedef struct {
    const void *object;         /* NULL: these are several, or none */
    uint64_t locks;             /* how many; 0: it is unused */
    uint64_t queued;            /* waits after which others were queued */
    int64_t held_since;         /* K3 */
    ppy_histogram_t waits;
    ppy_histogram_t holds;
    char type[TYPE];
    char place[PLACE];          /* where it was waited for first */
} record_t;

unsigned ppy_counting_locks;
unsigned ppy_recorded_locks;

static ppt_lock_t guard = PPT_LOCK_INITIALIZER;
static const ppt_lock_t *keys[MANY];    /* NULL: it is unused, or gone */
static record_t *records;               /* MANY, and others; NULL at first */

/* A child that is forked meanwhile finds it free. */
static void enter(void)
{
    ppt_lock_acquire_transient(&guard, PPT_FOREVER);
}

static void leave(void)
{
    ppt_lock_release(&guard);
}

static void set_key(int i, const ppt_lock_t *key)
{
    keys[i] = key;
    __atomic_add_fetch(&ppy_recorded_locks, key != NULL ? 1U : -1U,
                       __ATOMIC_RELAXED);
}

static void clear(void)
{
    __atomic_store_n(&ppy_recorded_locks, 0, __ATOMIC_RELAXED);
    memset(keys, 0, sizeof(keys));
    memset(records, 0, (MANY + 1) * sizeof(*records));
}

/* K4 */
static void after_fork_in_child(void)
{
    ppt_lock_after_fork(&guard);
    clear();
}

/* The place of key among the keys, or -1. */
static int find(const ppt_lock_t *key)
{
    int i;

    for (i = 0; i < MANY; i++)
        if (keys[i] == key)
            return i;
    return -1;
}

/* K2 */
static void add_to_others(record_t *record)
{
    record_t *others = &records[OTHERS];

    others->locks += record->locks;
    others->queued += record->queued;
    ppy_histogram_merge(&others->waits, &record->waits);
    ppy_histogram_merge(&others->holds, &record->holds);
    memset(record, 0, sizeof(*record));
}

/* One without a key, an unused one first, or -1. */
static int make_room(void)
{
    int i = 0, gone = find(NULL);

    while (i < MANY && (keys[i] != NULL || records[i].locks != 0))
        i++;
    if (i < MANY || gone < 0)
        return i < MANY ? i : -1;
    add_to_others(&records[gone]);
    return gone;
}

/* Names */

static PyObject *object_of(const ppt_lock_t *lock)
{
    return (PyObject *)((char *)lock - sizeof(PyObject));
}

static bool ends_with(PyObject *text, const char *end)
{
    const char *utf8 = PyUnicode_AsUTF8(text);
    size_t length = utf8 == NULL ? 0 : strlen(utf8);

    return length >= strlen(end)
           && strcmp(utf8 + length - strlen(end), end) == 0;
}

/* "file:line in function"; NULL in a module that only wraps locks. */
static PyObject *describe(PyFrameObject *frame)
{
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *text = NULL;

    if (!ends_with(code->co_filename, "/threading.py")
        && !ends_with(code->co_filename, "/queue.py"))
        text = PyUnicode_FromFormat("%U:%d in %U", code->co_filename,
                                    PyFrame_GetLineNumber(frame),
                                    code->co_name);
    Py_DECREF(code);
    return text;
}

static PyObject *describe_caller(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *text = NULL;

    while (frame != NULL && text == NULL && !PyErr_Occurred()) {
        PyFrameObject *back = PyFrame_GetBack(frame);

        text = describe(frame);
        Py_DECREF(frame);
        frame = back;
    }
    Py_XDECREF(frame);
    return text;
}

/* Its end is what counts. */
static void find_place(char *place)
{
    PyObject *error = ppy_error_take();
    PyObject *text = describe_caller();
    const char *utf8 = text == NULL ? "" : PyUnicode_AsUTF8(text);
    size_t length = utf8 == NULL ? 0 : strlen(utf8);

    if (length >= PLACE)
        utf8 += length - PLACE + 1;
    while (length >= PLACE && ((unsigned char)*utf8 & 0xC0) == 0x80)
        utf8++; /* not in the midst of a character */
    snprintf(place, PLACE, "%s", utf8 == NULL ? "" : utf8);
    Py_XDECREF(text);
    PyErr_Clear();
    if (error != NULL)
        ppy_error_give(error);
}

static void make(const ppt_lock_t *lock, const char *place)
{
    int i = find(lock) < 0 ? make_room() : -1;
    record_t *record;

    if (i < 0)
        return;
    record = &records[i];
    set_key(i, lock);
    record->object = object_of(lock);
    record->locks = 1;
    ppy_text_copy(record->type, TYPE, Py_TYPE(object_of(lock))->tp_name);
    memcpy(record->place, place, PLACE);
}

/* Events */

int64_t ppy_contention_begin(const ppt_lock_t *lock)
{
    char place[PLACE];
    int64_t now;
    bool is_new;

    if (!ppy_counts_locks())
        return 0;
    now = ppt_now();
    enter();
    is_new = find(lock) < 0 && find(NULL) >= 0;
    leave();
    if (is_new) {
        find_place(place);
        enter();
        make(lock, place);
        leave();
    }
    return now;
}

void ppy_contention_end(const ppt_lock_t *lock, int64_t began, bool taken)
{
    int64_t now = ppt_now();
    bool others_wait = taken && ppt_lock_waiting(lock) > 0;
    record_t *record;
    int i;

    enter();
    i = find(lock);
    record = &records[i < 0 ? OTHERS : i];
    ppy_histogram_add(&record->waits, now - began);
    record->queued += others_wait;
    if (taken && i >= 0)
        record->held_since = others_wait ? now : 0; /* K3 */
    leave();
}

void ppy_contention_release(const ppt_lock_t *lock)
{
    int64_t now = ppt_now();
    int i;

    enter();
    i = find(lock);
    if (i >= 0 && records[i].held_since != 0) {
        ppy_histogram_add(&records[i].holds, now - records[i].held_since);
        records[i].held_since = 0;
    }
    leave();
}

/* K1 */
void ppy_contention_forget(const ppt_lock_t *lock)
{
    int i;

    enter();
    i = find(lock);
    if (i >= 0) {
        set_key(i, NULL);
        records[i].object = NULL;
    }
    leave();
}

/* From Python */

static void make_records(void)
{
    records = PyMem_RawCalloc(MANY + 1, sizeof(*records));
    if (records != NULL)
        pthread_atfork(NULL, NULL, after_fork_in_child);
}

static bool begin(void)
{
    bool done;

    enter();
    if (records == NULL)
        make_records();
    done = records != NULL;
    if (done && __atomic_fetch_add(&ppy_counting_locks, 1, __ATOMIC_RELAXED)
                    == 0)
        clear();
    leave();
    return done;
}

PyObject *ppy_locks_count(PyObject *Py_UNUSED(module), PyObject *enabled)
{
    if (enabled != Py_True)
        __atomic_fetch_sub(&ppy_counting_locks, 1, __ATOMIC_RELAXED);
    else if (!begin())
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *as_tuple(const record_t *record)
{
    return Py_BuildValue(
        "(NssKKy#y#)", PyLong_FromVoidPtr((void *)record->object),
        record->type, record->place, record->locks, record->queued,
        (const char *)&record->waits, (Py_ssize_t)sizeof(record->waits),
        (const char *)&record->holds, (Py_ssize_t)sizeof(record->holds));
}

static int append(PyObject *list, const record_t *record)
{
    PyObject *tuple = as_tuple(record);
    int result = tuple == NULL ? -1 : PyList_Append(list, tuple);

    Py_XDECREF(tuple);
    return result;
}

static PyObject *as_list(const record_t *copy)
{
    PyObject *list = PyList_New(0);
    int i;

    for (i = 0; list != NULL && i <= MANY; i++)
        if (copy[i].waits.longest != 0 && append(list, &copy[i]) < 0)
            Py_CLEAR(list);
    return list;
}

PyObject *ppy_locks_copy(PyObject *Py_UNUSED(module),
                         PyObject *Py_UNUSED(none))
{
    record_t *copy = PyMem_RawCalloc(MANY + 1, sizeof(*copy));
    PyObject *list;

    if (copy == NULL)
        return PyErr_NoMemory();
    enter();
    if (records != NULL)
        memcpy(copy, records, (MANY + 1) * sizeof(*copy));
    leave();
    list = as_list(copy);
    PyMem_RawFree(copy);
    return list;
}
