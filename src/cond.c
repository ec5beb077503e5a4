/*
 * cond.c - a condition variable without stolen or spurious wake-ups.
 *
 * Idea
 *   A FIFO of waiters (waitq.c).  A signal to a waiter that sleeps on this
 *   CPU and will need a lock that is held would wake it into a closed door:
 *   it is moved to the lock's queue instead (wait morphing, as in nsync), and
 *   the release wakes it.  One that is awake, or takes long to wake up since
 *   it sleeps on another CPU, is woken at once.
 *
 * State
 *   queue         see waitq.c
 *   waiter.lock   the lock that the waiter's thread takes on its way out,
 *                 unless it passes; each waiter has its own, so one condition
 *                 may be used with several locks
 *
 * Invariants
 *   C1  A waiter is queued before its lock is let go.  So a signal by a
 *       thread that took the lock later finds it.
 *   C2  A waiter is woken once, by the signal or by the release of the lock
 *       it was moved to: the signaller that took it out of the queue decides.
 *   C3  A thread that was notified does not touch the condition any more.
 *       So it may be destroyed and freed right after a broadcast.
 *   C4  A callback that does not return, because its thread is cancelled or
 *       throws, ends the wait: the thread leaves the queue, or sleeps until
 *       it is woken if it had been notified, and takes the lock.
 *   C5  A waiter whose thread returns without the lock passes: it is moved as
 *       others are, so that it wakes up when the signaller is done, and the
 *       release lets it through (lock.c, L10).  Its thread touches neither
 *       condition nor lock once it was notified.
 *
 * Races
 *   Lost wake-up: C1.  Stolen wake-up, signal against timeout: waitq I1, I2.
 *   Destroy after broadcast: C3; a waiter that leaves by timeout at the same
 *   time holds destroy up (waitq I3).
 *   Signal without the lock against the lock's life: a waiter's thread is
 *   going to take the lock, so it must exist while the waiter is moved.  One
 *   that passes is woken last of all, so the lock must exist until it returns.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cond.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>

#include "lock.h"
#include "wait/wait.h"

static ppt__waiter_t *inside(ppt_waiter_t *waiter)
{
    return (ppt__waiter_t *)(void *)waiter;
}

static void start(ppt_cond_t *cond, ppt__waiter_t *waiter, unsigned flags)
{
    bool spins = !(flags & PPT__INTERRUPTIBLE)
                 && ppt__spin_pays(&cond->queue);

    ppt__waiter_start(waiter, spins);
}

static void push(ppt_cond_t *cond, ppt__waiter_t *waiter)
{
    ppt__waitq_guard(&cond->queue);
    ppt__waitq_push(&cond->queue, waiter);
    ppt__waitq_unguard(&cond->queue);
}

void ppt__cond_enqueue(ppt_cond_t *cond, ppt__waiter_t *waiter, unsigned flags)
{
    start(cond, waiter, flags);
    push(cond, waiter);
}

/* Returns   0, EINVAL or EPERM, as all that wait with lock do */
static int check(const ppt_lock_t *lock, int64_t deadline)
{
    if (deadline < 0)
        return EINVAL;
    return ppt_lock_locked(lock) ? 0 : EPERM;
}

/* Queue one that was started, and let go of lock. */
static void push_and_release(ppt_cond_t *cond, ppt__waiter_t *waiter,
                             ppt_lock_t *lock)
{
    waiter->lock = lock;
    push(cond, waiter); /* C1 */
    ppt_lock_release(lock);
}

struct wait {
    ppt__waiter_t waiter;
    ppt_cond_t *cond;
    ppt_lock_t *lock;
};

static void end_wait(struct wait *wait)
{
    ppt__lock_take(wait->lock, &wait->waiter);
    ppt__waiter_end(&wait->waiter);
}

/* C4 */
static void callback_left(void *arg)
{
    struct wait *wait = arg;

    ppt__waiter_quit(&wait->waiter, &wait->cond->queue);
    end_wait(wait);
}

static int wait(ppt_cond_t *cond, ppt_lock_t *lock,
                const ppt__wait_options_t *options)
{
    int result = check(lock, options->deadline);
    struct wait wait;

    if (result != 0)
        return result;
    wait.cond = cond;
    wait.lock = lock;
    start(cond, &wait.waiter, options->flags);
    wait.waiter.transient = ppt__lock_is_transient(lock);
    push_and_release(cond, &wait.waiter, lock);
    pthread_cleanup_push(callback_left, &wait);
    result = ppt__waiter_wait(&wait.waiter, &cond->queue, options);
    pthread_cleanup_pop(0);
    end_wait(&wait);
    return result;
}

int ppt_cond_wait(ppt_cond_t *cond, ppt_lock_t *lock, int64_t deadline)
{
    return wait(cond, lock, &(ppt__wait_options_t){ .deadline = deadline });
}

int ppt_cond_wait_interruptible(ppt_cond_t *cond, ppt_lock_t *lock,
                                int64_t deadline,
                                ppt_interrupt_fn on_interrupt, void *arg)
{
    return wait(cond, lock,
                &(ppt__wait_options_t){ deadline, PPT__INTERRUPTIBLE,
                                        on_interrupt, arg });
}

/* C5 */
int ppt_cond_wait_unlock(ppt_cond_t *cond, ppt_lock_t *lock, int64_t deadline)
{
    ppt__wait_options_t options = { .deadline = deadline };
    ppt__waiter_t waiter;
    int result = check(lock, deadline);

    if (result != 0)
        return result;
    start(cond, &waiter, 0);
    waiter.passes = true;
    waiter.yields = false;
    push_and_release(cond, &waiter, lock);
    result = ppt__waiter_wait(&waiter, &cond->queue, &options);
    ppt__waiter_end(&waiter);
    return result;
}

static void enqueue(ppt_cond_t *cond, ppt_waiter_t *waiter, unsigned flags)
{
    ppt__cond_enqueue(cond, inside(waiter), flags);
    inside(waiter)->yields = false;
}

void ppt_cond_enqueue(ppt_cond_t *cond, ppt_waiter_t *waiter)
{
    enqueue(cond, waiter, PPT__INTERRUPTIBLE);
}

void ppt_cond_enqueue_uninterruptible(ppt_cond_t *cond, ppt_waiter_t *waiter)
{
    enqueue(cond, waiter, 0);
}

static int sleep_queued(ppt_cond_t *cond, ppt_waiter_t *waiter,
                        int64_t deadline, unsigned flags)
{
    ppt__waiter_t *self = inside(waiter);
    int result;

    if (deadline < 0)
        return EINVAL;
    while ((result = ppt__waiter_sleep(self, deadline, flags)) == 0
           && self->grant == PPT__GRANT_AGAIN)
        ppt__waiter_queue_again(self, &cond->queue);
    if (result == ETIMEDOUT)
        return ppt_cond_cancel(cond, waiter) == 0 ? ETIMEDOUT : 0;
    if (result == 0)
        ppt__waiter_end(self);
    return result;
}

int ppt_cond_sleep(ppt_cond_t *cond, ppt_waiter_t *waiter, int64_t deadline)
{
    return sleep_queued(cond, waiter, deadline, PPT__INTERRUPTIBLE);
}

int ppt_cond_sleep_uninterruptible(ppt_cond_t *cond, ppt_waiter_t *waiter,
                                   int64_t deadline)
{
    return sleep_queued(cond, waiter, deadline, 0);
}

int ppt_cond_cancel(ppt_cond_t *cond, ppt_waiter_t *waiter)
{
    ppt__waiter_t *self = inside(waiter);
    int result = EALREADY;

    if (ppt__waiter_cancel(self, &cond->queue))
        result = 0;
    else
        ppt__waiter_sleep_on(self);
    ppt__waiter_end(self);
    return result;
}

/* C1: whoever a signal is for has been counted by now. */
static bool nobody_waits(const ppt_cond_t *cond)
{
    return ppt__waitq_length(&cond->queue) == 0;
}

ppt__wake_list_t ppt__cond_notify(ppt_cond_t *cond, int n)
{
    ppt__wake_list_t list = { NULL, NULL, 0 };

    if (n <= 0 || nobody_waits(cond))
        return list;
    ppt__waitq_guard(&cond->queue);
    list = ppt__waitq_take(&cond->queue, n);
    ppt__waitq_unguard(&cond->queue);
    return list;
}

static bool move(ppt__waiter_t *waiter)
{
    return waiter->lock != NULL && !waiter->remote
           && ppt__waiter_asleep(waiter)
           && ppt__lock_requeue(waiter->lock, waiter);
}

/* C2 */
static PPT__SLOW int signal_some(ppt_cond_t *cond, int n)
{
    ppt__wake_list_t list = ppt__cond_notify(cond, n);
    ppt__waiter_t *waiter, *next;
    ppt__batch_t batch;

    batch.remote = batch.local = 0;
    for (waiter = list.first; waiter != NULL; waiter = next) {
        next = waiter->next; /* before it is gone */
        if (!move(waiter))
            ppt__batch_give(&batch, waiter, PPT__GRANT_NOTHING);
    }
    ppt__batch_wake(&batch);
    return list.length;
}

int ppt_cond_signal_n(ppt_cond_t *cond, int n)
{
    return nobody_waits(cond) ? 0 : signal_some(cond, n);
}

int ppt_cond_signal(ppt_cond_t *cond)
{
    return ppt_cond_signal_n(cond, 1);
}

int ppt_cond_broadcast(ppt_cond_t *cond)
{
    return ppt_cond_signal_n(cond, INT_MAX);
}

void ppt_cond_init(ppt_cond_t *cond)
{
    *cond = (ppt_cond_t)PPT_COND_INITIALIZER;
}

int ppt_cond_destroy(ppt_cond_t *cond)
{
    return ppt__waitq_drain(&cond->queue);
}

unsigned ppt_cond_waiting(const ppt_cond_t *cond)
{
    return ppt__waitq_waiting(&cond->queue);
}

bool ppt_cond_wakes_remotely(const ppt_cond_t *cond)
{
    return ppt__spin_remote(&cond->queue);
}

void ppt_cond_after_fork(ppt_cond_t *cond)
{
    ppt_cond_init(cond);
}
