/*
 * gil_policies.h - three ways to share an interpreter's lock, each with what
 * threads block on there.
 *
 * acquire and release stand around every blocking call; check is what a
 * thread does every CHECK_INTERVAL bytecodes.  self tells threads apart.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <pyplusthread/gil.h>

/*
 * interval: the way of CPython 3.2 and later.  A waiter that has waited for
 * the whole interval without any switch asks for the lock; the holder sees
 * it at its next check, lets go, and waits until another thread has it.
 */
#define SWITCH_INTERVAL_NS 5000000

struct interval_lock {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    pthread_cond_t taken;
    uint64_t switches;   /* guarded by mutex, like all but wanted */
    const void *holder;  /* the present one, or the last */
    bool held;
    bool wanted;         /* atomic: somebody waited for the interval */
};

struct gil {
    const struct gil_policy *policy;
    ppt_gil_t ppt;
    pthread_mutex_t mutex;
    struct interval_lock interval;
};

struct gil_policy {
    const char *name;
    void (*acquire)(struct gil *gil, const void *self);
    void (*release)(struct gil *gil);
    void (*check)(struct gil *gil, const void *self);
    const struct slot_kind *slot_kind;
};

static void ppt_acquire(struct gil *gil, const void *self)
{
    (void)self;
    ppt_gil_acquire(&gil->ppt, PPT_FOREVER);
}

static void ppt_release(struct gil *gil)
{
    ppt_gil_release(&gil->ppt);
}

static void ppt_check(struct gil *gil, const void *self)
{
    (void)self;
    ppt_gil_yield(&gil->ppt);
}

/* mutex: the way of CPython until 3.1. */
static void mutex_acquire(struct gil *gil, const void *self)
{
    (void)self;
    pthread_mutex_lock(&gil->mutex);
}

static void mutex_release(struct gil *gil)
{
    pthread_mutex_unlock(&gil->mutex);
}

static void mutex_check(struct gil *gil, const void *self)
{
    (void)self;
    pthread_mutex_unlock(&gil->mutex);
    pthread_mutex_lock(&gil->mutex);
}

static void interval_init(struct interval_lock *lock)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->freed, &monotonic);
    pthread_cond_init(&lock->taken, NULL);
    pthread_condattr_destroy(&monotonic);
}

static void interval_destroy(struct interval_lock *lock)
{
    pthread_cond_destroy(&lock->taken);
    pthread_cond_destroy(&lock->freed);
    pthread_mutex_destroy(&lock->mutex);
}

/* Wait for one interval; ask for the lock if nobody got it meanwhile. */
static void interval_wait(struct interval_lock *lock)
{
    uint64_t before = lock->switches;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SWITCH_INTERVAL_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    if (pthread_cond_timedwait(&lock->freed, &lock->mutex, &until)
            == ETIMEDOUT && lock->held && lock->switches == before)
        __atomic_store_n(&lock->wanted, true, __ATOMIC_RELAXED);
}

static void interval_acquire(struct gil *gil, const void *self)
{
    struct interval_lock *lock = &gil->interval;

    pthread_mutex_lock(&lock->mutex);
    while (lock->held)
        interval_wait(lock);
    lock->held = true;
    if (lock->holder != self) {
        lock->holder = self;
        lock->switches++;
    }
    __atomic_store_n(&lock->wanted, false, __ATOMIC_RELAXED);
    pthread_cond_signal(&lock->taken);
    pthread_mutex_unlock(&lock->mutex);
}

static void interval_release(struct gil *gil)
{
    struct interval_lock *lock = &gil->interval;

    pthread_mutex_lock(&lock->mutex);
    lock->held = false;
    pthread_cond_signal(&lock->freed);
    pthread_mutex_unlock(&lock->mutex);
}

static void interval_check(struct gil *gil, const void *self)
{
    struct interval_lock *lock = &gil->interval;

    if (!__atomic_load_n(&lock->wanted, __ATOMIC_RELAXED))
        return;
    interval_release(gil);
    pthread_mutex_lock(&lock->mutex);
    while (lock->holder == self)
        pthread_cond_wait(&lock->taken, &lock->mutex);
    pthread_mutex_unlock(&lock->mutex);
    interval_acquire(gil, self);
}

static const struct gil_policy gil_policies[] = {
    { "ppt", ppt_acquire, ppt_release, ppt_check, &ppt_slot },
    { "mutex", mutex_acquire, mutex_release, mutex_check, &pthread_slot },
    { "interval", interval_acquire, interval_release, interval_check,
      &pthread_slot },
};

static void gil_make(struct gil *gil, const char *policy)
{
    gil->policy = gil_policies;
    while (strcmp(gil->policy->name, policy) != 0)
        gil->policy++;
    ppt_gil_init(&gil->ppt, 0);
    pthread_mutex_init(&gil->mutex, NULL);
    interval_init(&gil->interval);
}

static void gil_unmake(struct gil *gil)
{
    interval_destroy(&gil->interval);
    pthread_mutex_destroy(&gil->mutex);
    ppt_gil_destroy(&gil->ppt);
}
