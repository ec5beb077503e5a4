/*
 * actors.h - threads that use the library, and whose allocations are counted.
 *
 * The library is linked; or, where LIBRARY is its path, it is opened when
 * the program has started, as by an interpreter that loads a module.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACTORS_H
#define ACTORS_H

#include "support.h"

#include "pyplusthread/barrier.h"
#include "pyplusthread/gil.h"
#include "pyplusthread/gilsched.h"
#include "pyplusthread/once.h"
#include "pyplusthread/pthread.h"
#include "pyplusthread/semaphore.h"

#ifdef LIBRARY
#include "opened.h"
#define CALL(name) opened.name
#else
#define CALL(name) name
#endif

/* What the threads of a test use. */
typedef struct stage {
    ppt_lock_t lock;
    ppt_cond_t cond;
    pthread_mutex_t mutex;
    ppt_pthread_cond_t posix_cond;
    ppt_barrier_t barrier;
    ppt_gil_t gil;
    ppt_semaphore_t semaphore;
    ppt_once_t once;
    int failures; /* calls that did not return what they should */
} stage_t;

#define STAGE                                                               \
    { .mutex = PTHREAD_MUTEX_INITIALIZER,                                   \
      .posix_cond = PPT_PTHREAD_COND_INITIALIZER,                           \
      .barrier = PPT_BARRIER_INITIALIZER(2) }

/* What a call must return. */
#define wants(stage, value, call)                                           \
    do {                                                                    \
        if ((call) != (value))                                              \
            bump(&(stage)->failures);                                       \
    } while (0)

/* What one thread does. */
typedef void (*part_fn)(stage_t *stage);

typedef struct actor {
    worker_t worker;
    stage_t *stage;
    part_fn part;
    long allocated;
} actor_t;

void start(actor_t *actor, stage_t *stage, part_fn part);
void start_and_sleep(actor_t *actor, stage_t *stage, part_fn part);

/* Wait for its end, and check that it did not allocate. */
void join(actor_t *actor);

/* Each part in a thread of its own, one after the other. */
void play_alone(const part_fn *parts, int n);

/* Each part in turn; it sleeps when another thread plays waker. */
void play_with(part_fn waker, const part_fn *parts, int n);

/* A deadline that will pass, and an interrupt callback. */
int64_t soon(void);
int go_on(void *arg);

/* The tests of conditions, in allocation_cond.c. */
void add_cond_tests(TCase *tcase);

#endif
