/*
 * rehearsal.c - learns how CPython waits for its GIL, by watching it do so.
 *
 * The interposer must know three objects of each GIL: its mutex, and two
 * condition variables.  CPython's private headers could tell, but they may be
 * those of another version.  So this thread lets go of the GIL and takes it
 * back, and its calls of pthread.h name the objects.  Then another thread
 * takes the GIL while this one lets go of it, and its calls must name the same
 * objects, in the order that the scheduler counts on.  If they do not, the GIL
 * is left alone.
 *
 * SPDX-License-Identifier: MIT
 */
#include "rehearsal.h"

#include "../base/compat.h"
#include "interposer.h"

#include <sched.h>

#include <pyplusthread/lock.h>
#include <pyplusthread/time.h>

/* A thread takes milliseconds to start, on a busy machine more. */
#define LIMIT_NS INT64_C(2000000000)

static int count_of(const ppy_recorder_t *recorder)
{
    return __atomic_load_n(&recorder->count, __ATOMIC_ACQUIRE);
}

/* The first call of that kind from the i-th on; or how many there are. */
static int find(const ppy_recorder_t *recorder, int i, ppy_call_kind_t kind)
{
    int n = count_of(recorder);

    while (i < n && recorder->calls[i].kind != kind)
        i++;
    return i;
}

/* lets go: signal, unlock; has it: signal. */
static bool learn(const ppy_recorder_t *recorder, ppy_gil_names_t *names)
{
    int n = count_of(recorder);
    int gone = find(recorder, 0, PPY_CALL_SIGNAL);
    int unlocked = find(recorder, gone, PPY_CALL_UNLOCK);
    int back = find(recorder, unlocked, PPY_CALL_SIGNAL);

    if (gone == n || unlocked == n || back == n)
        return false;
    names->cond = recorder->calls[gone].cond;
    names->mutex = recorder->calls[unlocked].mutex;
    names->switch_cond = recorder->calls[back].cond;
    return names->cond != names->switch_cond;
}

static bool is_wait(const ppy_call_t *call, const ppy_gil_names_t *names)
{
    return call->kind == PPY_CALL_TIMEDWAIT && call->cond == names->cond
           && call->mutex == names->mutex;
}

/* wants it: timedwait, more than once perhaps; has it, lets go: signals. */
static bool agrees(const ppy_recorder_t *recorder,
                   const ppy_gil_names_t *names)
{
    int n = count_of(recorder);
    int has = find(recorder, 0, PPY_CALL_SIGNAL);
    int gone = find(recorder, has + 1, PPY_CALL_SIGNAL);
    int i;

    for (i = 0; i < has; i++)
        if (!is_wait(&recorder->calls[i], names))
            return false;
    return has > 0 && gone < n
           && recorder->calls[has].cond == names->switch_cond
           && recorder->calls[gone].cond == names->cond;
}

static void let_go_and_take_back(void)
{
    PyThreadState *self = PyEval_SaveThread();

    PyEval_RestoreThread(self);
}

typedef struct {
    PyThreadState *state;
    ppy_recorder_t recorder;
} partner_t;

static void *be_partner(void *arg)
{
    partner_t *partner = arg;

    ppy_interposer_record(&partner->recorder);
    PyEval_AcquireThread(partner->state);
    PyThreadState_Clear(partner->state);
    PyThreadState_DeleteCurrent();
    ppy_interposer_record(NULL);
    return NULL;
}

/* The partner waits for the GIL, as its call says; then it gets it. */
static void let_partner_have_it(pthread_t thread, const partner_t *partner)
{
    int64_t limit = ppt_deadline(LIMIT_NS);
    PyThreadState *self;

    while (count_of(&partner->recorder) == 0 && ppt_now() < limit)
        sched_yield();
    self = PyEval_SaveThread();
    pthread_join(thread, NULL);
    PyEval_RestoreThread(self);
}

static const char *play(const ppy_gil_names_t *names)
{
    partner_t partner = { .recorder = { 0 } };
    pthread_t thread;

    partner.state = PyThreadState_New(PyInterpreterState_Get());
    if (partner.state == NULL)
        return "there is no memory for a rehearsal";
    if (pthread_create(&thread, NULL, be_partner, &partner) != 0) {
        PyThreadState_Clear(partner.state);
        PyThreadState_Delete(partner.state);
        return "no thread could be started for a rehearsal";
    }
    let_partner_have_it(thread, &partner);
    return agrees(&partner.recorder, names)
               ? NULL
               : "this interpreter waits for its GIL in another way";
}

static const char *rehearse(uint64_t *id)
{
    ppy_recorder_t recorder = { 0 };
    ppy_gil_names_t names;
    const char *trouble;

    ppy_interposer_record(&recorder);
    let_go_and_take_back();
    ppy_interposer_record(NULL);
    if (count_of(&recorder) == 0)
        return "this interpreter has no GIL";
    if (!learn(&recorder, &names))
        return "this interpreter lets go of its GIL in another way";
    *id = ppy_gils_join(&names);
    if (*id != 0)
        return NULL;
    trouble = play(&names);
    if (trouble != NULL)
        return trouble;
    *id = ppy_interposer_adopt(&names);
    return *id != 0 ? NULL : "there is no memory for the scheduler";
}

static const char *install_and_rehearse(uint64_t *id)
{
    const void *interpreter = (const void *)PyEval_SaveThread;
    const char *trouble = ppy_interposer_install(interpreter);

    if (trouble == NULL) {
        trouble = rehearse(id);
        if (trouble != NULL)
            ppy_interposer_remove(interpreter);
    }
    return trouble;
}

/*
 * Interpreters with GILs of their own may import at once.  Detached: whoever
 * has the lock needs the GIL, which they may share.
 */
static ppt_lock_t rehearsing = PPT_LOCK_INITIALIZER;

static void after_fork(void)
{
    ppt_lock_after_fork(&rehearsing);
    ppy_interposer_after_fork();
}

static void set_atfork(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}

const char *ppy_rehearse(uint64_t *id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *trouble;

    *id = 0;
    if (ppy_is_finalizing())
        return "the interpreter is shutting down";
    pthread_once(&once, set_atfork);
    Py_BEGIN_ALLOW_THREADS
    ppt_lock_acquire(&rehearsing, PPT_FOREVER);
    Py_END_ALLOW_THREADS
    trouble = install_and_rehearse(id);
    ppt_lock_release(&rehearsing);
    return trouble;
}
