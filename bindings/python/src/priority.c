/*
 * priority.c - who gets the GIL first: a thread that was woken, or one that
 * is CPU-bound?
 *
 * Idea
 *   Whoever wakes a thread holds the GIL, and goes on for a few microseconds
 *   until it waits for something itself.  A thread that attached at once
 *   would fall asleep on the GIL, and cost a second wake-up.  So it looks
 *   first: while the GIL is taken, it spins for some time, if its waker runs
 *   on another CPU, or yields, if it runs on this one.
 *
 *   A CPU-bound thread would keep the GIL for a switch interval of 5 ms.  A
 *   woken thread asks it to let go (bound.c), and while it waits for the GIL,
 *   a thread of our own asks again and again (insist.c).  A CPU-bound thread
 *   that is woken has no priority itself.
 *
 *   The other way round: whoever releases a lock for which threads are queued
 *   lets go of the GIL meanwhile, so that the one it wakes finds it free.  On
 *   one CPU the woken thread runs at once, and a hand-over costs one switch
 *   instead of three.  But the GIL may go to a CPU-bound thread, or the woken
 *   one may have much to do; so whoever was away for long has all threads keep
 *   the GIL for many times as long.
 *
 * State
 *   accounts   one for each interpreter that has imported the module; never
 *              freed, since a thread may look at one while the interpreter
 *              shuts down, but used again for another at the same address
 *   is_open    of an account: its interpreter, and so its GIL, exists.  A
 *              capsule in the interpreter's dictionary closes it.
 *
 * Invariants
 *   A1  A thread that has asked takes the GIL, unless the interpreter shuts
 *       down; then insist.c withdraws (gil.c, G2).
 */
#include "account.h"

#include <sched.h>

/* As long as the library spins. */
#define SPIN_NS 20000

/* Away from the GIL for longer is a loss, to be repaid so many times over. */
#define AWAY_NS 100000
#define REPAID 20

#define DEFAULT_SHARE 300000

static ppy_account_t *accounts;
static ppt_lock_t accounts_lock = PPT_LOCK_INITIALIZER;

static const char *trouble = "the module is being imported";
static bool is_on = true;
static int64_t keep_until;

int ppy_cpu_share = DEFAULT_SHARE;
unsigned long ppy_requests, ppy_renewals, ppy_pauses;
unsigned long ppy_turns, ppy_kept;

/* --- accounts ---------------------------------------------------------- */

static ppy_account_t *first_account(void)
{
    return __atomic_load_n(&accounts, __ATOMIC_ACQUIRE);
}

static ppy_account_t *find(const void *interpreter)
{
    ppy_account_t *account = first_account();

    while (account != NULL && PPY_LOAD(account->interpreter) != interpreter)
        account = account->next;
    return account;
}

static ppy_account_t *current_account(void)
{
    return PPY_LOAD(trouble) != NULL ? NULL : find(PyInterpreterState_Get());
}

static ppy_account_t *add(void *interpreter)
{
    ppy_account_t *account = PyMem_RawCalloc(1, sizeof(*account));

    if (account == NULL)
        return NULL;
    account->interpreter = interpreter;
    account->next = accounts;
    __atomic_store_n(&accounts, account, __ATOMIC_RELEASE);
    return account;
}

static ppy_account_t *find_or_add(void *interpreter)
{
    ppy_account_t *account;

    ppt_lock_acquire(&accounts_lock, PPT_FOREVER);
    account = find(interpreter);
    if (account == NULL)
        account = add(interpreter);
    ppt_lock_release(&accounts_lock);
    if (account == NULL)
        PyErr_NoMemory();
    return account;
}

#define CAPSULE "pyplusthread.account"

static void close_account(PyObject *capsule)
{
    ppy_account_t *account = PyCapsule_GetPointer(capsule, CAPSULE);

    ppy_insist_set(&account->is_open, false);
}

/* Until the interpreter clears its dictionary. */
static int close_at_end(ppy_account_t *account)
{
    PyObject *dict = PyInterpreterState_GetDict(account->interpreter);
    PyObject *capsule;
    int result = -1;

    if (dict == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    capsule = PyCapsule_New(account, CAPSULE, close_account);
    if (capsule != NULL)
        result = PyDict_SetItemString(dict, CAPSULE, capsule);
    Py_XDECREF(capsule);
    return result;
}

static int open_account(void)
{
    ppy_account_t *account = find_or_add(PyInterpreterState_Get());

    if (account == NULL || close_at_end(account) < 0)
        return -1;
    account->gil = ppy_gil_here();
    ppy_insist_set(&account->is_open, true);
    return 0;
}

/* --- attaching --------------------------------------------------------- */

bool ppy_await_waker(void *gil)
{
    if (ppt_woken_from_afar())
        return ppy_gil_await(gil, SPIN_NS);
    sched_yield();
    return ppy_gil_free(gil);
}

/*
 * Wait until whoever has the GIL lets go of it, if that pays: on this CPU a
 * CPU-bound thread might get it first, and the CPU.
 */
static bool is_free_soon(const ppy_account_t *account)
{
    if (!ppy_gil_taken(account->gil))
        return true;
    return !ppy_bound_holds(account)
           && (ppt_woken_from_afar() || !ppy_bound_any(account))
           && ppy_await_waker(account->gil);
}

static bool has_priority(const ppy_account_t *account, const void *thread)
{
    return PPY_LOAD(is_on) && !ppy_bound_is(account, thread)
           && !ppy_is_finalizing();
}

/* The GIL is taken, or CPU-bound threads may be quicker. */
static void attach_first(ppy_account_t *account, PyThreadState *thread)
{
    ppy_bound_pay(account);
    ppy_insist_begin(&account->waiting);
    if (ppy_bound_any(account) && !is_free_soon(account)
        && ppy_bound_holds(account))
        ppy_bound_ask(account);
    PyEval_RestoreThread(thread);
    if (ppy_insist_end(&account->waiting)
        && !ppy_gil_sees_waiters_of(account->interpreter))
        ppy_gil_withdraw(account->gil, account->interpreter);
}

static void detach(ppy_wait_t *wait)
{
    wait->runs_handlers = ppy_is_main_thread();
    wait->thread = PyEval_SaveThread();
}

void ppy_detach(ppy_wait_t *wait)
{
    wait->account = current_account();
    if (wait->account != NULL)
        ppy_turn_break(wait->account);
    detach(wait);
}

void ppy_detach_out_of_turn(ppy_wait_t *wait)
{
    wait->account = current_account();
    if (wait->account != NULL)
        ppy_turn_end(wait->account);
    detach(wait);
}

/* The thread's own state may be gone by now, at shutdown. */
void ppy_attach(ppy_wait_t *wait)
{
    ppy_account_t *account = wait->account;

    if (account != NULL
        && (ppy_bound_any(account) || !is_free_soon(account))
        && has_priority(account, wait->thread))
        attach_first(account, wait->thread);
    else
        PyEval_RestoreThread(wait->thread);
}

/* --- taking turns -------------------------------------------------------- */

/* Where this thread waited for a notify last. */
static _Thread_local ppy_stand_t last_stand;

static bool are_taken(const ppy_account_t *account)
{
    return account != NULL && PPY_LOAD(is_on) && !ppy_bound_any(account)
           && !ppy_is_finalizing();
}

void ppy_detach_until_notified(ppy_wait_t *wait, const ppy_stand_t *stand)
{
    wait->account = current_account();
    if (are_taken(wait->account))
        ppy_turn_keep_or_end(wait->account, stand);
    else if (wait->account != NULL)
        ppy_turn_end(wait->account);
    detach(wait);
}

void ppy_attach_in_turn(ppy_wait_t *wait, const ppy_stand_t *stand,
                        int64_t deadline)
{
    last_stand = *stand;
    if (!wait->runs_handlers && are_taken(wait->account))
        ppy_turn_begin(wait->account, wait->thread, stand, deadline);
    ppy_attach(wait);
}

void ppy_attach_unnotified(ppy_wait_t *wait)
{
    if (wait->account != NULL)
        ppy_turn_end(wait->account);
    ppy_attach(wait);
}

static void queue_up_again(void)
{
    const ppy_account_t *account = current_account();
    ppy_wait_t wait;

    if (account != NULL && ppy_turn_is_others(account)) {
        ppy_detach_out_of_turn(&wait);
        ppy_attach_in_turn(&wait, &last_stand, PPT_FOREVER);
    }
}

/* A thread's own variables take a call: where nobody has waited, no look. */
void ppy_wait_for_turn(const ppt_lock_t *lock)
{
    if (PPY_LOAD(ppy_turns) > 0 && lock == last_stand.lock && ppy_turn_had())
        queue_up_again();
}

/* --- for insist.c ------------------------------------------------------ */

/* So what they have missed is a sixteenth of the time, at most. */
#define PART 16
#define RARELY_NS 2000000

int64_t ppy_pause(int64_t found, int64_t now)
{
    int64_t pause = (now - found) / PART;

    if (pause < PPY_QUICK_NS)
        return PPY_QUICK_NS;
    return pause < RARELY_NS ? pause : RARELY_NS;
}

/* 0 is never. */
static int64_t sooner(int64_t a, int64_t b)
{
    return b > 0 && (a == 0 || b < a) ? b : a;
}

static int64_t watch(ppy_account_t *account, int64_t now)
{
    int64_t next = ppy_turn_watch(account, now);

    return PPY_LOAD(is_on) ? sooner(next, ppy_bound_watch(account, now))
                           : next;
}

int64_t ppy_accounts_watch(void)
{
    ppy_account_t *account = first_account();
    int64_t now = ppt_now();
    int64_t next = 0;

    for (; account != NULL; account = account->next)
        if (account->is_open)
            next = sooner(next, watch(account, now));
    return next;
}

bool ppy_accounts_withdraw(void)
{
    ppy_account_t *account = first_account();
    bool any = false;

    for (; account != NULL; account = account->next)
        if (account->is_open) {
            ppy_gil_withdraw(account->gil, account->interpreter);
            any = true;
        }
    return any;
}

void ppy_accounts_forget(void)
{
    ppy_account_t *account = accounts;

    for (; account != NULL; account = account->next)
        account->waiting = account->aside = 0;
}

void ppy_accounts_after_fork(void)
{
    ppy_account_t *account = accounts;

    ppt_lock_after_fork(&accounts_lock);
    ppy_accounts_forget();
    for (; account != NULL; account = account->next)
        ppy_turn_after_fork(account);
}

/* --- releasing a lock -------------------------------------------------- */

static void count_loss(int64_t away)
{
    if (away > AWAY_NS)
        PPY_STORE(keep_until, ppt_now() + REPAID * away);
}

/* It was not woken, and does not insist. */
static void attach_again(ppy_wait_t *wait)
{
    int64_t begin = ppt_now();

    if (wait->account != NULL && ppy_gil_taken(wait->account->gil))
        ppy_await_waker(wait->account->gil);
    PyEval_RestoreThread(wait->thread);
    count_loss(ppt_now() - begin);
}

static int release_detached(ppt_lock_t *lock)
{
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, ppy_forget_lock, lock);
    ppy_detach_out_of_turn(&wait);
    result = ppt_lock_release(lock);
    ppy_wait_end(&wait);
    attach_again(&wait);
    return result;
}

/*
 * Whether the thread would soon be back, and the one it wakes goes on: no
 * CPU-bound one wants the GIL, and it is nobody else's turn.
 */
static bool may_let_go(void)
{
    const ppy_account_t *account = current_account();

    return account != NULL && !ppy_bound_any(account)
           && !ppy_turn_is_others(account)
           && ppt_now() >= PPY_LOAD(keep_until);
}

int ppy_release(ppt_lock_t *lock)
{
    return ppt_lock_waiting(lock) > 0 && may_let_go()
               ? release_detached(lock)
               : ppt_lock_release(lock);
}

/* --- what Python calls ------------------------------------------------- */

/* In millionths; -1, with an exception set, if it is none. */
static int to_share(PyObject *value)
{
    double share = value == NULL ? 0 : PyFloat_AsDouble(value);

    if (value == NULL)
        return DEFAULT_SHARE;
    if (share == -1 && PyErr_Occurred())
        return -1;
    if (share >= 0 && share < 1)
        return (int)(share * PPY_MILLION);
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
    PPY_STORE(is_on, enabled);
    PPY_STORE(ppy_cpu_share, share);
    Py_RETURN_NONE;
}

PyObject *ppy_gil_info(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    const char *reason = PPY_LOAD(trouble);
    bool priority = reason == NULL && PPY_LOAD(is_on);

    if (reason == NULL && !priority)
        reason = "it was turned off";
    return Py_BuildValue("{s:N,s:z,s:d,s:k,s:k,s:k,s:k,s:k,s:N}",
                         "priority", PyBool_FromLong(priority),
                         "reason", reason, "cpu_share",
                         (double)PPY_LOAD(ppy_cpu_share) / PPY_MILLION,
                         "requests", PPY_LOAD(ppy_requests),
                         "renewals", PPY_LOAD(ppy_renewals),
                         "pauses", PPY_LOAD(ppy_pauses),
                         "turns", PPY_LOAD(ppy_turns),
                         "kept", PPY_LOAD(ppy_kept), "sees_waiters",
                         PyBool_FromLong(PPY_LOAD(trouble) == NULL
                                         && ppy_gil_sees_waiters()));
}

int ppy_priority_setup(void)
{
    const char *found = ppy_gil_check();

    if (found == NULL && open_account() < 0)
        return -1;
    PPY_STORE(trouble, found);
    return 0;
}
