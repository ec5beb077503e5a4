/* SPDX-License-Identifier: MIT */
/* What one thread holds at a time, of several kinds: lockable.h. */
#include "lockable.h"

#include <stdlib.h>
#include <string.h>

/* A semaphore of one unit */

static void semaphore_init(void *object)
{
    ck_assert_int_eq(ppt_semaphore_init(object, 1), 0);
}

static int semaphore_acquire(void *object, int64_t deadline)
{
    return ppt_semaphore_acquire(object, deadline);
}

static int semaphore_acquire_interruptible(void *object, int64_t deadline,
                                           ppt_interrupt_fn on_interrupt,
                                           void *arg)
{
    return ppt_semaphore_acquire_interruptible(object, deadline,
                                               on_interrupt, arg);
}

static int semaphore_release(void *object)
{
    return ppt_semaphore_release(object, 1);
}

static int semaphore_destroy(void *object)
{
    return ppt_semaphore_destroy(object);
}

static bool semaphore_locked(const void *object)
{
    return ppt_semaphore_value(object) == 0;
}

static unsigned semaphore_waiting(const void *object)
{
    return ppt_semaphore_waiting(object);
}

const lockable_kind_t semaphore_kind = {
    "semaphore", semaphore_init, NULL, semaphore_acquire,
    semaphore_acquire_interruptible, semaphore_release, semaphore_destroy,
    semaphore_locked, semaphore_waiting, NULL
};

/* A lock */

static void lock_init(void *object)
{
    ppt_lock_init(object);
}

static int lock_acquire(void *object, int64_t deadline)
{
    return ppt_lock_acquire(object, deadline);
}

static int lock_acquire_interruptible(void *object, int64_t deadline,
                                      ppt_interrupt_fn on_interrupt,
                                      void *arg)
{
    return ppt_lock_acquire_interruptible(object, deadline, on_interrupt,
                                          arg);
}

static int lock_release(void *object)
{
    return ppt_lock_release(object);
}

static int lock_destroy(void *object)
{
    return ppt_lock_destroy(object);
}

static bool lock_locked(const void *object)
{
    return ppt_lock_locked(object);
}

static unsigned lock_waiting(const void *object)
{
    return ppt_lock_waiting(object);
}

const lockable_kind_t lock_kind = {
    "lock", lock_init, NULL, lock_acquire, lock_acquire_interruptible,
    lock_release, lock_destroy, lock_locked, lock_waiting, NULL
};

/* A gil */

int64_t standing_clock(void)
{
    return PPT_FOREVER / 2;
}

static void gil_init(void *object)
{
    ppt_gil_init(object, 0);
}

static void gil_keep_order(void *object)
{
    ppt_gil_t *gil = object;

    gil->sched.now = standing_clock;
}

static int gil_acquire(void *object, int64_t deadline)
{
    return ppt_gil_acquire(object, deadline);
}

static int gil_release(void *object)
{
    return ppt_gil_release(object);
}

static int gil_destroy(void *object)
{
    return ppt_gil_destroy(object);
}

static bool gil_locked(const void *object)
{
    return ppt_gil_locked(object);
}

static unsigned gil_waiting(const void *object)
{
    return ppt_gil_waiting(object);
}

static bool gil_wanted(void *object)
{
    return ppt_gil_should_yield(object) || ppt_gil_yield(object);
}

const lockable_kind_t gil_kind = {
    "gil", gil_init, gil_keep_order, gil_acquire, NULL, gil_release,
    gil_destroy, gil_locked, gil_waiting, gil_wanted
};

const lockable_kind_t *const lockable_kinds[] = { &semaphore_kind, &lock_kind,
                                                  &gil_kind };

/* All of them */

lockable_t lockable_make(const lockable_kind_t *kind,
                         lockable_memory_t *memory)
{
    lockable_t lockable = { kind, memory };

    memset(memory, 0xa5, sizeof *memory);
    kind->init(memory);
    return lockable;
}

lockable_t lockable_make_held(const lockable_kind_t *kind,
                              lockable_memory_t *memory)
{
    lockable_t lockable = lockable_make(kind, memory);

    if (kind->keep_order != NULL)
        kind->keep_order(memory);
    lockable_acquire(lockable);
    return lockable;
}

void lockable_acquire(lockable_t lockable)
{
    ck_assert_int_eq(lockable.kind->acquire(lockable.object, PPT_FOREVER), 0);
    ck_assert(lockable.kind->locked(lockable.object));
}

void lockable_release(lockable_t lockable)
{
    ck_assert_int_eq(lockable.kind->release(lockable.object), 0);
}

unsigned lockable_waiting(lockable_t lockable)
{
    return lockable.kind->waiting(lockable.object);
}

void ck_unwanted(lockable_t lockable)
{
    ck_assert_uint_eq(lockable_waiting(lockable), 0);
    ck_assert(lockable.kind->wanted == NULL
              || !lockable.kind->wanted(lockable.object));
}

void ck_free(lockable_t lockable)
{
    const lockable_kind_t *kind = lockable.kind;

    ck_assert(!kind->locked(lockable.object));
    ck_assert_uint_eq(lockable_waiting(lockable), 0);
    ck_assert_int_eq(kind->acquire(lockable.object, PPT_TRY), 0);
    ck_unwanted(lockable);
    ck_assert_int_eq(kind->acquire(lockable.object, PPT_TRY), EBUSY);
    lockable_release(lockable);
    ck_assert_int_eq(kind->destroy(lockable.object), 0);
}

/* Takers */

static int take(const taker_t *taker)
{
    const lockable_kind_t *kind = taker->lockable.kind;
    void *object = taker->lockable.object;

    if (!taker->interruptible)
        return kind->acquire(object, taker->deadline);
    return kind->acquire_interruptible(object, taker->deadline,
                                       taker->on_interrupt, taker->arg);
}

static void take_once(void *arg)
{
    taker_t *taker = arg;
    lockable_t lockable = taker->lockable;

    taker->result = take(taker);
    taker->returned = ppt_now();
    if (taker->result != 0)
        return;
    if (taker->turn != NULL)
        taker->place = (*taker->turn)++;
    if (!taker->keep)
        taker->released = lockable.kind->release(lockable.object);
}

void taker_start(taker_t *taker, lockable_t lockable, int64_t deadline)
{
    unsigned before = lockable_waiting(lockable);

    taker->lockable = lockable;
    taker->deadline = deadline;
    worker_start(&taker->worker, take_once, taker);
    await(lockable_waiting(lockable) > before
          || worker_done(&taker->worker));
    if (deadline == PPT_FOREVER)
        await(worker_asleep(&taker->worker));
}

void taker_start_interruptible(taker_t *taker, lockable_t lockable,
                               ppt_interrupt_fn on_interrupt, void *arg)
{
    taker->interruptible = true;
    taker->on_interrupt = on_interrupt;
    taker->arg = arg;
    taker_start(taker, lockable, PPT_FOREVER);
}

taker_t *taker_start_many(lockable_t lockable, int n, int *turn)
{
    taker_t *takers = calloc((size_t)n, sizeof *takers);
    int i;

    ck_assert_ptr_nonnull(takers);
    for (i = 0; i < n; i++) {
        takers[i].turn = turn;
        taker_start(&takers[i], lockable, PPT_FOREVER);
        ck_assert_uint_eq(lockable_waiting(lockable), (unsigned)i + 1);
    }
    return takers;
}

void taker_join(taker_t *taker, int result)
{
    worker_join(&taker->worker);
    ck_assert_int_eq(taker->result, result);
    ck_assert_int_eq(taker->released, 0);
}

void taker_hold(taker_t *taker)
{
    await(worker_asleep(&taker->worker));
    signals_hold();
    worker_interrupt(&taker->worker);
    await(signals_held() == 1);
}
