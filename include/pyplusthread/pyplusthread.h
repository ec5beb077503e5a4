/*
 * pyplusthread/pyplusthread.h - all of the library in one include.
 *
 *     cond.h       condition variables
 *     lock.h       locks with timeouts, released by any thread
 *     semaphore.h  counting semaphores
 *     barrier.h    cyclic barriers with timeouts and an action
 *     once.h       what is to be done once, with an argument
 *     gil.h        a global interpreter lock with priorities
 *     gilsched.h   its policy, for an interpreter that has a lock of its own
 *     time.h       deadlines: absolute nanoseconds of the monotonic clock
 *     waiter.h     what these have in common: the callback of a wait
 *     version.h    the version, and whether it is the one that was linked
 *
 * Not included here: pthread.h, which has the same for a pthread_mutex_t, and
 * functions in place of pthread_cond_*.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_PYPLUSTHREAD_H
#define PYPLUSTHREAD_PYPLUSTHREAD_H

#include "barrier.h"
#include "cond.h"
#include "gil.h"
#include "gilsched.h"
#include "lock.h"
#include "once.h"
#include "semaphore.h"
#include "time.h"
#include "version.h"
#include "waiter.h"

#endif
