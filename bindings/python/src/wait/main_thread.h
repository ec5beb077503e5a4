/*
 * main_thread.h - which thread runs the handlers of signals.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_MAIN_THREAD_H
#define PPY_MAIN_THREAD_H

#include "../base/compat.h"

/* Whether this thread, which is attached, runs the handlers of signals. */
#if PY_VERSION_HEX < 0x030d0000
#define ppy_is_main_thread() _PyOS_IsMainThread()
#else
bool ppy_is_main_thread(void);
#endif

/* In the child of a fork, whose one thread calls this. */
void ppy_main_thread_is_this(void);

int ppy_main_thread_setup(PyObject *threading);

#endif
