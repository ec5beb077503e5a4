/*
 * pyplusthread/pthread.h - conditions with a pthread_mutex_t, and a drop-in
 * for pthread_cond_t.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_PTHREAD_H
#define PYPLUSTHREAD_PTHREAD_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "cond.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As ppt_cond_wait (cond.h), with a pthread_mutex_t.
 *
 * Requires  the caller holds mutex, once if it is recursive.
 * Returns   0          a signal or broadcast notified this waiter
 *           ETIMEDOUT  deadline passed; no signal was consumed
 *           EINVAL     deadline is negative; nothing changed
 *           other      what pthread_mutex_unlock (EPERM: not the owner of
 *                      an error-checking mutex; nobody is left waiting) or
 *                      pthread_mutex_lock (EOWNERDEAD: robust) said
 *           Whatever it returns, mutex is held as before the call.
 *
 * Not a cancellation point.
 */
PPT_API int ppt_cond_wait_mutex(ppt_cond_t *cond, pthread_mutex_t *mutex,
                                int64_t deadline);

/*
 * As ppt_cond_wait_mutex, but a signal handler that runs meanwhile is
 * followed by on_interrupt(arg), as in ppt_cond_wait_interruptible.
 */
PPT_API int ppt_cond_wait_mutex_interruptible(ppt_cond_t *cond,
                                              pthread_mutex_t *mutex,
                                              int64_t deadline,
                                              ppt_interrupt_fn on_interrupt,
                                              void *arg);

/*
 * Notify the first waiter, or all present waiters; unlock mutex; then wake
 * them.  On one CPU this takes half the time of a signal under the mutex,
 * since the woken thread does not find the mutex taken.
 *
 * Requires  the caller holds mutex.
 * Returns   how many waiters were notified, or minus the errno value of
 *           pthread_mutex_unlock; the waiters are woken all the same.
 */
PPT_API int ppt_cond_signal_unlock(ppt_cond_t *cond, pthread_mutex_t *mutex);
PPT_API int ppt_cond_broadcast_unlock(ppt_cond_t *cond,
                                      pthread_mutex_t *mutex);

/*
 * The drop-in: the type and functions of POSIX with the prefix ppt_, and the
 * behaviour of POSIX, cancellation included, plus what cond.h promises.
 *
 * For C programs that stay as they are there is a folder to put in front of
 * the system's headers:
 *
 *     cc old.c $(pkg-config --cflags --libs pyplusthread-pthread)
 *
 * Its <pthread.h> is the system's, word for word, and has the compiler call
 * these functions for those of POSIX; pthread_cond_t stays the system's type,
 * of which ppt_pthread_cond_t is another view.  It reads no other header, and
 * leaves C++ alone: the C++ library has compiled the system's functions into
 * std::condition_variable.  All translation units that use a condition must
 * agree, and so must libraries: one that was compiled without the folder may
 * own conditions that only it uses (libuv's uv_cond_t), but not share them.
 *
 * The old spelling does the same with macros, in C only.  It reads headers
 * before the source's first line, <stdbool.h> among them:
 *
 *     #define PPT_REPLACE_PTHREAD_COND
 *     #include <pyplusthread/pthread.h>
 *
 * or -DPPT_REPLACE_PTHREAD_COND -include pyplusthread/pthread.h on the
 * compiler's command line.
 *
 * Attributes are the system's own pthread_condattr_t with its functions;
 * pthread_condattr_setclock sets the clock as usual.  A wait sleeps on that
 * clock, so it takes notice when the clock is set, and of time in suspend.
 *
 * In the child of a fork the parent's waiters are void.  No call is needed.
 *
 * Not promised  process-shared conditions: pthread_condattr_setpshared, which
 *           is the system's, succeeds, and pthread_cond_init then returns
 *           ENOTSUP.  EBUSY from pthread_mutex_destroy while threads wait
 *           with the mutex: glibc counts them there, this library does not,
 *           and the call returns 0.
 */
typedef union ppt_pthread_cond {
    __extension__ struct {
        ppt_cond_t cond;
        uint32_t inside;    /* threads inside a wait */
        uint32_t reserved1; /* it and reserved2 are always 0 */
        uint32_t monotonic; /* 0: deadlines are on CLOCK_REALTIME */
        uint32_t reserved2;
        uint32_t born;
    };
    pthread_cond_t system; /* for its size and alignment */
} ppt_pthread_cond_t;

/* A condition on CLOCK_REALTIME without waiters.  All zero is one too. */
#define PPT_PTHREAD_COND_INITIALIZER { { PPT_COND_INITIALIZER, 0, 0, 0, 0, 0 } }

/*
 * pthread_cond_init.
 *
 * Returns   0
 *           ENOTSUP  attr asks for a process-shared condition
 *           EINVAL   attr's clock is neither CLOCK_REALTIME nor
 *                    CLOCK_MONOTONIC
 */
PPT_API int ppt_pthread_cond_init(ppt_pthread_cond_t *cond,
                                  const pthread_condattr_t *attr);

/* pthread_cond_destroy: 0, or EBUSY while threads wait. */
PPT_API int ppt_pthread_cond_destroy(ppt_pthread_cond_t *cond);

/*
 * pthread_cond_wait, pthread_cond_timedwait, pthread_cond_clockwait.
 * Cancellation points: a thread that is cancelled in one takes mutex before
 * its clean-up handlers run, and consumes no signal.
 *
 * Returns   0          a signal or broadcast notified this waiter
 *           ETIMEDOUT  abstime has passed on the clock
 *           EINVAL     abstime->tv_nsec is outside 0 to 999 999 999, or
 *                      the clock is neither CLOCK_REALTIME nor
 *                      CLOCK_MONOTONIC; mutex was not touched
 *           EPERM      mutex is error-checking or robust and not the
 *                      caller's; nobody is left waiting
 *           other      what pthread_mutex_lock said (EOWNERDEAD,
 *                      ENOTRECOVERABLE)
 */
PPT_API int ppt_pthread_cond_wait(ppt_pthread_cond_t *cond,
                                  pthread_mutex_t *mutex);
PPT_API int ppt_pthread_cond_timedwait(ppt_pthread_cond_t *cond,
                                       pthread_mutex_t *mutex,
                                       const struct timespec *abstime);
PPT_API int ppt_pthread_cond_clockwait(ppt_pthread_cond_t *cond,
                                       pthread_mutex_t *mutex,
                                       clockid_t clock,
                                       const struct timespec *abstime);

/* pthread_cond_signal, pthread_cond_broadcast.  Always 0. */
PPT_API int ppt_pthread_cond_signal(ppt_pthread_cond_t *cond);
PPT_API int ppt_pthread_cond_broadcast(ppt_pthread_cond_t *cond);

#ifdef __cplusplus
}
#endif

#ifdef PPT_REPLACE_PTHREAD_COND
#ifdef __cplusplus
#error "PPT_REPLACE_PTHREAD_COND is for C only"
#endif
#undef PTHREAD_COND_INITIALIZER
#define PTHREAD_COND_INITIALIZER PPT_PTHREAD_COND_INITIALIZER
#define pthread_cond_t ppt_pthread_cond_t
#define pthread_cond_init ppt_pthread_cond_init
#define pthread_cond_destroy ppt_pthread_cond_destroy
#define pthread_cond_wait ppt_pthread_cond_wait
#define pthread_cond_timedwait ppt_pthread_cond_timedwait
#define pthread_cond_clockwait ppt_pthread_cond_clockwait
#define pthread_cond_signal ppt_pthread_cond_signal
#define pthread_cond_broadcast ppt_pthread_cond_broadcast
#endif

#endif
