/*
 * pthread.h - the system's <pthread.h>, with the conditions of this library.
 *
 * The folder of this file, in front of the system's on the compiler's
 * command line (-I, or -isystem; pkg-config --cflags pyplusthread-pthread),
 * is the drop-in for C programs that stay as they are.  Types, macros and
 * declarations are the system's.  Calls of the functions are renamed in the
 * object file to those of pyplusthread/pthread.h.  C++ keeps the system's
 * functions, because its library has compiled them into
 * std::condition_variable.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#pragma GCC system_header
#include_next <pthread.h>

#if !defined(PYPLUSTHREAD_DROPIN_PTHREAD_H) && !defined(__cplusplus) \
    && !defined(__ASSEMBLER__)
#define PYPLUSTHREAD_DROPIN_PTHREAD_H

#ifndef __PRAGMA_REDEFINE_EXTNAME
#error "pyplusthread: this compiler cannot rename functions"
#endif

/* glibc and musl have renamed the timed waits themselves, and that stays. */
#if (defined(__USE_TIME_BITS64) && __TIMESIZE == 32) || defined(_REDIR_TIME64)
#error "pyplusthread: no drop-in for a 64-bit time_t on a 32-bit system"
#endif

#pragma redefine_extname pthread_cond_init ppt_pthread_cond_init
#pragma redefine_extname pthread_cond_destroy ppt_pthread_cond_destroy
#pragma redefine_extname pthread_cond_wait ppt_pthread_cond_wait
#pragma redefine_extname pthread_cond_timedwait ppt_pthread_cond_timedwait
#pragma redefine_extname pthread_cond_clockwait ppt_pthread_cond_clockwait
#pragma redefine_extname pthread_cond_signal ppt_pthread_cond_signal
#pragma redefine_extname pthread_cond_broadcast ppt_pthread_cond_broadcast

#endif
