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
 *   A CPU-bound thread would keep the GIL for a switch interval of 5 ms: the
 *   convoy effect (bpo-7946).  A woken thread asks it to let go, as CPython
 *   does after the interval.  Which threads are CPU-bound is observed: those
 *   that had the GIL for a while, without a switch, although another thread
 *   waited.  insist.c looks after that, and asks again when a request was
 *   in vain.
 *
 *   CPU-bound threads must not starve.  Their share is an account: what woken
 *   threads use of the GIL is a debt to those they displaced, and while it is
 *   high, woken threads hold back.  A CPU-bound thread that is woken has no
 *   priority itself.
 *
 *   The other way round: whoever releases a lock for which threads are queued
 *   lets go of the GIL meanwhile, so that the one it wakes finds it free.  On
 *   one CPU the woken thread runs at once, and a hand-over costs one switch
 *   instead of three.  But the GIL may go to a CPU-bound thread; so whoever
 *   was away for long has all threads keep the GIL for many times as long.
 *
 * State
 *   accounts    one for each interpreter that has imported the module; never
 *               freed, since a thread may look at one while the interpreter
 *               shuts down, but used again for another at the same address
 *   bound       of an account: threads that seemed to be CPU-bound, for a
 *               while; thread states, but never looked into: they may be gone
 *   displaced   a thread was asked to let go, and may want the GIL; the debt
 *               is of no use before
 *   switches    the GIL's own count when a woken thread last attached or
 *               detached: another count, and others had it since
 *   watched     the GIL's count when insist.c looked last, and since when
 *   since       of a thread: when it attached; -1: nobody was displaced
 *
 * Invariants
 *   A1  Who attaches or detaches writes its account, while it holds the GIL.
 *       Others read it without, and may see it a little old: it is a policy,
 *       not a guard.
 *   A2  A thread that has asked takes the GIL, unless the interpreter shuts
 *       down; then insist.c withdraws (gil.c, G2).
 *   A3  A thread holds back for PATIENCE_NS at most.
 */
#include "core.h"

#include <sched.h>
#include <time.h>

/* As long as the library spins. */
#define SPIN_NS 20000

/* How long it takes until a thread on another CPU that was asked lets go. */
#define LET_GO_NS 20000

/* CPython's switch interval. */
#define PATIENCE_NS 5000000

/* The debt at which woken threads hold back. */
#define CREDIT_NS 1000000

/* What it costs a thread to let go and be woken up again. */
#define SWITCH_NS 50000

/* For so long displaced threads are believed in that do not come back. */
#define UNSEEN_NS 6000000

/* Whoever keeps the GIL for so long is CPU-bound, and is known for so long. */
#define LONG_NS 1000000
#define KNOWN_NS 50000000
#define MOST_KNOWN 4

/* Away from the GIL for longer is a loss, to be repaid so many times over. */
#define AWAY_NS 500000
#define REPAID 20

#define NS_PER_S INT64_C(1000000000)
#define MILLION 1000000
#define DEFAULT_SHARE 300000

struct known {
    const void *thread;
    int64_t until;
};

struct ppy_account {
    ppy_account_t *next;        /* never changes */
    void *interpreter;          /* the same, but for dead ones */
    void *gil;
    struct known bound[MOST_KNOWN];
    unsigned next_bound;        /* guarded by insist.c */
    unsigned long watched;      /* the same */
    int64_t watched_since;      /* the same */
    bool displaced;
    unsigned long switches;
    int64_t debt;               /* nanoseconds */
    int64_t left_at;            /* when a woken thread last detached */
    int64_t seen_at;            /* when others last had the GIL, or might */
    int waiting;                /* see insist.c */
};

static ppy_account_t *accounts;
static ppt_lock_t accounts_lock = PPT_LOCK_INITIALIZER;

static const char *trouble = "the module is being imported";
static bool is_on = true;
static int cpu_share = DEFAULT_SHARE; /* in millionths */

static unsigned long requests, renewals, pauses;
static int64_t keep_until;
static int64_t last_known_until; /* guarded by insist.c */

static _Thread_local int64_t since = -1;
static _Thread_local unsigned long switches_then;

#define LOAD(variable) __atomic_load_n(&(variable), __ATOMIC_RELAXED)
#define STORE(variable, value)                                              \
    __atomic_store_n(&(variable), (value), __ATOMIC_RELAXED)
#define COUNT(variable) __atomic_fetch_add(&(variable), 1, __ATOMIC_RELAXED)

/* --- accounts ---------------------------------------------------------- */

static ppy_account_t *find(const void *interpreter)
{
    ppy_account_t *account = __atomic_load_n(&accounts, __ATOMIC_ACQUIRE);

    while (account != NULL && LOAD(account->interpreter) != interpreter)
        account = account->next;
    return account;
}

static ppy_account_t *current_account(void)
{
    return LOAD(trouble) != NULL ? NULL : find(PyInterpreterState_Get());
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

static int open_account(void)
{
    void *interpreter = PyInterpreterState_Get();
    ppy_account_t *account;

    ppt_lock_acquire(&accounts_lock, PPT_FOREVER);
    account = find(interpreter);
    if (account == NULL)
        account = add(interpreter);
    if (account != NULL && account->gil != ppy_gil_here())
        account->gil = ppy_gil_here();
    ppt_lock_release(&accounts_lock);
    if (account != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* --- the share of CPU-bound threads ------------------------------------ */

static int64_t at_most(int64_t limit, int64_t value)
{
    return value < limit ? value : limit;
}

/* What is left of the debt, if others have had the GIL since. */
static int64_t owed(const ppy_account_t *account)
{
    int64_t debt = LOAD(account->debt);

    if (ppy_gil_switches(account->gil) != LOAD(account->switches))
        debt -= ppt_now() - LOAD(account->left_at);
    return debt < 0 ? 0 : debt;
}

/* Woken threads have cost the others so much time. */
static void owe(ppy_account_t *account, int64_t time)
{
    int64_t share = LOAD(cpu_share);
    int64_t more = at_most(PATIENCE_NS, time) * share / (MILLION - share);

    STORE(account->debt, at_most(PATIENCE_NS, LOAD(account->debt) + more));
}

/* More switches than one are those of threads that were not woken. */
static void look_for_others(ppy_account_t *account, int64_t now)
{
    if (ppy_gil_switches(account->gil) - LOAD(account->switches) > 1)
        STORE(account->seen_at, now);
    else if (now - LOAD(account->seen_at) > UNSEEN_NS)
        STORE(account->displaced, false);
}

/* A1 */
static void begin_turn(ppy_account_t *account)
{
    if (LOAD(account->displaced)) {
        int64_t now = ppt_now();

        look_for_others(account, now);
        STORE(account->debt, owed(account));
        since = now;
        switches_then = ppy_gil_switches(account->gil);
    }
    STORE(account->switches, ppy_gil_switches(account->gil));
}

/* The time since then, if nobody else had the GIL meanwhile; or not known. */
static int64_t time_used(const ppy_account_t *account, int64_t now)
{
    return ppy_gil_switches(account->gil) == switches_then ? now - since : 0;
}

static void end_turn(ppy_account_t *account)
{
    if (since >= 0) {
        int64_t now = ppt_now();

        owe(account, time_used(account, now));
        since = -1;
        STORE(account->left_at, now);
        STORE(account->switches, ppy_gil_switches(account->gil));
    }
}

static void nap(int64_t length)
{
    struct timespec time = { (time_t)(length / NS_PER_S),
                             (long)(length % NS_PER_S) };

    nanosleep(&time, NULL);
}

/* Let the others have what they are owed. */
static void pay(const ppy_account_t *account)
{
    int64_t now = ppt_now();
    int64_t end = now + PATIENCE_NS;
    int64_t debt;

    while ((debt = owed(account)) >= CREDIT_NS && now < end
           && LOAD(account->displaced) && !ppy_is_finalizing()) {
        COUNT(pauses);
        nap(at_most(end - now, debt));
        now = ppt_now();
    }
}

/* --- attaching --------------------------------------------------------- */

static bool spin(void *gil, int64_t length)
{
    int64_t end = ppt_now() + length;
    int looks;

    do
        for (looks = 0; looks < 100; looks++)
            if (!ppy_gil_taken(gil))
                return ppy_gil_free(gil);
    while (ppt_now() < end);
    return false;
}

/* The waker is about to let go of the GIL. */
static bool wait_for_waker(void *gil)
{
    if (ppt_woken_from_afar())
        return spin(gil, SPIN_NS);
    sched_yield();
    return ppy_gil_free(gil);
}

static bool is_bound(const ppy_account_t *account, const void *thread)
{
    int i;

    for (i = 0; i < MOST_KNOWN; i++)
        if (LOAD(account->bound[i].thread) == thread
            && LOAD(account->bound[i].until) > ppt_now())
            return true;
    return false;
}

static bool holder_is_bound(const ppy_account_t *account)
{
    return ppy_gil_taken(account->gil)
           && is_bound(account, ppy_gil_holder(account->gil));
}

static void request(ppy_account_t *account)
{
    STORE(account->seen_at, ppt_now());
    STORE(account->displaced, true);
    COUNT(requests);
    ppy_gil_ask(account->gil, account->interpreter);
}

/* Ask the holder to let go, and give it the time; ask the next, if need be. */
static void ask(ppy_account_t *account)
{
    unsigned long switches;

    owe(account, SWITCH_NS);
    do {
        switches = ppy_gil_switches(account->gil);
        request(account);
    } while (!spin(account->gil, LET_GO_NS)
             && switches != ppy_gil_switches(account->gil)
             && holder_is_bound(account));
}

/*
 * Wait until whoever has the GIL lets go of it, if that pays: on this CPU a
 * displaced thread might get it first, and the CPU.
 */
static bool wait_for_holder(ppy_account_t *account, bool displaced)
{
    return !holder_is_bound(account)
           && (ppt_woken_from_afar() || !displaced)
           && wait_for_waker(account->gil);
}

/*
 * Do what can be done before attaching.
 *
 * Returns   whether to insist: the GIL is taken, or others may be quicker
 */
static bool approach(ppy_account_t *account, const void *thread)
{
    bool displaced = LOAD(account->displaced);
    bool has_priority = LOAD(is_on) && !is_bound(account, thread);

    if (has_priority && displaced)
        pay(account);
    if (!ppy_gil_taken(account->gil) || wait_for_holder(account, displaced))
        return has_priority && displaced;
    if (!has_priority || ppy_is_finalizing())
        return false;
    if (holder_is_bound(account))
        ask(account);
    return true;
}

void ppy_detach(ppy_wait_t *wait)
{
    wait->runs_handlers = ppy_is_main_thread();
    wait->account = current_account();
    if (wait->account != NULL)
        end_turn(wait->account);
    wait->thread = PyEval_SaveThread();
}

/* The thread's own state may be gone by now, at shutdown. */
void ppy_attach(ppy_wait_t *wait)
{
    ppy_account_t *account = wait->account;
    bool insists = account != NULL && approach(account, wait->thread);

    if (insists)
        ppy_insist_begin(&account->waiting);
    PyEval_RestoreThread(wait->thread);
    if (insists && ppy_insist_end(&account->waiting))
        ppy_gil_withdraw(account->gil, account->interpreter);
    if (account != NULL)
        begin_turn(account);
}

/* --- for those that wait, by insist.c ------------------------------------ */

static void get_to_know(ppy_account_t *account, const void *thread,
                        int64_t now)
{
    struct known *known = &account->bound[account->next_bound];

    account->next_bound = (account->next_bound + 1) % MOST_KNOWN;
    STORE(known->thread, thread);
    STORE(known->until, now + KNOWN_NS);
    last_known_until = now + KNOWN_NS;
}

/* Somebody waits: has the same thread had the GIL all the time? */
static void watch(ppy_account_t *account, int64_t now)
{
    unsigned long switches = ppy_gil_switches(account->gil);

    if (switches != account->watched || !ppy_gil_taken(account->gil)) {
        account->watched = switches;
        account->watched_since = now;
    } else if (now - account->watched_since >= LONG_NS
               && !holder_is_bound(account)) {
        get_to_know(account, ppy_gil_holder(account->gil), now);
    }
    if (holder_is_bound(account)) {
        COUNT(renewals);
        request(account);
    }
}

bool ppy_accounts_watch(void)
{
    ppy_account_t *account = __atomic_load_n(&accounts, __ATOMIC_ACQUIRE);
    int64_t now = ppt_now();

    for (; account != NULL; account = account->next)
        if (account->waiting > 0)
            watch(account, now);
        else
            account->watched_since = now;
    return now < last_known_until;
}

void ppy_accounts_withdraw(void)
{
    ppy_account_t *account = __atomic_load_n(&accounts, __ATOMIC_ACQUIRE);

    for (; account != NULL; account = account->next)
        if (account->waiting > 0)
            ppy_gil_withdraw(account->gil, account->interpreter);
}

void ppy_accounts_forget(void)
{
    ppy_account_t *account = accounts;

    for (; account != NULL; account = account->next)
        account->waiting = 0;
}

void ppy_accounts_after_fork(void)
{
    ppt_lock_after_fork(&accounts_lock);
    ppy_accounts_forget();
}

/* --- releasing a lock -------------------------------------------------- */

static void count_loss(int64_t away)
{
    if (away > AWAY_NS)
        STORE(keep_until, ppt_now() + REPAID * away);
}

/* It was not woken: it goes on with its turn, if it had one. */
static void attach_again(ppy_wait_t *wait, bool had_turn)
{
    int64_t begin = ppt_now();

    if (wait->account != NULL && ppy_gil_taken(wait->account->gil))
        wait_for_waker(wait->account->gil);
    PyEval_RestoreThread(wait->thread);
    count_loss(ppt_now() - begin);
    if (wait->account != NULL && had_turn)
        begin_turn(wait->account);
}

static int release_detached(ppt_lock_t *lock)
{
    bool had_turn = since >= 0;
    ppy_wait_t wait;
    int result;

    ppy_wait_begin(&wait, ppy_forget_lock, lock);
    ppy_detach(&wait);
    result = ppt_lock_release(lock);
    ppy_wait_end(&wait);
    attach_again(&wait, had_turn);
    return result;
}

/* Whether the thread would soon be back: no CPU-bound one wants the GIL. */
static bool may_let_go(void)
{
    const ppy_account_t *account = current_account();

    return account != NULL && !LOAD(account->displaced)
           && ppt_now() >= LOAD(keep_until);
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
    STORE(is_on, enabled);
    STORE(cpu_share, share);
    Py_RETURN_NONE;
}

PyObject *ppy_gil_info(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    const char *reason = LOAD(trouble);
    bool priority = reason == NULL && LOAD(is_on);

    if (reason == NULL && !priority)
        reason = "it was turned off";
    return Py_BuildValue("{s:N,s:z,s:d,s:k,s:k,s:k}",
                         "priority", PyBool_FromLong(priority),
                         "reason", reason, "cpu_share", (double)LOAD(cpu_share) / MILLION,
                         "requests", LOAD(requests),
                         "renewals", LOAD(renewals), "pauses", LOAD(pauses));
}

int ppy_priority_setup(void)
{
    const char *found = ppy_gil_check();

    if (found == NULL && open_account() < 0)
        return -1;
    STORE(trouble, found);
    return 0;
}
