/*
 * cond_waiters_glibc.c - the count that glibc keeps since 2.25.
 *
 * Each waiter adds one, shifted, to __wrefs before it lets go of the mutex,
 * and takes it back before it takes the mutex again; pthread_cond_destroy
 * goes by it.  Whether that is still so is tried out: a thread waits, and has
 * to be seen.
 */
#include "cond_waiters.h"

#include <sched.h>
#include <signal.h>

#define SHIFT 3

enum { UNKNOWN, KNOWN, WRONG };

static int state; /* atomic */

static unsigned waiters(const pthread_cond_t *cond)
{
    return __atomic_load_n(&cond->__data.__wrefs, __ATOMIC_RELAXED) >> SHIFT;
}

/* A thread that waits until `ends`. */
typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool waits;
    bool ends;
} probe_t;

static void *wait(void *arg)
{
    probe_t *probe = arg;

    pthread_mutex_lock(&probe->mutex);
    probe->waits = true;
    while (!probe->ends)
        pthread_cond_wait(&probe->cond, &probe->mutex);
    pthread_mutex_unlock(&probe->mutex);
    return NULL;
}

/* Before it waits nobody is seen; then it is. */
static bool is_seen(probe_t *probe)
{
    bool waits, seen;

    do {
        sched_yield();
        pthread_mutex_lock(&probe->mutex);
        waits = probe->waits;
        seen = waiters(&probe->cond) == (waits ? 1 : 0);
        pthread_mutex_unlock(&probe->mutex);
    } while (seen && !waits);
    return seen;
}

static void end(probe_t *probe, pthread_t thread)
{
    pthread_mutex_lock(&probe->mutex);
    probe->ends = true;
    pthread_cond_signal(&probe->cond);
    pthread_mutex_unlock(&probe->mutex);
    pthread_join(thread, NULL);
}

/* The thread gets no signals. */
static int start(pthread_t *thread, probe_t *probe)
{
    sigset_t all, old;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    result = pthread_create(thread, NULL, wait, probe);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return result;
}

void ppy_cond_waiters_check(void)
{
    probe_t probe = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                      false, false };
    pthread_t thread;
    bool right = false;

    if (__atomic_load_n(&state, __ATOMIC_RELAXED) != UNKNOWN)
        return;
    if (start(&thread, &probe) == 0) {
        right = is_seen(&probe);
        end(&probe, thread);
        right = right && waiters(&probe.cond) == 0;
    }
    __atomic_store_n(&state, right ? KNOWN : WRONG, __ATOMIC_RELAXED);
}

bool ppy_cond_waiters_known(void)
{
    return __atomic_load_n(&state, __ATOMIC_RELAXED) == KNOWN;
}

unsigned ppy_cond_waiters(const pthread_cond_t *cond)
{
    return ppy_cond_waiters_known() ? waiters(cond) : 0;
}
