/* SPDX-License-Identifier: MIT */
/* opened.h - the library's functions, as dlopen and dlsym find them. */
#ifndef OPENED_H
#define OPENED_H

#define PUBLIC_CALLS(DO)                                                    \
    DO(ppt_barrier_abort) DO(ppt_barrier_after_fork)                        \
    DO(ppt_barrier_broken) DO(ppt_barrier_destroy) DO(ppt_barrier_init)     \
    DO(ppt_barrier_n_waiting) DO(ppt_barrier_parties)                       \
    DO(ppt_barrier_reset) DO(ppt_barrier_wait)                              \
    DO(ppt_barrier_wait_interruptible) DO(ppt_barrier_wait_with)            \
    DO(ppt_cond_after_fork)                                                 \
    DO(ppt_cond_broadcast) DO(ppt_cond_broadcast_unlock)                    \
    DO(ppt_cond_cancel) DO(ppt_cond_destroy) DO(ppt_cond_enqueue)           \
    DO(ppt_cond_enqueue_uninterruptible)                                    \
    DO(ppt_cond_sleep_uninterruptible) DO(ppt_cond_wakes_remotely)          \
    DO(ppt_cond_init) DO(ppt_cond_signal) DO(ppt_cond_signal_n)             \
    DO(ppt_cond_signal_unlock) DO(ppt_cond_sleep) DO(ppt_cond_wait)         \
    DO(ppt_cond_wait_interruptible) DO(ppt_cond_wait_mutex)                 \
    DO(ppt_cond_wait_mutex_interruptible) DO(ppt_cond_wait_unlock)          \
    DO(ppt_cond_waiting) DO(ppt_deadline) DO(ppt_gil_acquire)               \
    DO(ppt_gil_after_fork) DO(ppt_gil_destroy) DO(ppt_gil_get_stats)        \
    DO(ppt_gil_init) DO(ppt_gil_locked) DO(ppt_gil_release)                 \
    DO(ppt_gil_waiting) DO(ppt_gil_yield) DO(ppt_gilsched_after_fork)       \
    DO(ppt_gilsched_asked) DO(ppt_gilsched_back) DO(ppt_gilsched_detained)  \
    DO(ppt_gilsched_give_up) DO(ppt_gilsched_let_go)                        \
    DO(ppt_gilsched_may_overtake) DO(ppt_gilsched_sleep)                    \
    DO(ppt_gilsched_took) DO(ppt_gilsched_waiting) DO(ppt_gilsched_wake)    \
    DO(ppt_gilsched_want) DO(ppt_gilsched_yield)                            \
    DO(ppt_lock_acquire)                                                    \
    DO(ppt_lock_acquire_interruptible) DO(ppt_lock_after_fork)              \
    DO(ppt_lock_acquire_transient)                                          \
    DO(ppt_lock_acquire_transient_interruptible) DO(ppt_lock_settle)        \
    DO(ppt_lock_destroy) DO(ppt_lock_init) DO(ppt_lock_keep_after_fork)     \
    DO(ppt_lock_locked) DO(ppt_lock_make_transient) DO(ppt_lock_release)    \
    DO(ppt_lock_waiting) DO(ppt_now) DO(ppt_once_after_fork)                \
    DO(ppt_once_destroy) DO(ppt_once_done) DO(ppt_once_init)                \
    DO(ppt_once_run) DO(ppt_port)                                           \
    DO(ppt_pthread_cond_broadcast) DO(ppt_pthread_cond_clockwait)           \
    DO(ppt_pthread_cond_destroy) DO(ppt_pthread_cond_init)                  \
    DO(ppt_pthread_cond_signal) DO(ppt_pthread_cond_timedwait)              \
    DO(ppt_pthread_cond_wait) DO(ppt_semaphore_acquire)                     \
    DO(ppt_semaphore_acquire_interruptible) DO(ppt_semaphore_after_fork)    \
    DO(ppt_semaphore_destroy) DO(ppt_semaphore_init)                        \
    DO(ppt_semaphore_release) DO(ppt_semaphore_value)                       \
    DO(ppt_semaphore_waiting) DO(ppt_version) DO(ppt_woken_remotely)

#define OPENED_POINTER(name) __typeof__(name) *name;

extern struct opened {
    PUBLIC_CALLS(OPENED_POINTER)
} opened;

#endif
