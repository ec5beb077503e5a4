/*
 * lockable.h - what one thread holds at a time, of several kinds, behind one
 * set of verbs: so that one test of a promise serves all who make it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef LOCKABLE_H
#define LOCKABLE_H

#include "pyplusthread/gil.h"
#include "pyplusthread/lock.h"
#include "pyplusthread/semaphore.h"

#include "support.h"

typedef union lockable_memory {
    ppt_lock_t lock;
    ppt_gil_t gil;
    ppt_semaphore_t semaphore;
} lockable_memory_t;

/* Object is one of the above. */
typedef struct lockable_kind {
    const char *name;
    void (*init)(void *object);
    void (*keep_order)(void *object); /* NULL: it is strict anyway */
    int (*acquire)(void *object, int64_t deadline);
    int (*acquire_interruptible)(void *object, int64_t deadline,
                                 ppt_interrupt_fn on_interrupt, void *arg);
    int (*release)(void *object);
    int (*destroy)(void *object);
    bool (*locked)(const void *object);
    unsigned (*waiting)(const void *object);
    bool (*wanted)(void *object); /* asked by the holder; NULL: waiting */
} lockable_kind_t;

/*
 * A semaphore of one unit, a lock, a gil.  All but the last are
 * interruptible; all but the first know whether they are held.
 */
extern const lockable_kind_t semaphore_kind, lock_kind, gil_kind;
extern const lockable_kind_t *const lockable_kinds[];
enum { LOCKABLE_HELD = 1, LOCKABLE_INTERRUPTIBLE = 2, LOCKABLE_KINDS = 3 };

/* One of them, passed by value. */
typedef struct lockable {
    const lockable_kind_t *kind;
    void *object;
} lockable_t;

/* Make memory one of a kind, which is free. */
lockable_t lockable_make(const lockable_kind_t *kind,
                         lockable_memory_t *memory);

/* The same, but held, and in strict order from then on. */
lockable_t lockable_make_held(const lockable_kind_t *kind,
                              lockable_memory_t *memory);

void lockable_acquire(lockable_t lockable);
void lockable_release(lockable_t lockable);
unsigned lockable_waiting(lockable_t lockable);

/* Nobody wants it, which this thread holds. */
void ck_unwanted(lockable_t lockable);

/* It is free, and works; destroyed. */
void ck_free(lockable_t lockable);

/*
 * The clock of a gil in which CPU-bound threads are not owed time, and nobody
 * is late: for tests of the order.
 */
int64_t standing_clock(void);

/* A thread that acquires it once, and what it saw. */
typedef struct taker {
    worker_t worker;
    lockable_t lockable;
    int64_t deadline;
    bool interruptible;
    ppt_interrupt_fn on_interrupt;
    void *arg;
    bool keep;  /* do not release it */
    int *turn;  /* guarded by lockable: counts those who had it */
    int place;  /* among those */
    int result;
    int released;
    int64_t returned;
} taker_t;

/* Start one while lockable is held, and see it queued. */
void taker_start(taker_t *taker, lockable_t lockable, int64_t deadline);
void taker_start_interruptible(taker_t *taker, lockable_t lockable,
                               ppt_interrupt_fn on_interrupt, void *arg);

/* N of them, queued in this order, to be freed; turn as above, or NULL. */
taker_t *taker_start_many(lockable_t lockable, int n, int *turn);
void taker_join(taker_t *taker, int result);

/* Keep it, which is asleep, inside a signal handler. */
void taker_hold(taker_t *taker);

#endif
