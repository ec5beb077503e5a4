/*
 * forker.h - a wait whose interrupt callback forks, and whose child goes on
 * with it or gives up.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FORKER_H
#define FORKER_H

#include <sys/types.h>

#include "support.h"

#include "pyplusthread/barrier.h"
#include "pyplusthread/lock.h"
#include "pyplusthread/semaphore.h"

/* What the callback returns in the parent, whose wait it gives up. */
enum { GIVEN_UP = 77 };

/*
 * A wait whose callback forks.  What the child makes of it ends up in
 * status, 0 if all was as it should be; the parent's wait is given up.
 */
typedef struct forker {
    worker_t worker;
    int calls;
    int stay;   /* while not 0, the callback does not fork */
    int answer; /* what the callback returns in the child */
    int status; /* the child's */
    pid_t parent;
    struct pair *pair; /* of cond_kinds.h */
    ppt_lock_t lock;
    ppt_barrier_t barrier;
    ppt_semaphore_t semaphore;
    int (*prepare)(struct forker *forker); /* in the child */
    int (*check)(struct forker *forker, int result);
    int (*wait)(struct forker *forker);
    int result; /* of the parent's wait */
    pthread_t helper;
} forker_t;

/* For prepare: start the thread that wakes the child's first one; returns 0. */
int start_helper(forker_t *forker, void *(*wake)(void *forker));

/* The exit status of the child, or 1000 and the signal that ended it; -1. */
int status_of(pid_t child);

/* The callback: arg is the forker. */
int fork_in_callback(void *arg);

/* Start it, and have its callback called. */
void forker_start(forker_t *forker);

/* The parent's wait has ended with result, and all was well in the child. */
void forker_join(forker_t *forker, int result);

#endif
