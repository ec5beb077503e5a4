/* SPDX-License-Identifier: MIT */
/* Conditions with their locks, of several kinds: cond_kinds.h. */
#include "cond_kinds.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct timespec timespec_of(int64_t ns)
{
    struct timespec time = { .tv_sec = (time_t)(ns / SECOND),
                             .tv_nsec = (long)(ns % SECOND) };

    return time;
}

/* What all but the drop-in and the control share: a ppt_cond_t */

static void cond_init(condition_t *condition)
{
    ppt_cond_init(&condition->cond);
}

static int cond_destroy(condition_t *condition)
{
    return ppt_cond_destroy(&condition->cond);
}

static int cond_signal(pair_t *pair)
{
    return ppt_cond_signal(&pair->condition->cond);
}

static int cond_signal_n(pair_t *pair, int n)
{
    return ppt_cond_signal_n(&pair->condition->cond, n);
}

static int cond_broadcast(pair_t *pair)
{
    return ppt_cond_broadcast(&pair->condition->cond);
}

static unsigned cond_waiting(const condition_t *condition)
{
    return ppt_cond_waiting(&condition->cond);
}

/* and what all but the first share: a pthread_mutex_t */

static int mutex_lock(pair_t *pair)
{
    return pthread_mutex_lock(&pair->locks->mutex);
}

static int mutex_unlock(pair_t *pair)
{
    return pthread_mutex_unlock(&pair->locks->mutex);
}

/* A ppt_lock_t */

static int lock_lock(pair_t *pair)
{
    return ppt_lock_acquire(&pair->locks->lock, PPT_FOREVER);
}

static int lock_unlock(pair_t *pair)
{
    return ppt_lock_release(&pair->locks->lock);
}

static int lock_wait(pair_t *pair, int64_t deadline)
{
    return ppt_cond_wait(&pair->condition->cond, &pair->locks->lock,
                         deadline);
}

static int lock_wait_interruptible(pair_t *pair, int64_t deadline,
                                   ppt_interrupt_fn on_interrupt, void *arg)
{
    return ppt_cond_wait_interruptible(&pair->condition->cond,
                                       &pair->locks->lock, deadline,
                                       on_interrupt, arg);
}

static const kind_t lock_kind = {
    "lock", true, cond_init, cond_destroy, lock_lock, lock_unlock,
    lock_wait, lock_wait_interruptible, cond_signal, cond_signal_n,
    cond_broadcast, cond_waiting
};

/*
 * A ppt_lock_t that the caller takes again.  Its interruptible wait is the
 * lock's: so stress_cond has both at once.
 */

static int unlock_wait(pair_t *pair, int64_t deadline)
{
    ppt_lock_t *lock = &pair->locks->lock;
    int result = ppt_cond_wait_unlock(&pair->condition->cond, lock, deadline);

    if (result != EINVAL && result != EPERM)
        ppt_lock_acquire(lock, PPT_FOREVER);
    return result;
}

static const kind_t unlock_kind = {
    "unlock", true, cond_init, cond_destroy, lock_lock, lock_unlock,
    unlock_wait, lock_wait_interruptible, cond_signal, cond_signal_n,
    cond_broadcast, cond_waiting
};

/* A pthread_mutex_t */

static int mutex_wait(pair_t *pair, int64_t deadline)
{
    return ppt_cond_wait_mutex(&pair->condition->cond, &pair->locks->mutex,
                               deadline);
}

static int mutex_wait_interruptible(pair_t *pair, int64_t deadline,
                                    ppt_interrupt_fn on_interrupt, void *arg)
{
    return ppt_cond_wait_mutex_interruptible(&pair->condition->cond,
                                             &pair->locks->mutex, deadline,
                                             on_interrupt, arg);
}

static const kind_t mutex_kind = {
    "mutex", true, cond_init, cond_destroy, mutex_lock, mutex_unlock,
    mutex_wait, mutex_wait_interruptible, cond_signal, cond_signal_n,
    cond_broadcast, cond_waiting
};

/* Any other lock: the wait in steps */

static int go_on(void *arg)
{
    (void)arg;
    return 0;
}

static int give_up(void *arg)
{
    (void)arg;
    return EINTR;
}

static int sleep_in_steps(ppt_cond_t *cond, ppt_waiter_t *waiter,
                          int64_t deadline, ppt_interrupt_fn on_interrupt,
                          void *arg)
{
    for (;;) {
        int result = ppt_cond_sleep(cond, waiter, deadline);

        if (result == EINTR)
            result = on_interrupt(arg);
        else if (result != EINVAL)
            return result;
        if (result != 0)
            return ppt_cond_cancel(cond, waiter) == 0 ? result : 0;
    }
}

static int steps_wait_interruptible(pair_t *pair, int64_t deadline,
                                    ppt_interrupt_fn on_interrupt, void *arg)
{
    ppt_cond_t *cond = &pair->condition->cond;
    ppt_waiter_t waiter;
    int result;

    memset(&waiter, 0xa5, sizeof waiter);
    ppt_cond_enqueue(cond, &waiter);
    pthread_mutex_unlock(&pair->locks->mutex);
    result = sleep_in_steps(cond, &waiter, deadline,
                            on_interrupt != NULL ? on_interrupt : give_up,
                            arg);
    pthread_mutex_lock(&pair->locks->mutex);
    return result;
}

static int steps_wait(pair_t *pair, int64_t deadline)
{
    return steps_wait_interruptible(pair, deadline, go_on, NULL);
}

static const kind_t steps_kind = {
    "steps", true, cond_init, cond_destroy, mutex_lock, mutex_unlock,
    steps_wait, steps_wait_interruptible, cond_signal, cond_signal_n,
    cond_broadcast, cond_waiting
};

/* The drop-in for pthread_cond_t */

static void dropin_init(condition_t *condition)
{
    ck_assert_int_eq(ppt_pthread_cond_init(&condition->dropin, NULL), 0);
}

static int dropin_destroy(condition_t *condition)
{
    return ppt_pthread_cond_destroy(&condition->dropin);
}

static int dropin_wait(pair_t *pair, int64_t deadline)
{
    ppt_pthread_cond_t *cond = &pair->condition->dropin;
    struct timespec abstime = timespec_of(deadline);

    if (deadline == PPT_FOREVER)
        return ppt_pthread_cond_wait(cond, &pair->locks->mutex);
    return ppt_pthread_cond_clockwait(cond, &pair->locks->mutex,
                                      CLOCK_MONOTONIC, &abstime);
}

static int dropin_signal(pair_t *pair)
{
    return ppt_pthread_cond_signal(&pair->condition->dropin);
}

static int dropin_signal_n(pair_t *pair, int n)
{
    for (; n > 0 && pair_waiting(pair) > 0; n--)
        dropin_signal(pair);
    return 0;
}

static int dropin_broadcast(pair_t *pair)
{
    return ppt_pthread_cond_broadcast(&pair->condition->dropin);
}

static unsigned dropin_waiting(const condition_t *condition)
{
    return ppt_cond_waiting(&condition->dropin.cond);
}

static const kind_t dropin_kind = {
    "drop-in", false, dropin_init, dropin_destroy, mutex_lock, mutex_unlock,
    dropin_wait, NULL, dropin_signal, dropin_signal_n, dropin_broadcast,
    dropin_waiting
};

const kind_t *const kinds[] = { &steps_kind, &lock_kind, &mutex_kind,
                                &unlock_kind, &dropin_kind };

/*
 * The control.  Its signal is a unit of the shared semaphore, which whoever
 * comes along may take.
 */

static void control_init(condition_t *condition)
{
    condition->control.waiters = 0;
    ck_assert_int_eq(sem_init(&condition->control.sem, 0, 0), 0);
}

static int control_destroy(condition_t *condition)
{
    return sem_destroy(&condition->control.sem);
}

static int control_sleep(sem_t *sem, int64_t deadline)
{
    struct timespec abstime;
    int64_t left;

    if (deadline == PPT_FOREVER)
        return sem_wait(sem) == 0 ? 0 : errno;
    clock_gettime(CLOCK_REALTIME, &abstime);
    left = deadline - ppt_now();
    abstime = timespec_of(abstime.tv_sec * SECOND + abstime.tv_nsec
                          + (left > 0 ? left : 0));
    return sem_timedwait(sem, &abstime) == 0 ? 0 : errno;
}

static int control_wait(pair_t *pair, int64_t deadline)
{
    control_t *control = &pair->condition->control;
    int result;

    poke(&control->waiters, control->waiters + 1);
    mutex_unlock(pair);
    do
        result = control_sleep(&control->sem, deadline);
    while (result == EINTR);
    mutex_lock(pair);
    if (result == ETIMEDOUT)
        poke(&control->waiters, control->waiters - 1);
    return result;
}

static int control_signal_n(pair_t *pair, int n)
{
    control_t *control = &pair->condition->control;
    int notified;

    mutex_lock(pair);
    for (notified = 0; notified < n && control->waiters > 0; notified++) {
        poke(&control->waiters, control->waiters - 1);
        sem_post(&control->sem);
    }
    mutex_unlock(pair);
    return notified;
}

static int control_signal(pair_t *pair)
{
    return control_signal_n(pair, 1);
}

static int control_broadcast(pair_t *pair)
{
    return control_signal_n(pair, INT_MAX);
}

static unsigned control_waiting(const condition_t *condition)
{
    return (unsigned)peek(&condition->control.waiters);
}

const kind_t control_kind = {
    "control", true, control_init, control_destroy, mutex_lock, mutex_unlock,
    control_wait, NULL, control_signal, control_signal_n, control_broadcast,
    control_waiting
};

/* Pairs */

condition_t *condition_new(const kind_t *kind)
{
    condition_t *condition = malloc(sizeof *condition);

    if (condition == NULL)
        abort();
    memset(condition, 0xa5, sizeof *condition);
    kind->init(condition);
    return condition;
}

int condition_free(const kind_t *kind, condition_t *condition)
{
    int result = kind->destroy(condition);

    if (result == 0) {
        memset(condition, 0xdd, sizeof *condition);
        free(condition);
    }
    return result;
}

void pair_init(pair_t *pair, const kind_t *kind)
{
    pthread_mutexattr_t attr;

    pair->kind = kind;
    pair->condition = condition_new(kind);
    pair->locks = malloc(sizeof *pair->locks);
    ck_assert_ptr_nonnull(pair->locks);
    ppt_lock_init(&pair->locks->lock);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    ck_assert_int_eq(pthread_mutex_init(&pair->locks->mutex, &attr), 0);
    pthread_mutexattr_destroy(&attr);
}

void pair_destroy(pair_t *pair)
{
    if (pair->condition != NULL)
        pair_part(pair);
    pthread_mutex_destroy(&pair->locks->mutex);
    ck_assert_int_eq(ppt_lock_destroy(&pair->locks->lock), 0);
    free(pair->locks);
}

void pair_join(pair_t *pair, const pair_t *other)
{
    *pair = *other;
    pair->condition = condition_new(pair->kind);
}

void pair_part(pair_t *pair)
{
    ck_assert_int_eq(condition_free(pair->kind, pair->condition), 0);
    pair->condition = NULL;
}

/* Waiters */

void waiter_run(void *arg)
{
    waiter_t *waiter = arg;
    pair_t *pair = waiter->pair;
    const kind_t *kind = pair->kind;

    kind->lock(pair);
    if (waiter->interruptible)
        waiter->result = kind->wait_interruptible(pair, waiter->deadline,
                                                  waiter->on_interrupt,
                                                  waiter->arg);
    else
        waiter->result = kind->wait(pair, waiter->deadline);
    waiter->returned = ppt_now();
    if (waiter->turn != NULL)
        waiter->place = (*waiter->turn)++; /* guarded by the lock */
    waiter->unlocked = kind->unlock(pair);
}

/*
 * A timed waiter may have come and gone before anybody looked, and is seen
 * by its end.
 */
static void start_and_see(waiter_t *waiter)
{
    unsigned before = pair_waiting(waiter->pair);

    worker_start(&waiter->worker, waiter_run, waiter);
    await(pair_waiting(waiter->pair) > before
          || worker_done(&waiter->worker));
    if (waiter->deadline == PPT_FOREVER)
        await(worker_asleep(&waiter->worker));
}

void waiter_start(waiter_t *waiter, pair_t *pair, int64_t deadline)
{
    waiter->pair = pair;
    waiter->deadline = deadline;
    waiter->interruptible = false;
    start_and_see(waiter);
}

void waiter_start_interruptible(waiter_t *waiter, pair_t *pair,
                                ppt_interrupt_fn on_interrupt, void *arg)
{
    waiter->pair = pair;
    waiter->deadline = PPT_FOREVER;
    waiter->interruptible = true;
    waiter->on_interrupt = on_interrupt;
    waiter->arg = arg;
    start_and_see(waiter);
}

void waiter_join(waiter_t *waiter, int result)
{
    worker_join(&waiter->worker);
    ck_assert_int_eq(waiter->result, result);
    ck_assert_int_eq(waiter->unlocked, 0);
}
