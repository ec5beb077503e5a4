/*
 * bound.c - CPU-bound threads: who they are, what they owe to others, and
 * others to them.
 *
 * Idea
 *   A CPU-bound thread keeps the GIL for a switch interval of 5 ms while
 *   others wait for it: the convoy effect (bpo-7946).  It is asked to let go
 *   as CPython would ask it after the interval: by a woken thread, before
 *   that attaches, and by insist.c's thread again and again, for whoever
 *   waits for the GIL: also for those that come back from a socket or a file,
 *   whose calls wait inside CPython.
 *
 *   Which threads are CPU-bound is observed: those that compute for a while,
 *   by the clocks of their CPU time, with the GIL, without a switch, although
 *   somebody waits.  One that is seen to have let go of it by itself is none.
 *
 *   CPU-bound threads among themselves wait for the interval as ever: known
 *   ones do not count as waiting.  And they must not starve: while they lack
 *   a part of their share, by the clocks of their CPU time, nobody is asked,
 *   and woken threads hold back.
 *
 * State               guard: insist.c's lock; what is atomic is read without
 *   threads           those that are known, thread states; never looked into
 *                     but by gil.c while one holds the GIL: they may be gone
 *   lacks             what they lack of their share; never more than 5 ms
 *   watched           the GIL's count of switches when it was looked at last
 *   asked             the same at the last request: whoever lets go after it
 *                     has not done so by itself
 *   suspect           who has the GIL, and its time when it was suspected
 *
 * Invariants
 *   B1  A request is made while somebody is going to take the GIL: the thread
 *       that asks, or one that waits inside CPython (gil.c, G1).
 *   B2  Threads that are gone, that wait for something else, or that compute
 *       without the GIL, lack nothing: what they lack counts only while one
 *       of them was seen with the GIL within UNSEEN_NS.
 *   B3  A thread holds back for 5 ms at most.
 */
#include "account.h"

/* How long a thread on another CPU that was asked takes to let go. */
#define LET_GO_NS 20000

/*
 * Whoever has kept the GIL for so long is suspected: it is stared at for a
 * moment in each look, since who makes short system calls has it nearly
 * always.  If it then computes for so long without letting go, it is
 * CPU-bound; if it only waits for a CPU, it is not.
 */
#define SUSPECT_NS 1000000
#define COMPUTED_NS 1000000
#define STARE_NS 10000

/* For so long one is known, and some are about, since one had the GIL. */
#define KNOWN_NS 100000000
#define ABOUT_NS 10000000

/* For so long those that do not come back are believed in. */
#define UNSEEN_NS 6000000

/* What it costs a thread to let go, to fall asleep and to be woken up. */
#define SWITCH_NS 10000

/* What they may lack until others hold back. */
#define CREDIT_NS 1000000

/* Where nobody has waited for so long, to look so often will do. */
#define CALM_NS 10000000
#define SLOW_NS 500000

#define NS_PER_S INT64_C(1000000000)

/* --- who is known ------------------------------------------------------- */

bool ppy_bound_any(const ppy_account_t *account)
{
    int64_t until = PPY_LOAD(account->bound.until);

    return until != 0 && until > ppt_now();
}

static bool is_known(const ppy_bound_thread_t *known, int64_t now)
{
    return PPY_LOAD(known->until) > now;
}

static const ppy_bound_thread_t *find(const ppy_bound_t *bound,
                                      const void *thread, int64_t now)
{
    int i;

    for (i = 0; i < PPY_MOST_BOUND; i++)
        if (PPY_LOAD(bound->threads[i].thread) == thread
            && is_known(&bound->threads[i], now))
            return &bound->threads[i];
    return NULL;
}

bool ppy_bound_is(const ppy_account_t *account, const void *thread)
{
    return ppy_bound_any(account)
           && find(&account->bound, thread, ppt_now()) != NULL;
}

bool ppy_bound_holds(const ppy_account_t *account)
{
    return ppy_gil_taken(account->gil)
           && ppy_bound_is(account, ppy_gil_holder(account->gil));
}

static void keep(ppy_bound_t *bound, const ppy_bound_thread_t *known,
                 int64_t now)
{
    PPY_STORE(bound->threads[known - bound->threads].until, now + KNOWN_NS);
    PPY_STORE(bound->until, now + ABOUT_NS);
}

static void forget(ppy_bound_t *bound, const ppy_bound_thread_t *known)
{
    PPY_STORE(bound->threads[known - bound->threads].until, 0);
}

/* Free, or the one that is known for the shortest time. */
static ppy_bound_thread_t *oldest(ppy_bound_t *bound)
{
    ppy_bound_thread_t *found = bound->threads;
    int i;

    for (i = 1; i < PPY_MOST_BOUND; i++)
        if (bound->threads[i].until < found->until)
            found = &bound->threads[i];
    return found;
}

bool ppy_read_clock(clockid_t clock, int64_t *time)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0)
        return false;
    *time = now.tv_sec * NS_PER_S + now.tv_nsec;
    return true;
}

static void get_to_know(ppy_bound_t *bound, const ppy_bound_thread_t *thread,
                        int64_t now)
{
    ppy_bound_thread_t *known = oldest(bound);

    PPY_STORE(known->thread, thread->thread);
    known->clock = thread->clock;
    known->used = thread->used;
    keep(bound, known, now);
}

/* --- their share --------------------------------------------------------- */

/* The CPU time that they have had since the last look, for themselves. */
static int64_t used_since(ppy_bound_t *bound, int64_t now)
{
    unsigned requests = __atomic_exchange_n(&bound->requests, 0,
                                            __ATOMIC_RELAXED);
    int64_t sum = -(int64_t)requests * SWITCH_NS;
    int i;

    for (i = 0; i < PPY_MOST_BOUND; i++) {
        ppy_bound_thread_t *known = &bound->threads[i];
        int64_t before = known->used;

        if (!is_known(known, now))
            continue;
        if (ppy_read_clock(known->clock, &known->used))
            sum += known->used - before;
        else
            forget(bound, known); /* it has ended */
    }
    return sum;
}

static int64_t within(int64_t least, int64_t value, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* B2 */
static void settle(ppy_bound_t *bound, int64_t now)
{
    int64_t time = now - bound->settled_at;
    int64_t due = time * PPY_LOAD(ppy_cpu_share) / PPY_MILLION;
    int64_t lacks = PPY_LOAD(bound->lacks) + due - used_since(bound, now);

    if (time > PPY_PATIENCE_NS || now - bound->seen_at > UNSEEN_NS)
        lacks = 0;
    bound->settled_at = now;
    PPY_STORE(bound->lacks, within(0, lacks, PPY_PATIENCE_NS));
}

static bool lack_much(const ppy_account_t *account)
{
    return PPY_LOAD(account->bound.lacks) >= CREDIT_NS
           && ppy_bound_any(account) && !ppy_is_finalizing();
}

static void nap(int64_t length)
{
    struct timespec time = { 0, (long)length };

    nanosleep(&time, NULL);
}

void ppy_bound_pay(ppy_account_t *account)
{
    int64_t end;

    if (!lack_much(account))
        return;
    PPY_COUNT(ppy_pauses);
    end = ppt_now() + PPY_PATIENCE_NS;
    ppy_insist_begin(&account->aside);
    do
        nap(PPY_QUICK_NS);
    while (lack_much(account) && ppt_now() < end); /* B3 */
    ppy_insist_end(&account->aside);
}

/* --- to ask ------------------------------------------------------------- */

static void note_request(ppy_account_t *account)
{
    PPY_STORE(account->bound.asked, ppy_gil_switches(account->gil));
    PPY_COUNT(account->bound.requests);
}

static void ask(ppy_account_t *account)
{
    if (ppy_gil_ask(account->gil, account->interpreter)) {
        note_request(account);
        PPY_COUNT(ppy_requests);
    }
}

/* Give the holder time; ask the next one, if need be. */
void ppy_bound_ask(ppy_account_t *account)
{
    unsigned long switches;

    do {
        switches = ppy_gil_switches(account->gil);
        ask(account);
    } while (!ppy_gil_await(account->gil, LET_GO_NS)
             && switches != ppy_gil_switches(account->gil)
             && ppy_bound_holds(account));
}

/* Known ones but the holder: they may wait, and do not count. */
static unsigned others(const ppy_bound_t *bound, const void *holder,
                       int64_t now)
{
    unsigned number = 0;
    int i;

    for (i = 0; i < PPY_MOST_BOUND; i++)
        if (is_known(&bound->threads[i], now)
            && bound->threads[i].thread != holder)
            number++;
    return number;
}

/* B1 */
static bool ask_for_others(ppy_account_t *account, int64_t now)
{
    unsigned few = others(&account->bound, ppy_gil_holder(account->gil), now);

    if (!ppy_gil_ask_for(account->gil, account->interpreter, few,
                         (unsigned)account->waiting))
        return false;
    note_request(account);
    return true;
}

/* A CPU-bound thread has the GIL. */
static void look_at_holder(ppy_account_t *account,
                           const ppy_bound_thread_t *holder, int64_t now)
{
    ppy_bound_t *bound = &account->bound;

    bound->seen_at = now;
    keep(bound, holder, now);
    if (PPY_LOAD(bound->lacks) < CREDIT_NS && ask_for_others(account, now))
        PPY_COUNT(ppy_renewals);
}

/* It is free: whoever had it last has let go, maybe by itself. */
static void look_at_former(ppy_account_t *account,
                           const ppy_bound_thread_t *former)
{
    if (ppy_gil_switches(account->gil) != PPY_LOAD(account->bound.asked))
        forget(&account->bound, former);
}

/* By others than CPU-bound threads that are known. */
static bool is_wanted(const ppy_account_t *account, int64_t now)
{
    return account->waiting > 0 || account->aside > 0
           || ppy_gil_waiters(account->gil)
                  > others(&account->bound, ppy_gil_holder(account->gil), now);
}

/* Since when has the GIL been where it is, while somebody wanted it? */
static int64_t kept_since(ppy_bound_t *bound, const void *gil, int64_t now)
{
    unsigned long switches = ppy_gil_switches(gil);

    if (!ppy_gil_taken(gil) || switches != bound->watched
        || bound->wanted_at != now) {
        bound->watched = switches;
        bound->watched_since = now;
    }
    return bound->watched_since;
}

static bool read_holder(const ppy_account_t *account,
                        ppy_bound_thread_t *holder)
{
    holder->thread = ppy_gil_holders_clock(account->gil, account->interpreter,
                                           &holder->clock);
    return holder->thread != NULL
           && ppy_read_clock(holder->clock, &holder->used);
}

/* It has had the GIL since then: has it computed? */
static void judge(ppy_bound_t *bound, const ppy_bound_thread_t *holder,
                  int64_t since, int64_t now)
{
    if (bound->suspect.thread != holder->thread
        || bound->suspected_since != since) {
        bound->suspect = *holder;
        bound->suspected_since = since;
    } else if (holder->used - bound->suspect.used >= COMPUTED_NS
               && find(bound, holder->thread, now) == NULL) {
        get_to_know(bound, holder, now);
    }
}

/* Does it keep the GIL? */
static void suspect(ppy_account_t *account, int64_t since, int64_t now)
{
    ppy_bound_thread_t holder;

    if (ppy_gil_await(account->gil, STARE_NS)) {
        account->bound.watched_since = now;
        return;
    }
    account->bound.suspected_at = now;
    if (read_holder(account, &holder))
        judge(&account->bound, &holder, since, now);
}

static void look(ppy_account_t *account, int64_t now)
{
    ppy_bound_t *bound = &account->bound;
    const ppy_bound_thread_t *holder = find(
        bound, ppy_gil_holder(account->gil), now);
    int64_t since = kept_since(bound, account->gil, now);

    if (holder == NULL && now - since >= SUSPECT_NS)
        suspect(account, since, now);
    else if (holder != NULL && ppy_gil_taken(account->gil))
        look_at_holder(account, holder, now);
    else if (holder != NULL)
        look_at_former(account, holder);
}

static int64_t next_look(const ppy_account_t *account, int64_t now)
{
    const ppy_bound_t *bound = &account->bound;
    bool calm = now - bound->wanted_at >= CALM_NS;

    if (ppy_bound_any(account))
        return calm ? SLOW_NS : PPY_QUICK_NS;
    if (now - bound->watched_since >= SUSPECT_NS)
        return PPY_QUICK_NS;
    return calm ? 0 : ppy_pause(bound->suspected_at, now);
}

int64_t ppy_bound_watch(ppy_account_t *account, int64_t now)
{
    ppy_bound_t *bound = &account->bound;

    if (is_wanted(account, now) || now - bound->looked_at >= CALM_NS)
        bound->wanted_at = now; /* or nobody knows */
    bound->looked_at = now;
    if (ppy_bound_any(account))
        settle(bound, now);
    look(account, now);
    return next_look(account, now);
}
