/*
 * fork.c - which process this is: how many forks lie between it and the one
 * that loaded the library.  waitq.c says what for (I6).
 *
 * State
 *   generation   the handler, in the child, while it has one thread
 *
 * SPDX-License-Identifier: MIT
 */
#include "fork.h"

#include <pthread.h>

uint32_t ppt__generation;

static void one_more(void)
{
    ppt__generation += 4;
}

/*
 * Early: handlers that are registered later run later in the child, and find
 * the library ready.  One that a library has registered before this one was
 * loaded still sees the parent's waiters.
 */
__attribute__((constructor(101))) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, one_more);
}
